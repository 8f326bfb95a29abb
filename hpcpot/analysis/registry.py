"""The table of observables that configs can name; the code of a row is imported when one is asked for.

`register` adds a row from outside the package: a module that HPCPOT_PLUGINS names is imported before configs are read.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hpcpot.config import REQUIRED, Key, key, keys_in, section_json, show
from hpcpot.config.kinds import Kind, Late, choice, element, file_name, integer, list_of, number
from hpcpot.errors import ExtensionError
from hpcpot.registry import Registry

if TYPE_CHECKING:
    from hpcpot.analysis.observable import Frame, Observable

WORDS = "a list of {name, every, options}, e.g. [{name: voids, every: 100, options: {radius_A: 2.5}}]"
FIELDS = {
    "positions": "position",
    "images": "image",
    "velocities": "velocity",
    "forces": "force",
    "energies": "potential_energy",
    "virials": "virial",
}
"""Arrays of a frame -> their names in a trajectory."""


@dataclass(frozen=True, kw_only=True)
class NoOptions:
    """Options of an observable without options."""


@dataclass(frozen=True)
class ObservableRow:
    """A row of the registry.

    Attributes:
        name: in configs. code: "module:Class", see `analysis.observable`. help: the quantity, a line.
        options: section of a config whose keys are arguments of the class.
        needs: arrays of a frame that it reads, keys of FIELDS; only frames that have all of them are sampled.
    """

    name: str
    code: str
    help: str
    options: type = NoOptions
    needs: tuple[str, ...] = ("positions",)


class Observables(Registry[ObservableRow]):
    """The table of observables."""

    def register(self, row: ObservableRow) -> None:
        """Add a row; configs may name it from then on.

        Raises:
            ExtensionError: another row has its name, or it needs a field that frames do not have.
        """
        if unknown := set(row.needs) - FIELDS.keys():
            raise ExtensionError(
                f"needs = {', '.join(sorted(unknown))}: must be among {', '.join(FIELDS)}; correct it."
            )
        super().register(row)


OBSERVABLES = Observables("observable")
register = OBSERVABLES.register


def make(name: str, first: Frame, **options: Any) -> Observable:
    """Build an observable, with `first` as its reference frame; options left out take their defaults."""
    row = OBSERVABLES[name]
    module, _, cls = row.code.partition(":")
    defaults = {option: key.default for option, key in keys_in(row.options).items() if key.default is not REQUIRED}
    return getattr(import_module(module), cls)(first, **defaults | options)


def observations() -> Late:
    """[{name: voids, every: 100, options: {radius_A: 2.5}}, ...]: each with all its options, in plain values."""
    return Late(lambda: Kind(WORDS, _entries, {"type": "array", "items": {"anyOf": _json()}, "minItems": 1}))


def _json() -> list[dict[str, Any]]:
    """JSON Schema of an entry, for each observable."""
    return [
        {
            "type": "object",
            "description": row.help,
            "properties": {"name": {"const": row.name}, "every": integer(1).json, "options": section_json(row.options)},
            "required": ["name"],
            "additionalProperties": False,
        }
        for row in OBSERVABLES.values()
    ]


def _entries(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(entry, dict) for entry in value):
        raise ValueError(f"must be {WORDS}")
    entries = [_entry(entry) for entry in value]
    names = [entry["name"] for entry in entries]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"must name {repeated[0]} once")
    return entries


def _entry(given: dict[str, Any]) -> dict[str, Any]:
    if unknown := [str(key) for key in given if key not in ("name", "every", "options")]:
        raise ValueError(f"must have name, every and options only, and has {unknown[0]}")
    name = given.get("name")
    if name not in OBSERVABLES:
        raise ValueError(f"must name one of {', '.join(OBSERVABLES)}, not {show(name)}")
    every = integer(1).parse(given.get("every", 1))
    return {"name": name, "every": every, "options": _options(name, given.get("options") or {})}


def _options(name: str, given: Any) -> dict[str, Any]:
    """Check the options of an observable and fill in defaults; ValueError says what is wrong."""
    keys = keys_in(OBSERVABLES[name].options)
    if not isinstance(given, dict):
        raise ValueError(f"must have options of {name} as KEY: VALUE, {', '.join(keys)}")
    for option in map(str, given):
        if option not in keys:
            near = difflib.get_close_matches(option, keys, 1)
            known = f"did you mean {near[0]}?" if near else f"known are {', '.join(keys) or 'none'}"
            raise ValueError(f"has no option {option} of {name}; {known}")
    return {option: _value(name, option, row, given.get(option, row.default)) for option, row in keys.items()}


def _value(name: str, option: str, row: Key, value: Any) -> Any:
    if value is REQUIRED:
        raise ValueError(f"must have the option {option} of {name}, {row.kind.words}")
    if value is None and row.allows_null:
        return None
    try:
        return row.kind.parse(value)
    except ValueError as error:
        hint = f"; {row.hint}" if row.hint else ""
        raise ValueError(f"has the option {option} of {name} = {show(value)}, which {error}{hint}") from error


def bond_lengths() -> Kind:
    """[[element, element, Å], ...]."""
    words = "a list of [element, element, length], e.g. [[Si, Si, 2.8], [Li, Si, 3.2]]"

    def parse(value: Any) -> list:
        if not isinstance(value, list) or not all(isinstance(row, list) and len(row) == 3 for row in value):
            raise ValueError(f"must be {words}")
        return [[element().parse(a), element().parse(b), number(above=0).parse(length)] for a, b, length in value]

    bond = {"type": "array", "prefixItems": [element().json, element().json, number(above=0).json], "minItems": 3}
    return Kind(words, parse, {"type": "array", "items": bond | {"items": False}})


@dataclass(frozen=True, kw_only=True)
class StrainSection:
    """Atomic strain."""

    cutoff_A: float = key(
        number(above=0),
        "radius of the neighbourhood in the reference frame that defines the strain of an atom",
        4.5,
        hint="typical 4 to 6",
    )
    mapping: str = key(
        choice("off", "to_reference"), "off: include the strain of the cell; to_reference: subtract it", "off"
    )


@dataclass(frozen=True, kw_only=True)
class BondsSection:
    """Broken bonds."""

    lengths_A: list[list] | None = key(
        bond_lengths(),
        "maximum bond length of each pair of elements; null: 1.2 times the sum of the covalent radii",
        None,
    )
    stretch: float = key(
        number(minimum=1), "a bond counts as broken beyond this multiple of the maximum bond length", 1.2
    )


@dataclass(frozen=True, kw_only=True)
class VoidsSection:
    """Voids and free volume."""

    spacing_A: float = key(number(above=0), "spacing of the grid", 1.0, hint="typical 0.5 to 2")
    radius_A: float = key(
        number(above=0),
        "radius of the probe sphere, which must fit between the centres of atoms",
        2.5,
        hint="slightly more than what fits into the intact material, about 2.3 for lithium silicides",
    )


@dataclass(frozen=True, kw_only=True)
class StressSection:
    """Stress by region."""

    bins: list[int] = key(
        list_of(integer(1), "[nx, ny, nz], each >= 1", 3), "number of regions along each axis of the cell", [1, 20, 1]
    )


def normal_key() -> str:
    """The axis of a slab's normal."""
    return key(choice("a", "b", "c"), "axis of the cell along the normal of the slab", "c")


def host_key() -> str:
    """The element that a slab is measured by."""
    return key(element(), "element left of the interface, whose lowest atom is the origin", "Si")


def block_key() -> list[float]:
    """Where the drift of a slab is measured."""
    return key(
        list_of(number(minimum=0), "[low, high]", 2),
        "range above the lowest host atom, in Å, whose host atoms define the drift",
        [3.0, 15.0],
    )


@dataclass(frozen=True, kw_only=True)
class ConcentrationSection:
    """Concentration across an interface."""

    axis: str = normal_key()
    host: str = host_key()
    inserted: str = key(element(), "element right of the interface", "Li")
    bin_A: float = key(number(above=0), "width of the bins", 3.0, hint="typical 1 to 3")
    thresholds: list[float] = key(
        list_of(number(above=0), "[low, high]", 2),
        "concentrations of the inserted element that bound the interface",
        [0.05, 0.95],
    )
    block_A: list[float] = block_key()
    bond_A: float | None = key(
        number(above=0),
        "distance up to which host atoms around inserted ones are counted; null: they are not",
        None,
        hint="the first minimum of their g(r), about 3.5 for Si around Li",
    )


@dataclass(frozen=True, kw_only=True)
class EnergiesSection:
    """Energies of atoms across a slab."""

    axis: str = normal_key()
    across: str = key(choice("a", "b", "c"), "the other axis of the map", "a")
    host: str = host_key()
    bin_A: float = key(number(above=0), "width of the bins along both axes, about", 3.0, hint="typical 1 to 3")
    block_A: list[float] = block_key()


@dataclass(frozen=True, kw_only=True)
class DistributionSection:
    """Radial distribution functions."""

    r_max_A: float = key(number(above=0), "longest distance, a whole number of bins", 10.0)
    bin_A: float = key(number(above=0), "width of the bins", 0.02, hint="typical 0.01 to 0.1")
    volume_A3: float | None = key(
        number(above=0),
        "volume that the mean density refers to; null: that of the cell, which must be periodic along all axes",
        None,
    )


@dataclass(frozen=True, kw_only=True)
class CoordinationSection:
    """Coordination numbers."""

    lengths_A: list[list] | None = key(
        bond_lengths(),
        "maximum bond length of each pair of elements; null: the first minima of g(r) of the first frame",
        None,
    )


def drift() -> Kind:
    """Atoms whose mean motion is taken off: none, all, or an element."""
    groups, words = choice("none", "all"), "none, all, or the symbol of an element"

    def parse(value: Any) -> str:
        try:
            return value if value in ("none", "all") else element().parse(value)
        except ValueError as error:
            raise ValueError(f"must be {words}") from error

    return Kind(words, parse, {"anyOf": [groups.json, element().json]})


LAGS_HELP = "longest lag, in frames; so many are kept in memory and in checkpoints, 24 bytes per atom each"
DRIFT_HELP = "atoms whose mean motion, weighted by mass, is taken off: none, all, or an element"


@dataclass(frozen=True, kw_only=True)
class DisplacementSection:
    """Mean square displacement."""

    lags: int = key(integer(1), LAGS_HELP, 200)
    drift: str = key(drift(), DRIFT_HELP, "all")
    fit_ps: list[float] | None = key(
        list_of(number(minimum=0), "[low, high]", 2),
        "range of lags in which D is fitted; null: 0.2 to 0.8 of the longest",
        None,
    )


@dataclass(frozen=True, kw_only=True)
class VelocitySection:
    """Velocity autocorrelation."""

    lags: int = key(integer(1), LAGS_HELP, 400)
    drift: str = key(drift(), DRIFT_HELP, "all")


@dataclass(frozen=True, kw_only=True)
class ModelsSection:
    """Models of a committee."""

    files: list[str] = key(
        list_of(file_name(), "a list of model files"), "at least two model files, relative to the current folder"
    )


for _row in (
    ObservableRow(
        "strain",
        "hpcpot.analysis.strain:AtomicStrain",
        "strain of atoms against the first frame: von Mises shear, volumetric, D²min",
        StrainSection,
    ),
    ObservableRow(
        "bonds",
        "hpcpot.analysis.bonds:BondCounts",
        "coordination, and bonds of the first frame that have broken",
        BondsSection,
    ),
    ObservableRow(
        "voids", "hpcpot.analysis.voids:FreeVolume", "free volume, and the hole that becomes the largest", VoidsSection
    ),
    ObservableRow(
        "stress",
        "hpcpot.analysis.stress:RegionalStress",
        "stress of regions, averaged over frames",
        StressSection,
        ("positions", "velocities", "virials"),
    ),
    ObservableRow(
        "profile",
        "hpcpot.analysis.concentration:Concentration",
        "concentration and densities along the normal of an interface, where it is, and the flux of the host through it",
        ConcentrationSection,
    ),
    ObservableRow(
        "energies",
        "hpcpot.analysis.energy_map:EnergyMap",
        "potential energy of the atoms of each element along the normal of a slab, and as a map",
        EnergiesSection,
        ("positions", "energies"),
    ),
    ObservableRow(
        "rdf",
        "hpcpot.analysis.rdf:RadialDistribution",
        "radial distribution function of each pair of elements, its first peak and minimum, coordination numbers",
        DistributionSection,
    ),
    ObservableRow(
        "coordination",
        "hpcpot.analysis.coordination:CoordinationNumbers",
        "coordination numbers of each pair of elements: means and distributions",
        CoordinationSection,
    ),
    ObservableRow(
        "msd",
        "hpcpot.analysis.motion:MeanSquareDisplacement",
        "mean square displacement of each element over all origins, and diffusion coefficients",
        DisplacementSection,
        ("positions", "images"),
    ),
    ObservableRow(
        "vacf",
        "hpcpot.analysis.motion:VelocityAutocorrelation",
        "velocity autocorrelation of each element over all origins, its spectrum, and diffusion coefficients",
        VelocitySection,
        ("positions", "velocities"),
    ),
    ObservableRow(
        "deviation",
        "hpcpot.analysis.deviation:ModelDeviation",
        "how far the forces of several models are apart; on one rank, so for small systems or few frames",
        ModelsSection,
    ),
):
    register(_row)
