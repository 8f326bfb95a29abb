"""Every structure format: written and read back, and the same bad inputs refused in the same way."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import ase.io
import ase.units
import h5py
import numpy as np
import pytest
from ase import Atoms

from hpcpot.dataset import hdf5
from hpcpot.dataset.dataset import from_frames
from hpcpot.errors import HpcpotError
from hpcpot.parallel.ranks import SERIAL
from hpcpot.storage.trajectory import Trajectory
from hpcpot.structure import files, formats, lammps_write

pytestmark = pytest.mark.filterwarnings("ignore", "error::RuntimeWarning")
CELL, PLACE = 7.654321, 1.91358025
"""Å: the cell along a, which text files hold as such, and a coordinate, which they hold as such or as the fraction 0.25."""
CELL_WORD, PLACE_WORD = re.compile(r"7\.654321\d*"), re.compile(r"\b(1\.91358025?\d*|0\.25\d*)(e\+00)?")
PYTHON = re.compile(
    r"(Value|Index|Key|Type|Attribute|Memory|LinAlg|Overflow|UnicodeDecode)Error|NoneType|object has no"
)


def sound() -> Atoms:
    places = [[PLACE, 1, 1], [4, 3, 2], [2, 5, 6], [6, 6, 7]]
    atoms = Atoms("LiLiSiSi", places, cell=[CELL, 8, 9], pbc=True)
    atoms.set_velocities(np.arange(12.0).reshape(4, 3) / 100)
    return atoms


def write_dump(path: Path, atoms: Atoms) -> None:
    with path.open("w") as file:
        lammps_write.dump(file, atoms, 7, {})


def write_trajectory(path: Path, atoms: Atoms) -> None:
    with Trajectory(
        path,
        SERIAL,
        elements=("Li", "Si"),
        species=np.array([0, 0, 1, 1]),
        masses=np.array([6.94, 28.085]),
        n_atoms=4,
        periodic=atoms.pbc,
        particles={"position": 1, "velocity": 1},
        observables={},
        observables_every=0,
        n_steps=1,
        provenance={},
    ) as trajectory:
        velocities = atoms.get_velocities() * ase.units.fs
        trajectory.append(0, 0.0, {"position": atoms.positions, "velocity": velocities}, atoms.cell.array, {})


@dataclass(frozen=True)
class Case:
    """How a format is written; `velocities` are kept; `count`: text of the number of atoms, and of another."""

    name: str
    write: Callable[[Path, Atoms], None]
    velocities: bool = True
    count: tuple[str, str] | None = None


CASES = {
    "extxyz": Case("a.extxyz", lambda path, atoms: files.write(path, atoms), True, ("4\n", "%d\n")),
    "vasp": Case("POSCAR", lambda path, atoms: files.write(path, atoms), True, ("2   2", "2   %d")),
    "cif": Case("a.cif", lambda path, atoms: files.write(path, atoms), False),
    "xsf": Case("a.xsf", ase.io.write, False, (" 4 1\n", " %d 1\n")),
    "lammps-data": Case("a.data", lambda path, atoms: files.write(path, atoms), True, ("4 atoms", "%d atoms")),
    "lammps-dump": Case("a.lammpstrj", write_dump, True, ("ATOMS\n4", "ATOMS\n%d")),
    "h5md": Case("a.h5md", write_trajectory),
    "hdf5": Case("a.h5", lambda path, atoms: hdf5.write(from_frames([atoms]), path, {}), False),
    "ase": Case("a.json", ase.io.write),
}
TEXT = [name for name in CASES if name not in ("h5md", "hdf5", "ase")]


def test_every_row_has_a_case():
    assert set(CASES) == set(formats.FORMATS)


@pytest.mark.parametrize("name", CASES)
def test_written_and_read_back(tmp_path: Path, name: str) -> None:
    path, atoms = tmp_path / CASES[name].name, sound()
    CASES[name].write(path, atoms)
    assert formats.of(path, formats.StructureOptions()).name == name
    for back in (files.read(path), next(files.frames(path)).structure, files.read(path, format=name)):
        assert list(back.symbols) == list(atoms.symbols) and back.pbc.all()
        np.testing.assert_allclose(back.cell.array, atoms.cell.array, atol=1e-6)
        np.testing.assert_allclose(back.positions, atoms.positions, atol=1e-6)
        if CASES[name].velocities:
            np.testing.assert_allclose(back.get_velocities(), atoms.get_velocities(), atol=1e-8)


def refused(path: Path) -> None:
    """Read a file in both ways: an error that says where, what, and what to do, and nothing of Python's inside."""
    with pytest.raises(HpcpotError) as caught:
        files.read(path)
    told = [frame.structure for frame in files.frames(path) if isinstance(frame.structure, HpcpotError)]
    assert told
    for error in (caught.value, *told):
        assert re.fullmatch(r".+ = .+: .+[;,] .+", str(error), re.DOTALL), error
        assert not PYTHON.search(str(error)), error


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e308", "1e15", "six"])
@pytest.mark.parametrize("name", TEXT)
def test_impossible_places(tmp_path: Path, name: str, value: str) -> None:
    path = tmp_path / CASES[name].name
    CASES[name].write(path, sound())
    text, n = PLACE_WORD.subn(value, path.read_text(), count=1)
    assert n == 1
    path.write_text(text)
    refused(path)


@pytest.mark.parametrize("value", ["nan", "inf", "1e308", "1e15", "0.0", "six"])
@pytest.mark.parametrize("name", TEXT)
def test_impossible_cells(tmp_path: Path, name: str, value: str) -> None:
    path = tmp_path / CASES[name].name
    CASES[name].write(path, sound())
    text, n = CELL_WORD.subn(value, path.read_text(), count=1)
    assert n == 1
    path.write_text(text)
    refused(path)


@pytest.mark.parametrize("count", [0, 3, 5, -4, 4294967297, 99999999999999999999])
@pytest.mark.parametrize("name", [name for name in TEXT if CASES[name].count])
def test_impossible_counts(tmp_path: Path, name: str, count: int) -> None:
    """No atoms, an atom too few or too many, and absurd numbers where four atoms stand."""
    path = tmp_path / CASES[name].name
    CASES[name].write(path, sound())
    text, (old, new) = path.read_text(), CASES[name].count
    assert old in text
    path.write_text(text.replace(old, new % (count - 2 if name == "vasp" else count), 1))
    refused(path)


@pytest.mark.parametrize("name", CASES)
def test_empty_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / CASES[name].name
    path.write_bytes(b"")
    refused(path)


@pytest.mark.parametrize("name", [name for name in CASES if name != "cif"])
def test_cut_files(tmp_path: Path, name: str) -> None:
    """Half a file; CIF has no count of its sites."""
    path = tmp_path / CASES[name].name
    CASES[name].write(path, sound())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(path)


@pytest.mark.parametrize("name", ["extxyz", "vasp", "cif", "lammps-dump"])
def test_unknown_elements(tmp_path: Path, name: str) -> None:
    path = tmp_path / CASES[name].name
    CASES[name].write(path, sound())
    path.write_text(path.read_text().replace("Si", "Qq"))
    refused(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e308, 1e15])
@pytest.mark.parametrize("place", ["position/value", "velocity/value", "box/edges/value", "mass"])
def test_impossible_trajectories(tmp_path: Path, place: str, value: float) -> None:
    path = tmp_path / "a.h5md"
    write_trajectory(path, sound())
    with h5py.File(path, "r+") as file:
        file[f"particles/trajectory/{place}"][0] = value
    refused(path)


@pytest.mark.parametrize("name", TEXT)
@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_packed_files(tmp_path: Path, name: str, suffix: str) -> None:
    packer = {".gz": gzip, ".bz2": bz2, ".xz": lzma}[suffix]
    plain = tmp_path / CASES[name].name
    CASES[name].write(plain, sound())
    packed = plain.with_name(plain.name + suffix)
    packed.write_bytes(packer.compress(plain.read_bytes()))
    np.testing.assert_allclose(files.read(packed).positions, sound().positions, atol=1e-6)
    packed.write_bytes(packed.read_bytes()[:-20])
    refused(packed)
