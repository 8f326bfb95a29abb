"""Figures that cannot be drawn or written are told so."""

import pytest

from hpcpot.errors import OutputError
from hpcpot.report import figures


@pytest.mark.filterwarnings("ignore")
def test_values_beyond_every_axis(tmp_path):
    with (
        pytest.raises(OutputError, match="a.png = cannot be drawn .*: values that an axis can show are required"),
        figures.sheet(3, 2, tmp_path / "a.png") as figure,
    ):
        figure.add_subplot().plot([0, 1], [-1.7e308, 1.7e308])
    assert not (tmp_path / "a.png").exists()


def test_a_folder_that_is_not_there(tmp_path):
    with (
        pytest.raises(OutputError, match="a.png = cannot be written .*: must be in a folder"),
        figures.sheet(3, 2, tmp_path / "none" / "a.png"),
    ):
        pass
