"""Images of a cell against a plain loop over shifts, in cells of any shape and shorter than the distance."""

import itertools

import numpy as np
import pytest

from hpcpot.structure.images import images, margins, with_images


def plain(fractions, widths):
    """Every shift of every atom that is inside: (atom, a, b, c)."""
    spans = [range(-int(np.ceil(w)), int(np.ceil(w)) + 1) if np.isfinite(w) else [0] for w in widths]
    found = set()
    for shift in itertools.product(*spans):
        for k, place in enumerate(fractions + np.array(shift)):
            inside = (place > -widths) & (place < 1 + widths) | np.isinf(widths)
            if any(shift) and inside.all():
                found.add((k, *shift))
    return found


@pytest.mark.parametrize(
    "periodic", [(True, True, True), (True, False, True), (False, False, True), (False, False, False)]
)
@pytest.mark.parametrize("within", [0.5, 3.0, 9.0])
def test_all_images_once(periodic, within):
    rng = np.random.default_rng(2)
    cell = np.diag([3.0, 5.0, 4.0]) + rng.normal(0, 0.4, (3, 3))
    fractions = rng.uniform(0, 1, (7, 3))
    widths = margins(np.linalg.inv(cell), np.array(periodic), within)
    owners, shifts = images(fractions, widths)
    found = [(int(k), *map(int, shift)) for k, shift in zip(owners, shifts, strict=True)]
    assert len(found) == len(set(found)) and set(found) == plain(fractions, widths)


def test_points_are_wrapped_atoms_and_their_images():
    rng = np.random.default_rng(3)
    cell, periodic = np.diag([4.0, 5.0, 6.0]) + rng.normal(0, 0.5, (3, 3)), np.array([True, False, True])
    positions = rng.uniform(-10, 10, (9, 3))
    points, owners = with_images(positions, cell, periodic, 5.0)
    turns = (points - positions[owners]) @ np.linalg.inv(cell)
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-12)
    assert not np.round(turns)[:, 1].any() and owners[:9].tolist() == list(range(9))
    inside = (points[:9] @ np.linalg.inv(cell))[:, [0, 2]]
    assert (inside >= 0).all() and (inside < 1).all()


def test_no_atoms_and_no_axes():
    owners, shifts = images(np.zeros((0, 3)), np.ones(3))
    assert owners.shape == (0,) and shifts.shape == (0, 3)
    owners, shifts = images(np.zeros((2, 3)), np.full(3, np.inf))
    assert owners.shape == (0,) and shifts.shape == (0, 3)
