"""`hpcpot report RUN...` and --live, as a user runs them, and what they refuse."""

from __future__ import annotations

import base64
import http.client
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
import reports

from hpcpot import cli
from hpcpot.commands.report import kinds, live, trajectory
from hpcpot.errors import OutputError
from hpcpot.storage.reader import TrajectoryReader

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def test_a_page_of_a_trajectory(tmp_path, capsys):
    path = reports.trajectory(tmp_path / "run.h5md", frames=5, provenance={"command": HOSTILE, "config": HOSTILE})
    assert cli.main(["report", str(path)]) == 0
    output = tmp_path / "run.html"
    assert capsys.readouterr().out.startswith(f"page: {output}, ")
    text = output.read_text(encoding="utf-8")
    assert "default-src 'none'" in text and "connect-src 'none'" in text and "<img src=x" not in text
    shown = reports.parsed(text)
    assert len(shown.sources) == 3 and shown.words.count(HOSTILE) == 2, "texts of files are shown as they are"
    view = next(data for data in shown.data.values() if "places" in data)
    assert view["elements"] == ["Li", "Si"] and view["titles"] == [f"{t:g} ps" for t in 0.005 * np.arange(5)]
    rounded = np.frombuffer(base64.b64decode(view["places"]), "<u2").reshape(5, 32, 3)
    places = view["low"] + np.array(view["span"]) * rounded / 65535
    with TrajectoryReader(path) as reader:
        moved = (places - reader.values()) / np.diag(reports.CELL)
    np.testing.assert_allclose(moved, moved.round(), atol=1e-4)


def test_numbers_and_warnings_of_the_last_stage():
    times, n = np.linspace(0.0, 20.0, 201), 10
    noise = np.random.default_rng(1).normal(size=201)
    series = {
        "step": np.arange(201),
        "time": 1000.0 * times,
        "temperature": 300.0 + noise,
        "potential_energy": -30.0 + 0.0 * times,
        "conserved_energy": -25.0 + 0.0005 * n * times,
        "pressure": 1.0 - 0.1 * times + 0.01 * noise,
        "max_extrapolation_grade": 1.5 + (times > 15.0),
    }
    section = kinds.ReportSection("md", Path("run.h5md"), "")
    trajectory.add_series(section, series, n)
    drift = section.quantities["drift of the conserved energy"]
    assert drift.value == pytest.approx(500.0) and drift.unit == "meV/atom/ns"
    assert section.quantities["temperature"].value == pytest.approx(300.0, abs=0.3)
    assert section.quantities["change of the pressure"].value == pytest.approx(-2.0, abs=0.05)
    assert section.quantities["largest extrapolation grade"].value == 2.5
    assert [line.split(":")[0].split(" by ")[0] for line in section.warnings] == [
        "extrapolation",
        "the conserved energy drifts",
        "the pressure is not at rest",
    ]
    calm = kinds.ReportSection("md", Path("run.h5md"), "")
    trajectory.add_series(calm, {name: values[:5] for name, values in series.items()}, n)
    assert not calm.warnings and "drift of the conserved energy" not in calm.quantities, "too short to be judged"


def test_a_file_that_is_being_written_and_one_without_positions(tmp_path):
    sections = []
    path = tmp_path / "run.h5md"
    reports.trajectory(path, meanwhile=lambda: sections.append(reports.section_of(path, "md", charts=2)))
    assert sections[0].title == "32 atoms, 3 frames, to 0.01 ps"
    bare = reports.trajectory(tmp_path / "bare.h5md", particles=("velocity",))
    section = reports.section_of(bare, "md", charts=1)
    assert not section.views and "no positions in it" in section.warnings[0]


def test_several_runs_beside_published_numbers(tmp_path, capsys):
    runs = [str(reports.trajectory(tmp_path / f"{name}.h5md", provenance={"ranks": 1})) for name in "ab"]
    output = tmp_path / "both.html"
    assert cli.main(["report", *runs, "-o", str(output), "--published", "fu2024/si100", "fu2024/asi"]) == 0
    shown = reports.parsed(output.read_text(encoding="utf-8"))
    assert "Side by side" in shown.words and "Beside published numbers" in shown.words
    assert shown.words.count("not measured") == 16 and len(shown.sources) == 6
    for options, message in (
        (["--published", "fu2024/gold"], "--published = fu2024/gold: must be one of fu2024/asi, "),
        (["--published", "fu2024/asi", "fu2024/asi", "fu2024/asi"], "= 3 names: must be one for all runs"),
        (["-o", str(tmp_path / "both.png")], "must end in .html for several runs"),
        (["--every", "3"], "--every = 3: is for a live page"),
        (["--live", "-o", str(output)], "--live, --output = both"),
        (["--live", "--every", "0"], "--every = 0: must be above 0"),
    ):
        assert cli.main(["report", *runs, *options]) == 1
        assert message in capsys.readouterr().err


def other_hdf5(path: Path, **attributes: str) -> None:
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("absent.h5", lambda path: None, "absent.h5 = cannot read it"),
        ("text.h5", lambda path: path.write_text("no HDF5"), "text.h5 = cannot read it"),
        ("other.h5", other_hdf5, "= an HDF5 file of another program: must be a trajectory, "),
        ("state.h5", lambda path: other_hdf5(path, format="hpcpot checkpoint"), "= a checkpoint, from which"),
        ("unknown.csv", lambda path: path.write_text("a,b\n1,2\n"), "= a table of another kind: must be"),
        ("binary.csv", lambda path: path.write_bytes(b"\xff\xfe\x00"), "= not readable (it is no text)"),
        ("folder", lambda path: path.mkdir(), "= a folder without learn.h5 or analysis.h5"),
        ("empty.h5md", lambda path: reports.trajectory(path, frames=0), "= nothing written yet: "),
        ("none.csv", lambda path: path.write_text("name,value,unit,low,high,verdict,where\n"), "= no check: "),
        (
            "cut.csv",
            lambda path: path.write_text("name,value,unit,low,high,verdict,where\na,1\n"),
            "= 2 values in row 2",
        ),
    ],
)
def test_what_is_no_run(tmp_path, capsys, name, make, message):
    make(tmp_path / name)
    assert cli.main(["report", str(tmp_path / name)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("OutputError: ") and message in error, error


def test_without_plotly(tmp_path, monkeypatch, capsys):
    path = reports.trajectory(tmp_path / "run.h5md")
    monkeypatch.setitem(__import__("sys").modules, "plotly.offline", None)
    assert cli.main(["report", str(path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("DependencyError: hpcpot report = no plotly") and "pip install hpcpot[plot]" in error


@pytest.fixture
def served(tmp_path):
    """A live page of a run that has not begun, and a function that asks for an address below it."""
    path = tmp_path / "run.h5md"
    with live.LiveServer(live.LivePage([path], [], 2.0)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def ask(address: str, host: str | None = None) -> tuple[int, str]:
            connection = http.client.HTTPConnection(live.LOOPBACK, server.server_port, timeout=60)
            connection.request("GET", address, headers={"Host": host or f"{live.LOOPBACK}:{server.server_port}"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

        yield server, path, ask
        server.shutdown()


def test_a_live_page_grows_with_its_run(served):
    server, path, ask = served
    root = f"/{server.token}/"
    status, text = ask(root)
    assert status == 200 and "Nothing to show yet" in text
    seen = []
    reports.trajectory(path, meanwhile=lambda: seen.append((ask(f"{root}version")[1], ask(root)[1])))
    version, text = seen[0]
    assert f'data-version="{version}" data-every="2"' in text and "connect-src 'self'" in text
    assert "32 atoms, 3 frames" in "".join(reports.parsed(text).words)


def test_a_live_page_is_for_who_knows_its_address(served):
    server, _, ask = served
    assert server.server_address[0] == "127.0.0.1" and len(server.token) >= 32
    for address in ("/", "/version", "/wrong/", f"/{server.token}/other", f"/{server.token}/version/x"):
        assert ask(address)[0] == 404, address
    assert ask(f"/{server.token}/", host="evil.example:80")[0] == 404
    assert ask(f"/{server.token}/version")[0] == 200


def test_a_port_in_use_is_refused(served):
    server, _, _ = served
    with pytest.raises(OutputError, match=r"--port = \d+: cannot be used"):
        live.LiveServer(server.page, server.server_port)
