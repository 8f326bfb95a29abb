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

A_SILICON = 5.443  # Å, of lisi_mtp, as with_ase.py finds it; so that forces at rest are 0
POINTS = {"Γ": (0, 0, 0), "X": (0.5, 0, 0.5), "L": (0.5, 0.5, 0.5)}
K, X_OF_K = (0.375, 0.375, 0.75), (0.5, 0.5, 1.0)
LINES = [(POINTS["Γ"], POINTS["X"]), (X_OF_K, K), (K, POINTS["Γ"]), (POINTS["Γ"], POINTS["L"])]
NAMES = ["Γ", "X", "K", "Γ", "L"]

calculator = Calculator("lisi_mtp")
primitive = bulk("Si", a=A_SILICON)
cell = PhonopyAtoms(
    primitive.get_chemical_symbols(), cell=primitive.cell, scaled_positions=primitive.get_scaled_positions()
)
phonons = Phonopy(cell, supercell_matrix=np.diag([3, 3, 3]))
phonons.generate_displacements(distance=0.01)
forces = []
for displaced in phonons.supercells_with_displacements:
    atoms = Atoms(displaced.symbols, displaced.positions, cell=displaced.cell, pbc=True)
    atoms.calc = calculator
    forces.append(atoms.get_forces())
phonons.forces = forces
phonons.produce_force_constants()

for name, point in POINTS.items():
    phonons.run_qpoints([point])
    frequencies = np.round(phonons.qpoints.frequencies[0], 2) + 0.0
    print(f"{name}: {', '.join(f'{value:.2f}' for value in frequencies)} THz")

phonons.run_band_structure([np.linspace(start, end, 51) for start, end in LINES])
bands = phonons.band_structure
figure, axes = plt.subplots(figsize=(5, 3.5), layout="constrained")
for distances, frequencies in zip(bands.distances, bands.frequencies, strict=True):
    axes.plot(distances, frequencies, color="C0", lw=1)
ticks = [bands.distances[0][0], *(distances[-1] for distances in bands.distances)]
axes.set_xticks(ticks, NAMES)
axes.set(ylabel="frequency / THz", title="Phonons of Si by lisi_mtp", xlim=(ticks[0], ticks[-1]))
axes.axhline(0, color="0.5", lw=0.5)
axes.grid(axis="x")
figure.savefig("phonons.png", dpi=150)
