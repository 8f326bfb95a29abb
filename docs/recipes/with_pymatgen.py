"""pymatgen: its structures in, relaxed ones out, and their symmetry."""

from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from hpcpot import Calculator

structure = Structure.from_spacegroup("Fd-3m", Lattice.cubic(5.6), ["Si"], [[0, 0, 0]])
structure.perturb(0.05)

atoms = AseAtomsAdaptor.get_atoms(structure)
atoms.calc = Calculator("lisi_mtp")
BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.005)

relaxed = AseAtomsAdaptor.get_structure(atoms)
analyzer = SpacegroupAnalyzer(relaxed, symprec=0.05)
print(f"{analyzer.get_space_group_symbol()}, a = {relaxed.lattice.a:.3f} Å")
relaxed.to("relaxed.cif")  # `hpcpot relax` and `hpcpot md` take it
