"""The farm's task of `hpcpot onsite`: the sites of each region of each frame, and tables and figures of all of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import Any

from hpcpot.commands.onsite import compute, everywhere, figure, frames, sites, tables
from hpcpot.commands.onsite.frames import FrameSource
from hpcpot.commands.onsite.settings import OnsiteSettings
from hpcpot.commands.onsite.sites import Choice, ProfileBlock, Selection
from hpcpot.errors import HpcpotError
from hpcpot.farm.campaign import Stop
from hpcpot.farm.item import Item
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.results import Results
from hpcpot.farm.task import Task
from hpcpot.relaxation.engine import RelaxationOptions
from hpcpot.storage.content import content_key
from hpcpot.wording import plural


def prepare(settings: OnsiteSettings, arguments: argparse.Namespace, stop: Stop) -> Task:
    """Choose the sites; prints how many there are.

    Raises:
        ConfigError, ModelError, StructureError, OutputError: before anything is done. Stopped: by a signal.
    """
    source, removal = frames.find(settings.frames), settings.removal
    potential = PotentialRef.of(settings.potential)
    is_everywhere = everywhere.is_meant(source, settings)
    choose = everywhere.choose if is_everywhere else sites.choose
    selection = choose(source, settings, potential.elements, print, stop, potential.trained)
    print(counts(selection))
    return Task(
        kind="onsite",
        results=settings.output.results,
        items=[
            *(item(source, choice) for choice in selection.choices),
            *(unusable(source, k, error) for k, error in selection.unusable.items()),
        ],
        columns=compute.COLUMNS,
        compute=partial(
            compute.compute,
            potential=potential,
            relaxed=removal.relaxed,
            radius=removal.radius_A,
            options=RelaxationOptions(cell="fixed", force=removal.force_eV_per_A, steps=removal.steps),
            outside=settings.potential.outside,
        ),
        identity={"potential": potential.fingerprint, "task": identity(settings, is_everywhere)},
        cites=potential.cites,
        report=partial(report, settings, selection.blocks),
    )


def counts(selection: Selection) -> str:
    """Numbers of sites, frames and regions."""
    choices, failed = selection.choices, len(selection.unusable)
    n_frames, n_regions = (len({getattr(choice, name) for choice in choices}) for name in ("frame", "region"))
    n_sites = sum(len(choice.sites) for choice in choices)
    left_out = f"; {plural(failed, 'frame')} of no use, stored as failed" if failed else ""
    return f"{plural(n_sites, 'site')}: {plural(n_frames, 'frame')}, {plural(n_regions, 'region')}{left_out}"


def item(source: FrameSource, choice: Choice) -> Item:
    """The farm's item for the sites of a region of a frame."""
    row: dict[str, Any] = {
        "region": choice.region,
        "frame": choice.frame,
        "step": choice.step,
        "time": choice.time,
        "left": choice.interfaces.left,
        "right": choice.interfaces.right,
        "available": choice.available,
        "with_replacement": choice.with_replacement,
        "sites": choice.sites,
        "places": choice.places,
        "content": choice.content,
    }
    interfaces = (choice.interfaces.left, choice.interfaces.right)
    key = content_key(choice.region, choice.frame, choice.sites, choice.places, interfaces, choice.content)
    return Item(key, row | {"place": source.places[choice.frame]}, f"{source.name(choice.frame)}, {choice.region}")


def unusable(source: FrameSource, k: int, error: HpcpotError) -> Item:
    """The item of a frame of no use, which fails with the reason."""
    return Item(content_key(str(source.places[k].path), k, str(error)), error, source.name(k))


def identity(settings: OnsiteSettings, is_everywhere: bool = False) -> str:
    """Settings that all rows of a file share besides the potential: how sites are chosen and removed.

    Args:
        is_everywhere: sites are all atoms of the element, without regions.
    """
    names = ("removal",) if is_everywhere else ("profile", "regions", "sites", "removal")
    values = {name: dict(vars(getattr(settings, name))) for name in names}
    values.get("sites", {}).pop("among", None)  # files of before have no such key
    lines = [f"{name}: {values[name]}" for name in names]
    if is_everywhere:
        lines.insert(0, f"sites: all {settings.sites.element}")
    potential = settings.potential
    lines.append(f"precision: {potential.precision}, kernels: {potential.kernels}")
    return "\n".join(lines if potential.outside == "warn" else [*lines, f"outside: {potential.outside}"])


def report(settings: OnsiteSettings, blocks: list[ProfileBlock], results: Results, keys: Sequence[str]) -> None:
    """Write tables and figures of the sites of some items; those of other frames in the file stay out."""
    rows, bootstrap = tables.rows(results, set(keys)), settings.bootstrap
    for kind in ("energies", "relaxed_energies") if settings.removal.relaxed != "none" else ("energies",):
        campaign = tables.gather(rows, blocks, kind, bootstrap.fraction, bootstrap.replicas, settings.sites.seed)
        output = settings.output.results
        base = output if kind == "energies" else output.with_name(f"{output.stem}_relaxed{output.suffix}")
        print(f"{'removal energies' if kind == 'energies' else 'relaxed'}:\n{tables.summary(campaign)}")
        written = [*tables.write(campaign, base), *figure.write(campaign, base)]
        print("written: " + ", ".join(path.name for path in written))
