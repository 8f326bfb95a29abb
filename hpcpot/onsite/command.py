"""One campaign of removals: chooses the sites, runs the farm, writes tables and figures."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from hpcpot import config, provenance
from hpcpot.config import Settings
from hpcpot.onsite import figure, frames, sites, tables, task
from hpcpot.onsite.frames import Frames
from hpcpot.onsite.settings import SCHEMA
from hpcpot.onsite.sites import Block, Choice
from hpcpot.parallel import farm, farm_settings
from hpcpot.parallel.campaign import run_missing
from hpcpot.parallel.chunks import Item
from hpcpot.parallel.farm import Farm
from hpcpot.parallel.stop import STOPPED, StopRequest
from hpcpot.potential import files as potential_files
from hpcpot.relax.engine import Options
from hpcpot.storage.results import Results, Store, content_key


def run_command(arguments: argparse.Namespace) -> int:
    """`hpcpot onsite CONFIG`; returns the exit code.

    Raises:
        ConfigError, ModelError, StructureError, OutputError: before anything is done.
    """
    stop = StopRequest()
    settings = config.load(arguments.config, SCHEMA, arguments.overrides + farm_settings.overrides(arguments))
    source, file = frames.find(settings.frames.file), settings.potential.file
    fingerprint = potential_files.fingerprint(potential_files.load(file))
    choices, blocks = sites.choose(source, settings, print)
    items = [item(source, one) for one in choices]
    n_sites = sum(len(one.sites) for one in choices)
    print(
        f"{n_sites} sites: {len({one.frame for one in choices})} frames, {len({one.region for one in choices})} regions"
    )
    if arguments.dry_run:
        print(config.dump(settings) + farm.plan(settings.farm, len(items)))
        return 0
    removal, output = settings.removal, settings.output.results
    compute = partial(
        task.compute, source=tuple(file) if isinstance(file, list) else file, fingerprint=fingerprint,
        kernels=settings.potential.kernels, relaxed=removal.relaxed, radius=removal.radius_A,
        options=Options(cell="fixed", force=removal.force_eV_per_A, steps=removal.steps),
    )  # fmt: skip
    with Farm(settings.farm) as workers, Store(
        output, kind="onsite", columns=task.COLUMNS, identity={"potential": fingerprint, "task": identity(settings)},
        provenance={**provenance.collect(), "config": config.dump(settings)}, expected_rows=len(items),
        existing="overwrite" if arguments.overwrite else "continue",
    ) as store:  # fmt: skip
        code = run_missing(workers, store, compute, items, stop, retry_failed=arguments.retry_failed)
    if code != STOPPED:
        report(settings, blocks)
    return code


def item(source: Frames, choice: Choice) -> Item:
    """The sites of a region of a frame as the farm takes them."""
    k = choice.frame
    row: dict[str, Any] = {
        "region": choice.region, "frame": k, "step": choice.step, "time": choice.time, "left": choice.at.left,
        "right": choice.at.right, "available": choice.available, "with_replacement": choice.with_replacement,
        "sites": choice.sites, "places": choice.places,
    }  # fmt: skip
    where = {"path": source.paths[0 if source.is_trajectory else k], "frame_in_file": k if source.is_trajectory else 0}
    key = content_key(choice.region, k, choice.sites, choice.places, choice.positions)
    return Item(key, row | where, f"frame {k}, {choice.region}")


def identity(settings: Settings) -> str:
    """What all rows of a file have in common: which sites, and what is done with them."""
    return "\n".join(f"{name}: {vars(getattr(settings, name))}" for name in ("profile", "regions", "sites", "removal"))


def report(settings: Settings, blocks: list[Block]) -> None:
    """Tables and figures of all sites that are done."""
    output, wanted = settings.output.results, settings.bootstrap
    with Results(output) as results:
        for kind in ("energies", "relaxed_energies") if settings.removal.relaxed != "none" else ("energies",):
            campaign = tables.gather(results, blocks, kind, wanted.fraction, wanted.replicas, settings.sites.seed)
            base = output if kind == "energies" else output.with_name(f"{output.stem}_relaxed{output.suffix}")
            print(f"{'removal energies' if kind == 'energies' else 'relaxed'}:\n{tables.summary(campaign)}")
            written = [*tables.write(campaign, base), *figure.write(campaign, base)]
            print("written: " + ", ".join(path.name for path in written))
