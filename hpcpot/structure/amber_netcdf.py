"""Writing of trajectories as AMBER's NetCDF, which VMD, OVITO, MDAnalysis and cpptraj read.

The file is NetCDF 3 with 64-bit offsets, written frame by frame as these come. Å, ps, Å/ps, kcal/mol/Å in float32; the cell
as lengths and angles, 0 along axes that are not periodic; atoms are turned with it, a along x, b in the xy plane. Atomic
numbers are in `atom_types`, where ASE looks for them.

Source: AMBER Trajectory NetCDF Format, version 1.0, revision C; NetCDF classic format specification (Unidata).
"""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

import ase.units
import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism

import hpcpot
from hpcpot.units import FS_PER_PS, KCAL_PER_MOL

CHAR, INT, FLOAT, DOUBLE = 2, 4, 5, 6
"""Types of NetCDF."""
DTYPES = {CHAR: "S1", INT: ">i4", FLOAT: ">f4", DOUBLE: ">f8"}
DIMENSION, VARIABLE, ATTRIBUTE = 10, 11, 12
"""Tags of the lists of a header."""
COUNT_PLACE = 4
"""Where the number of frames is."""


class NetcdfVariable(NamedTuple):
    """A variable: its dimensions, type, unit, and its values where it has no frames."""

    dimensions: tuple[str, ...]
    kind: int
    unit: str = ""
    values: np.ndarray | None = None


class AmberWriter:
    """Frames of the same atoms, one after the other.

    Args:
        file: open for writing at its start, and seekable. numbers: (n,) atomic numbers.
        columns: of velocity, force, potential_energy, those that frames have.
    """

    def __init__(self, file: BinaryIO, numbers: np.ndarray, columns: tuple[str, ...] = ()):
        self._file, self._columns, self._count = file, columns, 0
        sizes = {"frame": 0, "spatial": 3, "atom": len(numbers), "cell_spatial": 3, "cell_angular": 3, "label": 5}
        labels = np.frombuffer(b"alphabeta gamma", "S1").reshape(3, 5)
        per_atom = ("frame", "atom", "spatial")
        fixed = {
            "spatial": NetcdfVariable(("spatial",), CHAR, values=np.frombuffer(b"xyz", "S1")),
            "cell_spatial": NetcdfVariable(("cell_spatial",), CHAR, values=np.frombuffer(b"abc", "S1")),
            "cell_angular": NetcdfVariable(("cell_angular", "label"), CHAR, values=labels),
            "atom_types": NetcdfVariable(("atom",), INT, values=np.asarray(numbers)),
        }
        framed = {
            "time": NetcdfVariable(("frame",), FLOAT, "picosecond"),
            "cell_lengths": NetcdfVariable(("frame", "cell_spatial"), DOUBLE, "angstrom"),
            "cell_angles": NetcdfVariable(("frame", "cell_angular"), DOUBLE, "degree"),
            "coordinates": NetcdfVariable(per_atom, FLOAT, "angstrom"),
            "velocities": NetcdfVariable(per_atom, FLOAT, "angstrom/picosecond"),
            "forces": NetcdfVariable(per_atom, FLOAT, "kilocalorie/mole/angstrom"),
            "potential_energy": NetcdfVariable(("frame", "atom"), FLOAT, "eV"),
        }
        for column, name in (("velocity", "velocities"), ("force", "forces"), ("potential_energy", "potential_energy")):
            if column not in columns:
                del framed[name]
        self._framed = framed
        file.write(_header(sizes, fixed, framed))
        for variable in fixed.values():
            file.write(_padded(variable.values.astype(DTYPES[variable.kind]).tobytes()))

    def append(self, atoms: Atoms, time: float) -> None:
        """Write a frame; what was not computed for it is NaN.

        Args:
            atoms: with velocities, and with forces and energies in a calculator, where there are such columns. time: fs.
        """
        prism, missing = Prism(atoms.cell.array, pbc=atoms.pbc), np.full((len(atoms), 3), np.nan)
        parameters = np.array(atoms.cell.cellpar())
        lengths = np.where(atoms.pbc, parameters[:3], 0.0)
        results = atoms.calc.results if atoms.calc is not None else {}
        velocities = atoms.get_velocities() * (FS_PER_PS * ase.units.fs) if atoms.has("momenta") else missing
        values = {
            "time": np.array(time / FS_PER_PS),
            "cell_lengths": lengths,
            "cell_angles": parameters[3:],
            "coordinates": prism.vector_to_lammps(atoms.positions),
            "velocities": prism.vector_to_lammps(velocities),
            "forces": prism.vector_to_lammps(results.get("forces", missing)) / KCAL_PER_MOL,
            "potential_energy": results.get("energies", missing[:, 0]),
        }
        for name, variable in self._framed.items():
            self._file.write(np.asarray(values[name]).astype(DTYPES[variable.kind]).tobytes())
        self._count += 1

    def end(self) -> None:
        """Write how many frames there are."""
        self._file.seek(COUNT_PLACE)
        self._file.write(struct.pack(">i", self._count))


def _header(sizes: dict[str, int], fixed: dict[str, NetcdfVariable], framed: dict[str, NetcdfVariable]) -> bytes:
    """The header, with the places of the variables that follow it."""
    facts = {
        "title": "trajectory of hpcpot",
        "application": "hpcpot",
        "program": "hpcpot",
        "programVersion": hpcpot.__version__,
        "Conventions": "AMBER",
        "ConventionVersion": "1.0",
    }
    head = b"CDF\x02" + struct.pack(">i", 0)
    head += struct.pack(">ii", DIMENSION, len(sizes))
    head += b"".join(_text(name) + struct.pack(">i", size) for name, size in sizes.items())
    head += _attributes(facts)
    variables = {**fixed, **framed}
    begins = dict.fromkeys(variables, 0)
    for _ in range(2):  # the header is as long with the places as without
        described = b"".join(_described(name, variable, sizes, begins[name]) for name, variable in variables.items())
        place = len(head) + 8 + len(described)
        for name, variable in variables.items():
            begins[name] = place
            place += _size(variable, sizes)
    return head + struct.pack(">ii", VARIABLE, len(variables)) + described


def _described(name: str, variable: NetcdfVariable, sizes: dict[str, int], begin: int) -> bytes:
    dimensions = [list(sizes).index(dimension) for dimension in variable.dimensions]
    return (
        _text(name)
        + struct.pack(f">{1 + len(dimensions)}i", len(dimensions), *dimensions)
        + _attributes({"units": variable.unit} if variable.unit else {})
        + struct.pack(">iIq", variable.kind, min(_size(variable, sizes), 2**32 - 1), begin)
    )


def _size(variable: NetcdfVariable, sizes: dict[str, int]) -> int:
    """Bytes of a variable, or of a frame of it, to a multiple of 4."""
    lengths = [sizes[dimension] for dimension in variable.dimensions if dimension != "frame"]
    return -(-int(np.prod(lengths, dtype=np.int64)) * np.dtype(DTYPES[variable.kind]).itemsize // 4) * 4


def _attributes(texts: dict[str, str]) -> bytes:
    if not texts:
        return struct.pack(">ii", 0, 0)
    entries = b"".join(_text(name) + struct.pack(">i", CHAR) + _text(text) for name, text in texts.items())
    return struct.pack(">ii", ATTRIBUTE, len(texts)) + entries


def _text(text: str) -> bytes:
    return struct.pack(">i", len(text)) + _padded(text.encode())


def _padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % 4)
