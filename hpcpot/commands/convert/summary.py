"""Summary of a model in a few lines."""

from __future__ import annotations

from hpcpot.potential import registry
from hpcpot.potential.contract import Family
from hpcpot.potential.files import fingerprint
from hpcpot.potential.range import TrainedRange


def summarize(model: Family, trained: TrainedRange) -> str:
    """Family, elements, what the family says of it, what it was trained on, and fingerprint; a line each."""
    lines = {"family": registry.row_of(model).name, "elements": " ".join(model.elements), **model.facts()}
    lines |= trained.lines()
    lines["fingerprint"] = f"sha256:{fingerprint(model)}"
    return "\n".join(f"{name:<12} {text}" for name, text in lines.items())
