"""Energies of vacancies and of surfaces of a crystal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import surface

from hpcpot.potential.cells import AnyPotential
from hpcpot.properties.crystal import energies_apart, evaluated, repeats
from hpcpot.relaxation.engine import RelaxationOptions
from hpcpot.units import J_PER_M2

SAME_LEVEL = 4
"""Decimal places to which heights of atoms, in parts of the cell, are those of one layer."""


def vacancies(
    atoms: Atoms,
    sites: Sequence[int],
    references: Mapping[str, float],
    potential: AnyPotential,
    options: RelaxationOptions,
    least: int,
) -> dict[str, Any]:
    """Energies to take an atom out of a crystal to a crystal of its element, at the volume of the crystal.

    E = E(N - 1) + mu - E(N), mu = `references`, NaN for other elements.

    Args:
        atoms: the relaxed crystal. sites: one atom of each kind of place. references: eV/atom of the crystals of elements.
        least: number of atoms of the supercell.
    Returns:
        vacancy_sites (k,), vacancy_unrelaxed and vacancy_relaxed (k,) eV; problems: why some are NaN.
    Raises:
        HpcpotError: the crystal itself cannot be computed.
    """
    big = atoms.repeat(repeats(atoms, least))
    frames = []
    for site in sites:
        frame = big.copy()
        del frame[site]
        frames.append(frame)
    whole = evaluated([big], potential)[0].initial.energy
    before, after, problems = energies_apart(frames, potential, replace(options, cell="fixed"))
    added = np.array([references.get(atoms.symbols[site], np.nan) for site in sites]) - whole
    lacking = sorted({atoms.symbols[site] for site in sites} - references.keys())
    return {
        "vacancy_sites": np.array(sites),
        "vacancy_unrelaxed": before + added,
        "vacancy_relaxed": after + added,
        "problems": [f"vacancy of site {sites[k]}: {why}" for k, why in sorted(problems.items())]
        + [f"vacancies of {symbol}: no crystal of {symbol} is known by name" for symbol in lacking],
    }


def surfaces(
    conventional: Atoms,
    planes: Sequence[Sequence[int]],
    energy: float,
    potential: AnyPotential,
    options: RelaxationOptions,
    thickness: float,
    vacuum: float,
) -> dict[str, Any]:
    """Energies of surfaces, the mean of both sides of a slab of whole cells: (E - N e) / 2 A, before and after relaxation.

    A slab has the period of the crystal: it reconstructs no farther. It is cut in the widest gap between layers.

    Args:
        conventional: the relaxed crystal in its conventional cell, to which the planes refer. energy: e, eV/atom.
        thickness, vacuum: Å, at least.
    Returns:
        surface_planes (k, 3), surface_unrelaxed and surface_relaxed (k,) J/m²; problems: why some are NaN.
    """
    frames = [slab(conventional, plane, thickness, vacuum) for plane in planes]
    energies = energies_apart(frames, potential, replace(options, cell="fixed"))
    areas = np.array([np.linalg.norm(np.cross(*frame.cell.array[:2])) for frame in frames])
    bulk = np.array([len(frame) for frame in frames]) * energy
    before, after = ((values - bulk) / (2 * areas) * J_PER_M2 for values in energies[:2])
    problems = [f"surface {planes[k]}: {why}" for k, why in sorted(energies[2].items())]
    return {
        "surface_planes": np.array(planes),
        "surface_unrelaxed": before,
        "surface_relaxed": after,
        "problems": problems,
    }


def slab(conventional: Atoms, plane: Sequence[int], thickness: float, vacuum: float) -> Atoms:
    """Cut a slab of whole cells, at least so thick, in the widest gap between layers, with vacuum above and below.

    It is periodic along a and b, which span the plane; c is along its normal.
    """
    height = np.linalg.norm(surface(conventional, tuple(plane), 1, periodic=True).cell.array[2])
    normal = plane @ np.linalg.inv(conventional.cell.array).T
    normal /= np.linalg.norm(normal)
    levels = np.sort(np.round(conventional.positions @ normal / height, SAME_LEVEL) % 1.0)
    gaps = np.diff(levels, append=levels[0] + 1.0)
    below = int(np.argmax(gaps > gaps.max() - 2 * 10.0**-SAME_LEVEL))
    shifted = conventional.copy()  # surface() cuts through the origin
    shifted.positions -= (levels[below] + 0.5 * gaps[below]) * height * normal
    shifted.wrap()
    return surface(shifted, tuple(plane), int(np.ceil(thickness / height - 1e-9)), vacuum=vacuum / 2)
