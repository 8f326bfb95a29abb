"""A graph network as the potential of whole cells, many in one call, by torch on a CPU or a GPU."""

from __future__ import annotations

import numpy as np
import torch

from hpcpot.neighbors.batch import Batch
from hpcpot.potential.contract import CellResult
from hpcpot.potential.graph import graphs, network
from hpcpot.potential.graph.model import GraphNetwork, mapped
from hpcpot.potential.torch_device import find_device

DTYPES = {"float64": torch.float64, "mixed": torch.float32}


class GraphPotential:
    """See contract.CellPotential.

    Args:
        precision: float64, or mixed: the network in float32. device: cpu, gpu or auto.
    Raises:
        DependencyError: a GPU is asked for and torch has none.
    """

    kernel_set = "cpu"

    def __init__(self, family: GraphNetwork, precision: str = "float64", device: str = "cpu"):
        self._device, self._dtype = torch.device(find_device(device)), DTYPES[precision]
        self.family, self.precision = family, precision
        self.device_name = "cpu" if self._device.type == "cpu" else torch.cuda.get_device_name(self._device)
        self.elements, self.cutoff = tuple(family.elements), float(family.cutoff)
        self._net = mapped(family, lambda values: torch.tensor(values, dtype=self._dtype, device=self._device))

    def compute_cells(self, joined: Batch, points: np.ndarray, cells: np.ndarray, species: np.ndarray) -> CellResult:
        """See contract.CellPotential."""
        family = self.family
        made = graphs.build(joined, points, cells, species, family.cutoff, family.variant, len(family.elements))
        with torch.no_grad():
            outputs = network.evaluate(self._net, network.to_tensors(made, self._dtype, self._device))
        energies, forces, stresses = (part.cpu().double().numpy() for part in vars(outputs).values())
        shifts = np.bincount(made.cell_of[: len(species)], family.energy_shift[species], len(cells))
        return CellResult(energies + shifts, forces, -stresses * made.volumes[:, None, None])


def prepare(family: GraphNetwork, precision: str, device: str) -> GraphPotential:
    """The potential of a model; see registry.FamilyRow."""
    return GraphPotential(family, precision, device)
