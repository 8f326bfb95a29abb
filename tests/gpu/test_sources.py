"""Every CUDA source compiles for the cards that it is for."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

from hpcpot.gpu.sources import PACKAGE, Source, warps_for

SPECIES = {"N_SPECIES": 2}
SOURCES = [
    Source("gpu/neighbors.cu"),
    Source("gpu/motion.cu"),
    *(
        Source(f"potential/moments/gpu/{name}.cu", macros, dtype)
        for dtype in (np.float64, np.float32)
        for name, macros in {
            "environment": {**SPECIES, "CLOSEST": 0.5, "SLOTS": "100,100"},
            "network": {},
            "deep_potential": {**SPECIES, "WIDTHS": "28,36", "AXIS": 16, "N_INVARIANTS": 900},
            "chebyshev": {**SPECIES, "RADIAL_ORDER": 16, "ANGULAR_ORDER": 4},
        }.items()
    ),
    Source("potential/moments/gpu/deep_potential.cu",
           {"N_SPECIES": 6, "WIDTHS": "40,40,40,40,40,40", "AXIS": 16, "N_INVARIANTS": 2000}, np.float64, warps_for(13000)),
    Source("potential/moments/gpu/chebyshev.cu", {**SPECIES, "RADIAL_ORDER": 16, "ANGULAR_ORDER": 10}, np.float64,
           warps_for(14000)),
    Source("potential/moments/gpu/moments.cu", {**SPECIES, "CHANNELS": 8, "RANK": 4, "BY_NEIGHBOR": 1, "WEIGHTED": 0}),
]


def test_every_source_is_here():
    assert {source.file for source in SOURCES} == set(PACKAGE.rglob("*.cu"))


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
        spills = [int(words.split()[0]) for row in done.stderr.splitlines() for words in row.split(",") if "spill" in words]
        assert max(spills) <= 128, f"{source.path}: {done.stderr}"
