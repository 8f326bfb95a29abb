"""The table of what a State holds, from which migration, checkpoints and the transfer to a GPU follow."""

import h5py
import numpy as np
from systems import cluster, crystal, moment_tensor, simulation

from hpcpot.dynamics import restart
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential.blocks import BlockPotential
from hpcpot.structure.state import EVALUATED, GLOBAL, MIGRATED, PER_ATOM, TABLE, describe

DIMENSIONS = {
    "n": lambda state: state.n_owned,
    "m": lambda state: len(state.positions),
    "species": lambda s: len(s.elements),
}


def test_shapes_and_types_are_those_of_a_simulation():
    state, _ = simulation(cluster(), BlockPotential(moment_tensor()))
    assert len(state.positions) == state.n_owned
    state, _ = simulation(crystal(1), BlockPotential(moment_tensor()))
    assert len(state.positions) > state.n_owned
    for row in TABLE:
        value = getattr(state, row.name)
        if row.dtype == "dict":
            assert isinstance(value, dict) and row.shape == ""
            continue
        array = np.asarray(value)
        words = row.shape.strip("()").replace(" ", "").split(",")
        shape = tuple(DIMENSIONS[word](state) if word in DIMENSIONS else int(word) for word in words if word)
        assert array.shape == shape, row.name
        assert array.dtype.kind == np.dtype(row.dtype).kind and row.dtype in (array.dtype.name, "int", "str"), row.name


def test_what_moves_with_an_atom_and_what_is_computed_anew():
    assert set(MIGRATED) == {"positions", "species", "ids", "velocities", "images", "frozen"}
    assert set(PER_ATOM) - set(MIGRATED) == {"forces", "energies"}


def test_checkpoints_hold_what_is_saved_and_nothing_else(tmp_path):
    state, engine = simulation(crystal(1), BlockPotential(moment_tensor()))
    state.scalars["heat"], state.stage["first_step"] = np.array(1.5), np.array(3)
    state.per_atom["grip"] = np.zeros(state.n_owned, np.int8)
    restart.write(tmp_path / "c.h5", state, engine, "md", "nve", "of the potential")
    with h5py.File(tmp_path / "c.h5") as file:
        assert set(file["arrays"]) == {*MIGRATED, *EVALUATED, "own grip", "built_at"} - {"virial"}
        of_run = {
            "stage",
            "integrator",
            "potential",
            "grid",
            "cuts a",
            "cuts b",
            "cuts c",
            "virial",
            "filled",
            "built_cell",
        }
        assert set(file["common"]) == {*GLOBAL, *of_run, "scalar heat", "stage first_step"}
    again, _ = restart.read(tmp_path / "c.h5", SERIAL, state.elements)
    for row in TABLE:
        if row.saved:
            value, read = getattr(state, row.name), getattr(again, row.name)
            assert type(value) is type(read), row.name
            value = value[: state.n_owned] if row.per_atom else value
            np.testing.assert_equal(read, value, err_msg=row.name)


def test_the_table_is_told_in_markdown():
    lines = describe().splitlines()
    assert len(lines) == 2 + len(TABLE)
    assert "| `velocities` | (n, 3) | float64 | Å/fs | yes | of the owned atoms |" in lines
