"""Vector code for other processors than this one: without AVX-512, and without AVX."""

import json
import os
import platform
import subprocess
import sys
from functools import partial

import llvmlite.binding as llvm
import numpy as np
import pytest
import systems

from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import evaluate

FAMILIES = {"moment_tensor": partial(systems.moment_tensor, level=6), "chebyshev": systems.chebyshev}
TOLERANCE = {"float64": 1e-11, "mixed": 2e-5}
"""Of forces, relative to the largest."""

SCRIPT = """
import json
import systems, test_instructions
from hpcpot.potential.vectors import emit
print(json.dumps([emit.lanes_of("float64"), emit.lanes_of("float32"), test_instructions.forces()]))
"""


def forces():
    """Forces of a small crystal, by family and precision."""
    atoms = systems.mixed(systems.crystal(2), seed=1)
    return {
        f"{name} {precision}": evaluate(atoms, BlockPotential(make(), precision=precision)).forces.tolist()
        for name, make in FAMILIES.items()
        for precision in TOLERANCE
    }


@pytest.fixture(scope="module")
def expected():
    atoms = systems.mixed(systems.crystal(2), seed=1)
    return {name: evaluate(atoms, BlockPotential(make(), "reference")).forces for name, make in FAMILIES.items()}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names of an x86 processor's features")
@pytest.mark.parametrize("missing", ["avx512", pytest.param("avx", marks=pytest.mark.slow)])
def test_forces_are_the_same_without_some_instructions(expected, missing, tmp_path):
    features = [name for name, has in llvm.get_host_cpu_features().items() if has and not name.startswith(missing)]
    if missing == "avx":
        features = [name for name in features if name not in ("fma", "f16c", "vaes", "vpclmulqdq", "gfni")]
    environment = os.environ | {
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": ",".join(f"+{name}" for name in features),
        "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", str(tmp_path)),
        "PYTHONPATH": os.pathsep.join([*sys.path, os.path.dirname(__file__)]),
    }
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    *widths, results = json.loads(done.stdout)
    assert widths == [4, 8]
    for name, found in results.items():
        family, precision = name.split()
        error = np.abs(np.array(found) - expected[family]).max()
        assert error < TOLERANCE[precision] * np.abs(expected[family]).max()
