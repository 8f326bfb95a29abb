"""The table of observables that configs can name; the code of a row is imported when one is asked for.

`register` adds a row from outside the package: a module that HPCPOT_PLUGINS names is imported before configs are read.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hpcpot.config import REQUIRED, show
from hpcpot.config.kinds import Kind, choice, element, file_name, integer, list_of, number

if TYPE_CHECKING:
    from hpcpot.analysis.observable import Frame, Observable

FIELDS = {
    "positions": "position",
    "images": "image",
    "velocities": "velocity",
    "forces": "force",
    "energies": "potential_energy",
    "virials": "virial",
}
"""Arrays of a frame -> their names in a trajectory."""


@dataclass(frozen=True)
class Option:
    """An option of an observable, an argument of its class.

    Attributes:
        kind: requirement on its value. help: its meaning, a line.
        default: value when absent; REQUIRED if there is none. A default of None allows null.
        hint: advice for a wrong value, "typical 4 to 6".
    """

    name: str
    kind: Kind
    help: str
    default: Any = REQUIRED
    hint: str = ""


@dataclass(frozen=True)
class Registration:
    """A row of the registry.

    Attributes:
        name: in configs. code: "module:Class", see `analysis.observable`. help: the quantity, a line.
        options: arguments of the class that a config may give.
        needs: arrays of a frame that it reads, keys of FIELDS; only frames that have all of them are sampled.
    """

    name: str
    code: str
    help: str
    options: tuple[Option, ...] = ()
    needs: tuple[str, ...] = ("positions",)


OBSERVABLES: dict[str, Registration] = {}


def register(row: Registration) -> None:
    """Add an observable, also from outside hpcpot; configs may name it from then on.

    Raises:
        ValueError: the name is taken, or a field of frames is unknown.
    """
    if row.name in OBSERVABLES:
        raise ValueError(f"observable = {row.name}: is in the table already; choose another name.")
    if unknown := set(row.needs) - FIELDS.keys():
        raise ValueError(f"needs = {', '.join(sorted(unknown))}: must be among {', '.join(FIELDS)}; correct it.")
    OBSERVABLES[row.name] = row


def make(name: str, first: Frame, **options: Any) -> Observable:
    """Build an observable, with `first` as its reference frame; options left out take their defaults."""
    row = OBSERVABLES[name]
    module, _, cls = row.code.partition(":")
    return getattr(import_module(module), cls)(
        first, **{option.name: option.default for option in row.options} | options
    )


def observations() -> Kind:
    """[{name: voids, every: 100, options: {radius_A: 2.5}}, ...]: each with all its options, in plain values."""
    words = "a list of {name, every, options}, e.g. [{name: voids, every: 100, options: {radius_A: 2.5}}]"

    def parse(value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not value or not all(isinstance(entry, dict) for entry in value):
            raise ValueError(f"must be {words}")
        entries = [_entry(entry) for entry in value]
        names = [entry["name"] for entry in entries]
        if repeated := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"must name {repeated[0]} once")
        return entries

    return Kind(words, parse)


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
    keys = {option.name: option for option in OBSERVABLES[name].options}
    if not isinstance(given, dict):
        raise ValueError(f"must have options of {name} as KEY: VALUE, {', '.join(keys)}")
    for key in map(str, given):
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1)
            known = f"did you mean {near[0]}?" if near else f"known are {', '.join(keys) or 'none'}"
            raise ValueError(f"has no option {key} of {name}; {known}")
    return {key: _value(name, option, given.get(key, option.default)) for key, option in keys.items()}


def _value(name: str, option: Option, value: Any) -> Any:
    if value is REQUIRED:
        raise ValueError(f"must have the option {option.name} of {name}, {option.kind.words}")
    if value is None and option.default is None:
        return None
    try:
        return option.kind.parse(value)
    except ValueError as error:
        hint = f"; {option.hint}" if option.hint else ""
        raise ValueError(f"has the option {option.name} of {name} = {show(value)}, which {error}{hint}") from error


def bond_lengths() -> Kind:
    """[[element, element, Å], ...]."""
    words = "a list of [element, element, length], e.g. [[Si, Si, 2.8], [Li, Si, 3.2]]"

    def parse(value: Any) -> list:
        if not isinstance(value, list) or not all(isinstance(row, list) and len(row) == 3 for row in value):
            raise ValueError(f"must be {words}")
        return [[element().parse(a), element().parse(b), number(above=0).parse(length)] for a, b, length in value]

    return Kind(words, parse)


register(
    Registration(
        "strain",
        "hpcpot.analysis.strain:AtomicStrain",
        "strain of atoms against the first frame: von Mises shear, volumetric, D²min",
        (
            Option(
                "cutoff_A",
                number(above=0),
                "neighbours of the reference frame whose motion is its strain",
                4.5,
                hint="typical 4 to 6",
            ),
            Option(
                "mapping",
                choice("off", "to_reference"),
                "off: strain of the cell is part of it; to_reference: it is taken off",
                "off",
            ),
        ),
    )
)
register(
    Registration(
        "bonds",
        "hpcpot.analysis.bonds:BondCounts",
        "coordination, and bonds of the first frame that have broken",
        (
            Option(
                "lengths_A",
                bond_lengths(),
                "longest bond of each pair of elements; null: 1.2 times the sum of the covalent radii",
                None,
            ),
            Option(
                "stretch", number(minimum=1), "a bond has broken when it is longer than this times the longest", 1.2
            ),
        ),
    )
)
register(
    Registration(
        "voids",
        "hpcpot.analysis.voids:FreeVolume",
        "free volume, and the hole that becomes the largest",
        (
            Option("spacing_A", number(above=0), "of the points of the grid", 1.0, hint="typical 0.5 to 2"),
            Option(
                "radius_A",
                number(above=0),
                "of the sphere that fits into a void between the centres of atoms",
                2.5,
                hint="just more than in the intact material: about 2.3 for lithium silicides",
            ),
        ),
    )
)
register(
    Registration(
        "stress",
        "hpcpot.analysis.stress:RegionalStress",
        "stress of regions, averaged over frames",
        (
            Option(
                "bins",
                list_of(integer(1), "[nx, ny, nz], each >= 1", 3),
                "regions along each axis of the cell",
                [1, 20, 1],
            ),
        ),
        ("positions", "velocities", "virials"),
    )
)
register(
    Registration(
        "profile",
        "hpcpot.analysis.profile:Concentration",
        "concentration along the normal of an interface, and where the interface is",
        (
            Option("axis", choice("a", "b", "c"), "of the cell, whose faces the interface is parallel to", "c"),
            Option("host", element(), "left of the interface", "Si"),
            Option("inserted", element(), "right of the interface", "Li"),
            Option("bin_A", number(above=0), "width of the bins", 3.0, hint="typical 1 to 3"),
            Option(
                "thresholds",
                list_of(number(above=0), "[low, high]", 2),
                "concentrations between which the interface is",
                [0.05, 0.95],
            ),
            Option(
                "block_A",
                list_of(number(minimum=0), "[low, high]", 2),
                "Å above the lowest host atom between which host atoms tell the drift",
                [3.0, 15.0],
            ),
        ),
    )
)
register(
    Registration(
        "deviation",
        "hpcpot.analysis.deviation:ModelDeviation",
        "how far the forces of several models are apart; on one rank, so for small systems or few frames",
        (Option("files", list_of(file_name(), "a list of model files"), "at least two models; paths from here"),),
    )
)
