"""matcalc: elastic constants and an equation of state."""

from ase.build import bulk
from matcalc import ElasticityCalc, EOSCalc
from pymatgen.io.ase import AseAtomsAdaptor

from hpcpot import Calculator

calculator = Calculator("lisi_mtp")
silicon = AseAtomsAdaptor.get_structure(bulk("Si", cubic=True))
elastic = ElasticityCalc(calculator, fmax=0.01, relax_structure=True).calc(silicon)
state = EOSCalc(calculator, fmax=0.01, relax_structure=True).calc(silicon)
GPA_PER_EV_A3 = 160.2176634
tensor = elastic["elastic_tensor"].voigt * GPA_PER_EV_A3
print(f"C11 {tensor[0, 0]:.0f}, C12 {tensor[0, 1]:.0f}, C44 {tensor[3, 3]:.0f} GPa")
print(f"bulk modulus {state['bulk_modulus_bm']:.0f} GPa")
