"""What measures a GPU runs without one: the benchmarks on the stand-in, and the tables of their results."""

from __future__ import annotations

import subprocess
import sys

import pytest
from gpu.on_cpu import OnCpu
from repository import REPOSITORY
from systems import crystal

from hpcpot.gpu import device as devices

BENCHMARKS = REPOSITORY / "benchmarks"


@pytest.fixture
def stand_in(monkeypatch) -> OnCpu:
    device = OnCpu()
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setattr(devices, "count", lambda: (1, ""))
    monkeypatch.setattr(devices, "Gpu", lambda number: device)
    for name in ("dynamics", "timing", "md_chebyshev", "gpu_kernels", "gpu_report"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return device


def test_speed_kernels_and_their_tables(stand_in, monkeypatch, tmp_path, capsys):
    import gpu_kernels
    import gpu_report
    import md_chebyshev

    monkeypatch.setattr(
        sys, "argv", ["md", "--device", "gpu", "--repeat", "1", "1", "1", "--steps", "1", "--repeats", "1"]
    )
    md_chebyshev.main()
    monkeypatch.setattr(gpu_kernels, "REPEATS", 2)
    monkeypatch.setattr(gpu_kernels, "ceilings", lambda *_: (100.0, 1000.0))
    monkeypatch.setattr(gpu_kernels, "microseconds", lambda device, call: call() or 10.0)
    monkeypatch.setattr(gpu_kernels.files, "read", lambda name: crystal(1))
    monkeypatch.setattr(sys, "argv", ["kernels", "--chebyshev"])
    gpu_kernels.main()
    (tmp_path / "speed.log").write_text(capsys.readouterr().out)
    monkeypatch.setattr(sys, "argv", ["report", str(tmp_path)])
    gpu_report.main()
    said = capsys.readouterr().out
    assert "| md_chebyshev | 34 | float64 | 1 |" in said
    assert "| Chebyshev | 8 | float64 | chebyshev.pair_forces | 2 | 10.0 |" in said
    assert "| Chebyshev | 8 | float64 | whole, as a graph | 1 | 10.0 | 100% |" in said


def test_targets_are_judged(stand_in):
    import gpu_report

    row = {
        "benchmark": "md_deep_potential",
        "atoms": 4608,
        "precision": "float64",
        "ranks": 1,
        "least": 0.1,
        "most": 0.4,
    }
    assert "| 0.2000 (0.1000 to 0.4000) | 0.922 | 0.217, met |" in gpu_report.speeds([row | {"value": 0.2}])
    assert "0.217, 2.00 times as much" in gpu_report.speeds([row | {"value": 2000 / 4608}])


def test_parts_of_the_script():
    script = BENCHMARKS / "on_gpu.sh"
    subprocess.run(["bash", "-n", script], check=True)
    done = subprocess.run(["bash", script, "nothing"], capture_output=True, text=True)
    assert done.returncode == 2 and "nothing: no such part" in done.stderr
