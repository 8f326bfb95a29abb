"""phonopy: phonons of silicon by finite displacements, and their figure."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from ase import Atoms
from ase.build import bulk
from phonopy import Phonopy
from phonopy.structure.atoms import PhonopyAtoms

from hpcpot import Calculator

A_SILICON = 5.433  # Å, of lisi_mtp, as with_ase.py finds it; so that forces at rest are 0
PATH = {"Γ": (0, 0, 0), "X": (0.5, 0, 0.5), "K": (0.375, 0.375, 0.75), "Γ'": (0, 0, 0), "L": (0.5, 0.5, 0.5)}

calculator = Calculator("lisi_mtp")
primitive = bulk("Si", a=A_SILICON)
cell = PhonopyAtoms(primitive.get_chemical_symbols(), cell=primitive.cell, scaled_positions=primitive.get_scaled_positions())
phonons = Phonopy(cell, supercell_matrix=np.diag([3, 3, 3]))
phonons.generate_displacements(distance=0.01)
forces = []
for displaced in phonons.supercells_with_displacements:
    atoms = Atoms(displaced.symbols, displaced.positions, cell=displaced.cell, pbc=True)
    atoms.calc = calculator
    forces.append(atoms.get_forces())
phonons.forces = forces
phonons.produce_force_constants()

for name in ("Γ", "X", "L"):
    phonons.run_qpoints([PATH[name]])
    frequencies = phonons.get_qpoints_dict()["frequencies"][0]
    print(f"{name}: {', '.join(f'{value:.2f}' for value in frequencies)} THz")

points = list(PATH.values())
segments = [np.linspace(start, end, 51) for start, end in zip(points[:-1], points[1:], strict=True)]
phonons.run_band_structure(segments)
bands = phonons.get_band_structure_dict()
figure, axes = plt.subplots(figsize=(5, 3.5), layout="constrained")
for distances, frequencies in zip(bands["distances"], bands["frequencies"], strict=True):
    axes.plot(distances, frequencies, color="C0", lw=1)
ticks = [bands["distances"][0][0], *(distances[-1] for distances in bands["distances"])]
axes.set_xticks(ticks, [name.rstrip("'") for name in PATH])
axes.set(ylabel="frequency / THz", title="Phonons of Si by lisi_mtp", xlim=(ticks[0], ticks[-1]))
axes.axhline(0, color="0.5", lw=0.5)
axes.grid(axis="x")
figure.savefig("phonons.png", dpi=150)
