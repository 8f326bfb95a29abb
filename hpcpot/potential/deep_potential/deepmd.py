"""Models of DeePMD-kit, descriptor se_e2_a: native .dp (HDF5) and .yaml; frozen TensorFlow .pb is in deepmd_frozen.

Source: deepmd-kit 3.2, deepmd/dpmodel/utils/{serialization,network}.py, deepmd/dpmodel/descriptor/se_e2_a.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from hpcpot import inputs
from hpcpot.config import yaml_text
from hpcpot.errors import ModelError
from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.potential.deep_potential.unsupported import refuse_kind
from hpcpot.potential.network import Layer
from hpcpot.potential.parsing import Head, head_of, read_array, reading

ACTIVATIONS = {"tanh": "tanh", "sigmoid": "logistic", "linear": "linear", "none": "linear"}
"""DeePMD-kit's name of an activation -> ours."""

VERSIONS = {
    "Model": 2,
    "Descriptor": 3,
    "Fitting": 4,
    "NetworkCollection": 1,
    "EmbeddingNetwork": 2,
    "FittingNetwork": 1,
    "Layer": 2,
}
"""The newest version of each serialized class that is understood here."""

PRECISIONS = ("float64", "double", "default", "float32", "single")
ACCEPTED: dict[str, dict[str, tuple]] = {
    "model": {
        "type": ("standard",),
        "atom_exclude_types": ([],),
        "pair_exclude_types": ([],),
        "spin": (None,),
        "type_embedding": (None,),
        "use_srtab": (None,),
        "modifier": (None,),
        "bridging_method": ("None", None),
    },
    "descriptor": {"type": ("se_e2_a", "se_a"), "exclude_types": ([],), "spin": (None,), "precision": PRECISIONS},
    "descriptor.env_mat": {"use_exp_switch": (False,)},
    "fitting": {
        "type": ("ener",),
        "numb_fparam": (0,),
        "numb_aparam": (0,),
        "dim_case_embd": (0,),
        "exclude_types": ([],),
        "atom_ener": ([], None),
        "tot_ener_zero": (False,),
        "mixed_types": (False,),
        "spin": (None,),
        "layer_name": (None,),
        "precision": PRECISIONS,
    },
}
"""Settings that change the physics, by section, with the values that hpcpot computes; absent means the first."""


def is_native(head: Head) -> bool:
    """True for an HDF5 file with a JSON tree, and a text of serialized classes."""
    return "json" in head.hdf5_attributes or (head.is_text and b"@class" in head.start)


def read_native(path: Path) -> DeepPotential:
    """Read a native DeePMD-kit model, .dp (HDF5) or .yaml. float32 parameters become float64.

    Raises:
        ModelError: absent, damaged, or of a kind that hpcpot does not compute.
    """
    path = Path(path)
    with reading(path, "native DeePMD-kit model"):
        tree = _read_hdf5(path) if head_of(path).is_hdf5 else _read_yaml(path)
        if "version" not in tree:  # DeePMD-kit writes it last in a .yaml
            raise ValueError("its end is missing")
        return _from_tree(tree["model"], path)


def _read_hdf5(path: Path) -> dict[str, Any]:
    with h5py.File(path, "r", locking=False) as file:
        tree = json.loads(file.attrs["json"])
        _refuse_tree(path, tree)
        return _resolved(tree, lambda name: read_array(file[name]))


def _refuse_tree(path: Path, tree: dict[str, Any]) -> None:
    """Refuse a model of another kind before its arrays, whose tree is another, are looked at."""
    if isinstance(tree, dict) and isinstance(model := tree.get("model"), dict):
        refuse_kind(path, model, model.get("fitting"))


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with inputs.open_bytes(path) as file:
        tree = yaml_text.construct(loader(file))
    return _resolved(tree, lambda leaf: np.array(leaf["value"], np.dtype(leaf["dtype"])))


def _resolved(node: Any, load: Callable[[Any], np.ndarray]) -> Any:
    """The tree with the leaves under every "@variables" replaced by their arrays.

    The weights stay in a compressed model, so its tables ("compress") are left out.
    """
    if isinstance(node, list):
        return [_resolved(child, load) for child in node]
    if not isinstance(node, dict):
        return node
    resolved = {key: _resolved(child, load) for key, child in node.items() if key not in ("@variables", "compress")}
    if "@variables" in node:
        leaves = node["@variables"].items()
        resolved["@variables"] = {name: None if leaf is None else load(leaf) for name, leaf in leaves}
    return resolved


def _from_tree(model: dict[str, Any], path: Path) -> DeepPotential:
    _check_class(model, "Model", path)
    refuse(path, model, model.get("fitting"))
    descriptor, fitting = model["descriptor"], model["fitting"]
    _check_class(descriptor, "Descriptor", path)
    _check_class(fitting, "Fitting", path)
    slots = np.array(descriptor["sel"], np.int64)
    one_sided = descriptor["type_one_side"]
    embeddings = _networks(descriptor["embeddings"], "EmbeddingNetwork", len(slots) ** (1 if one_sided else 2), path)
    bias = to_float64(fitting["@variables"]["bias_atom_e"], path, "bias_atom_e")
    shift = bias.reshape(len(slots)) + to_float64(model["@variables"]["out_bias"], path, "out_bias").reshape(len(slots))
    return DeepPotential(
        elements=tuple(model["type_map"]),
        cutoff=float(descriptor["rcut"]),
        cutoff_smooth=float(descriptor["rcut_smth"]),
        slots=slots,
        axis=int(descriptor["axis_neuron"]),
        mean=per_type(descriptor["@variables"]["davg"], slots, path, "davg"),
        deviation=per_type(descriptor["@variables"]["dstd"], slots, path, "dstd"),
        embeddings=_by_centre(embeddings, len(slots), one_sided),
        fittings=tuple(_networks(fitting["nets"], "FittingNetwork", len(slots), path)),
        energy_shift=shift,
        one_sided=bool(one_sided),
        protection=float(descriptor.get("env_protection", 0.0)),
    )


def _by_centre(networks: list[tuple[Layer, ...]], types: int, one_sided: bool) -> tuple:
    """DeePMD-kit's list, index t_j or t_i + types * t_j, as embeddings[t_i][t_j]."""
    if one_sided:
        return (tuple(networks),) * types
    return tuple(tuple(networks[i + types * j] for j in range(types)) for i in range(types))


def _networks(collection: dict[str, Any], kind: str, count: int, path: Path) -> list[tuple[Layer, ...]]:
    _check_class(collection, "NetworkCollection", path)
    networks = collection["networks"]
    if len(networks) != count or any(network is None for network in networks):
        n_present = sum(network is not None for network in networks)
        raise ModelError(
            f"{path}: networks of {kind} = {n_present}: {count} are required, one for each type or pair of types; models "
            "with excluded pairs or shared networks are not read."
        )
    for network in networks:
        _check_class(network, kind, path)
    return [tuple(_layer(layer, f"{kind} {n}", path) for layer in net["layers"]) for n, net in enumerate(networks)]


def _layer(node: dict[str, Any], where: str, path: Path) -> Layer:
    _check_class(node, "Layer", path)
    stored = {key: value for key, value in node["@variables"].items() if value is not None}
    arrays = {key: to_float64(value, path, f"{where} {key}") for key, value in stored.items()}
    weights = arrays["w"]
    inputs, outputs = weights.shape
    return Layer(
        weights=weights,
        bias=arrays["b"].ravel() if "b" in arrays else np.zeros(outputs),
        timestep=arrays["idt"].ravel() if "idt" in arrays else None,
        activation=activation(node["activation_function"], path),
        resnet=bool(node["resnet"]) and outputs in (inputs, 2 * inputs),
    )


def _check_class(node: dict[str, Any], name: str, path: Path) -> None:
    class_name, version = node.get("@class"), node.get("@version", 1)
    if class_name != name or not 1 <= version <= VERSIONS[name]:
        raise ModelError(
            f"{path}: @class {class_name}, @version {version}: hpcpot reads {name} up to version {VERSIONS[name]}; "
            "write the model with deepmd-kit 3.2 or earlier."
        )


def activation(name: str, path: Path) -> str:
    """Our name of DeePMD-kit's activation.

    Raises:
        ModelError: hpcpot has no such activation.
    """
    if str(name).lower() not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise ModelError(f"{path}: activation_function = {name}: hpcpot computes {known}; train with tanh.")
    return ACTIVATIONS[str(name).lower()]


def refuse(path: Path, model: dict[str, Any], fitting: dict[str, Any] | None) -> None:
    """Refuses a model with settings that hpcpot does not compute.

    Args:
        model, fitting: DeePMD-kit's sections, of a native model or of input.json (there model.fitting_net).
    Raises:
        ModelError: the setting and its value.
    """
    refuse_kind(path, model, fitting)
    sections = {"model": model, "descriptor": model.get("descriptor"), "fitting": fitting}
    for name, accepted in ACCEPTED.items():
        section = sections["descriptor"].get("env_mat", {}) if name == "descriptor.env_mat" else sections[name]
        if section is None:
            raise ModelError(
                f"{path}: model.{name} = absent: one descriptor and one fitting are required; linear, multi-task and "
                "pairwise models are not read."
            )
        for key, values in accepted.items():
            value = section.get(key, values[0])
            if value not in values and not (isinstance(value, list) and all(item is None for item in value)):
                raise ModelError(
                    f"{path}: {name}.{key} = {value}: hpcpot computes only {values[0]!r}; train a model without it "
                    "or run this one in DeePMD-kit."
                )


def to_float64(values: np.ndarray, path: Path, name: str) -> np.ndarray:
    """A parameter array in float64.

    Raises:
        ModelError: neither float64 nor float32.
    """
    if values.dtype not in (np.float64, np.float32):
        raise ModelError(f"{path}: {name} has type {values.dtype}: float64 or float32 is required; train in float64.")
    return values.astype(np.float64)


def per_type(values: np.ndarray, slots: np.ndarray, path: Path, name: str) -> np.ndarray:
    """davg or dstd, which DeePMD-kit keeps per neighbour slot, per neighbour type.

    Args:
        values: (types, sum(slots), 4) or the same flattened. slots: (types,) int64.
    Returns:
        (types, types, 4) float64; 1 for a type without slots, which nothing reads.
    Raises:
        ModelError: the slots of a type differ, or the angular components do, and the result would depend on the
            order of the neighbours or on the axes.
    """
    types = len(slots)
    values = to_float64(values, path, name).reshape(types, int(slots.sum()), 4)
    result = np.ones((types, types, 4))
    ends = np.cumsum(slots)
    for j in range(types):
        block = values[:, ends[j] - slots[j] : ends[j]]
        if slots[j]:
            result[:, j] = block[:, 0]
        if not (block == block[:, :1]).all() or not (block[..., 1:] == block[..., 1:2]).all():
            raise ModelError(
                f"{path}: {name} of neighbour type {j} = not one radial and one angular value: every slot of a type "
                "must have the same; DeePMD-kit writes it so, this model was edited."
            )
    return result
