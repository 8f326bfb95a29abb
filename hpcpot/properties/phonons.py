"""Phonons of a crystal by finite displacements, with phonopy."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.cell import Cell

from hpcpot.errors import DependencyError
from hpcpot.potential.cells import AnyPotential
from hpcpot.properties.crystal import evaluated
from hpcpot.units import BOLTZMANN, KJ_PER_MOL

if TYPE_CHECKING:
    from phonopy import Phonopy

POINTS = 200
"""Of a path through the Brillouin zone."""
MESH_A = 60.0
"""Å, 2 pi over the spacing of the mesh of the density of states."""
PITCH_THZ = 0.05
"""Between points of the density of states."""
TEMPERATURES = {"t_min": 0.0, "t_max": 1000.0, "t_step": 50.0}
"""K, of thermal properties."""


def require_phonopy() -> None:
    """Refuse to begin without phonopy.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        import phonopy  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            "properties.compute = phonons: phonopy is not installed; pip install hpcpot[phonons], or leave phonons out."
        ) from error


def phonons(conventional: Atoms, potential: AnyPotential, length: float, displacement: float) -> dict[str, Any]:
    """Frequencies along a path, their density, and thermal properties in the harmonic approximation.

    Args:
        conventional: the relaxed crystal in its conventional cell.
        length: Å, least length of the edges of the supercell. displacement: Å.
    Returns:
        phonon_distances (k,) 1/Å, phonon_frequencies (k, branches) THz, negative where imaginary, phonon_labels: JSON of
        [distance, name] of special points; dos_frequencies (m,) THz, dos (m,) 1/THz of the primitive cell;
        thermal_temperatures (t,) K, thermal_free_energy meV/atom, thermal_entropy and thermal_heat_capacity in k_B/atom.
    Raises:
        HpcpotError: the potential cannot compute the displaced supercells.
    """
    with warnings.catch_warnings():  # phonopy announces its choice of the primitive cell, which is made here on purpose
        warnings.simplefilter("ignore")
        lattice = _with_forces(conventional, potential, length, displacement)
        path = Cell(lattice.primitive.cell).bandpath(npoints=POINTS)
        distances, places, names = path.get_linear_kpoint_axis()
        lattice.run_qpoints(path.kpts)
        lattice.run_mesh(MESH_A)
        lattice.run_total_dos(freq_pitch=PITCH_THZ)
        lattice.run_thermal_properties(exclude_gamma_acoustic=True, **TEMPERATURES)
    density, thermal = lattice.total_dos, lattice.thermal_properties
    n = len(lattice.primitive)
    return {
        "phonon_distances": distances,
        "phonon_frequencies": np.array(lattice.qpoints.frequencies),
        "phonon_labels": json.dumps([[float(place), name] for place, name in zip(places, names, strict=True)]),
        "dos_frequencies": np.array(density.frequency_points),
        "dos": np.array(density.dos),
        "thermal_temperatures": np.array(thermal.temperatures),
        "thermal_free_energy": np.array(thermal.free_energy) * 1000 * KJ_PER_MOL / n,
        "thermal_entropy": np.array(thermal.entropy) * (KJ_PER_MOL / 1000 / BOLTZMANN) / n,
        "thermal_heat_capacity": np.array(thermal.heat_capacity) * (KJ_PER_MOL / 1000 / BOLTZMANN) / n,
    }


def _with_forces(conventional: Atoms, potential: AnyPotential, length: float, displacement: float) -> Phonopy:
    """Displace atoms of a supercell, compute the forces, and take the force constants from them."""
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    unit = PhonopyAtoms(
        symbols=conventional.get_chemical_symbols(),
        cell=conventional.cell.array,
        scaled_positions=conventional.get_scaled_positions(),
        masses=conventional.get_masses(),
    )
    counts = np.ceil(length / conventional.cell.lengths() - 1e-9).astype(int)
    lattice = Phonopy(unit, supercell_matrix=np.diag(counts), primitive_matrix="auto", log_level=0)
    lattice.generate_displacements(distance=displacement)
    frames = [
        Atoms(cell.symbols, scaled_positions=cell.scaled_positions, cell=cell.cell, pbc=True)
        for cell in lattice.supercells_with_displacements
    ]
    lattice.forces = np.array([result.initial.forces for result in evaluated(frames, potential)])
    lattice.produce_force_constants()
    lattice.symmetrize_force_constants()
    return lattice
