"""Extended XYZ.

The energy is in eV, forces in eV/Å, `stress` in eV/Å³ and positive in tension, `virial` = -V * stress in eV; other keys,
and another unit or sign of the stress, are the user's to name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import ase
import numpy as np

from hpcpot.dataset.dataset import DataSet, Labelled, full_tensor, labelled
from hpcpot.dataset.formats.ase_frames import frames
from hpcpot.dataset.formats.reading import TENSORS, LabelNames, ReadOptions, as_data_error, source_of
from hpcpot.dataset.formats.text import numbers
from hpcpot.errors import DataError

KIND = "extended XYZ file"

OTHER_NAMES = {
    "energy": ("free_energy", "REF_energy", "dft_energy", "DFT_energy", "ref_energy", "Energy", "E"),
    "forces": ("force", "REF_forces", "dft_forces", "DFT_forces", "ref_forces", "Forces", "REF_force", "dft_force"),
    "virial": ("REF_virial", "dft_virial", "DFT_virial", "virials", "REF_stress", "dft_stress", "virial_stress"),
}
"""Names that labels have elsewhere: an energy under one of them is asked about, not taken."""


def read(path: Path, root: Path, options: ReadOptions) -> Iterator[Labelled]:
    """Read all frames; their group is the one they name, else the file name.

    Raises:
        DataError: absent, not whole, or with labels under names that only the user can tell.
    """
    source = source_of(path, root)
    for k, atoms in frames(path, "extxyz", KIND):
        with as_data_error(path, KIND):
            yield _named(atoms, f"{source}:{k}", path.stem, options.names)


def write(dataset: DataSet, path: Path, facts: Mapping[str, str | int]) -> None:
    """Write all frames, with all digits; the virial both as such and as stress, if it is there."""
    with path.open("w") as file:
        for k in range(len(dataset)):
            file.write(_xyz(dataset, k))


def _named(atoms: ase.Atoms, source: str, group: str, names: LabelNames) -> Labelled:
    """Collect the labels of a frame."""
    frame = labelled(atoms, source, group)
    values = atoms.info | (atoms.calc.results if atoms.calc else {}) | atoms.arrays
    changes: dict[str, np.ndarray | float] = {}
    for label, key in (("energy", names.energy), ("forces", names.forces), ("virial", names.tensor)):
        if key is not None:
            changes[label] = _find(values, key, source)
        elif getattr(frame, label) is None and not (label == "virial" and "virial" in values):
            _ask(label, values, source)
    if names.tensor is not None:
        changes["virial"] = _virial(changes["virial"], names.tensor_is, atoms)
    elif "virial" in values:
        changes["virial"] = _virial(values["virial"], "virial_eV", atoms)
        if frame.virial is not None:
            _compare(changes["virial"], frame.virial, source)
    return replace(frame, **changes)


def _find(values: dict, key: str, source: str) -> np.ndarray | float:
    if key not in values:
        raise DataError(f"{source} = no {key}: must be one of {', '.join(sorted(values))}; name another key.")
    return values[key]


def _ask(label: str, values: dict, source: str) -> None:
    """Refuse a label that may be there under another name."""
    candidates = [name for name in OTHER_NAMES[label] if name in values]
    if candidates:
        option = {"energy": "--energy-key", "forces": "--forces-key", "virial": "--virial-key"}[label]
        raise DataError(
            f"{source} = {label} under the name {candidates[0]}, whose meaning the file does not tell: a name is required; "
            f"say {option} {candidates[0]}" + (" and what it is, --virial-is." if label == "virial" else ".")
        )


def _virial(tensor: np.ndarray, kind: str, atoms: ase.Atoms) -> np.ndarray:
    factor = TENSORS[kind]
    return full_tensor(tensor) * (1.0 if factor is None else -factor * abs(atoms.cell.volume))


def _compare(virial: np.ndarray, by_stress: np.ndarray, source: str) -> None:
    if not np.abs(0.5 * (virial + virial.T) - by_stress).max() <= 1e-3 * max(np.abs(virial).max(), 1.0):
        raise DataError(
            f"{source} = virial {virial[0, 0]:.6g} eV (xx), but by the stress {by_stress[0, 0]:.6g} eV: virial = -V * "
            "stress with the stress in eV/Å³, positive in tension, is required; say which to take: --virial-key virial "
            "or stress, and --virial-is."
        )


def _xyz(dataset: DataSet, k: int) -> str:
    atoms = slice(dataset.first[k], dataset.first[k + 1])
    columns, values = "species:S:1:pos:R:3", [dataset.positions[atoms]]
    if np.isfinite(dataset.forces[atoms]).all():
        columns, values = f"{columns}:forces:R:3", [*values, dataset.forces[atoms]]
    comment = [f'Lattice="{numbers(dataset.cells[k].ravel())}"', f"Properties={columns}"]
    if np.isfinite(dataset.energies[k]):
        comment += [f"energy={numbers([dataset.energies[k]])}"]
    stress = dataset.stresses[k]
    if np.isfinite(stress).all():
        comment += [f'stress="{numbers((0.5 * (stress + stress.T)).ravel())}"']  # ASE's is symmetric
    if np.isfinite(dataset.virials[k]).all():
        comment += [f'virial="{numbers(dataset.virials[k].T.ravel())}"']  # column by column, as ASE reads it
    comment += [f'pbc="{" ".join("FT"[int(axis)] for axis in dataset.periodic[k])}"']
    group = str(dataset.groups[k]).replace('"', "'")
    comment += [f'group="{group}"']
    symbols = [dataset.elements[t] for t in dataset.species[atoms]]
    rows = [f"{symbol} {numbers(row)}" for symbol, row in zip(symbols, np.hstack(values), strict=True)]
    return "\n".join([str(len(rows)), " ".join(comment), *rows]) + "\n"
