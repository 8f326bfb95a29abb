"""Parameters of a graph network: message passing of MEGNet's kind with vector edges, heads for forces, stress and energy.

Sources: G. Cheon et al. (2023), what is learnt and the heads; C. Chen et al., Chem. Mater. 31, 3564 (2019), MEGNet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from hpcpot.potential.tree import leaves

VARIANTS = {
    "planes": "forces and stress; rows of the stress from a node for each plane (100), (010), (001) of the cell",
    "corner": "forces and stress; rows of the stress from a node at the end of each lattice vector",
    "global": "forces and stress; the stress from the whole graph, whose atoms know their distances to the planes",
    "energy": "the energy alone; forces and stress are its derivatives",
}
MARKERS = {"planes": 3, "corner": 3, "global": 0, "energy": 0}
"""Nodes of a cell besides its atoms."""
EDGE = 5
"""Features of an edge: r (3), |r| and |r|², Å."""
STATE = 2
"""Numbers of a cell at the start, zeros, as in MEGNet."""
GATES = 4
"""Of a long short-term memory: input, forget, cell, output."""


@dataclass(frozen=True)
class Dense:
    """y = x W + b.

    Attributes:
        weights: (in, out) float64. bias: (out,) float64.
    """

    weights: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class GraphBlock:
    """A block of message passing; every layer is activated but the last ones of the messages.

    Attributes:
        nodes_in, edges_in, state_in: what features pass before the messages; none in the first block.
        edges, nodes, state: of [v_s, v_r, e, u], [mean e', v, u] and [mean e', mean v', u].
    """

    nodes_in: tuple[Dense, ...]
    edges_in: tuple[Dense, ...]
    state_in: tuple[Dense, ...]
    edges: tuple[Dense, ...]
    nodes: tuple[Dense, ...]
    state: tuple[Dense, ...]


@dataclass(frozen=True)
class Set2Set:
    """A sum over a set that does not depend on its order.

    m = x W + b; three times: a long short-term memory of q* gives h, a = softmax(m h), q* = [h, sum a m].

    Attributes:
        items: W and b. gates: q* (2 h) to input, forget, cell and output (4 h).

    Source: O. Vinyals et al., arXiv:1511.06391.
    """

    items: Dense
    gates: Dense


@dataclass(frozen=True)
class GraphNetwork:
    """A graph network.

    Attributes:
        elements: names. cutoff: Å, of edges between atoms. variant: one of VARIANTS.
        embedding: (species + markers, width) float64, first features of nodes.
        nodes_in, edges_in, state_in: before the first block.
        forces: from the features of a node and the state to 3 numbers, times force_scale; none in variant energy.
        stress: to a row of the stress, or to xx yy zz yz xz xy in variant global; none in variant energy.
        stress_nodes, stress_edges: sets of variant global.
        energy: from energy_nodes, energy_edges and the state to (E - sum energy_shift) / (atoms energy_scale).
        energy_shift: (species,) float64, eV. energy_scale: eV. force_scale: eV/Å. stress_shift, stress_scale: eV/Å³.
    """

    elements: tuple[str, ...]
    cutoff: float
    variant: str
    embedding: np.ndarray
    nodes_in: tuple[Dense, ...]
    edges_in: tuple[Dense, ...]
    state_in: tuple[Dense, ...]
    blocks: tuple[GraphBlock, ...]
    forces: tuple[Dense, ...]
    stress: tuple[Dense, ...]
    stress_nodes: Set2Set | None
    stress_edges: Set2Set | None
    energy: tuple[Dense, ...]
    energy_nodes: Set2Set
    energy_edges: Set2Set
    energy_shift: np.ndarray
    energy_scale: float
    force_scale: float
    stress_shift: float
    stress_scale: float

    slots = None

    @property
    def markers(self) -> int:
        """Nodes of a cell besides its atoms."""
        return MARKERS[self.variant]

    def problems(self) -> Iterator[str]:
        """See contract.Family."""
        if self.variant not in VARIANTS:
            yield f"variant = {self.variant}: one of {', '.join(VARIANTS)} is required"
            return
        expected = widths(self)
        if expected is None:
            yield "layers = of shapes that do not follow from one another: those of one network are required"
            return
        n = len(self.elements)
        if self.embedding.shape != (n + self.markers, self.embedding.shape[-1]) or self.energy_shift.shape != (n,):
            yield (
                f"embedding, energy_shift = {self.embedding.shape}, {self.energy_shift.shape}: a row for each of {n} elements "
                f"and {self.markers} markers, and a number for each element, is required"
            )
        for name in ("energy_scale", "force_scale", "stress_scale"):
            if not getattr(self, name) > 0.0:
                yield f"{name} = {getattr(self, name):g}: a positive number is required"

    def facts(self) -> dict[str, str]:
        """Description in a few lines, by their headings, for people."""
        width, n = self.blocks[-1].nodes[-1].bias.size, sum(leaf.size for leaf in arrays(self))
        return {
            "cutoff": f"{self.cutoff:g} Å",
            "predicts": VARIANTS[self.variant],
            "network": f"{len(self.blocks)} blocks of {width} features, {n:,} parameters",
            "limits": "forces are no gradient of a smooth energy: for relax and test; no dynamics, no domains",
        }


def mixed_kernels(model: GraphNetwork) -> tuple[str, ...]:
    """Kernel sets with mixed precision: float32 but for geometry and sums."""
    return ("cpu",)


def arrays(model: GraphNetwork) -> list[np.ndarray]:
    """All that training changes."""
    return [leaf for path, leaf in leaves(model, "") if isinstance(leaf, np.ndarray) and path != "/energy_shift"]


def mapped(model: GraphNetwork, change: Callable[[Any], Any]) -> GraphNetwork:
    """The same network with each of `arrays` changed, as to tensors."""
    names = [field.name for field in fields(model) if field.name != "energy_shift"]
    return replace(model, **{name: _mapped(getattr(model, name), change) for name in names})


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if is_dataclass(value):
        return replace(value, **{field.name: _mapped(getattr(value, field.name), change) for field in fields(value)})
    if isinstance(value, tuple):
        return tuple(_mapped(item, change) for item in value)
    return value if value is None or isinstance(value, (str, int, float)) else change(value)


def widths(model: GraphNetwork) -> tuple[int, int, int] | None:
    """Features of nodes, edges and state; None where the layers do not fit each other."""
    try:
        return _widths(model)
    except (IndexError, ValueError, AttributeError):
        return None


def _widths(model: GraphNetwork) -> tuple[int, int, int]:
    """See `widths`.

    Raises:
        ValueError: layers do not fit each other. IndexError, AttributeError: there are none, or they are no arrays.
    """
    _, first = model.embedding.shape
    v = _end(model.nodes_in, first + 3 * (model.variant == "global"))
    e, u = _end(model.edges_in, EDGE), _end(model.state_in, STATE)
    if not model.blocks:
        raise ValueError("blocks")
    for k, block in enumerate(model.blocks):
        before = (block.nodes_in, block.edges_in, block.state_in)
        if k == 0 and any(before):
            raise ValueError("first block")
        inner = [_end(layers, n) if k else n for layers, n in zip(before, (v, e, u), strict=True)]
        v_in, e_in, u_in = inner
        e_out = _end(block.edges, 2 * v_in + e_in + u_in)
        v_out = _end(block.nodes, e_out + v_in + u_in)
        if (v_out, e_out, _end(block.state, e_out + v_out + u_in)) != (v, e, u):
            raise ValueError("skips")
    pooled = _pooled(model.energy_nodes, v) + _pooled(model.energy_edges, e)
    ends = [_end(model.energy, pooled + u) == 1]
    if model.variant != "energy":
        ends.append(_after(model.forces, v, u) == 3)
    elif model.forces or model.stress:
        raise ValueError("heads")
    if model.variant in ("planes", "corner"):
        ends.append(_after(model.stress, v, u) == 3)
    if model.variant == "global":
        pooled = _pooled(model.stress_nodes, v) + _pooled(model.stress_edges, e)
        ends.append(_end(model.stress, pooled + u) == 6)
    if not all(ends):
        raise ValueError("heads")
    return v, e, u


def _end(layers: tuple[Dense, ...], width: int) -> int:
    """Outputs of layers of so many inputs."""
    for layer in layers:
        n, m = layer.weights.shape
        if n != width or layer.bias.shape != (m,):
            raise ValueError("layer")
        width = m
    if not layers:
        raise ValueError("no layers")
    return width


def _after(layers: tuple[Dense, ...], v: int, u: int) -> int:
    """Outputs of a head whose last layer sees the state, too."""
    return _end(layers[-1:], _end(layers[:-1], v) + u)


def _pooled(pool: Set2Set, width: int) -> int:
    h = _end((pool.items,), width)
    if _end((pool.gates,), 2 * h) != GATES * h:
        raise ValueError("gates")
    return 2 * h
