"""Relaxations with a shipped model: how many times faster than ASE's own minimisers with the same potential.

    python benchmarks/relax.py                       1,000 cells of 16 to 34 atoms, of which ASE relaxes 60; one core
    python benchmarks/relax.py --cells 100 --ase 10 --minimizer fire
    python benchmarks/relax.py --model lisi_mtp      with another model than the Deep Potential

Cells are crystals of Li, Si and Li-Si, strained by up to 3 % and rattled by 0.1 Å. Each ASE minimiser relaxes the same
sample of them one by one, with hpcpot's calculator and UnitCellFilter, to the same largest force. The number is
seconds of core time of the fastest ASE minimiser over those of hpcpot, which are its share of the sample in the run of
all cells, by steps times atoms. Minima are compared: energies to 1e-5 eV/atom, and by pymatgen's StructureMatcher where
it is installed.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from time import process_time

import timing  # first: it sets the threads
import numpy as np
from ase import Atoms
from ase.filters import UnitCellFilter
from ase.optimize import BFGS, FIRE, LBFGS

from hpcpot import Calculator
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.files import load
from hpcpot.relaxation.engine import CONVERGED, SATURATED, RelaxationOptions, Relaxed, relax
from hpcpot.structure import crystals

KINDS = {"Si": (1, 1, 2), "Li": (2, 2, 2), "Li-fcc": (1, 2, 2), "LiSi": (1, 1, 1), "Li13Si4": (1, 1, 1)}
"""Crystals by name and repeats; LiSi3 is no minimum of this model, and minimisers leave it in different directions."""
FORCE = 1e-3
STRESS = 3e-5
"""eV/Å and eV/Å³; ASE's filter takes a stress for converged below FORCE over the volume per atom, 5e-5 or more."""
SAME = 1e-5
"""eV/atom, between equal minima."""


def cells(count: int, seed: int) -> list[Atoms]:
    random, kinds = np.random.default_rng(seed), [crystals.build(name, repeat) for name, repeat in KINDS.items()]
    found = []
    for _ in range(count):
        atoms = kinds[random.integers(len(kinds))].copy()
        atoms.positions += random.normal(0.0, 0.1, atoms.positions.shape)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + random.uniform(-0.03, 0.03, (3, 3))), scale_atoms=True)
        found.append(atoms)
    return found


@dataclass
class Serial:
    """What an ASE minimiser made of a sample: seconds in all, relaxed cells, steps and whether it converged of each."""

    seconds: float
    relaxed: list[Atoms]
    steps: list[int]
    converged: list[bool]


def by_ase(minimizer: type, sample: list[Atoms], calculator: Calculator) -> Serial:
    found = Serial(0.0, [atoms.copy() for atoms in sample], [], [])
    began = process_time()
    for atoms in found.relaxed:
        atoms.calc = calculator
        run = minimizer(UnitCellFilter(atoms), logfile=None)
        found.converged.append(bool(run.run(fmax=FORCE, steps=3000)))
        found.steps.append(run.nsteps)
        atoms.info["energy"] = atoms.get_potential_energy() / len(atoms)
    found.seconds = process_time() - began
    return found


def matches(ours: Relaxed, theirs: Atoms) -> bool | None:
    """Whether StructureMatcher takes both for one structure; None without pymatgen."""
    try:
        from pymatgen.core.structure_matcher import StructureMatcher
        from pymatgen.io.ase import AseAtomsAdaptor
    except ImportError:
        return None
    mine = Atoms(theirs.numbers, ours.final.positions, cell=ours.final.cell, pbc=True)
    one, other = (
        AseAtomsAdaptor.get_structure(Atoms(a.numbers, a.positions, cell=a.cell, pbc=True)) for a in (mine, theirs)
    )
    return bool(StructureMatcher(scale=False).fit(one, other))


def compare(ours: list[Relaxed], theirs: Serial, seconds: float) -> dict[str, object]:
    """How ASE's minimiser did beside hpcpot, which took `seconds` for the same cells."""
    gaps = [abs(one.final.energy / len(a) - a.info["energy"]) for one, a in zip(ours, theirs.relaxed, strict=True)]
    same = [gap < SAME for gap in gaps]
    fits = [matches(one, a) for one, a, is_same in zip(ours, theirs.relaxed, same, strict=True) if is_same]
    return {
        "seconds_per_cell": round(theirs.seconds / len(ours), 4),
        "times": round(theirs.seconds / seconds, 2),
        "mean_steps": round(float(np.mean(theirs.steps)), 1),
        "converged": sum(theirs.converged),
        "same_energy": sum(same),
        "of": len(same),
        "same_structure": sum(map(bool, fits)) if None not in fits else None,
        "median_gap_eV_per_atom": float(f"{np.median(gaps):.1e}"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--ase", type=int, default=60, help="how many of them ASE relaxes")
    parser.add_argument("--minimizer", default="lbfgs", choices=("lbfgs", "fire"))
    parser.add_argument("--model", default="lisi", help="shipped model, or file")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    structures, potential, calculator = (
        cells(arguments.cells, 1),
        BlockPotential(load(arguments.model)),
        Calculator(arguments.model),
    )
    options = RelaxationOptions(minimizer=arguments.minimizer, force=FORCE, stress=STRESS, steps=3000)
    list(relax(structures[:2], potential, options, SATURATED))  # compiles
    calculator.get_potential_energy(structures[0].copy())
    began = process_time()
    found = dict(relax(structures, potential, options, SATURATED))
    seconds = process_time() - began
    ours = [found[k] for k in range(len(structures))]
    failed = [one for one in ours if not isinstance(one, Relaxed)]
    if failed:
        raise SystemExit(f"{len(failed)} of {len(ours)} cells failed, e.g. {failed[0]}")
    atoms = np.array([len(one) for one in structures])
    work = atoms * (1 + np.array([one.steps for one in ours]))
    share = seconds * float(work[: arguments.ase].sum() / work.sum())
    facts = {
        "model": arguments.model,
        "cells": len(ours),
        "atoms": [int(atoms.min()), int(atoms.max())],
        "minimizer": arguments.minimizer,
        "converged": sum(one.status == CONVERGED for one in ours),
        "seconds_per_cell": round(seconds / len(ours), 4),
        "mean_steps": round(float(np.mean([one.steps for one in ours])), 1),
        "seconds_per_cell_of_sample": round(share / arguments.ase, 4),
    }
    fastest = np.inf
    for name, minimizer in {"FIRE": FIRE, "LBFGS": LBFGS, "BFGS": BFGS}.items():
        theirs = by_ase(minimizer, structures[: arguments.ase], calculator)
        facts[f"ase_{name}"] = compare(ours[: arguments.ase], theirs, share)
        fastest = min(fastest, theirs.seconds)
    print(timing.line("relax", "times faster than ASE's fastest minimiser", [fastest / share], **facts))


if __name__ == "__main__":
    main()
