"""A page of HTML about one or several runs: one file that needs no network, with plots, views of atoms and tables."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

import hpcpot
from hpcpot.errors import DependencyError
from hpcpot.report.interactive import Chart, data_address
from hpcpot.report.published import Comparison
from hpcpot.report.section import ReportSection
from hpcpot.storage.tables import Columns
from hpcpot.wording import plural

ASSETS = Path(__file__).parent / "assets"
ROWS = 200
"""Rows of a table that a page shows; of a longer one the first, and the page says so."""


def plotly_script() -> str:
    """The program text of plotly.js, which the package plotly holds.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise DependencyError(
            f"hpcpot report = no plotly ({error}): it draws the figures of a page; pip install hpcpot[plot], or ask for a "
            "figure of one trajectory: -o NAME.png."
        ) from error
    return get_plotlyjs()


def write(
    sections: Sequence[ReportSection], compared: Sequence[Comparison] = (), live: tuple[str, float] | None = None
) -> str:
    """The page as a text.

    All that comes from files is escaped, and the page may run its own two scripts only, and load nothing.

    Args:
        compared: with published numbers. live: of a page that is asked for again: version, and seconds between questions.
    Raises:
        DependencyError: plotly is not installed.
    """
    nonce, parts = secrets.token_urlsafe(16), _Parts()
    body = "\n".join([*_warnings(sections), *_summary(sections), *_published(compared), *_sections(sections, parts)])
    names = ", ".join(dict.fromkeys(section.path.name for section in sections))
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src data: blob:; "
        f"connect-src {chr(39)}{'none' if live is None else 'self'}{chr(39)}; base-uri 'none'; form-action 'none'"
    )
    again = "" if live is None else f' data-version="{escape(live[0])}" data-every="{live[1]:g}"'
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(names)} (hpcpot report)</title>
<style>
{(ASSETS / "page.css").read_text(encoding="utf-8")}
</style>
</head>
<body{again}>
<header>
<h1>{escape(names)}</h1>
<div class="pale">hpcpot {hpcpot.__version__}, {_now()}</div>
</header>
<main>
{body}
</main>
<footer>Lines of more than 4,000 points are drawn by the least and the largest value of each stretch. Tables show their first
{ROWS} rows. plotly.js is under the MIT licence.</footer>
{parts.text()}
<script nonce="{nonce}">{plotly_script()}</script>
<script nonce="{nonce}">{(ASSETS / "page.js").read_text(encoding="utf-8")}</script>
</body>
</html>
"""


class _Parts:
    """Data of the plots and views, beside the scripts."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def add(self, data: Any) -> str:
        """Keep data; returns its name."""
        self._texts.append(json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":")))
        return f"data-{len(self._texts)}"

    def text(self) -> str:
        # An HTML parser ends a script at "</": no "<" may be in it.
        return "\n".join(
            f'<script type="application/json" id="data-{k}">{text.replace("<", chr(92) + "u003c")}</script>'
            for k, text in enumerate(self._texts, 1)
        )


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC")


def _warnings(sections: Sequence[ReportSection]) -> list[str]:
    lines = [(section, line) for section in sections for line in section.warnings]
    if not lines:
        return []
    rows = "".join(f"<li>{escape(section.path.name)}: {escape(line)}</li>" for section, line in lines)
    return [f'<div class="card warnings"><h3>{plural(len(lines), "warning")}</h3><ul>{rows}</ul></div>']


def _summary(sections: Sequence[ReportSection]) -> list[str]:
    """Numbers of all runs, a column each; where there are several."""
    if len(sections) < 2 or not any(section.quantities for section in sections):
        return []
    names = list(dict.fromkeys(name for section in sections for name in section.quantities))
    shown = [section for section in sections if section.quantities]
    head = ["", *(f"{section.path.name} ({section.kind})" for section in shown)]
    rows = [
        [name, *(section.quantities[name].text() if name in section.quantities else "" for section in shown)]
        for name in names
    ]
    return [f'<h2>Side by side</h2><div class="card wide">{_grid(head, rows)}</div>']


def _published(compared: Sequence[Comparison]) -> list[str]:
    if not compared:
        return []
    head = ["quantity", "system", "run", "here", "published", "difference", "verdict"]
    rows = []
    for row in compared:
        texts = (row.quantity, row.system, row.run, row.here, row.published, row.difference)
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in texts)
        mark = "" if row.agrees is None else "agrees" if row.agrees else "differs"
        rows.append(f'<tr>{cells}<td class="words {mark}">{escape(row.verdict)}</td></tr>')
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    sources = "".join(
        f'<div class="pale">{escape(text)}</div>' for text in dict.fromkeys(row.source for row in compared)
    )
    table = f"<table><tr>{titles}</tr>{''.join(rows)}</table>"
    return [f'<h2>Beside published numbers</h2><div class="card wide">{table}{sources}</div>']


def _sections(sections: Sequence[ReportSection], parts: _Parts) -> Iterable[str]:
    """The sections, those of one kind side by side."""
    for kind, of_kind in groupby(sections, key=lambda section: section.kind):
        cards = "".join(_card(section, parts) for section in of_kind)
        yield f'<h2 id="{escape(kind)}">{escape(kind)}</h2><div class="beside">{cards}</div>'


def _card(section: ReportSection, parts: _Parts) -> str:
    pieces = [f"<h3>{escape(section.path.name)}</h3>", f'<div class="pale">{escape(section.title)}</div>']
    pairs = {name: quantity.text() for name, quantity in section.quantities.items()} | section.facts
    if pairs:
        rows = "".join(
            f'<tr><td>{escape(name)}</td><td class="words">{escape(str(value))}</td></tr>'
            for name, value in pairs.items()
        )
        pieces.append(f'<div class="wide"><table>{rows}</table></div>')
    for caption, text in section.texts.items():
        pieces.append(f'<div class="pale">{escape(caption)}</div><pre>{escape(text)}</pre>')
    for view in section.views:
        source = parts.add(view.data())
        pieces.append(
            f'<figure><div class="view" data-source="{source}"></div><figcaption>{escape(view.caption)}</figcaption></figure>'
        )
    pieces += [_figure(chart, parts) for chart in section.charts]
    pieces += [
        f"<details><summary>{escape(caption)}</summary>{_columns(columns)}</details>"
        for caption, columns in section.tables.items()
    ]
    if section.provenance:
        pieces.append(_provenance(section.provenance))
    return f'<section class="card">{"".join(pieces)}</section>'


def _figure(chart: Chart, parts: _Parts) -> str:
    caption = escape(chart.caption)
    if chart.plot is None:
        return f'<figure><img alt="{caption}" src="{data_address(chart)}"><figcaption>{caption}</figcaption></figure>'
    source = parts.add(chart.plot)
    return (
        f'<figure><div class="plot" style="height:{chart.height}px" data-source="{source}"></div>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _columns(columns: Columns) -> str:
    """A table, its first rows."""
    scalars = {name: np.asarray(values) for name, values in columns.items() if np.ndim(values) == 1}
    left_out = [name for name in columns if name not in scalars]
    count = max((len(values) for values in scalars.values()), default=0)
    rows = zip(*([_cell(value) for value in values[:ROWS].tolist()] for values in scalars.values()), strict=True)
    notes = [f"{count - ROWS} more rows are in the file"] * (count > ROWS)
    notes += [f"in the file only, as they are arrays: {', '.join(left_out)}"] * bool(left_out)
    under = f'<div class="pale">{escape("; ".join(notes))}</div>' if notes else ""
    return f'<div class="long">{_grid(list(scalars), list(rows))}</div>{under}'


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{titles}</tr>{body}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def _provenance(runs: Sequence[Mapping[str, Any]]) -> str:
    """What made the file, a table a run; the config as it is."""
    pieces = []
    for number, run in enumerate(runs, 1):
        rows = "".join(
            f'<tr><td>{escape(str(name))}</td><td class="words">{escape(str(value))}</td></tr>'
            for name, value in run.items()
            if name != "config"
        )
        settings = f"<pre>{escape(str(run['config']))}</pre>" if run.get("config") else ""
        pieces.append(f'<div class="pale">run {number}</div><div class="wide"><table>{rows}</table></div>{settings}')
    return f"<details><summary>provenance, {plural(len(runs), 'run')}</summary>{''.join(pieces)}</details>"
