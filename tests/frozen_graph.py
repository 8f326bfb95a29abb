"""Writes frozen TensorFlow graphs (protobuf GraphDef) for tests, as DeePMD-kit would freeze a model."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from hpcpot.potential.deep_potential.model import DeepPotential

CODES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "float16": 19}


def varint(number: int) -> bytes:
    content = b""
    while number > 127:
        content += bytes([number & 127 | 128])
        number >>= 7
    return content + bytes([number])


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(value: Any) -> bytes:
    """TensorProto of a text or an array, with its bytes in tensor_content."""
    if isinstance(value, str):
        return field(1, 7) + field(2, b"") + field(8, value)
    array = np.asarray(value)
    shape = b"".join(field(2, field(1, size)) for size in array.shape)
    return field(1, CODES[array.dtype.name]) + field(2, shape) + field(4, array.tobytes())


def node(name: str, operation: str, encoded: bytes | None = None) -> bytes:
    attribute = b"" if encoded is None else field(5, field(1, "value") + field(2, field(8, encoded)))
    return field(1, field(1, name) + field(2, operation) + attribute)


def graph(constants: dict[str, Any], operations: tuple[str, ...] = ("MatMul", "ProdEnvMatA")) -> bytes:
    """GraphDef of constants (arrays, texts, or bytes: a TensorProto) and some operations."""
    nodes = [node(f"op_{n}", operation) for n, operation in enumerate(operations)]
    for name, value in constants.items():
        nodes.append(node(name, "Const", value if isinstance(value, bytes) else tensor(value)))
    return b"".join(nodes) + field(4, field(1, 1234))


def script(**changes: Any) -> dict[str, Any]:
    """A training script; changes by dotted name with __ for the dots."""
    tree: dict[str, Any] = {
        "model": {"descriptor": {"type": "se_e2_a", "rcut_smth": 0.5}, "fitting_net": {"resnet_dt": True}},
        "training": {},
    }
    for name, value in changes.items():
        *sections, key = name.split("__")
        section = tree
        for part in sections:
            section = section[part]
        section[key] = value
    return tree


def constants(model: DeepPotential, training_script: dict[str, Any] | None = None) -> dict[str, Any]:
    """The constants that DeePMD-kit freezes for a model (activation tanh)."""
    types = range(len(model.elements))
    scatter = np.repeat(np.arange(len(model.slots)), model.slots)
    result: dict[str, Any] = {
        "train_attr/training_script": json.dumps(training_script or script()),
        "model_attr/tmap": " ".join(model.elements),
        "descrpt_attr/rcut": np.float64(model.cutoff),
        "descrpt_attr/sel": model.slots.astype(np.int32),
        "descrpt_attr/original_sel": model.slots.astype(np.int32),
        "descrpt_attr/t_avg": model.mean[:, scatter].reshape(len(types), -1),
        "descrpt_attr/t_std": model.deviation[:, scatter].reshape(len(types), -1),
        "fitting_attr/t_bias_atom_e": model.energy_shift,
        "model_attr/model_attr/t_out_bias": np.zeros((1, len(types), 1)),
        "model_attr/model_attr/t_out_std": np.ones((1, len(types), 1)),
    }
    for i in types[:1] if model.one_sided else types:
        scope = "filter_type_all" if model.one_sided else f"filter_type_{i}"
        for j in types:
            for k, layer in enumerate(model.embeddings[i][j], 1):
                result[f"{scope}/matrix_{k}_{j}"] = layer.weights
                result[f"{scope}/bias_{k}_{j}"] = layer.bias
                if layer.timestep is not None:
                    result[f"{scope}/idt_{k}_{j}"] = layer.timestep[None]
    for t in types:
        *hidden, final = model.fittings[t]
        for k, layer in enumerate(hidden):
            result[f"layer_{k}_type_{t}/matrix"] = layer.weights
            result[f"layer_{k}_type_{t}/bias"] = layer.bias
            if layer.timestep is not None:
                result[f"layer_{k}_type_{t}/idt"] = layer.timestep
        result[f"final_layer_type_{t}/matrix"] = final.weights
        result[f"final_layer_type_{t}/bias"] = final.bias
    return result
