"""The peer DeePMD-kit: its environment, and the shipped Deep Potential as a compressed model of its own."""

from __future__ import annotations

from pathlib import Path

import h5py
from side_by_side import call, install

from hpcpot.potential.deep_potential.to_deepmd import write_native
from hpcpot.potential.files import load

NAME = "deepmd-kit 3.2.0, compressed"
SHORTEST = 1.5
"""Å; from here `dp compress` tabulates."""
ONE_CORE = {
    "TF_INTRA_OP_PARALLELISM_THREADS": "1",
    "TF_INTER_OP_PARALLELISM_THREADS": "1",
    "DP_INTRA_OP_PARALLELISM_THREADS": "1",
    "DP_INTER_OP_PARALLELISM_THREADS": "1",
}

COMPRESS = """
import importlib, sys
module = importlib.import_module("deepmd.tf.entrypoints.compress")
normalize = module.normalize
module.normalize = lambda settings: normalize(settings | {"learning_rate": {"start_lr": 1e-3, "stop_lr": 1e-8}})
module.compress(input=sys.argv[1], output=sys.argv[2], extrapolate=5, step=0.01, frequency=-1,
                checkpoint_folder="model-compression", training_script=None, mpi_log="master", log_path=None, log_level=30)
"""
"""`dp compress` of 3.2.0 wants a learning rate, which a converted model does not have and compression does not use."""


def prepare(precision: str) -> tuple[Path, str]:
    """The peer's environment and, in it, the name of the compressed model.

    Args:
        precision: float64, or float32 for the network and the tables.
    """
    folder, name = install("deepmd", "deepmd-kit[cpu,lmp]==3.2.0", "ase"), f"lisi_{precision}"
    if not (folder / f"{name}_compressed.pb").exists():
        write_native(load("lisi"), folder / f"{name}.dp", overwrite=True, shortest=SHORTEST)
        with h5py.File(folder / f"{name}.dp", "r+") as file:
            file.attrs["json"] = file.attrs["json"].replace('"precision": "float64"', f'"precision": "{precision}"')
        python = folder / "bin" / "python"
        call([python, folder / "bin" / "dp", "convert-backend", f"{name}.dp", f"{name}.pb"], folder)
        call([python, "-c", COMPRESS, f"{name}.pb", f"{name}_compressed.pb"], folder)
    return folder, f"{name}_compressed.pb"
