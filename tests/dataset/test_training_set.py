"""The labelled structures that ship: whole, small, of one calculator, and nothing that hpcpot itself would doubt."""

import numpy as np
import pytest

from hpcpot import data
from hpcpot.dataset import hdf5
from hpcpot.dataset.checks import Bounds, check
from hpcpot.dataset.measures import shortest_distances
from hpcpot.errors import ModelError
from hpcpot.potential import files as potential_files

GIVEN = {
    "iface",
    "li12si7",
    "li13si4",
    "li15si4",
    "li22si5",
    "li54",
    "li54_melt",
    "li7si3",
    "lisi",
    "lisi3",
    "si64_hot",
    "si64_melt",
}
"""Groups that were there before hpcpot sampled; the hottest of them have Li atoms at 1.1 Å."""


def test_the_shipped_training_set() -> None:
    path = data.find("lisi_training")
    found = hdf5.read(path)
    assert path.stat().st_size < 4e6 and found.elements == ("Li", "Si")
    assert len(found) > 900 and found.sizes.min() >= 30 and found.sizes.max() <= 112
    assert np.isfinite(found.energies).all() and np.isfinite(found.forces).all() and np.isfinite(found.virials).all()
    assert found.periodic.all() and all(source.endswith(" by nequix-omat-1") for source in found.sources)
    assert set(found.groups) >= GIVEN | {"si_vacancy", "si_removal", "amorphous_x3.75", "interface_111", "surface_lisi"}
    assert check(found, Bounds()) == []
    assert shortest_distances(found)[~np.isin(found.groups, list(GIVEN))].min() >= 1.6


def test_data_are_not_offered_as_a_model() -> None:
    with pytest.raises(ModelError, match=r"the name of a shipped model: (?!.*lisi_training)"):
        potential_files.load("lisy")
