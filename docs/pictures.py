"""Cuts the pictures of README.md out of the figures of docs/: python docs/pictures.py

They are parts of figures that runs have drawn: demo.png by `make demo`, onsite.png and fracture/ as their pages say.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.image import imread, imsave

HERE = Path(__file__).parent
PARTS = {
    "interface": ("demo.png", (114, 197, 1432, 308)),
    "removal": ("onsite.png", (674, 522, 1440, 1040)),
    "fracture": ("fracture/bulk_28900_snapshots.png", (650, 566, 1300, 980)),
}
"""Name of a picture: the figure, and the left, upper, right and lower edge of the part, in pixels."""


def main() -> None:
    for name, (figure, (left, upper, right, lower)) in PARTS.items():
        pixels = imread(HERE / figure)[upper:lower, left:right]
        opacity = pixels[..., 3:] if pixels.shape[2] == 4 else 1.0
        imsave(HERE / f"pictures/{name}.png", np.clip(pixels[..., :3] * opacity + 1.0 - opacity, 0.0, 1.0))


if __name__ == "__main__":
    main()
