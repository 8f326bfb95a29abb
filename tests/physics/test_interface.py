"""The 4,608-atom Si/Li interface without a thermostat: how well energy is kept, with the error of the statement."""

import numpy as np
import pytest
from repository import CONFIGS
from runs import dataset, run

CONFIG = CONFIGS / "interface_si100.yaml"
BLOCKS = 10


def total_energy(folder, timestep, picoseconds):
    """Time (fs) and total energy per atom (eV) of a run on two ranks from the shipped structure, every 5 fs."""
    path = folder / f"nve_{timestep}.h5md"
    keys = {
        "structure.file": "interface_si100",
        "md.integrator": "nve",
        "md.temperature_K": "null",
        "md.initial_temperature_K": "null",
        "md.timestep_fs": timestep,
        "md.steps": round(picoseconds * 1000 / timestep),
        "output.trajectory": path,
        "output.position_every": 0,
        "output.energy_every": 0,
        "output.checkpoint_every": 0,
        "output.observables_every": round(5 / timestep),
    }
    run(CONFIG, *(text for key, value in keys.items() for text in ("--set", f"{key}={value}")), ranks=2, timeout=3000)
    return dataset(path, "observables/total_energy/time"), dataset(path, "observables/total_energy/value") / 4608


def drift(time, energy):
    """Slope of the block means against time and its standard error, eV/atom/ns."""
    n = len(time) // BLOCKS * BLOCKS
    t, e = time[:n].reshape(BLOCKS, -1).mean(axis=1), energy[:n].reshape(BLOCKS, -1).mean(axis=1)
    slope, offset = np.polyfit(t, e, 1)
    error = np.sqrt(((e - slope * t - offset) ** 2).sum() / (BLOCKS - 2) / ((t - t.mean()) ** 2).sum())
    return slope * 1e6, error * 1e6


@pytest.mark.mpi
@pytest.mark.slow
def test_nve_of_the_interface(tmp_path):
    """Fluctuations grow with the square of the step; the drift is within its error and the error below the bound."""
    fine, coarse = total_energy(tmp_path, 0.5, 1.0), total_energy(tmp_path, 1.0, 1.0)
    detrended = [e - np.polyval(np.polyfit(t, e, 1), t) for t, e in (fine, coarse)]
    ratio = detrended[1].std() / detrended[0].std()
    slope, error = drift(*fine)
    print(f"fluctuation {detrended[0].std():.2e} and {detrended[1].std():.2e} eV/atom, ratio {ratio:.2f}")
    print(f"drift at 0.5 fs {slope:.2e} +- {error:.2e} eV/atom/ns")
    assert ratio == pytest.approx(4.0, rel=0.2)
    assert abs(slope) < 3 * error
    assert abs(slope) < 1e-4
