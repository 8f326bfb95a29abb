"""Energies, forces and virials of many structures in one call, by any potential."""

from __future__ import annotations

import numpy as np

from hpcpot.errors import ConfigError, StructureError
from hpcpot.neighbors.batch import Batch
from hpcpot.potential import registry
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.contract import CellPotential, CellResult, Family, Potential
from hpcpot.potential.torch_device import require_torch

AnyPotential = Potential | CellPotential


def prepare(family: Family, kernel_set: str = "cpu", precision: str = "float64", device: str = "cpu") -> AnyPotential:
    """A potential of any family, for `compute`.

    Args:
        device: of torch, for a family of whole cells: cpu, gpu or auto; the others compute structures on the CPU.
    Raises:
        ConfigError: kernels or a precision that there are not, or a GPU for another family. DependencyError: no torch.
    """
    row = registry.row_of(family)
    if row.whole_cells is None:
        refuse_device(family, device)
        return BlockPotential(family, kernel_set, precision)
    registry.check_kernels(family, kernel_set, precision)
    require_torch(f"potential = {row.title}")
    return registry.code(row.whole_cells)(family, precision, device)


def refuse_device(family: Family, device: str) -> None:
    """Refuse a GPU for a family that computes structures on the CPU.

    Raises:
        ConfigError: it does.
    """
    row = registry.row_of(family)
    if device == "gpu" and row.whole_cells is None:
        raise ConfigError(
            f"device = gpu: many structures at once are computed on the CPU by a {row.title}, and on a GPU by a graph network "
            "only; set cpu."
        )


def is_whole(potential: AnyPotential) -> bool:
    """Whether a potential is one of whole cells, whose forces are no gradient of a smooth energy."""
    return hasattr(potential, "compute_cells")


def compute(
    potential: AnyPotential, joined: Batch, points: np.ndarray, cells: np.ndarray, species: np.ndarray
) -> CellResult:
    """Energies, forces and virials of structures; arguments as of CellPotential.compute_cells."""
    if is_whole(potential):
        return potential.compute_cells(joined, points, cells, species)
    result = potential.compute(points, joined.pairs, species[joined.owners])
    forces, virials = joined.fold(points, result.forces)
    return CellResult(joined.sums(result.energies), forces, virials, result.truncated)


def refuse_open(potential: AnyPotential, periodic: np.ndarray) -> None:
    """Refuse a structure that is not periodic along all axes where a potential needs that.

    Args:
        periodic: (3,) bool.
    Raises:
        StructureError: it is not.
    """
    if is_whole(potential) and not np.all(periodic):
        raise StructureError(
            f"periodic = {np.asarray(periodic).tolist()}: a graph network takes cells that are periodic along all axes, "
            "and so does a calculator of ASE; give such a cell, or take another model."
        )
