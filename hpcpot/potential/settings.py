"""The keys by which every command is told its potential."""

from __future__ import annotations

from hpcpot.config import Key
from hpcpot.config.kinds import choice, either, file_name, list_of
from hpcpot.potential.registry import KERNEL_SETS, PRECISIONS

KEYS = (
    Key(
        "potential.file",
        either(file_name(), list_of(file_name(), "a list of files, one per element")),
        "model: hpcpot .h5, DeePMD-kit, aenet, or a shipped name such as lisi",
        is_input=True,
    ),
    Key("potential.kernels", choice(*KERNEL_SETS), "cpu: compiled; reference: readable NumPy, slow", "cpu"),
    Key(
        "potential.precision",
        choice(*PRECISIONS),
        "mixed: float32 network and tables of a Deep Potential, twice as fast; forces within 1e-4 eV/Å",
        "float64",
    ),
)
