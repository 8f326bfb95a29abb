"""The calculator that labels the frames of the Li-Si models: nequix, compiled for few sizes of frames."""

from __future__ import annotations

from typing import Any

import jraph
from nequix.calculator import NequixCalculator

SHAPES = ((32, 1536), (72, 2816), (72, 4096), (88, 4608), (120, 5376), (120, 7168), (160, 9728))
"""(atoms, pairs) that frames are padded to; by itself nequix compiles anew, for 13 CPU-s, with nearly every frame."""


class Teacher(NequixCalculator):
    """NequixCalculator with the same labels."""

    def _pad_graph_jax(self, graph: Any, numbers_changed: bool = False) -> Any:
        atoms, pairs = int(graph.n_node[0]), int(graph.n_edge[0])
        fitting = [shape for shape in SHAPES if atoms < shape[0] and pairs < shape[1]]
        if not fitting:
            return super()._pad_graph_jax(graph, numbers_changed)
        n_node, n_edge = fitting[0]
        return jraph.pad_with_graphs(graph, n_node=n_node, n_edge=n_edge, n_graph=2)
