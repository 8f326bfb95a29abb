"""Frames for the Li-Si models of docs/models.md: crystals, defects, glasses, melts, interfaces, surfaces, random cells.

    python jobs/lisi_sample.py sampled
    python jobs/lisi_sample.py more --edition 2 --series 2
    python jobs/lisi_sample.py unseen --edition 2 --series test --every 3

writes a file for each group into the folder; groups that are there stay. What they are for: docs/models.md. Atoms move
by hpcpot's Langevin dynamics, in the first edition with the starter model `lisi`, in the second, which has more groups,
with `lisi_mtp`; frames of one run are at least 150 fs apart. Each group of a series has random numbers of its own, so
that equal groups of a series have equal frames, and two series share no run.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from time import process_time
from zlib import crc32

from hpcpot.parallel.launch import ENVIRONMENT

os.environ.update(ENVIRONMENT)  # one thread, before NumPy reads it: more only wait for each other in cells so small

import ase.io
import ase.spacegroup
import numpy as np
from ase import Atoms
from ase.build import bcc110, make_supercell
from ase.neighborlist import neighbor_list
from ase.optimize import FIRE

from hpcpot import Calculator
from hpcpot.dynamics.anneal import anneal
from hpcpot.errors import SimulationError
from hpcpot.parallel.ranks import start
from hpcpot.potential import files as potential_files
from hpcpot.potential.blocks import BlockPotential
from hpcpot.storage.tables import written_aside
from hpcpot.structure import amorphous, crystals, interface
from hpcpot.structure.random.cells import RandomCells, generate

SHORTEST = {"SiSi": 1.9, "LiSi": 1.6, "LiLi": 1.6}
"""Å; frames with closer atoms are dropped, in groups of DENSE those closer than 0.8 times of it."""
DENSE = {"dense"}
MODELS = {1: "lisi", 2: "lisi_mtp"}
"""By edition."""
LITHIUM_VOLUME, SILICON_VOLUME, DENSE_LITHIUM_VOLUME = 21.0, 20.4, 13.8
"""Å³ per atom: of Li as a metal, of Si, of Li in glasses (from Li13Si4 and Li15Si4)."""
AXES_110 = [[-1, 1, 0], [1, 1, -1], [0, 0, 1]]
AXES_111 = [[-1, 1, 0], [-1, -1, 2], [1, 1, 1]]
"""Orthogonal cells of diamond in its primitive vectors, the surface normal along z."""
Sample = tuple[float, Atoms]
"""Temperature of the thermostat, K, and a frame."""


class Sampler:
    """Dynamics, the random numbers of a group, and the folder with the groups that are done."""

    def __init__(self, folder: Path, model: str, series: str):
        self.potential, self.ranks = BlockPotential(potential_files.load(model)), start()
        self.calculator = Calculator(model)
        self._folder, self._series = folder, series

    def begin(self, group: str) -> None:
        """Random numbers anew, by the names of group and series."""
        seed = crc32(f"{group} {self._series}".strip().encode())
        self.rng, self.seeds = np.random.default_rng(seed), count(seed)

    def path(self, group: str) -> Path:
        return self._folder / f"{group}.extxyz"

    def glass(self, ratio: str) -> Atoms:
        """A quenched glass by its Li/Si, as its group ends."""
        return ase.io.read(self.path(f"amorphous_x{ratio}"), -1)

    def move(self, atoms: Atoms, *stages: tuple[float, int, float, float]) -> Atoms:
        """Langevin stages (temperature K, steps, time step fs, 1/friction fs)."""
        names = ("temperature_K", "steps", "timestep_fs", "friction_time_fs")
        plans = [dict(zip(names, stage, strict=True)) for stage in stages]
        return anneal(atoms, self.potential, self.ranks, plans, next(self.seeds))

    def heat(self, atoms: Atoms, temperature: float, steps: int = 100) -> Atoms:
        """From rest in a potential minimum to a temperature: twice of it first, as half goes into the potential."""
        return self.move(atoms, (2 * temperature, 25, 2.0, 50.0), (temperature, steps, 2.0, 50.0))

    def relaxed(self, atoms: Atoms, steps: int) -> Atoms:
        """After at most so many steps of FIRE towards rest, in its cell; fewer where atoms come too close."""
        moved = atoms.copy()
        moved.calc = self.calculator
        for _ in FIRE(moved, logfile=None).irun(fmax=0.02, steps=steps):
            if not is_sound(moved):
                break
        return moved

    def strained(self, atoms: Atoms, volume: float, shear: float) -> Atoms:
        """Under a random change of the volume up to a fraction, and random strains up to `shear` in all components."""
        strain = self.rng.uniform(-shear, shear, (3, 3))
        deformation = np.eye(3) + 0.5 * (strain + strain.T)
        deformation *= (self.rng.uniform(1 - volume, 1 + volume) / np.linalg.det(deformation)) ** (1 / 3)
        return deformed(atoms, deformation)

    def spread(self, low: float, high: float, n: int) -> np.ndarray:
        """Random temperatures, one in each nth of a range."""
        return low + (high - low) * (np.arange(n) + self.rng.random(n)) / n


def deformed(atoms: Atoms, deformation: np.ndarray) -> Atoms:
    """A cell with its atoms deformed."""
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
    return moved


def with_vacuum(atoms: Atoms, axis: int, width: float) -> Atoms:
    """A cell with a gap of `width` Å behind its end along an axis."""
    opened = atoms.copy()
    cell = opened.cell.array.copy()
    cell[axis] *= 1 + width / np.linalg.norm(cell[axis])
    opened.set_cell(cell)
    return opened


def crystal(name: str, repeat: tuple[int, int, int] = (1, 1, 1)) -> Atoms:
    """A crystal of hpcpot, or one of the two below."""
    if name in crystals.CRYSTALS:
        return crystals.build(name, repeat)
    group, cell, sites = MORE_CRYSTALS[name]
    return ase.spacegroup.crystal(
        [site[0] for site in sites],
        [site[1:] for site in sites],
        spacegroup=group,
        cellpar=cell,
        primitive_cell=name == "Li21Si5",
    ).repeat(repeat)


MORE_CRYSTALS = {
    "Li2Si": (
        166,
        (4.3435, 4.3435, 18.4307, 90, 90, 120),
        (("Li", 2 / 3, 1 / 3, 0.9776), ("Li", 1 / 3, 2 / 3, 0.87154), ("Si", 0, 0, 0.93776)),
    ),
    "Li21Si5": (
        216,
        (18.6328, 18.6328, 18.6328, 90, 90, 90),
        (
            ("Li", 0.41083, 0.25701, 0.41083),
            ("Li", 0.56559, 0.56559, 0.93441),
            ("Li", 0.44805, 0.44805, 0.55195),
            ("Si", 0.33509, 0.66491, 0.83509),
            ("Si", 0.5, 0.68053, 0),
            ("Li", 0.84082, 0.48702, 0.15918),
            ("Li", 0.42139, 0.57861, 0.92139),
            ("Li", 0.75, 0.57844, 0.25),
            ("Li", 0.72814, 0.40437, 0.09563),
            ("Li", 0.65936, 0.51243, 0.15936),
            ("Li", 0.83186, 0.33186, 0.16814),
            ("Li", 0.69287, 0.69287, 0.30713),
            ("Si", 0.75, 0.42864, 0.25),
            ("Li", 0.69341, 0.30659, 0.19341),
            ("Si", 0.59021, 0.59021, 0.40979),
            ("Li", 0.5, 0.67529, 0.5),
        ),
    ),
}
"""Space group, cell, sites. Li2Si: R-3m, Materials Project mp-27705 (CC BY 4.0). Li21Si5: F-43m, an ordering of the
partly occupied structure relaxed with 7net-0, not the experimental coordinates."""


def oriented(name: str) -> Atoms:
    """Si with a surface normal along z, 48 or 64 atoms in an orthogonal cell."""
    if name == "100":
        return crystals.build("Si", (2, 2, 2))
    axes, repeat = {"110": (AXES_110, (2, 2, 3)), "111": (AXES_111, (2, 1, 2))}[name]
    turned = make_supercell(crystals.build("Si", primitive=True), axes)
    cell = turned.cell.lengths()
    turned = Atoms("Si" * len(turned), scaled_positions=turned.get_scaled_positions(), cell=cell, pbc=True)
    turned.positions[:, 2] += 1.0  # cut (111) between its double layers
    turned.wrap()
    return turned.repeat(repeat)


def cold_crystal(name: str, repeat: tuple[int, int, int], n: int, high: float = 1000.0) -> Callable:
    """Below melting, each frame under a strain of its own."""

    def sample(sampler: Sampler) -> Iterator[Sample]:
        for temperature in sampler.spread(50, high, n):
            atoms = sampler.strained(crystal(name, repeat), 0.06, 0.04)
            yield temperature, sampler.heat(atoms, temperature)

    return sample


def vacancies(missing: int, n: int) -> Callable:
    """One Si out of 64, or two neighbours."""

    def sample(sampler: Sampler) -> Iterator[Sample]:
        for temperature in sampler.spread(250, 1500, n):
            atoms = crystals.build("Si", (2, 2, 2))
            near = np.argsort(atoms.get_distances(0, range(len(atoms)), mic=True))
            del atoms[[0, near[sampler.rng.integers(1, 6)]][:missing]]
            yield temperature, sampler.heat(sampler.strained(atoms, 0.03, 0.02), temperature, 200)

    return sample


def removed_unrelaxed(sampler: Sampler) -> Iterator[Sample]:
    """A crystal, and the same with one Si taken out and nothing else moved: the two of a removal energy."""
    for temperature in (0, 0, 300, 600, 900, 1200):
        whole = crystals.build("Si", (2, 2, 2), lattice_constant=sampler.rng.uniform(5.40, 5.50))
        whole = sampler.heat(whole, temperature) if temperature else whole
        yield temperature, whole
        del whole[sampler.rng.integers(len(whole))]
        yield temperature, whole


def interstitials(symbol: str, n: int) -> Callable:
    """One atom more: tetrahedral, hexagonal, and of Si a <110> dumbbell."""

    def sample(sampler: Sampler) -> Iterator[Sample]:
        for k, temperature in enumerate(sampler.spread(250, 1500, n)):
            atoms = crystals.build("Si", (2, 2, 2))
            a = crystals.CRYSTALS["Si"].lattice[0]
            kind = k % (3 if symbol == "Si" else 2)
            places = {0: (0.5, 0.5, 0.5), 1: (0.625, 0.375, 0.375), 2: (0.15, 0.15, 0.0)}
            if kind == 2:
                atoms.positions[0] -= np.array(places[2]) * a
            atoms += Atoms(symbol, [np.array(places[kind]) * a])
            yield temperature, sampler.heat(sampler.strained(atoms, 0.03, 0.02), temperature, 200)

    return sample


def lithium_vacancies(sampler: Sampler) -> Iterator[Sample]:
    """In bcc, and one Li out of an alloy."""
    for name, repeat in (("Li", (3, 3, 3)), ("Li", (3, 3, 3)), ("LiSi", (1, 1, 2)), ("Li15Si4", (1, 1, 1))):
        for temperature in (300, 450) if name == "Li" else (300, 600):
            atoms = crystal(name, repeat)
            del atoms[sampler.rng.choice(np.flatnonzero(atoms.symbols == "Li"))]
            yield temperature, sampler.heat(sampler.strained(atoms, 0.03, 0.02), temperature)


def glass(silicon: int, lithium: int, samples: int) -> Callable:
    """Random atoms molten at 2500 K, quenched in 4 ps, then warmed again under changes of the volume."""

    def sample(sampler: Sampler) -> Iterator[Sample]:
        atoms = random_alloy(silicon, lithium, next(sampler.seeds))
        atoms = sampler.move(atoms, (2500, 300, 0.5, 10.0), (2500, 1500, 1.0, 100.0))
        for temperature in (2500, 2200, 1900, 1600, 1300, 1000, 700, 300):
            atoms = sampler.move(atoms, (temperature, 250, 2.0, 100.0))
            if temperature in (2500, 1600):
                yield temperature, atoms
        quenched = atoms
        for temperature in sampler.spread(300, 1500, samples):
            volume = sampler.rng.uniform(0.92, 1.08)
            atoms = deformed(quenched, np.eye(3) * volume ** (1 / 3))
            yield temperature, sampler.move(atoms, (temperature, 150, 2.0, 50.0))
        yield 300, quenched  # the last one, see Sampler.glass

    return sample


def random_alloy(silicon: int, lithium: int, seed: int) -> Atoms:
    """Both elements at random places of a cube."""
    side = (silicon * SILICON_VOLUME + lithium * DENSE_LITHIUM_VOLUME) ** (1 / 3)
    atoms = amorphous.build("Si", silicon + lithium, (side,) * 3, 1.9, seed)
    atoms.symbols[np.random.default_rng(seed).permutation(len(atoms))[:lithium]] = "Li"
    return atoms


def removed_from_glass(sampler: Sampler) -> Iterator[Sample]:
    """One Si taken out of a warm glass, and nothing else moved."""
    for ratio in GLASSES:
        atoms = sampler.move(sampler.glass(ratio), (500, 100, 2.0, 50.0))
        del atoms[sampler.rng.choice(np.flatnonzero(atoms.symbols == "Si"))]
        yield 500, atoms


def silicon_lithium(name: str, lithium: int, vacuum: float, temperatures: tuple[int, ...]) -> Callable:
    """Si with Li on it; without vacuum Li has Si on both sides."""

    def sample(sampler: Sampler) -> Iterator[Sample]:
        slab = oriented(name)
        lengths = slab.cell.lengths()
        lengths[2] = lithium * LITHIUM_VOLUME / (lengths[0] * lengths[1])
        metal = amorphous.build("Li", lithium, tuple(lengths), 2.2, next(sampler.seeds))
        atoms = interface.join(slab, metal, 2.4, 2.4 + vacuum)
        atoms = sampler.move(atoms, (600, 300, 0.5, 10.0), (600, 300, 2.0, 50.0))
        for temperature in temperatures:
            atoms = sampler.move(atoms, (temperature, 100, 1.5, 50.0))
            yield temperature, atoms

    return sample


def surfaces(bodies: Callable[[Sampler], list[Atoms]], temperatures: tuple[int, ...]) -> Callable:
    """Bodies that are open along one axis."""

    def sample(sampler: Sampler) -> Iterator[Sample]:
        for body in bodies(sampler):
            body = sampler.move(body, (300, 150, 1.0, 20.0))
            for temperature in temperatures:
                body = sampler.move(body, (temperature, 100, 2.0, 50.0))
                yield temperature, body

    return sample


def silicon_slabs(sampler: Sampler) -> list[Atoms]:
    return [with_vacuum(oriented(name), 2, 8.0) for name in ("100", "110", "111")]


def lithium_slabs(sampler: Sampler) -> list[Atoms]:
    return [with_vacuum(crystals.build("Li", (3, 3, 3)), 2, 8.0), with_pbc(bcc110("Li", (3, 4, 4), 3.44, 4.0, True))]


def with_pbc(atoms: Atoms) -> Atoms:
    atoms.pbc = True
    return atoms


def alloy_slabs(sampler: Sampler) -> list[Atoms]:
    bodies = (("LiSi", (1, 1, 2)), ("Li7Si3", (1, 1, 1)), ("Li13Si4", (1, 1, 2)), ("Li15Si4", (1, 1, 1)))
    return [with_vacuum(crystal(*body), axis % 3, 8.0) for axis, body in enumerate(bodies)]


def glass_slabs(sampler: Sampler) -> list[Atoms]:
    return [with_vacuum(sampler.glass(x), axis, 8.0) for axis, x in enumerate(("1", "3.25", "3.75"))]


def compressed_and_stretched(name: str, repeat: tuple[int, int, int]) -> Callable:
    """A crystal at rest, from 12 % less to 12 % more volume: its equation of state."""

    def sample(sampler: Sampler) -> Iterator[Sample]:
        for volume in (0.88, 0.94, 0.97, 1.0, 1.03, 1.06, 1.12):
            scale = (volume * sampler.rng.uniform(0.99, 1.01)) ** (1 / 3)
            yield 0, sampler.relaxed(deformed(crystal(name, repeat), np.eye(3) * scale), 30)

    return sample


def relaxed_defects(sampler: Sampler) -> Iterator[Sample]:
    """Vacancies and interstitials of Si on their way to rest, and atoms taken out of alloys."""
    for steps in (0, 5, 20, 200):
        atoms = crystals.build("Si", (2, 2, 2), lattice_constant=sampler.rng.uniform(5.42, 5.48))
        hole = atoms.copy()
        del hole[0]
        yield 0, sampler.relaxed(hole, steps)
        filled = atoms + Atoms("Si", [atoms.cell.lengths() * 0.25 * (1.0, 1.0, 1.0)])
        yield 0, sampler.relaxed(filled, steps)
    for name, repeat in (("LiSi", (1, 1, 2)), ("Li7Si3", (1, 1, 1)), ("Li13Si4", (1, 1, 2)), ("Li15Si4", (1, 1, 1))):
        for symbol in ("Li", "Si"):
            atoms = crystal(name, repeat)
            del atoms[sampler.rng.choice(np.flatnonzero(atoms.symbols == symbol))]
            yield 0, atoms
            yield 0, sampler.relaxed(atoms, 100)


def melts(sampler: Sampler) -> Iterator[Sample]:
    """Li_xSi at 1200 to 3500 K, under strains."""
    for silicon, lithium in MELTS:
        atoms = random_alloy(silicon, lithium, next(sampler.seeds))
        atoms = sampler.move(atoms, (2500, 300, 0.5, 10.0), (2500, 500, 1.0, 100.0))
        for temperature in sampler.spread(1200, 3500, 5):
            atoms = sampler.strained(atoms, 0.05, 0.02)
            atoms = sampler.move(atoms, (temperature, 300, 1.0, 50.0))
            yield temperature, atoms


def dense_melts(sampler: Sampler) -> Iterator[Sample]:
    """Li_xSi at 1500 to 4000 K in 60 to 90 % of the volume, for short distances."""
    for silicon, lithium in MELTS:
        atoms = random_alloy(silicon, lithium, next(sampler.seeds))
        atoms = sampler.move(atoms, (2500, 300, 0.5, 10.0), (2500, 300, 1.0, 100.0))
        for volume in (0.85, 0.75, 0.65):
            squeezed = deformed(atoms, np.eye(3) * (volume * sampler.rng.uniform(0.95, 1.05)) ** (1 / 3))
            temperature = float(sampler.rng.uniform(1500, 4000))
            try:
                yield temperature, sampler.move(squeezed, (temperature, 150, 0.25, 10.0))
            except SimulationError as error:  # the model attracts where it was not trained: that run has no frame
                print(f"dense, {squeezed.symbols}, {volume} of the volume, {temperature:.0f} K: {error}", flush=True)


def pulled(sampler: Sampler) -> Iterator[Sample]:
    """Bodies drawn out along x at 300 K, up to half as long again: bonds that break slowly."""
    bodies = [crystals.build("Si", (2, 2, 2)), crystal("LiSi", (1, 1, 2)), crystal("Li13Si4", (1, 1, 2))]
    for body in bodies + [sampler.glass(x) for x in ("0", "1", "3.25")]:
        for _ in range(5):
            body = sampler.move(deformed(body, np.diag((1.09, 0.99, 0.99))), (300, 200, 1.5, 50.0))
            yield 300, body


def clusters(sampler: Sampler) -> Iterator[Sample]:
    """Eight to thirty atoms in a void, cut out of glasses and melted."""
    for ratio in ("0", "0.5", "1", "2", "3.25", "3.75"):
        for size in sampler.rng.integers(8, 30, 2):
            whole = sampler.glass(ratio)
            near = np.argsort(whole.get_distances(0, range(len(whole)), mic=True))[:size]
            places = whole.get_distances(0, near, mic=True, vector=True)
            cluster = Atoms(whole.symbols[near], places, cell=np.ptp(places, axis=0) + 9.0, pbc=True)
            yield 700, sampler.move(cluster, (700, 200, 1.5, 50.0))


def random_cells(sampler: Sampler) -> Iterator[Sample]:
    """Random cells of 4 to 22 atoms at the start, on the way and near the end of their relaxation."""
    seed = next(sampler.seeds)
    for k, (silicon, lithium) in enumerate(((1, 0), (3, 1), (1, 1), (1, 2), (2, 7), (4, 13), (4, 15), (0, 1))):
        size = silicon + lithium
        formula = {element: count for element, count in (("Li", lithium), ("Si", silicon)) if count}
        cells = RandomCells(
            formula=formula,
            units=tuple(range(max(1, 4 // size), max(1, 20 // size) + 1)),
            unit_volume=16.0 * size,
            distance=(2.1, 2.3),
        )
        for index in range(9):
            atoms = generate(cells, seed + k, index)
            yield 0, sampler.relaxed(atoms, (2, 12, 60)[index % 3])


WARM = (300, 500, 700, 1000)
MELTS = ((64, 0), (56, 8), (48, 16), (38, 26), (32, 32), (22, 44), (16, 48), (14, 54), (6, 54), (0, 54))
"""Atoms of Si and Li."""
GLASSES = {
    "0": (64, 0),
    "0.3": (49, 15),
    "0.5": (44, 22),
    "1": (32, 32),
    "2": (22, 44),
    "3.25": (16, 52),
    "3.75": (16, 60),
}
"""Atoms of Si and Li by their ratio."""
CELLS = {
    "Si": (2, 2, 2),
    "Li": (3, 3, 3),
    "Li-fcc": (2, 2, 3),
    "LiSi3": (2, 2, 2),
    "LiSi": (1, 1, 2),
    "Li12Si7": (1, 1, 1),
    "Li2Si": (2, 2, 1),
    "Li7Si3": (1, 1, 1),
    "Li13Si4": (1, 1, 2),
    "Li15Si4": (1, 1, 1),
    "Li21Si5": (1, 1, 1),
}
"""Crystals and cells to repeat."""
GROUPS: dict[str, Callable[[Sampler], Iterator[Sample]]] = {
    "si_cold": cold_crystal("Si", (2, 2, 2), 30),
    "li_cold": cold_crystal("Li", (3, 3, 3), 18, 500),
    "li_fcc_cold": cold_crystal("Li-fcc", (2, 2, 3), 8, 500),
    "lisi3_cold": cold_crystal("LiSi3", (2, 2, 2), 8),
    "lisi_cold": cold_crystal("LiSi", (1, 1, 2), 16),
    "li2si_cold": cold_crystal("Li2Si", (2, 2, 1), 10),
    "li7si3_cold": cold_crystal("Li7Si3", (1, 1, 1), 12),
    "li13si4_cold": cold_crystal("Li13Si4", (1, 1, 2), 16),
    "li15si4_cold": cold_crystal("Li15Si4", (1, 1, 1), 16),
    "li21si5_cold": cold_crystal("Li21Si5", (1, 1, 1), 8),
    "si_vacancy": vacancies(1, 14),
    "si_divacancy": vacancies(2, 8),
    "si_removal": removed_unrelaxed,
    "si_interstitial": interstitials("Si", 15),
    "li_in_si": interstitials("Li", 6),
    "li_vacancy": lithium_vacancies,
    **{f"amorphous_x{x}": glass(*counts, 10) for x, counts in GLASSES.items()},
    "amorphous_removal": removed_from_glass,
    **{f"interface_{name}": silicon_lithium(name, 48, 0.0, WARM + WARM) for name in ("100", "110", "111")},
    **{f"interface_{name}_vacuum": silicon_lithium(name, 40, 8.0, WARM) for name in ("100", "110", "111")},
    "surface_si": surfaces(silicon_slabs, WARM),
    "surface_li": surfaces(lithium_slabs, (200, 350, 500)),
    "surface_lisi": surfaces(alloy_slabs, (300, 600, 900)),
    "surface_amorphous": surfaces(glass_slabs, (300, 600, 900)),
}
MORE_GROUPS: dict[str, Callable[[Sampler], Iterator[Sample]]] = {
    "li12si7_cold": cold_crystal("Li12Si7", (1, 1, 1), 6),
    **{f"volumes_{name.lower()}": compressed_and_stretched(name, repeat) for name, repeat in CELLS.items()},
    "relaxed_defects": relaxed_defects,
    "melts": melts,
    "dense": dense_melts,
    "pulled": pulled,
    "clusters": clusters,
    "random_cells": random_cells,
}
"""What the second edition has besides."""


def is_sound(atoms: Atoms) -> bool:
    """No atoms closer than SHORTEST, in groups of DENSE than 0.8 times of it."""
    shorter = 0.8 if atoms.info.get("group") in DENSE else 1.0
    first, second, distances = neighbor_list("ijd", atoms, max(SHORTEST.values()))
    symbols = np.array(atoms.get_chemical_symbols())
    pairs = ["".join(sorted((symbols[i], symbols[j]))) for i, j in zip(first, second, strict=True)]
    return all(d >= shorter * SHORTEST[pair] for pair, d in zip(pairs, distances, strict=True))


def main(folder: Path, edition: int, series: str, every: int, wanted: list[str]) -> None:
    groups = GROUPS if edition == 1 else GROUPS | MORE_GROUPS
    if unknown := sorted(set(wanted) - set(groups)):
        raise SystemExit(f"--groups = {', '.join(unknown)}: must be of {', '.join(groups)}")
    folder.mkdir(exist_ok=True)
    sampler = Sampler(folder, MODELS[edition], series)
    for group, sample in groups.items():
        if sampler.path(group).exists() or (wanted and group not in wanted):
            continue
        began, frames, dropped = process_time(), [], 0
        sampler.begin(group)
        for temperature, atoms in sample(sampler):
            kept = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
            kept.info = {"group": group, "temperature_K": float(temperature)}
            if is_sound(kept):
                frames.append(kept)
            else:
                dropped += 1
        last = frames[-1:] if group.startswith("amorphous_x") else []  # the glass, see Sampler.glass
        frames = [frame for frame in frames[::every] if frame not in last] + last
        with written_aside(sampler.path(group)) as file:
            ase.io.write(file, frames, format="extxyz")
        print(f"{group}: {len(frames)} frames, {dropped} dropped, {process_time() - began:.1f} CPU-s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="one file for each group")
    parser.add_argument("--edition", type=int, choices=sorted(MODELS), default=1)
    parser.add_argument("--series", default="", help="name of a set of runs of their own")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="keep one of N frames")
    parser.add_argument("--groups", default="", help="only these, commas between")
    given = parser.parse_args()
    main(given.folder, given.edition, given.series, given.every, given.groups.split(",") if given.groups else [])
