"""The config of `hpcpot analyze`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcpot.analysis.registry import BondsSection, StrainSection, StressSection, VoidsSection, observations
from hpcpot.config import Problem, Schema, change, changed_keys, key
from hpcpot.config.kinds import Kind, boolean, choice, file_name, integer, list_of, number, output_folder
from hpcpot.structure.settings import elements_key, format_key, units_key

PARTS = ("curve", "strain", "bonds", "voids", "stress")
PLANES = ("yz", "xz", "xy")


def interval() -> Kind:
    def parse(value: Any) -> list:
        low, high = list_of(number(), "[low, high]", 2).parse(value)
        if low >= high:
            raise ValueError("must have low < high")
        return [low, high]

    return Kind("[low, high]", parse, list_of(number(), "", 2).json)


@dataclass(frozen=True, kw_only=True)
class AnalyzeFramesSection:
    """Frames of a trajectory of another program: what its file does not say."""

    interval_fs: float | None = key(
        number(above=0), "time between frames; null: the file has time_fs, as hpcpot writes it to extended XYZ", None
    )
    elements: list[str] | None = elements_key()
    units: str | None = units_key()
    format: str | None = format_key()


@dataclass(frozen=True, kw_only=True)
class PullSection:
    """Choice of the tensile test within the trajectory."""

    stage: str | None = key(
        Kind("the name of a stage", str),
        "stage to analyse, whose first frame is the reference for strain; null: the first stage that deforms the sample, or "
        "with parts: null all of the trajectory",
        None,
    )
    axis: str | None = key(choice("x", "y", "z"), "axis of the deformation; null: as in the run", None)
    frames_every: int = key(integer(1), "interval between analysed frames", 1)


@dataclass(frozen=True, kw_only=True)
class CurveSection:
    """Stress-strain curve."""

    stress: str = key(
        choice("cell", "grip"),
        "origin of the stress: cell uses the pressure tensor, grip the force on the grips of a particle",
        "cell",
    )
    area: str = key(choice("current", "initial"), "cross-section to which the stress refers", "current")
    particle_radius_A: float | None = key(
        number(above=0),
        "radius of a spherical particle, whose volume (cell) or cross-section (grip) then defines the stress",
        None,
    )
    fit_window: list[float] = key(
        interval(), "range of strain in which the slope is fitted for Young's modulus", [0.02, 0.08]
    )


@dataclass(frozen=True, kw_only=True)
class FiguresSection:
    """Content of the figures."""

    strains: list[float] | None = key(
        list_of(number(), "a list of strains, e.g. [0.05, 0.135, 0.3]"),
        "strains at which atoms and cross-sections are drawn and atoms exported; null: four, evenly spaced",
        None,
    )
    planes: list[str] = key(
        list_of(choice(*PLANES), f"a list of {', '.join(PLANES)}"), "planes of the cross-sections to draw", list(PLANES)
    )
    position: float = key(
        number(minimum=0), "position of each cross-section along its normal, as a fraction of the cell", 0.5
    )
    thickness_A: float = key(number(above=0), "thickness of each cross-section", 6.0)
    most_shear: float | None = key(
        number(above=0), "upper end of the colour scale of shear strain; null: the 95th percentile", None
    )
    cut: bool = key(boolean(), "cut the sample open: draw the rear half only, so that voids are visible", True)


@dataclass(frozen=True, kw_only=True)
class PublishedSection:
    """Published data for comparison."""

    file: Path | None = key(file_name(), "CSV file of a published curve, strain and stress in GPa", None, is_input=True)
    points: list[list[float]] | None = key(
        list_of(list_of(number(), "[strain, stress in GPa]", 2), "a list of [strain, stress in GPa]"),
        "points of a published curve, given here instead of in a file",
        None,
    )
    modulus_GPa: float | None = key(number(above=0), "published Young's modulus, printed beside the fitted one", None)
    label: str = key(Kind("a text", str), "label of the published data in the figure", "published")


@dataclass(frozen=True, kw_only=True)
class AnalyzeOutputSection:
    """Output files."""

    folder: Path | None = key(
        output_folder(), "output folder, created if absent; null: <trajectory>_analysis, beside the trajectory", None
    )
    figures: list[str] | None = key(
        list_of(choice("png", "pdf"), "a list of png, pdf"),
        "formats of the figures; null: no figures",
        ["png", "pdf"],
        null=True,
    )
    export: list[str] | None = key(
        list_of(choice("extxyz", "lammps"), "a list of extxyz, lammps"),
        "formats in which atoms and their strain are exported at figures.strains, e.g. for OVITO; null: none",
        ["extxyz"],
        null=True,
    )


@dataclass(frozen=True, kw_only=True)
class AnalyzeSettings:
    """The config of `hpcpot analyze`."""

    trajectory: Path = key(
        file_name(),
        "H5MD trajectory written by hpcpot md; or with parts: null one of another program: extxyz, LAMMPS dump, or what "
        "ase.io reads",
        is_input=True,
    )
    frames: AnalyzeFramesSection = AnalyzeFramesSection()
    parts: list[str] | None = key(
        list_of(choice(*PARTS), f"a list of {', '.join(PARTS)}"),
        "analyses to run; stress needs virials and velocities in the trajectory; null: none, only the observables of `observe`",
        ["curve", "strain", "bonds", "voids"],
        null=True,
    )
    observe: list[dict[str, Any]] | None = key(
        observations(), "further observables, each at its own interval in frames; null: none", None
    )
    pull: PullSection = PullSection()
    curve: CurveSection = CurveSection()
    strain: StrainSection = StrainSection()
    bonds: BondsSection = BondsSection()
    voids: VoidsSection = VoidsSection()
    stress: StressSection = StressSection()
    figures: FiguresSection = FiguresSection()
    published: PublishedSection = PublishedSection()
    output: AnalyzeOutputSection = AnalyzeOutputSection()


def _complete(settings: AnalyzeSettings) -> AnalyzeSettings:
    trajectory = settings.trajectory
    folder = settings.output.folder or trajectory.with_name(f"{trajectory.stem}_analysis")
    return change(settings, output={"folder": folder})


def _check(settings: AnalyzeSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    from hpcpot.storage.reader import TRAJECTORIES  # h5py: not for --help

    curve = settings.curve
    trajectory = Path(settings.trajectory)  # a name, where the config of an output is read
    if trajectory.suffix in TRAJECTORIES:
        for name in changed_keys(settings.frames):
            yield (f"frames.{name}", f"is for trajectories of other programs, not {trajectory.name}; leave it out")
    elif settings.parts is not None:
        yield (
            "parts",
            "needs what only runs of hpcpot md tell; set null, and name observables in observe (--observe rdf,msd)",
        )
    elif settings.pull.stage is not None:
        yield "pull.stage", "is a stage of a run of hpcpot md, of which this trajectory is not; leave it out"
    if settings.parts is None and settings.observe is None:
        yield "observe", "is required with parts: null; name observables, e.g. [{name: rdf}] (--observe rdf)"
    if settings.parts is None and settings.pull.axis is not None:
        yield "pull.axis", "does nothing with parts: null; leave it out"
    if curve.stress == "grip" and curve.particle_radius_A is None:
        yield "curve.particle_radius_A", "is required for curve.stress: grip, whose area it gives; set it"
    if curve.particle_radius_A is not None and curve.area == "initial":
        yield "curve.area", "is not for a particle, whose stress is of its initial sphere; leave it out"
    if settings.figures.position > 1:
        yield "figures.position", "must be a fraction of the cell, 0 to 1; 0.5 is the middle"
    if settings.voids.spacing_A > settings.voids.radius_A:
        yield "voids.spacing_A", f"must be at most voids.radius_A ({settings.voids.radius_A:g}), else voids are missed"


SCHEMA = Schema(AnalyzeSettings, _check, _complete)
