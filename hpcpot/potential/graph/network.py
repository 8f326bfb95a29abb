"""The graph network in torch: what training and evaluation share.

A block takes x = v, e, u to x + layer(ff(x)); the layer, with s the centre and r the neighbour of edge k:

    e'_k = phi_e([v_s, v_r, e_k, u]), v'_i = phi_v([mean of e'_k with s = i, v_i, u]), u' = phi_u([mean e', mean v', u])

Means for u are over the atoms of a cell and the edges between them; the last layers of phi have no activation. The first
layers of phi_e and phi_v are shared out among what they join.

Source: C. Chen et al., Chem. Mater. 31, 3564 (2019), and the layer of the package megnet 1.3.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from hpcpot.potential.graph.graphs import Graphs
from hpcpot.potential.graph.model import STATE, Dense, GraphBlock, GraphNetwork, Set2Set

LN2 = math.log(2.0)
ROUNDS = 3
"""Steps of a set2set."""


@dataclass
class Features:
    """What messages pass: v (nodes, width), e (edges, width), u (cells, width)."""

    v: Tensor
    e: Tensor
    u: Tensor


@dataclass
class Outputs:
    """What cells have: energies (cells,) eV; forces (atoms, 3) eV/Å; stresses (cells, 3, 3) eV/Å³, tension positive."""

    energies: Tensor
    forces: Tensor | None
    stresses: Tensor | None


def evaluate(net: GraphNetwork, graphs: Graphs, share: float = 0.0, forces: bool = True) -> Outputs:
    """Energies, forces and stresses of cells; of variant energy by derivatives, which can be differentiated again.

    Args:
        net: with tensors in place of arrays. graphs: of tensors, vectors of the type of the parameters.
        share: part of the gradient of the energy that reaches the blocks of a network of forces: at 0 the head of the
            energy learns from what they do, and changes nothing of it. No value depends on it.
        forces: False for the energy alone.
    """
    is_gradient, again = net.variant == "energy" and forces, torch.is_grad_enabled()
    if is_gradient:
        graphs = replace(graphs, vectors=graphs.vectors.detach().requires_grad_())
    with torch.set_grad_enabled(again or is_gradient):
        x = passed(net, graphs)
        energies = _energies(net, graphs, x, 1.0 if net.variant == "energy" else share)
        if is_gradient:
            parts = Outputs(energies, *_derivatives(graphs, energies, again))
            return parts if again else Outputs(*(part.detach() for part in vars(parts).values()))
    if not forces:
        return Outputs(energies, None, None)
    return Outputs(energies, _forces(net, graphs, x), _stresses(net, graphs, x))


def passed(net: GraphNetwork, graphs: Graphs) -> Features:
    """Features after all blocks."""
    atoms, length = len(graphs.depths), graphs.vectors.norm(dim=1, keepdim=True)
    v = net.embedding.index_select(0, graphs.kinds)
    if net.variant == "global":
        v = torch.cat([v, graphs.depths], 1)
    e = torch.cat([graphs.vectors, length, length * length], 1)
    u = e.new_zeros(len(graphs.sizes), STATE)
    x = Features(dense(net.nodes_in, v), dense(net.edges_in, e), dense(net.state_in, u))
    for block in net.blocks:
        x = message(block, graphs, x, atoms)
    return x


def message(block: GraphBlock, graphs: Graphs, x: Features, atoms: int) -> Features:
    """One block; see the formulas above."""
    y = x
    if block.nodes_in:
        y = Features(dense(block.nodes_in, x.v), dense(block.edges_in, x.e), dense(block.state_in, x.u))
    width, state = y.v.shape[1], y.u.shape[1]
    of_centre, of_neighbor, of_edge, of_state = _parts(block.edges[0], (width, width, y.e.shape[1], state))
    at_node = (y.u @ of_state).index_select(0, graphs.cell_of)
    summed = torch.addmm(block.edges[0].bias, y.e, of_edge)
    summed += (y.v @ of_centre + at_node).index_select(0, graphs.centres)
    summed += (y.v @ of_neighbor).index_select(0, graphs.neighbors)
    e = _rest(block.edges, summed)
    of_mean, of_node, of_state = _parts(block.nodes[0], (e.shape[1], width, state))
    at_node = (y.u @ of_state).index_select(0, graphs.cell_of)
    summed = torch.addmm(block.nodes[0].bias, mean(e, graphs.centres, len(y.v)), of_mean) + y.v @ of_node + at_node
    v = _rest(block.nodes, summed)
    of_pair = graphs.cell_of.index_select(0, graphs.centres[: graphs.n_pairs])
    n = len(y.u)
    whole = torch.cat([mean(e[: graphs.n_pairs], of_pair, n), mean(v[:atoms], graphs.cell_of[:atoms], n), y.u], 1)
    return Features(x.v + v, x.e + e, x.u + dense(block.state, whole, last=False))


def _parts(layer: Dense, sizes: tuple[int, ...]) -> tuple[Tensor, ...]:
    """The weights of each part of a joined input."""
    return layer.weights.split(sizes, 0)


def _rest(layers: tuple[Dense, ...], first: Tensor) -> Tensor:
    """The other layers, from what the first one gives before its activation; the last one has none."""
    return dense(layers[1:], softplus2(first), last=False) if len(layers) > 1 else first


def softplus2(x: Tensor) -> Tensor:
    """ln(1 + e^x) - ln 2; in place, as what it is taken from is not kept for the gradient."""
    return functional.softplus(x).sub_(LN2)


def dense(layers: tuple[Dense, ...], x: Tensor, last: bool = True) -> Tensor:
    """Layers one after the other, each activated; the last one if `last`."""
    for k, layer in enumerate(layers):
        x = torch.addmm(layer.bias, x, layer.weights)
        if last or k + 1 < len(layers):
            x = softplus2(x)
    return x


def mean(x: Tensor, groups: Tensor, n: int) -> Tensor:
    """Mean of the rows of each of n groups; 0 of an empty one."""
    counts = torch.bincount(groups, minlength=n).clamp(min=1)
    return add_up(x, groups, n) / counts[:, None]


def add_up(x: Tensor, groups: Tensor, n: int) -> Tensor:
    """Sum of the rows of each of n groups."""
    return x.new_zeros(n, x.shape[1]).index_add(0, groups, x)


def pooled(pool: Set2Set, x: Tensor, groups: Tensor, n: int) -> Tensor:
    """A set2set of the rows of each of n groups, (n, 2 h)."""
    items = torch.addmm(pool.items.bias, x, pool.items.weights)
    width = items.shape[1]
    q, carry = x.new_zeros(n, 2 * width), x.new_zeros(n, width)
    for _ in range(ROUNDS):
        enter, forget, cell, leave = torch.addmm(pool.gates.bias, q, pool.gates.weights).split(width, 1)
        carry = forget.sigmoid() * carry + enter.sigmoid() * cell.tanh()
        h = leave.sigmoid() * carry.tanh()
        score = (items * h.index_select(0, groups)).sum(1)
        most = score.detach().new_full((n,), -math.inf).scatter_reduce(0, groups, score.detach(), "amax")
        weight = (score - most.index_select(0, groups)).exp()[:, None]
        total = add_up(weight, groups, n).clamp(min=torch.finfo(x.dtype).tiny)
        q = torch.cat([h, add_up(weight * items, groups, n) / total], 1)
    return q


def _energies(net: GraphNetwork, graphs: Graphs, x: Features, share: float) -> Tensor:
    """(cells,) eV, sums of energy_shift left out."""
    v, e, u = (share * f + (1.0 - share) * f.detach() if share != 1.0 else f for f in (x.v, x.e, x.u))
    y = _of_sets(net.energy_nodes, net.energy_edges, net.energy, graphs, Features(v, e, u))
    return net.energy_scale * y[:, 0].double() * graphs.sizes


def _of_sets(nodes: Set2Set, edges: Set2Set, layers: tuple[Dense, ...], graphs: Graphs, x: Features) -> Tensor:
    """A head of the atoms, the edges between them and the state."""
    atoms, n = len(graphs.depths), len(x.u)
    of_pair = graphs.cell_of.index_select(0, graphs.centres[: graphs.n_pairs])
    sets = (pooled(nodes, x.v[:atoms], graphs.cell_of[:atoms], n), pooled(edges, x.e[: graphs.n_pairs], of_pair, n))
    return dense(layers, torch.cat([*sets, x.u], 1), last=False)


def _of_nodes(layers: tuple[Dense, ...], v: Tensor, u: Tensor, cells: Tensor) -> Tensor:
    """A head of nodes, whose last layer sees the state of their cell, too."""
    return dense(layers[-1:], torch.cat([dense(layers[:-1], v), u.index_select(0, cells)], 1), last=False)


def _forces(net: GraphNetwork, graphs: Graphs, x: Features) -> Tensor:
    """Without the mean of each cell: no force moves a cell as a whole."""
    atoms, n = len(graphs.depths), len(x.u)
    cells = graphs.cell_of[:atoms]
    f = net.force_scale * _of_nodes(net.forces, x.v[:atoms], x.u, cells)
    return f - mean(f, cells, n).index_select(0, cells)


def _stresses(net: GraphNetwork, graphs: Graphs, x: Features) -> Tensor:
    atoms, n = len(graphs.depths), len(x.u)
    if net.variant == "global":
        xx, yy, zz, yz, xz, xy = _of_sets(net.stress_nodes, net.stress_edges, net.stress, graphs, x).unbind(1)
        s = torch.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], 1).view(n, 3, 3)
    else:
        s = _of_nodes(net.stress, x.v[atoms:], x.u, graphs.cell_of[atoms:]).view(n, 3, 3)
        s = 0.5 * (s + s.transpose(1, 2))
    return net.stress_shift + net.stress_scale * s


def _derivatives(graphs: Graphs, energies: Tensor, again: bool) -> tuple[Tensor, Tensor]:
    """Forces and stresses from dE/dr of the edges, r from the neighbour to the centre; again: to be differentiated."""
    atoms, n = len(graphs.depths), len(energies)
    (g,) = torch.autograd.grad(energies.sum(), graphs.vectors, create_graph=again)
    forces = add_up(g, graphs.neighbors, atoms) - add_up(g, graphs.centres, atoms)
    of_pair = graphs.cell_of.index_select(0, graphs.centres)
    strained = (graphs.vectors[:, :, None] * g[:, None, :]).reshape(-1, 9)
    stresses = add_up(strained, of_pair, n).view(n, 3, 3) / graphs.volumes[:, None, None]
    return forces, 0.5 * (stresses + stresses.transpose(1, 2))


def to_tensors(cells: Graphs, dtype: torch.dtype, device: torch.device) -> Graphs:
    """Graphs of NumPy as tensors."""
    return cells.map(lambda a: torch.as_tensor(a, dtype=dtype if a.dtype.kind == "f" else torch.int64, device=device))
