"""A relaxed crystal: its equation of state and its elastic constants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms
from scipy.optimize import least_squares

from hpcpot.errors import HpcpotError, SimulationError
from hpcpot.potential.cells import AnyPotential
from hpcpot.relaxation import engine
from hpcpot.relaxation.engine import CONVERGED, SATURATED, RelaxationOptions, Relaxed
from hpcpot.units import EV_PER_A3_IN_GPA

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""xx yy zz yz xz xy."""


def outcomes(
    frames: Sequence[Atoms], potential: AnyPotential, options: RelaxationOptions
) -> Iterator[tuple[int, Relaxed | HpcpotError]]:
    """Relax structures together: number, and result or why there is none, as they end."""
    return engine.relax(frames, potential, options, SATURATED)


def relaxed(frames: Sequence[Atoms], potential: AnyPotential, options: RelaxationOptions) -> list[Relaxed]:
    """Relax structures together; their results, in order.

    Raises:
        SimulationError: one does not converge, or fails.
    """
    ended = dict(outcomes(frames, potential, options))
    return [converged(ended[k]) for k in range(len(frames))]


def evaluated(frames: Sequence[Atoms], potential: AnyPotential) -> list[Relaxed]:
    """Energies and forces of structures as they are: the results of relaxations without a step.

    Raises:
        HpcpotError: one cannot be computed.
    """
    ended = dict(outcomes(frames, potential, RelaxationOptions(cell="fixed", steps=0)))
    for outcome in ended.values():
        if isinstance(outcome, HpcpotError):
            raise outcome
    return [ended[k] for k in range(len(frames))]


def energies_apart(
    frames: Sequence[Atoms], potential: AnyPotential, options: RelaxationOptions
) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Energies (k,) eV before and after relaxations that may fail, NaN where they do; and why, by number."""
    before, after, problems = np.full(len(frames), np.nan), np.full(len(frames), np.nan), {}
    for k, outcome in outcomes(frames, potential, RelaxationOptions(cell="fixed", steps=0)):
        if not isinstance(outcome, HpcpotError):
            before[k] = outcome.initial.energy
    for k, outcome in outcomes(frames, potential, options):
        try:
            after[k] = converged(outcome).final.energy
        except HpcpotError as error:
            problems[k] = " ".join(str(error).split())
    return before, after, problems


def converged(outcome: Relaxed | HpcpotError) -> Relaxed:
    """The result of a relaxation.

    Raises:
        SimulationError: it did not converge. HpcpotError: it failed.
    """
    if isinstance(outcome, HpcpotError):
        raise outcome
    if outcome.status != CONVERGED:
        raise SimulationError(
            f"relaxation = {outcome.status} after {outcome.steps} steps, force {outcome.force:.3g} eV/Å: must "
            "converge; the model is rough or unstable there."
        )
    return outcome


def placed(atoms: Atoms, result: Relaxed) -> Atoms:
    """Copy a structure as its relaxation left it."""
    copy = atoms.copy()
    copy.set_cell(result.final.cell)
    copy.positions = result.final.positions
    return copy


def equation_of_state(
    atoms: Atoms, potential: AnyPotential, options: RelaxationOptions, scales: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Volumes (k,) Å³/atom and energies (k,) eV/atom of a crystal scaled in volume, with relaxed atoms.

    Args:
        atoms: relaxed. scales: (k,) volumes relative to its own.
    Raises:
        SimulationError: see `relaxed`.
    """
    frames = []
    for scale in scales:
        frame = atoms.copy()
        frame.set_cell(atoms.cell.array * np.cbrt(scale), scale_atoms=True)
        frames.append(frame)
    results = relaxed(frames, potential, replace(options, cell="fixed"))
    energies = np.array([result.final.energy for result in results]) / len(atoms)
    return scales * atoms.get_volume() / len(atoms), energies


def birch_murnaghan(volumes: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """E(V) = E0 + 9/16 V0 B0 [(x - 1)³ B0' + (x - 1)² (6 - 4 x)], x = (V0 / V)^(2/3).

    Source: Birch, Phys. Rev. 71, 809 (1947).
    """
    energy, volume, modulus, derivative = fit
    x = (volume / volumes) ** (2 / 3)
    return energy + 9 / 16 * volume * modulus * ((x - 1) ** 3 * derivative + (x - 1) ** 2 * (6 - 4 * x))


def fitted(volumes: np.ndarray, energies: np.ndarray) -> np.ndarray:
    """Fit the parameters of `birch_murnaghan`: E0 (eV/atom), V0 (Å³/atom), B0 (eV/Å³), B0'.

    Raises:
        SimulationError: the energies have no minimum.
    """
    curvature, slope, _ = np.polyfit(volumes, energies, 2)
    if not curvature > 0:
        raise SimulationError(
            "energy over volume = no minimum: must be convex about the relaxed volume; the model is unsound."
        )
    volume = float(-slope / (2 * curvature))
    start = np.array([energies.min(), volume, 2 * curvature * volume, 4.0])
    scale = np.ptp(energies)
    return least_squares(lambda fit: (birch_murnaghan(volumes, fit) - energies) / scale, start, x_scale=np.abs(start)).x


def elastic_constants(atoms: Atoms, potential: AnyPotential, options: RelaxationOptions, size: float) -> np.ndarray:
    """Elastic constants from central differences of the stress, with relaxed atoms, (6, 6) GPa, in Voigt's order.

    Args:
        atoms: relaxed. size: of the strains.
    Raises:
        SimulationError: see `relaxed`.
    """
    frames = []
    for a, b in VOIGT:
        for sign in (1, -1):
            strain = np.zeros((3, 3))
            strain[a, b] += 0.5 * sign * size
            strain[b, a] += 0.5 * sign * size
            frame = atoms.copy()
            frame.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
            frames.append(frame)
    results = relaxed(frames, potential, replace(options, cell="fixed"))
    stresses = np.array([result.final.stress for result in results])
    differences = (stresses[0::2] - stresses[1::2]) / (2 * size)
    constants = np.array([[row[component] for component in VOIGT] for row in differences]) * EV_PER_A3_IN_GPA
    return 0.5 * (constants + constants.T)


def moduli(elastic: np.ndarray) -> dict[str, float]:
    """Moduli of a polycrystal without texture, in GPa, by Hill's mean of Voigt's and Reuss's; Poisson's ratio, anisotropy.

    bulk_V = (C11 + C22 + C33 + 2 (C12 + C13 + C23)) / 9, shear_V = (C11 + C22 + C33 - C12 - C13 - C23
    + 3 (C44 + C55 + C66)) / 15; Reuss's of the inverse alike; universal anisotropy 5 G_V/G_R + B_V/B_R - 6.
    Values are NaN of a crystal that is not stable, whose inverse says nothing.

    Args:
        elastic: (6, 6) GPa.
    Source: Hill, Proc. Phys. Soc. A 65, 349 (1952); Ranganathan and Ostoja-Starzewski, Phys. Rev. Lett. 101, 055504 (2008).
    """
    names = ("bulk", "shear", "young", "poisson", "anisotropy")
    if not np.isfinite(elastic).all() or np.linalg.eigvalsh(elastic).min() <= 0:
        return dict.fromkeys(names, float("nan"))
    c, s = elastic, np.linalg.inv(elastic)
    trace, cross, shears = c[:3, :3].trace(), c[0, 1] + c[0, 2] + c[1, 2], c[3:, 3:].trace()
    bulk_v, shear_v = (trace + 2 * cross) / 9, (trace - cross + 3 * shears) / 15
    trace, cross, shears = s[:3, :3].trace(), s[0, 1] + s[0, 2] + s[1, 2], s[3:, 3:].trace()
    bulk_r, shear_r = 1 / (trace + 2 * cross), 15 / (4 * trace - 4 * cross + 3 * shears)
    bulk, shear = (bulk_v + bulk_r) / 2, (shear_v + shear_r) / 2
    values = (
        bulk,
        shear,
        9 * bulk * shear / (3 * bulk + shear),
        (3 * bulk - 2 * shear) / (2 * (3 * bulk + shear)),
        5 * shear_v / shear_r + bulk_v / bulk_r - 6,
    )
    return dict(zip(names, map(float, values), strict=True))


def repeats(atoms: Atoms, least: int) -> tuple[int, int, int]:
    """Number of repetitions along each axis, the shortest first, that gives at least this many atoms."""
    counts, lengths = np.ones(3, int), atoms.cell.lengths()
    while counts.prod() * len(atoms) < least:
        counts[np.argmin(counts * lengths)] += 1
    return tuple(int(count) for count in counts)
