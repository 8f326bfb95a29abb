"""Groups of one composition whose energies differ by a constant: other settings of the calculations that made them.

Melts lie 0.1 to 0.3 eV/atom above crystals, so energies alone tell nothing. Here they are first explained by the
structure: by a linear model on sums over pairs and their squares, e = w . f + c(unit), whose w is learned from the
differences within units (groups, or files in them) only, which no constant changes. What it leaves between two units
of the same composition is their shift; its error is that of the means and that of w . (f_a - f_b), which is large
where the units' structures differ in a way that no unit shows within itself (Bayesian linear regression; MacKay,
Neural Comput. 4, 415 (1992)).

Two settings inside of one unit leave two heaps of residuals with nothing between them. There the energies are explained by
what forces and virials tell, see `derived`, which leaves some meV/atom; where these lack, by the model above, fitted again with
the heaps as two units until they stay the same. Heaps that the structures of the frames tell apart are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from hpcpot.dataset import derived
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.predict import chunks, neighborhoods

REACH, WIDTH = 5.0, 0.5
"""Å: how far pairs are seen; distance and width of the Gaussians on which they are."""
CENTRES = np.arange(2.0, REACH, WIDTH)
ROOM = 20_000
"""Atoms whose pairs are counted at once."""
FEWEST = 4
"""Frames of a unit in a composition."""
SIGNIFICANT, LEAST = 6.0, 0.01
"""Errors, and eV/atom, that a shift must exceed."""
MISFIT, MISFIT_OF_TERMS, UNSEEN = 0.35, 0.06, 0.02
"""Errors of the model far from what it was fitted to: of its difference, and of the terms that make it up; eV/atom, of
what it does not see, such as a vacancy in 64 atoms."""
DEFECT = 1.0
"""eV to a frame that a defect may cost unseen, where units have different numbers of atoms."""
APART, EMPTY = 6.0, 1.0
"""Of two heaps inside of a unit: their distance and the gap between them over the scatter inside, at least."""
LEAST_INSIDE, LEAST_DERIVED = 0.04, 0.01
"""eV/atom, of their distance at least, by the linear model and by what derivatives tell."""
FEWER, APART_FEWER, LEAST_FEWER = 2, 15.0, 0.05
"""Frames of a heap, distance over scatter and eV/atom where a unit has less than 2 FEWEST frames in a composition."""
DIVISIONS = 5
ITERATIONS = 50
DIGITS = 3
"""Decimals of the shares of elements that are the same composition."""


@dataclass(frozen=True)
class Shift:
    """A difference between two units of frames.

    Attributes:
        rows: frames of the smaller unit. name, other: of the two. value, error: eV/atom, of the first over the other.
    """

    rows: np.ndarray
    name: str
    other: str
    value: float
    error: float

    @property
    def is_significant(self) -> bool:
        """True if it is no matter of chance or of the model."""
        return abs(self.value) > max(LEAST, SIGNIFICANT * self.error)


@dataclass(frozen=True)
class Explained:
    """Energies of a data set, as far as structures explain them.

    Attributes:
        known: rows in the data set of the frames here, those with energies. names: of units.
        cells: (composition, unit) -> rows. features: (n, features). weights: (features,) eV/atom.
        residuals: (n,) eV/atom, that these leave.
    """

    known: np.ndarray
    names: np.ndarray
    cells: dict[tuple[tuple[float, ...], int], np.ndarray]
    features: np.ndarray
    weights: np.ndarray
    residuals: np.ndarray


def explained(dataset: DataSet) -> Explained | None:
    """Explain the energies; None without units that have enough frames of a composition."""
    known = np.flatnonzero(np.isfinite(dataset.energies))
    if not len(known):
        return None
    data = dataset.select(known)
    names, unit = np.unique(_units(data), return_inverse=True)
    cells = _by_composition(data, unit)
    if not cells:
        return None
    features, energies = _features(data), data.energies / data.sizes
    label = np.full(len(data), -1)
    for k, rows in enumerate(cells.values()):
        label[rows] = k
    used = label >= 0
    weights = _regression(features[used], energies[used], label[used])[0]
    return Explained(known, names, cells, features, weights, energies - features @ weights)


def shifts(dataset: DataSet, fit: Explained | None = None) -> list[Shift]:
    """All pairs of units that have frames of the same composition; `fit`: what `explained` says of the data set."""
    fit, differences = fit or explained(dataset), []
    sizes = dataset.sizes if fit is None else dataset.sizes[fit.known]
    for composition in sorted({composition for composition, _ in fit.cells}) if fit else ():
        own = {unit: rows for (other, unit), rows in fit.cells.items() if other == composition}
        if len(own) > 1:
            differences += _within(fit.known, fit.names, own, fit.features, fit.residuals, fit.weights, sizes)
    return differences


def mixtures(dataset: DataSet, fit: Explained | None = None) -> list[Shift]:
    """The smaller heap of frames of each unit and composition whose energies are in two, with nothing between them.

    Each is compared with the rest of its unit; all that are returned are significant.
    """
    fit = fit or explained(dataset)
    cells = fit.cells if fit else {}
    return [
        shift
        for (_, unit), rows in cells.items()
        if (shift := _divided(dataset, fit, rows, str(fit.names[unit]))) is not None
    ]


def _divided(dataset: DataSet, fit: Explained, rows: np.ndarray, name: str) -> Shift | None:
    """The smaller of two heaps among frames of one unit and composition; None if they are one."""
    data, is_small = dataset.select(fit.known[rows]), len(rows) < 2 * FEWEST
    told = derived.residuals(data)
    if told is None and is_small:
        return None
    residuals, is_high = (
        _by_features(fit, rows) if told is None else (told, _higher(told, FEWER if is_small else FEWEST))
    )
    low, high = residuals[~is_high], residuals[is_high]
    scatter = np.sqrt((low.var() * len(low) + high.var() * len(high)) / (len(rows) - 2))
    value = float(np.median(high) - np.median(low))
    modelled = data.energies / data.sizes - residuals
    by_structure = MISFIT * abs(float(modelled[is_high].mean() - modelled[~is_high].mean()))
    by_structure += UNSEEN * _distance(fit.features[rows[is_high]], fit.features[rows[~is_high]])
    least = LEAST_INSIDE if told is None else LEAST_FEWER if is_small else LEAST_DERIVED
    apart = APART_FEWER if is_small else APART
    if value < max(least, apart * scatter, by_structure) or high.min() - low.max() < EMPTY * scatter:
        return None
    is_few = is_high if len(high) <= len(low) else ~is_high
    error = float(scatter * np.sqrt(1 / len(low) + 1 / len(high)))
    return Shift(fit.known[rows[is_few]], name, name, value if is_few is is_high else -value, error)


def _by_features(fit: Explained, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Residuals of frames by the linear model, fitted with their two heaps apart, eV/atom, and which are of the upper."""
    is_high = np.zeros(len(rows), bool)
    for _ in range(DIVISIONS):
        correction = _regression(fit.features[rows], fit.residuals[rows], is_high.astype(int))[0]
        residuals = fit.residuals[rows] - fit.features[rows] @ correction
        before, is_high = is_high, _higher(residuals)
        if (before == is_high).all():
            break
    return residuals, is_high


def _higher(values: np.ndarray, fewest: int = FEWEST) -> np.ndarray:
    """The upper of two parts, of `fewest` or more, whose means are farthest apart for their scatter, (n,) bool."""
    order = np.argsort(values)
    ordered, n = values[order], len(values)
    below = np.arange(fewest, n - fewest + 1)
    sums, squares = (np.concatenate([[0.0], np.cumsum((ordered - ordered.mean()) ** power)]) for power in (1, 2))
    above = n - below
    low, high = sums[below] / below, (sums[-1] - sums[below]) / above
    scatter = squares[below] / below - low**2 + (squares[-1] - squares[below]) / above - high**2
    best = int(np.argmax((high - low) / np.sqrt(np.maximum(scatter, 1e-18))))
    is_high = np.zeros(n, bool)
    is_high[order[below[best] :]] = True
    return is_high


def _within(
    known: np.ndarray,
    names: np.ndarray,
    own: dict[int, np.ndarray],
    features: np.ndarray,
    residuals: np.ndarray,
    weights: np.ndarray,
    sizes: np.ndarray,
) -> list[Shift]:
    """Shifts between units of one composition, for which the weights are corrected first.

    Args:
        known: rows in the data set of the frames here. own: the frames of each unit.
        residuals: eV/atom, that the weights leave. sizes: atoms of each frame.
    """
    rows = np.concatenate(list(own.values()))
    label = np.repeat(np.arange(len(own)), [len(members) for members in own.values()])
    correction, covariance = _regression(features[rows], residuals[rows], label)
    residuals, weights = residuals - features @ correction, weights + correction
    differences = []
    for a, b in combinations(sorted(own, key=lambda unit: len(own[unit])), 2):
        rows_a, rows_b = own[a], own[b]
        apart = features[rows_a].mean(axis=0) - features[rows_b].mean(axis=0)
        variance = sum(np.var(residuals[members], ddof=1) / len(members) for members in (rows_a, rows_b))
        misfit = _misfit(weights * apart, features[rows_a], features[rows_b])
        size, other = np.median(sizes[rows_a]), np.median(sizes[rows_b])
        defect = DEFECT / min(size, other) if size != other else 0.0
        error = float(np.sqrt(variance + apart @ covariance @ apart + misfit**2 + defect**2))
        value = float(np.median(residuals[rows_a]) - np.median(residuals[rows_b]))
        differences.append(Shift(known[rows_a], str(names[a]), str(names[b]), value, error))
    return differences


def _distance(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Squared distance of the means of two units over the spread inside, a mean over features."""
    spread = 0.5 * (features_a.var(axis=0) + features_b.var(axis=0))
    apart = features_a.mean(axis=0) - features_b.mean(axis=0)
    return float(np.mean(apart**2 / np.maximum(spread, 1e-18)))


def _misfit(terms: np.ndarray, features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Error of a linear model over the distance of two units, eV/atom; little where their structures overlap.

    Args:
        terms: (features,) eV/atom, of the difference of energies.
    """
    distance = _distance(features_a, features_b)
    error = np.linalg.norm([MISFIT * terms.sum(), MISFIT_OF_TERMS * np.linalg.norm(terms), UNSEEN])
    return float(error) * distance / (1.0 + distance)


def _units(data: DataSet) -> np.ndarray:
    """Name of what each frame is of: the group, and the file where a group is of several with enough frames."""
    files = np.array([source.rpartition(":")[0] for source in data.sources])
    units = np.array([f"{group} ({file})" for group, file in zip(data.groups, files, strict=True)])
    counts = dict(zip(*np.unique(units, return_counts=True), strict=True))
    several = {group for group in np.unique(data.groups) if len(np.unique(files[data.groups == group])) > 1}
    return np.array(
        [
            unit if group in several and counts[unit] >= FEWEST else str(group)
            for unit, group in zip(units, data.groups, strict=True)
        ]
    )


def _by_composition(data: DataSet, unit: np.ndarray) -> dict[tuple[tuple[float, ...], int], np.ndarray]:
    """Rows of each (composition, unit) that has enough frames."""
    shares = np.round(data.counts / data.sizes[:, None], DIGITS)
    keys: dict[tuple[tuple[float, ...], int], list[int]] = {}
    for k, share in enumerate(shares):
        keys.setdefault((tuple(share), int(unit[k])), []).append(k)
    return {key: np.array(rows) for key, rows in keys.items() if len(rows) >= FEWEST}


def _features(data: DataSet) -> np.ndarray:
    """(n, features): per atom, sums over pairs of each two elements, and squares of sums over all neighbours."""
    n_elements, parts = len(data.elements), []
    for rows in chunks(data.sizes, ROOM):
        part = data.select(rows)
        batch = neighborhoods(part, REACH)
        points, pairs = batch.points(part.positions, part.cells), batch.pairs
        distances = np.linalg.norm(pairs.vectors(points), axis=1)
        centre = np.repeat(np.arange(len(pairs.first) - 1), np.diff(pairs.first))
        species = part.species[batch.owners]
        inside = distances < REACH
        distances, centre, near = distances[inside], centre[inside], species[pairs.neighbors[inside]]
        fade = 0.5 * (1 + np.cos(np.pi * distances / REACH))
        values = []
        for middle in CENTRES:
            shape = fade * np.exp(-0.5 * ((distances - middle) / WIDTH) ** 2)
            sums = np.bincount(centre * n_elements + near, shape, len(part.species) * n_elements)
            sums = sums.reshape(-1, n_elements)
            for t in range(n_elements):
                is_centre = part.species == t
                values += [np.where(is_centre, sums[:, u], 0.0) for u in range(t, n_elements)]
                values.append(np.where(is_centre, sums.sum(axis=1) ** 2, 0.0))
        parts.append(np.add.reduceat(np.array(values), part.first[:-1], axis=1).T / part.sizes[:, None])
    return np.concatenate(parts)


def _regression(features: np.ndarray, energies: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights and their covariance, eV/atom, by differences within labels."""
    counts = np.bincount(label)

    def centred(values: np.ndarray) -> np.ndarray:
        sums = np.zeros((len(counts), values.shape[1]))
        np.add.at(sums, label, values)
        return values - (sums / counts[:, None])[label]

    inner, target = centred(features), centred(energies[:, None])[:, 0]
    scale = np.sqrt((features - features.mean(axis=0)).var(axis=0))
    scale[scale < 1e-12] = 1.0
    inner = inner / scale
    free = len(target) - len(counts)
    u, s, vt = np.linalg.svd(inner, full_matrices=False)
    seen = u.T @ target
    prior, noise = 1.0, max(float(target @ target) / max(free, 1), 1e-12)
    for _ in range(ITERATIONS):
        ratio = s**2 / (s**2 + noise / prior)
        means = np.where(s > 0, ratio * seen / np.where(s > 0, s, 1.0), 0.0)
        effective = float(ratio.sum())
        misfit = float(((seen - s * means) ** 2).sum() + target @ target - seen @ seen)
        prior = max(float(means @ means) / max(effective, 1e-9), 1e-12)
        noise = max(misfit / max(free - effective, 1.0), 1e-12)
    weights = vt.T @ means
    inside = vt.T @ ((noise / (s**2 + noise / prior) - prior)[:, None] * vt)
    covariance = prior * np.eye(len(scale)) + inside
    return weights / scale, covariance / np.outer(scale, scale)
