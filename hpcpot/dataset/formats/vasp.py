"""OUTCAR and vasprun.xml of VASP, as ASE reads them: each ionic step a frame.

The energy is TOTEN, which goes with the forces, unless the user names another.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hpcpot.dataset.dataset import Labelled, labelled
from hpcpot.dataset.formats.ase_frames import frames
from hpcpot.dataset.formats.reading import ReadOptions, as_data_error, group_of_folder, source_of

KIND = "OUTCAR or vasprun.xml"


def read(path: Path, root: Path, options: ReadOptions) -> Iterator[Labelled]:
    """Read all ionic steps; their group is the folder.

    Raises:
        DataError: absent or not whole.
    """
    kind = "vasp-xml" if ".xml" in path.name else "vasp-out"
    source, group, energy = source_of(path, root), group_of_folder(path, root), options.names.energy or "free_energy"
    for k, atoms in frames(path, kind, KIND):
        with as_data_error(path, KIND):
            if atoms.calc is None:
                raise ValueError("no ionic step is complete")
            yield labelled(atoms, f"{source}:{k}", group, energy)
