"""Models of every family, in hpcpot's own files and in those of other programs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ase.build import bulk
from fuzz.targets import Target
from model_files import MODELS, sample_of

from hpcpot import Calculator
from hpcpot.potential import files, registry

OPTIONS = {"moment_tensor": {"elements": ("Li", "Si")}}


def targets() -> list[Target]:
    """A target for each family's own file, and for each reader of another program's."""
    own = [Target(f"model-{name}", partial(_save, name), partial(_use, "model.h5")) for name in registry.FAMILIES]
    others = [
        Target(f"model-{row.name}-{k}", partial(_copy, reader), partial(_use_sample, reader, row.name))
        for row in registry.FAMILIES.values()
        for k, reader in enumerate(row.readers)
    ]
    return own + others


def _save(family: str) -> list[str]:
    files.save(MODELS[family], Path("model.h5"), {"source": "made"})
    return ["model.h5"]


def _copy(reader: registry.Reader) -> list[str]:
    return [path.name for path in sample_of(reader, Path.cwd())]


def _use_sample(reader: registry.Reader, family: str) -> Any:
    names = sorted(path.name for path in Path.cwd().iterdir())
    return _use(names if reader.several else names[0], **OPTIONS.get(family, {}))


def _use(source: Any, **options: Any) -> Any:
    """Load a model and compute a small crystal with it."""
    model = files.load(source, **options)
    elements = [*model.elements, *model.elements][:2]
    atoms = bulk(elements[0], "diamond", 5.4, cubic=True)
    atoms.symbols[:3] = elements[1]
    atoms.rattle(0.1, seed=1)
    atoms.calc = Calculator(model)
    return float(atoms.get_potential_energy()), atoms.get_forces()
