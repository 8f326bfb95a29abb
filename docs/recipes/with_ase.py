"""ASE: relax a cell, its bulk modulus, and dynamics, with a potential of hpcpot."""

import numpy as np
from ase import units
from ase.build import bulk
from ase.eos import EquationOfState
from ase.filters import FrechetCellFilter
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS

from hpcpot import Calculator

calculator = Calculator("lisi_mtp")
silicon = bulk("Si", cubic=True)
silicon.calc = calculator
BFGS(FrechetCellFilter(silicon), logfile=None).run(fmax=0.01)

volumes, energies = [], []
for scale in np.linspace(0.98, 1.02, 7):
    strained = silicon.copy()
    strained.set_cell(silicon.cell * scale, scale_atoms=True)
    strained.calc = calculator
    volumes.append(strained.get_volume())
    energies.append(strained.get_potential_energy())
_, _, modulus = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()
print(f"a = {silicon.cell.lengths()[0]:.3f} Å, B = {modulus / units.GPa:.0f} GPa")

moving = silicon * 2
moving.calc = calculator
thermalize_momenta(moving, temperature_K=600, rng=np.random.default_rng(0))
before = moving.get_total_energy()
VelocityVerlet(moving, timestep=1.0 * units.fs).run(100)
print(f"drift in 0.1 ps: {1e3 * abs(moving.get_total_energy() - before) / len(moving):.3f} meV/atom")
