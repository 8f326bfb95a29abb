"""Errors of predicted labels: tables of RMSE, MAE and R², for all frames, each group, each element, each frame.

Energies are compared per atom, forces and virials component by component, virials per atom. R² = 1 - sum (p - l)² /
sum (l - mean l)² of labels l and predictions p.
"""

from __future__ import annotations

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.predict import Predicted
from hpcpot.dataset.statistics import ALL
from hpcpot.storage.tables import Columns
from hpcpot.units import EV_PER_A3_IN_GPA

MEV = 1000.0


def by_group(dataset: DataSet, predicted: Predicted) -> Columns:
    """A row for each group, and the last for all frames."""
    groups = [str(group) for group in np.unique(dataset.groups)]
    masks = [dataset.groups == group for group in groups] + [np.ones(len(dataset), bool)]
    return {"group": np.array([*groups, ALL])} | stacked([row(dataset, predicted, mask) for mask in masks])


def largest_by_group(dataset: DataSet, values: np.ndarray) -> np.ndarray:
    """The largest of a value of each frame, in the rows of `by_group`."""
    return np.array([*(values[dataset.groups == group].max() for group in np.unique(dataset.groups)), values.max()])


def row(dataset: DataSet, predicted: Predicted, frames: np.ndarray) -> dict[str, float]:
    """Compute the errors over some frames, (n,) bool; NaN where no frame has the label."""
    energy, virial = energy_errors(dataset, predicted), virial_errors(dataset, predicted)
    stress = stress_errors(dataset, predicted)
    atoms = frames[dataset.frame_of]
    return {
        "frames": int(frames.sum()),
        "atoms": int(atoms.sum()),
        "energy_rmse_meV_per_atom": rmse(MEV * energy[frames]),
        "energy_mae_meV_per_atom": mae(MEV * energy[frames]),
        "force_rmse_eV_per_A": rmse(predicted.forces[atoms] - dataset.forces[atoms]),
        "force_mae_eV_per_A": mae(predicted.forces[atoms] - dataset.forces[atoms]),
        "force_r2": r2(dataset.forces[atoms], predicted.forces[atoms]),
        "virial_rmse_meV_per_atom": rmse(MEV * virial[frames]),
        "virial_mae_meV_per_atom": mae(MEV * virial[frames]),
        "stress_rmse_GPa": rmse(stress[frames]),
        "stress_mae_GPa": mae(stress[frames]),
    }


def by_element(dataset: DataSet, predicted: Predicted) -> Columns:
    """Errors of the forces on each element."""
    rows = []
    present = [t for t in range(len(dataset.elements)) if (dataset.species == t).any()]
    for t in present:
        labels, forces = dataset.forces[dataset.species == t], predicted.forces[dataset.species == t]
        rows.append(
            {
                "atoms": len(labels),
                "force_rmse_eV_per_A": rmse(forces - labels),
                "force_mae_eV_per_A": mae(forces - labels),
                "force_r2": r2(labels, forces),
            }
        )
    return {"element": np.array([dataset.elements[t] for t in present])} | stacked(rows)


def by_frame(dataset: DataSet, predicted: Predicted) -> Columns:
    """Labels, predictions and errors of each frame."""
    errors = predicted.forces - dataset.forces
    squares = np.add.reduceat((errors**2).sum(axis=1), dataset.first[:-1]) / (3 * dataset.sizes)
    return {
        "source": dataset.sources,
        "group": dataset.groups,
        "atoms": dataset.sizes,
        "energy_eV": dataset.energies,
        "predicted_energy_eV": predicted.energies,
        "energy_error_meV_per_atom": MEV * energy_errors(dataset, predicted),
        "force_rmse_eV_per_A": np.sqrt(squares),
        "force_error_most_eV_per_A": largest_errors(dataset, predicted),
        "stress_rmse_GPa": np.sqrt((stress_errors(dataset, predicted) ** 2).mean(axis=(1, 2))),
    }


def energy_errors(dataset: DataSet, predicted: Predicted) -> np.ndarray:
    """(n,) eV/atom."""
    return (predicted.energies - dataset.energies) / dataset.sizes


def virial_errors(dataset: DataSet, predicted: Predicted) -> np.ndarray:
    """(n, 3, 3) eV/atom."""
    return (predicted.virials - dataset.virials) / dataset.sizes[:, None, None]


def stress_errors(dataset: DataSet, predicted: Predicted) -> np.ndarray:
    """(n, 3, 3) GPa; NaN where an axis is not periodic."""
    whole = dataset.periodic.all(axis=1)
    stress = -(predicted.virials - dataset.virials) / dataset.volumes[:, None, None] * EV_PER_A3_IN_GPA
    return np.where(whole[:, None, None], stress, np.nan)


def largest_errors(dataset: DataSet, predicted: Predicted) -> np.ndarray:
    """(n,) eV/Å, the largest |predicted force - label| in each frame."""
    return np.maximum.reduceat(np.linalg.norm(predicted.forces - dataset.forces, axis=1), dataset.first[:-1])


def shifts(dataset: DataSet, predicted: Predicted) -> tuple[np.ndarray, float]:
    """One energy for each element that the labels have more than the predictions, eV, and the RMSE left, meV/atom.

    Labels of another reference of the energy differ by just that.
    """
    known = np.isfinite(dataset.energies)
    if not known.any():
        return np.full(len(dataset.elements), np.nan), np.nan
    shares = dataset.counts[known] / dataset.sizes[known, None]
    errors = energy_errors(dataset, predicted)[known]
    fit = np.linalg.lstsq(shares, -errors, rcond=None)[0]
    return fit, rmse(MEV * (errors + shares @ fit))


def rmse(errors: np.ndarray) -> float:
    """Root mean square of the finite values; NaN without any."""
    known = errors[np.isfinite(errors)]
    return float(np.sqrt(np.mean(known**2))) if known.size else np.nan


def mae(errors: np.ndarray) -> float:
    """Mean absolute value of the finite values; NaN without any."""
    known = np.abs(errors[np.isfinite(errors)])
    return float(known.mean()) if known.size else np.nan


def r2(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Coefficient of determination over the finite labels; NaN where they are all the same."""
    known = np.isfinite(labels)
    spread = float(((labels[known] - labels[known].mean()) ** 2).sum()) if known.any() else 0.0
    return 1.0 - float(((predicted[known] - labels[known]) ** 2).sum()) / spread if spread else np.nan


def stacked(rows: list[dict[str, float]]) -> Columns:
    """Rows as columns."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]} if rows else {}
