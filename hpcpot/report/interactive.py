"""Figures of matplotlib as plots of plotly.js, so that what a command draws once is also a figure to look around in."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcpot.report.figures import require_matplotlib, sheet

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.text import Annotation

PIXELS_PER_INCH = 125
POINT = PIXELS_PER_INCH / 72
"""Pixels."""
MOST_POINTS = 4000
"""Points of a line; of a longer one the least and the largest of each stretch are drawn."""
DIGITS = 7
"""Significant digits of what is drawn."""
DASHES = {"-": "solid", "--": "dash", ":": "dot", "-.": "dashdot"}
SHAPES = {"steps-mid": "hvh", "steps-post": "hv", "steps-pre": "vh", "steps": "vh", "default": "linear"}
MARKERS = {
    "o": "circle",
    "s": "square",
    "v": "triangle-down",
    "^": "triangle-up",
    "x": "x-thin-open",
    ".": "circle",
    "_": "line-ew-open",
    "|": "line-ns-open",
}
SYMBOLS = {
    r"\Delta": "\N{GREEK CAPITAL LETTER DELTA}",
    r"\times": "\N{MULTIPLICATION SIGN}",
    r"\pm": "\N{PLUS-MINUS SIGN}",
    r"\sigma": "\N{GREEK SMALL LETTER SIGMA}",
    r"\mu": "\N{GREEK SMALL LETTER MU}",
    r"\rho": "\N{GREEK SMALL LETTER RHO}",
    r"\AA": "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}",
}
"""Command of TeX -> letter."""
ANCHORS = {"baseline": "bottom", "center_baseline": "middle", "center": "middle"}

Plot = dict[str, Any]
"""data, layout: of plotly.js."""


@dataclass(frozen=True)
class Chart:
    """A figure of a page.

    Attributes:
        caption: a line. height: pixels. plot: None where plotly.js has no such figure; it is then the PNG file `picture`.
    """

    caption: str
    height: int
    plot: Plot | None
    picture: bytes = b""


class _NoSuchTrace(Exception):
    """Part of a figure that a plot cannot show as it is."""


def chart(caption: str, width: float, height: float, draw: Callable[[Figure], None]) -> Chart:
    """Draw a figure, in inches, by the function that draws it into files, as a plot; as a picture if need be.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    require_matplotlib("hpcpot report")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with sheet(width, height) as figure:
        FigureCanvasAgg(figure)
        draw(figure)
        figure.draw_without_rendering()  # layout, limits and the best places of legends
        pixels = round(height * PIXELS_PER_INCH)
        try:
            return Chart(caption, pixels, plot_of(figure))
        except _NoSuchTrace:
            file = io.BytesIO()
            figure.savefig(file, format="png", dpi=PIXELS_PER_INCH)
            return Chart(caption, pixels, None, file.getvalue())


def data_address(chart: Chart) -> str:
    """The picture of a chart as the source of an HTML image."""
    return f"data:image/png;base64,{base64.b64encode(chart.picture).decode()}"


def plot_of(figure: Figure) -> Plot:
    """The panels of a figure, at their places."""
    plot = _Plot(figure)
    for axes in figure.axes:
        if axes.get_visible() and axes.get_label() != "<colorbar>":
            plot.add(axes)
    return {"data": plot.traces, "layout": plot.layout}


class _Plot:
    """Traces and layout, panel by panel."""

    def __init__(self, figure: Figure):
        self.traces: list[dict] = []
        self.layout: dict[str, Any] = {
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
            "font": {"size": 12, "color": "#222222"},
            "hovermode": "closest",
            "barmode": "overlay",
            "bargap": 0,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "showlegend": True,
            "shapes": [],
            "annotations": [],
        }
        self._figure, self._panels, self._labels = figure, [], {}
        self._outer = [legend for part in (figure, *figure.subfigs) for legend in part.legends]
        self._bars = {axes: axes.get_window_extent() for axes in figure.axes if axes.get_label() == "<colorbar>"}

    def add(self, axes: Axes) -> None:
        """Add the panel of some axes."""
        x0, y0, x1, y1 = self._box(axes.get_window_extent())
        number = len(self._panels) + 1
        name = "" if number == 1 else str(number)
        self._panels.append((axes, name))
        below = next((other for other, _ in self._panels[:-1] if _is_twin(axes, other)), None)
        self.layout[f"xaxis{name}"] = _axis(axes.xaxis, axes, [x0, x1], f"y{name}")
        self.layout[f"yaxis{name}"] = _axis(axes.yaxis, axes, [y0, y1], f"x{name}")
        if below is not None:
            under = dict(self._panels)[below]
            self.layout[f"xaxis{name}"] |= {"overlaying": f"x{under}", "visible": False, "matches": f"x{under}"}
            self.layout[f"yaxis{name}"] |= {"overlaying": f"y{under}", "side": axes.yaxis.get_ticks_position()}
        if axes.get_aspect() not in ("auto",):
            self.layout[f"yaxis{name}"]["scaleanchor"] = f"x{name}"
        first, self._labels = len(self.traces), dict(_labels(axes))
        for artist in _artists(axes):
            self._add(artist, axes, name)
        for text in axes.texts:
            self._annotate(text, axes, name)
        for title, place, anchor in (
            (axes.title, 0.5, "center"),
            (axes._left_title, 0.0, "left"),
            (axes._right_title, 1.0, "right"),
        ):
            if title.get_text():
                words = (
                    f"<b>{html(title.get_text())}</b>" if title.get_fontweight() == "bold" else html(title.get_text())
                )
                self._note(
                    words, f"x{name} domain", place, f"y{name} domain", 1.0, anchor, "bottom", title.get_fontsize()
                )
        self._legends(axes, number, self.traces[first:])

    def _box(self, extent: Any) -> tuple[float, float, float, float]:
        """Left, lower, right, upper end, as fractions of the figure."""
        width, height = self._figure.bbox.width, self._figure.bbox.height
        return extent.x0 / width, extent.y0 / height, extent.x1 / width, extent.y1 / height

    def _trace(self, artist: Artist, name: str, **trace: Any) -> None:
        label = self._labels.get(id(artist), artist.get_label()) or "_"
        shown = {} if label.startswith("_") else {"name": html(label)}
        self.traces.append({"xaxis": f"x{name}", "yaxis": f"y{name}", "showlegend": False, **shown, **trace})

    def _add(self, artist: Artist, axes: Axes, name: str) -> None:
        from matplotlib.collections import LineCollection, PathCollection, PolyCollection, QuadMesh
        from matplotlib.container import BarContainer
        from matplotlib.lines import Line2D
        from matplotlib.patches import Rectangle, StepPatch

        kinds = {
            Line2D: self._line,
            BarContainer: self._bar,
            StepPatch: self._stairs,
            Rectangle: self._rectangle,
            LineCollection: self._segments,
            PathCollection: self._dots,
            PolyCollection: self._areas,
            QuadMesh: self._mesh,
        }
        for kind, add in kinds.items():
            if isinstance(artist, kind):
                add(artist, axes, name)
                return
        raise _NoSuchTrace(type(artist).__name__)

    def _line(self, line: Any, axes: Axes, name: str) -> None:
        x, y = (np.asarray(values, float) for values in line.get_data(orig=False))
        style = {"color": css(line.get_color(), line.get_alpha()), "width": line.get_linewidth() * POINT}
        style["dash"] = dash(line)
        in_x, in_y = line.get_transform().contains_branch_seperately(axes.transData)
        if not (in_x and in_y):
            self._shape("line", (x[0], y[0], x[-1], y[-1]), (in_x, in_y), name, {"line": style})
            return
        modes = ["lines"] * (line.get_linestyle() not in ("None", " ", "")) + ["markers"] * _has_marker(line)
        if not modes or not len(x):
            return
        if len(modes) == 1 and modes[0] == "lines":
            x, y = thinned(x, y)
        trace = {"type": "scatter", "mode": "+".join(modes), "x": numbers(x), "y": numbers(y)}
        trace["line"] = style | {"shape": SHAPES[line.get_drawstyle()]}
        if "markers" in modes:
            edge = line.get_markeredgecolor()
            trace["marker"] = {
                "symbol": _symbol(line.get_marker()),
                "size": max(2.0, line.get_markersize() * POINT * (0.6 if line.get_marker() == "." else 1.0)),
                "color": css(_filled(line.get_markerfacecolor(), line.get_color()), line.get_alpha()),
                "line": {"color": css(edge, line.get_alpha()), "width": line.get_markeredgewidth() * POINT},
            }
        self._trace(line, name, **trace)

    def _segments(self, lines: Any, axes: Axes, name: str) -> None:
        segments = lines.get_segments()
        if not segments:
            return
        x, y = _with_gaps(segments)
        style = {"color": css(lines.get_colors()[0], None), "width": float(lines.get_linewidths()[0]) * POINT}
        self._trace(lines, name, type="scatter", mode="lines", x=numbers(x), y=numbers(y), line=style, hoverinfo="skip")

    def _areas(self, areas: Any, axes: Axes, name: str) -> None:
        color = css(areas.get_facecolor()[0], areas.get_alpha()) if len(areas.get_facecolor()) else "rgba(0,0,0,0)"
        for path in areas.get_paths():
            x, y = np.asarray(path.vertices, float).T
            if not len(x):
                continue
            trace = {"type": "scatter", "mode": "lines", "x": numbers(x), "y": numbers(y), "fill": "toself"}
            self._trace(areas, name, **trace, fillcolor=color, line={"width": 0}, hoverinfo="skip")

    def _dots(self, dots: Any, axes: Axes, name: str) -> None:
        x, y = np.asarray(dots.get_offsets(), float).T
        marker: dict[str, Any] = {"size": numbers(np.sqrt(dots.get_sizes()) * POINT)}
        if len(dots.get_sizes()) == 1:
            marker["size"] = marker["size"][0]
        values = dots.get_array()
        if values is None:
            colors = [css(color, None) for color in dots.get_facecolor()]
            marker["color"] = colors[0] if len(colors) == 1 else colors
        else:
            marker |= {"color": numbers(np.asarray(values, float)), **self._scale(dots)}
        self._trace(dots, name, type="scatter", mode="markers", x=numbers(x), y=numbers(y), marker=marker)

    def _mesh(self, mesh: Any, axes: Axes, name: str) -> None:
        corners = np.asarray(mesh.get_coordinates(), float)
        x, y = corners[0, :, 0], corners[:, 0, 1]
        if not (np.allclose(corners[..., 0], x) and np.allclose(corners[..., 1], y[:, None])):
            raise _NoSuchTrace("a mesh that is not upright")
        values = np.ma.filled(np.ma.asarray(mesh.get_array(), float), np.nan).reshape(len(y) - 1, len(x) - 1)
        scale = {{"cmin": "zmin", "cmax": "zmax"}.get(key, key): value for key, value in self._scale(mesh).items()}
        self._trace(mesh, name, type="heatmap", x=numbers(x), y=numbers(y), z=[numbers(row) for row in values], **scale)

    def _scale(self, mapped: Any) -> dict[str, Any]:
        """Colours of a trace, with a bar where the figure has one."""
        low, high = mapped.get_clim()
        places = np.linspace(0.0, 1.0, 32)
        scale = {"colorscale": [[float(s), css(mapped.cmap(s), None)] for s in places], "cmin": low, "cmax": high}
        bar = mapped.colorbar
        if bar is None:
            return scale | {"showscale": False}
        x0, y0, x1, y1 = self._box(self._bars[bar.ax])
        look = {
            "x": x0,
            "xanchor": "left",
            "y": (y0 + y1) / 2,
            "len": y1 - y0,
            "lenmode": "fraction",
            "xpad": 0,
            "ypad": 0,
        }
        look |= {"thickness": x1 - x0, "thicknessmode": "fraction", "outlinewidth": 0}
        look["title"] = {"text": html(bar.ax.get_ylabel()), "side": "right"}
        return scale | {"showscale": True, "colorbar": look}

    def _bar(self, bars: Any, axes: Axes, name: str) -> None:
        if not len(bars):
            return
        boxes = np.array([[bar.get_x(), bar.get_y(), bar.get_width(), bar.get_height()] for bar in bars])
        along, across = ("y", "x") if bars.orientation == "horizontal" else ("x", "y")
        place, base, thick, size = boxes.T if along == "x" else boxes[:, [1, 0, 3, 2]].T
        self._trace(
            bars,
            name,
            type="bar",
            orientation="v" if along == "x" else "h",
            **{along: numbers(place + thick / 2), across: numbers(size)},
            base=numbers(base),
            width=numbers(thick),
            marker={"color": css(bars[0].get_facecolor(), None)},
        )

    def _stairs(self, steps: Any, axes: Axes, name: str) -> None:
        values, edges, base = steps.get_data()
        x = np.repeat(edges, 2)
        y = np.concatenate([[base], np.repeat(values, 2), [base]])
        edge = css(steps.get_edgecolor(), None)
        trace = {"type": "scatter", "mode": "lines", "x": numbers(x), "y": numbers(y)}
        trace["line"] = {"color": edge, "width": 0 if steps.get_fill() else steps.get_linewidth() * POINT}
        if steps.get_fill():
            trace |= {"fill": "tozeroy", "fillcolor": css(steps.get_facecolor(), None), "hoverinfo": "skip"}
        self._trace(steps, name, **trace)

    def _rectangle(self, box: Any, axes: Axes, name: str) -> None:
        in_data = tuple(box.get_transform().contains_branch_seperately(axes.transData))
        corners = (box.get_x(), box.get_y(), box.get_x() + box.get_width(), box.get_y() + box.get_height())
        fill = css(box.get_facecolor(), None) if box.get_fill() else "rgba(0,0,0,0)"
        line = {"color": css(box.get_edgecolor(), None), "width": box.get_linewidth() * POINT}
        self._shape("rect", corners, in_data, name, {"line": line, "fillcolor": fill, "layer": "below"})

    def _shape(self, kind: str, ends: tuple, in_data: tuple[bool, bool], name: str, look: dict) -> None:
        """Add a line or box between two corners, each coordinate of the data or a fraction of the panel."""
        refs = {
            f"{axis}ref": f"{axis}{name}" + ("" if given else " domain")
            for axis, given in zip("xy", in_data, strict=True)
        }
        shape = dict(zip(("x0", "y0", "x1", "y1"), (float(value) for value in ends), strict=True))
        self.layout["shapes"].append({"type": kind, **shape, **refs, **look})

    def _annotate(self, text: Annotation, axes: Axes, name: str) -> None:
        coordinates = getattr(text, "xycoords", None)
        if coordinates is None:
            in_data, place = tuple(text.get_transform().contains_branch_seperately(axes.transData)), text.get_position()
            refs, shift = ["data" if given else "axes fraction" for given in in_data], (0.0, 0.0)
        else:
            refs = [coordinates, coordinates] if isinstance(coordinates, str) else list(coordinates)
            place, shift = text.xy, text.xyann if text.anncoords == "offset points" else (0.0, 0.0)
            if text.anncoords != "offset points":
                place = text.xyann
        if not {*refs} <= {"data", "axes fraction"}:
            raise _NoSuchTrace(f"text at {refs}")
        ends = [f"{axis}{name}" + ("" if ref == "data" else " domain") for axis, ref in zip("xy", refs, strict=True)]
        scales = (axes.get_xscale(), axes.get_yscale())
        x, y = (
            math.log10(value) if ref == "data" and scale == "log" else float(value)
            for value, ref, scale in zip(place, refs, scales, strict=True)
        )
        vertical = ANCHORS.get(text.get_verticalalignment(), text.get_verticalalignment())
        words, size = html(text.get_text()), text.get_fontsize()
        note = self._note(words, ends[0], x, ends[1], y, text.get_horizontalalignment(), vertical, size)
        note |= {"xshift": shift[0] * POINT, "yshift": shift[1] * POINT, "textangle": -text.get_rotation()}
        note["font"]["color"] = css(text.get_color(), None)

    def _note(self, words: str, xref: str, x: float, yref: str, y: float, across: str, up: str, size: float) -> dict:
        note = {"text": words, "xref": xref, "x": x, "yref": yref, "y": y, "xanchor": across, "yanchor": up}
        note |= {"showarrow": False, "font": {"size": size * 1.5}}
        self.layout["annotations"].append(note)
        return note

    def _legends(self, axes: Axes, number: int, traces: list[dict]) -> None:
        """Give the traces of a panel a place in its legend, and in those of the figure what no panel before gave."""
        own = axes.get_legend()
        for legend in [*([own] if own is not None else []), *self._outer]:
            key = (
                f"legend{number if number > 1 else ''}"
                if legend is own
                else f"legend{1000 + self._outer.index(legend)}"
            )
            labels = {html(text.get_text()) for text in legend.get_texts()}
            if legend is not own and key in self.layout:
                continue
            named = [trace for trace in traces if trace.get("name") in labels and not trace["showlegend"]]
            for trace in {trace["name"]: trace for trace in reversed(named)}.values():
                trace |= {"showlegend": True, "legend": key}
            if named:
                self.layout[key] = self._legend(legend)

    def _legend(self, legend: Legend) -> dict[str, Any]:
        x0, _, _, y1 = self._box(legend.get_window_extent())
        look = {"x": x0, "xanchor": "left", "y": y1, "yanchor": "top", "bgcolor": "rgba(255,255,255,0.6)"}
        look |= {"font": {"size": 11}, "orientation": "h" if legend._ncols > 1 else "v", "borderwidth": 0}
        if title := legend.get_title().get_text():
            look["title"] = {"text": html(title)}
        return look


def _labels(axes: Axes) -> Iterator[tuple[int, str]]:
    """Labels of lines and bars that matplotlib gives to what holds them: the artist's id, and the label."""
    from matplotlib.container import BarContainer, ErrorbarContainer

    for container in axes.containers:
        if isinstance(container, ErrorbarContainer):
            line, _, bars = container.lines
            yield id(line if line is not None else bars[0]), container.get_label()
        elif isinstance(container, BarContainer) and len(container):
            of_parts = [part.get_label() for part in container]  # a histogram labels its first bar
            labels = [container.get_label(), *of_parts]
            yield id(container), next((label for label in labels if label and not label.startswith("_")), "_")


def _artists(axes: Axes) -> Iterable[Artist]:
    """What a panel shows, in the order of drawing; bars that belong together at once."""
    from matplotlib.container import BarContainer

    bars = [container for container in axes.containers if isinstance(container, BarContainer)]
    of_bars = {id(patch) for container in bars for patch in container}
    parts = (*axes.images, *axes.collections, *axes.patches, *axes.lines)
    shown = [artist for artist in parts if artist.get_visible() and id(artist) not in of_bars]
    return [*bars, *sorted(shown, key=lambda artist: artist.get_zorder())]


def _axis(axis: Any, axes: Axes, domain: list[float], anchor: str) -> dict[str, Any]:
    """Range, scale, title and ticks of an axis; as matplotlib chose them."""
    from matplotlib.category import StrCategoryFormatter
    from matplotlib.ticker import FixedFormatter

    name = axis.axis_name
    scale, ends = axis.get_scale(), axis.get_view_interval()
    if scale not in ("linear", "log"):
        raise _NoSuchTrace(f"an axis that is {scale}")
    ends = [float(end) for end in (axes.get_xlim() if name == "x" else axes.get_ylim())]
    settings = {
        "domain": domain,
        "anchor": anchor,
        "type": scale,
        "range": [math.log10(end) for end in ends] if scale == "log" else ends,
        "title": {"text": html(axis.get_label_text()), "standoff": 4},
        "showgrid": False,
        "zeroline": False,
        "showline": axes.axison,
        "linecolor": "#555555",
        "ticks": "outside",
        "ticklen": 4,
        "exponentformat": "power",
        "minexponent": 5,
    }
    if not axes.axison:
        return settings | {"visible": False}
    side = {"x": "labelbottom", "y": "labelleft" if axis.get_ticks_position() != "right" else "labelright"}[name]
    if not axis.get_tick_params().get(side, True):
        settings["showticklabels"] = False
    if not len(axis.get_majorticklocs()):
        settings |= {"ticks": "", "showticklabels": False}
    elif isinstance(axis.get_major_formatter(), (FixedFormatter, StrCategoryFormatter)):
        places = axis.get_majorticklocs()
        labels = [html(label) for label in axis.get_major_formatter().format_ticks(places)]
        settings |= {"tickvals": numbers(places), "ticktext": labels}
    return settings


def _is_twin(axes: Axes, other: Axes) -> bool:
    """Tell whether two panels lie over one another with the same x."""
    return axes.get_shared_x_axes().joined(axes, other) and np.allclose(
        axes.get_window_extent().extents, other.get_window_extent().extents
    )


def _has_marker(line: Any) -> bool:
    return line.get_marker() not in ("None", None, "", " ")


def _symbol(marker: Any) -> str:
    if marker in MARKERS:
        return MARKERS[marker]
    if marker in range(12):  # matplotlib's numbers of ticks and carets, as caps of error bars
        return "line-ew-open" if marker in (0, 1) else "line-ns-open"
    raise _NoSuchTrace(f"marker {marker}")


def _filled(face: Any, color: Any) -> Any:
    return "none" if isinstance(face, str) and face == "none" else face if face != "auto" else color


def _with_gaps(segments: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of several lines, nan between them."""
    gap = np.full((1, 2), np.nan)
    points = np.concatenate([part for segment in segments for part in (np.asarray(segment, float), gap)])
    return points[:-1, 0], points[:-1, 1]


def dash(line: Any) -> str:
    """Dashes of a line, in pixels where it has a pattern of its own."""
    style = line.get_linestyle()
    pattern = line._unscaled_dash_pattern[1]
    if pattern is None or style not in DASHES:
        return "solid"
    return ",".join(f"{part * line.get_linewidth() * POINT:.1f}px" for part in pattern)


def css(color: Any, alpha: float | None) -> str:
    """A colour of matplotlib."""
    from matplotlib.colors import to_rgba

    red, green, blue, opacity = to_rgba(color, alpha)
    return f"rgba({round(255 * red)},{round(255 * green)},{round(255 * blue)},{opacity:.3g})"


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of a line that has too many: the first, the least and the largest of each of many stretches, and the last."""
    if len(x) <= MOST_POINTS:
        return x, y
    edges = np.linspace(0, len(x), MOST_POINTS // 2 + 1).astype(int)
    kept = {0, len(x) - 1}
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        part = y[start:stop]
        if np.isfinite(part).any():
            kept |= {start + int(np.nanargmin(part)), start + int(np.nanargmax(part))}
        else:
            kept.add(int(start))  # keeps the gap
    rows = sorted(kept)
    return x[rows], y[rows]


def numbers(values: Any) -> list[float | None]:
    """Numbers of a JSON text, None where they are not finite."""
    return [
        float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in np.asarray(values, float).tolist()
    ]


def html(text: str) -> str:
    """A text with some mathematics of TeX as HTML, everything else escaped."""
    parts = escape(str(text), quote=False).split("$")
    for k in range(1, len(parts), 2):
        words = parts[k]
        for name, symbol in SYMBOLS.items():
            words = words.replace(name, symbol)
        words = re.sub(r"\\mathrm\{([^}]*)\}", r"\1", words)
        for mark, tag in (("^", "sup"), ("_", "sub")):
            words = re.sub(rf"\{mark}(?:\{{([^}}]*)\}}|(\w))", rf"<{tag}>\1\2</{tag}>", words)
        parts[k] = words.replace("-", "\N{MINUS SIGN}")
    return "".join(parts).replace("\n", "<br>")
