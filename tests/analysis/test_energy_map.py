"""Energies of atoms across a slab whose energies are known functions of place and element."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analysis.test_concentration import dissolving, frame

from hpcpot.analysis import registry
from hpcpot.analysis.observable import Frame
from hpcpot.errors import ConfigError

BIN = 2.0


def frames(count: int = 4) -> list[Frame]:
    """Energies of -4 eV (Si) and -2 eV (Li), plus 0.01 eV/Å along a and 0.02 eV/Å along c, up and down by 0.1 eV in turn."""
    made = []
    for k, atoms in enumerate(dissolving(count, 10)):
        one = frame(atoms, k)
        slope = 0.01 * one.positions[:, 0] + 0.02 * one.positions[:, 2]
        energies = np.where(one.numbers == 14, -4.0, -2.0) + slope + 0.1 * (-1.0) ** k
        made.append(replace(one, energies=energies))
    return made


def observed(made: list[Frame], **options) -> dict:
    observable = registry.make("energies", made[0], bin_A=BIN, **options)
    for one in made:
        observable.sample(one)
    return observable.result()


def test_means_and_their_errors() -> None:
    tables = observed(frames())
    along, flat = tables["energies"], tables["map"]
    z = along["z_A"]
    for element, bulk, span in (("Si", -4.0, (10.0, 50.0)), ("Li", -2.0, (70.0, 95.0))):
        inside = (z > span[0]) & (z < span[1])
        np.testing.assert_allclose(along[f"energy_{element}_eV"][inside], bulk + 0.1 + 0.02 * z[inside], atol=0.02)
        np.testing.assert_allclose(along[f"energy_{element}_error_eV"][inside], 0.1 / np.sqrt(3), rtol=0.02)
        here = (flat["z_A"] > span[0]) & (flat["z_A"] < span[1])
        expected = bulk + 0.01 * flat["x_A"][here] + 0.02 * flat["z_A"][here]
        np.testing.assert_allclose(flat[f"energy_{element}_eV"][here], expected, atol=0.02)
    assert np.isnan(along["energy_Li_eV"][(z > 0.0) & (z < 50.0)]).all(), "no Li there"
    assert sum(along[f"atoms_{element}"].sum() for element in ("Si", "Li")) == pytest.approx(12000)


def test_nothing_but_the_bins_depends_on_the_axes_of_the_cell() -> None:
    turned = [
        replace(one, cell=one.cell[np.ix_([2, 0, 1], [2, 0, 1])], positions=one.positions[:, [2, 0, 1]])
        for one in frames(2)
    ]
    expected, found = observed(frames(2)), observed(turned, axis="a", across="b")
    for name, values in expected["map"].items():
        np.testing.assert_allclose(found["map"][name], values, atol=1e-12, err_msg=name)


def test_one_axis_twice() -> None:
    with pytest.raises(
        ConfigError, match="energies.across = c: is the normal, energies.axis, too: must be another axis; ch"
    ):
        registry.make("energies", frames(1)[0], across="c")
