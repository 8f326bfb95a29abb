"""Layout of a trajectory as an H5MD 1.1 file, and the rule by which a row counts.

Arrays that are written at the same steps form a `Series` and share one `step` and one `time` dataset by hard links.
A row of a series counts only when its `step` is set: unset it is -1. Readers stop at the first negative step.

MDAnalysis pairs positions, velocities and forces by row number and knows no eV/Å. So the first particles group, the
only one it reads, has what is written with every position in a unit that it knows; the rest has groups of its own:

    /h5md                                     version, author, creator, modules/units
    /particles/trajectory                     species, mass, id, frozen, box; position, image; velocity and potential_energy
                                              where they are written with every position
    /particles/trajectory_velocity, ..._force what has steps of its own, with its own box; force always
    /observables                              a row at each of their own steps and at each of position's
    /parameters/hpcpot/run_000, run_001, ...  provenance of the run that began the file and of each that continued it

Sources: H5MD specification 1.1.0, units module 1.0.0; MDAnalysis 2.11, coordinates/H5MD.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

import hpcpot
from hpcpot.errors import OutputError, StructureError
from hpcpot.storage import own

ELEMENTS = {
    "position": ((3,), "Angstrom"),
    "image": ((3,), ""),
    "velocity": ((3,), "Angstrom fs-1"),
    "force": ((3,), "eV Angstrom-1"),
    "potential_energy": ((), "eV"),
    "virial": ((3, 3), "eV"),
}
"""Quantities that can be stored per atom: shape and H5MD unit."""

BOX = "box/edges"
MAIN = "particles/trajectory"
OBSERVABLES = "observables"
RUNS = "parameters/hpcpot"
LIBVER = ("earliest", "v110")
"""HDF5 1.10 reads such files, and a killed writer leaves no mark in them that must be cleared first."""
ALIGNED = {"alignment_threshold": 2048, "alignment_interval": 4096}
"""A node of HDF5's chunk index lies in one page of memory, so that a killed write leaves the old node or the new."""

UNMARKED = -1
CHUNKS = 32
CHUNK_BYTES = (2**20, 2**30)
MARK_ROWS = (2**13, 2**20)
INDEX_BYTES = 2**20
"""More than HDF5 adds to a file beside the chunks of one row."""


@dataclass(frozen=True)
class System:
    """Constant properties of the atoms of a trajectory.

    Attributes:
        elements: chemical symbols that species index. species: (n_atoms,) int, in order of id.
        masses: (species,) float64, amu. periodic: (3,) bool. frozen: (n_atoms,) bool, atoms that do not move.
    """

    elements: tuple[str, ...]
    species: np.ndarray
    masses: np.ndarray
    periodic: np.ndarray
    frozen: np.ndarray

    @property
    def enumeration(self) -> dict[str, int]:
        """Atomic number of each element."""
        from ase.data import atomic_numbers

        unknown = [name for name in self.elements if name not in atomic_numbers]
        if unknown:
            raise StructureError(
                f"element = {unknown[0]}: a trajectory stores chemical symbols; name it after an element."
            )
        return {name: atomic_numbers[name] for name in self.elements}

    @property
    def numbers(self) -> np.ndarray:
        """(n_atoms,) int32, atomic numbers."""
        return np.array(list(self.enumeration.values()), np.int32)[self.species]

    @property
    def boundary(self) -> np.ndarray:
        return np.array([b"periodic" if is_periodic else b"none" for is_periodic in self.periodic], "S8")


@dataclass(frozen=True)
class Array:
    """One array of a series: shape and type of a row, H5MD unit, and whether a row has a part for each atom.

    `shape` is that of the whole row, all atoms included.
    """

    shape: tuple[int, ...]
    kind: str
    unit: str
    is_atomic: bool


@dataclass(frozen=True)
class Series:
    """Arrays that are written at the same steps: their group, their interval in steps, and they by name."""

    root: str
    every: int
    arrays: dict[str, Array]

    @property
    def is_particles(self) -> bool:
        return self.root != OBSERVABLES

    @property
    def names(self) -> set[str]:
        return self.arrays.keys() - {BOX}

    def path(self, name: str, part: str = "value") -> str:
        return f"{self.root}/{name}/{part}"

    def shared(self, part: str) -> str:
        """Path of the `step` or `time` dataset that all arrays share."""
        return self.path(next(iter(self.arrays)), part)

    @property
    def datasets(self) -> list[str]:
        """Paths of all datasets that grow row by row."""
        return [*map(self.path, self.arrays), self.shared("time"), self.shared("step")]


def plan(
    n_atoms: int,
    particles: dict[str, int],
    observables: dict[str, tuple[str, tuple[int, ...]]],
    observables_every: int,
    precision: str,
) -> list[Series]:
    """Plan the series of a trajectory."""
    roots: dict[str, dict[str, Array]] = {}
    for name, every in particles.items():
        shape, unit = ELEMENTS[name]
        kind = "int32" if name == "image" else precision
        with_position = every == particles.get("position") and name != "force"
        arrays = roots.setdefault(MAIN if with_position else f"{MAIN}_{name}", {})
        arrays[name] = Array((n_atoms, *shape), kind, unit, is_atomic=True)
    box = Array((3, 3), "float64", "Angstrom", is_atomic=False)
    series = [Series(root, particles[next(iter(arrays))], {**arrays, BOX: box}) for root, arrays in roots.items()]
    seen = {name: Array(shape, "float64", unit, is_atomic=False) for name, (unit, shape) in observables.items()}
    return [*series, Series(OBSERVABLES, observables_every, seen)] if seen and observables_every else series


def create(file: h5py.File, series: list[Series], system: System, n_steps: int) -> None:
    """Create all groups, attributes and datasets, without rows."""
    _write_header(file)
    for group in series:
        expected = max(n_steps // group.every + 2, 256)  # also the first, and a last one that is not due
        if group.is_particles:
            _write_system(file, group.root, system)
        for name, array in group.arrays.items():
            grow_from_nothing(file, group.path(name), array, _chunk_rows(expected, array))
        marks = min(max(expected, MARK_ROWS[0]), MARK_ROWS[1])
        grow_from_nothing(file, group.shared("step"), Array((), "int64", "", False), marks, fill=UNMARKED)
        grow_from_nothing(file, group.shared("time"), Array((), "float64", "fs", False), marks)
        for name in list(group.arrays)[1:]:
            for part in ("step", "time"):
                file[group.path(name, part)] = file[group.shared(part)]


def _chunk_rows(expected: int, array: Array) -> int:
    """Rows in one chunk of a dataset that is expected to get `expected` rows.

    From row to row only the lengths of datasets change in the file's metadata. Where a chunk begins HDF5 also changes
    an index, and beyond 64 chunks splits its node; a kill in that instant would hide committed rows. So chunks are few.
    They hold whole frames, and their unwritten rows take no space on the disk, as nothing fills them.
    """
    row = int(np.prod(array.shape, dtype=np.int64)) * np.dtype(array.kind).itemsize
    smallest, largest = CHUNK_BYTES
    return max(1, min(max(-(-expected // CHUNKS), min(expected, smallest // row)), largest // row))


def grow_from_nothing(file: h5py.File, path: str, array: Array, rows: int, fill: int | None = None) -> None:
    """Create a dataset without rows; chunks are allocated as it grows into them, the same in serial and parallel HDF5."""
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    if fill is None:
        creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    dataset = file.create_dataset(
        path,
        (0, *array.shape),
        array.kind,
        maxshape=(None, *array.shape),
        chunks=(rows, *array.shape),
        fillvalue=fill,
        dcpl=creation,
    )
    _set_unit(dataset, array.unit)


def _write_header(file: h5py.File) -> None:
    head = file.create_group("h5md")
    head.attrs["version"] = np.array([1, 1])
    head.create_group("author").attrs["name"] = _fixed(os.environ.get("USER") or "unknown")
    creator = head.create_group("creator")
    creator.attrs["name"] = _fixed("hpcpot")
    creator.attrs["version"] = _fixed(hpcpot.__version__)
    units = head.create_group("modules/units")
    units.attrs["version"] = np.array([1, 0])
    units.attrs["system"] = _fixed("Angstrom fs eV amu K GPa")


def _write_system(file: h5py.File, root: str, system: System) -> None:
    """species, mass, id, frozen and box of a particles group; species are atomic numbers, named by the enumeration."""
    group = file.create_group(root)
    box = group.create_group("box")
    box.attrs["dimension"] = 3
    box.attrs["boundary"] = system.boundary
    first = next(iter(file["particles"].values()))
    if "species" in first:
        for name in ("species", "mass", "id", "frozen"):
            group[name] = first[name]
        return
    numbers = system.numbers
    group.create_dataset("species", data=numbers, dtype=h5py.enum_dtype(system.enumeration, basetype="int32"))
    _set_unit(group.create_dataset("mass", data=np.asarray(system.masses, np.float64)[system.species]), "amu")
    group.create_dataset("id", data=np.arange(len(numbers)))
    group.create_dataset("frozen", data=system.frozen)


def write_run(file: h5py.File, provenance: dict[str, str | int | float], from_step: int) -> None:
    """Write the provenance of one run as scalar datasets, since attributes are limited to 64 KiB."""
    group = file.require_group(RUNS)
    run = group.create_group(f"run_{len(group):03d}")
    for name, value in {**provenance, "from_step": from_step}.items():
        run[name] = value


def _fixed(text: str) -> np.ndarray:
    """A fixed-length string, as H5MD wants them."""
    return np.array(text.encode(), h5py.string_dtype("utf-8", max(1, len(text.encode()))))


def _set_unit(dataset: h5py.Dataset, unit: str) -> None:
    """A variable-length string, where the units module says fixed-length: as bytes MDAnalysis does not know it."""
    if unit:
        dataset.attrs["unit"] = unit


def committed(step: h5py.Dataset) -> int:
    """Number of rows that count: those before the first that is not marked."""
    unmarked = np.flatnonzero(step[:] < 0)
    return int(unmarked[0]) if len(unmarked) else len(step)


def truncate(file: h5py.File, series: Series, last_step: int) -> int:
    """Take off the rows that do not count and those beyond `last_step`; returns the number of rows left."""
    step = file[series.shared("step")]
    rows = int(np.searchsorted(step[: committed(step)], last_step, side="right"))
    if rows < len(step):
        step[rows:] = UNMARKED
        file.flush()
        for path in series.datasets:
            file[path].resize(rows, axis=0)
    return rows


def check(file: h5py.File, path: Path, series: list[Series], system: System) -> None:
    """Check that a run can continue an existing file.

    Raises:
        OutputError: it is not a trajectory of hpcpot, or has other atoms or arrays than the run.
    """
    require_trajectory(file, path)
    for stored, required in _differences(file, series, system):
        raise OutputError(
            f"{path} = {stored}: this run has {required}; restart with the config that began it, or write elsewhere."
        )


def _differences(file: h5py.File, series: list[Series], system: System) -> Iterator[tuple[str, str]]:
    particles = next(iter(file.get("particles", {}).values()), None)
    if particles is not None:
        numbers, boundary = particles["species"][:], particles["box"].attrs["boundary"]
        if len(numbers) != len(system.species):
            yield f"{len(numbers)} atoms", f"{len(system.species)}"
        elif (numbers != system.numbers).any():
            yield "other elements", "other atoms under the same ids"
        if (boundary != system.boundary).any():
            yield f"boundaries {boundary.tolist()}", f"{system.boundary.tolist()}"
    required = {group.path(name): array for group in series for name, array in group.arrays.items()}
    stored: dict[str, str] = {}
    file.visititems(lambda path, item: stored.update({path: item.dtype.name}) if path.endswith("/value") else None)
    for path in sorted(required.keys() | stored.keys()):
        kind = required[path].kind if path in required else "none"
        if stored.get(path, "none") != kind:
            yield f"{stored.get(path, 'none')} as {path}", f"{kind} there (output intervals and precision must stay)"


def require_trajectory(file: h5py.File, path: Path) -> None:
    if file.get("h5md/creator") is None or file["h5md/creator"].attrs.get("name") != b"hpcpot":
        raise OutputError(
            f"{path} = {own.kind_of(file) or 'no trajectory of hpcpot'}: an H5MD file that hpcpot wrote "
            "is needed; give another path."
        )
