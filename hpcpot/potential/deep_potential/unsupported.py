"""Models of DeePMD-kit that hpcpot does not compute, told by what they are before anything else is read.

Source: deepmd-kit 3.2, deepmd/dpmodel/{model,descriptor,fitting}; `type` of each class.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

from hpcpot import inputs
from hpcpot.errors import ModelError
from hpcpot.potential.parsing import HDF5_SIGNATURE, SNIFFED

DESCRIPTORS = {
    "dpa1": "a DPA-1 model",
    "se_atten": "a DPA-1 model (se_atten)",
    "se_atten_v2": "a DPA-1 model (se_atten_v2)",
    "dpa2": "a DPA-2 model",
    "dpa3": "a DPA-3 model",
    "dpa4": "a DPA-4 model",
    "se_e2_r": "a model of descriptor se_e2_r",
    "se_r": "a model of descriptor se_e2_r",
    "se_e3": "a model of descriptor se_e3",
    "se_at": "a model of descriptor se_e3",
    "se_a_3be": "a model of descriptor se_e3",
    "se_e3_tebd": "a model of descriptor se_e3_tebd",
    "hybrid": "a model of several descriptors (hybrid)",
    "loc_frame": "a model of descriptor loc_frame",
    "se_a_tpe": "a model with type embedding (se_a_tpe)",
    "se_a_ebd_v2": "a model with type embedding (se_a_ebd_v2)",
    "se_a_mask": "a model of descriptor se_a_mask",
}
"""DeePMD-kit's type of a descriptor -> what a model of it is."""

SOURCES = {
    "dpa1": "dpa1",
    "dpa2": "dpa2",
    "dpa3": "dpa3",
    "dpa4": "dpa4",
    "se_r": "se_r",
    "se_t": "se_e3",
    "hybrid": "hybrid",
}
"""Module of a descriptor, as the code in a .pth is named -> its type."""

BACKENDS = {
    ".savedmodel": "JAX or TensorFlow",
    ".hlo": "JAX",
    ".jax": "JAX",
    ".pd": "Paddle",
    ".pdiparams": "Paddle",
    ".json": "Paddle",
    ".pt": "PyTorch (a checkpoint)",
    ".pth": "PyTorch",
    ".pt2": "PyTorch",
    ".pte": "PyTorch",
}
"""Suffix of a model that is not native -> its backend."""

CONVERT = "turn it into a .dp by `dp convert-backend {name} {stem}.dp`, which hpcpot reads if it is of se_e2_a"
OTHER_PYTORCH = "a file of PyTorch, not of DeePMD-kit by what it holds: not supported; run it in its own program"
READ_BYTES = 2**22


def refuse_kind(path: Path, model: dict[str, Any], fitting: Any) -> None:
    """Refuse a model that is not of one se_e2_a descriptor with energies, by its name.

    Args:
        model, fitting: DeePMD-kit's sections, of a native model or of input.json (there model.fitting_net).
    Raises:
        ModelError: names what the model is.
    """
    kind = _kind(model, fitting)
    if kind:
        raise ModelError(
            f"{path} = {kind} of DeePMD-kit: not supported; hpcpot computes models of the descriptor se_e2_a with energies; "
            "run it in DeePMD-kit, or train another on its labels."
        )


def _kind(model: dict[str, Any], fitting: Any) -> str | None:
    if "model_dict" in model:
        return f"a multi-task model ({', '.join(map(str, model['model_dict']))[:60]})"
    if model.get("spin") is not None or "backbone_model" in model or str(model.get("type", "")).startswith("spin"):
        return "a model with spin"
    if model.get("type", "standard") != "standard":
        return f"a model of type {model['type']}"
    descriptor = model.get("descriptor")
    if isinstance(descriptor, dict):
        name = str(descriptor.get("type", "se_e2_a")).lower()
        if descriptor.get("spin") is not None:
            return "a model with spin"
        if name not in ("se_e2_a", "se_a"):
            return DESCRIPTORS.get(name, f"a model of descriptor {name}")
    if isinstance(fitting, dict) and fitting.get("type", "ener") != "ener":
        return f"a model of {fitting['type']}, not of energies,"
    return None


def kind_of_backend(path: Path) -> str | None:
    """Describe a model that DeePMD-kit keeps in the files of a backend, and what to do; None for any other file."""
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return _kind_of_yaml(path)
    if re.search(r"\.ckpt(-\d+)?\.(index|meta|data-\d+-of-\d+)$", path.name) or (path / "checkpoint").is_file():
        return "a checkpoint of DeePMD-kit for TensorFlow: not supported; make a frozen .pb of it by `dp freeze`"
    is_zip = path.is_file() and zipfile.is_zipfile(path)
    if path.suffix not in BACKENDS and not is_zip:
        return None
    if is_zip and not _is_of_deepmd(path):
        return OTHER_PYTORCH if _is_of_pytorch(path) else None
    if path.is_file():
        with path.open("rb") as file:
            start = file.read(SNIFFED)
        if start.startswith(HDF5_SIGNATURE) or b"@class" in start:
            return None  # native, whatever its name
    if path.suffix == ".json" and path.is_file() and b'"descriptor"' in start:
        return "the settings of a training (input.json), no model; hpcpot train takes them"
    backend = BACKENDS.get(path.suffix, "PyTorch")
    descriptor = _descriptor_in_zip(path) if is_zip else None
    if descriptor:
        return f"{DESCRIPTORS[descriptor]} of DeePMD-kit for {backend}: not supported; run it in DeePMD-kit"
    return f"a model of DeePMD-kit for {backend}: not supported; {CONVERT.format(name=path.name, stem=path.stem)}"


def _kind_of_yaml(path: Path) -> str | None:
    """Describe a text with a descriptor in it that is no native model; None for any other."""
    content = inputs.read_bytes(path, READ_BYTES).decode(errors="replace")
    if "@class" in content or "descriptor" not in content:
        return None
    if re.search(r"^\s*[\"']?training[\"']?\s*:", content, re.MULTILINE):
        return "the settings of a training, no model; hpcpot train takes them"
    types = re.findall(r"\btype[\"']?\s*:\s*[\"']?(\w+)", content)
    if named := next((name for name in types if name in DESCRIPTORS), None):
        return f"{DESCRIPTORS[named]} of DeePMD-kit: not supported; run it in DeePMD-kit"
    return (
        "a model of DeePMD-kit without the class of each part (@class): must be as `dp convert-backend` writes a .yaml; "
        "write it anew"
    )


def _is_of_pytorch(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/data.pkl") for name in archive.namelist())


def _is_of_deepmd(path: Path) -> bool:
    """Test whether a zip archive names DeePMD-kit in its code, or parts of its models among its words."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if any("deepmd" in name for name in names) or _descriptor_in_zip(path):
                return True
            for name in names:
                if name.endswith("data.pkl"):
                    with archive.open(name) as file:
                        content = file.read(READ_BYTES)
                    return any(word in content for word in (b"deepmd", b"descriptor", b"fitting_net"))
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError):
        return True  # not to be looked into: by its suffix
    return False


def _pickled(word: str) -> tuple[bytes, bytes]:
    """A text as pickles of protocol 2 and of 4 have it: its length in four bytes or one, and another letter behind it."""
    text = word.encode()
    return b"X" + len(text).to_bytes(4, "little") + text, b"\x8c" + len(text).to_bytes(1, "little") + text


def _descriptor_in_zip(path: Path) -> str | None:
    """Type of a descriptor that hpcpot does not compute, by the names of the code in a .pth or the words of a .pt.

    Nothing is unpickled.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if (match := re.search(r"deepmd/\w+/model/descriptor/(\w+)\.py", name)) and match[1] in SOURCES:
                    return SOURCES[match[1]]
            for name in archive.namelist():
                if name.endswith("data.pkl"):
                    with archive.open(name) as file:
                        content = file.read(READ_BYTES)
                    for word in ("dpa1", "dpa2", "dpa3", "dpa4", "se_atten", "se_e3", "se_e2_r", "hybrid"):
                        if any(text in content for text in _pickled(word)):
                            return word
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError):
        return None
    return None
