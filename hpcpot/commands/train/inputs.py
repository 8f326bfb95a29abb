"""The settings of a run from any of the files that `hpcpot train` takes, told apart by their content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpcpot import config
from hpcpot.commands.train import aenet_input, deepmd_input
from hpcpot.training.settings import SCHEMA, TrainSettings


def load(path: Path, overrides: Sequence[str]) -> TrainSettings:
    """A YAML config, DeePMD-kit's input.json or aenet-PyTorch's train.in.

    Raises:
        ConfigError: everything that is wrong, one line a problem.
    """
    if path.suffix == ".json":
        tree, problems = deepmd_input.read(path)
    elif path.suffix == ".in":
        tree, problems = aenet_input.read(path)
    else:
        return config.load(path, SCHEMA, overrides)
    return config.load_tree(tree, path, SCHEMA, overrides, problems)
