"""Families of potentials, a row each: what a family is called, what it can, and where its code is.

Code is named by import path, `module:name`, and imported when it is needed, so that this table costs nothing: commands
list families, kernels and file formats from it before NumPy, Numba or torch are loaded. `register` adds a family from
outside hpcpot; docs/extending.md shows one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from hpcpot.errors import ConfigError, ModelError
from hpcpot.registry import Registry

KERNEL_SETS = {"cpu": "hpcpot.potential.moments.cpu", "reference": "hpcpot.potential.moments.reference"}
"""Name of a kernel set of the host -> the module that serves every family without kernels of its own."""

PRECISIONS = ("float64", "mixed")


@dataclass(frozen=True)
class Reader:
    """A kind of model file of another program, and the code that reads it.

    Attributes:
        what: kind of file, with its article and suffixes, as errors list it.
        recognise: path of a function (files.Head) -> bool.
        read: path of a function (path, **options) -> model; with `several`, of (paths, **options).
        options: names of the options that `read` takes. several: whether a model has a file for each element.
        shortest: path of a function (path) -> shortest distance of the training set, Å, nan where the file does not say
            it; None where no such file does. shortest_is: what the format calls it.
    """

    what: str
    recognise: str
    read: str
    options: tuple[str, ...] = ()
    several: bool = False
    shortest: str | None = None
    shortest_is: str = ""


@dataclass(frozen=True)
class Writer:
    """A kind of model file of another program, and the code that writes it.

    Attributes:
        suffix: of the file, which chooses the writer. write: path of a function (model, path, overwrite, **options).
        options: names of the options that `write` takes.
    """

    suffix: str
    write: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class FamilyRow:
    """A family of potentials.

    Attributes:
        name: in configs and model files. title: in sentences.
        model: path of the dataclass of its parameters, a contract.Family.
        reference, cpu: path of a function (family, closest, precision) -> object like moments.steps.Steps, or None where
            the shared kernels of the moment sets serve. gpu: the same of (device, buffers, family, closest, precision),
            like moments.gpu.tabulated.TabulatedGpu. These functions may return None, too.
        mixed: path of a function (model) -> the kernel sets that have mixed precision of it; None: float64 only.
        readers, writers: files of other programs.
        trainer: module with SECTIONS, complete(settings), check(settings), needs_forces(settings) and fit(job), or None.
        grader: path of a function (family) -> contract.Grader, or None where this model has no extrapolation grades.
        foreign: path of a function (path) -> what a file of a related program is, which is not read, and what to do; None
            for another file.
        whole_cells: path of a function (model, precision, device: cpu, gpu or auto) -> contract.CellPotential of a family that
            is no sum over neighbourhoods; None: it is one, by moments or kernels of its own.
        shortest: the parameter that is, or begins at, the shortest distance of the training set; None: there is none.
        shortest_is: what this parameter is.
        cites: keys of hpcpot.citations, the works to cite where it is used.
    """

    name: str
    title: str
    model: str
    reference: str | None = None
    cpu: str | None = None
    gpu: str | None = None
    mixed: str | None = None
    readers: tuple[Reader, ...] = ()
    writers: tuple[Writer, ...] = ()
    trainer: str | None = None
    grader: str | None = None
    foreign: str | None = None
    whole_cells: str | None = None
    shortest: str | None = None
    shortest_is: str = ""
    cites: tuple[str, ...] = ()


MIN_NBOR_DIST = "min_nbor_dist of DeePMD-kit, the shortest distance of its training set"

_ROWS = (
    FamilyRow(
        "deep_potential",
        "Deep Potential",
        "hpcpot.potential.deep_potential.model:DeepPotential",
        cpu="hpcpot.potential.deep_potential.cpu:prepare",
        gpu="hpcpot.potential.deep_potential.gpu:prepare",
        mixed="hpcpot.potential.deep_potential.model:mixed_kernels",
        readers=(
            Reader(
                "a DeePMD-kit model (.dp, .yaml)",
                "hpcpot.potential.deep_potential.deepmd:is_native",
                "hpcpot.potential.deep_potential.deepmd:read_native",
                shortest="hpcpot.potential.deep_potential.shortest:of_native",
                shortest_is=MIN_NBOR_DIST,
            ),
            Reader(
                "a frozen DeePMD-kit model (.pb)",
                "hpcpot.potential.deep_potential.deepmd_frozen:is_frozen",
                "hpcpot.potential.deep_potential.deepmd_frozen:read_frozen",
                shortest="hpcpot.potential.deep_potential.shortest:of_frozen",
                shortest_is=MIN_NBOR_DIST,
            ),
        ),
        writers=(Writer(".dp", "hpcpot.potential.deep_potential.to_deepmd:write_native", ("shortest",)),),
        trainer="hpcpot.training.deep_potential.settings",
        foreign="hpcpot.potential.deep_potential.unsupported:kind_of_backend",
        cites=("zhang2018",),
    ),
    FamilyRow(
        "chebyshev",
        "Chebyshev network",
        "hpcpot.potential.chebyshev.model:Chebyshev",
        cpu="hpcpot.potential.chebyshev.cpu:prepare",
        gpu="hpcpot.potential.chebyshev.gpu:prepare",
        mixed="hpcpot.potential.chebyshev.model:mixed_kernels",
        readers=(
            Reader(
                "aenet networks (.nn, .ann, .nn.ascii)",
                "hpcpot.potential.chebyshev.aenet:is_network",
                "hpcpot.potential.chebyshev.aenet:read",
                ("angular_domain",),
                several=True,
            ),
        ),
        trainer="hpcpot.training.chebyshev.settings",
        shortest="min_distance",
        shortest_is="Rc_min of aenet, the shortest distance of its training set",
        cites=("artrith2017",),
    ),
    FamilyRow(
        "moment_tensor",
        "moment tensor potential",
        "hpcpot.potential.moment_tensor.model:MomentTensor",
        cpu="hpcpot.potential.moment_tensor.cpu:prepare",
        mixed="hpcpot.potential.moment_tensor.cpu:mixed_kernels",
        gpu="hpcpot.potential.moment_tensor.gpu:prepare",
        readers=(
            Reader(
                "a moment tensor potential of MLIP (.mtp, .almtp)",
                "hpcpot.potential.moment_tensor.mlip:is_mtp",
                "hpcpot.potential.moment_tensor.mlip:read",
                ("elements",),
            ),
        ),
        writers=(Writer(".mtp", "hpcpot.potential.moment_tensor.to_mlip:write"),),
        trainer="hpcpot.training.moment_tensor.settings",
        grader="hpcpot.potential.moment_tensor.extrapolation:grader",
        shortest="min_distance",
        shortest_is="min_dist of MLIP, where radial functions begin: 0.99 times the shortest trained distance by default",
        cites=("shapeev2016",),
    ),
    FamilyRow(
        "graph",
        "graph network",
        "hpcpot.potential.graph.model:GraphNetwork",
        mixed="hpcpot.potential.graph.model:mixed_kernels",
        trainer="hpcpot.training.graph.settings",
        whole_cells="hpcpot.potential.graph.potential:prepare",
        cites=("cheon2020", "chen2019"),
    ),
    FamilyRow("lennard_jones", "Lennard-Jones potential", "hpcpot.potential.lennard_jones:LennardJones"),
)

FAMILIES: Registry[FamilyRow] = Registry("family")
register = FAMILIES.register
for _row in _ROWS:
    register(_row)


def code(path: str) -> Any:
    """The object that an import path `module:name` names, imported now."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def row_of(model: Any) -> FamilyRow:
    """The family of a model, also of a subclass.

    Raises:
        ModelError: its class is in no row.
    """
    paths = [f"{kind.__module__}:{kind.__qualname__}" for kind in type(model).__mro__]
    for row in FAMILIES.values():
        if row.model in paths:
            return row
    raise ModelError(
        f"model = {paths[0]}: must be of a registered family ({', '.join(FAMILIES)}); register it by "
        "hpcpot.potential.registry.register."
    )


def check_kernels(model: Any, kernel_set: str, precision: str) -> None:
    """Refuse kernels and precisions that there are not for a model, before anything is built.

    Args:
        kernel_set: of KERNEL_SETS, or gpu.
    Raises:
        ConfigError: an unknown kernel set, or no mixed precision by these kernels.
    """
    if kernel_set not in (*KERNEL_SETS, "gpu"):
        raise ConfigError(f"potential.kernels = {kernel_set}: must be {' or '.join(KERNEL_SETS)}; cpu is the fast one.")
    row = row_of(model)
    if row.whole_cells and kernel_set != "cpu":
        raise ConfigError(
            f"potential.kernels = {kernel_set}: the {row.title} has one implementation, in torch; set cpu, and device where a "
            "GPU is wanted."
        )
    if precision != "float64" and (row.mixed is None or kernel_set not in code(row.mixed)(model)):
        raise ConfigError(
            f"potential.precision = {precision}: the {kernel_set} kernels of this {row.title} have float64 only; set "
            "float64."
        )


def require_local(model: Any) -> None:
    """Refuse a model of whole cells where energies of atoms by their neighbours are needed.

    Raises:
        ModelError: says what it can be used for.
    """
    row = row_of(model)
    if row.whole_cells:
        raise ModelError(
            f"potential = {row.title}: must be a sum of energies of atoms by their neighbours; its forces are no gradient of a "
            "smooth energy and messages cross the whole cell, so that it has no dynamics, no domains and no change of a part; "
            "use it with relax and test, or take another model here."
        )


def kernels(model: Any, kernel_set: str) -> Callable[..., Any] | None:
    """The function that prepares the family's own kernels, or None where the shared ones serve."""
    path = getattr(row_of(model), kernel_set)
    return code(path) if path else None


def trainers() -> dict[str, ModuleType]:
    """Name of a family -> the module that trains it, for those that hpcpot trains."""
    return {row.name: import_module(row.trainer) for row in FAMILIES.values() if row.trainer}


def grader(model: Any) -> Any | None:
    """A contract.Grader of a model, or None where the model has no extrapolation grades."""
    path = row_of(model).grader
    return None if path is None else code(path)(model)


def readers() -> list[Reader]:
    """The readers of all families."""
    return [reader for row in FAMILIES.values() for reader in row.readers]


def foreign(path: Path) -> str | None:
    """Describe a model file of a related program that is not read; None for any other."""
    kinds = (code(row.foreign)(path) for row in FAMILIES.values() if row.foreign)
    return next((kind for kind in kinds if kind), None)


def writers() -> dict[str, tuple[FamilyRow, Writer]]:
    """Suffix -> the family and writer of it."""
    return {writer.suffix: (row, writer) for row in FAMILIES.values() for writer in row.writers}
