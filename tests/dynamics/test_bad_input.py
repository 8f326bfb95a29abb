"""Each bad input ends all ranks with one message, a non-zero exit code, and nothing on disk that looks whole."""

import os

import ase
import ase.io
import numpy as np
import pytest
from ase import units
from ase.build import bulk
from runs import prepare, run


def write(folder, atoms):
    ase.io.write(folder / "argon.extxyz", atoms)


def crystal():
    return bulk("Ar", "fcc", 5.4, cubic=True) * 3


def unknown_species(folder, changes):
    atoms = crystal()
    atoms.symbols[5] = "Na"
    write(folder, atoms)
    return "StructureError", "Na"


def overlap(folder, changes):
    atoms = crystal()
    atoms.positions[7] = atoms.positions[6] + [0.2, 0.1, 0.0]
    write(folder, atoms)
    return "StructureError", "0.5 Å"


def nan_position(folder, changes):
    atoms = crystal()
    atoms.positions[7, 1] = np.nan
    write(folder, atoms)
    return "StructureError", "nan"


def flat_cell(folder, changes):
    atoms = crystal()
    cell = atoms.cell.array
    cell[2] = cell[1]
    atoms.set_cell(cell)
    write(folder, atoms)
    return "StructureError", "volume"


def truncated_structure(folder, changes):
    text = (folder / "argon.extxyz").read_text()
    (folder / "argon.extxyz").write_text(text[: len(text) // 2])
    return "StructureError", "argon.extxyz"


def truncated_model(folder, changes):
    data = (folder / "argon.h5").read_bytes()
    (folder / "argon.h5").write_bytes(data[: len(data) // 2])
    return "ModelError", "argon.h5"


def foreign_model(folder, changes):
    (folder / "argon.h5").write_bytes(os.urandom(4096))
    return "ModelError", "argon.h5"


def unknown_key(folder, changes):
    changes["md.timestep"] = 1.0
    return "ConfigError", "did you mean md.timestep_fs"


def no_mixed_precision(folder, changes):
    changes["potential.precision"] = "mixed"
    return "ConfigError", "potential.precision = mixed: the cpu kernels of this"


def wrong_grid(folder, changes):
    changes["parallel.grid"] = "[7,1,1]"
    return "DomainError", "must multiply to the"


def missing_folder(folder, changes):
    changes["output.trajectory"] = folder / "nowhere" / "run.h5md"
    return "OutputError", "nowhere"


def existing_output(folder, changes):
    (folder / "run.h5md").write_text("precious")
    return "OutputError", "use --restart or --overwrite"


def leap(folder, changes):
    changes["md.timestep_fs"] = 50000.0
    changes["md.thermostat_time_fs"] = 500000.0
    changes["md.integrator"] = "nve"
    changes["md.temperature_K"] = "null"
    return "SimulationError", "must stay below the cutoff of 7 Å"


def explosion(folder, changes):
    changes["md.maximum_temperature_K"] = 81.0
    changes["md.temperature_K"] = 80.5
    atoms = crystal()
    atoms.rattle(0.4, seed=2)
    write(folder, atoms)
    return "SimulationError", "must stay below md.maximum_temperature_K = 81"


def contact(folder, changes):
    """One atom is thrown at another, which it meets after a step."""
    atoms = crystal()
    momenta = np.zeros((len(atoms), 3))
    momenta[0] = atoms.get_masses()[0] * 0.95 * atoms.get_distance(0, 1, mic=True, vector=True) / (2.0 * units.fs)
    atoms.set_momenta(momenta)
    write(folder, atoms)
    changes.update({"md.integrator": "nve", "md.temperature_K": "null", "md.initial_temperature_K": "null"})
    changes["md.maximum_temperature_K"] = 1e9
    return "SimulationError", "distance Ar-Ar = 0.191 Å: atoms must stay 0.5 Å apart"


def crushed(folder, changes):
    """Pressed until atoms meet: the message names the strain."""
    changes.update(
        {
            "md.deform": "cell",
            "md.deform_axis": "y",
            "md.strain_rate_per_ps": -24.0,
            "md.integrator": "nve",
            "md.temperature_K": "null",
            "md.initial_temperature_K": "null",
        }
    )
    changes["md.steps"] = 20
    changes["md.maximum_temperature_K"] = 1e30
    return "SimulationError", ("must stay", "Strain along y = -0.")


def open_boundary_barostat(folder, changes):
    atoms = crystal()
    atoms.pbc = (True, False, True)
    write(folder, atoms)
    changes.update({"md.integrator": "npt_nose_hoover", "md.barostat_axes": "[x, y]"})
    return "StructureError", "md.barostat_axes = y: the structure must be periodic along that axis"


def empty_grip(folder, changes):
    changes.update({"md.deform": "grips", "md.deform_axis": "z", "md.strain_rate_per_ps": 0.1})
    changes["grips.fixed_region_A"] = "[null, null, [null, 2]]"
    changes["grips.moving_region_A"] = "[null, null, [100, null]]"
    return "StructureError", "grips.moving = no atom in its region along z: a grip must hold atoms"


CASES = [
    crushed,
    open_boundary_barostat,
    empty_grip,
    contact,
    unknown_species,
    overlap,
    nan_position,
    flat_cell,
    truncated_structure,
    truncated_model,
    foreign_model,
    unknown_key,
    no_mixed_precision,
    wrong_grid,
    missing_folder,
    existing_output,
    leap,
    explosion,
]


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.mpi)])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_bad_input_ends_all_ranks(case, ranks, tmp_path):
    config = prepare(tmp_path)
    changes = {}
    kind, words = case(tmp_path, changes)
    options = [text for key, value in changes.items() for text in ("--set", f"{key}={value}")]
    done = run(config, *options, ranks=ranks, code=1, timeout=60)
    messages = [line for line in done.stderr.splitlines() if line.startswith(kind)]
    assert len(messages) == 1, done.stderr
    for text in [words] if isinstance(words, str) else words:
        assert text in done.stderr
    assert "Traceback" not in done.stderr
    written = tmp_path / "run.h5md"
    if case is existing_output:
        assert written.read_text() == "precious"
    elif case not in (leap, explosion, contact, crushed):
        assert not written.exists()


@pytest.mark.mpi
def test_a_rank_that_fails_ends_the_others(tmp_path):
    """An unforeseen exception on one rank: its traceback, named by rank, and no hang."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        "if os.environ.get('OMPI_COMM_WORLD_RANK') == '1':\n"
        "    import hpcpot.dynamics.engine as engine\n"
        "    whole = engine.Engine.evaluate\n"
        "    def evaluate(self, state):\n"
        "        if state.step == 15:\n"
        "            raise ZeroDivisionError('as a test')\n"
        "        whole(self, state)\n"
        "    engine.Engine.evaluate = evaluate\n"
    )
    config = prepare(tmp_path)
    os.environ["PYTHONPATH"] = str(tmp_path)
    try:
        done = run(config, ranks=2, code=1, timeout=60)
    finally:
        del os.environ["PYTHONPATH"]
    assert "[rank 1/2] ZeroDivisionError: as a test" in done.stderr


def test_unwritable_checkpoint_is_told_before_the_run(tmp_path):
    config = prepare(tmp_path, output__checkpoint=str(tmp_path / "nowhere" / "c.h5"))
    done = run(config, code=1)
    assert "OutputError" in done.stderr and "nowhere" in done.stderr
    assert not (tmp_path / "run.h5md").exists()
