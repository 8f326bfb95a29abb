"""Model deviation: spread of the predictions of a committee of models, as defined by DeePMD-kit and DP-GEN.

Source: deepmodeling/deepmd-kit deepmd/infer/model_devi.py; Zhang et al., Phys. Rev. Materials 3, 023804 (2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from hpcpot.analysis.observable import Arrays, Frame, Rows
from hpcpot.config import find_input
from hpcpot.errors import ConfigError
from hpcpot.storage.tables import Columns


def force_deviations(forces: np.ndarray, level: float | None = None) -> np.ndarray:
    """Deviation of the forces, d_i = |std over models of F_i|, component by component: (atoms,) eV/Å.

    Args:
        forces: (models, atoms, 3) eV/Å.
        level: eV/Å; relative form, d_i / (|mean over models of F_i| + level), without unit.
    """
    deviations = np.linalg.norm(np.std(forces, axis=0), axis=1)
    return deviations if level is None else deviations / (np.linalg.norm(np.mean(forces, axis=0), axis=1) + level)


def virial_deviations(virials: np.ndarray, sizes: np.ndarray, level: float | None = None) -> np.ndarray:
    """Standard deviation over the models of each component of virial / atoms: (frames, 3, 3) eV.

    Args:
        virials: (models, frames, 3, 3) eV. sizes: (frames,) atoms.
        level: eV; relative form, divided by |mean over models of virial / atoms| (of all nine components) + level.
    """
    per_atom = virials / sizes[:, None, None]
    deviations = np.std(per_atom, axis=0)
    if level is None:
        return deviations
    return deviations / (np.linalg.norm(np.mean(per_atom, axis=0), axis=(1, 2))[:, None, None] + level)


def by_frame(
    energies: np.ndarray,
    forces: np.ndarray,
    virials: np.ndarray,
    first: np.ndarray,
    level: float | None = None,
    virial_level: float | None = None,
) -> dict[str, np.ndarray]:
    """Largest, smallest and mean deviation in each frame, named as by `dp model-devi`: (frames,) each.

    Args:
        energies: (models, frames) eV. forces: (models, atoms, 3) eV/Å. virials: (models, frames, 3, 3) eV.
        first: (frames + 1,) first atom of each frame.
    """
    sizes = np.diff(first)
    force = force_deviations(forces, level)
    virial = virial_deviations(virials, sizes, virial_level).reshape(-1, 9)
    return {
        "max_devi_v": virial.max(axis=1),
        "min_devi_v": virial.min(axis=1),
        "avg_devi_v": np.sqrt((virial**2).mean(axis=1)),
        "max_devi_f": np.maximum.reduceat(force, first[:-1]),
        "min_devi_f": np.minimum.reduceat(force, first[:-1]),
        "avg_devi_f": np.add.reduceat(force, first[:-1]) / sizes,
        "devi_e": np.std(energies / sizes, axis=0),
    }


class ModelDeviation:
    """Observable: largest, smallest and mean deviation of the forces of several models, computed on one rank.

    `sample` returns deviations (n,) float64, eV/Å.

    Args:
        first: unused. files: models, relative to the current folder, or names of shipped ones.
    Raises:
        ConfigError: fewer than two models, or a missing file.
    """

    def __init__(self, first: Frame, files: Sequence[str]):
        if len(files) < 2:
            raise ConfigError("observe.deviation.files = one model: must be at least two to be apart; add another.")
        try:
            self._files = [find_input(str(name), Path()) for name in files]
        except ValueError as error:
            raise ConfigError(f"observe.deviation.files = {', '.join(map(str, files))}: {error}.") from error
        self._rows = Rows()

    def sample(self, frame: Frame) -> Arrays:
        from hpcpot.potential.calculator import evaluate  # this module is also imported for its formulas alone

        deviations = force_deviations(np.stack([evaluate(frame.atoms, model).forces for model in self._potentials]))
        name = "force_deviation_eV_A"
        numbers = {f"max_{name}": deviations.max(), f"min_{name}": deviations.min(), f"mean_{name}": deviations.mean()}
        self._rows.add(frame, numbers)
        return {"deviations": deviations}

    def merge(self, other: ModelDeviation) -> None:
        self._rows.merge(other._rows)

    def result(self) -> dict[str, Columns]:
        return {"deviation": self._rows.columns()}

    def state(self) -> Arrays:
        return self._rows.state()

    def restore(self, arrays: Arrays) -> None:
        self._rows.restore(arrays)

    @cached_property
    def _potentials(self) -> list:
        from hpcpot.potential import files
        from hpcpot.potential.blocks import BlockPotential

        return [BlockPotential(files.load(file)) for file in self._files]
