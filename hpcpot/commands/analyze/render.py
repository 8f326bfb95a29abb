"""Rendering of atoms as shaded spheres: 100,000 in a fraction of a second."""

from __future__ import annotations

import numpy as np

from hpcpot.compiled import njit

AMBIENT = 0.35
"""Fraction of ambient light; the rest comes from the viewer."""
RIM = 0.28
"""Cosine of the viewing angle below which a sphere is dark, so that its outline shows."""
SAMPLES = 2
"""Samples along each edge of a pixel."""


def spheres(
    centres: np.ndarray, radii: np.ndarray, colors: np.ndarray, low: np.ndarray, high: np.ndarray, per_length: float
) -> np.ndarray:
    """Render spheres seen along -z, without perspective.

    Args:
        centres: (n, 3) float64, x to the right, y upwards, z towards the viewer. radii: (n,) float64.
        colors: (n, 3) float64, 0 .. 1.
        low, high: (2,) corners of the image. per_length: pixels per unit of length.
    Returns:
        (height, width, 4) float32, 0 .. 1, first row at the top; transparent where there is no sphere.
    """
    scale = per_length * SAMPLES
    width, height = (max(SAMPLES, int(np.ceil((high[k] - low[k]) * per_length)) * SAMPLES) for k in (0, 1))
    depth = np.full((height, width), -np.inf)
    image = np.zeros((height, width, 4), np.float32)
    _draw(
        np.ascontiguousarray(centres, np.float64),
        np.asarray(radii, np.float64),
        np.asarray(colors, np.float64),
        float(low[0]),
        float(high[1]),
        scale,
        depth,
        image,
    )
    blocks = image.reshape(height // SAMPLES, SAMPLES, width // SAMPLES, SAMPLES, 4)
    opacity = blocks[..., 3:].mean(axis=(1, 3))
    color = blocks[..., :3].sum(axis=(1, 3)) / np.maximum(blocks[..., 3:].sum(axis=(1, 3)), 1e-6)
    return np.concatenate([color, opacity], axis=2)


@njit(inline="always")
def _pixels(middle, reach, count):
    """First and last of `count` pixels within reach of a place; none where either is NaN, or it is far outside."""
    low, high = max(0.0, np.ceil(middle - reach)), min(count - 1.0, np.floor(middle + reach))
    return (int(low), int(high)) if low <= high and middle == middle else (0, -1)


@njit(error_model="numpy")
def _draw(centres, radii, colors, left, top, scale, depth, image):
    height, width = depth.shape
    for n in range(len(centres)):
        r = radii[n]
        column, row = (centres[n, 0] - left) * scale - 0.5, (top - centres[n, 1]) * scale - 0.5
        first_row, last_row = _pixels(row, r * scale, height)
        first_column, last_column = _pixels(column, r * scale, width)
        for p in range(first_row, last_row + 1):
            for q in range(first_column, last_column + 1):
                d2 = ((p - row) ** 2 + (q - column) ** 2) / scale**2
                if d2 >= r * r:
                    continue
                rise = np.sqrt(r * r - d2)
                if centres[n, 2] + rise <= depth[p, q]:
                    continue
                depth[p, q] = centres[n, 2] + rise
                facing = rise / r
                light = (AMBIENT + (1.0 - AMBIENT) * facing) * (1.0 if facing > RIM else 0.55)
                for c in range(3):
                    image[p, q, c] = colors[n, c] * light
                image[p, q, 3] = 1.0
