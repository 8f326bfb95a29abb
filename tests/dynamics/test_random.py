"""Random numbers from counters."""

import numpy as np

from hpcpot.dynamics import random


def test_philox_known_answers():
    """Known-answer vectors of Random123 1.09, philox4x32-10."""
    cases = {
        (0, 0, 0, 0, 0, 0): (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
        (0xFFFFFFFF,) * 6: (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0): (
            0xD16CFE09,
            0x94FDCCEB,
            0x5001E420,
            0x24126EA1,
        ),
    }
    for given, expected in cases.items():
        assert tuple(int(x) for x in random.philox(*map(np.uint64, given))) == expected


def test_numbers_follow_the_atom_not_the_order():
    ids = np.arange(1000)
    shuffled = np.random.default_rng(0).permutation(ids)
    numbers = random.normals(7, 3, random.Stream.LANGEVIN, ids)
    np.testing.assert_array_equal(random.normals(7, 3, random.Stream.LANGEVIN, shuffled), numbers[shuffled])


def test_seed_step_stream_and_component_are_independent():
    ids = np.arange(20000)
    rows = [
        random.normals(*key, ids)[:, c]
        for key in ((1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1), (1, 2**40, 0))
        for c in range(3)
    ]
    correlation = np.corrcoef(rows) - np.eye(len(rows))
    assert np.abs(correlation).max() < 5.0 / np.sqrt(len(ids))


def test_numbers_are_standard_normal():
    x = random.normals(3, 9, random.Stream.VELOCITIES, np.arange(200000)).ravel()
    n = len(x)
    assert abs(x.mean()) < 4.0 / np.sqrt(n)
    assert abs(x.var() - 1.0) < 4.0 * np.sqrt(2.0 / n)
    assert abs((x**4).mean() - 3.0) < 4.0 * np.sqrt(96.0 / n)
