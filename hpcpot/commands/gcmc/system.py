"""What a run begins with: the potential, the atoms and the rules of its trials, all checked."""

from __future__ import annotations

from dataclasses import dataclass

import ase
import numpy as np

from hpcpot.commands.gcmc.settings import DynamicsSection, GcmcSettings, TrialsSection
from hpcpot.dynamics.start import freeze, make_state
from hpcpot.errors import ConfigError, StructureError
from hpcpot.montecarlo.acceptance import log_activity
from hpcpot.montecarlo.chain import Ensemble
from hpcpot.montecarlo.hybrid import DynamicsBlock
from hpcpot.montecarlo.proposals import Rules
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential import cited
from hpcpot.potential import files as potential_files
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.range import TrainedRange, note_if_assumed
from hpcpot.structure import checks, constraints
from hpcpot.structure import files as structure_files
from hpcpot.structure.cell import heights


@dataclass(frozen=True)
class GcmcInputs:
    """Inputs of a run.

    Attributes:
        potential, trained, fingerprint: of the model. atoms: the first structure, with its frozen atoms.
        masses: (species,) float64, amu. cites: keys of hpcpot.citations.
    """

    potential: BlockPotential
    trained: TrainedRange
    fingerprint: str
    atoms: ase.Atoms
    masses: np.ndarray
    cites: tuple[str, ...] = ()


def load(settings: GcmcSettings) -> GcmcInputs:
    """Read the model and the structure.

    Raises:
        ConfigError, StructureError, ModelError: they do not fit each other or the trials.
    """
    section = settings.potential
    family, trained = potential_files.load_with_range(section.file)
    if section.outside != "ignore":
        note_if_assumed(section.file, trained)
    potential = BlockPotential(family, section.kernels, section.precision)
    _require_elements(settings.gcmc, potential.elements)
    where = settings.structure
    names = tuple(where.elements) if where.elements else None
    read = structure_files.read(where.file, names, where.frame, where.units, where.format)
    atoms = checks.check(read, potential.elements, reach=potential.reach)
    least = float(heights(atoms).min())
    if least < settings.gcmc.minimum_distance_A:
        raise StructureError(
            f"cell = {least:.3g} Å between opposite faces: must be at least gcmc.minimum_distance_A, "
            f"{settings.gcmc.minimum_distance_A:g}, or an atom is too close to its own image; repeat the cell."
        )
    state = make_state(atoms, potential.elements, SERIAL)
    frozen = settings.frozen
    freeze(state, frozen.elements, frozen.ids, frozen.region_A)
    constraints.freeze(atoms, np.flatnonzero(state.frozen))
    cites = (*cited.works(section.file, family), "frenkel2002")
    return GcmcInputs(potential, trained, potential_files.fingerprint(family), atoms, state.masses, cites)


def _require_elements(gcmc: TrialsSection, elements: tuple[str, ...]) -> None:
    for name, given in (
        ("element", [gcmc.element]),
        ("pair", gcmc.pair or []),
        ("move_elements", gcmc.move_elements or []),
    ):
        for element in given:
            if element not in elements:
                raise ConfigError(
                    f"gcmc.{name} = {element}: must be an element of the potential, {', '.join(elements)}; take another "
                    "element, or a potential that was trained with it."
                )


def rules(gcmc: TrialsSection, elements: tuple[str, ...], volume: float) -> Rules:
    """How trials are drawn in a cell of a volume, Å³: without gcmc.maximum it bounds the atoms of the element."""
    room = int(0.5 * volume / gcmc.minimum_distance_A**3) + 1
    weights = np.array([gcmc.exchange, gcmc.move, gcmc.change, gcmc.swap])
    pair = gcmc.pair or [gcmc.element, gcmc.element]
    return Rules(
        seed=np.uint64(gcmc.seed),
        cumulative=np.cumsum(weights) / weights.sum(),
        element=elements.index(gcmc.element),
        pair=np.array([elements.index(name) for name in pair]),
        movable=np.array([gcmc.move_elements is None or name in gcmc.move_elements for name in elements]),
        displacement=gcmc.displacement_A,
        closest=gcmc.minimum_distance_A,
        tries=gcmc.tries,
        minimum=gcmc.minimum,
        maximum=room if gcmc.maximum is None else gcmc.maximum,
        cavity=gcmc.cavity_A or 0.0,
        spacing=gcmc.cavity_grid_A,
    )


def ensemble(gcmc: TrialsSection, elements: tuple[str, ...], masses: np.ndarray, mu: float) -> Ensemble:
    """What is held fixed at a chemical potential, eV."""
    mass = {name: float(m) for name, m in zip(elements, masses, strict=True)}
    ratio = 0.0
    if gcmc.change:
        first, second = gcmc.pair
        ratio = log_activity(gcmc.mu_difference_eV, gcmc.temperature_K, mass[second]) - log_activity(
            0.0, gcmc.temperature_K, mass[first]
        )
    return Ensemble(gcmc.temperature_K, log_activity(mu, gcmc.temperature_K, mass[gcmc.element]), ratio)


def block(section: DynamicsSection) -> DynamicsBlock | None:
    """A block of dynamics by its section; None for none."""
    if section.integrator is None:
        return None
    return DynamicsBlock(
        section.integrator,
        section.steps,
        section.timestep_fs,
        section.thermostat_time_fs,
        section.pressure_GPa or 0.0,
        section.barostat_time_fs,
        section.maximum_temperature_K,
    )
