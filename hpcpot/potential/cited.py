"""What a run with a potential has to cite: the family's method, and the data that the model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hpcpot import account, citations
from hpcpot.potential import files
from hpcpot.potential.registry import row_of


def works(source: str | Path | Sequence[str | Path], model: Any) -> tuple[str, ...]:
    """Keys of hpcpot.citations for a model, which the account of the command is told of, too.

    Args:
        source: as `files.load` takes it. model: what was loaded from it.
    """
    labels = ""
    if isinstance(source, (str, Path)) and "," not in str(source):
        labels = files.provenance(source).get("labels", "")
        account.cite_model(Path(source).stem, labels)
    keys = (*row_of(model).cites, *citations.of_labels(labels))
    account.cite(*keys)
    return keys
