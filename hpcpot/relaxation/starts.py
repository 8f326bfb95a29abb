"""Random cells as items of the farm: a few numbers each, from which a worker makes the structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hpcpot import config
from hpcpot.farm.item import Item
from hpcpot.storage.content import content_key
from hpcpot.structure.random import settings
from hpcpot.structure.random.cells import VERSION, RandomCells
from hpcpot.structure.random.recipe import RandomStart, random_cells

ADDED = ("form", "shape", "thickness", "vacuum")
"""What could not be asked for at first: without it a structure keeps the key that it had then."""


@dataclass(frozen=True)
class RandomItems(Sequence):
    """Items of the cells 0 to `each` - 1 of each composition, made one by one as they are asked for.

    Attributes:
        asked: what each composition asks for. contents: what identifies it, for keys.
    """

    asked: list[RandomCells]
    contents: list[str]
    each: int
    seed: int

    def __len__(self) -> int:
        return len(self.asked) * self.each

    def __getitem__(self, position: int) -> Item:
        """Composition and index follow from the position; the key does not depend on how many there are."""
        if not -len(self) <= position < len(self):
            raise IndexError(position)
        which, index = divmod(position % len(self), self.each)
        cells = self.asked[which]
        key = content_key(self.contents[which], self.seed, index)
        return Item(key, RandomStart(cells, self.seed, index), f"{cells.name}:{index}")


def of_recipe(path: Path) -> RandomItems:
    """The items of a config of `hpcpot build` with recipe: random.

    Raises:
        ConfigError, DependencyError: see `random_cells`.
    """
    recipe = config.load(path, settings.SCHEMA)
    asked = random_cells(recipe.random)
    return RandomItems(asked, [_content(cells) for cells in asked], recipe.random.count, recipe.seed)


def _content(cells: RandomCells) -> str:
    """All that a structure depends on, besides its seed and index."""
    values = {"version": VERSION} | asdict(cells)
    for name in ADDED:
        if values[name] == RandomCells.__dataclass_fields__[name].default:
            del values[name]
    values["distances"] = sorted(cells.distances.items())
    return repr(values)
