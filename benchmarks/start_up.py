"""How long a run takes to its first step, the first time and later: seconds of `hpcpot md`, nothing compiled and all.

    python benchmarks/start_up.py [--ranks 2] [--model lisi_mtp | --level 20]
    python benchmarks/start_up.py --commands [--repeats 7]     processor time of whole commands on eight atoms, all compiled

Runs the interface of configs/interface_si100.yaml for one step, with an empty folder for compiled code and with a full one;
--level: with a random moment tensor potential of that level.
PYTHONPATH=OTHER measures another checkout.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import timing
from ase.build import bulk
from md_moment_tensor import random_potential

from hpcpot.potential import files

COMMANDS = {
    "import numpy, numba": None,
    "--help": "--help",
    "schema md": "schema md",
    "example": "example",
    "md, lisi_mtp": "md md.yaml --overwrite --set potential.file=lisi_mtp",
    "md, lisi_dp_0": "md md.yaml --overwrite --set potential.file=lisi_dp_0",
    "md --dry-run, lisi_mtp": "md md.yaml --overwrite --dry-run --set potential.file=lisi_mtp",
    "relax, lisi_mtp": "relax relax.yaml --workers 1 --overwrite --set potential.file=lisi_mtp",
    "relax, lisi_dp_0": "relax relax.yaml --workers 1 --overwrite --set potential.file=lisi_dp_0",
    "doctor": "doctor",
}
CONFIGS = {
    "md.yaml": """structure: {file: cell.extxyz}
md: {integrator: nve, steps: 2, timestep_fs: 1.0, initial_temperature_K: 300, seed: 1}
output: {trajectory: md.h5md, thermo_every: 1}
""",
    "relax.yaml": """structures: {files: cell.extxyz}
relax: {steps: 3, cell: fixed}
output: {results: relax.h5}
""",
}
CONFIG = Path(__file__).resolve().parent.parent / "configs" / "interface_si100.yaml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3, help="of the later runs")
    parser.add_argument("--model", default="lisi_dp_0", help="shipped model, or file")
    parser.add_argument("--level", type=int, help="of a random moment tensor potential, instead")
    parser.add_argument("--commands", action="store_true", help="whole commands on a few atoms instead")
    given = parser.parse_args()
    if given.commands:
        time_commands(given.repeats)
        return
    with tempfile.TemporaryDirectory() as folder:
        model = given.model
        if given.level:
            model = f"{folder}/model.h5"
            files.save(random_potential(given.level), model, {"source": "random coefficients"})
        cold = first_step(folder, given.ranks, model)
        warm = [first_step(folder, given.ranks, model) for _ in range(given.repeats)]
    facts = {"ranks": given.ranks, "model": f"level {given.level}" if given.level else model}
    print(timing.line("start_up, nothing compiled", "s", [cold], **facts))
    print(timing.line("start_up, all compiled", "s", warm, **facts))


def time_commands(repeats: int) -> None:
    """A line for each command, all of whose code is compiled: CPU seconds, children included."""
    atoms = bulk("Si", "diamond", 5.43, cubic=True)
    atoms.rattle(0.05, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        atoms.write(f"{folder}/cell.extxyz")
        for name, text in CONFIGS.items():
            Path(folder, name).write_text(text)
        for name, words in COMMANDS.items():
            line = ["-c", "import numpy, numba"] if words is None else ["-m", "hpcpot", *words.split()]
            seconds = [processor_time(line, folder) for _ in range(repeats + 1)]
            print(timing.line(f"start_up, {name}", "CPU s", seconds[1:]), flush=True)


def processor_time(line: list[str], folder: str) -> float:
    """CPU seconds of a Python process and its children."""
    process = subprocess.Popen([sys.executable, *line], cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(line)} = exit status {status}: must be 0")
    return used.ru_utime + used.ru_stime


def environment(folder: str) -> dict[str, str]:
    """The present one, with compiled code in a folder; as for any user, Python keeps what it parsed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"NUMBA_CACHE_DIR": f"{folder}/compiled"}


def first_step(folder: str, ranks: int, model: str) -> float:
    """Seconds of the command for one step, compiled code being kept in a folder."""
    changed = ("--set", "md.steps=1", "--set", f"potential.file={model}", "--set", "potential.outside=ignore")
    command = [sys.executable, "-m", "hpcpot", "md", CONFIG, "--overwrite", *changed]
    began = perf_counter()
    subprocess.run(
        [*command, *(["--ranks", str(ranks)] if ranks > 1 else [])],
        cwd=folder,
        check=True,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
    )
    return perf_counter() - began


if __name__ == "__main__":
    main()
