"""Recipes of particles: one sphere in vacuum, and a stack of poured spheres."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ase import Atoms

from hpcpot.commands.recipes.settings import BuildSettings
from hpcpot.structure import packing, sphere, stack


def particle(settings: BuildSettings, unit: Atoms, say: Callable[[str], None]) -> Atoms:
    """A sphere in the middle of a periodic cube.

    Args:
        settings: of hpcpot.commands.recipes.settings.
        unit: the periodic cell that is repeated and cut.
        say: prints a line of progress.
    """
    radius, vacuum = settings.sphere.radius_A, settings.sphere.vacuum_A
    atoms = sphere.surrounded(cut(settings, unit, radius, say), radius, vacuum)
    atoms.info = {"radius_A": radius}
    return atoms


def stacked(settings: BuildSettings, unit: Atoms, say: Callable[[str], None]) -> Atoms:
    """A pour of spheres, each filled with atoms; arguments as of `particle`."""
    section = settings.stack
    radii = np.repeat(section.radii_A, section.counts)
    packed = packing.pour(radii, section.box_A, settings.seed, say)
    say(f"packing: {len(radii)} spheres fill {packed.fraction:.3f} of the box, overlaps up to {packed.overlap:.2%} R")
    rotation_seed = settings.seed if section.rotate else None
    filled = stack.fill(packed, lambda radius: cut(settings, unit, radius, say), section.margin_A, rotation_seed)
    atoms = stack.without_contacts(filled, section.minimum_distance_A)
    taken = len(filled) - len(atoms)
    say(f"stack: {taken} of {len(filled)} atoms nearer than {section.minimum_distance_A:g} Å to others taken away")
    atoms.info = {"packing_fraction": packed.fraction}
    return atoms


def cut(settings: BuildSettings, unit: Atoms, radius: float, say: Callable[[str], None]) -> Atoms:
    """A sphere about the origin, out of a block of cells that is as large as it must be or as the config says."""
    repeat = settings.crystal.repeat or sphere.repeats(unit, radius)
    atoms = sphere.cut(unit.repeat(repeat), radius, settings.sphere.centre)
    cells = " x ".join(str(count) for count in repeat)
    say(f"sphere: {len(atoms)} atoms within {radius:g} Å of {settings.sphere.centre}, from {cells} cells")
    return atoms
