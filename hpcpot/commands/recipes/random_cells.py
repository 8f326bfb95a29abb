"""Recipe of random cells: many structures of each composition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from ase import Atoms

from hpcpot.structure.random.cells import RandomCells, generate


def made(asked: list[RandomCells], count: int, seed: int, say: Callable[[str], None]) -> Iterator[Atoms]:
    """Structures 0 to count - 1 of each composition, made where they are iterated.

    Args:
        say: prints a line for each composition.
    Raises:
        StructureError: see `generate`.
    """
    for cells in asked:
        orders: Counter[int] = Counter()
        for index in range(count):
            atoms = generate(cells, seed, index)
            orders[atoms.info["operations"]] += 1
            yield atoms
        counts = ", ".join(f"{number} with {order}" for order, number in sorted(orders.items()))
        whose = "a cell" if cells.unit_volume is None else "a formula unit"
        low, high = cells.volume_ratio
        say(
            f"{cells.name}: {count} structures at {low:g} to {high:g} of {cells.volume(1):.4g} Å³ {whose}; by symmetry "
            f"operations: {counts}"
        )
