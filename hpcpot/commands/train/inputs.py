"""The settings of a run from any of the files that `hpcpot train` takes, told apart by their content."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hpcpot import config
from hpcpot.commands.train import aenet_input
from hpcpot.errors import HpcpotError
from hpcpot.training import deepmd_input
from hpcpot.training.settings import SCHEMA, TrainSettings


@contextmanager
def in_own_words(path: Path) -> Iterator[None]:
    """Errors inside name keys of the config by the keywords that the user wrote in the input of another program.

    Raises:
        HpcpotError: of the same class, in other words.
    """
    try:
        yield
    except HpcpotError as error:
        words = {}
        if deepmd_input.is_input(path):
            words = deepmd_input.spelling(path)
        elif aenet_input.is_input(path):
            words = aenet_input.SPELLING
        text = str(error)
        for key in sorted(words, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.]){re.escape(key)}(?![\w.]*\w)", words[key].replace("\\", ""), text)
        if text == str(error):
            raise
        raise type(error)(text) from error


def load(path: Path, overrides: Sequence[str]) -> TrainSettings:
    """A YAML config, DeePMD-kit's input.json or aenet-PyTorch's train.in.

    Raises:
        ConfigError: everything that is wrong, one line a problem.
    """
    if deepmd_input.is_input(path):
        tree, problems = deepmd_input.read(path)
    elif aenet_input.is_input(path):
        tree, problems = aenet_input.read(path)
    else:
        return config.load(path, SCHEMA, overrides)
    with in_own_words(path):
        return config.load_tree(tree, path, SCHEMA, overrides, problems)
