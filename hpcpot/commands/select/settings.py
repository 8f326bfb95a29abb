"""The config of `hpcpot select`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpcpot.config import Problem, Schema, key
from hpcpot.config.kinds import choice, either, file_name, integer, list_of, mapping_of, number, output_path, text
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
    zeta: int = key(
        integer(1),
        "for soap: power of the kernel of two atoms; 1 compares mean vectors, more all pairs of atoms, in blocks of "
        "structures on the farm",
        1,
    )


@dataclass(frozen=True, kw_only=True)
class SelectionSection:
    """What is selected, and where farthest point sampling begins and ends; distances are from 0 to 1.41."""

    method: str = key(
        choice("farthest", "cur", "d_optimal", "random"),
        "farthest: farthest point sampling; cur: largest leverage; d_optimal: largest determinant, one by one; random: by "
        "`seed`",
        "farthest",
    )
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
    quotas: dict[str, int] | None = key(
        mapping_of(text("a composition"), integer(1), "a mapping of compositions to numbers, e.g. {LiSi: 100}"),
        "most structures of a composition; of others, or with null, as many as come",
        None,
    )
    duplicates: float | None = key(
        number(above=0),
        "list structures nearer than this to an earlier one, by the distances of all pairs; null: do not",
        None,
    )
    seed: int = key(integer(), "for random: seed of the choice", 1)
    random_seeds: list[int] = key(
        list_of(integer(), "a list of seeds, e.g. [1, 2, 3]"), "seeds of random subsets to compare with", [1, 2, 3]
    )


@dataclass(frozen=True, kw_only=True)
class DiagramSection:
    """Similarity diagram: mean similarity of each structure to two groups, and of the pairs within groups."""

    x: str | None = key(
        text("a group or a composition"), "group or composition on the first axis, e.g. LiSi64; null: no diagram", None
    )
    y: str | None = key(text("a group or a composition"), "group or composition on the second axis, e.g. Li54Si", None)
    by: str = key(choice("composition", "group"), "what curves of similar pairs and colours are of", "composition")


@dataclass(frozen=True, kw_only=True)
class SelectOutputSection:
    """Output files."""

    vectors: Path = key(output_path(), "HDF5 file of a vector for each structure; the same command completes it")
    dataset: Path = key(
        output_path(), "data set (.h5) of the selected structures, in the order of their choice, with their labels"
    )
    similarities: Path | None = key(
        output_path(), "HDF5 file of the similarities of all pairs, written some rows at a time; null: none", None
    )


@dataclass(frozen=True, kw_only=True)
class SelectSettings:
    """The config of `hpcpot select`."""

    structures: SelectStructuresSection
    descriptor: DescriptorSection = DescriptorSection()
    selection: SelectionSection = SelectionSection()
    diagram: DiagramSection = DiagramSection()
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
    selection = settings.selection
    if descriptor.kind == "moment_tensor" and descriptor.zeta > 1:
        yield "descriptor.zeta", "is for descriptor.kind: soap, whose kernel of two atoms is at most 1; leave it out"
    if selection.method != "farthest":
        if selection.count is None:
            yield "selection.count", f"is required for selection.method: {selection.method}"
        for name in ("distance", "covered_percent", "start"):
            if getattr(selection, name) is not None:
                yield f"selection.{name}", "is for selection.method: farthest; leave it out"
    if selection.method in ("cur", "d_optimal") and descriptor.zeta > 1:
        yield "selection.method", "needs vectors, which structures have with descriptor.zeta: 1 only"
    if (settings.selection.covered_percent or 0.0) > 100.0:
        yield "selection.covered_percent", "must be at most 100"
    if output.dataset.suffix not in (".h5", ".hdf5"):
        yield "output.dataset", "must end in .h5; hpcpot convert makes other formats of it"
    if (settings.diagram.x is None) != (settings.diagram.y is None):
        yield "diagram.y" if settings.diagram.y is None else "diagram.x", "is required where the other axis is given"
    paths = {
        "output.vectors": output.vectors,
        "output.dataset": output.dataset,
        "output.similarities": output.similarities,
    }
    taken: dict[Path, str] = {}
    for name, path in paths.items():
        if path is not None and (other := taken.setdefault(path.absolute(), name)) != name:
            yield name, f"must be another file than {other}"


SCHEMA = Schema(SelectSettings, _check)
