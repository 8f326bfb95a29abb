"""hpcpot's model file: round trips, hash, what is refused; and how `load` tells files apart."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import lzma
from hashlib import sha256

import h5py
import numpy as np
import pytest
import yaml
from model_files import DATA, cut, flipped, refused

import hpcpot
from hpcpot.errors import ModelError, OutputError
from hpcpot.potential.chebyshev.model import Chebyshev
from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.potential.files import fingerprint, load, save
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.storage.sealed import USER_BLOCK

AENET = [DATA / "aenet" / "Li.nn", DATA / "aenet" / "Si.nn"]
ARGON = LennardJones(("Ar",), np.array([[0.0104]]), np.array([[3.4]]), 8.5)


def assert_equal(first, second) -> None:
    """The same parameters, of the same types and bit by bit."""
    assert type(first) is type(second)
    if dataclasses.is_dataclass(first):
        for field in dataclasses.fields(first):
            assert_equal(getattr(first, field.name), getattr(second, field.name))
    elif isinstance(first, tuple):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert_equal(one, other)
    elif isinstance(first, np.ndarray):
        assert first.dtype == second.dtype
        np.testing.assert_array_equal(first, second)
    else:
        assert first == second


@pytest.mark.parametrize(
    "source, kind",
    [(DATA / "dp" / f"small_{name}.dp", DeepPotential) for name in ("oneside", "twoside", "dt")]
    + [(AENET, Chebyshev), (None, LennardJones)],
)
def test_round_trip(tmp_path, source, kind) -> None:
    model = ARGON if source is None else load(source)
    assert isinstance(model, kind)
    path = tmp_path / "model.h5"
    save(model, path, {"source": "a test"})
    again = load(path)
    assert_equal(model, again)
    assert fingerprint(again) == fingerprint(model)
    assert [file.name for file in tmp_path.iterdir()] == ["model.h5"]


@pytest.mark.parametrize("name", ["mtp/lisi16.mtp", "aenet/Li.nn"])
@pytest.mark.parametrize("packing", [gzip, bz2, lzma])
def test_packed_models_of_other_programs(tmp_path, name, packing) -> None:
    files = [DATA / name, *([DATA / "aenet" / "Si.nn"] if name.startswith("aenet") else [])]
    packed = [tmp_path / f"{file.name}.packed" for file in files]
    for file, copy in zip(files, packed, strict=True):
        copy.write_bytes(packing.compress(file.read_bytes()))
    options = {"elements": ("Li", "Si")} if name.startswith("mtp") else {}
    assert_equal(
        load(packed if len(packed) > 1 else packed[0], **options),
        load(files if len(files) > 1 else files[0], **options),
    )


def test_attributes_of_the_file(tmp_path) -> None:
    model = load(AENET)
    save(model, tmp_path / "model.h5", {"source": "Li.nn Si.nn", "note": "für Å"})
    with h5py.File(tmp_path / "model.h5") as file:
        attributes = dict(file.attrs)
        assert list(attributes.pop("elements")) == ["Li", "Si"]
        assert attributes == {
            "format": "hpcpot-model",
            "version": 1,
            "family": "chebyshev",
            "cutoff": 6.0,
            "units": "Å, eV",
            "hash": f"sha256:{fingerprint(model)}",
            "created_by": f"hpcpot {hpcpot.__version__}",
        }
        assert dict(file["provenance"].attrs) == {"source": "Li.nn Si.nn", "note": "für Å"}
        np.testing.assert_array_equal(file["parameters/networks/1/0/weights"], model.networks[1][0].weights)
        assert file["parameters"].attrs["angular_domain"] == "cos"


def test_weights_that_are_float32_numbers_take_half_the_room(tmp_path) -> None:
    model = load("lisi")
    short = dataclasses.replace(
        model,
        fittings=tuple(
            tuple(dataclasses.replace(layer, weights=layer.weights.astype("<f4").astype("<f8")) for layer in net)
            for net in model.fittings
        ),
    )
    for one, name in ((model, "double.h5"), (short, "single.h5")):
        save(one, tmp_path / name, {})
        assert fingerprint(load(tmp_path / name)) == fingerprint(one)
    assert load(tmp_path / "single.h5").fittings[0][0].weights.dtype == np.float64
    assert (tmp_path / "single.h5").stat().st_size < 0.6 * (tmp_path / "double.h5").stat().st_size


def test_one_sided_embeddings_are_stored_once(tmp_path) -> None:
    save(load(DATA / "dp" / "small_oneside.dp"), tmp_path / "model.h5", {})
    with h5py.File(tmp_path / "model.h5") as file:
        link = file["parameters/embeddings"].get("1", getlink=True)
        assert isinstance(link, h5py.SoftLink) and link.path == "/parameters/embeddings/0"
    model = load(tmp_path / "model.h5")
    assert model.embeddings[0] is model.embeddings[1]


def test_fingerprint_sees_every_parameter() -> None:
    prints = {
        fingerprint(model)
        for model in (
            ARGON,
            dataclasses.replace(ARGON, cutoff=8.6),
            dataclasses.replace(ARGON, elements=("Kr",)),
            dataclasses.replace(ARGON, sigma=np.nextafter(ARGON.sigma, 9.0)),
            dataclasses.replace(ARGON, sigma=ARGON.epsilon, epsilon=ARGON.sigma),
        )
    }
    assert len(prints) == 5
    assert fingerprint(dataclasses.replace(ARGON, cutoff=np.float64(8.5))) == fingerprint(ARGON)
    assert fingerprint(dataclasses.replace(ARGON, sigma=ARGON.sigma.T.copy("F"))) == fingerprint(ARGON)


def test_the_fingerprint_does_not_change_between_versions() -> None:
    """Trajectories name their potential by it."""
    assert fingerprint(ARGON) == "cf86e18bf13abf22a89a1c5735073feecec8b780c442ef0313d225ec565035af"


def test_existing_files_are_kept(tmp_path) -> None:
    path = tmp_path / "model.h5"
    save(ARGON, path, {})
    before = path.read_bytes()
    with pytest.raises(OutputError, match="model.h5 = exists: .*--overwrite"):
        save(load(AENET), path, {})
    assert path.read_bytes() == before
    save(load(AENET), path, {}, overwrite=True)
    assert isinstance(load(path), Chebyshev)


@pytest.mark.parametrize("name", ["absent/model.h5", "file/model.h5"])
def test_unwritable_places(tmp_path, name) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="model.h5 = cannot be written .*give another path"):
        save(ARGON, tmp_path / name, {})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def edited(path, change) -> None:
    """A valid file with its HDF5 part changed: the sha256 of its first line is right again."""
    with h5py.File(path, "r+") as file:
        change(file)
    content = path.read_bytes()[USER_BLOCK:]
    path.write_bytes(f"hpcpot-model sha256 {sha256(content).hexdigest()}\n".encode().ljust(USER_BLOCK) + content)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda file: file["parameters/sigma"].write_direct(np.array([[3.5]])), "hash of the parameters = sha256:"),
        (lambda file: file["parameters"].attrs.modify("cutoff", 8.0), "hash of the parameters"),
        (lambda file: file.attrs.modify("version", 2), "version, family = 2, lennard_jones: version 1 and one of"),
        (lambda file: file.attrs.modify("family", "mtp"), "version, family = 1, mtp"),
        (lambda file: file["parameters"].__delitem__("sigma"), "cannot be read as hpcpot model .Unable to"),
    ],
)
def test_edited_files_are_refused(tmp_path, change, message) -> None:
    path = tmp_path / "model.h5"
    save(ARGON, path, {})
    edited(path, change)
    with pytest.raises(ModelError, match=rf"model\.h5.*{message}"):
        load(path)


@pytest.mark.parametrize("name", ["small_oneside", None])
def test_every_damage_is_noticed(tmp_path, name) -> None:
    model = ARGON if name is None else load(DATA / "dp" / f"{name}.dp")
    path = tmp_path / "model.h5"
    save(model, path, {"source": "a test"})
    content = path.read_bytes()
    assert all(refused(load, path, cut(content, 200)))
    assert all(refused(load, path, flipped(content, 500, 1)))
    assert all(refused(load, path, flipped(content, 500, 2, 0, 2048)))


def test_the_shipped_model() -> None:
    model = load("lisi")
    assert model.elements == ("Li", "Si") and model.cutoff == 6.0
    assert model.slots.tolist() == [72, 64]
    assert [layer.weights.shape for layer in model.fittings[0]] == [(1600, 240), (240, 240), (240, 240), (240, 1)]


def test_lists_of_files(tmp_path) -> None:
    assert_equal(load(AENET), load(",".join(str(path) for path in AENET)))
    assert load([str(path) for path in AENET], angular_domain="legacy").angular_domain == "legacy"
    with pytest.raises(ModelError, match="small_dt.dp = a whole model: several files must be aenet networks"):
        load([DATA / "dp" / "small_dt.dp", AENET[0]])
    with pytest.raises(ModelError, match="files of Li = not the elements of .*Li.nn"):
        load(AENET[0])


def test_content_decides_not_the_name(tmp_path) -> None:
    for name, source in {"a.pb": DATA / "dp" / "small_dt.dp", "b.h5": DATA / "dp" / "small_dt.dp"}.items():
        (tmp_path / name).write_bytes(source.read_bytes())
        assert_equal(load(tmp_path / name), load(source))


@pytest.mark.parametrize(
    "content, found",
    [
        (b"", "an empty file"),
        (b"hello world\n", "a text file that begins with 'hello world"),
        (yaml.safe_dump({"model": {"potential": "lisi.h5"}}).encode(), "a text file that begins with"),
        (b"hpcpot-dataset sha256 0123\n", "a data set of hpcpot: an hpcpot model .* is required"),
        (b"\x7fELF\x02\x01", "a binary file that begins with"),
        (b"PK\x03\x04stuff", "a zip archive .*dp convert-backend MODEL MODEL.dp"),
        (b"\x1f\x8bstuff", r"cannot be read as model \(packed, and not whole\)"),
        (gzip.compress(b"\x89HDF\r\n\x1a\n", mtime=0), "a packed HDF5 file: must be unpacked to be read; run gunzip"),
        (b"\x89HDF\r\n\x1a\nrest", "cannot be read as model"),
        (b"hpcpot-model sha256 0123\n", "cannot be read as hpcpot model"),
    ],
)
def test_foreign_files_are_named(tmp_path, content, found) -> None:
    path = tmp_path / "model"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"model = {found}"):
        load(path)


def test_other_hdf5_files_are_named(tmp_path) -> None:
    with h5py.File(tmp_path / "trajectory.h5", "w") as file:
        file.create_group("h5md")
    with pytest.raises(ModelError, match="trajectory.h5 = an HDF5 file with h5md, no model: an hpcpot model"):
        load(tmp_path / "trajectory.h5")


def test_absent_files_name_the_shipped_models(tmp_path) -> None:
    with pytest.raises(ModelError, match="lysi = no such file: .* the name of a shipped model: lisi"):
        load("lysi")
    with pytest.raises(ModelError, match="cannot be opened"):
        load(tmp_path)
