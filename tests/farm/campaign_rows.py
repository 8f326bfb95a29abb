"""Rows of a results file whose content follows from their number, and a program that writes them until it is killed.

python -m farm.campaign_rows PATH COUNT      prints "stored N" after each block of rows
"""

from __future__ import annotations

import sys

import numpy as np

from hpcpot.farm.item import Failure
from hpcpot.farm.results import Column, Store
from hpcpot.storage.content import content_key

COLUMNS = {
    "energy": Column((), unit="eV"),
    "cell": Column((3, 3), unit="Angstrom"),
    "species": Column((None,), "int32"),
    "positions": Column((None, 3), unit="Angstrom"),
    "path": Column((None, None, 3), "float32"),
    "status": Column((), "str"),
}
BLOCK = 7


def values(x: int) -> dict:
    n = 1 + x % 4
    return {
        "energy": 0.5 * x,
        "cell": np.eye(3) * x,
        "species": np.full(n, 14),
        "positions": np.full((n, 3), 1.0 * x),
        "path": np.full((x % 3, n, 3), x),
        "status": "geöffnet" if x % 2 else "",
    }


def is_bad(x: int) -> bool:
    return x % 10 == 3


def row(x: int) -> tuple:
    return content_key(x), f"item {x}", Failure("ValueError", f"bad {x}", "here", "...") if is_bad(x) else values(x)


def open_store(path, **options) -> Store:
    given = {
        "kind": "test",
        "columns": COLUMNS,
        "identity": {"potential": "abc"},
        "provenance": {"date": "today"},
        "expected_rows": 100,
    }
    return Store(path, **given | options)


def verify(results, count: int) -> None:
    """The file has exactly the first `count` rows, whole."""
    good = [x for x in range(count) if not is_bad(x)]
    assert results.keys() == [content_key(x) for x in good]
    assert results.labels() == [f"item {x}" for x in good]
    for name in COLUMNS:
        for found, x in zip(results.read(name), good, strict=True):
            if name == "status":
                assert found == values(x)[name]
            else:
                np.testing.assert_array_equal(found, values(x)[name])
    assert [(label, failure.message) for _, label, failure in results.failed()] == [
        (f"item {x}", f"bad {x}") for x in range(count) if is_bad(x)
    ]


def main() -> None:
    count = int(sys.argv[2])
    with open_store(sys.argv[1]) as store:
        first = len(store.keys())
        store.begin(count, count - first)
        for x in range(first, count, BLOCK):
            block = range(x, min(x + BLOCK, count))
            store.append([row(y) for y in block])
            print("stored", block[-1] + 1, flush=True)


if __name__ == "__main__":
    main()
