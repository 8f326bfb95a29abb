"""Dumps of LAMMPS, see `hpcpot.structure.lammps_dump`."""

from hpcpot.structure.lammps_dump import frames, read
from hpcpot.structure.lammps_dump import is_dump as recognise

__all__ = ["frames", "read", "recognise"]
