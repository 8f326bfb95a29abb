"""What a stage explores: its systems, temperatures and levels, and the runs of an iteration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from hpcpot.commands.learn.inputs import Inputs
from hpcpot.commands.learn.settings import ExplorationSection, LearnSettings, level_of
from hpcpot.dataset.dataset import frame_key
from hpcpot.farm.item import Item
from hpcpot.learning.explore import Start
from hpcpot.learning.levels import AdaptiveLevels, Levels
from hpcpot.storage.content import content_key


def systems_of(settings: LearnSettings, stage: ExplorationSection) -> list[str]:
    """Names of the systems of a stage."""
    return stage.systems or list(settings.systems)


def rungs(stage: ExplorationSection) -> list[list[float]]:
    """The temperatures that are explored together, rung by rung; NaN without dynamics."""
    kelvins = stage.temperatures_K or [np.nan]
    n = stage.temperatures_at_once or len(kelvins)
    return [kelvins[k : k + n] for k in range(0, len(kelvins), n)]


def levels(stage: ExplorationSection, system: str) -> Levels | AdaptiveLevels:
    """The levels of a system."""
    if stage.grade_low is not None:
        return Levels(stage.grade_low, stage.grade_high)
    high, virial_high = level_of(stage.force_high_eV_A, system), level_of(stage.virial_high_eV, system)
    virial_high = np.inf if virial_high is None else virial_high
    if stage.adaptive_count is not None:
        return AdaptiveLevels(high, virial_high, stage.adaptive_count, stage.adaptive_percent)
    virial_low = level_of(stage.virial_low_eV, system)
    return Levels(
        level_of(stage.force_low_eV_A, system), high, np.inf if virial_low is None else virial_low, virial_high
    )


def starts(settings: LearnSettings, inputs: Inputs, stage: ExplorationSection, rung: int, iteration: int) -> list[Item]:
    """The runs of an iteration as items of the farm, with seeds that follow from what they are."""
    items = []
    pressures = stage.pressures_GPa or [np.nan]
    for system in systems_of(settings, stage):
        structures = inputs.systems[system]
        numbers = np.arange(len(structures))
        copies = nth_copies([frame_key(atoms) for atoms in structures])
        if stage.starts is not None and stage.starts < len(structures):
            draw = np.random.default_rng([settings.data.seed, iteration, *system.encode()])
            numbers = np.sort(draw.choice(numbers, stage.starts, replace=False))
        for number in numbers:
            for kelvin in rungs(stage)[rung]:
                for gpa in pressures:
                    for melt in stage.melt_steps or [0]:
                        atoms, seed = structures[number], settings.data.seed
                        content = (atoms.numbers, atoms.positions, atoms.cell.array, np.asarray(atoms.pbc))
                        again = [copies[number]] if copies[number] else []  # runs of their own, with other seeds
                        key = content_key(*content, system, kelvin, gpa, melt, iteration, seed, *again)
                        label = f"{system} {number}" + ("" if np.isnan(kelvin) else f", {kelvin:g} K")
                        label += "" if np.isnan(gpa) else f", {gpa:g} GPa"
                        label += f", melt of {melt} steps" if melt else ""
                        items.append(Item(key, Start(atoms, system, kelvin, gpa, melt, int(key[:7], 16)), label))
    return items


def nth_copies(keys: Sequence[str]) -> list[int]:
    """How many equal keys each one has before it."""
    seen: Counter[str] = Counter()
    counts = []
    for key in keys:
        counts.append(seen[key])
        seen[key] += 1
    return counts
