"""All properties of a crystal on a worker: a row of the results."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from ase import Atoms

from hpcpot.errors import HpcpotError, StructureError
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.results import Column
from hpcpot.potential.cells import AnyPotential
from hpcpot.properties import crystal, defects, phonons
from hpcpot.properties.settings import PropertiesSection
from hpcpot.relaxation.engine import RelaxationOptions
from hpcpot.structure import crystals, symmetry
from hpcpot.units import EV_PER_A3_IN_GPA

TOLERANCE_A = 0.01
"""How far atoms of a relaxed crystal may be from symmetric places."""
COLUMNS = {
    "species": Column((None,), "int32"),
    "positions": Column((None, 3), unit="Angstrom"),
    "cell": Column((3, 3), unit="Angstrom"),
    "energy": Column((), unit="eV"),
    "space_group": Column((), "str"),
    "problems": Column((), "str"),
}
"""The relaxed crystal in its conventional cell, and why a part of its properties lacks."""
OF_PART = {
    "eos": {
        "eos_volumes": Column((None,), unit="Angstrom3"),
        "eos_energies": Column((None,), unit="eV"),
        "eos_fit": Column((4,)),
    },
    "elastic": {"elastic": Column((6, 6), unit="GPa")},
    "phonons": {
        "phonon_distances": Column((None,), unit="Angstrom-1"),
        "phonon_frequencies": Column((None, None), unit="THz"),
        "phonon_labels": Column((), "str"),
        "dos_frequencies": Column((None,), unit="THz"),
        "dos": Column((None,), unit="THz-1"),
        "thermal_temperatures": Column((None,), unit="K"),
        "thermal_free_energy": Column((None,), unit="meV"),
        "thermal_entropy": Column((None,)),
        "thermal_heat_capacity": Column((None,)),
    },
    "vacancies": {
        "vacancy_sites": Column((None,), "int64"),
        "vacancy_places": Column((None,), "int64"),
        "vacancy_unrelaxed": Column((None,), unit="eV"),
        "vacancy_relaxed": Column((None,), unit="eV"),
    },
    "surfaces": {
        "surface_planes": Column((None, 3), "int64"),
        "surface_unrelaxed": Column((None,), unit="J m-2"),
        "surface_relaxed": Column((None,), unit="J m-2"),
    },
}
"""Values of each part; see the modules that compute them."""


def columns(section: PropertiesSection) -> dict[str, Column]:
    """The columns of the parts that are computed."""
    return COLUMNS | {name: column for part in section.compute for name, column in OF_PART[part].items()}


def compute(atoms: Atoms, potential: PotentialRef, section: PropertiesSection) -> dict[str, Any]:
    """Relax a crystal with its cell, and compute its properties; what cannot be computed is empty or NaN, and told.

    Raises:
        StructureError: not periodic along all axes. SimulationError: it does not relax.
    """
    if not atoms.pbc.all():
        raise StructureError(
            f"periodic = {atoms.pbc.tolist()}: must be a crystal, periodic along all axes; give it a cell."
        )
    loaded, options = potential.load(), options_of(section)
    bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    relaxed = crystal.placed(bare, crystal.relaxed([bare], loaded, options)[0])
    whole = symmetry.conventional(relaxed, TOLERANCE_A)
    energy = crystal.evaluated([whole], loaded)[0].initial.energy
    group, number = symmetry.space_group_of(whole, TOLERANCE_A)
    row = {
        "species": whole.numbers.astype(np.int32),
        "positions": whole.positions,
        "cell": whole.cell.array,
        "energy": energy,
        "space_group": f"{group} ({number})" if number else "none",
    }
    problems = []
    for part in section.compute:
        try:
            values = PARTS[part](whole, energy / len(whole), loaded, options, section, potential)
            problems += values.pop("problems", [])
            row |= values
        except HpcpotError as error:
            problems.append(f"{part}: {' '.join(str(error).split())}")
            row |= {name: _lacking(column) for name, column in OF_PART[part].items()}
    return row | {"problems": "\n".join(problems)}


def options_of(section: PropertiesSection) -> RelaxationOptions:
    """How relaxations are done."""
    return RelaxationOptions(
        force=section.force_eV_per_A, stress=section.stress_GPa / EV_PER_A3_IN_GPA, steps=section.steps
    )


def _lacking(column: Column) -> Any:
    if column.dtype == "str":
        return ""
    return np.full([0 if length is None else length for length in column.shape], np.nan).astype(column.dtype)


def _eos(whole: Atoms, energy: float, loaded: AnyPotential, options: RelaxationOptions, section, ref) -> dict[str, Any]:
    scales = np.linspace(1 - section.eos_range, 1 + section.eos_range, section.eos_points)
    volumes, energies = crystal.equation_of_state(whole, loaded, options, scales)
    return {"eos_volumes": volumes, "eos_energies": energies, "eos_fit": crystal.fitted(volumes, energies)}


def _elastic(
    whole: Atoms, energy: float, loaded: AnyPotential, options: RelaxationOptions, section, ref
) -> dict[str, Any]:
    return {"elastic": crystal.elastic_constants(whole, loaded, options, section.strain)}


def _phonons(
    whole: Atoms, energy: float, loaded: AnyPotential, options: RelaxationOptions, section, ref
) -> dict[str, Any]:
    return phonons.phonons(whole, loaded, section.phonon_length_A, section.displacement_A)


def _vacancies(
    whole: Atoms, energy: float, loaded: AnyPotential, options: RelaxationOptions, section, ref
) -> dict[str, Any]:
    sites, counts = symmetry.kinds_of_places(whole, TOLERANCE_A)
    sites, counts = sites[: section.vacancy_sites], counts[: section.vacancy_sites]
    elements = {*whole.symbols}
    references = dict.fromkeys(elements, energy) if len(elements) == 1 else {}
    if not references:
        references = {
            symbol: element_energy(ref, symbol, options) for symbol in elements if symbol in crystals.CRYSTALS
        }
    values = defects.vacancies(whole, sites, references, loaded, options, section.vacancy_atoms)
    return values | {"vacancy_places": np.array(counts)}


def _surfaces(
    whole: Atoms, energy: float, loaded: AnyPotential, options: RelaxationOptions, section, ref
) -> dict[str, Any]:
    return defects.surfaces(whole, section.surface_planes, energy, loaded, options, section.slab_A, section.vacuum_A)


PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "eos": _eos,
    "elastic": _elastic,
    "phonons": _phonons,
    "vacancies": _vacancies,
    "surfaces": _surfaces,
}
"""Function (conventional cell, eV/atom, potential, options, section, reference to the potential) -> values of columns."""


@lru_cache(maxsize=64)
def element_energy(ref: PotentialRef, symbol: str, options: RelaxationOptions) -> float:
    """Energy of the crystal of an element, relaxed by the potential, eV/atom.

    Raises:
        HpcpotError: it does not relax.
    """
    atoms = crystals.build(symbol)
    return crystal.relaxed([atoms], ref.load(), options)[0].final.energy / len(atoms)
