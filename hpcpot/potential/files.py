"""Model files: hpcpot's own HDF5 file, the models that ship with hpcpot, and the files of other programs.

Own file: a line with the sha256 of all that follows it (an HDF5 user block: other programs skip it), since the HDF5
library can crash on damaged bytes; then HDF5 with root attributes format, version, family, elements, cutoff (Å),
units, hash, created_by; group `provenance`, whose attributes are texts; group `parameters`, the fields of the family's
dataclass as hpcpot.potential.tree writes them; and, where it is known, group `trained`, the range.TrainedRange of the
training set, which the hash does not cover.

Other files are those of the readers and writers in hpcpot.potential.registry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import hpcpot
from hpcpot import data, inputs
from hpcpot.errors import ModelError, OutputError
from hpcpot.outputs import Replacement, refuse_existing
from hpcpot.potential import range as ranges
from hpcpot.potential import registry, tree
from hpcpot.potential.naming import elements_of
from hpcpot.potential.parsing import Head, head_of, reading
from hpcpot.potential.range import TrainedRange
from hpcpot.potential.registry import Reader
from hpcpot.potential.tree import fingerprint
from hpcpot.storage import own, sealed
from hpcpot.storage.writing import WrittenFile
from hpcpot.wording import ended, meant

__all__ = ["fingerprint", "load", "load_with_range", "provenance", "save", "write"]

FORMAT, VERSION = "hpcpot-model", 1
SUFFIXES = (".h5", ".hdf5")
"""Of own files."""
UNITS = "Å, eV"
RANGE = "trained"
LARGEST_CUTOFF = 50.0
"""Å, far beyond that of any potential of this kind; neighbour lists up to there would fill the memory."""

FOREIGN_SIGNATURES = {
    b"hpcpot-dataset ": "a data set of hpcpot",
    b"PK\x03\x04": "a zip archive (`dp convert-backend MODEL MODEL.dp` turns a DeePMD-kit .pth into a .dp)",
}


def load(source: str | Path | Sequence[str | Path], **options: Any) -> Any:
    """Read the parameters of a potential from a file, which is told by its content.

    Args:
        source: a model file, the name of a model that ships with hpcpot ("lisi"), or files of one model, one for each
            element (a sequence, or their names with commas between).
        options: elements, of a model whose types have no names; and for the readers of the registry, each of which
            takes some: angular_domain (chebyshev.aenet.read). None is as if not given.
    Returns:
        The dataclass of a family.
    Raises:
        ModelError: absent, damaged, foreign or of a kind that hpcpot does not compute.
    """
    return _opened(source, options)[0]


def load_with_range(source: str | Path | Sequence[str | Path], **options: Any) -> tuple[Any, TrainedRange]:
    """Read the parameters of a potential, and what is known of the range that it was trained in; see `load`.

    Returns:
        The dataclass of a family, and a range; `range.assumed` where the file says nothing.
    """
    model, trained = _opened(source, options)
    return model, trained()


def provenance(source: str | Path) -> dict[str, str]:
    """Texts by name of an own file, where its parameters come from; none of a file of another program."""
    path = _located(source)
    if not _is_own(head_of(path)):
        return {}
    with reading(path, "hpcpot model"), h5py.File(path, "r", locking=False) as file:
        return {name: str(text) for name, text in file["provenance"].attrs.items()}


def write(
    model: Any,
    path: Path,
    provenance: dict[str, str],
    overwrite: bool = False,
    trained: TrainedRange | None = None,
    **options: Any,
) -> None:
    """Write a model in the format of the suffix: that of another program, else hpcpot's own.

    Args:
        provenance, trained: see `save`. options: for the writers of the registry.
    Raises:
        ModelError: the format is of another family. OutputError: see `check_suffix` and `save`.
    """
    check_suffix(path)
    if path.suffix not in registry.writers():
        save(model, path, provenance, overwrite, trained)
        return
    row, writer = registry.writers()[path.suffix]
    own = registry.row_of(model)
    if own is not row:
        raise ModelError(f"{path} = {path.suffix} file of a {own.title}: must be a {row.title}; write an .h5 file.")
    registry.code(writer.write)(model, path, overwrite, **_taken(writer.options, options))


def check_suffix(path: Path) -> None:
    """Refuse a name that promises another format than that of its content.

    Raises:
        OutputError: its suffix is none that is written.
    """
    known = (*SUFFIXES, *registry.writers())
    if path.suffix not in known:
        raise OutputError(f"{path} = suffix {path.suffix!r}: must be one of {', '.join(known)}; rename the output.")


def save(
    model: Any, path: Path, provenance: dict[str, str], overwrite: bool = False, trained: TrainedRange | None = None
) -> None:
    """Write an hpcpot model file, aside and then renamed.

    Args:
        model: the dataclass of a family.
        provenance: texts by name: where the parameters come from.
        trained: what the training set held, where it is known.
    Raises:
        OutputError: the file exists and `overwrite` is not set, or it cannot be written.
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    with Replacement(path) as part:
        with WrittenFile(part, "w", userblock_size=sealed.USER_BLOCK) as file:
            file.attrs.update(
                format=FORMAT,
                version=VERSION,
                family=registry.row_of(model).name,
                elements=list(model.elements),
                cutoff=float(model.cutoff),
                units=UNITS,
                hash=f"sha256:{fingerprint(model)}",
                created_by=f"hpcpot {hpcpot.__version__}",
            )
            file.create_group("provenance").attrs.update(provenance)
            tree.write(file.create_group("parameters"), model)
            if trained is not None and not trained.is_assumed:
                tree.write(file.create_group(RANGE), trained)
        sealed.seal(part, FORMAT)


def _opened(
    source: str | Path | Sequence[str | Path], options: dict[str, Any]
) -> tuple[Any, Callable[[], TrainedRange]]:
    """A model and the function that tells its range, which reads files of some programs again."""
    if isinstance(source, str) and "," in source:
        source = [part.strip() for part in source.split(",")]
    if not isinstance(source, (str, Path)):
        paths = [Path(path) for path in source]
        readers = {_reader_of_several(path) for path in paths}
        if len(readers) != 1:
            raise ModelError(f"{source} = {len(readers)} kinds of files: the files of one potential are required.")
        model = _read(readers.pop(), paths, options)
        return model, lambda: _range_of(model)
    path = _located(source)
    if path.is_dir():
        _refuse_foreign(path)
    head = head_of(path)
    if _is_own(head):
        _refuse_untaken(path, (), options, "an hpcpot model")
        model, trained = _read_own(path)
        return _admitted(model, path, options), lambda: trained
    reader = _recognised(head)
    model = _read(reader, [path] if reader.several else path, options)
    return model, lambda: _range_of(model, reader, path)


def _is_own(head: Head) -> bool:
    return head.start.startswith(FORMAT.encode())


def _range_of(model: Any, reader: Reader | None = None, path: Path | None = None) -> TrainedRange:
    """The range that a file without a group for it tells, by one distance."""
    known = None
    if reader is not None and reader.shortest is not None:
        known = ranges.of_any_pair(model.elements, registry.code(reader.shortest)(path), reader.shortest_is)
    row = registry.row_of(model)
    if row.shortest is not None:
        known = ranges.of_any_pair(model.elements, getattr(model, row.shortest), row.shortest_is)
    return known or ranges.assumed(model.elements)


def _read_own(path: Path) -> tuple[Any, TrainedRange]:
    with reading(path, "hpcpot model"):
        if not sealed.is_whole(path, FORMAT):
            raise ValueError("its bytes do not have the sha256 of its first line")
        return _parsed_own(path)


def _parsed_own(path: Path) -> tuple[Any, TrainedRange]:
    with h5py.File(path, "r", locking=False) as file:
        version, family = int(file.attrs["version"]), str(file.attrs["family"])
        if version != VERSION or family not in registry.FAMILIES:
            raise ModelError(
                f"{path}: version, family = {version}, {family}: version {VERSION} and one of "
                f"{', '.join(registry.FAMILIES)} are required; a newer hpcpot may read it."
            )
        model = tree.read(file["parameters"], registry.code(registry.FAMILIES[family].model))
        stored, computed = str(file.attrs["hash"]), f"sha256:{fingerprint(model)}"
        trained = tree.read(file[RANGE], TrainedRange) if RANGE in file else _range_of(model)
    if stored != computed:
        raise ModelError(
            f"{path}: hash of the parameters = {computed[:19]}…: {stored[:19]}…, as when it was written, is required; the "
            "file is damaged or was edited; copy it again or convert the original again."
        )
    return model, trained


def _accepted() -> str:
    """The kinds of files that can be read, as a list in a sentence."""
    *most, last = ["an hpcpot model (.h5)", *(reader.what for reader in registry.readers())]
    return f"{', '.join(most)} or {last}"


def _located(source: str | Path) -> Path:
    """The path, or the path of the shipped model of that name."""
    path = inputs.find(source, or_folder=True)
    if path is None:
        models = data.models()
        raise ModelError(
            f"{source} = no such file: {_accepted()} is required, or the name of a shipped model: "
            + ended(f"{', '.join(models)}; {meant(Path(source).stem, models)}")
        )
    return path


def _read(reader: Reader, source: Path | list[Path], options: dict[str, Any]) -> Any:
    path = source if isinstance(source, Path) else source[0]
    _refuse_untaken(path, reader.options, options, reader.what)
    model = registry.code(reader.read)(source, **_taken(reader.options, options))
    return _admitted(model, path, options)


def _refuse_untaken(path: Path, names: Sequence[str], options: dict[str, Any], what: str) -> None:
    """Refuse options that have no effect on a file, but elements, of which `_admitted` judges."""
    for name in options.keys() - {"elements", *names}:
        if options[name] is not None:
            raise ModelError(
                f"{path}: {name} = {options[name]}: has no effect on {what}; leave the option --{name.replace('_', '-')} out."
            )


def _admitted(model: Any, path: Path, options: dict[str, Any]) -> Any:
    """The model with its elements, or with those of the option `elements` where it has none.

    Raises:
        ModelError: types without elements, a cutoff that no potential has, a parameter that is not finite, parameters that
            do not fit together.
    """
    elements = elements_of(path, model.elements, options.get("elements"))
    if not 0.0 < model.cutoff <= LARGEST_CUTOFF:
        raise ModelError(
            f"{path}: cutoff = {model.cutoff:g} Å: must be above 0 and at most {LARGEST_CUTOFF:g} Å; is the file damaged?"
        )
    for name, leaf in tree.leaves(model, ""):
        if isinstance(leaf, (float, np.ndarray)) and not np.isfinite(leaf).all():
            raise ModelError(f"{path}: {name[1:]} = not finite: must be finite numbers; is the file damaged?")
    for problem in model.problems():
        raise ModelError(f"{path}: {problem}; the file is damaged or of another program.")
    return model if elements == tuple(model.elements) else replace(model, elements=elements)


def _taken(names: Sequence[str], options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in names and value is not None}


def _refuse_foreign(path: Path) -> None:
    """Refuse the files and folders of other programs that are known and not read.

    Raises:
        ModelError: says what it is.
    """
    if kind := registry.foreign(path):
        raise ModelError(f"{path} = {kind}.")


def _recognised(head: Head) -> Reader:
    """The reader of a file of another program.

    Raises:
        ModelError: there is none.
    """
    path, start = head.path, head.start
    with reading(path, "model"):
        _refuse_foreign(path)
        for reader in registry.readers():
            if registry.code(reader.recognise)(head):
                return reader
        if head.is_hdf5:
            with h5py.File(path, "r", locking=False) as file:
                kind = own.kind_of(file) or f"an HDF5 file with {', '.join(list(file)[:5]) or 'nothing'}, no model"
            raise ModelError(f"{path} = {kind}: {_accepted()} is required.")
    begin = repr(start[:16])[1:]  # without the b of Python's bytes
    kind = f"a {'text' if head.is_text else 'binary'} file that begins with {begin}" if start else "an empty file"
    for signature, name in FOREIGN_SIGNATURES.items():
        if start.startswith(signature):
            kind = name
    raise ModelError(f"{path} = {kind}: {_accepted()} is required.")


def _reader_of_several(path: Path) -> Reader:
    head = head_of(path)
    if _is_own(head) or not (reader := _recognised(head)).several:
        kinds = " or ".join(reader.what for reader in registry.readers() if reader.several)
        raise ModelError(
            f"{path} = a whole model: several files must be {kinds}, one for each element of one potential; name one "
            "model."
        )
    return reader
