"""Every CUDA source compiles for the cards that it is for: by nvcc, and by NVRTC, which is what CuPy takes.

NVRTC comes with the extra `test`, and needs no GPU; nvcc is tried where it is installed.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hpcpot.dynamics.steppers.graph import MOTION
from hpcpot.gpu.neighbors import SEARCH
from hpcpot.gpu.places import MotionScalar
from hpcpot.gpu.sources import PACKAGE, Source, enumeration, warps_for
from hpcpot.potential.chebyshev.gpu import PITCH
from hpcpot.potential.deep_potential.cpu import WeightNumber
from hpcpot.potential.moments.gpu.network import Activation

SPECIES = {"N_SPECIES": 2}
ENUMS = {"moments/gpu/network": (Activation,), "deep_potential/gpu": (WeightNumber,)}
SOURCES = [
    SEARCH,
    MOTION,
    *(
        Source(f"potential/{name}.cu", macros, dtype, enums=ENUMS.get(name, ()))
        for dtype in (np.float64, np.float32)
        for name, macros in {
            "moments/gpu/environment": {**SPECIES, "CLOSEST": 0.5, "SLOTS": "100,100"},
            "moments/gpu/network": {},
            "deep_potential/gpu": {**SPECIES, "WIDTHS": "28,36", "AXIS": 16, "N_INVARIANTS": 900},
            "chebyshev/gpu": {**SPECIES, "RADIAL_ORDER": 16, "ANGULAR_ORDER": 4, "PITCH": PITCH},
        }.items()
    ),
    Source(
        "potential/deep_potential/gpu.cu",
        {"N_SPECIES": 6, "WIDTHS": "40,40,40,40,40,40", "AXIS": 16, "N_INVARIANTS": 2000},
        np.float64,
        warps_for(13000),
        ENUMS["deep_potential/gpu"],
    ),
    Source(
        "potential/chebyshev/gpu.cu",
        {**SPECIES, "RADIAL_ORDER": 16, "ANGULAR_ORDER": 10, "PITCH": PITCH},
        np.float64,
        warps_for(14000),
    ),
    Source("potential/moment_tensor/gpu.cu"),
    Source("potential/moments/gpu/moments.cu", {**SPECIES, "CHANNELS": 8, "RANK": 4, "BY_NEIGHBOR": 1, "WEIGHTED": 0}),
]


def test_every_source_is_here():
    assert {source.file for source in SOURCES} == set(PACKAGE.rglob("*.cu"))


def test_names_of_places_come_from_python():
    assert enumeration(Activation) == (
        "enum { LINEAR = 0, TANH = 1, LOGISTIC = 2, SCALED_TANH = 3, SCALED_TANH_TWIST = 4 };\n"
    )
    assert enumeration(MotionScalar) in MOTION.text() and "TRUNCATED = 1, LONGEST = 2" in MOTION.text()
    for source in SOURCES:
        assert "enum" not in source.file.read_text(), f"{source.path} has names of its own"


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_nvcc_compiles_all_without_spills(architecture, tmp_path):
    if shutil.which("nvcc") is None:
        pytest.skip("nvcc is not installed")
    for source in SOURCES:
        text = tmp_path / "source.cu"
        text.write_text(source.text())
        options = [option.replace(",", "\\,") for option in source.options()]  # nvcc takes a comma for its own
        line = ["nvcc", *options, "-O3", f"-arch={architecture}", "-Xptxas", "-v", "-cubin", "-o", tmp_path / "k", text]
        done = subprocess.run(line, capture_output=True, text=True)
        assert done.returncode == 0, f"{source.path}: {done.stderr}"
        spills = [
            int(words.split()[0]) for row in done.stderr.splitlines() for words in row.split(",") if "spill" in words
        ]
        assert max(spills) <= 128, f"{source.path}: {done.stderr}"


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_nvrtc_compiles_all(architecture):
    found = [library for folder in sys.path for library in Path(folder).glob("nvidia/*/lib/libnvrtc.so.*")]
    if not found:
        pytest.skip("NVRTC is not installed")
    nvrtc = ctypes.CDLL(str(found[0]))
    for source in SOURCES:
        program, size = ctypes.c_void_p(), ctypes.c_size_t()
        assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.text().encode(), None, 0, None, None) == 0
        options = [option.encode() for option in (*source.options(), f"-arch={architecture}")]
        status = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetProgramLog(program, log)
        assert status == 0, f"{source.path}: {log.value.decode()}"
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
