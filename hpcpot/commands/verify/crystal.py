"""Crystals by a model: lattice, equation of state, elastic constants, formation energy, vacancy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms

from hpcpot.commands.verify.outcome import Outcome, within
from hpcpot.errors import HpcpotError
from hpcpot.potential.contract import Potential
from hpcpot.properties import crystal as properties
from hpcpot.properties.crystal import repeats
from hpcpot.relaxation.engine import RelaxationOptions, Relaxed
from hpcpot.structure.crystals import CRYSTALS
from hpcpot.units import EV_PER_A3_IN_GPA

RELAX = RelaxationOptions(force=1.0e-3, stress=1.0e-3 / EV_PER_A3_IN_GPA, steps=1000)
VOLUMES = np.linspace(0.90, 1.10, 11)
"""Volumes of the equations of state, relative to the relaxed one."""
STRAIN = 0.005
"""Strain for the elastic constants."""
VACANCY_ATOMS = 120

LATTICE, FORMATION, MODULUS = 0.02, 0.03, 0.2
"""Tolerances about the reference: relative; eV/atom; relative."""
FORMATION_ENERGIES = {"LiSi": -0.206, "Li12Si7": -0.258, "Li7Si3": -0.264, "Li13Si4": -0.256, "Li15Si4": -0.243}
"""eV/atom, PBE, of bcc Li and diamond Si (Materials Project entries named in structure.crystals)."""
BULK_MODULI = {"Si": 88.9, "Li": 14.1}
"""GPa, PBE (GPAW, plane waves)."""


@dataclass(frozen=True)
class CrystalProperties:
    """A relaxed crystal.

    Attributes:
        name: of CRYSTALS, or of a file. initial, atoms: the structure as it was given, and relaxed.
        energy: eV/atom. volumes: (k,) Å³/atom and energies: (k,) eV/atom, of the equation of state.
        fit: E0 (eV/atom), V0 (Å³/atom), B0 (eV/Å³), B0' of Birch and Murnaghan.
        elastic: (6, 6) GPa, with relaxed atoms, Voigt order xx yy zz yz xz xy.
    """

    name: str
    initial: Atoms
    atoms: Atoms
    energy: float
    volumes: np.ndarray
    energies: np.ndarray
    fit: np.ndarray
    elastic: np.ndarray

    @property
    def bulk_modulus(self) -> float:
        """GPa."""
        return float(self.fit[2]) * EV_PER_A3_IN_GPA


def examine(structures: Mapping[str, Atoms], potential: Potential) -> dict[str, CrystalProperties | HpcpotError]:
    """Relax each crystal with its cell, and compute its equation of state and elastic constants, or return the error."""
    names = list(structures)
    relaxed = dict(properties.outcomes([structures[name] for name in names], potential, RELAX))
    done: dict[str, CrystalProperties | HpcpotError] = {}
    for k, name in enumerate(names):
        outcome = relaxed[k]
        try:
            done[name] = _examine(name, structures[name], properties.converged(outcome), potential)
        except HpcpotError as error:
            done[name] = error
    return done


def check(done: Mapping[str, CrystalProperties | HpcpotError]) -> list[Outcome]:
    """Check lattice, bulk modulus, stability and formation energy of each crystal."""
    outcomes = []
    for name, result in done.items():
        if isinstance(result, HpcpotError):
            outcomes.append(Outcome(f"{name}: relaxation", np.nan, "", where=" ".join(str(result).split())))
            continue
        if name in CRYSTALS:
            outcomes.append(_lattice(result))
        if name in BULK_MODULI:
            outcomes.append(within(f"{name}: bulk modulus", result.bulk_modulus, BULK_MODULI[name], MODULUS, "GPa"))
        else:
            outcomes.append(Outcome(f"{name}: bulk modulus", result.bulk_modulus, "GPa", low=0.0))
        outcomes.append(_stability(result))
    whole = {name: result for name, result in done.items() if isinstance(result, CrystalProperties)}
    return outcomes + [_formation(whole, name) for name in whole if formation_energy(whole, name) is not None]


def formation_energy(done: Mapping[str, CrystalProperties], name: str) -> float | None:
    """Formation energy from the elements, eV/atom; None for an element, or if the crystal of one is not in `done`."""
    symbols = done[name].atoms.get_chemical_symbols()
    elements = sorted(set(symbols))
    if len(elements) < 2 or any(element not in done for element in elements):
        return None
    return done[name].energy - sum(done[symbol].energy for symbol in symbols) / len(symbols)


def vacancies(done: Mapping[str, CrystalProperties | HpcpotError], potential: Potential) -> list[Outcome]:
    """Check the formation energy of a relaxed vacancy in each element, at the volume of the crystal."""
    elements = [
        crystal
        for name, crystal in done.items()
        if isinstance(crystal, CrystalProperties) and name in potential.elements
    ]
    frames = []
    for crystal in elements:
        big = crystal.atoms.repeat(repeats(crystal.atoms, VACANCY_ATOMS))
        frames.append(big[1:])
    outcomes = []
    for k, outcome in sorted(properties.outcomes(frames, potential, replace(RELAX, cell="fixed", force=0.01))):
        value = properties.converged(outcome).final.energy - len(frames[k]) * elements[k].energy
        outcomes.append(Outcome(f"{elements[k].name}: vacancy formation energy", value, "eV", low=0.0))
    return outcomes


def _examine(name: str, initial: Atoms, relaxed: Relaxed, potential: Potential) -> CrystalProperties:
    atoms = properties.placed(initial, relaxed)
    volumes, energies = properties.equation_of_state(atoms, potential, RELAX, VOLUMES)
    return CrystalProperties(
        name,
        initial,
        atoms,
        relaxed.final.energy / len(atoms),
        volumes,
        energies,
        properties.fitted(volumes, energies),
        properties.elastic_constants(atoms, potential, RELAX, STRAIN),
    )


def _lattice(crystal: CrystalProperties) -> Outcome:
    """Check the lattice constant a, b or c that differs most from the reference."""
    lengths, reference = crystal.atoms.cell.lengths(), crystal.initial.cell.lengths()
    k = int(np.argmax(np.abs(lengths / reference - 1)))
    angles = np.abs(crystal.atoms.cell.angles() - crystal.initial.cell.angles()).max()
    where = f"PBE {reference[k]:.3f} Å" + (f", angles off by {angles:.2f}°" if angles > 0.1 else "")
    return within(
        f"{crystal.name}: lattice constant {'abc'[k]}", float(lengths[k]), float(reference[k]), LATTICE, "Å", where
    )


def _stability(crystal: CrystalProperties) -> Outcome:
    """Check mechanical stability: all eigenvalues of the elastic constants are positive."""
    least = float(np.linalg.eigvalsh(crystal.elastic).min())
    c = crystal.elastic
    means = [c[:3, :3].trace() / 3, (c[0, 1] + c[0, 2] + c[1, 2]) / 3, c[3:, 3:].trace() / 3]
    where = "C11 {:.1f}, C12 {:.1f}, C44 {:.1f} GPa (means over axes)".format(*means)
    return Outcome(f"{crystal.name}: least elastic eigenvalue", least, "GPa", low=0.0, where=where)


def _formation(done: Mapping[str, CrystalProperties], name: str) -> Outcome:
    value, title = formation_energy(done, name), f"{name}: formation energy"
    if name not in FORMATION_ENERGIES:
        return Outcome(title, value, "eV/atom")
    reference = FORMATION_ENERGIES[name]
    return Outcome(title, value, "eV/atom", reference - FORMATION, reference + FORMATION, f"PBE {reference:.3f}")
