"""Figures as plots: everything that is drawn is there, with its numbers, or the figure is a picture."""

import numpy as np
import pytest
import reports
from ase import Atoms
from matplotlib.figure import Figure

from hpcpot.report import atoms, curves, interactive, page, published
from hpcpot.report.published import compare
from hpcpot.report.section import Quantity, ReportSection


def made(draw, width: float = 4.0, height: float = 2.0) -> interactive.Chart:
    return interactive.chart("A figure.", width, height, draw)


def test_lines_with_errors_logarithmic_axes_and_a_twin():
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot([1, 10, 100], [1.0, np.nan, 3.0], "o--", label="a <b>$x^{2}$")
        axes.errorbar([1, 10], [2, 3], [0.5, 0.5], label="b", capsize=2)
        axes.fill_between([1, 10, 100], [0, 0, 0], [1, 1, 1], alpha=0.3)
        axes.axhline(1.5, color="red")
        axes.axvspan(2, 5, color="blue", alpha=0.1)
        axes.annotate("here", (10, 2), (3, 4), textcoords="offset points")
        axes.set(xscale="log", xlim=(1, 1000), xlabel=r"$\Delta E$ (eV)")
        axes.legend(title="lines")
        axes.twinx().plot([1, 100], [5, 6])

    plot = made(draw).plot
    named = {trace["name"]: trace for trace in plot["data"] if trace["showlegend"]}
    first = named["a &lt;b&gt;x<sup>2</sup>"]
    assert first["x"] == [1, 10, 100] and first["y"] == [1, None, 3] and first["mode"] == "lines+markers"
    assert "b" in named and any(trace.get("fill") == "toself" for trace in plot["data"])
    layout = plot["layout"]
    assert layout["xaxis"]["type"] == "log" and layout["xaxis"]["range"] == [0, 3]
    assert layout["xaxis"]["title"]["text"] == "\N{GREEK CAPITAL LETTER DELTA} E (eV)"
    assert {shape["type"] for shape in layout["shapes"]} == {"line", "rect"}
    assert layout["annotations"][0]["text"] == "here" and layout["annotations"][0]["x"] == 1
    assert layout["yaxis2"]["overlaying"] == "y" and layout["yaxis2"]["side"] == "right"
    assert layout["legend"]["title"]["text"] == "lines"


def test_bars_stairs_dots_and_meshes():
    def draw(figure: Figure) -> None:
        a, b, c, d = figure.subplots(2, 2).flat
        a.hist([[1, 2, 2], [3]], [0.5, 1.5, 2.5, 3.5], stacked=True, label=["first", "second"])
        a.legend()
        b.stairs([1, 3], [0, 1, 2], fill=True)
        dots = c.scatter([1, 2], [3, 4], c=[0.0, 1.0])
        figure.colorbar(dots, label="share")
        d.pcolormesh([0, 1, 2], [0, 1], [[1.0, np.nan]])

    traces = made(draw, 6, 5).plot["data"]
    bars = [trace for trace in traces if trace["type"] == "bar"]
    assert bars[0]["y"] == [1, 2, 0] and bars[1]["base"] == [1, 2, 0] and bars[1]["y"] == [0, 0, 1]
    stairs = next(trace for trace in traces if trace.get("fill") == "tozeroy")
    assert stairs["x"] == [0, 0, 1, 1, 2, 2] and stairs["y"] == [0, 1, 1, 3, 3, 0]
    dots = next(trace for trace in traces if "colorscale" in trace.get("marker", {}))
    assert dots["marker"]["color"] == [0, 1] and dots["marker"]["colorbar"]["title"]["text"] == "share"
    assert next(trace for trace in traces if trace["type"] == "heatmap")["z"] == [[1, None]]


def test_what_plotly_lacks_is_a_picture():
    chart = made(lambda figure: figure.subplots().set(yscale="symlog"))
    assert chart.plot is None and chart.picture.startswith(b"\x89PNG")
    assert reports.parsed(page.write([ReportSection("a", reports.Path("a"), "", charts=[chart])])).pictures == 1


def test_long_lines_keep_their_extremes():
    y = np.sin(np.linspace(0, 2000, 100_000))
    y[[777, 50_001]] = 5.0, -7.0
    y[60_000:60_100] = np.nan
    x, thin = interactive.thinned(np.arange(100_000.0), y)
    assert len(x) <= interactive.MOST_POINTS + 2 and np.nanmax(thin) == 5.0 and np.nanmin(thin) == -7.0
    assert x[0] == 0 and x[-1] == 99_999 and np.isnan(thin).any() and (np.diff(x) > 0).all()


def test_tables_are_drawn_by_unit():
    table = {
        "z_A": np.arange(5.0),
        "host": np.arange(5),
        "length_A": np.ones(5),
        "length_error_A": 0.1 * np.ones(5),
        "name": np.array(list("abcde")),
    }
    (chart,) = curves.charts_of("profile", table)
    titles = [axis["title"]["text"] for name, axis in chart.plot["layout"].items() if name.startswith("yaxis")]
    assert titles == ["host", "length (Å)"]
    assert sum(trace.get("fill") == "toself" for trace in chart.plot["data"]) == 1
    assert curves.charts_of("summary", {"quantity": np.array(["a"]), "value": np.ones(1)}) == []


def test_a_page_of_5000_frames_of_4608_atoms_is_below_10_mb():
    numbers = atoms.chosen(5000, 4608)
    assert numbers[0] == 0 and numbers[-1] == 4999 and 50 < len(numbers) <= atoms.MOST_FRAMES
    frame = Atoms(
        "Li3072Si1536", np.random.default_rng(2).random((4608, 3)) * [22, 22, 265], cell=[22, 22, 265], pbc=True
    )
    view = atoms.view([frame] * len(numbers), [f"{k} ps" for k in numbers], 5000, lambda element: (0.2, 0.4, 0.6))
    assert view.caption.startswith(f"{len(numbers)} of 5000 frames") and view.colors == ["#336699"] * 2
    line = made(lambda figure: figure.subplots().plot(np.random.default_rng(3).random(200_000)))
    section = ReportSection("md", reports.Path("run.h5md"), "", views=[view], charts=[line] * 8)
    assert len(page.write([section]).encode()) < 10e6


def test_large_frames_show_every_second_atom():
    frame = Atoms("Li30000", np.random.default_rng(2).random((30_000, 3)) * 100, cell=[100] * 3, pbc=True)
    view = atoms.view([frame], ["0 ps"], 1, lambda element: (0, 0, 0))
    assert view.places.shape == (1, 15_000, 3) and "15000 of 30000 atoms, one in 2" in view.caption


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (3.14159265, np.nan, "3.1416 eV"),
        (3.14159, 0.02, "3.142 ± 0.020 eV"),
        (45.0, 1e-9, "45 ± 1e-09 eV"),
        (2.0, 0.0, "2 ± 0 eV"),
        (1234.5, 30.0, "1234 ± 30 eV"),
        (np.nan, 1, "none"),
    ],
)
def test_quantities_have_the_digits_of_their_error(value, error, text):
    assert Quantity(value, "eV", error).text() == text


def measured(**values: Quantity) -> ReportSection:
    names = {"length": "lithiation length", "flux": "flux of the host"}
    return ReportSection("md", reports.Path("a"), "", quantities={names[name]: value for name, value in values.items()})


def test_verdicts_on_published_numbers():
    sections = [
        measured(length=Quantity(41.0), flux=Quantity(16.0, "", 2.5)),
        measured(length=Quantity(55.0), flux=Quantity(10.0, "", 1.0)),
    ]
    rows = compare(sections, ["fu2024/si100", "fu2024/asi"])
    verdicts = {(row.quantity, row.system): row.verdict for row in rows}
    assert verdicts["lithiation length", "si100"] == "within 10%, no error known"
    assert verdicts["flux of the host", "si100"] == "within 2 standard errors"
    assert verdicts["flux of the host", "asi"] == "outside 2 standard errors"
    assert verdicts["ddE", "asi"] == "not measured"
    assert verdicts["lithiation length, order", "all"] == "in the published order"
    assert verdicts["flux of the host, order", "all"] == "in another order"
    assert next(row for row in rows if row.quantity == "flux of the host").difference == "-8.1 1/(nm² ns), -45 %"


def test_published_numbers_agree_with_themselves():
    """Differences that the study itself states: ddE of the means, speeds of the moves."""
    values = {(row.system, row.quantity): row.value for row in published.read() if row.study == "fu2024"}
    for system in ("asi", "si100", "si110", "si111"):
        difference = values[system, "dE, interface"] - values[system, "dE, Si1,b"]
        assert difference == pytest.approx(values[system, "ddE"], abs=0.0101)
        speeds = sum(values[system, f"speed of the {side} front"] for side in ("left", "right"))
        assert speeds / 10 * 5 == pytest.approx(values[system, "lithiation length"], abs=0.06)
    assert {row.study for row in published.read()} == set(published.SOURCES)
