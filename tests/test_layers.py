"""Imports point downwards only, in no circle, and each heavy package is imported where it is named below."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from repository import REPOSITORY

PACKAGE = REPOSITORY / "hpcpot"
LAYERS = (
    ("cli", "__main__", "terminal", "completion"),
    ("commands",),
    (
        "dynamics",
        "relaxation",
        "montecarlo",
        "properties",
        "training",
        "analysis",
        "learning",
        "farm",
        "dataset",
        "descriptors",
        "labelling",
    ),
    ("potential",),
    ("neighbors", "gpu", "storage", "report", "selection"),
    ("parallel", "provenance"),
    ("structure",),
    ("config", "compiled", "progress", "inputs"),
    ("outputs", "data"),
    ("notices",),
    ("units", "errors", "wording", "plugins", "registry", "account", "citations"),
)
"""Highest first. A module imports from its own layer or a lower one. `hpcpot` itself is the lowest: what it offers from
above, as hpcpot.Calculator, is imported when somebody asks for it."""

HEAVY = {
    "mpi4py": {"hpcpot.parallel.ranks", "hpcpot.commands.doctor.checks"},
    "cupy": {"hpcpot.gpu"},
    "dask": {"hpcpot.farm"},
    "distributed": {"hpcpot.farm"},
    "dask_jobqueue": {"hpcpot.farm"},
    "torch": {"hpcpot.training", "hpcpot.potential.graph", "hpcpot.potential.torch_device"},
    "spglib": {"hpcpot.structure.symmetry"},
    "pymatgen": {"hpcpot.structure.matching"},
    "matplotlib": {
        "hpcpot.report.figures",
        "hpcpot.report.interactive",
        "hpcpot.commands.report",
        "hpcpot.commands.analyze.figures",
        "hpcpot.dataset.figure",
    },
    "plotly": {"hpcpot.report.page"},
}
"""Package -> the modules or folders that alone may import it."""


def modules() -> dict[str, Path]:
    names = {path: ".".join(path.relative_to(REPOSITORY).with_suffix("").parts) for path in PACKAGE.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


MODULES = modules()


@cache
def imports(path: Path, at_start: bool = False) -> tuple[str, ...]:
    return tuple(_imports(path, at_start))


def _imports(path: Path, at_start: bool) -> Iterator[str]:
    """Names that a file imports, submodules by their whole name; those for type checkers are none.

    Args:
        at_start: only what its own import runs.
    """
    pending = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
        elif at_start and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            pending += ast.iter_child_nodes(node)


def layer(name: str) -> int:
    parts = name.split(".")
    if len(parts) == 1:
        return len(LAYERS)
    found = [k for k, names in enumerate(LAYERS) if parts[1] in names]
    assert found, f"{name}: in no layer; add its folder to LAYERS"
    return found[0]


@cache
def own(path: Path, at_start: bool = False) -> set[str]:
    return {name for name in imports(path, at_start) if name.split(".")[0] == "hpcpot"}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_point_downwards(name):
    upwards = sorted(other for other in own(MODULES[name], at_start=name == "hpcpot") if layer(other) < layer(name))
    assert not upwards, f"{name} imports from above: {upwards}"


def test_commands_do_not_import_one_another():
    shelf = "hpcpot.commands."
    for name, path in MODULES.items():
        if name.startswith(shelf):
            folder = name.split(".")[2]
            others = [other for other in own(path) if other.startswith(shelf) and other.split(".")[2] != folder]
            assert not others, f"{name} imports other commands: {others}"


def test_no_circles_between_modules():
    try:
        TopologicalSorter({name: own(path, at_start=True) - {name} for name, path in MODULES.items()}).prepare()
    except CycleError as error:
        pytest.fail(f"circle of imports: {' -> '.join(error.args[1])}")


def test_no_circles_between_folders():
    folders: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        if (parts := name.split("."))[1:] and parts[1] not in ("commands", "cli"):
            others = {other.split(".")[1] for other in own(path) if "." in other}
            folders.setdefault(parts[1], set()).update(others - {parts[1]})
    try:
        TopologicalSorter(folders).prepare()
    except CycleError as error:
        pytest.fail(f"circle of folders: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("package", sorted(HEAVY))
def test_heavy_packages_are_imported_where_they_are_named(package):
    for name, path in MODULES.items():
        if any(f"{name}.".startswith(f"{allowed}.") for allowed in HEAVY[package]):
            continue
        assert package not in {other.split(".")[0] for other in imports(path)}, f"{name} imports {package}"
