"""hpcpot's own outputs, read again: trajectories, checkpoints, results; and the commands that take such files."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import ase
import labelled
import numpy as np
import runs
from farm import campaign_rows
from fuzz.targets import Target
from model_files import MODELS

from hpcpot import cli
from hpcpot.commands import COMMANDS
from hpcpot.dataset import files as data_files
from hpcpot.farm.results import Results
from hpcpot.potential import files as model_files
from hpcpot.storage.reader import TrajectoryReader

STEPS = "md.steps=4"
EVERY = {"position": 2, "velocity": 2, "observables": 1, "checkpoint": 4, "force": 0, "energy": 0}
SECONDS = {"verify": 60.0}
"""Command -> how long it may work."""
WITHOUT_INPUT = {"schema", "example", "doctor"}
"""Commands that read no file."""


def targets() -> list[Target]:
    """A target for each kind of output, and for each command that takes a file and no config."""
    own = [
        Target("dry-run", partial(_run, "run.yaml", to_end=False), partial(command, "md", "run.yaml", "--dry-run")),
        Target("trajectory", partial(_run, "run.h5md"), _frames),
        Target("trajectory-restart", partial(_run, "run.h5md"), _restart),
        Target("checkpoint", partial(_run, "run.checkpoint.h5"), _restart),
        Target("results", _campaign, _rows),
        Target("results-resume", _campaign, _resume),
    ]
    return own + [
        Target(f"command-{name}", *COMMAND_LINES[name], SECONDS.get(name, Target.seconds))
        for name, row in COMMANDS.items()
        if not row.settings and name not in WITHOUT_INPUT
    ]


def command(*arguments: str) -> None:
    """Run `hpcpot ARGUMENTS` in this process, with its errors as they are."""
    parsed = cli._parser(list(arguments)).parse_args(arguments)
    import_module(COMMANDS[parsed.command].package).run(parsed)


def _run(damaged: str, to_end: bool = True) -> list[str]:
    every = {f"output__{name}_every": interval for name, interval in EVERY.items()}
    runs.prepare(Path.cwd(), output__trajectory="run.h5md", **every)
    if to_end:
        command("md", "run.yaml", "--set", STEPS)
    return [damaged]


def _frames() -> Any:
    with TrajectoryReader("run.h5md") as reader:
        observed = {name: np.nan_to_num(values, posinf=np.inf) for name, values in reader.observables().items()}
        return [reader.frame(k) for k in range(len(reader))], observed, str(reader.provenance())


def _restart() -> Any:
    command("md", "run.yaml", "--restart", "--set", "md.steps=8")
    return _frames()


def _campaign() -> list[str]:
    with campaign_rows.open_store("rows.h5") as store:
        store.begin(20, 20)
        store.append([campaign_rows.row(x) for x in range(20)])
    return ["rows.h5"]


def _rows() -> Any:
    with Results("rows.h5") as results:
        facts = results.labels(), results.failed(), results.missing(), results.identity(), results.provenance()
        return [results.read(name) for name in results.columns], facts


def _resume() -> None:
    with campaign_rows.open_store("rows.h5") as store:
        store.append([campaign_rows.row(x) for x in range(20, 30)])


def _data_and_model(damaged: str) -> list[str]:
    data_files.save(labelled.dataset(4), Path("data.h5"), {})
    model_files.save(MODELS["deep_potential"], Path("model.h5"), {"source": "made"})
    return [damaged]


def _structure_and_model() -> list[str]:
    ase.Atoms("LiSi", [[0, 0, 0], [2.5, 0, 0]], cell=[6, 6, 6], pbc=True).write("pair.extxyz")
    model_files.save(MODELS["deep_potential"], Path("model.h5"), {"source": "made"})
    return ["pair.extxyz"]


def _serve() -> None:
    """Serve a program that ends as soon as somebody connects."""

    def end() -> None:
        with contextlib.suppress(OSError):
            server.accept()[0].sendall(b"EXIT".ljust(12))

    with socket.create_server(("localhost", 0)) as server:
        server.settimeout(5.0)
        threading.Thread(target=end, daemon=True).start()
        address = f"localhost:{server.getsockname()[1]}"
        command("serve", "pair.extxyz", "--potential", "model.h5", "--socket", address)


COMMAND_LINES: dict[str, tuple[Callable[[], list[str]], Callable[[], Any]]] = {
    "convert": (partial(_data_and_model, "data.h5"), partial(command, "convert", "data.h5", "-o", "again.cfg")),
    "dataset": (partial(_data_and_model, "data.h5"), partial(command, "dataset", "data.h5")),
    "test": (
        partial(_data_and_model, "data.h5"),
        partial(command, "test", "model.h5", "data.h5", "--no-figure", "--overwrite"),
    ),
    "verify": (
        partial(_data_and_model, "model.h5"),
        partial(command, "verify", "model.h5", "--crystals", "Li", "--nve-steps", "20", "--no-figure"),
    ),
    "results": (_campaign, partial(command, "results", "rows.h5", "--export", "csv")),
    "serve": (_structure_and_model, _serve),
    "report": (partial(_run, "run.h5md"), partial(command, "report", "run.h5md", "-o", "run.png")),
}
"""Command without a config -> its files and a command line."""
