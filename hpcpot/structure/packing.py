"""Packings of spheres in a box: poured under gravity and settled, after which they rest on each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hpcpot.compiled import njit
from hpcpot.errors import StructureError
from hpcpot.structure.checks import FARTHEST

# The pour has its own units: Å, a density of 1 and a gravity of 1; only the geometry that comes to rest is kept.
YOUNG, POISSON, RESTITUTION = 1e7, 2 / 7, 0.1
"""A hundred times the stiffness of the study, in which 50 spheres rest up to 4.5 % of a radius deep in each other."""

DRAG = 0.1
"""1/time, of a viscous background: frictionless spheres would roll in each other's hollows for ever."""

DENSEST, POURED = 0.66, 0.50
"""Volume fractions: of a random close packing of two sizes in a ratio of 1.5, and what a pour between walls that are a
few spheres apart comes to."""

REST_ENERGY, REST_OVERLAP, JAMMED = 1e-6, 0.01, 0.1
"""Criteria of rest: kinetic energy relative to m g R, and each overlap relative to the smaller radius. An
overlap beyond the last, which no fall makes, says that the lid cannot come down any further."""

LID_STEP, LID_TIME = 0.5, 1.0
"""Å, and units of time: how fast a lid presses what was poured too high into the box."""

CHUNK, LONGEST_REST = 2000, 4000
"""Time steps between two looks at the spheres, and looks until they must be at rest."""


@dataclass(frozen=True)
class Packing:
    """Spheres at rest.

    Attributes:
        centres: (n, 3) float64, Å, from a corner of the box.
        radii: (n,) float64, Å.
        box: (3,) float64, Å.
        overlap: largest depth of a contact in parts of the smaller radius; walls count as spheres.
    """

    centres: np.ndarray
    radii: np.ndarray
    box: np.ndarray
    overlap: float

    @property
    def fraction(self) -> float:
        """Volume of the spheres in parts of the box."""
        return filling(self.radii, self.box)


def pour(radii: np.ndarray, box: np.ndarray, seed: int, say: Callable[[str], None]) -> Packing:
    """Drop spheres one after the other into a box with hard walls, press a lid onto them, and let them come to rest.

    Contacts are those of Hertz with a damped normal force, F = sqrt(d R*) (k d - m* gamma v_n) for a depth d; there is
    no friction, so that the packing is denser than with it. Spheres fall in random order at random places.

    Args:
        radii: (n,) float64, Å.
        box: (3,) float64, Å; gravity is along -z.
        seed: equal seeds give equal packings.
        say: prints a line of progress.
    Raises:
        StructureError: a sphere wider than the box, more spheres than fit, spheres that do not come to rest.
    Source: contact model as `pair_style gran/hertz/history` of LAMMPS; insertion and lid are ours.
    """
    radii, box = np.array(radii, float), np.array(box, float)
    check_fits(radii, box)
    rng = np.random.default_rng(seed)
    rng.shuffle(radii)
    spheres = Spheres(radii)
    spheres.drop(box, rng, say)
    spheres.press(box, say)
    return spheres.rest(box)


class Spheres:
    """Spheres on their way into a box.

    Args:
        radii: (n,) float64, Å, in the order in which they fall.
    """

    def __init__(self, radii: np.ndarray):
        self.radii, self.masses = radii, 4 / 3 * np.pi * radii**3
        self.centres, self.velocities = np.zeros((len(radii), 3)), np.zeros((len(radii), 3))
        self._model = contact_model(self.masses.min())
        self._dt = self._model[-1]

    def drop(self, box: np.ndarray, rng: np.random.Generator, say: Callable[[str], None]) -> None:
        """Let them fall one after the other, at random places."""
        fall = int(4 * np.sqrt(self.radii.max()) / self._dt)  # steps of about twice the fall by a diameter
        for k, radius in enumerate(self.radii):
            top = (self.centres[:k, 2] + self.radii[:k]).max(initial=0.0)
            self.centres[k] = [*rng.uniform(radius, box[:2] - radius), top + 1.01 * radius]
            self._step(k + 1, box, np.inf, fall)
            if (k + 1) % 10 == 0:
                say(f"pour: {k + 1} of {len(self.radii)} spheres, {top:.1f} Å high")

    def press(self, box: np.ndarray, say: Callable[[str], None]) -> None:
        """Lower a lid onto them until the box is as high as it shall be."""
        top = (self.centres[:, 2] + self.radii).max()
        if top > box[2]:
            say(f"pour: a lid presses {top:.1f} Å down to {box[2]:g} Å")
        for lid in np.arange(top, box[2], -LID_STEP):
            self._step(len(self.radii), box, lid, int(LID_TIME / self._dt))
            overlap = deepest(self.centres, self.radii, np.array([*box[:2], lid]))
            check_overlap(self.radii, box, overlap, JAMMED)

    def rest(self, box: np.ndarray) -> Packing:
        """Wait until they are at rest."""
        for _ in range(LONGEST_REST):
            self._step(len(self.radii), box, box[2], CHUNK)
            energy = 0.5 * self.masses @ (self.velocities**2).sum(axis=1) / (self.masses @ self.radii)
            if not np.isfinite(energy):
                break
            if energy < REST_ENERGY:
                overlap = deepest(self.centres, self.radii, box)
                check_overlap(self.radii, box, overlap, REST_OVERLAP)
                return Packing(self.centres, self.radii, box, overlap)
        raise StructureError(
            f"kinetic energy of the packing = {energy:.1e} m g R: must come below {REST_ENERGY:g}; take another seed."
        )

    def _step(self, count: int, box: np.ndarray, lid: float, steps: int) -> None:
        """Move the first of them, in a box that is as high as the lid."""
        walls = np.array([box[0], box[1], lid])
        arrays = (self.centres[:count], self.velocities[:count], self.radii[:count], self.masses[:count])
        settle(*arrays, walls, *self._model, steps)


def check_fits(radii: np.ndarray, box: np.ndarray) -> None:
    """Refuse what no pour can pack."""
    for name, lengths in (("radii", radii), ("box", box)):
        if not len(lengths) or not ((lengths > 0) & (lengths < FARTHEST)).all():
            raise StructureError(
                f"{name} = {lengths.tolist()} Å: must be positive and below {FARTHEST:.3g} Å; correct them."
            )
    if 2 * radii.max() > box.min():
        raise StructureError(
            f"largest sphere = radius {radii.max():g} Å: must fit into the box of {shown(box)} Å; enlarge the box or "
            "take smaller spheres."
        )
    if filling(radii, box) > DENSEST:
        raise StructureError(too_full(radii, box, f"random spheres fill at most {DENSEST:g}"))


def check_overlap(radii: np.ndarray, box: np.ndarray, overlap: float, allowed: float) -> None:
    """Refuse spheres that are pressed into each other or the walls."""
    if overlap > allowed:
        why = f"the lid presses them {overlap:.1%} of a radius into each other, {REST_OVERLAP:.0%} is allowed"
        raise StructureError(too_full(radii, box, why))


def too_full(radii: np.ndarray, box: np.ndarray, why: str) -> str:
    """Message for spheres that do not fit."""
    phi = filling(radii, box)
    height = box[2] * max(phi / POURED, 1.1)
    return (
        f"packing fraction = {phi:.3f} for {len(radii)} spheres in {shown(box)} Å: {why}; take a box about "
        f"{height:.0f} Å high, small spheres instead of large ones, or fewer."
    )


def shown(box: np.ndarray) -> str:
    return " x ".join(f"{length:g}" for length in box)


def filling(radii: np.ndarray, box: np.ndarray) -> float:
    """Volume of spheres in parts of a box."""
    return float(4 / 3 * np.pi * (np.asarray(radii) ** 3).sum() / np.prod(box))


def contact_model(lightest: float) -> tuple[float, float, float]:
    """Stiffness k, damping gamma and time step for spheres of which the lightest has this mass.

    The time step is 0.05 of the collision time pi / sqrt(2 k / m - gamma / 4).
    """
    shear = YOUNG / (2 * (1 + POISSON))
    stiffness = 4 * shear / (3 * (1 - POISSON))
    a = (2 * np.log(RESTITUTION) / np.pi) ** 2
    damping = np.sqrt(2 * a * stiffness / lightest / (1 + a / 4))
    return stiffness, damping, 0.05 * np.pi / np.sqrt(2 * stiffness / lightest - damping / 4)


def deepest(centres: np.ndarray, radii: np.ndarray, box: np.ndarray) -> float:
    """Largest overlap of two spheres, or of one with a wall, in parts of the smaller radius."""
    i, j = np.triu_indices(len(radii), 1)
    pairs = radii[i] + radii[j] - np.linalg.norm(centres[i] - centres[j], axis=1)
    low, high = radii[:, None] - centres, centres + radii[:, None] - box
    depths = [pairs / np.minimum(radii[i], radii[j]), (low / radii[:, None]).ravel(), (high / radii[:, None]).ravel()]
    return float(np.concatenate(depths).max())


@njit(error_model="numpy")
def settle(centres, velocities, radii, masses, box, stiffness, damping, dt, steps):
    """Semi-implicit Euler steps of spheres under gravity; centres and velocities (n, 3) change in place.

    The walls of a box lie at 0 and `box`, of which the height may be infinite.
    """
    n = len(radii)
    forces = np.empty((n, 3))
    for _ in range(steps):
        forces[:] = 0.0
        for i in range(n):
            forces[i, 2] = -masses[i]
            for j in range(i):
                _push(centres, velocities, radii, masses, forces, i, j, stiffness, damping)
            for axis in range(3):
                depth = radii[i] - centres[i, axis]
                if depth > 0:
                    normal = -velocities[i, axis]
                    forces[i, axis] += _hertz(depth, normal, radii[i], masses[i], stiffness, damping)
                depth = centres[i, axis] + radii[i] - box[axis]
                if depth > 0:
                    normal = velocities[i, axis]
                    forces[i, axis] -= _hertz(depth, normal, radii[i], masses[i], stiffness, damping)
        for i in range(n):
            for axis in range(3):
                velocities[i, axis] += dt * (forces[i, axis] / masses[i] - DRAG * velocities[i, axis])
                centres[i, axis] += dt * velocities[i, axis]


@njit(error_model="numpy")
def _push(centres, velocities, radii, masses, forces, i, j, stiffness, damping):
    reach = radii[i] + radii[j]
    x, y, z = centres[i, 0] - centres[j, 0], centres[i, 1] - centres[j, 1], centres[i, 2] - centres[j, 2]
    square = x * x + y * y + z * z
    if square >= reach * reach:
        return
    distance = np.sqrt(square)
    # Where both are in one place there is no direction: along z then.
    unit = (x / distance, y / distance, z / distance) if distance > 0.0 else (0.0, 0.0, 1.0)
    approach = 0.0
    for axis in range(3):
        approach -= (velocities[i, axis] - velocities[j, axis]) * unit[axis]
    radius = radii[i] * radii[j] / reach
    mass = masses[i] * masses[j] / (masses[i] + masses[j])
    force = _hertz(reach - distance, approach, radius, mass, stiffness, damping)
    for axis in range(3):
        forces[i, axis] += force * unit[axis]
        forces[j, axis] -= force * unit[axis]


@njit()
def _hertz(depth, approach, radius, mass, stiffness, damping):
    """Repulsion of a contact that deepens at the speed `approach`; contacts do not pull."""
    return max(0.0, np.sqrt(depth * radius) * (stiffness * depth + mass * damping * approach))
