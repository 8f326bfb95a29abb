"""The config of `hpcpot analyze`: every key, its kind, default and meaning."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hpcpot.analysis.registry import observations
from hpcpot.config import Key, Schema, Settings
from hpcpot.config.kinds import Kind, boolean, choice, element, file_name, integer, list_of, number

PARTS = ("curve", "strain", "bonds", "voids", "stress")
PLANES = ("yz", "xz", "xy")


def bond_lengths() -> Kind:
    """[[element, element, Å], ...]."""
    words = "a list of [element, element, length], e.g. [[Si, Si, 2.8], [Li, Si, 3.2]]"

    def parse(value: Any) -> list:
        if not isinstance(value, list) or not all(isinstance(row, list) and len(row) == 3 for row in value):
            raise ValueError(f"must be {words}")
        return [[element().parse(a), element().parse(b), number(above=0).parse(length)] for a, b, length in value]

    return Kind(words, parse)


def interval() -> Kind:
    def parse(value: Any) -> list:
        low, high = list_of(number(), "[low, high]", 2).parse(value)
        if low >= high:
            raise ValueError("must have low < high")
        return [low, high]

    return Kind("[low, high]", parse)


def folder() -> Kind:
    return Kind("the path of a folder to write", lambda value: Path(os.path.expanduser(file_name().parse(value))))


GENERAL = (
    Key("trajectory", file_name(), "H5MD file of a tensile test, written by hpcpot md", is_input=True),
    Key(
        "parts",
        list_of(choice(*PARTS), f"a list of {', '.join(PARTS)}"),
        "what to find out; stress, of regions, needs virials and velocities in the trajectory; null: only observe",
        ["curve", "strain", "bonds", "voids"],
        null=True,
    ),
    Key("observe", observations(), "further observables, every so many frames; null: none", None),
)
PULL = (
    Key(
        "pull.stage",
        Kind("the name of a stage", str),
        "stage of the run to analyse; its first frame is the reference "
        "that strain is measured against; null: the first stage that deforms",
        None,
    ),
    Key("pull.axis", choice("x", "y", "z"), "axis that is pulled or pressed; null: that of the run", None),
    Key("pull.frames_every", integer(1), "analyse every so many frames of the stage", 1),
)
CURVE = (
    Key(
        "curve.stress",
        choice("cell", "grip"),
        "cell: from its pressure tensor; grip: force on the grips of a particle",
        "cell",
    ),
    Key("curve.area", choice("current", "initial"), "cross-section that stress refers to", "current"),
    Key(
        "curve.particle_radius_A",
        number(above=0),
        "of a particle: stress of the cell is then of the volume of this "
        "sphere, and the force on a grip of its cross-section",
        None,
    ),
    Key("curve.fit_window", interval(), "strains between which the slope is Young's modulus", [0.02, 0.08]),
)
STRAIN = (
    Key(
        "strain.cutoff_A",
        number(above=0),
        "neighbours of the reference frame whose motion is its strain",
        4.5,
        hint="typical 4 to 6",
    ),
    Key(
        "strain.mapping",
        choice("off", "to_reference"),
        "off: strain of the cell is part of it; to_reference: it is taken off",
        "off",
    ),
)
BONDS = (
    Key(
        "bonds.lengths_A",
        bond_lengths(),
        "longest bond of each pair of elements; null: 1.2 times the sum of the covalent radii",
        None,
    ),
    Key("bonds.stretch", number(minimum=1), "a bond has broken when it is longer than this times the longest", 1.2),
)
VOIDS = (
    Key("voids.spacing_A", number(above=0), "of the points of the grid", 1.0, hint="typical 0.5 to 2"),
    Key(
        "voids.radius_A",
        number(above=0),
        "of the sphere that fits into a void between the centres of atoms",
        2.5,
        hint="just more than in the intact material: about 2.3 for lithium silicides",
    ),
)
STRESS = (
    Key(
        "stress.bins",
        list_of(integer(1), "[nx, ny, nz], each >= 1", 3),
        "regions along each axis of the cell",
        [1, 20, 1],
    ),
)
FIGURES = (
    Key(
        "figures.strains",
        list_of(number(), "a list of strains, e.g. [0.05, 0.135, 0.3]"),
        "at which to draw atoms and cross-sections, and to export atoms; null: four, evenly spread",
        None,
    ),
    Key(
        "figures.planes",
        list_of(choice(*PLANES), f"a list of {', '.join(PLANES)}"),
        "cross-sections to draw",
        list(PLANES),
    ),
    Key("figures.position", number(minimum=0), "of a cross-section along its normal, as a fraction of the cell", 0.5),
    Key("figures.thickness_A", number(above=0), "of a cross-section", 6.0),
    Key(
        "figures.most_shear",
        number(above=0),
        "shear strain at the end of the colours; null: 95 % of the atoms are below",
        None,
    ),
    Key("figures.cut", boolean(), "draw the atoms of the rear half only, so that holes show", True),
)
PUBLISHED = (
    Key("published.file", file_name(), "CSV of strain, stress in GPa, to draw beside the curve", None, is_input=True),
    Key(
        "published.points",
        list_of(list_of(number(), "[strain, stress in GPa]", 2), "a list of [strain, stress in GPa]"),
        "the same here",
        None,
    ),
    Key("published.modulus_GPa", number(above=0), "Young's modulus to print beside the fitted one", None),
    Key("published.label", Kind("a text", str), "what the figure calls them", "published"),
)
OUTPUT = (
    Key("output.folder", folder(), "made if it is not there; null: <trajectory>_analysis, beside it", None),
    Key(
        "output.figures",
        list_of(choice("png", "pdf"), "a list of png, pdf"),
        "kinds of figures to write; null: none",
        ["png", "pdf"],
        null=True,
    ),
    Key(
        "output.export",
        list_of(choice("extxyz", "lammps"), "a list of extxyz, lammps"),
        "atoms with their strain for OVITO, at figures.strains; null: none",
        ["extxyz"],
        null=True,
    ),
)


def _check(settings: Settings) -> Iterator[tuple[str, str]]:
    """What does not fit together; fills in output.folder."""
    curve, output = settings.curve, settings.output
    if curve.stress == "grip" and curve.particle_radius_A is None:
        yield "curve.particle_radius_A", "is required for curve.stress: grip, whose area it gives; set it"
    if curve.particle_radius_A is not None and curve.area == "initial":
        yield "curve.area", "is not for a particle, whose stress is of its initial sphere; leave it out"
    if settings.figures.position > 1:
        yield "figures.position", "must be a fraction of the cell, 0 to 1; 0.5 is the middle"
    if settings.voids.spacing_A > settings.voids.radius_A:
        yield "voids.spacing_A", f"must be at most voids.radius_A ({settings.voids.radius_A:g}), else voids are missed"
    if output.folder is None:
        output.folder = settings.trajectory.with_name(f"{settings.trajectory.stem}_analysis")


SCHEMA = Schema((*GENERAL, *PULL, *CURVE, *STRAIN, *BONDS, *VOIDS, *STRESS, *FIGURES, *PUBLISHED, *OUTPUT), _check)
