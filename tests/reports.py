"""Pages of `hpcpot report` as a browser reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from hpcpot.commands.report import kinds
from hpcpot.parallel.ranks import SERIAL
from hpcpot.report import page
from hpcpot.report.section import ReportSection
from hpcpot.storage.trajectory import Trajectory

CELL = np.diag([8.0, 9.0, 40.0])
SPECIES = np.array([0] * 20 + [1] * 12)
FRAMES = 3


def trajectory(
    path: Path,
    frames: int = FRAMES,
    observables: bool = True,
    particles: tuple[str, ...] = ("position", "image"),
    provenance: dict | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Path:
    """A file of 20 Li and 12 Si that drift along z. Args: meanwhile: called before its writer ends."""
    names = {
        "temperature": ("K", ()),
        "potential_energy": ("eV", ()),
        "conserved_energy": ("eV", ()),
        "pressure_tensor": ("GPa", (3, 3)),
    }
    start = np.random.default_rng(3).random((len(SPECIES), 3)) @ CELL
    with Trajectory(
        path,
        SERIAL,
        elements=("Li", "Si"),
        species=SPECIES,
        masses=np.array([6.94, 28.085]),
        n_atoms=len(SPECIES),
        periodic=np.ones(3, bool),
        particles=dict.fromkeys(particles, 10),
        observables=names if observables else {},
        observables_every=10,
        n_steps=10 * frames,
        provenance=provenance or {},
    ) as file:
        for k in range(frames):
            positions = start + np.array([0.0, 0.0, k])
            turns = np.floor(positions @ np.linalg.inv(CELL))
            arrays = {"position": positions - turns @ CELL, "image": turns.astype(np.int32), "velocity": 0.0 * start}
            values = {
                "temperature": 300.0 + k,
                "potential_energy": -90.0 - 0.032 * k,
                "conserved_energy": -80.0,
                "pressure_tensor": np.eye(3),
            }
            file.append(
                10 * k,
                5.0 * k,
                {name: arrays[name] for name in particles},
                CELL if particles else None,
                values if observables else {},
            )
        meanwhile()
    return path


VOID = {"meta", "input", "img", "br", "link"}


class Parsed(HTMLParser):
    """A page: its texts, what it shows, and the data of plots and views; tags must close in order."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.words, self.sources, self.pictures, self.scripts, self.addresses = [], [], 0, 0, []
        self.data: dict[str, dict] = {}
        self._open: list[str] = []
        self._name: str | None = None
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag not in VOID:
            self._open.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "action")]
        if "data-source" in given:
            self.sources.append(given["data-source"])
        self.pictures += tag == "img"
        self._name = given.get("id") if given.get("type") == "application/json" else None
        self.scripts += tag == "script" and "nonce" in given

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, text):
        if self._open and self._open[-1] == "script":
            if self._name is not None:
                self.data[self._name] = json.loads(text)
        else:
            self.words.append(text)


def parsed(text: str) -> Parsed:
    """A page that is whole: every figure has its data, and nothing is loaded from elsewhere."""
    shown = Parsed(text)
    assert set(shown.sources) == set(shown.data) and shown.scripts == 2
    assert all(address.startswith("data:image/png;base64,") for address in shown.addresses)
    return shown


def section_of(path: Path, kind: str, charts: int) -> ReportSection:
    """The section of an output, after a check of the page that it makes."""
    section = kinds.section(path)
    assert section.kind == kind
    assert len(section.charts) == charts, [chart.caption for chart in section.charts]
    shown = parsed(page.write([section]))
    assert len(shown.sources) + shown.pictures == charts + len(section.views)
    for chart in section.charts:
        if chart.plot is not None:
            assert chart.plot["data"], chart.caption
    return section
