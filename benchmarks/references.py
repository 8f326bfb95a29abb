"""How far constants between energies, as two settings of DFT leave them, are found in a data set.

    python benchmarks/references.py

Inside of groups: part of the frames of each group of lisi_training get another constant; counted are the groups of which
`hpcpot dataset` doubts such frames, or the others, and nothing else. Limits were chosen with this set in view.

Between groups: twelve sets of 48 frames, crystals of Li, Si and LiSi at four temperatures, with the energies of one potential,
in two groups of which one gets another constant; counted are the sets in which this is doubted. No limit was chosen with these.
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
from hpcpot.dataset.files import load
from hpcpot.potential.calculator import Calculator
from hpcpot.provenance import cpu_model, git_commit
from hpcpot.structure import crystals

TEMPERATURES = (200.0, 400.0, 700.0, 1200.0)
CONSTANTS = (0.0, 0.05, 0.1, 0.3, 1.0)
CONSTANTS_INSIDE = (0.01, 0.02, 0.05, 0.1, 0.3, 1.1)
"""eV/atom, of two groups, and of frames inside of a group."""
FRAMES, STEPS, FIRST = 48, 20, 300
"""Frames of a set, steps of 1 fs between two, and before the first."""
Divide = Callable[[np.random.Generator], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="lisi_dp_0")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # of temperatures outside the model's range, whose energies do as well
    inside_of_groups(arguments.seed)
    sets = [
        sample(atoms, temperature, arguments.model, arguments.seed)
        for atoms in structures()
        for temperature in TEMPERATURES
    ]
    for name, divide in (
        ("two groups, a random half each", random_part(FRAMES // 2)),
        ("two groups, first and second half of the run", lambda _: np.arange(FRAMES) >= FRAMES // 2),
    ):
        counts = []
        for constant in CONSTANTS:
            rng = np.random.default_rng(arguments.seed)
            counts.append(sum(is_found(data, divide(rng), constant) for data in sets))
        show({"arrangement": name, "sets": len(sets), "constants_eV": CONSTANTS, "found": counts})


def show(facts: dict[str, object]) -> None:
    print(json.dumps(facts | {"commit": git_commit(), "cpu": cpu_model()}), flush=True)


def inside_of_groups(seed: int) -> None:
    """Constants of a part of the frames of each group of lisi_training."""
    data = load(["lisi_training"])
    fit = references.explained(data)  # only which frames are compared: forces and virials tell the rest
    show({"arrangement": "none", "doubted": len(references.mixtures(data, fit))})
    for name, share, is_random in (
        ("a random half of each group", 0.5, True),
        ("the first half of each group", 0.5, False),
        ("a random fifth of each group", 0.2, True),
    ):
        counts = []
        for constant in CONSTANTS_INSIDE:
            is_other = part_of_groups(data, share, is_random, np.random.default_rng(seed))
            shifted = replace(data, energies=data.energies + np.where(is_other, constant * data.sizes, 0.0))
            counts.append(len(told(shifted, fit, is_other)))
        groups = len(np.unique(data.groups))
        show({"arrangement": name, "groups": groups, "constants_eV": CONSTANTS_INSIDE, "found": counts})


def part_of_groups(data: DataSet, share: float, is_random: bool, rng: np.random.Generator) -> np.ndarray:
    """Some frames of each group, (n,) bool."""
    chosen = np.zeros(len(data), bool)
    for group in np.unique(data.groups):
        rows = np.flatnonzero(data.groups == group)
        chosen[(rng.permutation(rows) if is_random else rows)[: round(share * len(rows))]] = True
    return chosen


def told(data: DataSet, fit: references.Explained, is_other: np.ndarray) -> set[str]:
    """Groups with doubts of frames with the other constant alone, or of those without it alone."""
    right, wrong = set(), set()
    for heap in references.mixtures(data, fit):
        (right if len(set(is_other[heap.rows])) == 1 else wrong).add(heap.name)
    return right - wrong


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


def is_found(data: DataSet, is_other: np.ndarray, constant: float) -> bool:
    """Whether two groups are doubted, of which one has another constant, eV/atom."""
    energies = data.energies + np.where(is_other, constant * data.sizes, 0.0)
    shifted = replace(data, energies=energies, groups=np.where(is_other, "other", "one"))
    return any(shift.is_significant for shift in references.shifts(shifted))


if __name__ == "__main__":
    main()
