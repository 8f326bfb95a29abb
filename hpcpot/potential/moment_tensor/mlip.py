"""Moment tensor potentials of MLIP-2 and MLIP-3: `.mtp` and `.almtp` files of version 1.1.0.

Source: MLIP-2, dev_src/mtpr.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hpcpot import inputs
from hpcpot.errors import ModelError
from hpcpot.notices import notice
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.naming import elements_of
from hpcpot.potential.parsing import Head, reading
from hpcpot.structure.elements import is_element

HEADER = "MTP"
SELECTION = b"\n#MVS_v"
"""Begins the state of MLIP's active learning, behind the potential of an .almtp file."""
VERSION = "1.1.0"
RADIAL_BASIS = "RBChebyshev"
MOST_TYPES = 118
KEYS = {
    "version",
    "potential_name",
    "scaling",
    "species_count",
    "potential_tag",
    "radial_basis_type",
    "min_dist",
    "max_dist",
    "radial_basis_size",
    "radial_funcs_count",
    "alpha_moments_count",
    "alpha_index_basic_count",
    "alpha_index_basic",
    "alpha_index_times_count",
    "alpha_index_times",
    "alpha_scalar_moments",
    "alpha_moment_mapping",
    "species_coeffs",
    "moment_coeffs",
}
TRAINED = ("species_coeffs", "moment_coeffs", "radial_coeffs")


def is_mtp(head: Head) -> bool:
    """True for a file that begins with MTP; the selection state that MLIP may append to it is binary."""
    return head.first_word == HEADER.encode()


def read(path: Path, elements: Sequence[str] | None = None) -> MomentTensor:
    """Read a trained potential.

    Args:
        elements: of the types 0, 1, ...; the file itself has none, unless its potential_tag names them, as files
            that hpcpot writes do.
    Raises:
        ModelError: absent, damaged, untrained, or of a version or radial basis that hpcpot does not compute.
    """
    path = Path(path)
    with reading(path, "moment tensor potential"):
        values, radial = _parse(path)
    _require(path, values, radial)
    with reading(path, "moment tensor potential"):
        model = _assembled(values, radial, _elements(path, values, elements))
        _check(path, values, model)  # which reads further values
    return model


def _parse(path: Path) -> tuple[dict[str, str], dict[tuple[int, int], list[list[float]]]]:
    """Values by key, a `scaling` given twice multiplied; radial coefficients by pair of types."""
    text, selection, _ = inputs.read_bytes(path).partition(SELECTION)
    if selection:
        notice(f"{path}: selection state (#MVS)", "not used: a potential is read, extrapolation grades are not.")
    lines = text.decode("utf-8-sig").splitlines()
    if not lines or lines[0].strip() != HEADER:
        raise ValueError(f"its first line is not {HEADER}")
    values: dict[str, str] = {}
    radial: dict[tuple[int, int], list[list[float]]] = {}
    for number, line in enumerate((line.strip() for line in lines[1:]), 2):
        key, equals, value = (part.strip() for part in line.partition("="))
        pair = re.fullmatch(r"(\d+)-(\d+)", line)
        if pair:
            rows = radial.setdefault((int(pair[1]), int(pair[2])), [])
        elif line.startswith("{"):
            rows.append(_numbers(line))
        elif equals and key == "scaling" and key in values:
            values[key] = repr(float(values[key]) * float(value))
        elif equals and key in KEYS and key not in values:
            values[key] = value
        elif line and line != "radial_coeffs":
            raise ValueError(f"line {number} is not understood: {line[:40]}")
    return values, radial


def _numbers(text: str) -> list[float]:
    return [float(word) for word in re.split(r"[{},\s]+", text) if word]


def _require(path: Path, values: dict[str, str], radial: dict) -> None:
    """Refuse what hpcpot does not compute, each with its reason."""
    version, kind = values.get("version"), values.get("radial_basis_type")
    if version != VERSION:
        raise ModelError(f"{path}: version = {version}: {VERSION}, of MLIP-2, is required.")
    if kind != RADIAL_BASIS:
        raise ModelError(f"{path}: radial_basis_type = {kind}: {RADIAL_BASIS} is required; train with this basis.")
    lacking = [key for key in TRAINED if not (radial if key == "radial_coeffs" else key in values)]
    if lacking:
        raise ModelError(
            f"{path} = untrained, without {', '.join(lacking)}: a trained potential is required; train it."
        )


def _elements(path: Path, values: dict[str, str], elements: Sequence[str] | None) -> tuple[str, ...]:
    """Elements of the types: of the potential_tag where it is such a list, as in files that hpcpot writes, or given."""
    count, names = int(values["species_count"]), values.get("potential_tag", "").split()
    if not 1 <= count <= MOST_TYPES:
        raise ValueError(f"species_count is {count}")
    if len(names) != count or len(set(names)) != count or not all(is_element(name) for name in names):
        names = [""] * count
    return elements_of(path, names, elements)


def _assembled(values: dict[str, str], radial: dict, elements: tuple[str, ...]) -> MomentTensor:
    count = len(elements)

    def table(key: str, columns: int) -> np.ndarray:
        return np.array(_numbers(values[key]), np.int64).reshape(-1, columns)

    return MomentTensor(
        elements=elements,
        min_distance=float(values["min_dist"]),
        cutoff=float(values["max_dist"]),
        scaling=float(values.get("scaling", "1")),
        radial=np.array([[radial[i, j] for j in range(count)] for i in range(count)], np.float64),
        basics=table("alpha_index_basic", 4),
        products=table("alpha_index_times", 4),
        scalars=table("alpha_moment_mapping", 1).ravel(),
        coefficients=np.array(_numbers(values["moment_coeffs"])),
        species_energies=np.array(_numbers(values["species_coeffs"])),
    )


def _check(path: Path, values: dict[str, str], model: MomentTensor) -> None:
    """Raises ModelError: what the file says of itself is not so."""
    shape = (len(model.elements),) * 2 + (int(values["radial_funcs_count"]), int(values["radial_basis_size"]))
    if model.radial.shape != shape:
        raise ModelError(
            f"{path}: radial_coeffs = {model.radial.shape}: {shape} numbers (types, types, functions, size) are required; "
            "the file is damaged or of another program."
        )
    lists = {
        "alpha_index_basic_count": len(model.basics),
        "alpha_index_times_count": len(model.products),
        "alpha_scalar_moments": len(model.scalars),
        "alpha_moments_count": model.basis.n_moments,
    }
    for key, count in lists.items():
        if int(values[key]) != count:
            raise ModelError(
                f"{path}: {key} = {int(values[key])}: {count}, as the lists have, is required; the file is damaged or of "
                "another program."
            )
