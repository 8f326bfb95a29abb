"""Whether a structure is at rest: told where it gives off energy or swings, and only there."""

from __future__ import annotations

import re
from pathlib import Path

import ase
import ase.units
import numpy as np
import pytest
import runs
import systems
from ase.build import bulk

import hpcpot
from hpcpot.dynamics.rest import expansion
from hpcpot.dynamics.start import extent, make_state
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential import files
from hpcpot.potential.blocks import BlockPotential
from hpcpot.units import AMU, BOLTZMANN

NVT = {
    "integrator": "nvt_nose_hoover",
    "temperature_K": 20.0,
    "initial_temperature_K": 40.0,
    "thermostat_time_fs": 200.0,
    "timestep_fs": 5.0,
    "steps": 400,
}
REST = NVT | {"integrator": "nvt_langevin", "thermostat_time_fs": 1000.0, "steps": 800}


def slab(stretched: float, vacuum: float = 25.0) -> ase.Atoms:
    """216 atoms of argon, 29 Å along c and a vacuum besides the layers' distance, across the boundary of the cell."""
    atoms = bulk("Ar", "fcc", 5.3, cubic=True) * (3, 3, 6)
    atoms.positions[:, 2] *= 1.0 + stretched
    atoms.cell[2, 2] += vacuum
    atoms.positions[:, 2] += 40.0
    atoms.wrap()
    return atoms


def notes(folder: Path, atoms: ase.Atoms, **keys: object) -> list[str]:
    """The notes of a run, without their beginning."""
    lines: list[str] = []
    model = folder / "argon.h5"
    files.save(systems.argon(), model, {}, overwrite=True)
    keys = keys if "stages" in keys else NVT | keys
    hpcpot.md(
        atoms,
        potential={"file": model, "outside": "ignore"},
        report=lines.append,
        output={"thermo_every": 20},
        device="cpu",
        **keys,
    )
    told = [
        re.fullmatch(r"note: the structure was not at rest with this potential: (.*); bring it .*", x) for x in lines
    ]
    return [line[1] for line in told if line]


def test_a_stretched_slab_is_told_once_with_its_speed(tmp_path):
    (text,) = notes(tmp_path, slab(0.06))
    pattern = (
        r"it is 31 Å long along c and contracts by (.*) Å/ps, of which thermal motion explains (.*), (.*) ps after .*"
    )
    speed, thermal, passed = map(float, re.fullmatch(pattern, text).groups())
    assert thermal == pytest.approx(0.73, abs=0.03) and thermal < speed < 3.0 and passed < 2.0


def test_a_structure_that_gives_off_energy_is_told(tmp_path):
    atoms = bulk("Ar", "fcc", 5.3, cubic=True) * 4
    atoms.rattle(0.25, seed=1)
    (text,) = notes(tmp_path, atoms, steps=200)
    fell, thermal = map(float, re.search(r"energy fell by ([\d.]+) meV/atom, .* explains ([\d.]+),", text).groups())
    kT = 1000 * BOLTZMANN * 20
    assert fell > 10.0 and thermal == pytest.approx(5 * np.sqrt(3 / 256) * kT, rel=0.01)


def test_nothing_is_told_of_structures_at_rest(tmp_path):
    """A perfect lattice takes up energy; a slab nearly at rest does not swing, nor one after a stage of friction."""
    assert not notes(tmp_path, bulk("Ar", "fcc", 5.3, cubic=True) * 4)
    assert not notes(tmp_path, slab(0.01))
    stages = {"rest": REST, "run": NVT | {"initial_temperature_K": None}}
    assert not notes(tmp_path, slab(0.04), stages=stages)


@pytest.mark.parametrize(
    "keys",
    [
        {"temperature_end_K": 40.0},
        {"integrator": "npt_nose_hoover", "barostat_axes": ["x"]},
        {"deform": "cell", "deform_axis": "x", "strain_rate_per_ps": 0.001},
    ],
    ids=lambda keys: next(iter(keys)),
)
def test_stages_that_change_temperature_or_cell_are_not_judged(keys, tmp_path):
    assert not notes(tmp_path, slab(0.04), **keys)


def test_nothing_is_told_later_than_the_window(tmp_path):
    """The first line after the beginning is 6 ps later."""
    keys = NVT | {"steps": 1200}
    folder = {"file": tmp_path / "argon.h5", "outside": "ignore"}
    files.save(systems.argon(), folder["file"], {})
    lines: list[str] = []
    hpcpot.md(slab(0.04), potential=folder, report=lines.append, output={"thermo_every": 1200}, device="cpu", **keys)
    assert not any("at rest" in line for line in lines)


def test_expansion_is_exact_and_its_deviation_that_of_velocities():
    """Rates along the normals of a leaning cell, whatever drifts and is frozen; deviations are those of many draws."""
    atoms = slab(0.0)
    atoms.cell[2] += [3.0, 2.0, 0.0]
    rng = np.random.default_rng(1)
    z = (atoms.positions[:, 2] - 40.0) % atoms.cell[2, 2]
    frozen = z < 4.0
    centre = z[~frozen].mean()
    drift = rng.normal(size=3)
    atoms.set_velocities((drift + 1e-5 * np.outer(z - centre, [0, 0, 1])) / ase.units.fs)
    engine, state = started(atoms, frozen)
    rates, deviations, lengths = expansion(state, engine, 20 * BOLTZMANN)
    assert np.isnan(rates[:2]).all() and np.isnan(deviations[:2]).all()
    assert rates[2] == pytest.approx(1e-5, rel=1e-9) and lengths[2] == pytest.approx(np.ptp(z))
    drawn = []
    for _ in range(2000):
        state.velocities = rng.normal(size=(len(atoms), 3)) * np.sqrt(20 * BOLTZMANN / (AMU * state.masses[0]))
        state.velocities[state.frozen] = 0.0
        drawn.append(expansion(state, engine, 20 * BOLTZMANN)[0][2])
    assert np.std(drawn) == pytest.approx(deviations[2], rel=0.06)


@pytest.mark.parametrize(("vacuum", "is_closed"), [(5.0, False), (3.0, True)])
def test_axes_that_are_not_periodic_are_open_and_gaps_within_reach_are_not(vacuum, is_closed):
    """Layers are 2.65 Å apart, the potential reaches 7 Å."""
    atoms = slab(0.0, vacuum)
    atoms.pbc = (True, False, True)
    engine, state = started(atoms, np.zeros(len(atoms), bool))
    assert np.isnan(expansion(state, engine, 1.0)[0]).tolist() == [True, False, is_closed]


def started(atoms: ase.Atoms, frozen: np.ndarray):
    potential = BlockPotential(systems.argon())
    state = make_state(atoms, ("Ar",), SERIAL)
    state.frozen = frozen
    state.velocities[frozen] = 0.0
    domain = Domain(state.cell, state.periodic, SERIAL, 8.0, extent=extent(state, SERIAL))
    engine = systems.Engine(potential, domain, SERIAL, 1.0)
    engine.start(state)
    return engine, state


@pytest.mark.mpi
def test_two_ranks_tell_the_same(tmp_path):
    keys = {f"md__{name}": value for name, value in NVT.items()} | {"potential__outside": "ignore"}
    told = []
    for ranks in (1, 2):
        folder = tmp_path / str(ranks)
        folder.mkdir()
        done = runs.run(runs.prepare(folder, slab(0.06), **keys), ranks=ranks)
        told.append([line for line in done.stdout.splitlines() if "at rest" in line])
    assert told[0] == told[1] and len(told[0]) == 1
