"""DeePMD-kit's input.json as a config of `hpcpot train`.

Every keyword is translated, accepted because hpcpot does just that, or passed over because it changes no result; any
other is refused by name. Source: deepmd-kit 3.2, deepmd/utils/argcheck.py.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcpot import inputs
from hpcpot.config import show, yaml_text
from hpcpot.errors import ConfigError
from hpcpot.notices import notice

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
    "training.training_data.sys_probs": "training.systems",
    "training.validation_data.systems": "data.validation",
    "training.numb_steps": "training.steps",
    "training.numb_epoch": "training.epochs",
    "training.seed": "training.seed",
    "training.disp_freq": "training.print_every",
    "training.save_freq": "training.checkpoint_every",
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
}
"""DeePMD-kit's own, where they are others than hpcpot's."""

ACCEPTED: dict[str, tuple] = {
    "model.type": ("standard",),
    "model.descriptor.type": ("se_e2_a", "se_a"),
    "model.descriptor.exclude_types": ([],),
    "model.descriptor.trainable": (True,),
    "model.descriptor.use_tebd_bias": (False,),
    "model.descriptor.type_nchanl": (4,),
    "model.fitting_net.type": ("ener",),
    "model.fitting_net.trainable": (True,),
    "model.fitting_net.type_fitting_net": (False,),
    "model.fitting_net.mixed_types": (False,),
    "model.fitting_net.dim_case_embd": (0,),
    "model.fitting_net.exclude_types": ([],),
    "model.fitting_net.tot_ener_zero": (False,),
    "model.fitting_net.layer_name": (None,),
    "model.fitting_net.use_aparam_as_mask": (False,),
    "model.compress": (None,),
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
    "training.training_data.min_pair_dist": (0,),
    "training.training_data.rglob_patterns": (None,),
    "training.validation_data.rglob_patterns": (None,),
    "training.opt_type": ("Adam",),
    "training.gradient_max_norm": (0,),
    "training.acc_freq": (1,),
    "training.change_bias_after_training": (False,),
    "training.enable_ema": (False,),
    "training.zero_stage": (0,),
}
"""Keywords that change results, with the values that are what hpcpot does."""

IDLE = {
    "model.descriptor.seed",
    "model.descriptor.tebd_input_mode",
    "model.fitting_net.seed",
    "model.fitting_net.precision",
    "model.fitting_net.coord_norm",
    "model.data_bias_nsample",
    "model.srtab_add_bias",
    "model.info",
    "model.use_compact",
    "training.validation_data",
    "training.validation_data.batch_size",
    "training.validation_data.numb_btch",
    "training.validation_data.auto_prob",
    "training.validation_data.sys_probs",
    "training.validation_data.set_prefix",
    "training.training_data.set_prefix",
    "training.numb_test",
    "training.disp_file",
    "training.save_ckpt",
    "training.load_ckpt",
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
    "training.num_worker",
    "loss.huber_delta",
}
"""Keywords without effect here: what is printed and kept, validation batches, and seeds of single networks, for which
training.seed serves."""

SILENT = {"_comment", "training.disp_training", "training.time_training", "training.disp_avg", "training.save_ckpt"}
"""Those of which nothing is said."""

UNSUPPORTED = {
    "model.model_dict": "multi-task training",
    "model.shared_dict": "multi-task training",
    "model.type_embedding": "type embedding",
    "model.spin": "spin",
    "model.modifier": "a dipole-charge modifier",
    "model.use_srtab": "a short-range table",
    "model.bridging_method": "a short-range table",
    "model.smin_alpha": "a short-range table",
    "model.sw_rmin": "a short-range table",
    "model.sw_rmax": "a short-range table",
    "model.models": "several models in one",
    "model.hessian_mode": "Hessians",
    "model.finetune_head": "fine-tuning",
    "loss.start_pref_h": "Hessians",
    "loss_dict": "multi-task training",
    "fitting_net_dict": "multi-task training",
    "training.data_dict": "multi-task training",
    "training.model_prob": "multi-task training",
    "training.fitting_weight": "multi-task training",
    "training.mixed_precision": "mixed precision",
    "training.fp16": "half precision",
    "training.wandb_config": "Weights & Biases",
    "learning_rate_dict": "multi-task training",
    "nvnmd": "NVNMD",
}
"""Keywords of DeePMD-kit that hpcpot does not have -> what they are."""

TYPED = ("model.descriptor", "model.fitting_net", "loss", "learning_rate", "optimizer")
"""Sections whose other keywords depend on their type."""

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


DEEPEST = 20
"""Sections within sections; DeePMD-kit has five."""


@dataclass(frozen=True)
class Given:
    """A keyword as the user wrote it, and its value."""

    keyword: str
    value: Any


def is_input(path: Path) -> bool:
    """Test whether a file is an input of DeePMD-kit: JSON, or YAML with the sections of one."""
    return is_json_or_has(path, r"^model:\s*(#.*)?$", "descriptor:")


def is_json_or_has(path: Path, *patterns: str) -> bool:
    """Test whether a file is JSON by its name, or text in which all of some patterns are found, line by line."""
    if _is_json(path):
        return True
    try:
        with inputs.open_text(path) as file:
            text = file.read()
    except inputs.UNREADABLE:
        return False
    return all(re.search(pattern, text, re.MULTILINE) for pattern in patterns)


def _is_json(path: Path) -> bool:
    return inputs.unpacked(path).suffix.lower() == ".json"


def read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The file as the tree of a config, and what is wrong in it, a line each.

    Raises:
        ConfigError: the file cannot be read, or is no JSON.
    """
    return _tree(_keywords(path), path)


def of_content(content: Any, path: Path, where: str) -> tuple[dict[str, Any], list[str]]:
    """An input that is part of another file, see `read`.

    Args:
        content: as JSON gives it. path: the file. where: the keyword there, named in messages.
    Raises:
        ConfigError: no section model.
    """
    return _tree(_named(content, path, f"{where}."), path)


def _tree(given: dict[str, Given], path: Path) -> tuple[dict[str, Any], list[str]]:
    values, problems = _translated(given, path)
    tree: dict[str, Any] = {"family": "deep_potential"}
    for name, value in (DEFAULTS | {"output.model": f"{inputs.unpacked(path).stem}.h5"} | values).items():
        section, _, key = name.partition(".")
        tree.setdefault(section, {})[key] = value
    return tree, problems


def spelling(path: Path) -> dict[str, str]:
    """Key of the config -> the keyword that the user wrote for it."""
    return {TRANSLATED[name]: given.keyword for name, given in _keywords(path).items() if name in TRANSLATED}


def _keywords(path: Path) -> dict[str, Given]:
    """What is given, by the whole names of today's DeePMD-kit; null is as if it were not there."""
    return _named(parsed(path), path)


def parsed(path: Path) -> Any:
    """Content of a JSON file, or of a YAML file in its place.

    Raises:
        ConfigError: it cannot be read, or a key appears twice in one section with two values.
    """
    repeated: list[tuple[str, int | None]] = []
    try:
        text = inputs.read_text(path)
        if _is_json(path):
            content = json.loads(text, object_pairs_hook=lambda pairs: _unrepeated(pairs, repeated))
        else:
            content, repeated = yaml_text.parse(text)
    except RecursionError:
        content = None
    except (OSError, ValueError) as error:
        raise ConfigError(f"config = {path}: cannot be read ({error}); give a YAML config or a JSON input.") from error
    if repeated:
        raise ConfigError(f"config = {path}: {repeated[0][0]} appears twice in one section; keep one.")
    return content


def _named(content: Any, path: Path, where: str = "") -> dict[str, Given]:
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        name = where.rstrip(".") or "config"
        raise ConfigError(f"{name} = {path}: has no section model: must be an input.json of DeePMD-kit of one model.")
    return {name: given for name, given in _flat(content, "", where, path).items() if given.value is not None}


def _unrepeated(pairs: list[tuple[str, Any]], repeated: list[tuple[str, int | None]]) -> dict[str, Any]:
    """A section of JSON; keys that appear twice with two values, but comments, are added to `repeated`."""
    section: dict[str, Any] = {}
    for key, value in pairs:
        if key in section and section[key] != value and not key.startswith("_comment"):
            repeated.append((key, None))
        section[key] = value
    return section


def _translated(given: dict[str, Given], path: Path) -> tuple[dict[str, Any], list[str]]:
    values, problems, idle = {}, [], []
    others = {section for section in TYPED if f"{section}.type" in given and not _is_accepted(f"{section}.type", given)}
    for name, entry in given.items():
        section, _, key = name.rpartition(".")
        if any(part.startswith("_comment") for part in name.split(".")) or (section in others and key != "type"):
            continue
        if kind := next((kind for start, kind in UNSUPPORTED.items() if f"{name}.".startswith(f"{start}.")), None):
            if entry.value not in (False, [], 0, "None"):
                problems.append(_problem(entry, path, f"not supported: {kind}; leave it out, or train in DeePMD-kit."))
        elif name in TRANSLATED:
            values[TRANSLATED[name]] = entry.value
        elif name == "learning_rate.stop_lr_ratio":
            values["learning_rate.stop"] = _product(given, name, problems, path)
        elif name in ACCEPTED:
            if not _is_accepted(name, given):
                only = show(ACCEPTED[name][0])
                problems.append(
                    _problem(
                        entry,
                        path,
                        f"not supported: hpcpot trains with {only} only; leave it out, or train in DeePMD-kit.",
                    )
                )
        elif name in IDLE:
            idle += [] if name in SILENT else [entry.keyword]
        else:
            problems.append(_problem(entry, path, f"unknown keyword{_suggestion(name)}"))
    if idle:
        notice(f"{path.name}: {', '.join(idle)}", "without effect in hpcpot: not used.")
    _adapt(values)
    return values, problems


def _problem(entry: Given, path: Path, text: str) -> str:
    return f"{entry.keyword} = {show(entry.value)} ({path.name}): {text}"


def _is_accepted(name: str, given: dict[str, Given]) -> bool:
    value = given[name].value
    if name.endswith(".trainable") and isinstance(value, list):
        return all(entry is True for entry in value)
    if isinstance(value, list) and all(entry is None for entry in value):
        return True
    return value in ACCEPTED[name]


def _product(given: dict[str, Given], name: str, problems: list[str], path: Path) -> float | None:
    """The last learning rate from its ratio to the first."""
    start = given.get("learning_rate.start_lr", Given("", 1e-3)).value
    ratio = given[name].value
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (start, ratio)):
        problems.append(_problem(given[name], path, "must be a number, as start_lr must."))
        return None
    return start * ratio


def _suggestion(name: str) -> str:
    """The known keyword of the same section that is meant, where one is close."""
    section, _, key = name.rpartition(".")
    known = {
        other.rpartition(".")[2]: other
        for other in (*TRANSLATED, *ACCEPTED, *IDLE)
        if other.rpartition(".")[0] == section
    }
    near = difflib.get_close_matches(key, known, 1, 0.7)
    return f"; did you mean {known[near[0]]}?" if near else f" of the section {section}." if section else "."


def _adapt(values: dict[str, Any]) -> None:
    """Bring values into the form of the config, in place."""
    precision, sizes = values.get("training.precision"), values.get("training.batch_size")
    if isinstance(precision, str):
        values["training.precision"] = PRECISIONS.get(precision, precision)
    if isinstance(sizes, list) and sizes and all(size == sizes[0] for size in sizes):
        values["training.batch_size"] = sizes[0]
    shares = values.get("training.systems")
    if isinstance(shares, list):
        values["training.systems"] = "prob_sys_size" + "".join(
            f";{k}:{k + 1}:{share}" for k, share in enumerate(shares)
        )


def _flat(content: dict[str, Any], prefix: str, written: str, path: Path, depth: int = 0) -> dict[str, Given]:
    """Values by their whole name; sections of old inputs at the place of new ones."""
    if depth > DEEPEST:
        raise ConfigError(f"config = {path}: has sections {DEEPEST} deep: must be an input.json of DeePMD-kit.")
    flat: dict[str, Given] = {}
    for key, value in content.items():
        name = f"{prefix}{ALIASES.get(key, key)}"
        if name in {f"training.{old}" for old in ("systems", "batch_size", "auto_prob", "sys_probs", "set_prefix")}:
            name = name.replace("training.", "training.training_data.")
        if isinstance(value, dict):
            flat |= _flat(value, f"{name}.", f"{written}{key}.", path, depth + 1)
        else:
            flat[name] = Given(f"{written}{key}", value)
    return flat
