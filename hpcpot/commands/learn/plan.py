"""What a loop would do, for --dry-run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hpcpot.commands.learn.inputs import Inputs
from hpcpot.commands.learn.runs import rungs, starts, systems_of
from hpcpot.commands.learn.settings import LearnSettings, stages
from hpcpot.farm import pool
from hpcpot.wording import plural


def text(settings: LearnSettings, inputs: Inputs, rows: Sequence[Mapping[str, Any]]) -> str:
    """Data, and of each stage its runs, their cost and labels in an iteration; and what the farm starts."""
    held_out = 0 if inputs.held_out is None else len(inputs.held_out)
    done = f"; {plural(len(rows), 'iteration')} done already" if rows else ""
    lines = [f"{len(inputs.start)} frames to train on, {held_out} held out{done}"]
    most = 0
    for name, stage in stages(settings).items():
        for rung, kelvins in enumerate(rungs(stage)):
            items = starts(settings, inputs, stage, rung, 0)
            atoms = sum(len(item.input.atoms) for item in items)
            melts = sum(len(item.input.atoms) * item.input.melt_steps for item in items)
            steps = max(stage.steps)
            heat = f"{kelvins[0]:g} to {kelvins[-1]:g} K" if len(kelvins) > 1 else f"{kelvins[0]:g} K"
            what = f"{plural(len(items), 'run')} of up to {steps} steps, {atoms * steps + melts:.3g} atom-steps"
            if not steps:
                heat, what = "as they are", plural(len(items), "structure")
            labels = stage.labels_per_system * len(systems_of(settings, stage))
            lines.append(
                f"{name}, {heat}: {what}, at most {labels} labels in an iteration; at most "
                f"{plural(stage.most_iterations, 'iteration')}"
            )
            most = max(most, len(items))
    return "\n".join([*lines, pool.plan(settings.farm, most)])
