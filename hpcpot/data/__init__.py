"""Structures, models and example configs that ship with hpcpot."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
MODEL = b"hpcpot-model"
"""First bytes of a model."""
NOT_DATA = (".py", ".pyc", ".md")


def _files() -> list[Path]:
    return sorted(path for path in FOLDER.iterdir() if path.is_file() and path.suffix not in NOT_DATA)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(MODEL))


def names() -> list[str]:
    """Names of the shipped files, without suffix."""
    return [path.stem for path in _files()]


def models() -> list[str]:
    """Names of the shipped files that are models, which their first bytes say."""
    return [path.stem for path in _files() if path.suffix == ".h5" and _head(path) == MODEL]


def find(name: str) -> Path | None:
    """Find the shipped file of this name, given with or without its suffix; None if there is none."""
    return next((path for path in _files() if name in (path.stem, path.name)), None)


def examples() -> dict[str, Path]:
    """Example configs by name."""
    return {path.stem: path for path in sorted((FOLDER / "configs").glob("*.yaml"))}
