"""Frozen TensorFlow models of DeePMD-kit (.pb), descriptor se_e2_a, read without TensorFlow.

The weights are constants of the graph; what the graph says only through its operations (activation, switch) comes from
the training script that DeePMD-kit stores in it.
Source: deepmd-kit 3.2, deepmd/tf/{fit/ener,descriptor/se_a,utils/network,model/model}.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from hpcpot import inputs
from hpcpot.errors import ModelError
from hpcpot.potential.deep_potential.deepmd import activation, per_type, refuse, to_float64
from hpcpot.potential.deep_potential.graphdef import GraphDef, parse
from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.potential.network import Layer
from hpcpot.potential.parsing import Head, reading


def is_frozen(head: Head) -> bool:
    """True for a file that may be a protobuf whose field 1 comes first, as that of a graph does."""
    return not head.is_text and head.start.startswith(b"\n")


def read_frozen(path: Path) -> DeepPotential:
    """Reads a frozen, uncompressed TensorFlow model of DeePMD-kit. float32 parameters become float64.

    Raises:
        ModelError: absent, damaged, compressed, or of a kind that hpcpot does not compute.
    """
    path = Path(path)
    with reading(path, "frozen DeePMD-kit model"):
        return _from_graph(parse(inputs.read_bytes(path)), path)


def _from_graph(graph: GraphDef, path: Path) -> DeepPotential:
    _refuse_graph(graph, path)
    script = json.loads(graph.text("train_attr/training_script"))
    model = script.get("model", {})
    refuse(path, model, model.get("fitting_net"))
    if script.get("training", {}).get("mixed_precision") is not None:
        raise ModelError(f"{path}: training.mixed_precision = on: hpcpot computes in float64; train in float64.")
    descriptor, fitting = model["descriptor"], model["fitting_net"]
    slots = graph.array("descrpt_attr/sel").astype(np.int64)
    types = len(slots)
    one_sided = any(name.startswith("filter_type_all/") for name in graph.tensors)
    function = activation(descriptor.get("activation_function", "tanh"), path)
    if one_sided:
        row = tuple(_embedding(graph, "filter_type_all", j, function, path) for j in range(types))
        embeddings = (row,) * types
    else:
        embeddings = tuple(
            tuple(_embedding(graph, f"filter_type_{i}", j, function, path) for j in range(types)) for i in range(types)
        )
    function = activation(fitting.get("activation_function", "tanh"), path)
    fittings = tuple(_fitting(graph, t, function, path) for t in range(types))
    return DeepPotential(
        elements=tuple(graph.text("model_attr/tmap").split()),
        cutoff=float(graph.array("descrpt_attr/rcut")),
        cutoff_smooth=float(descriptor.get("rcut_smth", 0.5)),
        slots=slots,
        axis=fittings[0][0].weights.shape[0] // embeddings[0][0][-1].weights.shape[1],
        mean=per_type(graph.array("descrpt_attr/t_avg"), slots, path, "t_avg"),
        deviation=per_type(graph.array("descrpt_attr/t_std"), slots, path, "t_std"),
        embeddings=embeddings,
        fittings=fittings,
        energy_shift=_energy_shift(graph, types, path),
        one_sided=one_sided,
        protection=float(descriptor.get("env_protection", 0.0)),
    )


def _refuse_graph(graph: GraphDef, path: Path) -> None:
    if any(operation.startswith("TabulateFusion") for operation in graph.operations):
        raise ModelError(
            f"{path} = a compressed model: the embedding weights are required, and compression replaced them by "
            "tables; convert the uncompressed model (the input of `dp compress`)."
        )
    if "train_attr/training_script" not in graph:
        raise ModelError(
            f"{path} = a TensorFlow graph without train_attr/training_script: a model frozen by DeePMD-kit 2 or later "
            "is required; freeze it again with `dp freeze`, or upgrade an old one with `dp convert-from`."
        )
    if "descrpt_attr/original_sel" in graph:
        used, trained = graph.array("descrpt_attr/sel").tolist(), graph.array("descrpt_attr/original_sel").tolist()
        if used != trained:
            raise ModelError(f"{path}: sel = {used}: {trained}, as trained, is required; convert the original model.")


def _constant(graph: GraphDef, name: str, path: Path) -> np.ndarray:
    if name not in graph:
        raise ModelError(
            f"{path}: constant {name} = absent: a standard se_e2_a model has it; models with excluded pairs, shared "
            "layers or type embedding are not read."
        )
    return to_float64(graph.array(name), path, name)


def _embedding(graph: GraphDef, scope: str, j: int, function: str, path: Path) -> tuple[Layer, ...]:
    """Layers matrix_1_j, matrix_2_j, ...; a skip, and with it idt, wherever the width stays or doubles."""
    layers: list[Layer] = []
    while not layers or f"{scope}/matrix_{len(layers) + 1}_{j}" in graph:
        suffix = f"{len(layers) + 1}_{j}"
        weights = _constant(graph, f"{scope}/matrix_{suffix}", path)
        skip = weights.shape[1] in (weights.shape[0], 2 * weights.shape[0])
        idt = f"{scope}/idt_{suffix}"
        timestep = _constant(graph, idt, path).ravel() if skip and idt in graph else None
        layers.append(Layer(weights, _constant(graph, f"{scope}/bias_{suffix}", path), timestep, function, skip))
    return tuple(layers)


def _fitting(graph: GraphDef, t: int, function: str, path: Path) -> tuple[Layer, ...]:
    """Hidden layers 0, 1, ... and the final linear one; a skip from layer 1 on, only where the width stays."""
    layers: list[Layer] = []
    while f"layer_{len(layers)}_type_{t}/matrix" in graph:
        scope = f"layer_{len(layers)}_type_{t}"
        weights = _constant(graph, f"{scope}/matrix", path)
        skip = len(layers) > 0 and weights.shape[0] == weights.shape[1]
        timestep = _constant(graph, f"{scope}/idt", path) if f"{scope}/idt" in graph else None
        layers.append(Layer(weights, _constant(graph, f"{scope}/bias", path), timestep, function, skip))
    scope = f"final_layer_type_{t}"
    weights, bias = _constant(graph, f"{scope}/matrix", path), _constant(graph, f"{scope}/bias", path)
    return (*layers, Layer(weights, bias, None, "linear", False))


def _energy_shift(graph: GraphDef, types: int, path: Path) -> np.ndarray:
    """Energy bias per type: of the fitting (DeePMD-kit 2) and of the model (3); either may be absent."""
    shift = np.zeros(types)
    for name in ("fitting_attr/t_bias_atom_e", *_variants("t_out_bias")):
        if name in graph:
            shift += _constant(graph, name, path).reshape(types)
    for name in _variants("t_out_std"):
        if name in graph and (_constant(graph, name, path) != 1.0).any():
            raise ModelError(f"{path}: {name} = not 1: energies scaled by it are not read; train without it.")
    return shift


def _variants(name: str) -> tuple[str, str]:
    return f"model_attr/{name}", f"model_attr/model_attr/{name}"
