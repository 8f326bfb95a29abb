"""The config of `hpcpot onsite`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcpot.config import Problem, Schema, key
from hpcpot.config.kinds import Kind, choice, either, element, file_name, integer, list_of, number, output_path
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.settings import FarmSection
from hpcpot.potential.settings import PotentialSection
from hpcpot.structure.settings import elements_key, format_key, units_key


def place() -> Kind:
    """Kind of a position relative to the slab, kept as text."""

    def parse(value: Any) -> str:
        from hpcpot.analysis.profile import parse_place  # NumPy and Numba: not for --help

        parse_place(value)
        return str(value)

    return Kind("bottom, left or right, plus or minus Å, e.g. left-2.5", parse, {"type": "string"})


AMONG = ("auto", "regions", "all")
RANGE = "two places, [low, high), e.g. [left-2.5, left+3]; null leaves the region out"


def region(words: str, default: list[str]) -> Any:
    """Declare the key of a region."""
    return key(
        list_of(place(), RANGE, 2), f"{words}; bottom: lowest host atom, left: z_L, right: z_R", default, null=True
    )


@dataclass(frozen=True, kw_only=True)
class FramesSection:
    """Frames from which sites are taken."""

    file: Path | list[Path] = key(
        either(file_name(), list_of(file_name(), "a list of structure files")),
        "trajectory of hpcpot, or structure files of one or several frames, of any format that hpcpot reads",
        is_input=True,
    )
    from_ps: float | None = key(number(), "start of the time window of a trajectory; null: its first frame", None)
    to_ps: float | None = key(number(), "end of the time window; null: the last frame", None)
    count: int = key(integer(1), "number of frames, equally spaced in the time window", 40)
    elements: list[str] | None = elements_key()
    units: str | None = units_key()
    format: str | None = format_key()


@dataclass(frozen=True, kw_only=True)
class ProfileSection:
    """Concentration profile that locates the interface in each frame."""

    axis: str = key(choice("a", "b", "c"), "axis of the cell along the normal of the interface", "c")
    host: str = key(element(), "element of the host, left of the interface", "Si")
    inserted: str = key(element(), "element right of the interface, whose concentration locates the interface", "Li")
    bin_A: float = key(number(above=0), "width of the bins", 3.0, hint="typical 1 to 3")
    frames: int = key(integer(1), "number of frames averaged into the profile of each chosen frame", 50)
    thresholds: list[float] = key(
        list_of(number(above=0), "[low, high], 0 < low < high < 1", 2),
        "concentrations at z_L (first crossing) and z_R (last crossing)",
        [0.05, 0.95],
    )
    block_A: list[float] = key(
        list_of(number(minimum=0), "[low, high] in Å", 2),
        "range above the lowest host atom; the mean position of its host atoms defines the drift",
        [3.0, 15.0],
    )


@dataclass(frozen=True, kw_only=True)
class RegionsSection:
    """Regions from which sites are taken: ranges along the normal of the interface; not for sites.among: all."""

    si1_bulk: list[str] | None = region("bulk host, far from the interface", ["bottom+8", "bottom+18"])
    si2_bulk: list[str] | None = region("bulk host, next to the interface", ["left-12", "left-4.5"])
    interface: list[str] | None = region(
        "one host layer left of z_L and 3 Å to the right of it", ["left-2.5", "left+3"]
    )
    alloy: list[str] | None = region("the alloy left of z_R", ["right-15", "right-5"])

    @property
    def any(self) -> bool:
        """Tell whether a region is left."""
        return any(edges is not None for edges in vars(self).values())


@dataclass(frozen=True, kw_only=True)
class SitesSection:
    """Choice of the atoms to remove."""

    element: str = key(element(), "element of the atoms to remove", "Si")
    among: str = key(
        choice(*AMONG),
        "atoms that are removed: those of regions, which need vacuum and an interface; or all, also of crystals and "
        "particles; auto: all, if the first frame is no slab with vacuum of both profile.host and profile.inserted",
        "auto",
    )
    per_region: int = key(
        integer(1), "number of sites per region and frame; drawn with replacement if the region has fewer atoms", 50
    )
    seed: int = key(integer(), "seed of the choice of sites and of the bootstrap", 0)


@dataclass(frozen=True, kw_only=True)
class RemovalSection:
    """Relaxation around removed atoms."""

    relaxed: str = key(
        choice("none", "near", "all"),
        "atoms relaxed at fixed cell before and after the removal: none, those near the site, or all",
        "none",
    )
    radius_A: float = key(number(above=0), "for near: radius around the site within which atoms relax", 4.8)
    force_eV_per_A: float = key(number(above=0), "force tolerance of the relaxation", 0.01)
    steps: int = key(
        integer(1), "maximum number of steps of a relaxation, whose energy is nan if it does not converge", 500
    )


@dataclass(frozen=True, kw_only=True)
class BootstrapSection:
    """Bootstrap statistics of the mean energies."""

    fraction: float = key(number(above=0), "fraction of the interface energies in each sub-sample", 0.5)
    replicas: int = key(integer(1), "number of sub-samples, and of resamplings for the 95 % confidence intervals", 1000)


@dataclass(frozen=True, kw_only=True)
class OnsiteOutputSection:
    """Output files."""

    results: Path = key(
        output_path(), "HDF5 file of results, after which tables and figures are named; the same command completes it"
    )


@dataclass(frozen=True, kw_only=True)
class OnsiteSettings:
    """The config of `hpcpot onsite`."""

    frames: FramesSection
    potential: PotentialSection
    profile: ProfileSection = ProfileSection()
    regions: RegionsSection = RegionsSection()
    sites: SitesSection = SitesSection()
    removal: RemovalSection = RemovalSection()
    bootstrap: BootstrapSection = BootstrapSection()
    output: OnsiteOutputSection
    farm: FarmSection = FarmSection()


def _check(settings: OnsiteSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    yield from farm_settings.check(settings.farm)
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
    if settings.sites.among == "regions" and not settings.regions.any:
        yield "regions.interface", "no region is left; give at least one, or set sites.among: all"


SCHEMA = Schema(OnsiteSettings, _check)
