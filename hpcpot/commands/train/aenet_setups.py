"""generate.in and the setups (.stp) of aenet 2.0.4: what a training set of aenet was made from.

Source: aenet 2.0.4, doc of generate.x.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpcpot.commands.train.aenet_text import lines_of, number, whole
from hpcpot.errors import ConfigError
from hpcpot.potential.naming import is_element

BASIS = {
    "radial_Rc": "radial_cutoff_A",
    "radial_N": "radial_order",
    "angular_Rc": "angular_cutoff_A",
    "angular_N": "angular_order",
}
COUNTED = ("TYPES", "FILES")
NEEDED = ("TYPES", "SETUPS", "FILES")


def read(folder: Path, training_set: str) -> dict[str, Any]:
    """Structures, energies of atoms and basis as keys of a config, from the generate.in that made a training set.

    Raises:
        ConfigError: it is not there, not of this training set, or not whole.
    """
    path = folder / "generate.in"
    blocks = _blocks(lines_of(path), path) if path.exists() else {}
    if not _is_of(blocks, training_set) or any(name not in blocks for name in NEEDED):
        raise ConfigError(
            f"TRAININGSET = {training_set or 'missing'}: a generate.in with this OUTPUT, with {', '.join(NEEDED)}, "
            f"is required beside train.in, since a training set has no cells; put it in {folder.resolve()}."
        )
    energies = {name: number([word], f"TYPES {name} ({path})") for name, word in _pairs(blocks, "TYPES", path)}
    setups = {name: _setup(folder / word) for name, word in _pairs(blocks, "SETUPS", path)}
    if setups.keys() != energies.keys():
        raise ConfigError(
            f"SETUPS ({path}) = {', '.join(setups)}: must be of the TYPES, {', '.join(energies)}; correct it."
        )
    first = next(iter(setups.values()))
    if any(setup != first for setup in setups.values()):
        raise ConfigError(f"SETUPS ({path}) = different bases: one for all elements is required; make them alike.")
    return {
        "data.files": [line.strip("'\"") for line in blocks["FILES"]],
        "data.elements": first["environment"],
        "chebyshev.atomic_energies_eV": energies,
        **{f"chebyshev.{key}": first[key] for key in BASIS.values()},
    }


def _is_of(blocks: dict[str, list[str]], training_set: str) -> bool:
    """Whether a training set is the OUTPUT, or the text that aenet-PyTorch's converter makes of it."""
    names = [Path(name.strip("'\"")).name for name in (" ".join(blocks.get("OUTPUT", [])), training_set)]
    return bool(names[0]) and names[1] in (names[0], f"{names[0]}.ascii")


def _blocks(lines: list[str], path: Path) -> dict[str, list[str]]:
    """Keyword -> the lines that belong to it: those of TYPES, SETUPS and FILES, or the rest of its own line."""
    blocks: dict[str, list[str]] = {}
    k = 0
    while k < len(lines):
        word, *arguments = lines[k].split()
        keyword, count = word.upper(), 0
        if keyword in COUNTED:
            if not arguments:
                k += 1
                arguments = lines[k].split() if k < len(lines) else []
            count = whole(arguments, f"{keyword} ({path})")
        elif keyword == "SETUPS":
            count = len(blocks.get("TYPES", []))
        if k + count >= len(lines) and count:
            raise ConfigError(
                f"{keyword} ({path}) = {len(lines) - k - 1} lines: must be {count}, as it says; is the file whole?"
            )
        blocks[keyword] = lines[k + 1 : k + 1 + count] if count else [" ".join(arguments)]
        k += 1 + count
    return blocks


def _pairs(blocks: dict[str, list[str]], keyword: str, path: Path) -> list[tuple[str, str]]:
    """First two words of each line."""
    pairs = [tuple(line.split()[:2]) for line in blocks[keyword]]
    if any(len(pair) != 2 for pair in pairs) or len({pair[0] for pair in pairs}) < len(pairs):
        raise ConfigError(
            f"{keyword} ({path}) = {'; '.join(blocks[keyword])[:80]}: must be an element and a value a line."
        )
    return [(pair[0], pair[1]) for pair in pairs]


def _setup(path: Path) -> dict[str, Any]:
    """Environment and basis of a .stp file."""
    words = _setup_words(lines_of(path))
    upper = [word.upper() for word in words]
    count = whole(words[upper.index("ENV") + 1 :][:1], f"ENV ({path})") if "ENV" in upper else 0
    environment = words[upper.index("ENV") + 2 :][:count] if count else []
    values = {words[k - 1]: words[k + 1] for k in range(1, len(words) - 1) if words[k] == "="}
    is_chebyshev = values.get("type", "").lower() == "chebyshev"
    is_whole = len(environment) == count > 0 and all(is_element(name) for name in environment)
    if not is_whole or not is_chebyshev or not BASIS.keys() <= values.keys():
        raise ConfigError(
            f"{path} = no Chebyshev setup: ENV with elements, and BASIS type=Chebyshev with {', '.join(BASIS)} are required."
        )
    return {key: number([values[name]], f"{name} ({path})") for name, key in BASIS.items()} | {
        "environment": environment
    }


def _setup_words(lines: list[str]) -> list[str]:
    """Words without the description, `=` apart from what is beside it."""
    words: list[str] = []
    is_description = False
    for line in lines:
        start = line.upper().split()[:2]
        if start[:1] == ["DESCR"]:
            is_description = True
        if not is_description:
            words += line.replace("=", " = ").split()
        if start == ["END", "DESCR"]:
            is_description = False
    return words
