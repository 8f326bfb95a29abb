"""A param.json of `dpgen run` as a config of `hpcpot learn`.

Every keyword is translated, passed over with a note because it changes nothing here, or refused with what serves in its
place; one that is unknown is refused with the nearest known one; those that begin with _ are comments. Each of its jobs
becomes a stage of one iteration. Beside a record.dpgen the iterations that are done become data, and the stages begin with
the next job.
Source: dpgen 0.14.0, generator/arginfo.py.
"""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ase.data import atomic_masses, atomic_numbers

from hpcpot import config
from hpcpot.commands.learn.settings import SCHEMA, LearnSettings
from hpcpot.config import show
from hpcpot.config.load import first_of
from hpcpot.errors import ConfigError
from hpcpot.learning import dpgen_tree, explore
from hpcpot.learning.levels import NAMES
from hpcpot.notices import notice
from hpcpot.training import deepmd_input
from hpcpot.units import BAR_IN_GPA, FS_PER_PS
from hpcpot.wording import plural

ENGINES = {"nve": "nve", "nvt": "nvt_nose_hoover", "npt": "npt_nose_hoover", "npt-i": "npt_nose_hoover"}
"""DP-GEN's ensemble -> integrator."""

CALCULATORS = {
    "vasp": "ase.calculators.vasp.Vasp",
    "gaussian": "ase.calculators.gaussian.Gaussian",
    "siesta": "ase.calculators.siesta.Siesta",
    "cp2k": "ase.calculators.cp2k.CP2K",
    "pwscf": "ase.calculators.espresso.Espresso",
}
"""DP-GEN's fp_style -> calculator of ASE for the same program."""

TRUSTS = {f"model_devi_{which}_trust_{end}" for which in "fv" for end in ("lo", "hi")}


def _each(keywords: str, text: str) -> dict[str, str]:
    return dict.fromkeys(keywords.split(), text)


def _words(text: str) -> set[str]:
    return set(text.split())


OF_JOB = TRUSTS | _words("sys_idx temps press trj_freq nsteps ensemble dt")
"""Keywords of a job that are translated."""

USED = TRUSTS | _words(
    "type_map mass_map numb_models default_training_param init_data_prefix init_data_sys sys_format sys_configs_prefix "
    "sys_configs model_devi_engine model_devi_dt model_devi_skip model_devi_jobs model_devi_adapt_trust_lo "
    "model_devi_numb_candi_f model_devi_perc_candi_f use_relative epsilon use_relative_v epsilon_v fp_style fp_task_max "
    "fp_accurate_threshold fp_accurate_soft_threshold fp_skip_bad_box"
)
"""Keywords of the file that are translated."""

OTHERWISE = {
    **_each("init_batch_size sys_batch_size", "the batch size is that of default_training_param, else auto"),
    **_each(
        "dp_compress one_h5 train_backend model_format dp_train_skip_neighbor_stat srtab_file_path "
        "model_devi_activation_func lmp_neigh_modify_one",
        "concerns DeePMD-kit and LAMMPS only",
    ),
    **_each("model_devi_clean_traj model_devi_merge_traj", "of a run only the candidates are kept"),
    **_each("model_devi_e_trust_lo model_devi_e_trust_hi", "energies choose no frames, as in dpgen 0.14"),
    **_each("fp_task_min task_min", "every label is trained on"),
    "ratio_failed": "a label that fails is recorded with its reason, and the loop goes on",
    "detailed_report_make_fp": "the counts of each system are always reported",
    **_each(
        "fp_pp_path fp_pp_files fp_incar fp_params user_fp_params fp_aniso_kspacing cvasp fp_orb_files fp_kpt_file "
        "fp_dpks_descriptor external_input_path k_points",
        "labels are those of the calculator; see calculator.class and calculator.arguments",
    ),
    **_each("model_devi_taut model_devi_taup taut taup", "thermostat and barostat have times of their own"),
    **_each("model_devi_neidelay neidelay", "neighbour lists are renewed when they must be"),
    **_each(
        "training_reuse_old_ratio training_reuse_numb_steps training_reuse_stop_batch training_reuse_start_lr "
        "training_reuse_start_pref_e training_reuse_start_pref_f",
        "says more about training_reuse_iter, and each iteration trains from scratch",
    ),
    **_each(
        "cluster_cutoff cluster_cutoff_hard cluster_minify", "says more about use_clusters; frames are labelled whole"
    ),
}
"""Keywords of the file or of a job that change nothing here -> why."""

REFUSED = {
    "use_ele_temp": "electronic temperatures are no input of a potential; label at one temperature",
    "mlp_engine": "leave it out, or name the family of the potential in a config of hpcpot",
    "model_devi_f_avg_relative": "use use_relative with epsilon, which divides by the force on each atom",
    "model_devi_nopbc": 'write the structures as extxyz with pbc="F F F": boundaries are those of the structures',
    "shuffle_poscar": "shuffle the species in the structures of sys_configs",
    **_each("model_devi_plumed model_devi_plumed_path", "run biased dynamics yourself and label its frames"),
    "lmp_d3": "add the dispersion to the labels, calculator.class: ase.calculators.mixing.SumCalculator",
    **_each(
        "training_init_model training_iter0_model_path training_reuse_iter training_init_frozen_model "
        "training_finetune_model",
        "each iteration trains from scratch; leave it out",
    ),
    **_each("model_devi_numb_candi_v model_devi_perc_candi_v", "adaptive levels are those of the force"),
    **_each("fp_cluster_vacuum use_clusters", "whole frames are labelled, not clusters of them"),
    "calypso_input_path": "find structures by hpcpot build and hpcpot relax",
    "model_devi_max_iter": "name a job for each iteration in model_devi_jobs",
    "nbeads": "nuclei are classical",
    "lambdas": "run alchemical dynamics yourself and label its frames",
    **_each("template rev_mat sys_rev_mat", "give temps, press, nsteps and ensemble in the job"),
    "skip_training": "every iteration trains",
    "pka_e": "give the recoil atom its velocity in a structure of sys_configs",
}
"""Keywords of the file or of a job that hpcpot cannot follow, unless they are false -> what serves in their place."""

COUNTS = {"training_reuse_iter"}
"""Keywords of REFUSED that say something even where they are 0: an iteration."""

SIMPLIFY = {"pick_data", "init_pick_number", "iter_pick_number"}
"""Keywords by which a param.json is one of `dpgen simplify`."""

OLD_NAMES = {"Ts": "temps", "Ps": "press", "ens": "ensemble", "t_freq": "trj_freq", "traj_freq": "trj_freq"}
"""Spellings of older versions in a job -> today's."""

NO_LEVEL = 1e10
"""eV: DP-GEN's level of the virial that nothing reaches."""

BOX_KEYS = {
    **{f"{name}_ratio": f"{name}_ratio" for name in ("length", "height", "wrap", "tilt")},
    "min_distance": "minimum_distance_A",
}


def is_input(path: Path) -> bool:
    """Test whether a file is a param.json: JSON, or YAML with the jobs of one."""
    return deepmd_input.is_json_or_has(path, r"^model_devi_jobs:")


def load(path: Path, overrides: Sequence[str]) -> LearnSettings:
    """A YAML config, or a param.json with its calculator among the overrides.

    Raises:
        ConfigError: everything that is wrong, one line a problem. DataError: as `read`.
    """
    if not is_input(path):
        return config.load(path, SCHEMA, overrides)
    tree, problems = read(path)
    if problems:
        raise ConfigError("\n".join(first_of(list(dict.fromkeys(problems)))))
    return config.load_tree(tree, path, SCHEMA, overrides)


def read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The file as the tree of a config, without its calculator, and what is wrong in it, a line each.

    Raises:
        ConfigError: the file cannot be read or is no param.json. DataError: a tree of DP-GEN beside it that is damaged.
    """
    content = deepmd_input.parsed(path)
    if isinstance(content, dict) and (keywords := sorted(SIMPLIFY & content.keys())):
        raise ConfigError(
            f"config = {path}: has {', '.join(keywords)}, so it is a param.json of dpgen simplify: must be one of dpgen run; "
            "choose from a pool by a YAML config with exploration.steps: [0], see the docs of hpcpot learn."
        )
    if not isinstance(content, dict) or "model_devi_jobs" not in content:
        raise ConfigError(
            f"config = {path}: has no model_devi_jobs: must be a param.json of dpgen run, or a YAML config."
        )
    return _Import(path, content).tree()


class _Import:
    """One file on its way.

    Attributes:
        problems: lines. given: keyword -> value, without comments.
    """

    def __init__(self, path: Path, content: dict[str, Any]):
        self.path, self.problems = path, list[str]()
        self.given = self._sorted_out(content, USED, "")

    def tree(self) -> tuple[dict[str, Any], list[str]]:
        """The config, and the problems."""
        elements = self._elements()
        systems = self._systems()
        files = self._paths("init_data_prefix", self.given.get("init_data_sys", []), "init_data_sys")
        done = 0
        if (self.path.parent / dpgen_tree.RECORD).is_file() and elements:
            iterations = dpgen_tree.read(self.path.parent, elements)
            done = len(iterations)
            files += [f"{iteration.name}/02.fp" for iteration in iterations if iteration.labels]
            self._say(iterations)
        self._say_calculator()
        tree = {
            "data": {"files": files, "held_out_fraction": 0.0},
            "systems": systems,
            "training": {
                "members": self._number("numb_models", self.given.get("numb_models"), 1),
                "config": self._training(elements),
            },
            "selection": {"distinct": 0.0, **self._boxes()},
            "output": {"folder": "learn"},
            "stages": self._stages(systems, done),
        }
        return tree, self.problems

    def _problem(self, keyword: str, value: Any, text: str) -> None:
        self.problems.append(f"{keyword} = {show(value)} ({self.path.name}): {text}.")

    def _sorted_out(self, content: Mapping[str, Any], known: set[str], where: str) -> dict[str, Any]:
        """What is to be translated; the rest is noted or a problem."""
        kept = {}
        for written, value in content.items():
            keyword = OLD_NAMES.get(written, written) if where else written
            if written.startswith("_") or value is None:
                continue
            if keyword in known:
                if keyword in kept:
                    self._problem(
                        f"{where}{written}", value, f"is an older name of {keyword}, which is there, too; keep one"
                    )
                if keyword != written:
                    notice(f"{self.path.name}: {written}", f"an older name of {keyword}: read as that")
                kept[keyword] = value
            elif keyword in OTHERWISE:
                notice(f"{self.path.name}: {where}{keyword}", f"not used: {OTHERWISE[keyword]}")
            elif keyword in REFUSED:
                is_off = value in (False, 0, "", [], {}) and (value is False or keyword not in COUNTS)
                if not is_off and not (keyword == "mlp_engine" and value == "dp"):
                    self._problem(f"{where}{keyword}", value, f"is not supported; {REFUSED[keyword]}")
            else:
                near = difflib.get_close_matches(keyword, known | OTHERWISE.keys() | REFUSED.keys(), 1, 0.7)
                self._problem(
                    f"{where}{keyword}", value, f"unknown keyword{f'; did you mean {near[0]}?' if near else ''}"
                )
        return kept

    def _number(self, keyword: str, value: Any, least: float = -math.inf, most: float = math.inf) -> float | None:
        """A number, or None with a problem."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if is_number and least <= value <= most:
            return value
        bounds = f" from {least:g} to {most:g}" if most < math.inf else f" >= {least:g}" if least > -math.inf else ""
        self._problem(keyword, value, f"must be a number{bounds}")
        return None

    def _numbers(self, keyword: str, values: Any, least: float = -math.inf) -> list[float]:
        """A list of numbers; those that are none are left out with a problem."""
        if not isinstance(values, list) or not values:
            self._problem(keyword, values, "must be a list of numbers")
            return []
        return [number for value in values if (number := self._number(keyword, value, least)) is not None]

    def _elements(self) -> list[str]:
        """The type_map; masses that are not those of its elements are a problem."""
        elements = self.given.get("type_map")
        names = elements if isinstance(elements, list) and all(isinstance(name, str) for name in elements) else []
        if not names or set(names) - set(atomic_numbers) or len(set(names)) < len(names):
            self._problem("type_map", elements, "must be a list of elements, each once, e.g. [Li, Si]")
            return []
        masses = self.given.get("mass_map", "auto")
        if masses != "auto":
            expected = [float(atomic_masses[atomic_numbers[name]]) for name in names]
            is_same = (
                isinstance(masses, list)
                and len(masses) == len(names)
                and all(isinstance(mass, (int, float)) for mass in masses)
                and all(abs(mass - usual) < 0.02 * usual for mass, usual in zip(masses, expected, strict=True))
            )
            if not is_same:
                usual = ", ".join(f"{mass:g}" for mass in expected)
                self._problem(
                    "mass_map", masses, f"must be the masses of {', '.join(names)}: {usual}; isotopes are not supported"
                )
        return names

    def _paths(self, prefix_key: str, names: Any, keyword: str) -> list[str]:
        prefix = self.given.get(prefix_key, "")
        if not isinstance(prefix, str):
            self._problem(prefix_key, prefix, "must be a folder")
            return []
        if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
            self._problem(keyword, names, "must be a list of paths")
            return []
        return [os.path.normpath(os.path.join(prefix, name)) for name in names]

    def _systems(self) -> dict[str, list[str]]:
        kind, given = self.given.get("sys_format", "vasp/poscar"), self.given.get("sys_configs")
        if kind not in ("vasp/poscar", "poscar", "vasp/contcar", "contcar"):
            self._problem(
                "sys_format", kind, "must be vasp/poscar; name POSCAR files, or give a config with other formats"
            )
        if not isinstance(given, list) or not given:
            self._problem("sys_configs", given, "must be a list with a list of paths for each system")
            return {}
        return {
            _name(k): self._paths("sys_configs_prefix", paths, f"sys_configs[{k}]") for k, paths in enumerate(given)
        }

    def _training(self, elements: list[str]) -> dict[str, Any]:
        """Keys of `hpcpot train`, without what the loop sets."""
        given, where = self.given.get("default_training_param"), "default_training_param"
        if isinstance(given, list) and given:
            if any(_seedless(other) != _seedless(given[0]) for other in given):
                self._problem(
                    where, f"{len(given)} templates", "must be equal but for seeds; give the one of all members"
                )
            given = given[0]
        if not isinstance(given, dict):
            self._problem(where, given, "must be an input.json of DeePMD-kit")
            return {}
        tree, problems = deepmd_input.of_content(_seedless(given), self.path, where)
        self.problems += problems
        names = (tree.get("data") or {}).get("elements")
        if names is not None and names != elements:
            self._problem(f"{where}.model.type_map", names, f"must be type_map, {show(elements)}")
        for section in ("data", "output"):
            tree.pop(section, None)
        tree["training"] = {"batch_size": "auto", **tree.get("training", {})}
        return tree

    def _boxes(self) -> dict[str, float]:
        text, limits = self.given.get("fp_skip_bad_box"), {}
        if text is None:
            return {}
        for part in text.split(";") if isinstance(text, str) else [""]:
            name, _, value = part.partition(":")
            try:
                limits[BOX_KEYS[name.strip()]] = float(value)
            except (KeyError, ValueError):
                self._problem("fp_skip_bad_box", text, f"must be key:number;...; keys are {', '.join(BOX_KEYS)}")
                break
        return limits

    def _stages(self, systems: Mapping[str, Any], done: int) -> dict[str, Any]:
        engine, jobs = self.given.get("model_devi_engine", "lammps"), self.given.get("model_devi_jobs")
        if engine != "lammps":
            self._problem("model_devi_engine", engine, "must be lammps: its dynamics is run by hpcpot; convert the job")
        if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
            self._problem("model_devi_jobs", jobs, "must be a list of jobs")
            return {}
        if not jobs[done:]:
            self._problem(
                "model_devi_jobs",
                f"{len(jobs)} jobs",
                f"must be more than the {plural(done, 'iteration')} of record.dpgen; add a job to go on",
            )
        return {f"job_{k:03d}": self._stage(job, k, systems) for k, job in enumerate(jobs) if k >= done}

    def _stage(self, content: dict[str, Any], number: int, systems: Mapping[str, Any]) -> dict[str, Any]:
        where = f"model_devi_jobs[{number}]."
        job = self._sorted_out(content, OF_JOB, where)
        indices = self._indices(job.get("sys_idx"), f"{where}sys_idx", len(systems))
        ensemble = job.get("ensemble", "nvt")
        integrator = ENGINES.get(ensemble) if isinstance(ensemble, str) else None
        if integrator is None:
            self._problem(f"{where}ensemble", ensemble, f"must be {', '.join(ENGINES)}: barostats are isotropic")
        steps = self._number(f"{where}nsteps", job.get("nsteps"), 1)
        interval = self._number(f"{where}trj_freq", job.get("trj_freq"), 1)
        frames = max(1, int(steps // interval)) if steps and interval else 1
        if steps and interval and (judged := explore.interval(int(steps), frames)) != interval:
            notice(
                f"{self.path.name}: {where}trj_freq",
                f"{interval:g} does not divide nsteps, {steps:g}: a frame is judged every {judged} steps, and the last",
            )
        timestep = self._number(*_first(("dt", job, where), ("model_devi_dt", self.given, "")), 0.0)
        stage: dict[str, Any] = {
            "systems": [_name(k) for k in indices],
            "temperatures_K": self._numbers(f"{where}temps", job.get("temps"), 0.0),
            "integrator": integrator,
            "timestep_fs": timestep and round(FS_PER_PS * timestep, 9),
            "steps": [steps],
            "frames": frames,
            "skip_steps": self._number("model_devi_skip", self.given.get("model_devi_skip", 0), 0),
            "labels_per_system": self._number("fp_task_max", self.given.get("fp_task_max"), 1),
            "most_iterations": 1,
            **self._levels(job, where, indices),
            **self._shares(),
        }
        if integrator == "npt_nose_hoover":
            bars = self._numbers(f"{where}press", job.get("press"))
            stage["pressures_GPa"] = [bar * BAR_IN_GPA for bar in bars]
        elif "press" in job:
            notice(f"{self.path.name}: {where}press", f"not used: {ensemble} keeps the cell")
        return stage

    def _indices(self, given: Any, keyword: str, count: int) -> list[int]:
        """Numbers of systems; older files have ranges "a-b:step" without their end."""
        indices: list[int] = []
        for entry in given if isinstance(given, list) else [given]:
            if isinstance(entry, str) and (
                match := re.fullmatch(r"(\d{1,6})(?:-(\d{1,6})(?::([1-9]\d{0,5}))?)?", entry)
            ):
                first, end, step = match.groups()
                notice(f"{self.path.name}: {keyword}", "a text: read as in older versions, a-b:step without its end")
                indices += range(int(first), int(end) if end else int(first) + 1, int(step or 1))
            elif isinstance(entry, int) and not isinstance(entry, bool):
                indices.append(entry)
            else:
                self._problem(keyword, given, "must be a list of numbers of systems in sys_configs")
                return []
        wrong = [k for k in indices if not 0 <= k < count]
        if wrong or not indices:
            self._problem(keyword, given, f"must be numbers of systems in sys_configs, 0 to {count - 1}")
        return [] if wrong else list(dict.fromkeys(indices))

    def _levels(self, job: Mapping[str, Any], where: str, indices: Sequence[int]) -> dict[str, Any]:
        def level(which: str, end: str, otherwise: float | None = None) -> Any:
            keyword = f"model_devi_{which}_trust_{end}"
            full, value = _first((keyword, job, where), (keyword, self.given, ""))
            return self._of_systems(full, otherwise if value is None else value, indices)

        stage: dict[str, Any] = {"force_high_eV_A": level("f", "hi")}
        if self.given.get("model_devi_adapt_trust_lo", False):
            stage["adaptive_count"] = self.given.get("model_devi_numb_candi_f", 10)
            stage["adaptive_percent"] = self.given.get("model_devi_perc_candi_f", 0.0)
        else:
            stage["force_low_eV_A"] = level("f", "lo")
            stage["virial_low_eV"] = level("v", "lo", NO_LEVEL)
        stage["virial_high_eV"] = level("v", "hi", NO_LEVEL)
        if stage["virial_high_eV"] == NO_LEVEL and stage.get("virial_low_eV", NO_LEVEL) == NO_LEVEL:
            stage["virial_high_eV"] = stage["virial_low_eV"] = None
        for switch, level_key, name in (
            ("use_relative", "epsilon", "relative_force_eV_A"),
            ("use_relative_v", "epsilon_v", "relative_virial_eV"),
        ):
            if self.given.get(switch, False):
                stage[name] = self._number(level_key, self.given.get(level_key), 0.0)
        if "relative_virial_eV" in stage:
            notice(
                f"{self.path.name}: use_relative_v",
                "the deviation of the virial is divided by the mean of all nine components, as by dp model-devi; LAMMPS "
                "divides each by its own",
            )
        return stage

    def _of_systems(self, keyword: str, value: Any, indices: Sequence[int]) -> Any:
        """A level of all systems, or one for each by its name."""
        if not isinstance(value, (list, dict)):
            return self._number(keyword, value, 0.0)
        by_index = {str(k): level for k, level in (enumerate(value) if isinstance(value, list) else value.items())}
        levels = {}
        for k in indices:
            level = by_index.get(str(k))
            if level is None:
                self._problem(keyword, value, f"must have a level for system {k}")
                return None
            levels[_name(k)] = self._number(keyword, level, 0.0)
        same = set(levels.values())
        return same.pop() if len(same) == 1 else levels

    def _shares(self) -> dict[str, float]:
        hard = self._number("fp_accurate_threshold", self.given.get("fp_accurate_threshold", 1.0), 0.0, 1.0)
        if hard is None:
            return {}
        soft = self._number("fp_accurate_soft_threshold", self.given.get("fp_accurate_soft_threshold", hard), 0.0, hard)
        shares = {"accurate_percent": round(100.0 * hard, 9)}
        if soft is not None and soft < hard:
            shares["fewer_from_percent"] = round(100.0 * soft, 9)
        return shares

    def _say_calculator(self) -> None:
        style = self.given.get("fp_style")
        example = CALCULATORS.get(style, "module.Name") if isinstance(style, str) else "module.Name"
        notice(
            f"{self.path.name}: fp_style {show(style)}",
            f"labels are those of a calculator of ASE: name it, --set calculator.class={example}",
        )

    def _say(self, iterations: Sequence[dpgen_tree.TreeIteration]) -> None:
        for iteration in iterations:
            labels = sum(map(len, iteration.labels.values()))
            counts = iteration.counts().values()
            totals = {name: sum(count[kind] for count in counts) for kind, name in NAMES.items()}
            notice(
                f"{dpgen_tree.RECORD}: {iteration.name}",
                f"is done, {plural(labels, 'labelled frame')} are data; {totals['accurate']} frames were accurate, "
                f"{totals['candidate']} candidates, {totals['failed']} failed",
            )


def _name(system: int) -> str:
    """Name of a system of sys_configs, as DP-GEN writes it."""
    return f"{system:03d}"


def _first(*places: tuple[str, Mapping[str, Any], str]) -> tuple[str, Any]:
    """The whole keyword and value of the first of several that is given; of the last if none is."""
    for keyword, values, where in places:
        if values.get(keyword) is not None:
            return f"{where}{keyword}", values[keyword]
    return f"{places[-1][2]}{places[-1][0]}", None


def _seedless(given: Any, depth: int = 0) -> Any:
    """A template without what DP-GEN sets for each training: its seeds and its data."""
    if not isinstance(given, dict) or depth > deepmd_input.DEEPEST:
        return given
    dropped = {"seed", "systems", "set_prefix", "validation_data"}
    return {key: _seedless(value, depth + 1) for key, value in given.items() if key not in dropped}
