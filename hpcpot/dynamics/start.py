"""Make a State of an ASE structure, before the atoms are handed to their ranks."""

from __future__ import annotations

import ase
import ase.units
import numpy as np
from ase.data import atomic_masses, atomic_numbers

from hpcpot.errors import StructureError
from hpcpot.parallel.ranks import Ranks
from hpcpot.structure import constraints
from hpcpot.structure.state import State


def make_state(atoms: ase.Atoms | None, elements: tuple[str, ...], ranks: Ranks) -> State:
    """Make a State with all atoms on rank 0, none elsewhere; `Engine.start` hands them to their owners.

    Args:
        atoms: checked structure on rank 0 (other ranks pass None); its masses per element must agree, and atoms that
            a constraint holds are frozen.
    """
    common = ranks.root_only(lambda: _common(atoms, elements))
    n = len(atoms) if ranks.is_root else 0
    if ranks.is_root:
        species = np.array([elements.index(symbol) for symbol in atoms.symbols], np.int32)
        positions = atoms.positions.astype(float)
        velocities = atoms.get_velocities() * ase.units.fs
        frozen = constraints.frozen(atoms)
        velocities[frozen] = 0.0
    else:
        frozen = np.zeros(0, bool)
        species, positions, velocities = np.zeros(0, np.int32), np.zeros((0, 3)), np.zeros((0, 3))
    return State(
        cell=common["cell"],
        periodic=common["periodic"],
        elements=elements,
        masses=common["masses"],
        positions=positions,
        species=species,
        ids=np.arange(n),
        velocities=velocities,
        images=np.zeros((n, 3), np.int32),
        frozen=frozen,
        n_owned=n,
        n_atoms=common["n_atoms"],
    )


def _common(atoms: ase.Atoms, elements: tuple[str, ...]) -> dict:
    """Cell, masses and number of atoms, for every rank."""
    masses = np.array([atomic_masses[atomic_numbers[e]] for e in elements])
    for k, element in enumerate(elements):
        present = atoms.get_masses()[atoms.symbols == element]
        if len(present):
            if np.ptp(present) > 1e-9:
                raise StructureError(
                    f"mass of {element} = {present.min():g} to {present.max():g} amu: atoms of an element must have one mass; "
                    "give isotopes one common mass."
                )
            masses[k] = present[0]
    return {"cell": atoms.cell.array, "periodic": atoms.pbc, "masses": masses, "n_atoms": len(atoms)}


def freeze(
    state: State, elements: list[str] | None, ids: list[int] | None, region: list[list[float | None]] | None
) -> None:
    """Freeze the atoms that meet all the given criteria, and set their velocities to zero.

    Args:
        region: [low, high] in Å for each axis; None is an open end.
    Raises:
        StructureError: no atom meets them, or an element or id that the structure cannot have.
    """
    if elements is None and ids is None and region is None:
        return
    for name, given, valid in (("elements", elements, state.elements), ("ids", ids, range(state.n_atoms))):
        unknown = [value for value in given or () if value not in valid]
        if unknown:
            raise StructureError(
                f"frozen.{name} = {unknown[0]}: must be of the structure, {state.n_atoms} atoms of "
                f"{', '.join(state.elements)} with ids from 0; correct it."
            )
    chosen = np.ones(state.n_owned, bool)
    if elements is not None:
        chosen &= np.isin(state.species[: state.n_owned], [state.elements.index(e) for e in elements])
    if ids is not None:
        chosen &= np.isin(state.ids, ids)
    if region is not None:
        chosen &= inside(state, region)
    if not chosen.any():
        raise StructureError(
            f"frozen = elements {elements}, ids {ids}, region_A {region}: no atom meets all of these; "
            f"the structure has {state.n_atoms} atoms of {', '.join(state.elements)}; correct or drop the section."
        )
    state.frozen = state.frozen | chosen
    state.velocities[chosen] = 0.0


def inside(state: State, region: list[list[float | None]]) -> np.ndarray:
    """Find the owned atoms in a box, (n,) bool: [low, high] in Å for each axis, None for an open end."""
    low = np.array([-np.inf if row[0] is None else row[0] for row in region])
    high = np.array([np.inf if row[1] is None else row[1] for row in region])
    positions = state.positions[: state.n_owned]
    return ((positions >= low) & (positions <= high)).all(axis=1)


def extent(state: State, ranks: Ranks) -> np.ndarray:
    """Extent of the atoms along each perpendicular height of the cell, (3,) Å."""
    inverse = np.linalg.inv(state.cell)
    s = state.positions[: state.n_owned] @ inverse
    ends = np.concatenate([s.max(axis=0, initial=-np.inf), (-s).max(axis=0, initial=-np.inf)])
    high, minus_low = ranks.max(ends).reshape(2, 3)
    return (high + minus_low) / np.linalg.norm(inverse, axis=0)
