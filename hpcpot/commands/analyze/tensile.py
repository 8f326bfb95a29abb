"""Results of a tensile test: curve, Young's modulus and its dependence on the fit window, strength."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import numpy as np

from hpcpot.analysis import tension
from hpcpot.analysis.tension import Curve, Modulus, Strength
from hpcpot.commands.analyze import pull
from hpcpot.commands.analyze.pull import Pull
from hpcpot.commands.analyze.settings import AnalyzeSettings
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.storage.tables import Columns, read_csv

QUANTITIES = {
    "youngs_modulus_GPa": ("Young's modulus", "GPa"),
    "ultimate_strength_GPa": ("ultimate strength", "GPa"),
    "strain_at_ultimate_strength": ("strain at the ultimate strength", ""),
    "failure_strain": ("failure strain", ""),
    "toughness_GPa": ("toughness", "GPa"),
}
"""Quantity of the table `summary` -> words and unit."""
UNITS_OF_MODULUS = dict.fromkeys(("slope", "intercept", "standard_error", "correlated_error"), "_GPa")
"""Ends of the columns of the table `modulus`."""


@dataclass(frozen=True)
class Published:
    """Published values to compare with: label, (k, 2) strain and stress in GPa, Young's modulus in GPa."""

    label: str
    points: np.ndarray | None
    modulus: float | None


@dataclass(frozen=True)
class Tensile:
    """A curve, the meaning of its stress, the fit in the chosen window, fits in windows around it, and the strength."""

    curve: Curve
    stress: str
    fit: Modulus
    windows: list[Modulus]
    strength: Strength
    published: Published

    def text(self) -> str:
        """Format the results, a line each."""
        fit, strength, slopes = self.fit, self.strength, [window.slope for window in self.windows]
        published = self.published.modulus
        beside = "" if published is None else f"; {self.published.label} {published:g}"
        failed = "not reached" if np.isnan(strength.failure_strain) else f"{strength.failure_strain:.4f}"
        return "\n".join(
            [
                f"stress             {self.stress}",
                f"Young's modulus    {fit.slope:.2f} ± {fit.correlated_error:.2f} GPa, strain {fit.low:g} to {fit.high:g}, "
                f"{fit.points} samples; other windows {min(slopes):.2f} to {max(slopes):.2f}{beside}",
                f"ultimate strength  {strength.ultimate:.3f} GPa at strain {strength.strain:.4f}, smoothed over "
                f"{tension.SMOOTHING / 1000:g} ps",
                f"failure strain     {failed} (stress below {tension.FAILED:g} of the ultimate strength)",
                f"toughness          {strength.toughness:.3f} GPa = 10^9 J/m^3"
                + (", to the end of the curve" if np.isnan(strength.failure_strain) else ""),
            ]
        )

    def tables(self) -> dict[str, Columns]:
        """Tables by name: stress_strain, modulus (a row per window, the chosen one first), summary."""
        curve, strength = self.curve, self.strength
        rows = [asdict(fit) for fit in [self.fit, *self.windows]]
        numbers = {
            "youngs_modulus_GPa": self.fit.slope,
            "youngs_modulus_error_GPa": self.fit.correlated_error,
            "ultimate_strength_GPa": strength.ultimate,
            "strain_at_ultimate_strength": strength.strain,
            "failure_strain": strength.failure_strain,
            "toughness_GPa": strength.toughness,
        }
        return {
            "stress_strain": {
                "time_ps": curve.times / 1000.0,
                "strain": curve.strain,
                "stress_GPa": curve.stress,
                "smoothed_stress_GPa": tension.smoothed(curve),
            },
            "modulus": {
                field.name + UNITS_OF_MODULUS.get(field.name, ""): np.array([row[field.name] for row in rows])
                for field in fields(Modulus)
            },
            "summary": {"quantity": np.array(list(numbers)), "value": np.array(list(numbers.values()))},
        }


def measure(reader: TrajectoryReader, pulled: Pull, settings: AnalyzeSettings) -> Tensile:
    """Evaluate the tensile test of a trajectory.

    Raises:
        ConfigError: a window outside the curve. OutputError: the trajectory lacks something.
    """
    curve = pull.read_curve(reader, pulled, settings)
    fit = tension.modulus(curve, *settings.curve.fit_window)
    windows = tension.sensitivity(curve, *settings.curve.fit_window)
    return Tensile(curve, meaning(settings), fit, windows, tension.strength(curve), read_published(settings))


def meaning(settings: AnalyzeSettings) -> str:
    """Describe the stress: its force, and its area."""
    curve = settings.curve
    if curve.stress == "grip":
        return f"force on the moving grip over pi R^2, R = {curve.particle_radius_A:g} Å"
    if curve.particle_radius_A is not None:
        return f"virial and motion of all atoms over 4/3 pi R^3, R = {curve.particle_radius_A:g} Å"
    return f"of the cell, over its {'present' if curve.area == 'current' else 'first'} cross-section"


def read_published(settings: AnalyzeSettings) -> Published:
    published = settings.published
    points = [] if published.file is None else [read_csv(published.file, 2)]
    points += [] if published.points is None else [np.array(published.points)]
    return Published(published.label, np.concatenate(points) if points else None, published.modulus_GPa)
