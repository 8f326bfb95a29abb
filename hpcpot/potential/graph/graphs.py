"""Graphs of many cells as arrays: atoms and their neighbours, and the nodes that stand for the planes of a cell."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hpcpot.neighbors.batch import Batch
from hpcpot.potential.graph.model import MARKERS


@dataclass(frozen=True)
class Graphs:
    """Cells as graphs; arrays of NumPy, or tensors. All atoms come first, then the markers, each cell by cell.

    Attributes:
        sizes: (cells,) int64, atoms. volumes: (cells,) float64, Å³.
        kinds: (nodes,) int64, row of the embedding. cell_of: (nodes,) int64.
        centres, neighbors: (edges,) int64, nodes; edges between atoms come first, each kind ascending in the centre.
        n_pairs: edges between atoms.
        vectors: (edges, 3) float64, Å, from the neighbour to the centre, but from a plane to an atom.
        depths: (atoms, 3) float64, Å, distance from the planes that two lattice vectors span.
    """

    sizes: Any
    volumes: Any
    kinds: Any
    cell_of: Any
    centres: Any
    neighbors: Any
    n_pairs: int
    vectors: Any
    depths: Any

    def map(self, change: Any) -> Graphs:
        """The same graphs with each array changed."""
        return Graphs(**{f.name: v if isinstance(v := getattr(self, f.name), int) else change(v) for f in fields(self)})


def build(
    joined: Batch,
    points: np.ndarray,
    cells: np.ndarray,
    species: np.ndarray,
    cutoff: float,
    variant: str,
    n_elements: int,
) -> Graphs:
    """Graphs of cells that are periodic along all axes.

    The node of plane k, through the origin and the two other lattice vectors, has an edge from every atom, along its unit
    normal n_k (n_k a_k > 0) with the length d = s h_k: s in [0, 1) is the fractional coordinate, h_k = V / |a_i x a_j|.
    That at the end of a_k has one from every atom within the cell.

    Args:
        joined: neighbourhoods of at least the cutoff. points: (m, 3) float64, Å, theirs. cells: (cells, 3, 3) float64, Å.
        species: (atoms,) int32. cutoff: Å. variant: one of VARIANTS.
    """
    n, n_cells = len(species), len(cells)
    first, neighbors = joined.pairs.first, joined.pairs.neighbors
    centres = np.repeat(np.arange(n), np.diff(first))
    vectors = points[centres] - points[neighbors]
    near = np.flatnonzero(np.einsum("pc,pc->p", vectors, vectors) < cutoff * cutoff)
    centres, vectors, neighbors = centres[near], vectors[near], joined.owners[neighbors[near]]
    cell_of = joined.structures[:n]
    inverse = np.linalg.inv(cells)
    fractions = np.einsum("nc,nck->nk", points[:n], inverse[cell_of])
    fractions -= np.floor(fractions)
    heights = 1.0 / np.linalg.norm(inverse, axis=1)
    depths = fractions * heights[cell_of]
    n_markers = MARKERS[variant]
    kinds, edges = species.astype(np.int64), (centres, neighbors, vectors)
    cell_of_nodes = cell_of
    if n_markers:
        normals = (inverse * heights[:, None, :]).swapaxes(1, 2)  # n_k is along column k of the inverse
        if variant == "planes":
            arms = depths[:, :, None] * normals[cell_of]
        else:
            arms = cells[cell_of] - np.einsum("nk,nkc->nc", fractions, cells[cell_of])[:, None]
        markers = n + 3 * cell_of[:, None] + np.arange(3)
        order = np.argsort(markers.ravel(), kind="stable")
        edges = (
            np.concatenate([centres, markers.ravel()[order]]),
            np.concatenate([neighbors, np.repeat(np.arange(n), 3)[order]]),
            np.concatenate([vectors, arms.reshape(-1, 3)[order]]),
        )
        kinds = np.concatenate([kinds, np.tile(n_elements + np.arange(3), n_cells)])
        cell_of_nodes = np.concatenate([cell_of, np.repeat(np.arange(n_cells), 3)])
    sizes = np.bincount(cell_of, minlength=n_cells)
    return Graphs(sizes, np.abs(np.linalg.det(cells)), kinds, cell_of_nodes, *edges[:2], len(near), edges[2], depths)
