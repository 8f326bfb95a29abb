import numpy as np

from hpcpot.commands.analyze.render import spheres

RED, BLUE = [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]


def draw(centres: list, colors: list, radius: float = 2.0) -> np.ndarray:
    n = len(centres)
    return spheres(
        np.array(centres, float), np.full(n, radius), np.array(colors), np.zeros(2), np.array([10.0, 6.0]), 20.0
    )


def test_the_nearer_sphere_covers_the_farther():
    for order in ([0, 1], [1, 0]):
        centres, colors = [[5, 3, 0], [5, 3, 1]], [RED, BLUE]
        image = draw([centres[k] for k in order], [colors[k] for k in order])
        assert image.shape == (120, 200, 4)
        middle = image[60, 100]
        assert middle[2] > 0.9 and middle[0] == 0 and middle[3] == 1


def test_place_and_size():
    image = draw([[2, 5, 0]], [RED], radius=1.0)
    opaque = np.argwhere(image[..., 3] > 0.5)
    np.testing.assert_allclose(
        opaque.mean(axis=0), [(6 - 5) * 20 - 0.5, 2 * 20 - 0.5], atol=0.1
    )  # rows count from the top
    assert abs(len(opaque) - np.pi * 20**2) < 0.02 * np.pi * 20**2
    assert not image[60, 100].any()


def test_spheres_that_interlock_meet_between_their_centres():
    image = draw([[4, 3, 0], [6, 3, 0]], [RED, BLUE])
    assert image[60, 98, 0] > 0 and image[60, 98, 2] == 0
    assert image[60, 102, 2] > 0 and image[60, 102, 0] == 0


def test_spheres_outside_the_image_are_cut():
    image = draw([[0, 0, 0], [50, 50, 0], [-9, 3, 0]], [RED] * 3)
    assert image[-1, 0, 3] == 1 and not image[0].any() and not image[:, -1].any()
