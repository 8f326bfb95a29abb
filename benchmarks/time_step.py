"""What a time step does to energy, temperature and diffusion: NVE of a glass at 500 K, as a table.

    python benchmarks/time_step.py [--picoseconds 60] [--blocks 10] [--repeat 2 1 4]     lisi_mtp, 272 atoms of Li13Si4

The crystal is melted at 1500 K and kept at 500 K; each time step then moves the same atoms with the same velocities. Drift
is the slope of a straight line through the total energy, fluctuation its spread around it, as in nve_drift.py. Temperature
and Li's diffusion are means over blocks of the run, with their standard errors, so that one sees whether they agree; the
diffusion of a block is a sixth of the mean square displacement of Li in it, over its time. Total energies are sums in
float64 in both precisions.
"""

from __future__ import annotations

import argparse

import timing  # first: it sets the threads
import dynamics
import numpy as np
from ase import Atoms
from ase.md.velocitydistribution import Stationary

from hpcpot.dynamics.anneal import anneal
from hpcpot.parallel.ranks import start
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.contract import Family
from hpcpot.potential.files import load
from hpcpot.structure import crystals
from hpcpot.units import FS_PER_NS, FS_PER_PS

TEMPERATURE, MELT, SETTLE, FRICTION = 500.0, 1500.0, 5.0 * FS_PER_PS, 100.0
"""K, K, fs of the melt and of the glass before the runs, and fs of 1 / friction meanwhile."""
CASES = ((0.5, "float64"), (1.0, "float64"), (1.0, "mixed"), (1.5, "float64"), (2.0, "float64"))
SAMPLE = 30.0
"""fs between samples of the energies: a whole number of each of the time steps."""
HEAD = (
    "| time step (fs) | precision | drift (meV/atom/ns) | fluctuation (meV/atom) | temperature (K) "
    "| diffusion of Li (Å²/ps) |\n|---|---|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--picoseconds", type=float, default=60.0, help="of each run")
    parser.add_argument("--blocks", type=int, default=10)
    parser.add_argument("--model", default="lisi_mtp")
    parser.add_argument("--repeat", type=int, nargs=3, default=(2, 1, 4), help="copies of the crystal's cell")
    parser.add_argument("--settle", type=float, default=SETTLE / FS_PER_PS, help="ps of the melt, and of the glass")
    given = parser.parse_args()
    family, ranks = load(given.model), start()
    glass = make_glass(family, tuple(given.repeat), given.settle * FS_PER_PS)
    print(
        f"{len(glass)} atoms of Li13Si4, {given.picoseconds:g} ps each in {given.blocks} blocks\n\n{HEAD}", flush=True
    )
    for timestep, precision in CASES:
        potential = BlockPotential(family, precision=precision)
        run = dynamics.Dynamics.start(glass.copy, potential, ranks, 1.0, timestep, TEMPERATURE, True)
        print(row(run, timestep, precision, given.picoseconds * FS_PER_PS, given.blocks), flush=True)
    print(f"\n{timing.line('time_step', 'cases', [float(len(CASES))], model=given.model, atoms=len(glass))}")


def make_glass(family: Family, repeat: tuple[int, int, int], time: float) -> Atoms:
    """Melt the crystal and keep it at 500 K, at the crystal's density and for `time` (fs) each; with velocities."""
    stage = {"steps": round(time), "timestep_fs": 1.0, "friction_time_fs": FRICTION}
    stages = [stage | {"temperature_K": kelvin} for kelvin in (MELT, TEMPERATURE)]
    atoms = anneal(crystals.build("Li13Si4", repeat), BlockPotential(family), start(), stages, 1)
    Stationary(atoms)
    return atoms


def row(run: dynamics.Dynamics, timestep: float, precision: str, time: float, blocks: int) -> str:
    """Run for `time` (fs) and say in a line of the table what came out."""
    each, samples = round(SAMPLE / timestep), max(int(time / SAMPLE) // blocks, 2)
    energies, temperatures, diffusion = [], [], []
    lithium = run.state.elements.index("Li")
    for _ in range(blocks):
        first = unwrapped(run)
        for _ in range(samples):
            run.steps(each)
            kinetic = run.engine.kinetic_energy(run.state)
            energies.append((float(run.state.energies.sum()) + kinetic) / run.state.n_atoms)
            temperatures.append(run.engine.temperature(kinetic, run.state))
        moved = (unwrapped(run) - first)[species_by_id(run) == lithium]
        diffusion.append((moved**2).sum(axis=1).mean() / (6.0 * samples * SAMPLE / FS_PER_PS))
    times = SAMPLE * np.arange(1, len(energies) + 1)
    slope, offset = np.polyfit(times, energies, 1)
    spread = np.std(np.array(energies) - slope * times - offset)
    hot = np.reshape(temperatures, (blocks, samples)).mean(axis=1)
    return (
        f"| {timestep:g} | {precision} | {1e3 * slope * FS_PER_NS:.2g} | {1e3 * spread:.2g} "
        f"| {with_error(hot, '.1f')} | {with_error(np.array(diffusion), '.3f')} |"
    )


def with_error(values: np.ndarray, form: str) -> str:
    """Mean of blocks and its standard error."""
    return f"{values.mean():{form}} ± {values.std(ddof=1) / np.sqrt(len(values)):{form}}"


def unwrapped(run: dynamics.Dynamics) -> np.ndarray:
    """Positions by id, (n, 3) Å, whatever boundaries were crossed."""
    state = run.state
    return (state.positions[: state.n_owned] + state.images @ state.cell)[np.argsort(state.ids)]


def species_by_id(run: dynamics.Dynamics) -> np.ndarray:
    return run.state.species[: run.state.n_owned][np.argsort(run.state.ids)]


if __name__ == "__main__":
    main()
