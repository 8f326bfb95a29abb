"""Whether two periodic structures are the same, by pymatgen's StructureMatcher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ase import Atoms

from hpcpot.errors import DependencyError

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass(frozen=True)
class MatchTolerances:
    """Tolerances of StructureMatcher; the defaults are pymatgen's.

    Attributes:
        length: largest difference of edges, in parts of their length. angle: degrees, of angles.
        site: largest distance of two sites, in parts of the cube root of the volume of an atom.
    """

    length: float = 0.2
    site: float = 0.3
    angle: float = 5.0


class StructureComparison:
    """Compares structures at their mean volume: a difference of volumes alone is none.

    Raises:
        DependencyError: pymatgen is not installed.
    """

    def __init__(self, tolerances: MatchTolerances | None = None):
        require_pymatgen("comparison of structures")
        from pymatgen.core.structure_matcher import StructureMatcher  # late: takes seconds

        given = tolerances or MatchTolerances()
        self._matcher = StructureMatcher(ltol=given.length, stol=given.site, angle_tol=given.angle)

    def reduced(self, atoms: Atoms) -> Structure:
        """The Niggli-reduced primitive cell, which `match` compares; made once of a structure that is compared often."""
        from pymatgen.core import Structure

        structure = Structure(atoms.cell.array, atoms.get_chemical_symbols(), atoms.get_scaled_positions())
        return structure.get_reduced_structure(reduction_algo="niggli").get_primitive_structure()

    def match(self, first: Structure, second: Structure) -> bool:
        """Whether two structures, as `reduced` returns them, are the same."""
        return bool(self._matcher.fit(first, second, skip_structure_reduction=True))

    def are_same(self, first: Atoms, second: Atoms) -> bool:
        """Whether two structures are the same."""
        return self.match(self.reduced(first), self.reduced(second))


def require_pymatgen(where: str) -> None:
    """Refuse to go on without pymatgen. Args: where: what needs it, for the message.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        import pymatgen.core  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            f"{where} = pymatgen is not installed: it has the matcher of structures; pip install hpcpot[search]."
        ) from error
