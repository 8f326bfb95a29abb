"""One test: predictions of one or several models, tables of their errors, a figure."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from hpcpot import account, provenance
from hpcpot.analysis import deviation
from hpcpot.commands.accuracy import errors, figure
from hpcpot.dataset import files, hdf5
from hpcpot.dataset.arguments import read_options
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.predict import Predicted, frame_grades, predict
from hpcpot.dataset.statistics import aligned, number
from hpcpot.outputs import Replacement, check_output
from hpcpot.potential import cells, registry
from hpcpot.potential.files import fingerprint, load
from hpcpot.progress import Progress
from hpcpot.storage.tables import Columns, Tables, write_csv
from hpcpot.wording import plural

EXTRAPOLATION = 2.0
"""Grade above which a frame is counted as extrapolation; MLIP-2's examples select frames above 2.1."""
TELLING = 0.5
"""A fitted shift of the energies is told if it leaves less than this share of the error."""


def run_command(arguments: argparse.Namespace) -> int:
    """`hpcpot test MODEL... DATA`; returns 0.

    Raises:
        ModelError, DataError, OutputError; SimulationError: a frame whose atoms are too close.
    """
    base = _base(arguments)
    outputs = _outputs(base, committee=len(arguments.models) > 1, draws=not arguments.no_figure)
    for path in outputs.values():
        check_output(path, arguments.overwrite)
    models = [load(name) for name in arguments.models]
    dataset = files.load([arguments.data], read_options(arguments), show=True)
    print(f"{plural(len(dataset), 'frame')}, {plural(int(dataset.first[-1]), 'atom')}, {plural(len(models), 'model')}")
    predictions = [
        _predict(dataset, model, arguments.kernels, name) for model, name in zip(models, arguments.models, strict=True)
    ]
    mean = average(predictions)
    tables = {"errors": errors.by_group(dataset, mean), "elements": errors.by_element(dataset, mean)}
    tables["frames"] = errors.by_frame(dataset, mean)
    if len(models) > 1:
        tables["models"] = _models_table(dataset, predictions, arguments.models)
        tables["frames"] |= _deviations(dataset, predictions, arguments)
    grader = registry.grader(models[0])
    if grader is not None:
        grades = frame_grades(dataset.with_elements(models[0].elements), grader)
        tables["frames"]["max_grade"] = grades
        tables["errors"]["max_grade"] = errors.largest_by_group(dataset, grades)
    print("\n" + report(dataset, mean, tables))
    account.tell(**{name: tables[name] for name in tables if name != "frames"})
    facts = provenance.collect() | {
        "data": hdf5.fingerprint(dataset),
        "models": " ".join(arguments.models),
        "fingerprints": " ".join(fingerprint(model) for model in models),
    }
    _write(outputs, facts, dataset, mean, tables)
    return 0


def average(predictions: list[Predicted]) -> Predicted:
    """Average the predictions of a committee."""
    return Predicted(
        np.mean([prediction.energies for prediction in predictions], axis=0),
        np.mean([prediction.forces for prediction in predictions], axis=0),
        np.mean([prediction.virials for prediction in predictions], axis=0),
        sum(prediction.truncated for prediction in predictions),
    )


def report(dataset: DataSet, mean: Predicted, tables: dict[str, Columns]) -> str:
    """Format the tables of errors for printing."""
    lines = [_table(tables["errors"], "group"), "", _table(tables["elements"], "element")]
    if "models" in tables:
        lines += ["", _table(tables["models"], "model"), "", _deviation_lines(tables["frames"])]
    if "max_grade" in tables["frames"]:
        lines += ["", _grade_line(tables["frames"]["max_grade"])]
    shift, left = errors.shifts(dataset, mean)
    total = float(tables["errors"]["energy_rmse_meV_per_atom"][-1])
    if left < TELLING * total:
        named = ", ".join(f"{e} {value:+.4f}" for e, value in zip(dataset.elements, shift, strict=True))
        lines += [
            "",
            f"energies: {left:.2f} meV/atom are left after a shift of {named} eV: another reference of the energy?",
        ]
    if mean.truncated:
        lines += ["", f"{plural(mean.truncated, 'atom')} had more neighbours than the model has slots"]
    return "\n".join(lines)


def _predict(dataset: DataSet, model: object, kernels: str, name: str) -> Predicted:
    print(f"{name}:")
    progress = Progress(len(dataset), "frames")

    def advance(frames: int) -> None:
        progress.count(items=frames)
        progress.show()

    predicted = predict(dataset, cells.prepare(model, kernels), advance=advance)
    progress.end()
    return predicted


def _models_table(dataset: DataSet, predictions: list[Predicted], names: list[str]) -> Columns:
    everything = np.ones(len(dataset), bool)
    rows = [errors.row(dataset, prediction, everything) for prediction in predictions]
    return {"model": np.array(names)} | errors.stacked(rows)


def _deviations(dataset: DataSet, predictions: list[Predicted], arguments: argparse.Namespace) -> Columns:
    energies, forces, virials = (
        np.array([getattr(prediction, name) for prediction in predictions])
        for name in ("energies", "forces", "virials")
    )
    return deviation.by_frame(energies, forces, virials, dataset.first, arguments.relative, arguments.relative_virial)


def _deviation_lines(frames: Columns) -> str:
    rows = [["deviation", "mean", "median", "95 %", "most"]]
    for name in ("max_devi_f", "avg_devi_f", "max_devi_v", "devi_e"):
        values = frames[name]
        rows.append([name, *(f"{v:.4g}" for v in (values.mean(), *np.quantile(values, (0.5, 0.95)), values.max()))])
    return aligned(rows)


def _grade_line(grades: np.ndarray) -> str:
    beyond = plural(int((grades > EXTRAPOLATION).sum()), "frame")
    return (
        f"extrapolation grade, largest in a frame: median {np.median(grades):.2f}, most {grades.max():.2f}; above "
        f"{EXTRAPOLATION:g}, which is extrapolation: {beyond}"
    )


def _table(columns: Columns, first: str) -> str:
    """Columns with their units at the top; energies and virials in meV/atom, forces in eV/Å, stresses in GPa."""
    heads = {
        "frames": ("frames", "d"),
        "atoms": ("atoms", "d"),
        "energy_rmse_meV_per_atom": ("E rmse/(meV/at)", ".2f"),
        "energy_mae_meV_per_atom": ("mae", ".2f"),
        "force_rmse_eV_per_A": ("F rmse/(eV/A)", ".4f"),
        "force_mae_eV_per_A": ("mae", ".4f"),
        "force_r2": ("R2", ".4f"),
        "virial_rmse_meV_per_atom": ("W rmse/(meV/at)", ".2f"),
        "virial_mae_meV_per_atom": ("mae", ".2f"),
        "stress_rmse_GPa": ("P rmse/GPa", ".3f"),
        "max_grade": ("grade", ".2f"),
    }
    shown = {name: head for name, head in heads.items() if name in columns}
    rows = [[first, *(head for head, _ in shown.values())]]
    for k, name in enumerate(columns[first]):
        rows.append([str(name), *(number(columns[column][k], form) for column, (_, form) in shown.items())])
    return aligned(rows)


def _write(
    outputs: dict[str, Path], facts: dict, dataset: DataSet, mean: Predicted, tables: dict[str, Columns]
) -> None:
    with Tables(outputs["results"], facts) as file:
        for name, columns in tables.items():
            file.add(name, columns)
        file.add(
            "predicted",
            {
                "first": dataset.first,
                "energies_eV": mean.energies,
                "forces_eV_per_A": mean.forces,
                "virials_eV": mean.virials,
            },
        )
        file.commit()
    for name, columns in tables.items():
        write_csv(outputs[name], columns)
    if "deviation" in outputs:
        _write_model_devi(outputs["deviation"], tables["frames"])
    if "figure" in outputs:
        figure.write(dataset, mean, tables["errors"], _doubts(tables["frames"]), outputs["figure"])
    print("\nwritten: " + ", ".join(str(path) for path in outputs.values()))


def _doubts(frames: Columns) -> tuple[str, np.ndarray] | None:
    """Quantity that is drawn against the errors: deviation of a committee, or extrapolation grade."""
    names = {"max_devi_f": "largest force deviation", "max_grade": "largest extrapolation grade"}
    return next(((head, frames[name]) for name, head in names.items() if name in frames), None)


def _write_model_devi(path: Path, frames: Columns) -> None:
    """Write the columns of `dp model-devi`, which DP-GEN reads; step is the number of the frame."""
    names = [name for name in frames if "devi" in name]
    values = np.column_stack([np.arange(len(frames["source"])), *(frames[name] for name in names)])
    with Replacement(path) as part:
        np.savetxt(part, values, fmt=["%12d", *["%19.6e"] * len(names)], header=" ".join(["step", *names]))


def _base(arguments: argparse.Namespace) -> Path:
    if arguments.output:
        return Path(arguments.output)
    model = Path(arguments.models[0].split(",")[0]).stem if len(arguments.models) == 1 else "committee"
    return Path(f"{model}_{Path(arguments.data).resolve().stem}")


def _outputs(base: Path, committee: bool, draws: bool) -> dict[str, Path]:
    endings = {"results": ".h5", "errors": "_errors.csv", "elements": "_elements.csv", "frames": "_frames.csv"}
    endings |= {"models": "_models.csv", "deviation": "_model_devi.out"} if committee else {}
    endings |= {"figure": ".png"} if draws else {}
    return {name: base.with_name(base.name + ending) for name, ending in endings.items()}
