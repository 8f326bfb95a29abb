"""aenet-PyTorch's train.in as a config of `hpcpot train`, with the generate.in and setups that made its training set.

Source: aenet-PyTorch, src/read_input.py; aenet 2.0.4, doc of generate.x.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from hpcpot import inputs
from hpcpot.commands.train import aenet_setups
from hpcpot.commands.train.aenet_text import lines_of, number, options_of, whole
from hpcpot.errors import ConfigError
from hpcpot.notices import notice

KEYWORDS = (
    "TRAININGSET",
    "TESTPERCENT",
    "ITERATIONS",
    "ITERWRITE",
    "TIMING",
    "DEBUG",
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
IDLE = ("ITERWRITE", "TIMING", "DEBUG", "MEMORY_MODE", "SAVE_ENERGIES", "SAVE_FORCES", "VERBOSE", "PHSEED")
"""Keywords without effect: what is printed and kept, and the choice of forces, which hpcpot trains on all of."""


def is_input(path: Path) -> bool:
    """Test whether a file is a train.in, by its name."""
    return inputs.unpacked(path).suffix.lower() == ".in"


def read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The file as the tree of a config, and what is wrong in it, a line each.

    Raises:
        ConfigError: a file that cannot be read, or is not what it should be.
    """
    lines, problems, idle = lines_of(path), [], []
    values: dict[str, Any] = dict(DEFAULTS) | {"output.model": f"{inputs.unpacked(path).stem}.h5"}
    networks: dict[str, list[str]] = {}
    rest = iter(lines)
    training_set = ""
    for line in rest:
        word, *arguments = line.split()
        keyword = word.upper()
        if keyword not in KEYWORDS:
            near = difflib.get_close_matches(keyword[:40], KEYWORDS, 1, 0.7)
            hint = f"; did you mean {near[0]}?" if near else ": must be one of aenet-PyTorch's; correct it."
            problems.append(f"{word[:40]} ({path.name}): unknown keyword{hint}")
        elif keyword in IDLE:
            idle.append(word)
        elif keyword in NUMBERS:
            values[NUMBERS[keyword]] = number(arguments, f"{keyword} ({path.name})")
        elif keyword == "TESTPERCENT":
            values["data.validation_fraction"] = number(arguments, f"{keyword} ({path.name})") / 100.0
        elif keyword == "TRAININGSET":
            training_set = " ".join(arguments)
        elif keyword == "FORCES":
            values["loss.force_weight"] = number([options_of(next(rest, "")).get("alpha", "")], f"alpha ({path.name})")
        elif keyword == "METHOD":
            options = options_of(next(rest, ""))
            if not options:
                problems.append(
                    f"METHOD ({path.name}): must be followed by method=adamw lr=0.0001 or the like, of aenet-PyTorch; those "
                    "of aenet's train.x (bfgs, lm, ...) are not supported."
                )
                continue
            values["training.optimiser"] = options.pop("method", "adamw").lower()
            values["learning_rate.start"] = number([options.pop("lr", "")], f"lr ({path.name})")
            for name, value in options.items():
                problems.append(f"{name} = {value[:40]} ({path.name}): option of METHOD not supported; leave it out.")
        elif keyword == "NETWORKS":
            networks = {line.split()[0]: line.split()[1:] for line in rest}
        elif keyword == "MODE" and [a.lower() for a in arguments] != ["train"]:
            problems.append(f"MODE = {' '.join(arguments)} ({path.name}): hpcpot trains anew; must be train.")
    if idle:
        notice(f"{path.name}: {', '.join(idle)}", "without effect in hpcpot: not used.")
    if not networks:
        raise ConfigError(
            f"NETWORKS ({path.name}) = missing: a train.in of aenet-PyTorch is required; generate.in and setups are read "
            "from beside it."
        )
    values |= _network(networks, path) | aenet_setups.read(path.parent, training_set)
    tree: dict[str, Any] = {"family": "chebyshev"}
    for name, value in values.items():
        section, _, key = name.partition(".")
        tree.setdefault(section, {})[key] = value
    return tree, problems


def _network(networks: dict[str, list[str]], path: Path) -> dict[str, Any]:
    """Hidden layers and activation: of each element a file, a number of layers, and the layers, nodes:activation."""
    shapes = {tuple(words[1:]) for words in networks.values()}
    if len(shapes) != 1:
        raise ConfigError(
            f"NETWORKS ({path.name}) = {len(shapes)} different ones: the same layers are required for all elements."
        )
    count, *rest = shapes.pop() or ("",)
    layers = [layer.partition(":") for layer in rest]
    activations = {activation for _, _, activation in layers}
    if len(activations) != 1 or not activations <= ACTIVATIONS.keys():
        raise ConfigError(
            f"NETWORKS ({path.name}) = activations {', '.join(sorted(activations)) or 'missing'}: one of "
            f"{', '.join(ACTIVATIONS)} is required for all layers."
        )
    if whole([count], f"NETWORKS ({path.name})") != len(layers):
        raise ConfigError(f"NETWORKS ({path.name}) = {len(layers)} layers: must be {count}, as it says; correct it.")
    hidden = [whole([nodes], f"NETWORKS ({path.name})") for nodes, _, _ in layers]
    return {"chebyshev.hidden": hidden, "chebyshev.activation": ACTIVATIONS[activations.pop()]}
