"""Trajectories of tensile tests whose every answer is known: affine strain, a hole that grows, a line of stress.

    python pulls.py PATH

writes one of 544 atoms.
"""

from __future__ import annotations

import sys
from pathlib import Path

import ase
import numpy as np

from hpcpot.parallel.ranks import SERIAL
from hpcpot.storage.trajectory import Trajectory
from hpcpot.structure import crystals

MODULUS, OFFSET = 45.0, -3.0
"""GPa, of the synthetic curve."""
PEAK, FAILURE = 0.12, 0.30
STEPS_PER_FRAME, ROWS_PER_FRAME = 100, 10
TIMESTEP = 1.0


def stress(strain: np.ndarray) -> np.ndarray:
    """GPa: a line to the peak, then a line down to nothing at FAILURE."""
    top = OFFSET + MODULUS * PEAK
    return np.where(
        strain < PEAK, OFFSET + MODULUS * strain, top * np.clip((FAILURE - strain) / (FAILURE - PEAK), 0.0, 1.0)
    )


def block(repeat: tuple[int, int, int] = (2, 2, 4)) -> ase.Atoms:
    return crystals.build("Li13Si4", repeat)


def pulled(atoms: ase.Atoms, strain: float, hole: float = 0.0) -> ase.Atoms:
    """Atoms stretched along y; those within `hole` Å of the middle are pushed out of it, which shears the rest."""
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array * np.array([[1.0], [1.0 + strain], [1.0]]), scale_atoms=True)
    if hole:
        away = moved.positions - moved.cell.array.sum(axis=0) / 2
        distance = np.linalg.norm(away, axis=1, keepdims=True)
        moved.positions += away / np.maximum(distance, 1e-9) * (np.cbrt(distance**3 + hole**3) - distance)
    return moved


STRAINS = np.linspace(0.0, 0.4, 9)
MADE_BY = {"ranks": 1, "hpcpot": "0", "cpu": "none", "potential_fingerprint": "0123456789abcdef"}
CONFIG = """\
stages:
  equilibrate: {integrator: nvt_nose_hoover, deform: null, deform_axis: null}
  pull: {integrator: npt_nose_hoover, deform: cell, deform_axis: y}
"""


def write(
    path: Path,
    atoms: ase.Atoms | None = None,
    strains: np.ndarray = STRAINS,
    holes: np.ndarray | None = None,
    noise: float = 0.0,
    virials: np.ndarray | None = None,
    before: int = 2,
    config: str = CONFIG,
    grips: bool = False,
) -> Path:
    """A frame for each strain, and ROWS_PER_FRAME rows of observables between frames, all of the stage pull.

    Args:
        holes: (frames,) Å, radius of the hole in each frame. noise: Å, of the positions.
        virials: (n, 3, 3) eV of all frames; then velocities, zero, are written too.
        before: frames of the stage equilibrate ahead of them.
        grips: the atoms are pulled by grips, with a force of 1 eV/Å for each GPa; the cell stays.
    """
    atoms = block() if atoms is None else atoms
    holes = np.zeros(len(strains)) if holes is None else holes
    particles = {"position": STEPS_PER_FRAME, "image": STEPS_PER_FRAME}
    particles |= {} if virials is None else {"velocity": STEPS_PER_FRAME, "virial": STEPS_PER_FRAME}
    elements, species = np.unique(atoms.numbers, return_inverse=True)
    rng = np.random.default_rng(5)
    with Trajectory(
        path,
        SERIAL,
        elements=tuple(ase.data.chemical_symbols[k] for k in elements),
        species=species,
        masses=ase.data.atomic_masses[elements],
        n_atoms=len(atoms),
        periodic=atoms.pbc,
        particles=particles,
        observables=OBSERVABLES | (GRIP if grips else {}),
        observables_every=STEPS_PER_FRAME // ROWS_PER_FRAME,
        n_steps=STEPS_PER_FRAME * (before + len(strains)),
        provenance={"config": config, **MADE_BY},
    ) as file:
        for k in range(-before, len(strains)):
            frame = atoms if k < 0 else pulled(atoms, 0.0 if grips else strains[k], holes[k])
            positions = frame.positions + rng.normal(0.0, noise, frame.positions.shape)
            turns = np.floor(positions @ np.linalg.inv(frame.cell.array))
            arrays = {"position": positions - turns @ frame.cell.array, "image": turns.astype(np.int32)}
            arrays |= {} if virials is None else {"velocity": np.zeros((len(atoms), 3)), "virial": virials}
            for row in range(ROWS_PER_FRAME if k + 1 < len(strains) else 1):
                step = (k + before) * STEPS_PER_FRAME + row * STEPS_PER_FRAME // ROWS_PER_FRAME
                strain = np.interp(k + row / ROWS_PER_FRAME, np.arange(len(strains)), strains) if k >= 0 else 0.0
                values = seen(atoms, strain, float(k >= 0)) | (gripped(strain) if grips else {})
                file.append(step, step * TIMESTEP, {} if row else arrays, None if row else frame.cell.array, values)
    return path


OBSERVABLES = {
    "stage": ("", ()),
    "cell_lengths": ("Angstrom", (3,)),
    "engineering_strain": ("", (3,)),
    "stress": ("GPa", (3,)),
    "nominal_stress": ("GPa", (3,)),
}
GRIP = {"grip_force": ("eV Angstrom-1", (3,)), "grip_displacement": ("Angstrom", ())}


def seen(atoms: ase.Atoms, strain: float, stage: float) -> dict[str, np.ndarray]:
    """Observables of a block whose cross-section shrinks to 0.9 of itself, or so its nominal stress says."""
    along = np.array([0.0, strain, 0.0])
    tensile = np.array([0.1, float(stress(np.array(strain))), 0.2])
    lengths = atoms.cell.lengths() * (1.0 + along)
    return {
        "stage": stage,
        "cell_lengths": lengths,
        "engineering_strain": along,
        "stress": tensile,
        "nominal_stress": 0.9 * tensile,
    }


def gripped(strain: float) -> dict[str, np.ndarray]:
    return {"grip_force": np.array([0.0, float(stress(np.array(strain))), 0.0]), "grip_displacement": 10.0 * strain}


if __name__ == "__main__":
    write(Path(sys.argv[1]))
