"""The config of `hpcpot analyze`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcpot.analysis.registry import BondsSection, StrainSection, StressSection, VoidsSection, observations
from hpcpot.config import Problem, Schema, change, key
from hpcpot.config.kinds import Kind, boolean, choice, file_name, integer, list_of, number, output_folder

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
class PullSection:
    """The pull to analyse."""

    stage: str | None = key(
        Kind("the name of a stage", str),
        "stage of the run to analyse; its first frame is the reference "
        "that strain is measured against; null: the first stage that deforms",
        None,
    )
    axis: str | None = key(choice("x", "y", "z"), "axis that is pulled or pressed; null: that of the run", None)
    frames_every: int = key(integer(1), "analyse every so many frames of the stage", 1)


@dataclass(frozen=True, kw_only=True)
class CurveSection:
    """Stress and strain."""

    stress: str = key(
        choice("cell", "grip"), "cell: from its pressure tensor; grip: force on the grips of a particle", "cell"
    )
    area: str = key(choice("current", "initial"), "cross-section that stress refers to", "current")
    particle_radius_A: float | None = key(
        number(above=0),
        "of a particle: stress of the cell is then of the volume of this "
        "sphere, and the force on a grip of its cross-section",
        None,
    )
    fit_window: list[float] = key(interval(), "strains between which the slope is Young's modulus", [0.02, 0.08])


@dataclass(frozen=True, kw_only=True)
class FiguresSection:
    """What figures show."""

    strains: list[float] | None = key(
        list_of(number(), "a list of strains, e.g. [0.05, 0.135, 0.3]"),
        "at which to draw atoms and cross-sections, and to export atoms; null: four, evenly spread",
        None,
    )
    planes: list[str] = key(
        list_of(choice(*PLANES), f"a list of {', '.join(PLANES)}"), "cross-sections to draw", list(PLANES)
    )
    position: float = key(number(minimum=0), "of a cross-section along its normal, as a fraction of the cell", 0.5)
    thickness_A: float = key(number(above=0), "of a cross-section", 6.0)
    most_shear: float | None = key(
        number(above=0), "shear strain at the end of the colours; null: 95 % of the atoms are below", None
    )
    cut: bool = key(boolean(), "draw the atoms of the rear half only, so that holes show", True)


@dataclass(frozen=True, kw_only=True)
class PublishedSection:
    """Published numbers to compare with."""

    file: Path | None = key(file_name(), "CSV of strain, stress in GPa, to draw beside the curve", None, is_input=True)
    points: list[list[float]] | None = key(
        list_of(list_of(number(), "[strain, stress in GPa]", 2), "a list of [strain, stress in GPa]"),
        "the same here",
        None,
    )
    modulus_GPa: float | None = key(number(above=0), "Young's modulus to print beside the fitted one", None)
    label: str = key(Kind("a text", str), "what the figure calls them", "published")


@dataclass(frozen=True, kw_only=True)
class AnalyzeOutputSection:
    """What is written."""

    folder: Path | None = key(output_folder(), "made if it is not there; null: <trajectory>_analysis, beside it", None)
    figures: list[str] | None = key(
        list_of(choice("png", "pdf"), "a list of png, pdf"),
        "kinds of figures to write; null: none",
        ["png", "pdf"],
        null=True,
    )
    export: list[str] | None = key(
        list_of(choice("extxyz", "lammps"), "a list of extxyz, lammps"),
        "atoms with their strain for OVITO, at figures.strains; null: none",
        ["extxyz"],
        null=True,
    )


@dataclass(frozen=True, kw_only=True)
class AnalyzeSettings:
    """The config of `hpcpot analyze`."""

    trajectory: Path = key(file_name(), "H5MD file of a tensile test, written by hpcpot md", is_input=True)
    parts: list[str] | None = key(
        list_of(choice(*PARTS), f"a list of {', '.join(PARTS)}"),
        "what to find out; stress, of regions, needs virials and velocities in the trajectory; null: only observe",
        ["curve", "strain", "bonds", "voids"],
        null=True,
    )
    observe: list[dict[str, Any]] | None = key(
        observations(), "further observables, every so many frames; null: none", None
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
    """Yield what does not fit together."""
    curve = settings.curve
    if curve.stress == "grip" and curve.particle_radius_A is None:
        yield "curve.particle_radius_A", "is required for curve.stress: grip, whose area it gives; set it"
    if curve.particle_radius_A is not None and curve.area == "initial":
        yield "curve.area", "is not for a particle, whose stress is of its initial sphere; leave it out"
    if settings.figures.position > 1:
        yield "figures.position", "must be a fraction of the cell, 0 to 1; 0.5 is the middle"
    if settings.voids.spacing_A > settings.voids.radius_A:
        yield "voids.spacing_A", f"must be at most voids.radius_A ({settings.voids.radius_A:g}), else voids are missed"


SCHEMA = Schema(AnalyzeSettings, _check, _complete)
