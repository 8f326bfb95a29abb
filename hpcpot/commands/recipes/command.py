"""One build: reads the config, follows its recipe on all ranks, writes the structure."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

import hpcpot
from hpcpot import account, config
from hpcpot.commands.recipes import interface, lattice, particles, random_cells
from hpcpot.commands.recipes.settings import SCHEMA, BuildSettings
from hpcpot.parallel.ranks import Ranks, start
from hpcpot.potential import files as potential_files
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import Calculator
from hpcpot.potential.range import note_if_outside
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.structure import checks, crystals, files, perturb
from hpcpot.structure.random.recipe import random_cells as asked_for


def run_command(arguments: argparse.Namespace) -> int:
    """`hpcpot build CONFIG -o OUTPUT`; returns the exit code.

    Raises:
        ConfigError, ModelError, StructureError, SimulationError: what is wrong. OutputError: before anything is done.
    """
    ranks = start()
    settings = ranks.root_only(lambda: config.load(arguments.config, SCHEMA, arguments.overrides))
    recipe = RECIPES[settings.recipe]
    check_output = files.check_frames_output if recipe.makes_several else files.check_output
    ranks.root_only(lambda: check_output(arguments.output, arguments.overwrite))

    def say(text: str) -> None:
        if ranks.is_root:
            print(text, flush=True)

    file = settings.potential.file
    family, trained = (None, None) if file is None else ranks.root_only(lambda: potential_files.load_with_range(file))

    def finished(where: str, atoms: Atoms) -> Atoms:
        """The structure with what it was made by; noted if the potential was not trained on its like."""
        atoms.info["source"] = f"hpcpot {hpcpot.__version__} build, seed {settings.seed}"
        if family is not None:
            atoms.info["potential"] = potential_files.fingerprint(family)
            if set(atoms.symbols) <= set(family.elements):
                note_if_outside(where, checks.check(atoms, family.elements), trained)
        return atoms

    def write_one(atoms: Atoms) -> None:
        files.write(arguments.output, finished(str(arguments.output), atoms), arguments.overwrite)
        account.tell(atoms=len(atoms), formula=atoms.get_chemical_formula(), cell_A=atoms.cell.array)
        cell = " x ".join(f"{length:.2f}" for length in atoms.cell.lengths())
        say(f"written: {arguments.output}, {len(atoms)} atoms ({atoms.get_chemical_formula()}), {cell} Å")

    def write_several(frames: Iterator[Atoms]) -> None:
        several = (finished(f"{arguments.output}:{k}", made) for k, made in enumerate(frames))
        say(
            f"written: {arguments.output}, {files.write_frames(arguments.output, several, arguments.overwrite)} structures"
        )

    write = write_several if recipe.makes_several else write_one
    made = recipe.build(settings, family, ranks, say)
    ranks.root_only(lambda: write(made))
    return 0


def build_crystal(settings: BuildSettings, family: Any, ranks: Ranks, say: Callable[[str], None]) -> Atoms:
    """A supercell of a crystal, or of a structure file."""
    return cell_of(settings, family, ranks, say).repeat(settings.crystal.repeat or 1)


def build_particle(settings: BuildSettings, family: Any, ranks: Ranks, say: Callable[[str], None]) -> Atoms:
    """A sphere in vacuum."""
    unit = cell_of(settings, family, ranks, say)
    return ranks.root_only(lambda: particles.particle(settings, unit, say), share=False)


def build_stack(settings: BuildSettings, family: Any, ranks: Ranks, say: Callable[[str], None]) -> Atoms:
    """Spheres that were poured into a box."""
    unit = cell_of(settings, family, ranks, say)
    return ranks.root_only(lambda: particles.stacked(settings, unit, say), share=False)


def build_perturbed(settings: BuildSettings, family: Any, ranks: Ranks, say: Callable[[str], None]) -> Iterator[Atoms]:
    """The supercell at each scale, and after it perturbed ones; each knows its scale and number.

    All ranks make the supercell; the structures are made where they are iterated.
    """
    cell, section = build_crystal(settings, family, ranks, say), settings.perturb
    members = ((scale, copy) for scale in section.scales for copy in range(section.copies + 1))

    def member(number: int, scale: float, copy: int) -> Atoms:
        strain, displacement = (section.strain, section.displacement_A) if copy else (0.0, 0.0)
        atoms = perturb.perturbed(cell, scale, strain, displacement, (settings.seed, number))
        atoms.info = {"scale": scale, "seed": settings.seed, "index": number, "perturbed": bool(copy)}
        return atoms

    return (member(number, *which) for number, which in enumerate(members))


def build_random(settings: BuildSettings, family: Any, ranks: Ranks, say: Callable[[str], None]) -> Iterator[Atoms]:
    """Random cells, composition by composition; what is asked for is checked first."""
    asked = ranks.root_only(lambda: asked_for(settings.random))
    return random_cells.made(asked, settings.random.count, settings.seed, say)


def cell_of(settings: BuildSettings, family: Any, ranks: Ranks, say: Callable[[str], None]) -> Atoms:
    """Build the cell that is repeated: of a file, or of a crystal with its lattice constant given, relaxed, or tabulated."""
    crystal = settings.crystal
    if crystal.file is not None:
        return ranks.root_only(lambda: read_cell(crystal.file))
    constant = crystal.lattice_constant_A
    if constant is None and family is not None:
        constant = relax(crystal.name, family, ranks)
        say(f"lattice constant of {crystal.name}: {constant:.4f} Å, relaxed")
    return crystals.build(crystal.name, (1, 1, 1), constant, crystal.primitive, crystal.axes)


def read_cell(path: Path) -> Atoms:
    """A structure file, or the last frame of a trajectory; checked."""
    if path.suffix == ".h5md":
        with TrajectoryReader(path) as trajectory:
            atoms = trajectory.frame()
    else:
        atoms = files.read(path, section="")
    return checks.check(atoms, tuple(set(atoms.symbols)))


def build_interface(settings: BuildSettings, family: Any, ranks: Ranks, say: Callable[[str], None]) -> Atoms:
    """Si/Li with the dynamics of the MD engine on all ranks."""
    from hpcpot.dynamics.anneal import anneal

    potential = BlockPotential(family)
    constant = settings.silicon.lattice_constant_A
    if constant is None:
        constant = relax("Si", family, ranks)

    def on_all_ranks(atoms: Atoms, stages: list[dict[str, float]], seed: int) -> Atoms:
        """Broadcast the atoms that rank 0 gets back, since the recipe runs in the same way on every rank."""
        return ranks.broadcast(anneal(atoms if ranks.is_root else None, potential, ranks, stages, seed, say))

    return interface.build(settings, constant, on_all_ranks, say)


def relax(name: str, family: Any, ranks: Ranks) -> float:
    """Lattice constant, Å, computed on rank 0: the same bits everywhere."""
    return ranks.root_only(lambda: lattice.relaxed(name, Calculator(family)))


@dataclass(frozen=True)
class Recipe:
    """How a structure is built: build(settings, potential, ranks, say), which all ranks call.

    Attributes:
        makes_several: it returns structures that are made one after the other, where they are iterated.
    """

    build: Callable[[BuildSettings, Any, Ranks, Callable[[str], None]], Atoms | Iterator[Atoms]]
    makes_several: bool = False


RECIPES = {
    "crystal": Recipe(build_crystal),
    "particle": Recipe(build_particle),
    "stack": Recipe(build_stack),
    "perturb": Recipe(build_perturbed, makes_several=True),
    "interface": Recipe(build_interface),
    "random": Recipe(build_random, makes_several=True),
}
"""What to build -> how; `settings.RECIPES` has the sections of each."""
