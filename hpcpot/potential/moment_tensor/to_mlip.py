"""Moment tensor potentials for MLIP-2: `.mtp` files of version 1.1.0, in the layout of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpcpot.outputs import Replacement, refuse_existing
from hpcpot.potential.moment_tensor.mlip import HEADER, RADIAL_BASIS, VERSION
from hpcpot.potential.moment_tensor.model import MomentTensor


def write(model: MomentTensor, path: Path, overwrite: bool = False) -> None:
    """Write a `.mtp` file, aside and then renamed; the elements of the types go into its potential_tag.

    Raises:
        OutputError: the file exists and `overwrite` is not set, or it cannot be written.
    """
    refuse_existing(path, overwrite)
    with Replacement(path) as part:
        part.write_text(_text(model))


def _text(model: MomentTensor) -> str:
    species, functions, size = model.radial.shape[1:]
    lines = [
        HEADER,
        f"version = {VERSION}",
        "potential_name = MTP",
        f"scaling = {_number(model.scaling)}",
        f"species_count = {species}",
        f"potential_tag = {' '.join(model.elements)}",
        f"radial_basis_type = {RADIAL_BASIS}",
        f"\tmin_dist = {_number(model.min_distance)}",
        f"\tmax_dist = {_number(model.cutoff)}",
        f"\tradial_basis_size = {size}",
        f"\tradial_funcs_count = {functions}",
        "\tradial_coeffs",
    ]
    for i in range(species):
        for j in range(species):
            lines.append(f"\t\t{i}-{j}")
            lines += [f"\t\t\t{_row(row)}" for row in model.radial[i, j]]
    lines += [
        f"alpha_moments_count = {model.basis.n_moments}",
        f"alpha_index_basic_count = {len(model.basics)}",
        f"alpha_index_basic = {_table(model.basics)}",
        f"alpha_index_times_count = {len(model.products)}",
        f"alpha_index_times = {_table(model.products)}",
        f"alpha_scalar_moments = {len(model.scalars)}",
        f"alpha_moment_mapping = {_list(model.scalars)}",
        f"species_coeffs = {_row(model.species_energies)}",
        f"moment_coeffs = {_row(model.coefficients)}",
    ]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return f"{value:.17e}"


def _row(values: np.ndarray) -> str:
    return "{" + ", ".join(_number(value) for value in values) + "}"


def _list(values: np.ndarray) -> str:
    return "{" + ", ".join(str(value) for value in values.tolist()) + "}"


def _table(rows: np.ndarray) -> str:
    return "{" + ", ".join(_list(row) for row in rows) + "}"
