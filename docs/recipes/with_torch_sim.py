"""TorchSim: a potential of hpcpot as one of its models, for its optimisers and integrators; on the CPU."""

import torch
import torch_sim as ts
from ase.build import bulk
from torch_sim.models.interface import ModelInterface

from hpcpot import Calculator


class HpcpotModel(ModelInterface):
    """Energies (eV), forces (eV/Å) and stresses (eV/Å³) of all systems of a state, one after the other."""

    def __init__(self, name: str):
        super().__init__()
        self.calculator = Calculator(name)
        self._device, self._dtype = torch.device("cpu"), torch.float64
        self._compute_forces = self._compute_stress = True

    def forward(self, state: ts.SimState, **_) -> dict[str, torch.Tensor]:
        energies, forces, stresses = [], [], []
        for atoms in ts.io.state_to_atoms(state):
            atoms.calc = self.calculator
            energies.append(atoms.get_potential_energy())
            forces.append(torch.as_tensor(atoms.get_forces()))
            stresses.append(torch.as_tensor(atoms.get_stress(voigt=False)))
        return {
            "energy": torch.tensor(energies, dtype=self.dtype),
            "forces": torch.cat(forces),
            "stress": torch.stack(stresses),
        }


model = HpcpotModel("lisi_mtp")
cells = [bulk("Si", a=5.6), bulk("Li", a=3.3)]
relaxed = ts.optimize(
    cells, model, optimizer=ts.frechet_cell_fire, convergence_fn=ts.generate_force_convergence_fn(0.005)
)
for atoms, energy in zip(ts.io.state_to_atoms(relaxed), relaxed.energy, strict=True):
    print(
        f"{atoms.get_chemical_formula()}: {energy / len(atoms):.3f} eV/atom, {atoms.get_volume() / len(atoms):.2f} Å³/atom"
    )
