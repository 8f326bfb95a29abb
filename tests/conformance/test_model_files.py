"""What must hold of every kind of model file: readers and writers in the table of families, and hpcpot's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import model_files
import numpy as np
import pytest
from conformance.outside.morse import Morse
from model_files import cut, refused, sample_of

from hpcpot.errors import ExtensionError, ModelError, OutputError
from hpcpot.potential import registry, tree
from hpcpot.potential.files import fingerprint, load, save, write
from hpcpot.potential.parsing import head_of

MODELS = model_files.MODELS | {"morse": Morse(("Li", "Si"), 1.1, 1.4, 2.4, 4.5)}
FAMILIES = pytest.mark.parametrize("family", MODELS)
READERS = pytest.mark.parametrize("reader", registry.readers(), ids=lambda reader: reader.what)
WRITERS = pytest.mark.parametrize("suffix", registry.writers())
OPTIONS = {"elements": ["Li", "Si"], "angular_domain": "auto"}


def taken(reader):
    """Values of the options that have an effect on the files of a reader."""
    return {name: value for name, value in OPTIONS.items() if name in ("elements", *reader.options)}


def source(paths: list[Path]) -> Any:
    return paths[0] if len(paths) == 1 else paths


def test_every_family_is_here():
    assert MODELS.keys() == registry.FAMILIES.keys()


@READERS
def test_a_file_is_recognised_by_its_reader_alone(reader, tmp_path):
    for path in sample_of(reader, tmp_path):
        head = head_of(path)
        assert [other.what for other in registry.readers() if registry.code(other.recognise)(head)] == [reader.what]


@READERS
def test_a_file_becomes_a_model_that_hpcpots_own_file_keeps(reader, tmp_path):
    model = load(source(sample_of(reader, tmp_path)), **taken(reader))
    assert reader in registry.row_of(model).readers
    save(model, tmp_path / "model.h5", {})
    assert fingerprint(load(tmp_path / "model.h5")) == fingerprint(model)


@READERS
def test_a_damaged_file_is_an_error_that_names_it(reader, tmp_path):
    first, *others = sample_of(reader, tmp_path)
    content = first.read_bytes()
    answers = refused(lambda path: load(source([path, *others]), **taken(reader)), first, cut(content, 12))
    assert all(answers[:-1])  # of a text the last bytes may be blanks and digits


@READERS
def test_an_absent_file_and_a_folder_are_errors(reader, tmp_path):
    read = registry.code(reader.read)
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(ModelError, match="cannot be opened"):
            read([path] if reader.several else path)


@FAMILIES
def test_hpcpots_own_file_keeps_every_family(family, tmp_path):
    save(MODELS[family], tmp_path / "model.h5", {"source": "a test"})
    again = load(tmp_path / "model.h5")
    assert type(again) is type(MODELS[family]) and fingerprint(again) == fingerprint(MODELS[family])
    assert registry.row_of(again).name == family
    assert all(isinstance(text, str) for text in again.facts().values())


def changed(value, path, change):
    """A copy of a model whose leaf at a path of tree.leaves is changed."""
    name, _, rest = path[1:].partition("/")
    if isinstance(value, tuple):
        item = changed(value[int(name)], f"/{rest}", change) if rest else change(value[int(name)])
        return (*value[: int(name)], item, *value[int(name) + 1 :])
    item = getattr(value, name)
    return replace(value, **{name: changed(item, f"/{rest}", change) if rest else change(item)})


@FAMILIES
def test_parameters_that_do_not_fit_together_are_refused_though_their_hash_is_right(family, tmp_path):
    whole = (lambda a: a[None], lambda a: np.where(a == a.max(), 10**9, a), lambda a: a - a.max() - 1)
    others = (lambda a: a[None], lambda a: a[..., None], lambda a: np.repeat(a, 2, axis=0))
    arrays = [(path, leaf) for path, leaf in tree.leaves(MODELS[family], "") if isinstance(leaf, np.ndarray)]
    for path, leaf in arrays:
        for change in whole if leaf.dtype.kind == "i" else others:
            save(changed(MODELS[family], path, change), tmp_path / "model.h5", {}, overwrite=True)
            with pytest.raises(ModelError, match="; the file is damaged or of another program"):
                load(tmp_path / "model.h5")


@WRITERS
def test_a_written_file_is_read_back(suffix, tmp_path):
    row, _ = registry.writers()[suffix]
    model, path = MODELS[row.name], tmp_path / f"model{suffix}"
    write(model, path, {})
    assert fingerprint(load(path)) == fingerprint(model)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@WRITERS
def test_a_writer_refuses_other_families(suffix, tmp_path):
    row, _ = registry.writers()[suffix]
    for name, model in MODELS.items():
        if name != row.name:
            with pytest.raises(ModelError, match=rf"= {suffix} file of a .*: must be a {row.title}; write an .h5 file"):
                write(model, tmp_path / f"model{suffix}", {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [*registry.writers(), ".h5"])
def test_nothing_is_overwritten_unasked_or_written_where_there_is_no_folder(suffix, tmp_path):
    row, _ = registry.writers().get(suffix, (registry.FAMILIES["lennard_jones"], None))
    model, path = MODELS[row.name], tmp_path / f"model{suffix}"
    path.write_text("before")
    with pytest.raises(OutputError, match=f"model{suffix} = exists"):
        write(model, path, {})
    assert path.read_text() == "before"
    write(model, path, {}, overwrite=True)
    assert fingerprint(load(path)) == fingerprint(model)
    with pytest.raises(OutputError, match="cannot be written"):
        write(model, tmp_path / "absent" / f"model{suffix}", {})


def test_a_family_is_registered_once():
    row = registry.FAMILIES["morse"]
    registry.register(row)
    other = registry.FamilyRow("morse", "Morse potential", "elsewhere:Morse")
    with pytest.raises(ExtensionError, match="family = morse: is in the table already; choose another name"):
        registry.register(other)
    assert registry.FAMILIES["morse"] is row


def test_a_model_of_no_family_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"model = builtins:dict: must be of a registered family \(deep_potential"):
        save({}, tmp_path / "model.h5", {})
    assert not list(tmp_path.iterdir())
