"""Labels that exist already, as a calculator: of a pool of labelled structures, or calculated elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator as AseCalculator
from ase.calculators.calculator import all_changes

from hpcpot.dataset import files
from hpcpot.dataset.dataset import frame_key, frame_keys
from hpcpot.errors import ConfigError, DataError
from hpcpot.notices import notice


class KnownLabels(AseCalculator):
    """ASE calculator that looks labels up in a data set: energy (eV), forces (eV/Å), stress (eV/Å³) where there is a virial.

    A structure is known if its elements, positions, cell and boundaries are those of a frame, bit by bit.

    Args:
        file: labelled structures of any format that hpcpot reads, or a folder of them.
    Raises:
        ConfigError: no such data, or frames that are equal but for their labels.
        DataError: in `calculate`, a structure that is not among them, or without energy or forces.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, file: str | Path, **parameters):
        super().__init__(**parameters)
        self._file = Path(file)
        try:
            self._data = files.load([self._file])
        except DataError as error:
            raise ConfigError(f"calculator.arguments.file = {file}: cannot be read ({error})") from error
        if self._data.raw is not None:
            notice(
                f"calculator.arguments.file: {file}",
                "labels with a correction in them; leave calculator.correction out, which would add another",
            )
        self._rows: dict[str, int] = {}
        for k, key in enumerate(frame_keys(self._data)):
            other = self._rows.setdefault(key, k)
            if other != k and not _are_equal(self._data.frame(k), self._data.frame(other)):
                raise ConfigError(
                    f"calculator.arguments.file = {file}: frames {self._data.sources[other]} and {self._data.sources[k]} are "
                    "one structure with two labels: must have one; leave one out (hpcpot dataset --drop)."
                )

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """Look up the labels of `atoms`, see ASE."""
        super().calculate(atoms, properties, system_changes)
        row = self._rows.get(frame_key(self.atoms))
        if row is None:
            raise DataError(
                f"structure = {self.atoms.get_chemical_formula()} that is not in {self._file}: must be one of its "
                f"{len(self._data)} frames, as they are; label it by another calculator."
            )
        self.results = dict(self._data.frame(row).calc.results)
        if lacking := {"energy", "forces"} - self.results.keys():
            raise DataError(f"{self._data.sources[row]} = no {min(lacking)}: must be there for a label; leave it out.")
        self.results["free_energy"] = self.results["energy"]


def _are_equal(atoms: Atoms, other: Atoms) -> bool:
    results, others = atoms.calc.results, other.calc.results
    return results.keys() == others.keys() and all(np.array_equal(results[name], others[name]) for name in results)
