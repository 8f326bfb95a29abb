import re
import sys

import numpy as np
import pytest
import reports
from ase import Atoms
from ase.build import bulk
from ase.data.colors import jmol_colors

from hpcpot import cli
from hpcpot.commands.report import figure, panels
from hpcpot.commands.report.figure import Story
from hpcpot.report.window import around


def labels(drawn) -> list[str]:
    return [axes.get_ylabel() for axes in drawn.axes]


def test_command_draws_a_figure(tmp_path, capsys):
    path = reports.trajectory(tmp_path / "run.h5md")
    assert cli.main(["report", str(path), "-o", str(tmp_path / "run.png")]) == 0
    assert capsys.readouterr().out == f"figure: {tmp_path / 'run.png'}\n"
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
    assert cli.main(["report", str(path), "-o", str(tmp_path / "run.pdf")]) == 0
    assert (tmp_path / "run.pdf").read_bytes().startswith(b"%PDF")


def test_story_of_a_file(tmp_path):
    story = figure.read(reports.trajectory(tmp_path / "run.h5md"))
    assert story.times == [0.0, 0.01]
    assert np.allclose(story.series["time"], [0, 0.005, 0.01])
    moved = story.frames[1].positions - story.frames[0].positions
    assert np.allclose(moved[:, 2] % 40, 2)
    drawn = figure.draw(story)
    assert labels(drawn) == [
        "",
        "",
        "density (Å$^{-3}$)",
        "Li fraction",
        "temperature (K)",
        "potential energy\nchange (meV/atom)",
        "conserved energy\nchange (meV/atom)",
    ]
    energy = drawn.axes[5].lines[0]
    assert np.allclose(energy.get_xdata(), story.series["time"])
    assert np.allclose(energy.get_ydata(), [0, -1, -2])
    assert drawn.axes[0].get_title("right") == "Li20Si12, 0 ps"


def test_fraction_is_blank_in_the_vacuum():
    atoms = Atoms("Li8Si8", cell=[5, 5, 40.0], pbc=True, positions=[[0, 0, z] for z in np.linspace(0.5, 20, 16)])
    drawn = figure.draw(Story([atoms], [0.0], {"time": np.zeros(0)}))
    x, y = drawn.axes[2].lines[0].get_data()
    assert np.isnan(y[(x > 25) & (x < 35)]).all()
    assert np.allclose(y[(x > 2) & (x < 6)], 1, atol=1e-6) and np.allclose(y[(x > 15) & (x < 19)], 0, atol=1e-6)


def test_one_frame_of_one_element_without_observables(tmp_path):
    drawn = figure.draw(figure.read(reports.trajectory(tmp_path / "one.h5md", frames=1, observables=False)))
    assert labels(drawn) == ["", "density (Å$^{-3}$)", "Li fraction"]
    crystal = bulk("Si", "diamond", a=5.43, cubic=True) * 2
    drawn = figure.draw(Story([crystal, crystal], [0.0, 1.0], {"time": np.zeros(0)}))
    assert labels(drawn) == ["", "", "density (Å$^{-3}$)"]
    first, second = (axes.get_position() for axes in drawn.axes[:2])
    assert first.x1 <= second.x0, "square views lie side by side"


def test_the_longest_edge_lies_horizontally():
    atoms = Atoms("Li", cell=[30.0, 5.0, 5.0], pbc=True)
    assert figure.axes_of_view(around([atoms])) == (1, 0)
    drawn = figure.draw(Story([atoms], [0.0], {"time": np.zeros(0)}))
    assert drawn.axes[1].get_xlabel() == "x (Å)"


def test_other_elements_have_jmol_colors():
    assert panels.color("Li") != panels.color("Si")
    assert panels.color(8) == panels.color("O") == tuple(jmol_colors[8])


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("run.xyzzy", r"run\.xyzzy = unknown kind of figure: must end in one of .*\.png"),
        ("absent/run.png", r"absent/run\.png = cannot be written \(No such file or directory\)"),
    ],
)
def test_figures_that_cannot_be_written(tmp_path, output, message, capsys):
    path = reports.trajectory(tmp_path / "run.h5md")
    assert cli.main(["report", str(path), "-o", str(tmp_path / output)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("OutputError: ")
    assert re.search(message, error)


def test_trajectories_that_cannot_be_drawn(tmp_path, capsys):
    output = str(tmp_path / "run.png")
    assert cli.main(["report", str(tmp_path / "absent.h5md"), "-o", output]) == 1
    assert "absent.h5md" in capsys.readouterr().err
    (tmp_path / "text.h5md").write_text("no HDF5")
    assert cli.main(["report", str(tmp_path / "text.h5md"), "-o", output]) == 1
    assert capsys.readouterr().err.startswith("OutputError: ")
    empty = reports.trajectory(tmp_path / "empty.h5md", frames=0)
    assert cli.main(["report", str(empty), "-o", output]) == 1
    assert "no frame yet" in capsys.readouterr().err


def test_without_matplotlib(tmp_path, monkeypatch, capsys):
    path = reports.trajectory(tmp_path / "run.h5md")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert cli.main(["report", str(path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("DependencyError: hpcpot report = no matplotlib") and "pip install matplotlib" in error
