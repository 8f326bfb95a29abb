"""Deep Potentials for DeePMD-kit: its native format, which `dp convert-backend` turns into all its others."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

import hpcpot
from hpcpot.errors import ModelError
from hpcpot.outputs import Replacement, refuse_existing
from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.potential.network import Layer
from hpcpot.storage.writing import WrittenFile


def write_native(model: DeepPotential, path: Path, overwrite: bool = False, shortest: float = 1.0) -> None:
    """Write a `.dp` file: an HDF5 file whose attribute `json` is a tree of settings with the names of the arrays.

    Args:
        shortest: Å, the shortest distance of the training set, from which `dp compress` begins its tables.

    Raises:
        ModelError: layers that DeePMD-kit's format has no word for.
        OutputError: the file exists and `overwrite` is not set, or it cannot be written.

    Source: deepmd-kit 3.2.0, deepmd/dpmodel/utils/serialization.py.
    """
    refuse_existing(path, overwrite)
    with Replacement(path) as part, WrittenFile(part, "w") as file:
        names: list[str] = []

        def array(values: np.ndarray | None) -> str | None:
            if values is None:
                return None
            names.append(f"variable_{len(names):04d}")
            file[names[-1]] = values
            return f"/{names[-1]}"

        tree = {
            "software": "hpcpot",
            "version": hpcpot.__version__,
            "time": datetime.now(timezone.utc).isoformat(),
            "backend": "hpcpot",
            "model": _model(model, array),
            "model_def_script": settings(model),
            "@variables": {"min_nbor_dist": array(np.array(shortest))},
        }
        file.attrs["json"] = json.dumps(tree)


def settings(model: DeepPotential) -> dict:
    """The section `model` of the input.json that such a model would be trained with."""
    fitting = _common(model.fittings[0][:-1])
    return {
        "type_map": list(model.elements),
        "descriptor": {
            "type": "se_e2_a",
            "sel": model.slots.tolist(),
            "rcut_smth": model.cutoff_smooth,
            "rcut": model.cutoff,
            "axis_neuron": model.axis,
            "type_one_side": model.one_sided,
            "env_protection": model.protection,
            **_common(model.embeddings[0][0]),
        },
        "fitting_net": {"type": "ener", **fitting},
    }


def _model(model: DeepPotential, array: Any) -> dict:
    types = list(model.elements)
    n = len(types)
    return {
        "@class": "Model",
        "type": "standard",
        "@version": 2,
        "type_map": types,
        "atom_exclude_types": [],
        "pair_exclude_types": [],
        "rcond": None,
        "preset_out_bias": None,
        "@variables": {"out_bias": array(np.zeros((1, n, 1))), "out_std": array(np.ones((1, n, 1)))},
        "descriptor": _descriptor(model, array),
        "fitting": _fitting(model, array),
    }


def _descriptor(model: DeepPotential, array: Any) -> dict:
    n, by_slot = len(model.elements), np.repeat(np.arange(len(model.elements)), model.slots)
    nets = (
        [model.embeddings[0][j] for j in range(n)]
        if model.one_sided
        else [model.embeddings[i][j] for j in range(n) for i in range(n)]
    )
    common = _common(nets[0])
    return {
        "@class": "Descriptor",
        "type": "se_e2_a",
        "@version": 2,
        "rcut": model.cutoff,
        "rcut_smth": model.cutoff_smooth,
        "sel": model.slots.tolist(),
        "axis_neuron": model.axis,
        "trainable": True,
        "type_one_side": model.one_sided,
        "exclude_types": [],
        "env_protection": model.protection,
        "set_davg_zero": False,
        **common,
        "embeddings": _collection(
            "embedding_network",
            1 if model.one_sided else 2,
            n,
            [
                {
                    "@class": "EmbeddingNetwork",
                    "@version": 2,
                    "in_dim": 1,
                    "bias": True,
                    **common,
                    "layers": _layers(net, array),
                }
                for net in nets
            ],
        ),
        "env_mat": {
            "rcut": model.cutoff,
            "rcut_smth": model.cutoff_smooth,
            "protection": model.protection,
            "use_exp_switch": False,
        },
        "@variables": {"davg": array(model.mean[:, by_slot]), "dstd": array(model.deviation[:, by_slot])},
        "type_map": list(model.elements),
        "spin": None,
    }


def _fitting(model: DeepPotential, array: Any) -> dict:
    n, nets = len(model.elements), model.fittings
    common = _common(nets[0][:-1])
    width = nets[0][0].weights.shape[0]
    return {
        "@class": "Fitting",
        "type": "ener",
        "@version": 4,
        "var_name": "energy",
        "ntypes": n,
        "dim_descrpt": width,
        "mixed_types": False,
        "dim_out": 1,
        "numb_fparam": 0,
        "numb_aparam": 0,
        "dim_case_embd": 0,
        "default_fparam": None,
        "rcond": None,
        "tot_ener_zero": False,
        "trainable": [True] * len(nets[0]),
        "atom_ener": [],
        "layer_name": None,
        "use_aparam_as_mask": False,
        "spin": None,
        "exclude_types": [],
        **common,
        "nets": _collection(
            "fitting_network",
            1,
            n,
            [
                {
                    "@class": "FittingNetwork",
                    "@version": 1,
                    "in_dim": width,
                    "out_dim": 1,
                    "bias_out": True,
                    **common,
                    "layers": _layers(net, array),
                }
                for net in nets
            ],
        ),
        # Here and not in out_bias, which the TensorFlow backend leaves out.
        "@variables": {
            "bias_atom_e": array(model.energy_shift.reshape(n, 1)),
            "fparam_avg": None,
            "fparam_inv_std": None,
            "aparam_avg": None,
            "aparam_inv_std": None,
            "case_embd": None,
        },
        "type_map": list(model.elements),
    }


def _common(hidden: tuple[Layer, ...]) -> dict:
    """Settings that DeePMD-kit states once for all hidden layers."""
    activations = {layer.activation for layer in hidden}
    if activations - {"tanh", "linear"} or len(activations) > 1:
        raise ModelError(
            f"activations = {sorted(activations)}: DeePMD-kit needs one, tanh or linear, in all hidden layers."
        )
    return {
        "neuron": [layer.weights.shape[1] for layer in hidden],
        "activation_function": activations.pop(),
        "resnet_dt": any(layer.timestep is not None for layer in hidden),
        "precision": "float64",
    }


def _collection(kind: str, dimensions: int, n: int, networks: list[dict]) -> dict:
    return {
        "@class": "NetworkCollection",
        "@version": 1,
        "ndim": dimensions,
        "ntypes": n,
        "network_type": kind,
        "networks": networks,
    }


def _layers(net: tuple[Layer, ...], array: Any) -> list[dict]:
    return [
        {
            "@class": "Layer",
            "@version": 2,
            "bias": True,
            "use_timestep": layer.timestep is not None,
            "activation_function": layer.activation,
            "resnet": layer.resnet,
            "precision": "float64",
            "trainable": True,
            "@variables": {"w": array(layer.weights), "b": array(layer.bias), "idt": array(layer.timestep)},
        }
        for layer in net
    ]
