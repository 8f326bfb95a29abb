"""The config of `hpcpot select`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpcpot.config import Problem, Schema, key
from hpcpot.config.kinds import choice, either, file_name, integer, list_of, number, output_path
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.settings import FarmSection
from hpcpot.structure.settings import elements_key, format_key, units_key


@dataclass(frozen=True, kw_only=True)
class SelectStructuresSection:
    """Structures to select from."""

    files: str | list[str] = key(
        either(file_name(), list_of(file_name(), "a list of files or patterns")),
        "structures: labelled data of all formats of `hpcpot convert`, whose labels are kept; H5MD, CIF, POSCAR, LAMMPS data; "
        "patterns such as runs/*.h5md",
    )
    every: int = key(integer(1), "interval between the frames taken from each file, starting at its first", 1)
    elements: list[str] | None = elements_key()
    units: str | None = units_key()
    format: str | None = format_key()


@dataclass(frozen=True, kw_only=True)
class DescriptorSection:
    """What structures are compared by."""

    kind: str = key(
        choice("soap", "moment_tensor"),
        "soap: power spectra of the neighbourhoods; moment_tensor: the basis functions of a model",
        "soap",
    )
    model: Path | None = key(
        file_name(), "for moment_tensor: model file, or the name of a shipped one, e.g. lisi_mtp", None, is_input=True
    )
    cutoff_A: float = key(number(above=0), "for soap: radius of the neighbourhood", 3.0)
    width_A: float = key(number(above=0), "for soap: width over which neighbours fade", 0.5)
    taper: str = key(
        choice("inside", "outside"),
        "for soap: neighbours fade inside the cutoff, or outside, up to cutoff + width",
        "inside",
    )
    n_max: int = key(integer(1), "for soap: number of radial functions", 8)
    l_max: int = key(integer(), "for soap: highest degree of the spherical harmonics", 6)
    sigma_A: float = key(number(above=0), "for soap: width of the Gaussian of a neighbour", 0.4)
    central_weight: float = key(number(minimum=0), "for soap: weight of the atom itself among its neighbours", 1.0)


@dataclass(frozen=True, kw_only=True)
class SelectionSection:
    """Where farthest point sampling begins and ends; distances are from 0 to 1.41."""

    count: int | None = key(integer(1), "number of structures; null: until another key ends it, or all are taken", None)
    distance: float | None = key(
        number(above=0), "end when no structure is as far as this from the nearest selected one; null: do not", None
    )
    covered_percent: float | None = key(
        number(above=0),
        "end when so many of all structures are nearer than `within` to a selected one; null: do not",
        None,
    )
    within: float = key(number(above=0), "distance below which a selected structure stands for another one", 0.1)
    start: int | None = key(
        integer(), "number of the first structure, from 0; null: that of the least mean distance to all", None
    )
    random_seeds: list[int] = key(
        list_of(integer(), "a list of seeds, e.g. [1, 2, 3]"), "seeds of random subsets to compare with", [1, 2, 3]
    )


@dataclass(frozen=True, kw_only=True)
class SelectOutputSection:
    """Output files."""

    vectors: Path = key(output_path(), "HDF5 file of a vector for each structure; the same command completes it")
    dataset: Path = key(
        output_path(), "data set (.h5) of the selected structures, in the order of their choice, with their labels"
    )


@dataclass(frozen=True, kw_only=True)
class SelectSettings:
    """The config of `hpcpot select`."""

    structures: SelectStructuresSection
    descriptor: DescriptorSection = DescriptorSection()
    selection: SelectionSection = SelectionSection()
    output: SelectOutputSection
    farm: FarmSection = FarmSection()


def _check(settings: SelectSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    yield from farm_settings.check(settings.farm)
    descriptor, output = settings.descriptor, settings.output
    if descriptor.kind == "moment_tensor" and descriptor.model is None:
        yield "descriptor.model", "is required for descriptor.kind: moment_tensor"
    if descriptor.kind == "soap" and descriptor.model is not None:
        yield "descriptor.model", "is for descriptor.kind: moment_tensor; leave it out"
    if (settings.selection.covered_percent or 0.0) > 100.0:
        yield "selection.covered_percent", "must be at most 100"
    if output.dataset.suffix not in (".h5", ".hdf5"):
        yield "output.dataset", "must end in .h5; hpcpot convert makes other formats of it"
    if output.dataset.absolute() == output.vectors.absolute():
        yield "output.dataset", "must be another file than output.vectors"


SCHEMA = Schema(SelectSettings, _check)
