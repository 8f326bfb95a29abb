"""How far constants between energies, as two settings of DFT leave them, are found in a data set.

    python benchmarks/references.py

Twelve sets of 48 frames: crystals of Li, Si and LiSi at four temperatures, with the energies of one potential. Some frames of
each get another constant; counted are the sets in which `hpcpot dataset` doubts just that. No limit of the doubts was
chosen with these sets.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from dataclasses import replace

import timing  # noqa: F401  first: it sets the threads
import numpy as np
from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

from hpcpot.dataset import references
from hpcpot.dataset.dataset import DataSet, from_frames
from hpcpot.potential.calculator import Calculator
from hpcpot.provenance import cpu_model, git_commit
from hpcpot.structure import crystals

TEMPERATURES = (200.0, 400.0, 700.0, 1200.0)
CONSTANTS = (0.0, 0.05, 0.1, 0.3, 1.0)
FRAMES, STEPS, FIRST = 48, 20, 300
"""Frames of a set, steps of 1 fs between two, and before the first."""
Divide = Callable[[np.random.Generator], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="lisi_dp_0")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # of temperatures outside the model's range, whose energies do as well
    sets = [
        sample(atoms, temperature, arguments.model, arguments.seed)
        for atoms in structures()
        for temperature in TEMPERATURES
    ]
    for name, divide, separate in (
        ("half of the frames", random_part(FRAMES // 2), False),
        ("a fifth of the frames", random_part(FRAMES // 5), False),
        ("two groups, a random half each", random_part(FRAMES // 2), True),
        ("two groups, first and second half of the run", lambda _: np.arange(FRAMES) >= FRAMES // 2, True),
    ):
        counts = []
        for constant in CONSTANTS:
            rng = np.random.default_rng(arguments.seed)
            counts.append(sum(is_found(data, divide(rng), constant, separate) for data in sets))
        facts = {"arrangement": name, "sets": len(sets), "constants_eV": CONSTANTS, "found": counts}
        print(json.dumps(facts | {"commit": git_commit(), "cpu": cpu_model()}), flush=True)


def structures() -> list[Atoms]:
    """Crystals of 54 to 64 atoms."""
    return [crystals.build("Li", (3, 3, 3)), crystals.build("Si", (2, 2, 2)), crystals.build("LiSi", (1, 1, 2))]


def sample(atoms: Atoms, temperature: float, model: str, seed: int) -> DataSet:
    """Frames of dynamics with the model's energies, one group."""
    atoms, rng = atoms.copy(), np.random.default_rng(seed)
    atoms.calc = Calculator(model)
    MaxwellBoltzmannDistribution(atoms, temperature_K=2 * temperature, rng=rng)
    dynamics = Langevin(atoms, units.fs, temperature_K=temperature, friction=0.02 / units.fs, rng=rng)
    dynamics.run(FIRST)
    frames = []
    for _ in range(FRAMES):
        dynamics.run(STEPS)
        frame = atoms.copy()
        frame.calc = SinglePointCalculator(frame, energy=atoms.get_potential_energy(), forces=atoms.get_forces())
        frames.append(frame)
    return from_frames(frames)


def random_part(size: int) -> Divide:
    """So many frames, at random."""

    def divide(rng: np.random.Generator) -> np.ndarray:
        is_other = np.zeros(FRAMES, bool)
        is_other[rng.choice(FRAMES, size, replace=False)] = True
        return is_other

    return divide


def is_found(data: DataSet, is_other: np.ndarray, constant: float, separate: bool) -> bool:
    """Whether the frames with another constant, eV/atom, are doubted; where it is 0, whether any are."""
    energies = data.energies + np.where(is_other, constant * data.sizes, 0.0)
    groups = np.where(is_other, "other", "one") if separate else data.groups
    shifted = replace(data, energies=energies, groups=groups)
    if separate:
        return any(shift.is_significant for shift in references.shifts(shifted))
    heaps = references.mixtures(shifted)
    if constant == 0.0:
        return bool(heaps)
    fewer = np.flatnonzero(is_other if is_other.sum() <= FRAMES / 2 else ~is_other)
    return any(set(heap.rows) in (set(fewer), set(range(FRAMES)) - set(fewer)) for heap in heaps)


if __name__ == "__main__":
    main()
