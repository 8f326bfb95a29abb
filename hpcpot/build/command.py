"""One build: reads the config, follows its recipe on all ranks, writes the structure."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from ase import Atoms

import hpcpot
from hpcpot import config
from hpcpot.build import interface, lattice
from hpcpot.build.settings import SCHEMA
from hpcpot.config import Settings
from hpcpot.parallel.ranks import Ranks, start
from hpcpot.potential import files as potential_files
from hpcpot.potential.base import Potential
from hpcpot.potential.calculator import Calculator
from hpcpot.structure import crystals, files


def run_command(arguments: argparse.Namespace) -> int:
    """`hpcpot build CONFIG -o OUTPUT`; returns the exit code.

    Raises:
        ConfigError, ModelError, StructureError, SimulationError: what is wrong. OutputError: before anything is done.
    """
    ranks = start()
    settings = ranks.root_only(lambda: config.load(arguments.config, SCHEMA, arguments.overrides))
    ranks.root_only(lambda: files.check_output(arguments.output, arguments.overwrite))
    file = settings.potential.file
    family = None if file is None else ranks.root_only(lambda: potential_files.load(file))

    def say(text: str) -> None:
        if ranks.is_root:
            print(text, flush=True)

    atoms = RECIPES[settings.recipe](settings, family, ranks, say)
    atoms.info["source"] = f"hpcpot {hpcpot.__version__} build, seed {settings.seed}"
    if family is not None:
        atoms.info["potential"] = potential_files.fingerprint(family)
    ranks.root_only(lambda: files.write(arguments.output, atoms, arguments.overwrite))
    say(f"written: {arguments.output}, {len(atoms)} atoms ({atoms.get_chemical_formula()})")
    return 0


def build_crystal(settings: Settings, family: Any, ranks: Ranks, say: Callable[[str], None]) -> Atoms:
    """A crystal by name; its lattice constant given, relaxed, or tabulated."""
    wanted = settings.crystal
    constant = wanted.lattice_constant_A
    if constant is None and family is not None:
        constant = relax(wanted.name, family, ranks)
        say(f"lattice constant of {wanted.name}: {constant:.4f} Å, relaxed")
    return crystals.build(wanted.name, tuple(wanted.repeat), constant)


def build_interface(settings: Settings, family: Any, ranks: Ranks, say: Callable[[str], None]) -> Atoms:
    """Si(100)/Li with the dynamics of the MD engine on all ranks."""
    from hpcpot.md.anneal import anneal

    potential = Potential(family)
    constant = settings.silicon.lattice_constant_A
    if constant is None:
        constant = relax("Si", family, ranks)

    def on_all_ranks(atoms: Atoms, stages: list[dict[str, float]], seed: int) -> Atoms:
        """The recipe runs alike on every rank, so each gets the atoms that rank 0 is given back."""
        return ranks.broadcast(anneal(atoms if ranks.is_root else None, potential, ranks, stages, seed, say))

    return interface.build(settings, constant, on_all_ranks, say)


def relax(name: str, family: Any, ranks: Ranks) -> float:
    """Lattice constant, Å, computed on rank 0: the same bits everywhere."""
    return ranks.root_only(lambda: lattice.relaxed(name, Calculator(family)))


RECIPES = {"crystal": build_crystal, "interface": build_interface}
