"""What is said of a structure file while it is read."""

import warnings

from hpcpot.notices import InputNotice
from hpcpot.structure import files


def notes(path, *arguments, **keywords):
    """The structure, and the text of each note."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        atoms = files.read(path, *arguments, **keywords)
    assert all(issubclass(warning.category, InputNotice) for warning in caught)
    return atoms, [str(warning.message) for warning in caught]
