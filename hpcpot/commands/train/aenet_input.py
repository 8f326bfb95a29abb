"""aenet-PyTorch's train.in as a config of `hpcpot train`, with the generate.in and setups that made its training set.

Source: aenet-PyTorch, src/read_input.py; aenet 2.0.4, doc of generate.x.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

from hpcpot.errors import ConfigError

KEYWORDS = (
    "TRAININGSET",
    "TESTPERCENT",
    "ITERATIONS",
    "ITERWRITE",
    "BATCHSIZE",
    "MAXENERGY",
    "MAXFORCES",
    "FORCES",
    "MEMORY_MODE",
    "SAVE_ENERGIES",
    "SAVE_FORCES",
    "VERBOSE",
    "REGULARIZATION",
    "NPSEED",
    "PHSEED",
    "MODE",
    "METHOD",
    "NETWORKS",
)
NUMBERS = {
    "ITERATIONS": "training.epochs",
    "BATCHSIZE": "training.batch_size",
    "MAXENERGY": "chebyshev.maximum_energy_eV_per_atom",
    "MAXFORCES": "data.maximum_force_eV_A",
    "REGULARIZATION": "training.weight_decay",
    "NPSEED": "training.seed",
}
SPELLING = {key: keyword for keyword, key in NUMBERS.items()} | {
    "data.files": "FILES (generate.in)",
    "data.validation_fraction": "TESTPERCENT",
    "loss.force_weight": "alpha",
    "training.optimiser": "method",
    "learning_rate.start": "lr",
}
"""Key of the config -> aenet's keyword."""
ACTIVATIONS = {"linear": "linear", "tanh": "tanh", "sigmoid": "logistic"}
DEFAULTS = {"training.batch_size": 256, "data.validation_fraction": 0.1, "training.seed": 11}
BASIS = {
    "radial_Rc": "radial_cutoff_A",
    "radial_N": "radial_order",
    "angular_Rc": "angular_cutoff_A",
    "angular_N": "angular_order",
}


def read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The file as the tree of a config, and what is wrong in it, a line each.

    Raises:
        ConfigError: a file that cannot be read, or is not what it should be.
    """
    lines, problems = _lines(path), []
    values: dict[str, Any] = dict(DEFAULTS) | {"output.model": f"{path.stem}.h5"}
    networks: dict[str, list[str]] = {}
    rest = iter(lines)
    training_set = ""
    for line in rest:
        word, *arguments = line.split()
        keyword = word.upper()
        if keyword not in KEYWORDS:
            near = difflib.get_close_matches(keyword, KEYWORDS, 1, 0.0)[0]
            problems.append(f"{word} ({path.name}): unknown keyword; did you mean {near}?")
        elif keyword in NUMBERS:
            values[NUMBERS[keyword]] = _number(arguments, f"{keyword} ({path.name})")
        elif keyword == "TESTPERCENT":
            values["data.validation_fraction"] = _number(arguments, keyword) / 100.0
        elif keyword == "TRAININGSET":
            training_set = " ".join(arguments)
        elif keyword == "FORCES":
            values["loss.force_weight"] = _number([_options(next(rest, "")).get("alpha", "")], "alpha")
        elif keyword == "METHOD":
            options = _options(next(rest, ""))
            values["training.optimiser"] = options.get("method", "adamw")
            values["learning_rate.start"] = _number([options.get("lr", "")], "lr")
        elif keyword == "NETWORKS":
            networks = {line.split()[0]: line.split()[3:] for line in rest}
        elif keyword == "MODE" and [a.lower() for a in arguments] != ["train"]:
            problems.append(f"MODE = {' '.join(arguments)} ({path.name}): hpcpot trains anew; must be train.")
    values |= _network(networks, path) | _generated(path.parent, training_set)
    tree: dict[str, Any] = {"family": "chebyshev"}
    for name, value in values.items():
        section, _, key = name.partition(".")
        tree.setdefault(section, {})[key] = value
    return tree, problems


def _network(networks: dict[str, list[str]], path: Path) -> dict[str, Any]:
    shapes = set(map(tuple, networks.values()))
    if len(shapes) != 1:
        raise ConfigError(
            f"NETWORKS ({path.name}) = {len(shapes)} different ones: the same layers are required for all elements."
        )
    layers = [layer.partition(":") for layer in shapes.pop()]
    activations = {activation for _, _, activation in layers}
    if len(activations) != 1 or not activations <= ACTIVATIONS.keys():
        raise ConfigError(
            f"NETWORKS ({path.name}) = activations {', '.join(sorted(activations))}: one of "
            f"{', '.join(ACTIVATIONS)} is required for all layers."
        )
    hidden = [_number([n], "NETWORKS") for n, _, _ in layers]
    return {"chebyshev.hidden": hidden, "chebyshev.activation": ACTIVATIONS[activations.pop()]}


def _generated(folder: Path, training_set: str) -> dict[str, Any]:
    """Structures, energies of atoms and basis, from the generate.in whose OUTPUT is the training set."""
    path = folder / "generate.in"
    lines = _lines(path) if path.exists() else []
    blocks: dict[str, list[str]] = {}
    k = 0
    while k < len(lines):
        word, *arguments = lines[k].split()
        count = int(arguments[0]) if word.upper() in ("TYPES", "FILES") and arguments else 0
        if word.upper() in ("TYPES", "FILES") and not arguments:
            count, k = int(lines[k + 1]), k + 1
        if word.upper() == "SETUPS":
            count = len(blocks.get("TYPES", []))
        blocks[word.upper()] = lines[k + 1 : k + 1 + count] if count else [" ".join(arguments)]
        k += 1 + count
    is_its_own = Path(blocks.get("OUTPUT", [""])[0]).name == Path(training_set).name
    if not is_its_own or not {"TYPES", "SETUPS", "FILES"} <= blocks.keys():
        raise ConfigError(
            f"TRAININGSET = {training_set or 'missing'}: a generate.in with this OUTPUT, with TYPES, SETUPS and FILES, "
            f"is required beside train.in, since a training set has no cells; put it in {folder.resolve()}."
        )
    energies = {line.split()[0]: float(line.split()[1]) for line in blocks["TYPES"]}
    setups = {line.split()[0]: _setup(folder / line.split()[1]) for line in blocks["SETUPS"]}
    first = next(iter(setups.values()))
    if any(setup != first for setup in setups.values()):
        raise ConfigError("SETUPS (generate.in) = different bases: one for all elements is required; make them alike.")
    return {
        "data.files": [line.strip("'\"") for line in blocks["FILES"]],
        "data.elements": first["environment"],
        "chebyshev.atomic_energies_eV": energies,
        **{f"chebyshev.{key}": first[key] for key in BASIS.values()},
    }


def _setup(path: Path) -> dict[str, Any]:
    """Environment and basis of a .stp file."""
    text = "\n".join(_lines(path))
    environment = re.search(r"^ENV\s+(\d+)\s+((?:[A-Z][a-z]?\s+)+)", text, re.MULTILINE)
    basis = dict(re.findall(r"(\w+)\s*=\s*(\S+)", text))
    if not environment or basis.get("type", "").lower() != "chebyshev" or not BASIS.keys() <= basis.keys():
        raise ConfigError(
            f"{path} = no Chebyshev setup: ENV, and BASIS type=Chebyshev with {', '.join(BASIS)} are required."
        )
    values = {BASIS[key]: float(basis[key]) for key in BASIS}
    return values | {"environment": environment[2].split()[: int(environment[1])]}


def _lines(path: Path) -> list[str]:
    """Lines without comments."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} = cannot be read ({error.strerror}): an input of aenet is required.") from error
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and line[0] not in "!#"]


def _options(line: str) -> dict[str, str]:
    """name=value of a line."""
    return dict(re.findall(r"(\w+)\s*=\s*(\S+)", line))


def _number(words: list[str], where: str) -> float:
    try:
        value = float(words[0])
    except (IndexError, ValueError) as error:
        raise ConfigError(f"{where} = {' '.join(words) or 'nothing'}: a number is required; correct it.") from error
    return int(value) if value.is_integer() else value
