"""Data files of LAMMPS, see `hpcpot.structure.lammps_data`."""

from hpcpot.structure.lammps_data import read

__all__ = ["read"]
