"""DeePMD-kit's input.json as a config of `hpcpot train`.

Every keyword is translated, accepted because hpcpot does just that, or passed over because it changes no result; any
other is refused by name. Source: deepmd-kit 3.2, deepmd/utils/argcheck.py.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

from hpcpot.config import show
from hpcpot.errors import ConfigError

TRANSLATED = {
    "model.type_map": "data.elements",
    "model.data_stat_nbatch": "deep_potential.stat_batches",
    "model.descriptor.sel": "deep_potential.sel",
    "model.descriptor.rcut": "deep_potential.cutoff_A",
    "model.descriptor.rcut_smth": "deep_potential.cutoff_smooth_A",
    "model.descriptor.neuron": "deep_potential.neuron",
    "model.descriptor.axis_neuron": "deep_potential.axis_neuron",
    "model.descriptor.resnet_dt": "deep_potential.resnet_dt",
    "model.descriptor.type_one_side": "deep_potential.type_one_side",
    "model.descriptor.activation_function": "deep_potential.activation_function",
    "model.descriptor.set_davg_zero": "deep_potential.set_davg_zero",
    "model.descriptor.env_protection": "deep_potential.env_protection_A",
    "model.descriptor.precision": "training.precision",
    "model.fitting_net.neuron": "deep_potential.fitting_neuron",
    "model.fitting_net.resnet_dt": "deep_potential.fitting_resnet_dt",
    "model.fitting_net.activation_function": "deep_potential.fitting_activation_function",
    "learning_rate.start_lr": "learning_rate.start",
    "learning_rate.stop_lr": "learning_rate.stop",
    "learning_rate.decay_steps": "learning_rate.decay_steps",
    "learning_rate.decay_rate": "learning_rate.decay_rate",
    "learning_rate.scale_by_worker": "learning_rate.scale_by_workers",
    **{f"loss.{end}_pref_{term}": f"loss.{end}_pref_{term}" for end in ("start", "limit") for term in "efv"},
    "loss.intensive_ener_virial": "loss.intensive_ener_virial",
    "training.training_data.systems": "data.files",
    "training.training_data.batch_size": "training.batch_size",
    "training.training_data.auto_prob": "training.systems",
    "training.validation_data.systems": "data.validation",
    "training.numb_steps": "training.steps",
    "training.numb_epoch": "training.epochs",
    "training.seed": "training.seed",
    "training.disp_freq": "training.print_every",
    "training.save_freq": "training.checkpoint_every",
    "training.disp_file": "output.curve",
}
"""DeePMD-kit's keyword -> key of the config."""

DEFAULTS = {
    "deep_potential.sel": "auto",
    "deep_potential.cutoff_A": 6.0,
    "deep_potential.cutoff_smooth_A": 0.5,
    "deep_potential.neuron": [10, 20, 40],
    "deep_potential.axis_neuron": 4,
    "deep_potential.type_one_side": False,
    "deep_potential.fitting_neuron": [120, 120, 120],
    "learning_rate.decay_steps": 5000,
    "learning_rate.scale_by_workers": "linear",
    "training.print_every": 1000,
    "training.checkpoint_every": 1000,
    "data.validation_fraction": 0.0,
    "output.curve": "lcurve.out",
}
"""DeePMD-kit's own, where they are others than hpcpot's."""

ACCEPTED: dict[str, tuple] = {
    "model.type": ("standard",),
    "model.descriptor.type": ("se_e2_a", "se_a"),
    "model.descriptor.exclude_types": ([],),
    "model.descriptor.trainable": (True,),
    "model.fitting_net.type": ("ener",),
    "model.fitting_net.trainable": (True,),
    "model.fitting_net.numb_fparam": (0,),
    "model.fitting_net.numb_aparam": (0,),
    "model.fitting_net.atom_ener": ([],),
    "model.fitting_net.rcond": (None,),
    "model.data_stat_protect": (0.01,),
    "model.pair_exclude_types": ([],),
    "model.atom_exclude_types": ([],),
    "model.preset_out_bias": (None,),
    "learning_rate.type": ("exp",),
    "learning_rate.smooth": (False,),
    "learning_rate.warmup_steps": (0,),
    "learning_rate.warmup_ratio": (None,),
    "loss.type": ("ener",),
    "loss.loss_func": ("mse",),
    "loss.use_huber": (False,),
    "loss.relative_f": (None,),
    "loss.enable_atom_ener_coeff": (False,),
    **{f"loss.{end}_pref_{term}": (0,) for end in ("start", "limit") for term in ("ae", "pf", "h", "gf")},
    "optimizer.type": ("Adam",),
    "optimizer.adam_beta1": (0.9,),
    "optimizer.adam_beta2": (0.999,),
    "optimizer.weight_decay": (0,),
    "training.training_data.sys_probs": (None,),
    "training.training_data.min_pair_dist": (0,),
    "training.training_data.rglob_patterns": (None,),
    "training.validation_data.rglob_patterns": (None,),
    "training.gradient_max_norm": (0,),
    "training.acc_freq": (1,),
    "training.change_bias_after_training": (False,),
    "training.enable_ema": (False,),
    "training.zero_stage": (0,),
}
"""Keywords that change results, with the values that are what hpcpot does."""

IDLE = {
    "_comment",
    "model.descriptor.seed",
    "model.fitting_net.seed",
    "model.fitting_net.precision",
    "model.data_bias_nsample",
    "training.validation_data.batch_size",
    "training.validation_data.numb_btch",
    "training.validation_data.auto_prob",
    "training.validation_data.sys_probs",
    "training.training_data.set_prefix",
    "training.validation_data.set_prefix",
    "training.save_ckpt",
    "training.save_dir",
    "training.max_ckpt_keep",
    "training.disp_training",
    "training.time_training",
    "training.disp_avg",
    "training.profiling",
    "training.profiling_file",
    "training.enable_profiler",
    "training.tensorboard",
    "training.tensorboard_log_dir",
    "training.tensorboard_freq",
    "training.stat_file",
    "training.stat_file_mode",
    "training.ema_decay",
    "training.ckpt_keep_ratio",
    "training.enable_compile",
    "loss.huber_delta",
}
"""Passed over: what is printed and kept, and seeds of single networks, for which training.seed serves."""

ALIASES = {
    "n_axis_neuron": "axis_neuron",
    "n_neuron": "neuron",
    "auto_prob_style": "auto_prob",
    "sys_weights": "sys_probs",
    "stop_batch": "numb_steps",
    "num_step": "numb_steps",
    "num_steps": "numb_steps",
    "numb_step": "numb_steps",
    "num_epoch": "numb_epoch",
    "num_epochs": "numb_epoch",
    "numb_epochs": "numb_epoch",
}

PRECISIONS = {"default": "float64", "double": "float64", "single": "float32"}


def read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The file as the tree of a config, and what is wrong in it, a line each.

    Raises:
        ConfigError: the file cannot be read, or is no JSON.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"config = {path}: cannot be read ({error}); give a YAML config or an input.json.") from error
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        raise ConfigError(f"config = {path}: has no section model: must be an input.json of DeePMD-kit of one model.")
    values, problems = _translated(_flat(content, ""), path.name)
    tree: dict[str, Any] = {"family": "deep_potential"}
    for name, value in (DEFAULTS | {"output.model": f"{path.stem}.h5"} | values).items():
        section, _, key = name.partition(".")
        tree.setdefault(section, {})[key] = value
    return tree, problems


def _translated(given: dict[str, Any], origin: str) -> tuple[dict[str, Any], list[str]]:
    values, problems = {}, []
    for name, value in given.items():
        if name in TRANSLATED:
            values[TRANSLATED[name]] = value
        elif name == "learning_rate.stop_lr_ratio":
            values["learning_rate.stop"] = value * given.get("learning_rate.start_lr", 1e-3)
        elif name in ACCEPTED:
            if value not in ACCEPTED[name]:
                problems.append(
                    f"{name} = {show(value)} ({origin}): hpcpot trains with {show(ACCEPTED[name][0])} only; leave it "
                    "out, or train in DeePMD-kit."
                )
        elif name not in IDLE and not name.rpartition(".")[2].startswith("_comment"):
            near = difflib.get_close_matches(name, [*TRANSLATED, *ACCEPTED, *IDLE], 1, 0.0)[0]
            problems.append(f"{name} = {show(value)} ({origin}): unknown keyword; did you mean {near}?")
    if "training.precision" in values:
        values["training.precision"] = PRECISIONS.get(values["training.precision"], values["training.precision"])
    sizes = values.get("training.batch_size")
    if isinstance(sizes, list):
        if len(set(sizes)) > 1:
            problems.append(
                f"training.training_data.batch_size = {show(sizes)} ({origin}): must be one number for all, or auto."
            )
        values["training.batch_size"] = sizes[0]
    return values, problems


def _flat(content: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Values by their whole name; sections of old inputs at the place of new ones."""
    flat = {}
    for key, value in content.items():
        name = f"{prefix}{ALIASES.get(key, key)}"
        if name in {f"training.{old}" for old in ("systems", "batch_size", "auto_prob", "sys_probs", "set_prefix")}:
            name = name.replace("training.", "training.training_data.")
        if isinstance(value, dict):
            flat |= _flat(value, f"{name}.")
        else:
            flat[name] = value
    return flat
