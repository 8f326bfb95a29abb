"""Writes the page or figure that `hpcpot report` is asked for, or serves the page of running jobs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from hpcpot.commands.report import figure, kinds, live
from hpcpot.errors import ConfigError
from hpcpot.outputs import Replacement
from hpcpot.report import page, published

PAGES = (".html", ".htm")
EVERY = 5.0
"""Seconds between questions of a browser that shows a live page."""


def run_command(arguments: argparse.Namespace) -> int:
    """`hpcpot report RUN...`; returns 0."""
    runs: list[Path] = arguments.runs
    if arguments.live:
        if arguments.output is not None:
            raise ConfigError("--live, --output = both: a live page is served and not written; give one.")
        every = EVERY if arguments.every is None else arguments.every
        if not every > 0.0:
            raise ConfigError(f"--every = {every:g}: must be above 0; typical 1 to 60.")
        return live.serve(runs, arguments.published, every, arguments.port or 0)
    for name in ("every", "port"):
        if getattr(arguments, name) is not None:
            raise ConfigError(
                f"--{name} = {getattr(arguments, name):g}: is for a live page; add --live, or leave it out."
            )
    output = arguments.output or runs[0].with_suffix(".html")
    if output.suffix in PAGES:
        text = make(runs, arguments.published)
        with Replacement(output) as part:
            part.write_text(text, encoding="utf-8")
        print(f"page: {output}, {len(text.encode()) / 1e6:.1f} MB")
        return 0
    if len(runs) > 1 or arguments.published:
        raise ConfigError(
            f"--output = {output}: must end in .html for several runs or published numbers; a figure is of one trajectory."
        )
    figure.write(runs[0], output)
    print(f"figure: {output}")
    return 0


def make(runs: Sequence[Path], names: Sequence[str], live: tuple[str, float] | None = None) -> str:
    """The page of some runs. Args: names: see `published.compare`. live: see `page.write`."""
    sections = [kinds.section(path, len(runs)) for path in runs]
    return page.write(sections, published.compare(sections, names), live)
