"""Options of the commands that read labelled data, for what the files themselves do not say."""

from __future__ import annotations

import argparse

from hpcpot.dataset.formats import label_units
from hpcpot.dataset.formats.label_units import EXAMPLES
from hpcpot.dataset.formats.reading import TENSORS, UNCONVERGED, LabelNames, ReadOptions
from hpcpot.errors import ConfigError, DataError

DEFAULT_TENSOR = "virial_eV"


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds --elements, --group and the names of labels."""
    group = parser.add_argument_group("labelled data, where the files do not tell it")
    group.add_argument(
        "--elements",
        metavar="Li,Si",
        help="of types 0, 1, ... that have no names: of .cfg, of systems without type_map.raw, of models; of types 1, 2, ... "
        "of extended XYZ",
    )
    group.add_argument(
        "--group", help="configuration group of all frames (else the files', or their folder's or own name)"
    )
    group.add_argument(
        "--unconverged",
        choices=UNCONVERGED,
        default="drop",
        help="what to do with frames of calculations that did not converge, where the file tells it: leave them out "
        "(default), or read them, in groups .../unconverged",
    )
    group.add_argument(
        "--unlabelled",
        action="store_true",
        help="read structures although none of them has an energy, forces or a virial",
    )
    group.add_argument(
        "--skip-bad", action="store_true", help="leave out files that cannot be read, and say which and why"
    )
    group.add_argument(
        "--energy-key",
        metavar="KEY",
        help="of extended XYZ (none: no energy); of VASP: energy for sigma -> 0 (default TOTEN)",
    )
    group.add_argument("--forces-key", metavar="KEY", help="column of extended XYZ with the forces")
    group.add_argument("--virial-key", metavar="KEY", help="of extended XYZ with the virial or stress")
    group.add_argument("--energy-unit", metavar="UNIT", help=f"of XSF and extended XYZ: {EXAMPLES['energy']}")
    group.add_argument("--force-unit", metavar="UNIT", help=f"of XSF and extended XYZ: {EXAMPLES['force']}")
    group.add_argument(
        "--virial-is",
        choices=tuple(TENSORS),
        default=DEFAULT_TENSOR,
        help="what --virial-key is: virial = -V * stress; stress positive in tension; pressure in "
        f"compression (default {DEFAULT_TENSOR})",
    )


def read_options(arguments: argparse.Namespace) -> ReadOptions:
    """Return the options of labelled data as the readers take them.

    Raises:
        ConfigError: --virial-is without --virial-key; a unit that is not known.
    """
    if arguments.virial_is != DEFAULT_TENSOR and arguments.virial_key is None:
        raise ConfigError(
            f"--virial-is = {arguments.virial_is}: needs the key of what it is said of; add --virial-key."
        )
    elements = tuple(part.strip() for part in arguments.elements.split(",")) if arguments.elements else None
    names = LabelNames(arguments.energy_key, arguments.forces_key, arguments.virial_key, arguments.virial_is)
    for name, check in (("energy", label_units.energy), ("force", label_units.force)):
        if unit := getattr(arguments, f"{name}_unit"):
            try:
                check(unit, f"--{name}-unit")
            except DataError as error:
                raise ConfigError(str(error)) from error
    return ReadOptions(
        elements,
        names,
        arguments.group,
        arguments.unconverged,
        arguments.energy_unit,
        arguments.force_unit,
        arguments.unlabelled,
        arguments.skip_bad,
    )
