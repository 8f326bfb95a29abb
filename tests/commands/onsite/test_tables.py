"""What the printed summary tells of rows."""

from __future__ import annotations

import numpy as np

from hpcpot.commands.onsite import tables


def test_removals_that_did_not_converge_are_counted() -> None:
    energies = [np.array([1.0, 2.0, np.nan, 3.0]), np.array([np.nan, 4.0])]
    rows = {
        "region": ["interface", "interface"],
        "relaxed_energies": energies,
        "energies": [np.ones(4), np.ones(2)],
        "with_replacement": [False, False],
        "sites": [np.arange(4), np.arange(2)],
    }
    relaxed = tables.gather(rows, [], "relaxed_energies", 0.5, 10, 0)
    assert relaxed.means["interface"].n == 4
    told = (
        "interface: 2 of 6 removals did not converge, or ended where the potential was not trained, and are left out; see "
        "removal.steps and potential.outside in the config"
    )
    assert told in tables.summary(relaxed)
    assert "did not converge" not in tables.summary(tables.gather(rows, [], "energies", 0.5, 10, 0))
