"""Files of hpcpot that somebody or something has changed are refused with the part that is wrong, and never believed."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from farm import campaign_rows
from storage import frames

from hpcpot.dataset import hdf5
from hpcpot.errors import LONGEST, DataError, OutputError, StructureError
from hpcpot.farm.results import Results
from hpcpot.parallel.ranks import SERIAL
from hpcpot.storage import checkpoint
from hpcpot.storage.hdf5_errors import explain
from hpcpot.storage.reader import TrajectoryReader

MAIN = "particles/trajectory"
HUGE = (10**6, 10**6, 3)


@pytest.fixture
def trajectory(tmp_path):
    with frames.create(tmp_path / "run.h5md") as file:
        for step in range(5):
            frames.append(file, step)
    return tmp_path / "run.h5md"


@pytest.fixture
def results(tmp_path):
    with campaign_rows.open_store(tmp_path / "rows.h5") as store:
        store.append([campaign_rows.row(x) for x in range(20)])
    return tmp_path / "rows.h5"


def replace(path, name, value) -> None:
    """Put another dataset, of a shape with nothing stored, or a group in place of one."""
    with h5py.File(path, "r+") as file:
        if name in file:
            del file[name]
        if value is None:
            file.create_group(name)
        elif isinstance(value, tuple):
            file.create_dataset(name, value, "f8", chunks=True)
        else:
            file[name] = value


def read_all(path) -> None:
    with TrajectoryReader(path) as reader:
        reader.observables(), reader.provenance()
        for k in range(len(reader)):
            reader.frame(k)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (f"{MAIN}/position/value", HUGE, r"position/value claims 24000000000000 bytes"),
        (f"{MAIN}/box/edges/value", HUGE, "claims 24000000000000 bytes"),
        (f"{MAIN}/position/value", None, "position/value must be a dataset"),
        (f"{MAIN}/position/value", np.zeros((3, 6, 3)), r"must be rows of shape \(7, 3\)"),
        (f"{MAIN}/position/value", np.full((3, 7, 3), np.inf), "not finite, of /particles/trajectory/position/value"),
        (f"{MAIN}/box/edges/value", np.full((3, 3, 3), np.nan), "not finite"),
        (f"{MAIN}/position/value", np.zeros((1, 7, 3)), "must be 3 rows, which are marked"),
        (f"{MAIN}/position/step", np.array([0, 2, 2]), "must be steps that ascend"),
        (f"{MAIN}/position/step", h5py.Empty("f8"), "step must be a dataset"),
        (f"{MAIN}/species", np.full(7, 119), "must be atomic numbers 1 to 118"),
        (f"{MAIN}/mass", np.zeros(7), "must be positive masses"),
        (f"{MAIN}/mass", h5py.ExternalLink("/etc/passwd", "/"), "cannot read it"),
        (f"{MAIN}/position", h5py.SoftLink("/particles/trajectory/position"), "cannot read it"),
        ("particles", np.zeros(3), "particles must be a group"),
        ("particles", None, "must be at least one group"),
        ("observables/temperature/value", np.full(5, np.inf), "not finite, of /observables/temperature/value"),
        ("parameters/hpcpot/run_000/ranks", np.zeros(2), "provenance of it"),
        ("parameters/hpcpot/run_000/ranks", h5py.Empty("f8"), "provenance of it"),
    ],
)
def test_trajectory(name, value, message, trajectory):
    replace(trajectory, name, value)
    with pytest.raises(OutputError, match=message) as error:
        read_all(trajectory)
    assert "attribute" not in str(error.value) and "object" not in str(error.value).replace("object header", "")


def test_a_cause_is_a_line_and_not_an_array():
    error = ValueError(f"content_key = {np.full((90, 3), 0.123)} of others")
    text = str(explain(Path("a.h5"), "read", error))
    assert "\n" not in text and text.startswith("a.h5 = cannot read it (content_key = [[0.123 0.123")
    assert len(text) <= LONGEST + len(" ... ")


def test_positions_beyond_all_bounds(trajectory):
    replace(trajectory, f"{MAIN}/position/value", np.full((3, 7, 3), 1e300))
    with pytest.raises(StructureError, match=r"frame 0: positions of atom 0 .* must be finite and below"):
        read_all(trajectory)


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("is_open", [True, False])
def test_a_trajectory_that_was_cut(share, is_open, tmp_path):
    """Copied in part, after its run and while it is written."""
    with frames.create(tmp_path / "run.h5md") as file:
        for step in range(5):
            frames.append(file, step)
        content = (tmp_path / "run.h5md").read_bytes()
    content = content if is_open else (tmp_path / "run.h5md").read_bytes()
    (tmp_path / "cut.h5md").write_bytes(content[: int(share * len(content))])
    with pytest.raises(OutputError, match=r"cut\.h5md = cannot read it \(.+\): it (ends too early|is no HDF5 file)"):
        TrajectoryReader(tmp_path / "cut.h5md")


def test_no_number_is_a_number_of_observables(trajectory):
    """As the force on grips in a stage that has none."""
    replace(trajectory, "observables/temperature/value", np.full(5, np.nan))
    read_all(trajectory)


def test_a_trajectory_that_cannot_grow_is_not_continued(trajectory):
    replace(trajectory, f"{MAIN}/velocity/value", np.zeros((3, 7, 3)))
    with pytest.raises(OutputError, match="velocity/value must be a dataset that can grow"):
        frames.create(trajectory, existing="continue", continue_step=4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("columns", np.zeros(3)),
        ("columns/energy", None),
        ("columns/energy/values", np.zeros(20)),
        ("columns/energy/values", HUGE),
        ("columns/cell/values", np.zeros((20, 3, 2))),
        ("columns/positions/end", np.zeros(20)),
        ("rows/state", np.zeros((20, 2), np.int8)),
        ("rows/key/values", None),
        ("runs/text", None),
    ],
)
def test_results(name, value, results):
    replace(results, name, value)
    for read in (Results, campaign_rows.open_store):
        with pytest.raises(OutputError, match=r"rows.h5 = cannot read it \(.+\): it must be whole; copy it again"):
            read(results)


@pytest.mark.parametrize(
    "column",
    [
        '{"shape": [1000000000000], "dtype": "float64", "unit": ""}',
        '{"shape": [], "dtype": "object", "unit": ""}',
        '{"shape": [-1], "dtype": "float64", "unit": ""}',
        '{"shape": 5}',
        "[[[",
        np.zeros(3),
    ],
)
def test_a_column_that_cannot_be(column, results):
    with h5py.File(results, "r+") as file:
        file["columns/energy"].attrs["column"] = column
    with pytest.raises(OutputError, match="cannot read it"):
        Results(results)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("counts", np.array([7]), "arrays must have 7 rows"),
        ("counts", np.array([-2, 4]), "counts must be"),
        ("counts", np.array([2.5]), "counts must be"),
        ("arrays", np.zeros(2), "parts of it are not of the kind that hpcpot writes"),
        ("arrays/x", HUGE, "claims 24000000000000 bytes"),
        ("arrays/x", np.full((2, 3), 1e-300), "its values do not have the hash that it names"),
        ("common/energy", np.ones(1), "its values do not have the hash that it names"),
        ("common/energy", h5py.Empty("f8"), "cannot read it"),
        ("common/energy", None, "parts of it are not of the kind that hpcpot writes"),
    ],
)
def test_checkpoint(name, value, message, tmp_path):
    path = tmp_path / "run.checkpoint.h5"
    checkpoint.write(path, SERIAL, {"x": np.zeros((2, 3))}, {"energy": 1.0})
    replace(path, name, value)
    with pytest.raises(OutputError, match=message):
        checkpoint.read(path, SERIAL)


@pytest.mark.parametrize("name", ["energies", "groups"])
def test_dataset(name, tmp_path):
    import labelled

    hdf5.write(labelled.structures(2), tmp_path / "data.h5", {})
    for value in (None, HUGE, np.zeros(2), h5py.Empty("f8")):
        replace(tmp_path / "data.h5", name, value)
        with pytest.raises(DataError, match="data.h5 = "):
            hdf5.read(tmp_path / "data.h5")
