"""A system of DeePMD-kit as a data set, whether its arrays are in files of a folder or in a group of an HDF5 file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ase.geometry import complete_cell

from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.formats.reading import ReadOptions
from hpcpot.errors import DataError
from hpcpot.notices import notice
from hpcpot.structure.elements import is_element

BOX = 1000.0
"""Å; the cell of a system without periodicity and without box, which nothing depends on."""
LABELS = {"energy": "energies", "force": "forces", "virial": "virials"}
TYPES = "real_atom_types"
ARRAYS = ("box", "coord", *LABELS, TYPES)
"""Arrays of a set that are read."""
REMEDY = "copy the system again or make it anew"


@dataclass(frozen=True)
class StoredSystem:
    """Parts of a system as they are stored.

    Attributes:
        where: for messages. types: (atoms,) int64, of type.raw. names: of type_map.raw; None without one.
        is_free: not periodic. sets: arrays of each set by name; "" for the files of deepmd/raw.
    """

    where: str
    types: np.ndarray
    names: tuple[str, ...] | None
    is_free: bool
    sets: Mapping[str, Mapping[str, np.ndarray]]

    def dataset(self, source: str, group: str, options: ReadOptions) -> DataSet:
        """All frames of all sets.

        Args:
            source: of frame k is SOURCE:k.
        Raises:
            DataError: incomplete or inconsistent.
        """
        self._note_other_arrays()
        counts = {name: self._frames(name) for name in self.sets}
        if not sum(counts.values()):
            raise DataError(f"{self.where} = no frames: at least one is required; {REMEDY}.")
        real = np.concatenate([self._types(name, count) for name, count in counts.items()])
        elements, real = self._elements(real, options)
        n, is_atom = len(real), real >= 0

        def joined(array: str, *shape: int) -> np.ndarray:
            return np.concatenate([self._array(name, array, (count, *shape)) for name, count in counts.items()])

        def of_atoms(array: str) -> np.ndarray:
            return joined(array, len(self.types), 3)[is_atom]

        return DataSet(
            elements=elements,
            first=np.concatenate([[0], np.cumsum(is_atom.sum(axis=1))]),
            species=real[is_atom].astype(np.int32),
            positions=of_atoms("coord"),
            cells=self._cells(joined("box", 3, 3), source),
            periodic=np.full((n, 3), not self.is_free),
            energies=joined("energy"),
            forces=of_atoms("force"),
            virials=joined("virial", 3, 3),
            groups=np.full(n, group),
            sources=np.array([f"{source}:{k}" for k in range(n)]),
        )

    def _place(self, name: str, array: str) -> str:
        return f"{self.where}/{name}/{array}.npy" if name else f"{self.where}/{array}.raw"

    def _frames(self, name: str) -> int:
        """Frames of a set by its coordinates, as DeePMD-kit counts them."""
        if "coord" not in self.sets[name]:
            raise DataError(f"{self._place(name, 'coord')} = no such array: a set must have it; {REMEDY}.")
        shape = self.sets[name]["coord"].shape
        return shape[0] if len(shape) > 1 else 1

    def _array(self, name: str, array: str, shape: tuple[int, ...]) -> np.ndarray:
        """An array of a set in float64 (frames, ...), NaN where the set has none."""
        if array not in self.sets[name]:
            if array == "coord" or (array == "box" and not self.is_free):
                raise DataError(
                    f"{self._place(name, array)} = no such array: a set must have it (a system that is not periodic has "
                    f"a file nopbc); {REMEDY}."
                )
            return np.full(shape, np.nan)
        values = self.sets[name][array]
        if array == "virial" and values.size == 6 * shape[0]:
            raise DataError(
                f"{self._place(name, array)} = six numbers a frame (Voigt): must be nine, row by row, as DeePMD-kit and dpdata "
                "have it, for the order of six is not told; write all nine, or take the file away."
            )
        if values.dtype.kind not in "fiu" or values.size != np.prod(shape, dtype=int):
            raise DataError(
                f"{self._place(name, array)} = {values.dtype} of shape {values.shape}: must be numbers of shape {shape}, "
                f"or as many of them, for {shape[0]} frames of {len(self.types)} atoms; {REMEDY}."
            )
        return np.array(values, np.float64).reshape(shape)

    def _types(self, name: str, count: int) -> np.ndarray:
        """Type of each atom in each frame of a set, (frames, atoms) int64, -1 for none."""
        mixed = [other for other, arrays in self.sets.items() if TYPES in arrays]
        if not mixed:
            return np.tile(self.types, (count, 1))
        if name not in mixed:
            raise DataError(
                f"{self._place(name, TYPES)} = no such array: {mixed[0]} has it, so each set must; {REMEDY}."
            )
        values = self._array(name, TYPES, (count, len(self.types)))
        if not (values == np.round(values)).all():
            raise DataError(f"{self._place(name, TYPES)} = numbers with fractions: must be whole numbers; {REMEDY}.")
        return np.clip(values, -2, 2**31 - 1).astype(np.int64)

    def _elements(self, real: np.ndarray, options: ReadOptions) -> tuple[tuple[str, ...], np.ndarray]:
        """Elements, and types counted in them: all that type_map.raw names rightly, or those that --elements says."""
        least, most = int(real.min()), int(real.max())
        names, given = self.names, options.elements
        if names is None and given is None:
            raise DataError(
                f"{self.where} = no type_map.raw: the elements of its types are required; name them in their order, "
                "--elements Li,Si."
            )
        where = f"{self.where}: type_map.raw"
        if names is None or (given is not None and self._unknown(names, real)):
            names, where = given, "--elements"
        elif given is not None and given[: len(names)] != names and not options.elements_if_needed:
            notice(f"{self.where}: --elements {','.join(given)}", "not used: its type_map.raw names the elements")
        if least < -1 or most >= len(names):
            raise DataError(
                f"{self.where}: types {least} to {most} = beyond the names of {where} ({' '.join(names)}): must be 0 to "
                f"{len(names) - 1}, or -1 for no atom (real_atom_types); name all types in their order, --elements Li,Si."
            )
        if unknown := self._unknown(names, real):
            raise DataError(
                f"{where} = {' '.join(unknown)}: must be symbols of elements; name the elements of the types in their "
                "order, --elements Li,Si."
            )
        used = [t for t, name in enumerate(names) if is_element(name)]
        if others := [name for name in names if not is_element(name)]:
            notice(f"{where}: {' '.join(others)}", "no symbols of elements: passed over, as no atom is of these types")
        index = np.full(len(names) + 1, -1)  # the last for -1
        index[used] = np.arange(len(used))
        return tuple(names[t] for t in used), index[real]

    def _unknown(self, names: tuple[str, ...], real: np.ndarray) -> list[str]:
        """Names of types that occur and are no elements."""
        occur = [names[t] for t in np.unique(real) if 0 <= t < len(names)]
        return [name for name in occur if not is_element(name)]

    def _cells(self, cells: np.ndarray, source: str) -> np.ndarray:
        """Cells with a volume; a made-up one for a system that is not periodic."""
        if self.is_free:
            return np.array([BOX * np.eye(3) if np.isnan(cell).any() else complete_cell(cell) for cell in cells])
        with np.errstate(all="ignore"):
            flat = np.abs(np.linalg.det(cells)) < 1e-6
        if flat.any():
            k = int(np.argmax(flat))
            raise DataError(
                f"box of frame {k} ({source}:{k}) = {cells[k].tolist()}: must have a volume; an empty file nopbc says that "
                "a system is not periodic."
            )
        return cells

    def _note_other_arrays(self) -> None:
        others = {array for arrays in self.sets.values() for array in arrays if array not in ARRAYS}
        for array in sorted(others):
            notice(f"{self.where}: {array}.npy", f"not used: hpcpot reads {', '.join(ARRAYS)} of a set")
