"""The tables of a campaign of removals, as CSV, and the summary that is printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpcpot.commands.onsite import statistics
from hpcpot.commands.onsite.sites import ProfileBlock
from hpcpot.commands.onsite.statistics import Mean, Subsamples
from hpcpot.errors import OutputError
from hpcpot.farm.results import Results
from hpcpot.storage.tables import write_rows

NAMES = {"si1_bulk": "Si1,b", "si2_bulk": "Si2,b", "interface": "interface", "alloy": "a-LixSi", "all": "all sites"}
"""Names of the regions in the paper."""

SITES = (
    "region",
    "frame",
    "step",
    "time_ps",
    "z_L_A",
    "z_R_A",
    "with_replacement",
    "atom",
    "place_A",
    "dE_eV",
    "relaxed_dE_eV",
)


@dataclass(frozen=True)
class RemovalEnergies:
    """All rows of a campaign and their statistics.

    Attributes:
        rows: columns of the results, a list over rows of region and frame.
        kind: "energies" or "relaxed_energies".
        values: dE of each region's sites, eV, over all frames; regions without sites are left out.
        means: by region. difference, difference_mean, subsamples: of the interface; None without it or bulk.
        blocks: profiles; none without regions.
    """

    rows: dict[str, list]
    kind: str
    values: dict[str, np.ndarray]
    means: dict[str, Mean]
    difference: np.ndarray | None
    difference_mean: Mean | None
    subsamples: Subsamples | None
    blocks: list[ProfileBlock]


def rows(results: Results, keys: set[str]) -> dict[str, list]:
    """Columns of the rows that belong to some items, by frame and region."""
    columns = {name: results.read(name) for name in results.columns}
    mine = [k for k, key in enumerate(results.keys()) if key in keys]
    mine.sort(key=lambda k: (columns["frame"][k], list(NAMES).index(columns["region"][k])))
    return {name: [values[k] for k in mine] for name, values in columns.items()}


def gather(
    rows: dict[str, list], blocks: list[ProfileBlock], kind: str, fraction: float, replicas: int, seed: int
) -> RemovalEnergies:
    """Derive statistics from the rows of a campaign.

    Args:
        kind: "energies", or "relaxed_energies": without what did not converge.
    Raises:
        OutputError: no site has such an energy.
    """
    values = {}
    for region in NAMES:
        of_region = [rows[kind][k] for k, name in enumerate(rows["region"]) if name == region]
        together = np.concatenate(of_region) if of_region else np.zeros(0)
        together = together[np.isfinite(together)]
        if len(together):
            values[region] = together
    if not values:
        raise OutputError(
            f"results = no {kind}: at least one site of a region must be done; see `hpcpot results`, and the ranges of "
            "the regions in the config."
        )
    means = {region: statistics.mean(energies, replicas, seed) for region, energies in values.items()}
    difference, difference_mean, parts = None, None, None
    if "interface" in values:
        parts = statistics.subsamples(values["interface"], fraction, replicas, seed)
        if "si1_bulk" in values:
            difference, difference_mean = statistics.difference(values["interface"], values["si1_bulk"], replicas, seed)
    return RemovalEnergies(rows, kind, values, means, difference, difference_mean, parts, blocks)


def summary(campaign: RemovalEnergies) -> str:
    """The table that is printed."""
    lines = [f"{'region':>12} {'sites':>7} {'mean dE/eV':>12} {'95 % interval':>20} {'st. dev.':>9}"]
    for region, mean in campaign.means.items():
        lines.append(_line(NAMES[region], mean))
    if campaign.difference_mean is not None:
        lines.append(_line("ddE", campaign.difference_mean))
        parts = campaign.subsamples
        lines.append(
            f"sub-samples of {parts.size} interface values: means differ by {parts.means.std():.3f} eV, histograms by "
            f"{parts.distances.mean():.3f} (total variation), {parts.distances.max():.3f} at most"
        )
        peaks = statistics.peaks(campaign.values["interface"])[2]
        lines.append(f"peaks of the interface's distribution: {', '.join(f'{peak:.2f}' for peak in peaks)} eV")
    for region in NAMES:
        of_region = [k for k, name in enumerate(campaign.rows["region"]) if name == region]
        few = sum(bool(campaign.rows["with_replacement"][k]) for k in of_region)
        empty = sum(len(campaign.rows["sites"][k]) == 0 for k in of_region)
        if few:
            lines.append(
                f"{NAMES[region]}: fewer atoms than sites in {few} of {len(of_region)} frames, drawn with replacement"
            )
        if campaign.kind == "relaxed_energies" and of_region:
            ends = np.isfinite(np.concatenate([campaign.rows[campaign.kind][k] for k in of_region]))
            if not ends.all():
                lines.append(
                    f"{NAMES[region]}: {np.count_nonzero(~ends)} of {len(ends)} removals did not converge, or ended where the "
                    "potential was not trained, and are left out; see removal.steps and potential.outside in the config"
                )
        if empty:
            lines.append(
                f"{NAMES[region]}: no atoms in {empty} of {len(of_region)} frames; see the regions' ranges in the config"
            )
    return "\n".join(lines)


def _line(name: str, mean: Mean) -> str:
    interval = f"{mean.low:>9.3f} .. {mean.high:>7.3f}"
    return f"{name:>12} {mean.n:>7} {mean.mean:>12.3f} {interval} {mean.deviation:>9.3f}"


def write(campaign: RemovalEnergies, base: Path) -> list[Path]:
    """sites, summary, histograms, and of regions subsamples, profile and interfaces, as BASE_<name>.csv."""
    rows, written = campaign.rows, []

    def table(name: str, header: Sequence[str], body: Iterable[Sequence]) -> None:
        written.append(base.with_name(f"{base.stem}_{name}.csv"))
        write_rows(written[-1], header, body)

    table("sites", SITES, _site_rows(rows))
    means = [
        *((NAMES[region], mean) for region, mean in campaign.means.items()),
        *([("ddE", campaign.difference_mean)] if campaign.difference_mean else []),
    ]
    table(
        "summary",
        ("region", "n", "mean_eV", "low_eV", "high_eV", "deviation_eV"),
        ((name, mean.n, mean.mean, mean.low, mean.high, mean.deviation) for name, mean in means),
    )
    bins = statistics.edges(np.concatenate(list(campaign.values.values())))
    columns = [statistics.shares(energies, bins) for energies in campaign.values.values()]
    table(
        "histograms",
        ("dE_from_eV", "dE_to_eV", *(NAMES[region] for region in campaign.values)),
        zip(bins[:-1], bins[1:], *columns, strict=True),
    )
    if campaign.subsamples is not None:
        parts = campaign.subsamples
        table(
            "subsamples",
            ("replica", "mean_eV", "total_variation"),
            zip(range(parts.replicas), parts.means, parts.distances, strict=True),
        )
    if campaign.blocks:
        table(
            "profile",
            ("first_frame", "last_frame", "z_A", "host", "inserted", "concentration"),
            (
                (block.frames[0], block.frames[-1], *row)
                for block in campaign.blocks
                for row in zip(
                    block.profile.middles,
                    block.profile.host,
                    block.profile.inserted,
                    block.profile.concentration,
                    strict=False,
                )
            ),
        )
        table(
            "interfaces",
            ("first_frame", "last_frame", "low", "high", "z_L_A", "z_R_A"),
            (
                (block.frames[0], block.frames[-1], *pair, interfaces.left, interfaces.right)
                for block in campaign.blocks
                for pair, interfaces in block.sensitivity.items()
                if interfaces is not None
            ),
        )
    return written


def _site_rows(rows: dict[str, list]) -> Iterable[Sequence]:
    for k, region in enumerate(rows["region"]):
        common = (
            NAMES[region],
            rows["frame"][k],
            rows["step"][k],
            rows["time"][k],
            rows["left"][k],
            rows["right"][k],
            bool(rows["with_replacement"][k]),
        )
        for values in zip(
            rows["sites"][k], rows["places"][k], rows["energies"][k], rows["relaxed_energies"][k], strict=True
        ):
            yield *common, *values
