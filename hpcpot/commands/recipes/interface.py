"""Recipe of the Si/Li interface: silicon, lithium melted and brought to zero pressure, joined, annealed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ase import Atoms

from hpcpot.commands.recipes.settings import BuildSettings, ContactSection, MeltSection
from hpcpot.errors import SimulationError
from hpcpot.structure import amorphous, interface

Anneal = Callable[[Atoms, list[dict[str, float]], int], Atoms]
"""anneal(atoms, stages, seed): Langevin dynamics through stages, see `hpcpot.dynamics.anneal`.

The atoms returned are wrapped and carry velocities, and in `info` mean_pressure_GPa and mean_temperature_K of the last
stage's second half.
"""

LARGEST_STRAIN = 0.05
"""Largest strain of the box between two rounds, so that a first pressure far from zero does not tear the liquid."""


def build(settings: BuildSettings, lattice_constant: float, anneal: Anneal, say: Callable[[str], None]) -> Atoms:
    """Slab, lithium, both joined and annealed. All ranks call it with equal arguments.

    Args:
        settings: of hpcpot.commands.recipes.settings.
        lattice_constant: Å, of silicon.
        say: prints a line of progress.
    Raises:
        SimulationError: a pressure does not come to zero in the rounds allowed.
    """
    silicon, contact = settings.silicon, settings.contact
    slab = interface.slab(
        lattice_constant, tuple(silicon.repeat), silicon.surface, silicon.layers, tuple(silicon.strain)
    )
    say(
        f"silicon: {len(slab)} atoms, ({silicon.surface}) slab of {np.ptp(slab.positions[:, 2]):.2f} Å, lattice constant "
        f"{lattice_constant:.4f} Å"
    )
    if silicon.amorphous:
        slab = glass(slab, settings, anneal, say)
    lithium = melted(settings, slab.cell.lengths()[:2], anneal, say)
    lithium = without_pressure(lithium, "lithium", settings.lithium, settings.seed + 2, anneal, say)
    joined = interface.join(slab, lithium, contact.gap_A, contact.vacuum_A)
    say(f"interface: joined with a gap of {contact.gap_A:g} Å, annealing at {contact.temperature_K:g} K")
    joined = anneal(joined, [stage(contact, contact.temperature_K, contact.steps)], settings.seed + 1000)
    temperature = joined.info["mean_temperature_K"]
    joined.info = {
        "temperature_K": temperature,
        "lattice_constant_A": lattice_constant,
        "lithium_volume_A3": lithium.get_volume() / len(lithium),
    }
    interface.align(joined, "Si", slab.positions[:, 2].min())
    say(f"interface: {len(joined)} atoms, {joined.cell[2, 2]:.2f} Å long, {temperature:.0f} K")
    return joined


def glass(slab: Atoms, settings: BuildSettings, anneal: Anneal, say: Callable[[str], None]) -> Atoms:
    """The slab's atoms in its cell, repeated along z too, molten, quenched and at zero pressure; velocities are left out.

    It is cut along z where the gap between atoms is widest, and begins as high as the slab.
    """
    section, seed = settings.glass, settings.seed + 2000
    melt = stage(section, section.melt_temperature_K, section.melt_steps)
    quench = stage(section, section.melt_temperature_K, section.quench_steps)
    quench["temperature_end_K"] = section.temperature_K
    high, low = section.melt_temperature_K, section.temperature_K
    say(f"silicon: melting at {high:g} K, then {section.quench_steps} steps to {low:g} K")
    atoms = anneal(slab, [melt, quench], seed)
    atoms = without_pressure(atoms, "silicon", section, seed + 1, anneal, say)
    atoms.set_velocities(np.zeros((len(atoms), 3)))
    interface.align(atoms, "Si", slab.positions[:, 2].min())
    say(f"silicon: amorphous, {atoms.get_volume() / len(atoms):.2f} Å³ per atom")
    return atoms


def melted(settings: BuildSettings, width: np.ndarray, anneal: Anneal, say: Callable[[str], None]) -> Atoms:
    """Random lithium in a box of the given width (2,) Å, settled and melted."""
    lithium = settings.lithium
    height = lithium.atoms * lithium.volume_A3 / width.prod()
    atoms = amorphous.build("Li", lithium.atoms, (*width, height), lithium.minimum_distance_A, settings.seed)
    settle = stage(lithium, lithium.melt_temperature_K, lithium.settle_steps)
    settle["friction_time_fs"] = 10 * lithium.timestep_fs
    melt = stage(lithium, lithium.melt_temperature_K, lithium.melt_steps)
    say(f"lithium: {len(atoms)} random atoms in {height:.2f} Å, melting at {lithium.melt_temperature_K:g} K")
    atoms = anneal(atoms, [settle, melt], settings.seed + 1)
    say(f"lithium: molten, {atoms.info['mean_temperature_K']:.0f} K, {atoms.info['mean_pressure_GPa']:+.3f} GPa")
    return atoms


def without_pressure(
    atoms: Atoms, name: str, section: MeltSection, seed: int, anneal: Anneal, say: Callable[[str], None]
) -> Atoms:
    """Atoms at the temperature of their section, the box stretched along z until the mean pressure is about zero.

    d(ln height) = P / B, with the bulk modulus B of the config in the first round, then -dP / d(ln height) of the last
    two, kept within a factor of 3 of the first since pressures fluctuate.

    Args:
        name: of what is in the box.
    """
    first = modulus = section.bulk_modulus_GPa
    strain = before = 0.0
    for k in range(section.pressure_rounds):
        atoms = anneal(atoms, [stage(section, section.temperature_K, section.pressure_steps)], seed + k)
        pressure = atoms.info["mean_pressure_GPa"]
        say(
            f"{name}: round {k + 1}, {atoms.cell[2, 2]:.2f} Å, {atoms.get_volume() / len(atoms):.2f} Å³ per atom, "
            f"{atoms.info['mean_temperature_K']:.0f} K, {pressure:+.3f} GPa"
        )
        if abs(pressure) <= section.pressure_tolerance_GPa:
            return atoms
        if strain:
            modulus = float(np.clip((before - pressure) / strain, first / 3, first * 3))
        strain, before = float(np.clip(pressure / modulus, -LARGEST_STRAIN, LARGEST_STRAIN)), pressure
        cell = atoms.cell.array.copy()
        cell[2] *= np.exp(strain)
        atoms.set_cell(cell, scale_atoms=True)
    key = KEYS[name]
    raise SimulationError(
        f"pressure of {name} = {pressure:+.3f} GPa after {section.pressure_rounds} rounds: must be within "
        f"{section.pressure_tolerance_GPa:g} GPa of zero; raise {key}.pressure_rounds or {key}.pressure_steps."
    )


KEYS = {"silicon": "glass", "lithium": "lithium"}
"""What is melted -> section of the config."""


def stage(section: ContactSection | MeltSection, temperature: float, steps: int) -> dict[str, float]:
    """A stage with the time step and friction of a section."""
    return {
        "temperature_K": temperature,
        "steps": steps,
        "timestep_fs": section.timestep_fs,
        "friction_time_fs": section.friction_time_fs,
    }
