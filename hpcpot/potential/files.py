"""Model files: hpcpot's own HDF5 file, the models that ship with hpcpot, and the files of other programs.

Own file: a line with the sha256 of all that follows it (an HDF5 user block: other programs skip it), since the HDF5
library can crash on damaged bytes; then HDF5 with root attributes format, version, family, elements, cutoff (Å),
units, hash, created_by; group `provenance`, whose attributes are texts; group `parameters`, the fields of the family's
dataclass as hpcpot.potential.tree writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import h5py

import hpcpot
from hpcpot import data, inputs
from hpcpot.errors import ModelError
from hpcpot.outputs import Replacement, refuse_existing
from hpcpot.potential import tree
from hpcpot.potential.border import HDF5_SIGNATURE, reading
from hpcpot.potential.chebyshev import aenet
from hpcpot.potential.chebyshev.model import Chebyshev
from hpcpot.potential.deep_potential import deepmd, deepmd_frozen
from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.potential.moment_tensor import mlip
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.tree import fingerprint

__all__ = ["FAMILIES", "family_name", "fingerprint", "load", "save"]

FORMAT, VERSION = "hpcpot-model", 1
USER_BLOCK = 512
"""Bytes before the HDF5 part; HDF5 allows 512, 1024, 2048, ..."""
UNITS = "Å, eV"
FAMILIES: dict[str, type] = {
    "deep_potential": DeepPotential,
    "chebyshev": Chebyshev,
    "moment_tensor": MomentTensor,
    "lennard_jones": LennardJones,
}
"""Name of a family in the file -> the dataclass of its parameters."""

ACCEPTED = (
    "an hpcpot model (.h5), a DeePMD-kit model (.dp, .yaml, frozen .pb), aenet networks (.nn, .ann, .nn.ascii) or a "
    "moment tensor potential of MLIP-2 (.mtp)"
)
FOREIGN_SIGNATURES = {
    b"PK\x03\x04": "a zip archive (`dp convert-backend MODEL MODEL.dp` turns a DeePMD-kit .pth into a .dp)",
    b"\x1f\x8b": "a gzip archive; unpack it",
}
SNIFFED = 65536
"""Bytes at the beginning of a file that tell what it is."""


def load(
    source: str | Path | Sequence[str | Path], angular_domain: str = "auto", elements: Sequence[str] | None = None
) -> Any:
    """Reads the parameters of a potential; what a file is, its content tells.

    Args:
        source: a model file, the name of a model that ships with hpcpot ("lisi"), or the network files of aenet, one
            per element (a sequence, or their names with commas between).
        angular_domain: auto, cos or legacy, for aenet (see importers.aenet.read).
        elements: of the types of a .mtp (see importers.mlip.read).
    Returns:
        A dataclass of FAMILIES.
    Raises:
        ModelError: absent, damaged, foreign or of a kind that hpcpot does not compute.
    """
    if isinstance(source, str) and "," in source:
        source = [part.strip() for part in source.split(",")]
    if not isinstance(source, (str, Path)):
        paths = [Path(path) for path in source]
        for path in paths:
            _require_aenet(path)
        return aenet.read(paths, angular_domain)
    path = _located(source)
    kind = _sniffed(path)
    if kind == "aenet":
        return aenet.read([path], angular_domain)
    if kind == "mlip":
        return mlip.read(path, elements)
    return {"own": _read_own, "native": deepmd.read_native, "frozen": deepmd_frozen.read_frozen}[kind](path)


def save(model: Any, path: Path, provenance: dict[str, str], overwrite: bool = False) -> None:
    """Writes an hpcpot model file, aside and then renamed.

    Args:
        model: a dataclass of FAMILIES.
        provenance: texts by name: where the parameters come from.
    Raises:
        OutputError: the file exists and `overwrite` is not set, or it cannot be written.
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    with Replacement(path) as part:
        with h5py.File(part, "w", userblock_size=USER_BLOCK) as file:
            file.attrs.update(
                format=FORMAT,
                version=VERSION,
                family=family_name(model),
                elements=list(model.elements),
                cutoff=float(model.cutoff),
                units=UNITS,
                hash=f"sha256:{fingerprint(model)}",
                created_by=f"hpcpot {hpcpot.__version__}",
            )
            file.create_group("provenance").attrs.update(provenance)
            tree.write(file.create_group("parameters"), model)
        with part.open("r+b") as file:
            file.write(_first_line(part.read_bytes()[USER_BLOCK:]))


def family_name(model: Any) -> str:
    """The name in FAMILIES of a model's class."""
    return next(name for name, kind in FAMILIES.items() if type(model) is kind)


def _first_line(content: bytes) -> bytes:
    return f"{FORMAT} sha256 {sha256(content).hexdigest()}\n".encode().ljust(USER_BLOCK)


def _read_own(path: Path) -> Any:
    with reading(path, "hpcpot model"):
        content = path.read_bytes()
        if content[:USER_BLOCK] != _first_line(content[USER_BLOCK:]):
            raise ValueError("its bytes do not have the sha256 of its first line")
        return _parsed_own(path)


def _parsed_own(path: Path) -> Any:
    with h5py.File(path, "r") as file:
        version, family = int(file.attrs["version"]), str(file.attrs["family"])
        if version != VERSION or family not in FAMILIES:
            raise ModelError(
                f"{path}: version, family = {version}, {family}: version {VERSION} and one of {', '.join(FAMILIES)} "
                "are required; a newer hpcpot may read it."
            )
        model = tree.read(file["parameters"], FAMILIES[family])
        stored, found = str(file.attrs["hash"]), f"sha256:{fingerprint(model)}"
    if stored != found:
        raise ModelError(
            f"{path}: hash of the parameters = {found[:19]}…: {stored[:19]}…, as when it was written, is required; the "
            "file is damaged or was edited; copy it again or convert the original again."
        )
    return model


def _located(source: str | Path) -> Path:
    """The path, or the path of the shipped model of that name."""
    found = inputs.find(source, or_folder=True)
    if found is None:
        files = {name: data.find(f"{name}.h5") for name in data.names()}
        models = ", ".join(one for one, file in files.items() if file and file.read_bytes().startswith(FORMAT.encode()))
        raise ModelError(f"{source} = no such file: {ACCEPTED} is required, or the name of a shipped model: {models}.")
    return found


def _sniffed(path: Path) -> str:
    """own, native, frozen, mlip or aenet, by the first bytes.

    Raises:
        ModelError: none of these.
    """
    with reading(path, "model"):
        with path.open("rb") as file:
            head = file.read(SNIFFED)
        if head.startswith(HDF5_SIGNATURE):
            return _sniffed_hdf5(path)
    if head.startswith(FORMAT.encode()):
        return "own"
    if head.startswith((4).to_bytes(4, "little")):
        return "aenet"
    is_text = not any(byte < 32 and byte not in b"\t\n\r\f" for byte in head)
    if is_text and b"@class" in head:
        return "native"
    if is_text and head.split(maxsplit=1)[:1] == [mlip.HEADER.encode()]:
        return "mlip"
    if is_text and head.split()[:1] and head.split()[0].isdigit():
        return "aenet"
    if not is_text and head.startswith(b"\n"):  # 0x0a: a protobuf whose field 1 comes first
        return "frozen"
    found = "an empty file" if not head else f"a {'text' if is_text else 'binary'} file that begins with {head[:16]!r}"
    for signature, name in FOREIGN_SIGNATURES.items():
        if head.startswith(signature):
            found = name
    raise ModelError(f"{path} = {found}: {ACCEPTED} is required.")


def _sniffed_hdf5(path: Path) -> str:
    with h5py.File(path, "r") as file:
        if "json" in file.attrs:
            return "native"
        members = ", ".join(list(file)[:5]) or "nothing"
    raise ModelError(f"{path} = an HDF5 file with {members}, no model: {ACCEPTED} is required.")


def _require_aenet(path: Path) -> None:
    if _sniffed(path) != "aenet":
        raise ModelError(
            f"{path} = not an aenet network: several files must be the networks of one aenet potential; name one model."
        )
