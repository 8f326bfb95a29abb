"""Runs that are interrupted and go on, for test_restarts.py; as a script, of all combinations on the ranks that it has.

A combination is an integrator of the table with a motion: a way to deform, ramp, hold, hand over or watch the atoms. The
uninterrupted run writes checkpoints where the interrupted one does not, and the other way round.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase
import numpy as np
import runs
from ase.build import bulk

sys.path.append(str(Path(__file__).with_name("outside")))
import rescaled_nve  # noqa: F401 -- adds a row

from hpcpot import config, provenance
from hpcpot.dynamics.integrators import INTEGRATORS, Integrator
from hpcpot.dynamics.run import Run
from hpcpot.dynamics.settings import SCHEMA
from hpcpot.parallel.ranks import Ranks, start
from hpcpot.potential import files as potential_files
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.structure import files as structure_files
from hpcpot.structure.state import EVALUATED, MIGRATED

STEPS, STOP, CHECKPOINT = 16, 7, 6
"""Of a stage; step of the last stage at which runs are interrupted; and between checkpoints, where there are some."""

ENDS = ("stopped", "killed", "ended")
"""By a signal, which writes a checkpoint; by SIGKILL, after which the last checkpoint is older; by its number of steps."""

PULL = {"deform": "cell", "deform_axis": "y", "strain_rate_per_ps": 1.0}
GRIPS = {"deform": "grips", "deform_axis": "z"}
WATCH = {
    "observe": [{"name": "strain", "every": 3}, {"name": "stress", "every": 5, "options": {"bins": [1, 1, 2]}}],
    "deviation": {"files": ["../other.h5"]},
    "output": {"virial_every": 3},
}

Row = tuple[Callable[[Integrator], bool], dict[str, Any], dict[str, Any]]
MOTIONS: dict[str, Row] = {
    "free": (lambda row: True, {}, {}),
    "frozen": (lambda row: True, {}, {"frozen": {"region_A": [[None, 3.0], [None, None], [None, None]]}}),
    "ramp": (lambda row: row.has_thermostat, {"temperature_end_K": 150.0}, {}),
    "drag": (lambda row: row.has_barostat, {"drag": 1.0}, {}),
    "isotropic": (lambda row: row.has_barostat, {"barostat_coupling": "isotropic"}, {}),
    "cell": (lambda row: not row.is_minimiser, PULL, {}),
    "grips": (lambda row: not row.is_minimiser and not row.has_barostat, GRIPS | {"strain_rate_per_ps": 0.5}, {}),
    "pulled grips": (lambda row: not row.is_minimiser and not row.has_barostat, GRIPS | {"grip_force_eV_A": 0.3}, {}),
    "watched": (lambda row: True, {}, WATCH),
    "watched cell": (lambda row: not row.is_minimiser, PULL, WATCH),
    "stages": (lambda row: True, {}, {"stages": {"first": {"steps": 6}, "second": {}}}),
    "stages of grips": (
        lambda row: not row.is_minimiser and not row.has_barostat,
        GRIPS | {"strain_rate_per_ps": 0.5},
        {"stages": {"first": {"steps": 6}, "second": {}}},
    ),
    "stages of a cell": (lambda row: not row.is_minimiser, PULL, {"stages": {"first": {"steps": 6}, "second": {}}}),
}
"""Which integrators each is for, the keys of md that it changes, and the other sections."""


def some() -> list[tuple[str, str]]:
    """Every integrator and every motion at least once."""
    chosen: list[tuple[str, str]] = []
    for motion, (is_for, _, _) in MOTIONS.items():
        used = [integrator for integrator, _ in chosen]
        chosen.append((min((name for name, row in INTEGRATORS.items() if is_for(row)), key=used.count), motion))
    return chosen + [(name, "free") for name in INTEGRATORS if name not in {integrator for integrator, _ in chosen}]


def combinations() -> list[tuple[str, str]]:
    """All pairs of names of an integrator and a motion that go together."""
    return [
        (name, motion) for name, row in INTEGRATORS.items() for motion, (is_for, _, _) in MOTIONS.items() if is_for(row)
    ]


def uneven() -> ase.Atoms:
    """Argon that fills two thirds of its cell, and less of it in one corner: two ranks cannot share it once and for all."""
    atoms = bulk("Ar", "fcc", 5.4, cubic=True) * (2, 2, 3)
    atoms.rattle(0.05, seed=1)
    del atoms[[k for k, place in enumerate(atoms.positions) if place[1] > 5.0 and place[2] > 12.0]]
    atoms.cell[2, 2] = 24.0
    return atoms


def write_inputs(folder: Path) -> None:
    """Write the structure, the model and another member of its committee."""
    structure_files.write(folder / "argon.extxyz", uneven())
    model = LennardJones(("Ar",), np.array([[0.0104]]), np.array([[3.4]]), 5.0)
    other = LennardJones(("Ar",), np.array([[0.0110]]), np.array([[3.3]]), 5.0)
    potential_files.save(model, folder / "argon.h5", {"source": "tests"})
    potential_files.save(other, folder / "other.h5", {"source": "tests"})


def tree_of(folder: Path, integrator: str, motion: str, name: str) -> dict[str, Any]:
    """The config of a combination; with a trajectory, which takes most of the time, where atoms are watched or handed over."""
    row, (_, of_md, sections) = INTEGRATORS[integrator], MOTIONS[motion]
    md = {
        "integrator": integrator,
        "steps": STEPS,
        "timestep_fs": 5.0,
        "initial_temperature_K": 120.0,
        "thermostat_time_fs": 40.0,
        "seed": 7,
    }
    if row.has_thermostat:
        md["temperature_K"] = 120.0
    if row.has_barostat:
        md |= {"barostat_axes": ["x", "z"], "barostat_time_fs": 100.0}
    if row.is_minimiser:
        md |= {"energy_tolerance": 0.0, "force_tolerance_eV_A": 0.0}
    output = {
        "trajectory": str(folder / name / "run.h5md") if sections.keys() & {"observe", "stages"} else None,
        "checkpoint": str(folder / name / "run.checkpoint.h5"),
        "checkpoint_every": CHECKPOINT,
        "thermo_every": 1,
        **{f"{array}_every": 3 for array in ("position", "velocity", "force")},
        "observables_every": 4,
    }
    return {
        "structure": {"file": str(folder.parent / "argon.extxyz")},
        "potential": {"file": str(folder.parent / "argon.h5"), "outside": "ignore"},
        "neighbors": {"skin_A": 0.01 if row.is_minimiser else 0.2},
        "parallel": {"hdf5": "rank0"},
        "device": "cpu",
        **{section: keys for section, keys in sections.items() if section != "output"},
        "md": md | of_md,
        "output": output | sections.get("output", {}),
    }


class Interruptible:
    """A run of a combination in its own folder, which records what it printed and how its atoms are in the end."""

    def __init__(self, folder: Path, ranks: Ranks, integrator: str, motion: str, name: str):
        self.folder, self.ranks, self.name = folder, ranks, name
        self.tree = tree_of(folder, integrator, motion, name)
        self.stages = list(self.tree.get("stages", ()))
        before = sum(stage.get("steps", STEPS) for stage in list(self.tree.get("stages", {}).values())[:-1])
        self.stop = before + STOP
        self.lines: list[str] = []
        ranks.root_only(lambda: (folder / name).mkdir(), share=False)

    def go(
        self, *, restart: bool = False, steps: int | None = None, stop: int | None = None, copy_to: str = ""
    ) -> None:
        """Run, from the checkpoint on request.

        Args:
            steps: of the last stage, all if None. stop: step at which to end as if by a signal.
            copy_to: folder that gets the files as they are at the step after `self.stop`, as a kill would leave them.
        """
        tree, lines = json.loads(json.dumps(self.tree)), []
        if steps is not None:
            (tree["stages"][self.stages[-1]] if self.stages else tree["md"])["steps"] = steps
        if self.name == "whole":
            tree["output"]["checkpoint_every"] = 0
        settings = self.ranks.root_only(lambda: config.load_tree(tree, self.folder / "run.yaml", SCHEMA))

        def collect(step: int, time: float, measured: dict) -> None:
            if copy_to and step == self.stop + 1:
                self.ranks.root_only(
                    lambda: shutil.copytree(self.folder / self.name, self.folder / copy_to), share=False
                )

        self.run = Run(
            settings,
            self.ranks,
            restart,
            lambda: stop is not None and self.run.state.step + 1 >= stop,
            report=lines.append,
            collect=collect,
        )
        code = self.run.go(overwrite=False)
        assert code == (0 if stop is None else 75), code
        self.lines += lines

    def printed(self) -> dict[int, list[str]]:
        """Printed rows by step, without the speed and the time left, which may have several words."""
        rows, more = {}, 0
        for words in (line.split() for line in self.lines):
            if words[:2] == ["step", "time/ps"]:
                more = len(words) - words.index("ETA") - 1
            elif len(words) >= 8 and words[0].isdigit() and "." in words[1]:
                rows[int(words[0])] = words[:6] + words[len(words) - more :]
        return rows

    def arrays(self) -> dict[str, np.ndarray]:
        """All that the state of this rank holds, and on rank 0 all that the files hold."""
        state, n = self.run.state, self.run.state.n_owned
        held = {name: getattr(state, name) for name in (*MIGRATED, *EVALUATED)}
        held |= {name: held[name][:n] for name in ("positions", "species")} | {"cell": state.cell, "n": n}
        for group in ("scalars", "per_atom", "stage"):
            held |= {f"{group} {name}": values for name, values in getattr(state, group).items()}
        if self.ranks.is_root:
            for path in (self.folder / self.name).glob("run*.h5*"):
                if "checkpoint" not in path.name:
                    contents = runs.contents(path)
                    held |= {f"{path.name} {name}": v for name, v in contents.items() if "provenance" not in name}
        return {name: np.asarray(values) for name, values in held.items()}


def interrupted(folder: Path, ranks: Ranks, integrator: str, motion: str, end: str) -> Interruptible:
    """Run a combination, interrupt it and go on; with `killed`, from a copy of the files that another run had then."""
    parts = Interruptible(folder, ranks, integrator, motion, end)
    if end == "killed":
        ranks.root_only(lambda: (folder / end).rmdir(), share=False)
        source = Interruptible(folder, ranks, integrator, motion, "source")
        source.go(copy_to=end, stop=source.stop + 2)
    elif end == "stopped":
        parts.go(stop=parts.stop)
    else:
        parts.go(steps=STOP)
    parts.go(restart=True)
    return parts


def differences(folder: Path, ranks: Ranks, integrator: str, motion: str, ends: tuple[str, ...]) -> list[str]:
    """What is not bit by bit the same in the uninterrupted run and those that end so; and the numbers of rebuilds."""
    ranks.root_only(folder.mkdir, share=False)
    whole, found = Interruptible(folder, ranks, integrator, motion, "whole"), []
    whole.go()
    expected, rows = whole.arrays(), whole.printed()
    if whole.run.engine.rebuilds < 3:
        found.append(f"{whole.run.engine.rebuilds} rebuilds: too few to mean anything")
    for end in ends:
        parts = interrupted(folder, ranks, integrator, motion, end)
        held = parts.arrays()
        names = [name for name in {**expected, **held} if not _same(expected.get(name), held.get(name))]
        found += [f"{end}: {name}" for name in names]
        last = {step: row for step, row in parts.printed().items() if rows.get(step) != row}
        found += [f"{end}: printed row of step {step}" for step in last]
    return [f"rank {rank}: {text}" for rank, texts in enumerate(ranks.all_gather(found)) for text in texts]


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    if one is None or other is None:
        return False
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def ends_of(motion: str) -> tuple[str, ...]:
    """Ways to end that can go on to the same run; the number of steps is part of a ramp."""
    return tuple(end for end in ENDS if end != "ended" or motion != "ramp")


def main(folder: Path, which: str) -> None:
    """Write the differences of each combination as JSON.

    Args:
        which: `some` combinations or `all` of them, each ending in one way; or `every` one in every way.
    """
    ranks, found = start(), {}
    os.fsync = lambda number: None  # no disk is lost here, and it takes half of the time
    provenance.git_commit = lambda: "none"  # it starts git twice a run
    ranks.root_only(lambda: write_inputs(folder), share=False)
    for number, (integrator, motion) in enumerate(some() if which == "some" else combinations()):
        name = f"{integrator} {motion}"
        chosen = ends_of(motion)
        chosen = chosen if which == "every" else (chosen[number % len(chosen)],)
        found[name] = differences(folder / name, ranks, integrator, motion, chosen)
    if ranks.is_root:
        (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
