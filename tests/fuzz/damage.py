"""Changes of files: what broken disks, editors, other programs and attackers make of an input.

All that is random comes from one `random.Random`, so that a case follows from its seed.
"""

from __future__ import annotations

import contextlib
import random
import re
import shutil
from pathlib import Path

import h5py
import numpy as np

from hpcpot.storage import sealed

NUMBERS = (
    *("nan", "inf", "1e308", "1e400", "-1", "0", "9" * 20, "4294967297", str(2**63 - 1), "1e-320", "0.5", "1d5"),
    *("0x10", "", "7" * 5000),
)
ALIASES = ", ".join(f"&x{k} [" + ", ".join([f"*x{k - 1}" if k else "lol"] * 10) + "]" for k in range(9))
"""Ten times as many words at each level, none of which takes a line of the file."""
WORDS = (
    *("../../../etc/passwd", "/etc/passwd", "~root", "\0", "X", "Li", "é" * 300, "[]", "{}", "null", "true", "'"),
    *("2001-01-01", "!!python/object/apply:os.system ['true']", "&a [*a, *a]", "[" * 3000, "{a: {b: [1]}}", "<<: 1"),
    *("\x1b[31m", "A" * 70000, f"[{ALIASES}]"),
)
VALUES = (
    *(np.nan, np.inf, -1, 0, 2**62, 1e308, "text", b"\xff", np.zeros(0), np.zeros((2, 2)), True, 1j),
    h5py.Empty("f8"),
)
HUGE = ((10**12,), (10**6, 10**6, 3), (0,))
"""Shapes of datasets of which nothing is stored."""
SEAL = re.compile(rb"([\w -]+) sha256 ")
REFUSED = contextlib.suppress(Exception)
"""Libraries refuse some changes of files that an earlier one has damaged, in any way."""
NUMBER = r"[-+]?\d[\d.eE+-]*"
WORD = r"[^\s:,\[\]{}=\"']+"


def damaged_copy(seeds: Path, folder: Path, names: list[str], seed: str) -> None:
    """Copy a folder of whole files and make one to three changes in those that are named."""
    shutil.copytree(seeds, folder)
    rng = random.Random(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        damage(folder / rng.choice(names), rng)


def damage(path: Path, rng: random.Random) -> None:
    """Change a file in a way that its kind allows."""
    content, kind = path.read_bytes(), rng.random()
    if kind < 0.04:
        path.write_bytes(rng.choice((b"", b"\0" * len(content), rng.randbytes(100), content * 2)))
    elif path.suffix == ".npy" and kind < 0.7 and content.startswith(b"\x93NUMPY"):
        with REFUSED:
            np.save(path, changed_array(np.load(path, allow_pickle=True), rng), allow_pickle=True)
    elif kind < 0.8 and h5py.is_hdf5(path):
        seal = SEAL.match(content)
        is_whole = seal and sealed.is_whole(path, seal[1].decode())
        with REFUSED:
            change_hdf5(path, rng)
        if is_whole:  # damaged bytes do not have their hash, and may crash the library
            sealed.seal(path, seal[1].decode())
    elif b"\0" not in content[:4096] and kind < 0.9:
        path.write_bytes(changed_text(content.decode(errors="replace"), rng).encode("utf-8", "replace"))
    else:
        path.write_bytes(changed_bytes(bytearray(content), rng))


def changed_bytes(content: bytearray, rng: random.Random) -> bytes:
    """Cut, overwritten, shortened, or with bits flipped."""
    place, how = rng.randrange(len(content) + 1), rng.randrange(4)
    if how == 0:
        return bytes(content[:place])
    if how < 3:
        new = rng.choice((b"", b"\xff" * 4, b"\0" * 4, rng.randbytes(8)))
        content[place : place + rng.choice((1, 4, 100))] = new
        return bytes(content)
    for _ in range(rng.choice((1, 8)) if content else 0):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def changed_text(text: str, rng: random.Random) -> str:
    """A number, word or line replaced, swapped, doubled or left out."""
    how = rng.randrange(8)
    spans = [match.span() for match in re.finditer(NUMBER if how < 3 else WORD, text)]
    if how < 5 and spans:
        (start, stop), new = rng.choice(spans), rng.choice(NUMBERS if how < 3 else WORDS + NUMBERS)
        return text[:start] + new + text[stop:]
    if how == 5 and len(spans) > 1:
        (a, b), (c, d) = sorted(rng.sample(spans, 2))
        return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]
    lines = text.splitlines(keepends=True) or [""]
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    key = lines[first].partition(":")[0]
    lines[first], lines[second] = (
        lines[second],
        rng.choice(("", lines[first], lines[first] * 2, f"{key}: {rng.choice(WORDS)}\n")),
    )
    return "".join(lines)


def changed_array(values: np.ndarray, rng: random.Random) -> np.ndarray:
    """Another value, shape or type."""
    values = np.array(values)
    with np.errstate(all="ignore"):
        if rng.random() < 0.4 and values.size and values.dtype.kind in "iuf":
            new = np.array(rng.choice((np.nan, np.inf, 1e308, -1, 0, 2**31 - 1))).astype(values.dtype)
            values.flat[rng.randrange(values.size)] = new
            return values
        flat = values.ravel()
        return rng.choice(
            (
                *(values.T, values[None], flat[: values.size // 2], flat[:0], values.astype("S8")),
                *(values.astype(bool), values.astype("i1"), values.astype(complex), values.astype(object)),
                np.zeros(values.shape, [("a", "f8")]),
            )
        )


def change_hdf5(path: Path, rng: random.Random) -> None:
    """Another attribute, dataset or link."""
    with h5py.File(path, "r+", locking=False) as file:
        members: list = [file]
        file.visititems(lambda _, item: members.append(item))
        item, how = rng.choice([member for member in members if len(member.attrs)] or members), rng.randrange(10)
        if how < 4 and len(item.attrs):
            _change_attribute(item, how < 2, rng)
            return
        item = rng.choice(members[1:])
        name, values = item.name, item[()] if isinstance(item, h5py.Dataset) else np.zeros(3)
        del file[name]
        if how < 8:
            file[name] = changed_array(values, rng) if isinstance(values, np.ndarray) else rng.choice(VALUES)
        elif how == 8:
            file[name] = rng.choice((h5py.SoftLink(name), h5py.SoftLink("/"), h5py.ExternalLink("/etc/passwd", "/")))
        else:
            file.create_dataset(name, rng.choice(HUGE), "f8", chunks=True)


def _change_attribute(item: h5py.HLObject, keeps_text: bool, rng: random.Random) -> None:
    name = rng.choice(sorted(item.attrs))
    old, new = item.attrs.pop(name), rng.choice((None, *VALUES))
    item.attrs[name] = changed_text(old, rng).replace("\0", "") if isinstance(old, str) and keeps_text else new
