"""`hpcpot neb`: reads the ends, relaxes the band, and writes images, table and figure."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from hpcpot import account, config
from hpcpot.commands.neb import figure
from hpcpot.commands.neb.settings import SCHEMA, NebSettings
from hpcpot.errors import HpcpotError, SimulationError, StructureError
from hpcpot.farm import given
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.notices import notice
from hpcpot.outputs import check_output
from hpcpot.parallel.stop import STOPPED, StopRequest
from hpcpot.potential.cells import AnyPotential
from hpcpot.potential.range import OUTSIDE_NOTE, Points
from hpcpot.relaxation import band, engine
from hpcpot.relaxation.band import Band, BandOptions
from hpcpot.relaxation.engine import CONVERGED, SATURATED, RelaxationOptions
from hpcpot.report.figures import require_matplotlib
from hpcpot.storage.tables import write_csv
from hpcpot.structure import checks, files
from hpcpot.structure.settings import options_of

IMAGES = 7
"""Between two structures, by default."""
TELL_SECONDS = 2.0
"""Between printed lines."""


def run_command(arguments: argparse.Namespace) -> int:
    """`hpcpot neb`; returns the exit code: 1 if the band did not converge."""
    stop = StopRequest()
    settings, _ = given.load(arguments.inputs, arguments.overrides, SCHEMA, tree_of)
    if arguments.dry_run:
        print(config.dump(settings), end="")
        return 0
    output = settings.output
    outputs = [
        output.path,
        output.path.with_suffix(".csv"),
        *([output.path.with_suffix(".png")] if output.figure else []),
    ]
    for path in outputs:
        check_output(path, arguments.overwrite)
    if output.figure:
        require_matplotlib("output.figure", ", or set output.figure: false")
    ref = PotentialRef.of(settings.potential, True, settings.device)
    potential = ref.load()
    images = images_of(settings, potential)
    print(f"{len(images)} images of {len(images[0])} atoms, {images[0].get_chemical_formula()}")
    done = band.relax(images, potential, options_of_band(settings), BandProgress(), stop)
    write(images, done, ref, settings)
    account.tell(
        status=done.status,
        steps=done.steps,
        barrier_eV=done.barrier,
        barrier_back_eV=done.barrier_back,
        energies_eV=done.energies,
        distances_A=done.distances,
    )
    print(text(done))
    print(f"written: {', '.join(map(str, outputs))}")
    if done.status == "stopped":
        print(f"stopped by a signal; `hpcpot neb {output.path} ...` goes on from the images")
        return STOPPED
    return int(done.status != "converged")


def tree_of(names: Sequence[str]) -> dict:
    """The config of structures that the command line names."""
    return {"structures": {"files": list(names)}, "output": {"path": f"{Path(names[0]).stem}_path.extxyz"}}


def options_of_band(settings: NebSettings) -> BandOptions:
    section = settings.neb
    return BandOptions(section.spring_eV_per_A2, section.force_eV_per_A, section.steps, section.climb)


def images_of(settings: NebSettings, potential: AnyPotential) -> list[Atoms]:
    """The first path: images of the file, or between the two structures, whose ends are relaxed if so set.

    Raises:
        StructureError: they cannot be read, or are no path. SimulationError: an end does not relax.
    """
    section, options = settings.neb, options_of(settings.structures, "structures")
    paths = settings.structures.files
    if len(paths) == 2:
        frames = [files.frame(path, options) for path in paths]
    else:
        frames = [_sound(frame.structure) for frame in files.frames(paths[0], "all", options)]
        if len(frames) < 3:
            raise StructureError(
                f"{paths[0]} = {len(frames)} images: must be three at least; give two files for the ends of a path."
            )
    frames = [checks.check(atoms, potential.elements) for atoms in frames]
    for atoms in frames[1:]:
        band.require_same(frames[0], atoms, "image" if len(paths) == 1 else "final structure")
    if section.relax_ends:
        frames[0], frames[-1] = relaxed_ends(frames[0], frames[-1], potential, section.force_eV_per_A)
    if len(paths) == 2:
        return band.interpolated(*frames, section.images or IMAGES, section.interpolation)
    return frames


def relaxed_ends(initial: Atoms, final: Atoms, potential: AnyPotential, force: float) -> tuple[Atoms, Atoms]:
    """Both ends at rest, at fixed cell.

    Raises:
        SimulationError: one does not relax.
    """
    ends = []
    results = dict(engine.relax([initial, final], potential, RelaxationOptions(cell="fixed", force=force), SATURATED))
    for k, (name, atoms) in enumerate((("initial", initial), ("final", final))):
        if isinstance(results[k], HpcpotError):
            raise results[k]
        if results[k].status != CONVERGED:
            raise SimulationError(
                f"{name} structure = {results[k].status} after {results[k].steps} steps: must relax; start from another."
            )
        ends.append(atoms.copy())
        ends[-1].positions = results[k].final.positions
        print(f"{name} structure relaxed in {results[k].steps} steps, {results[k].final.energy:.6f} eV")
    return ends[0], ends[1]


class BandProgress:
    """Prints step, barrier and largest force now and then."""

    def __init__(self) -> None:
        self._told = -np.inf

    def __call__(self, step: int, energies: np.ndarray, force: float) -> None:
        if monotonic() - self._told > TELL_SECONDS:
            self._told = monotonic()
            print(
                f"step {step:>5}   barrier {energies.max() - energies[0]:>9.4f} eV   force {force:>9.4f} eV/Å",
                flush=True,
            )


def write(images: Sequence[Atoms], done: Band, ref: PotentialRef, settings: NebSettings) -> None:
    """Write images, table and figure; tell images outside what the potential was trained on.

    Raises:
        OutputError: one cannot be written. SimulationError: an image is outside, and potential.outside: stop.
    """
    path = settings.output.path
    frames = []
    for k, atoms in enumerate(images):
        frame = Atoms(atoms.numbers, done.positions[k], cell=atoms.cell, pbc=atoms.pbc, constraint=atoms.constraints)
        frame.calc = SinglePointCalculator(frame, energy=float(done.energies[k]), forces=done.forces[k])
        frame.info["distance_A"] = float(done.distances[k])
        frames.append(frame)
    if ref.trained is not None:
        tell_outside(frames, ref, settings.potential.outside)
    files.write_frames(path, frames, overwrite=True)
    write_csv(path.with_suffix(".csv"), table(done))
    if settings.output.figure:
        figure.write(done, path.with_suffix(".png"))


def tell_outside(frames: Sequence[Atoms], ref: PotentialRef, how: str) -> None:
    """Tell the first image outside what the potential was trained on.

    Raises:
        SimulationError: there is one, and `how` is stop.
    """
    for k, frame in enumerate(frames):
        if why := ref.trained.outside(Points.near(frame, ref.trained), frame.get_potential_energy()):
            if how == "stop":
                raise SimulationError(f"image {k} = outside: {why}; potential.outside: stop refuses that.")
            notice(f"image {k}: {why}", OUTSIDE_NOTE)
            return


def table(done: Band) -> dict[str, np.ndarray]:
    """A row for each image: number, distance along the path, energy above the first, slope of the energy along the path."""
    return {
        "image": np.arange(len(done.energies)),
        "distance_A": done.distances,
        "energy_eV": done.energies - done.energies[0],
        "slope_eV_per_A": done.slopes,
        "largest_force_eV_per_A": np.sqrt((done.forces**2).sum(axis=2).max(axis=1)),
    }


def text(done: Band) -> str:
    """The images, and the barriers of both directions."""
    lines = [f"{'image':>6} {'distance/Å':>12} {'energy/eV':>12}"]
    for k, (distance, energy) in enumerate(zip(done.distances, done.energies - done.energies[0], strict=True)):
        lines.append(f"{k:>6} {distance:>12.4f} {energy:>12.5f}{'  climbing' if k == done.climber else ''}")
    lines.append(
        f"{done.status} after {done.steps} steps, force {done.force:.4f} eV/Å\n"
        f"barrier {done.barrier:.4f} eV, back {done.barrier_back:.4f} eV, energy of the reaction "
        f"{done.energies[-1] - done.energies[0]:.4f} eV"
    )
    return "\n".join(lines)


def _sound(structure: Atoms | HpcpotError) -> Atoms:
    if isinstance(structure, HpcpotError):
        raise structure
    return structure
