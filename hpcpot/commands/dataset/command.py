"""`hpcpot dataset`: prints what a data set holds and which frames to doubt; leaves some out, splits the rest."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hpcpot import account, provenance
from hpcpot.dataset import checks, difference, figure, files, hdf5, scales, statistics
from hpcpot.dataset.arguments import read_options
from hpcpot.dataset.checks import Bounds, Finding
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.scales import Scale
from hpcpot.dataset.split import split
from hpcpot.errors import ConfigError, DataError
from hpcpot.labelling.correction import Correction
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.files import load
from hpcpot.storage.tables import write_csv
from hpcpot.units import EV_PER_A3_IN_GPA
from hpcpot.wording import plural

PARTS = {2: ("train", "test"), 3: ("train", "validation", "test")}
NAMED = 3
"""Frames that a finding names."""


def run_command(arguments: argparse.Namespace) -> int:
    """`hpcpot dataset DATA...`; returns 1 if frames are left that must not be trained on.

    Raises:
        DataError, ConfigError, ModelError, OutputError.
    """
    fractions = _fractions(arguments.split)
    _refuse_useless(arguments)
    paths = _outputs(arguments, fractions)
    dataset, facts = files.load(arguments.data, read_options(arguments), show=True), provenance.collect()
    labels = dataset
    if arguments.minus or arguments.align:
        dataset, labels, compared_with = _compared(dataset, arguments)
        facts |= compared_with
    if arguments.correct:
        correction = Correction.read(Path(arguments.correct), "--correct")
        correction.refuse_unknown(set(dataset.elements), "the data")
        dataset = labels = correction.added(dataset)
        facts["correction"] = correction.identity
    print(f"{plural(len(dataset), 'frame')}, {plural(int(dataset.first[-1]), 'atom')}")
    print(f"hash {hdf5.fingerprint(dataset)}\n")
    print(statistics.text(dataset))
    findings, compared = examine(dataset, _bounds(arguments), arguments.source, labels)
    print("\n" + report(dataset, findings, compared))
    account.tell(
        frames=len(dataset),
        atoms=int(dataset.first[-1]),
        elements=dataset.elements,
        hash=hdf5.fingerprint(dataset),
        doubts=[
            {"name": each.name, "is_error": each.is_error, "text": each.text, "frames": len(each.rows)}
            for each in findings
        ],
    )
    if arguments.csv:
        write_csv(Path(arguments.csv), statistics.table(dataset))
        print(f"written: {arguments.csv}")
    if arguments.figure:
        print(f"figure: {figure.write(dataset, Path(arguments.figure))}")
    kept = np.arange(len(dataset))
    if arguments.drop:
        kept = np.setdiff1d(kept, dropped(findings, arguments.drop))
        print(f"left out: {plural(len(dataset) - len(kept), 'frame')}")
    if arguments.output:
        _write(dataset.select(kept), fractions, paths, facts, arguments)
    return int(any(finding.is_error and np.isin(finding.rows, kept).any() for finding in findings))


def examine(
    dataset: DataSet, bounds: Bounds, source: str | None = None, labels: DataSet | None = None
) -> tuple[list[Finding], list[Scale]]:
    """Run all checks, and compare the labels with one another and with the potential that made them.

    Args:
        labels: of the same frames, where those of the data set are differences: too small for the work between two frames,
            which is known to second order only.
    """
    labels = dataset if labels is None else labels
    compared = scales.by_work(labels)
    if source is not None:
        compared += scales.by_potential(labels, BlockPotential(load(source)))
    return checks.check(dataset, bounds) + scales.findings(compared), compared


def report(dataset: DataSet, findings: list[Finding], compared: list[Scale]) -> str:
    """Format the comparisons and the doubts, a line each."""
    lines = [
        f"{scale.name} against {scale.against}: {scale.slope:.4g} times "
        f"(correlation {scale.correlation:.3f}, {scale.samples} samples)"
        for scale in compared
    ] or ["signs and units: not compared, as no two frames that follow one another are close enough"]
    for finding in findings:
        named = ", ".join(str(source) for source in dataset.sources[finding.rows[:NAMED]])
        more = f" and {len(finding.rows) - NAMED} more" if len(finding.rows) > NAMED else ""
        lines.append(f"{'ERROR' if finding.is_error else 'doubt'}: {finding.name}: {finding.text}: {named}{more}")
    return "\n".join([*lines, "" if findings else "no doubts"]).rstrip()


def dropped(findings: Sequence[Finding], names: str) -> np.ndarray:
    """Rows that the named checks doubt, "all" for every check.

    Raises:
        ConfigError: a name that is no check.
    """
    chosen = {part.strip() for part in names.split(",")}
    unknown = chosen - {"all", *checks.DOUBTS}
    if unknown:
        raise ConfigError(f"--drop = {sorted(unknown)[0]}: must be all or of {', '.join(checks.DOUBTS)}.")
    rows = [finding.rows for finding in findings if "all" in chosen or finding.name in chosen]
    return np.unique(np.concatenate([np.zeros(0, int), *rows]))


def _refuse_useless(arguments: argparse.Namespace) -> None:
    """Refuse options that lack what they go with.

    Raises:
        ConfigError: names the option.
    """
    other = arguments.minus or arguments.align or arguments.correct
    if arguments.constants is not None and not (arguments.minus or arguments.align):
        raise ConfigError(f"--constants = {arguments.constants}: needs labels to compare with; add --minus or --align.")
    if arguments.align is not None and arguments.constants is None:
        raise ConfigError(f"--align = {arguments.align}: needs groups to fit constants to; add --constants GROUPS.")
    if arguments.whole_paths and arguments.split is None:
        raise ConfigError("--whole-paths = without --split: says how a split is made; add --split, or leave it out.")
    changes = arguments.split is not None or arguments.drop is not None
    if arguments.output is None and changes:
        raise ConfigError("--output = none: must be named with --split or --drop; add -o FILE.")
    if arguments.output is not None and not (changes or other):
        raise ConfigError(
            f"--output = {arguments.output}: goes with --minus, --align, --correct, --split or --drop; hpcpot convert "
            "turns one format into another."
        )


def _compared(dataset: DataSet, arguments: argparse.Namespace) -> tuple[DataSet, DataSet, dict[str, str]]:
    """The labels less others, or less constants against others; the labels of these frames; what the file says of that.

    Raises:
        DataError: the others cannot be read, have none of the structures, or do not tell the constants.
    """
    name = arguments.minus or arguments.align
    other = files.load([name])
    option = "minus" if arguments.minus else "align"
    facts = {option: f"{Path(name).name}, hash {hdf5.fingerprint(other)}"}
    labels, others = difference.shared(dataset, other, name)
    left = difference.minus(labels, others)
    if arguments.constants is not None:
        patterns = [part.strip() for part in arguments.constants.split(",")]
        constants = difference.constants(left, patterns, "--constants")
        left = constants.taken_off(left)
        if arguments.align:
            left = labels = constants.taken_off(dataset)
        facts["constants_eV"] = json.dumps(dict(zip(constants.elements, constants.values.tolist(), strict=True)))
        facts["constants_of"] = f"{plural(constants.frames, 'frame')} of {', '.join(patterns)}"
        print(f"constants by {facts['constants_of']}: {constants} eV; they leave {1e3 * constants.left:.2f} meV/atom")
    return left, labels, facts


def _outputs(arguments: argparse.Namespace, fractions: list[float]) -> list[Path]:
    """Paths of the parts, or of the one file; refused before the work if they exist."""
    if arguments.output is None:
        return []
    output = Path(arguments.output)
    suffixes = [f"_{name}" for name in PARTS[len(fractions)]] if fractions else [""]
    paths = [output.with_name(f"{output.stem}{suffix}{output.suffix}") for suffix in suffixes]
    for path in paths:
        files.check_output(path, None, arguments.overwrite)
    return paths


def _write(
    dataset: DataSet, fractions: list[float], paths: list[Path], facts: dict[str, str], arguments: argparse.Namespace
) -> None:
    if not len(dataset):
        raise DataError(f"--drop = {arguments.drop}: at least one frame must be left; name fewer checks.")
    parts = split(dataset, fractions, arguments.seed, arguments.whole_paths) if fractions else [np.arange(len(dataset))]
    for rows, path in zip(parts, paths, strict=True):
        kind = files.save(dataset.select(rows), path, facts, overwrite=arguments.overwrite)
        print(f"written: {path}, {plural(len(rows), 'frame')}")
    if paths and (lost := files.losses(dataset, kind)):
        print(f"{kind} does not keep {', '.join(lost)}")


def _fractions(text: str | None) -> list[float]:
    """Parse --split; an empty list without it.

    Raises:
        ConfigError: not two or three numbers.
    """
    try:
        fractions = [float(part) for part in text.split(",")] if text is not None else []
    except ValueError as error:
        raise ConfigError(f"--split = {text}: must be numbers, commas between; e.g. 0.9,0.1.") from error
    if fractions and len(fractions) not in PARTS:
        raise ConfigError(f"--split = {text}: must be two or three fractions; e.g. 0.9,0.1 or 0.8,0.1,0.1.")
    return fractions


def _bounds(arguments: argparse.Namespace) -> Bounds:
    return Bounds(arguments.force_bound_eV_A, arguments.stress_bound_GPa / EV_PER_A3_IN_GPA, arguments.distance_bound_A)
