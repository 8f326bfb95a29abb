"""One campaign of removals: chooses the sites, runs the farm, writes tables and figures."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from hpcpot import config, provenance
from hpcpot.commands.onsite import figure, frames, sites, tables, task
from hpcpot.commands.onsite.frames import Frames
from hpcpot.commands.onsite.settings import SCHEMA
from hpcpot.commands.onsite.sites import Block, Choice, Selection
from hpcpot.config import Settings
from hpcpot.errors import HpcpotError
from hpcpot.farm import farm
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.campaign import run_missing
from hpcpot.farm.chunks import Item
from hpcpot.farm.farm import Farm
from hpcpot.farm.results import Results, Store, content_key
from hpcpot.parallel.stop import STOPPED, Stopped, StopRequest
from hpcpot.potential import files as potential_files
from hpcpot.potential.blocks import BlockPotential
from hpcpot.relaxation.engine import Options
from hpcpot.wording import plural


def run_command(arguments: argparse.Namespace) -> int:
    """`hpcpot onsite CONFIG`; returns the exit code.

    Raises:
        ConfigError, ModelError, StructureError, OutputError: before anything is done.
    """
    stop = StopRequest()
    settings = config.load(arguments.config, SCHEMA, arguments.overrides + farm_settings.overrides(arguments))
    source, wanted = frames.find(settings.frames.file), settings.potential
    potential = BlockPotential(potential_files.load(wanted.file), wanted.kernels, wanted.precision)
    fingerprint = potential_files.fingerprint(potential.family)
    try:
        selection = sites.choose(source, settings, potential.elements, print, stop)
    except Stopped:
        print("stopped by a signal before any site was removed; the same command begins again")
        return STOPPED
    items = [
        *(item(source, one) for one in selection.choices),
        *(unusable(source, k, error) for k, error in selection.unusable.items()),
    ]
    print(counts(selection))
    if arguments.dry_run:
        print(config.dump(settings) + farm.plan(settings.farm, len(items)))
        return 0
    removal, output = settings.removal, settings.output.results
    compute = partial(
        task.compute,
        source=tuple(wanted.file) if isinstance(wanted.file, list) else wanted.file,
        fingerprint=fingerprint,
        kernels=wanted.kernels,
        precision=wanted.precision,
        relaxed=removal.relaxed,
        radius=removal.radius_A,
        options=Options(cell="fixed", force=removal.force_eV_per_A, steps=removal.steps),
    )
    with (
        Farm(settings.farm) as workers,
        Store(
            output,
            kind="onsite",
            columns=task.COLUMNS,
            identity={"potential": fingerprint, "task": identity(settings)},
            provenance={**provenance.collect(), "config": config.dump(settings)},
            expected_rows=len(items),
            existing="overwrite" if arguments.overwrite else "continue",
        ) as store,
    ):
        code = run_missing(workers, store, compute, items, stop, retry_failed=arguments.retry_failed)
    if code != STOPPED:
        report(settings, selection.blocks, {one.key for one in items})
    return code


def counts(selection: Selection) -> str:
    """How much there is to do."""
    choices, failed = selection.choices, len(selection.unusable)
    n_frames, n_regions = (len({getattr(one, name) for one in choices}) for name in ("frame", "region"))
    n_sites = sum(len(one.sites) for one in choices)
    left_out = f"; {plural(failed, 'frame')} of no use, stored as failed" if failed else ""
    return f"{plural(n_sites, 'site')}: {plural(n_frames, 'frame')}, {plural(n_regions, 'region')}{left_out}"


def item(source: Frames, choice: Choice) -> Item:
    """The sites of a region of a frame as the farm takes them."""
    path, k = source.place(choice.frame)
    row: dict[str, Any] = {
        "region": choice.region,
        "frame": choice.frame,
        "step": choice.step,
        "time": choice.time,
        "left": choice.at.left,
        "right": choice.at.right,
        "available": choice.available,
        "with_replacement": choice.with_replacement,
        "sites": choice.sites,
        "places": choice.places,
        "content": choice.content,
    }
    at = (choice.at.left, choice.at.right)
    key = content_key(choice.region, choice.frame, choice.sites, choice.places, at, choice.content)
    return Item(key, row | {"path": path, "frame_in_file": k}, f"{source.name(choice.frame)}, {choice.region}")


def unusable(source: Frames, k: int, error: HpcpotError) -> Item:
    """A frame without sites, which fails with the reason."""
    return Item(content_key(str(source.place(k)[0]), k, str(error)), error, source.name(k))


def identity(settings: Settings) -> str:
    """What all rows of a file have in common: which sites, and what is done with them."""
    sections = {name: vars(getattr(settings, name)) for name in ("profile", "regions", "sites", "removal")}
    wanted = settings.potential
    lines = [
        *(f"{name}: {one}" for name, one in sections.items()),
        f"precision: {wanted.precision}, kernels: {wanted.kernels}",
    ]
    return "\n".join(lines)


def report(settings: Settings, blocks: list[Block], keys: set[str]) -> None:
    """Tables and figures of the sites that are done of some items; those of other frames in the file stay out."""
    output, wanted = settings.output.results, settings.bootstrap
    with Results(output) as results:
        rows = tables.rows(results, keys)
        for kind in ("energies", "relaxed_energies") if settings.removal.relaxed != "none" else ("energies",):
            campaign = tables.gather(rows, blocks, kind, wanted.fraction, wanted.replicas, settings.sites.seed)
            base = output if kind == "energies" else output.with_name(f"{output.stem}_relaxed{output.suffix}")
            print(f"{'removal energies' if kind == 'energies' else 'relaxed'}:\n{tables.summary(campaign)}")
            written = [*tables.write(campaign, base), *figure.write(campaign, base)]
            print("written: " + ", ".join(path.name for path in written))
