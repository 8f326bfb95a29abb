"""The works that a run may have to cite, as text and as BibTeX. Rows of families and integrators name them by their keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import hpcpot

ARXIV = "arXiv:"
SHOWN_AUTHORS = 3
"""Of a work by more, text names the first."""


@dataclass(frozen=True)
class Work:
    """A published work, or a program.

    Attributes:
        what: what a run took from it. authors: "First Last", in order; "others" for those left out.
        where: journal, volume and page as they are printed; of a preprint, arXiv:NUMBER; of a book, its publisher.
        doi: "" where there is none. kind: of BibTeX.
    """

    what: str
    authors: tuple[str, ...]
    title: str
    where: tuple[str, ...]
    year: int
    doi: str = ""
    kind: str = "article"


def _article(what: str, authors: str, title: str, journal: str, volume: str, page: str, year: int, doi: str) -> Work:
    return Work(what, tuple(authors.split(", ")), title, (journal, volume, page), year, doi)


def _preprint(what: str, authors: str, title: str, number: str, year: int) -> Work:
    return Work(what, tuple(authors.split(", ")), title, (f"{ARXIV}{number}",), year, kind="misc")


PROGRAM = "hpcpot"
WORKS = {
    "hpcpot": Work(
        "program", ("The hpcpot developers",), "hpcpot", (f"version {hpcpot.__version__}",), 2026, kind="misc"
    ),
    "zhang2018": Work(
        "Deep Potential",
        ("Linfeng Zhang", "Jiequn Han", "Han Wang", "Wissam A. Saidi", "Roberto Car", "Weinan E"),
        "End-to-end symmetry preserving inter-atomic potential energy model for finite and extended systems",
        ("Advances in Neural Information Processing Systems", "31"),
        2018,
        kind="inproceedings",
    ),
    "artrith2017": _article(
        "Chebyshev network",
        "Nongnuch Artrith, Alexander Urban, Gerbrand Ceder",
        "Efficient and accurate machine-learning interpolation of atomic energies in compositions with many species",
        "Physical Review B",
        "96",
        "014112",
        2017,
        "10.1103/PhysRevB.96.014112",
    ),
    "shapeev2016": _article(
        "moment tensor potential",
        "Alexander V. Shapeev",
        "Moment tensor potentials: a class of systematically improvable interatomic potentials",
        "Multiscale Modeling & Simulation",
        "14",
        "1153",
        2016,
        "10.1137/15M1054183",
    ),
    "podryabinkin2017": _article(
        "extrapolation grade",
        "Evgeny V. Podryabinkin, Alexander V. Shapeev",
        "Active learning of linearly parametrized interatomic potentials",
        "Computational Materials Science",
        "140",
        "171",
        2017,
        "10.1016/j.commatsci.2017.08.031",
    ),
    "chen2019": _article(
        "graph network",
        "Chi Chen, Weike Ye, Yunxing Zuo, Chen Zheng, Shyue Ping Ong",
        "Graph networks as a universal machine learning framework for molecules and crystals",
        "Chemistry of Materials",
        "31",
        "3564",
        2019,
        "10.1021/acs.chemmater.9b01294",
    ),
    "cheon2020": _preprint(
        "graph network of forces and stress",
        "Gowoon Cheon, Lusann Yang, Kevin McCloskey, Evan J. Reed, Ekin D. Cubuk",
        "Dataset of random relaxations for crystal structure search of Li-Si system",
        "2012.02920",
        2020,
    ),
    "martyna1996": _article(
        "Nose-Hoover chains",
        "Glenn J. Martyna, Mark E. Tuckerman, Douglas J. Tobias, Michael L. Klein",
        "Explicit reversible integrators for extended systems dynamics",
        "Molecular Physics",
        "87",
        "1117",
        1996,
        "10.1080/00268979600100761",
    ),
    "martyna1994": _article(
        "Nose-Hoover barostat",
        "Glenn J. Martyna, Douglas J. Tobias, Michael L. Klein",
        "Constant pressure molecular dynamics algorithms",
        "Journal of Chemical Physics",
        "101",
        "4177",
        1994,
        "10.1063/1.467468",
    ),
    "tuckerman2006": _article(
        "integrator of the barostat",
        "Mark E. Tuckerman, José Alejandre, Roberto López-Rendón, Andrea L. Jochim, Glenn J. Martyna",
        "A Liouville-operator derived measure-preserving integrator for molecular dynamics simulations in the "
        "isothermal-isobaric ensemble",
        "Journal of Physics A",
        "39",
        "5629",
        2006,
        "10.1088/0305-4470/39/19/S18",
    ),
    "leimkuhler2013": _article(
        "Langevin thermostat",
        "Benedict Leimkuhler, Charles Matthews",
        "Rational construction of stochastic numerical methods for molecular sampling",
        "Applied Mathematics Research eXpress",
        "2013",
        "34",
        2013,
        "10.1093/amrx/abs010",
    ),
    "bitzek2006": _article(
        "minimiser FIRE",
        "Erik Bitzek, Pekka Koskinen, Franz Gähler, Michael Moseler, Peter Gumbsch",
        "Structural relaxation made simple",
        "Physical Review Letters",
        "97",
        "170201",
        2006,
        "10.1103/PhysRevLett.97.170201",
    ),
    "debuyl2014": _article(
        "trajectory format H5MD",
        "Pierre de Buyl, Peter H. Colberg, Felix Höfling",
        "H5MD: A structured, efficient, and portable file format for molecular data",
        "Computer Physics Communications",
        "185",
        "1546",
        2014,
        "10.1016/j.cpc.2014.01.018",
    ),
    "zhang2019": _article(
        "concurrent learning",
        "Linfeng Zhang, De-Ye Lin, Han Wang, Roberto Car, Weinan E",
        "Active learning of uniformly accurate interatomic potentials for materials simulation",
        "Physical Review Materials",
        "3",
        "023804",
        2019,
        "10.1103/PhysRevMaterials.3.023804",
    ),
    "frenkel2002": Work(
        "grand canonical Monte Carlo",
        ("Daan Frenkel", "Berend Smit"),
        "Understanding molecular simulation, 2nd edition",
        ("Academic Press",),
        2002,
        kind="book",
    ),
    "bartok2013": _article(
        "SOAP vectors",
        "Albert P. Bartók, Risi Kondor, Gábor Csányi",
        "On representing chemical environments",
        "Physical Review B",
        "87",
        "184115",
        2013,
        "10.1103/PhysRevB.87.184115",
    ),
    "larsen2017": _article(
        "calculator by ASE",
        "Ask Hjorth Larsen, others",
        "The atomic simulation environment: a Python library for working with atoms",
        "Journal of Physics: Condensed Matter",
        "29",
        "273002",
        2017,
        "10.1088/1361-648X/aa680e",
    ),
    "cui2012": _article(
        "MEAM of Li-Si",
        "Zhiwei Cui, Feng Gao, Zhihua Cui, Jianmin Qu",
        "A second nearest-neighbor embedded atom method interatomic potential for Li-Si alloys",
        "Journal of Power Sources",
        "207",
        "150",
        2012,
        "10.1016/j.jpowsour.2012.01.145",
    ),
    "thompson2022": _article(
        "LAMMPS",
        "Aidan P. Thompson, others",
        "LAMMPS: a flexible simulation tool for particle-based materials modeling at the atomic, meso, and continuum scales",
        "Computer Physics Communications",
        "271",
        "108171",
        2022,
        "10.1016/j.cpc.2021.108171",
    ),
    "koker2025": _preprint(
        "labels by Nequix",
        "Teddy Koker, Mit Kotak, Tess Smidt",
        "Training a foundation model for materials on a budget",
        "2508.16067",
        2025,
    ),
    "barroso2024": _preprint(
        "data set OMat24",
        "Luis Barroso-Luque, others",
        "Open materials 2024 (OMat24) inorganic materials dataset and models",
        "2410.12771",
        2024,
    ),
    "liu2023": _article(
        "data set of Si defects",
        "Yunsheng Liu, Xingfeng He, Yifei Mo",
        "Discrepancies and error evaluation metrics for machine learning interatomic potentials",
        "npj Computational Materials",
        "9",
        "174",
        2023,
        "10.1038/s41524-023-01123-3",
    ),
}
"""Works by the keys of their BibTeX."""

OF_LABELS = {"nequix": "koker2025", "OMat24": "barroso2024", "Silicon_MLIP_datasets": "liu2023"}
"""What the provenance of a model says of its labels -> the work to cite for them."""


def of_labels(labels: str) -> tuple[str, ...]:
    """Keys of the works that a text about labels names."""
    return tuple(key for words, key in OF_LABELS.items() if words in labels)


def text(keys: Iterable[str], models: Mapping[str, str]) -> str:
    """Lines that name the works of some keys.

    Args:
        models: name of a model -> where its labels come from, or "".
    """
    lines = [f"{work.what}: {_line(work)}" for work in map(WORKS.__getitem__, _ordered(keys))]
    lines += [f"model {name}: its labels are of {labels}" for name, labels in models.items() if labels]
    return "\n".join(["to cite (--json has it as BibTeX):", *(f"  {line}" for line in lines)])


def _line(work: Work) -> str:
    """Authors, title, journal volume, page (year), DOI."""
    authors = work.authors
    if "others" in authors or len(authors) > SHOWN_AUTHORS:
        authors = (f"{authors[0]} and others",)
    named = " and ".join([part for part in (", ".join(authors[:-1]), authors[-1]) if part])
    place, *rest = work.where
    doi = f", doi:{work.doi}" if work.doi else ""
    return f"{named}, {', '.join([' '.join([place, *rest[:1]]), *rest[1:]])} ({work.year}){doi}"


def bibtex(keys: Iterable[str]) -> str:
    """Entries of BibTeX of some keys, and of hpcpot."""
    return "\n\n".join(_entry(key, WORKS[key]) for key in _ordered(keys))


def entries(keys: Iterable[str]) -> list[dict[str, str]]:
    """Key, purpose, text and BibTeX of each work; none of no keys."""
    ordered = _ordered(keys) if (keys := list(keys)) else []
    return [
        {"key": key, "what": WORKS[key].what, "text": _line(WORKS[key]), "bibtex": _entry(key, WORKS[key])}
        for key in ordered
    ]


def _ordered(keys: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([PROGRAM, *keys]))


def _entry(key: str, work: Work) -> str:
    place, *rest = work.where
    if place.startswith(ARXIV):
        fields = {"eprint": place.removeprefix(ARXIV), "archiveprefix": "arXiv"}
    else:
        name = {"inproceedings": "booktitle", "book": "publisher", "misc": "note"}.get(work.kind, "journal")
        fields = {name: place} | dict(zip(("volume", "pages"), rest, strict=False))
    authors = " and ".join("{The hpcpot developers}" if key == PROGRAM else name for name in work.authors)
    given = {"author": authors, "title": f"{{{work.title}}}", **fields, "year": str(work.year), "doi": work.doi}
    lines = [f"  {name} = {{{value}}},".replace("&", r"\&") for name, value in given.items() if value]
    return "\n".join([f"@{work.kind}{{{key},", *lines, "}"])
