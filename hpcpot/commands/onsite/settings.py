"""The config of `hpcpot onsite`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hpcpot.config import Key, Schema, Settings
from hpcpot.config.kinds import Kind, choice, either, element, file_name, integer, list_of, number, output_path
from hpcpot.farm import settings as farm_settings
from hpcpot.potential import settings as potential_settings

REGIONS = {
    "si1_bulk": (["bottom+8", "bottom+18"], "bulk host, far from the interface"),
    "si2_bulk": (["left-12", "left-4.5"], "bulk host, next to the interface"),
    "interface": (["left-2.5", "left+3"], "one layer of the host left of z_L, and what is 3 Å right of it"),
    "alloy": (["right-15", "right-5"], "the alloy left of z_R"),
}
"""Each region by name: its default range and what it is."""


def place() -> Kind:
    """A place relative to the slab, kept as text."""

    def parse(value: Any) -> str:
        from hpcpot.analysis.profile import parse_place  # NumPy and Numba: not for --help

        parse_place(value)
        return str(value)

    return Kind("bottom, left or right, plus or minus Å, e.g. left-2.5", parse)


RANGE = "two places, [low, high), e.g. [left-2.5, left+3]; null leaves the region out"

KEYS = (
    Key(
        "frames.file",
        either(file_name(), list_of(file_name(), "a list of structure files")),
        "H5MD trajectory, or structure files, each a frame",
        is_input=True,
    ),
    Key("frames.from_ps", number(), "start of the window of a trajectory; null: its first frame", None),
    Key("frames.to_ps", number(), "end of the window; null: its last frame", None),
    Key("frames.count", integer(1), "frames to take sites from, equally spaced in the window", 40),
    *potential_settings.KEYS,
    Key("profile.axis", choice("a", "b", "c"), "of the cell, whose faces the interface is parallel to", "c"),
    Key("profile.host", element(), "left of the interface", "Si"),
    Key("profile.inserted", element(), "right of the interface; its concentration tells where the interface is", "Li"),
    Key("profile.bin_A", number(above=0), "width of the bins", 3.0, hint="typical 1 to 3"),
    Key("profile.frames", integer(1), "that are counted together for one profile; each site's frame has its own", 50),
    Key(
        "profile.thresholds",
        list_of(number(above=0), "[low, high], 0 < low < high < 1", 2),
        "concentrations at z_L (first crossing) and z_R (last crossing)",
        [0.05, 0.95],
    ),
    Key(
        "profile.block_A",
        list_of(number(minimum=0), "[low, high] in Å", 2),
        "above the lowest host atom: the host atoms whose mean place takes the drift off",
        [3.0, 15.0],
    ),
    *(
        Key(
            f"regions.{name}",
            list_of(place(), RANGE, 2),
            f"{words}; bottom: lowest host atom, left: z_L, right: z_R",
            default,
            null=True,
        )
        for name, (default, words) in REGIONS.items()
    ),
    Key("sites.element", element(), "of the atoms that are removed", "Si"),
    Key("sites.per_region", integer(1), "sites of each region of each frame; with replacement where it has fewer", 50),
    Key("sites.seed", integer(), "of the choice of sites and of the bootstrap", 0),
    Key(
        "removal.relaxed",
        choice("none", "near", "all"),
        "none: unrelaxed; near, all: also relax, at fixed cell, what is near the site or all atoms, before and after",
        "none",
    ),
    Key("removal.radius_A", number(above=0), "of near: atoms farther from the site stay", 4.8),
    Key("removal.force_eV_per_A", number(above=0), "relaxed: no force is larger", 0.01),
    Key("removal.steps", integer(1), "of a relaxation at most; then its energy is nan", 500),
    Key("bootstrap.fraction", number(above=0), "of the interface's values in a sub-sample", 0.5),
    Key("bootstrap.replicas", integer(1), "sub-samples, and resamplings for the 95 % intervals", 1000),
    Key("output.results", output_path(), "HDF5 file of results; tables and figures are named after it"),
)


def _check(settings: Settings) -> Iterator[tuple[str, str]]:
    """What does not fit together."""
    yield from farm_settings.check(settings)
    low, high = settings.profile.thresholds
    if not low < high < 1.0:
        yield "profile.thresholds", "must be [low, high] with 0 < low < high < 1"
    if not settings.profile.block_A[0] < settings.profile.block_A[1]:
        yield "profile.block_A", "must be [low, high] with low < high"
    if settings.profile.host == settings.profile.inserted:
        yield "profile.inserted", "must not be profile.host; name the other element"
    window = settings.frames.from_ps, settings.frames.to_ps
    if None not in window and window[0] >= window[1]:
        yield "frames.to_ps", f"must be > frames.from_ps ({window[0]:g})"
    if not settings.bootstrap.fraction < 1.0:
        yield "bootstrap.fraction", "must be < 1; typical 0.5"
    if all(getattr(settings.regions, name) is None for name in REGIONS):
        yield "regions.interface", "no region is left; give at least one"


SCHEMA = Schema(KEYS + farm_settings.KEYS, _check)
