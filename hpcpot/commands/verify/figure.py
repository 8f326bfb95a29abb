"""Figure of a verification: equations of state, atoms pushed together, the energy of the NVE run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hpcpot.commands.verify.contact import Push
from hpcpot.commands.verify.crystal import CrystalProperties
from hpcpot.commands.verify.dynamics import NveRun
from hpcpot.properties.crystal import birch_murnaghan
from hpcpot.report import figures as drawing
from hpcpot.units import FS_PER_PS

BLUE, RED, DARK = "#3b6fb0", "#c8553d", "#222222"
COLUMNS = 4
HIGHEST = 12.0
"""eV, upper end of the panel of atoms pushed together."""


def write(
    done: Mapping[str, CrystalProperties], pushed: Mapping[str, Push], runs: Sequence[NveRun], output: Path
) -> Path:
    """Draw a verification; dashed lines are reference volumes.

    Raises:
        DependencyError: matplotlib is not installed. OutputError: the figure cannot be written.
    """
    drawing.require_matplotlib(otherwise=", or --no-figure")
    panels = len(done) + bool(pushed) + len(runs)
    rows = max(1, -(-panels // COLUMNS))
    with drawing.sheet(9.6, 2.2 * rows, output) as figure:
        axes = list(figure.subplots(rows, COLUMNS, squeeze=False).flat)
        for crystal in done.values():
            equation_of_state(axes.pop(0), crystal)
        if pushed:
            contacts(axes.pop(0), pushed)
        for nve in runs:
            conservation(axes.pop(0), nve)
        for empty in axes:
            empty.set_axis_off()
    return output


def equation_of_state(axes, crystal: CrystalProperties) -> None:
    """Draw energies and fit relative to the minimum of the fit, meV/atom."""
    line = np.linspace(crystal.volumes.min(), crystal.volumes.max(), 200)
    axes.plot(line, 1000 * (birch_murnaghan(line, crystal.fit) - crystal.fit[0]), color=BLUE, lw=1)
    axes.plot(crystal.volumes, 1000 * (crystal.energies - crystal.fit[0]), "o", ms=3, color=RED, mew=0)
    axes.axvline(crystal.initial.get_volume() / len(crystal.initial), color=DARK, lw=0.6, ls=(0, (4, 3)))
    axes.set(xlabel="Å$^3$/atom", ylabel="meV/atom")
    axes.set_title(f"{crystal.name}: V$_0$ {crystal.fit[1]:.2f} Å$^3$, B {crystal.bulk_modulus:.1f} GPa", fontsize=7)


def contacts(axes, pushed: Mapping[str, Push]) -> None:
    """Draw the energy of two neighbours that approach each other."""
    for (pair, push), color in zip(pushed.items(), (BLUE, RED, "#5fa8a0", "#7d4fb3", "#c8902d", DARK), strict=False):
        axes.plot(push.distances, push.energies, lw=1, color=color, label=pair)
    axes.set(xlabel="distance (Å)", ylabel="energy (eV)", ylim=(-1.0, HIGHEST))
    axes.set_title("neighbours pushed together", fontsize=7)
    axes.legend(fontsize=6)


def conservation(axes, nve: NveRun) -> None:
    """Draw the total energy of the NVE run."""
    axes.plot(nve.times / FS_PER_PS, nve.totals, lw=0.6, color=BLUE)
    axes.set(xlabel="time (ps)", ylabel="meV/atom")
    axes.set_title("NVE: total energy", fontsize=7)
