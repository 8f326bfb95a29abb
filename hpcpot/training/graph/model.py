"""The graph network with leaf tensors, its frames, and the gradient of a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from hpcpot.dataset.dataset import DataSet
from hpcpot.neighbors import batch
from hpcpot.neighbors.batch import Neighborhood
from hpcpot.potential import contract
from hpcpot.potential.graph import graphs, network
from hpcpot.potential.graph.graphs import Graphs
from hpcpot.potential.graph.model import GraphNetwork, mapped
from hpcpot.training.loss import Labels
from hpcpot.training.step import Loss, Prediction

FACES = np.array([(a, sign) for a in range(3) for sign in (1, -1)])
"""Axes and signs of the rotations by 90 degrees."""


class GraphModel:
    """A graph network that can be trained.

    Args:
        family: initial parameters; its energy_shift is left out of the energies here.
        share: of the gradient of the energy that reaches the blocks; see network.evaluate.
    """

    def __init__(self, family: GraphNetwork, share: float, dtype: torch.dtype, device: torch.device):
        self.family, self.share, self.dtype, self.device = family, share, dtype, device
        self.parameters: list[Tensor] = []
        self.net = mapped(family, self._leaf)

    def _leaf(self, values: np.ndarray) -> Tensor:
        self.parameters.append(torch.tensor(values, dtype=self.dtype, device=self.device, requires_grad=True))
        return self.parameters[-1]

    @property
    def constant_energies(self) -> np.ndarray:
        """(elements,) eV, what the energies here lack."""
        return self.family.energy_shift

    def export(self) -> GraphNetwork:
        """The parameters as the engine takes them."""
        return mapped(self.net, lambda values: values.detach().cpu().double().numpy().copy())


@dataclass(frozen=True)
class GraphFrame:
    """A frame: its neighbourhood, which holds positions and cell, and species (atoms,) int32."""

    near: Neighborhood
    species: np.ndarray

    @property
    def nbytes(self) -> int:
        near = self.near
        arrays = (near.owners, near.shifts, near.pairs.first, near.pairs.neighbors, near.positions, self.species)
        return sum(array.nbytes for array in arrays)


def of_frame(model: GraphModel, data: DataSet, k: int, forces: bool = True) -> GraphFrame:
    """Frame k; forces make no difference.

    Raises:
        SimulationError: two atoms closer than hpcpot.potential.contract.CLOSEST.
    """
    mine = slice(data.first[k], data.first[k + 1])
    frame = GraphFrame(
        batch.build(data.positions[mine], data.cells[k], data.periodic[k], model.family.cutoff), data.species[mine]
    )
    points, pairs = frame.near.points, frame.near.pairs
    distances = np.linalg.norm(pairs.vectors(points), axis=1)
    if distances.min(initial=np.inf) < contract.CLOSEST:
        p = int(np.argmin(distances))
        centre = int(np.searchsorted(pairs.first, p, side="right")) - 1
        names = [model.family.elements[frame.species[a]] for a in (centre, frame.near.owners[pairs.neighbors[p]])]
        contract.refuse_contact(names[0], names[1:], distances[p : p + 1])
    return frame


def join(model: GraphModel, parts: Sequence[GraphFrame]) -> Graphs:
    """Frames as one batch of tensors."""
    joined = batch.join([part.near for part in parts])
    positions = np.concatenate([part.near.positions for part in parts])
    cells = np.array([part.near.cell for part in parts])
    family, species = model.family, np.concatenate([part.species for part in parts])
    made = graphs.build(
        joined, joined.points(positions, cells), cells, species, family.cutoff, family.variant, len(family.elements)
    )
    return network.to_tensors(made, model.dtype, model.device)


def predict(model: GraphModel, cells: Graphs, forces: bool = True) -> Prediction:
    """Energies, and forces and virials if asked for, of all frames of a batch."""
    with torch.no_grad():
        return _prediction(model, cells, forces)


def add_gradient(model: GraphModel, cells: Graphs, loss: Loss, forces: bool = True) -> tuple[Prediction, Tensor]:
    """Add the gradient of a loss to `grad` of the parameters; see hpcpot.training.step.add_gradient."""
    prediction = _prediction(model, cells, forces)
    value = loss(prediction)
    value.backward()
    detached = (None if part is None else part.detach() for part in vars(prediction).values())
    return Prediction(*detached), value.detach()


def _prediction(model: GraphModel, cells: Graphs, forces: bool) -> Prediction:
    outputs = network.evaluate(model.net, cells, model.share, forces)
    if outputs.forces is None:
        return Prediction(outputs.energies, None, None)
    return Prediction(outputs.energies, outputs.forces, -outputs.stresses * cells.volumes[:, None, None])


@dataclass(frozen=True)
class GraphLoss:
    """L = p_e <(dE / N)^2> / s_e^2 + p_f <dF^2> / s_f^2 + p_s <dS^2> / s_s^2 with stresses S = -W / V.

    Means over frames, force components, and the nine components of the stress; s: deviations in the training set.

    Source: Cheon et al. (2023), the sum of the mean squared errors of standardised forces and stresses.

    Attributes:
        energy, force, stress: weights p. scales: s_e, s_f, s_s in eV, eV/Å, eV/Å³.
    """

    energy: float
    force: float
    stress: float
    scales: tuple[float, float, float]

    @property
    def needs_forces(self) -> bool:
        return self.force > 0.0 or self.stress > 0.0

    def __call__(self, predicted: Prediction, labels: Labels, rate: float) -> Tensor:
        of_energy, of_force, of_stress = self.scales
        off = (predicted.energies - labels.energies) / (labels.sizes * of_energy)
        total = self.energy * off.square().mean()
        if self.force > 0.0:
            total = total + self.force * ((predicted.forces - labels.forces) / of_force).square().mean()
        if self.stress > 0.0:
            difference = (predicted.virials - labels.virials) / (labels.volumes[:, None, None] * of_stress)
            total = total + self.stress * difference.square().mean()
        return total


@dataclass(frozen=True)
class Augmentation:
    """Frames turned by 90 degrees, and frames with noise, drawn anew for each batch.

    A turn takes positions, cell, forces and virial along. Noise is Gaussian on each component of the lattice vectors, at
    fixed fractional coordinates, and then of the positions; forces and stress stay those of the frame without.

    Source: Cheon et al. (2023).

    Attributes:
        seed: with the number of the batch it makes the random numbers. cutoff: Å. noise: Å.
        turned, noisy: shares of the frames.
    """

    seed: int
    cutoff: float
    turned: float
    noise: float
    noisy: float

    def __call__(self, parts: list[GraphFrame], labels: Labels, draw: int) -> tuple[list[GraphFrame], Labels]:
        """Change some frames of batch number `draw`."""
        random = np.random.default_rng([self.seed, draw])
        forces, virials, volumes = (values.clone() for values in (labels.forces, labels.virials, labels.volumes))
        changed, first = [], 0
        for k, part in enumerate(parts):
            mine = slice(first, first + len(part.species))
            first = mine.stop
            if random.random() < self.turned:
                turn = quarter_turn(*FACES[random.integers(len(FACES))])
                part, of_labels = turned(part, turn), torch.tensor(turn, dtype=forces.dtype, device=forces.device)
                forces[mine] = forces[mine] @ of_labels.T
                virials[k] = of_labels @ virials[k] @ of_labels.T
            if self.noise > 0.0 and random.random() < self.noisy:
                part = shaken(part, self.noise, self.cutoff, random)
                growth = abs(np.linalg.det(part.near.cell)) / volumes[k]
                virials[k], volumes[k] = virials[k] * growth, volumes[k] * growth
            changed.append(part)
        return changed, replace(labels, forces=forces, virials=virials, volumes=volumes)


def quarter_turn(axis: int, sign: int) -> np.ndarray:
    """Rotation by 90 degrees about an axis, (3, 3), exact; sign 1 is counterclockwise."""
    turn = np.zeros((3, 3))
    a, b = (axis + 1) % 3, (axis + 2) % 3
    turn[axis, axis], turn[b, a], turn[a, b] = 1.0, sign, -sign
    return turn


def turned(frame: GraphFrame, turn: np.ndarray) -> GraphFrame:
    """A frame with positions and cell rotated."""
    near = frame.near
    return replace(frame, near=replace(near, positions=near.positions @ turn.T, cell=near.cell @ turn.T))


def shaken(frame: GraphFrame, noise: float, cutoff: float, random: np.random.Generator) -> GraphFrame:
    """A frame with Gaussian noise on its lattice vectors and positions."""
    near = frame.near
    cell = near.cell + random.normal(0.0, noise, (3, 3))
    positions = near.positions @ np.linalg.inv(near.cell) @ cell + random.normal(0.0, noise, near.positions.shape)
    return replace(frame, near=batch.build(positions, cell, np.ones(3, bool), cutoff))
