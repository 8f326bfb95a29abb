"""`hpcpot test`, as a user runs it."""

from dataclasses import replace

import h5py
import labelled
import numpy as np
import pytest
import reports
import systems

from hpcpot.cli import main
from hpcpot.dataset import hdf5
from hpcpot.potential import files as potentials
from hpcpot.training.moment_tensor import grade as mtp_grade
from hpcpot.training.moment_tensor import sites as mtp_sites

ENDINGS = [".h5", "_elements.csv", "_errors.csv", "_frames.csv"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two models, and data whose labels are off those of the first by 5 meV/atom and 0.2 eV/Å."""
    folder = tmp_path_factory.mktemp("test")
    potentials.save(labelled.MODEL, folder / "a.h5", {})
    potentials.save(systems.deep_potential(seed=8), folder / "b.h5", {})
    data = labelled.dataset(6)
    hdf5.write(
        replace(data, energies=data.energies + 0.005 * data.sizes, forces=data.forces + 0.2), folder / "data.h5", {}
    )
    return folder


def csv(path) -> dict[str, list[str]]:
    rows = [line.split(",") for line in path.read_text().splitlines()]
    return {name: [row[k] for row in rows[1:]] for k, name in enumerate(rows[0])}


def test_one_model(folder, capsys, tmp_path) -> None:
    base = tmp_path / "one"
    assert main(["test", str(folder / "a.h5"), str(folder / "data.h5"), "-o", str(base), "--no-figure"]) == 0
    assert sorted(one.name for one in tmp_path.iterdir()) == [f"one{ending}" for ending in ENDINGS]
    table = csv(tmp_path / "one_errors.csv")
    assert table["group"] == ["cold", "hot", "all"]
    assert [float(value) for value in table["energy_rmse_meV_per_atom"]] == pytest.approx([5.0] * 3, abs=1e-6)
    assert [float(value) for value in table["force_mae_eV_per_A"]] == pytest.approx([0.2] * 3, abs=1e-9)
    printed = capsys.readouterr().out
    assert "6/6 frames (100.0 %)" in printed and "cold" in printed and "another reference of the energy?" in printed
    with h5py.File(tmp_path / "one.h5") as file:
        assert file["provenance/data"].asstr()[()] == hdf5.fingerprint(hdf5.read(folder / "data.h5"))
        np.testing.assert_allclose(file["predicted/forces_eV_per_A"][:], labelled.dataset(6).forces, atol=1e-9)
        assert file["errors/energy_rmse_meV_per_atom"][-1] == pytest.approx(5.0, abs=1e-6)


def test_a_committee_with_its_figure(folder, capsys, tmp_path) -> None:
    models, base = [str(folder / "a.h5"), str(folder / "b.h5")], tmp_path / "two"
    assert main(["test", *models, str(folder / "data.h5"), "-o", str(base)]) == 0
    names = sorted(one.name for one in tmp_path.iterdir())
    assert names == sorted([f"two{e}" for e in [*ENDINGS, "_models.csv", "_model_devi.out", ".png"]])
    assert csv(tmp_path / "two_models.csv")["model"] == models
    head = (tmp_path / "two_model_devi.out").read_text().splitlines()[0].split()
    assert head == [
        "#",
        "step",
        "max_devi_v",
        "min_devi_v",
        "avg_devi_v",
        "max_devi_f",
        "min_devi_f",
        "avg_devi_f",
        "devi_e",
    ]
    values = np.loadtxt(tmp_path / "two_model_devi.out")
    frames = csv(tmp_path / "two_frames.csv")
    np.testing.assert_allclose(values[:, 4], [float(v) for v in frames["max_devi_f"]], rtol=1e-5)
    assert values.shape == (6, 8) and (values[:, 4] > values[:, 6]).all() and (values[:, 5] > 0).all()
    assert "max_devi_f" in capsys.readouterr().out
    section = reports.section_of(tmp_path / "two.h5", "analyze", charts=2)
    assert section.tables["frames"]["max_devi_f"].tolist() == [float(v) for v in frames["max_devi_f"]]
    assert (tmp_path / "two.png").read_bytes().startswith(b"\x89PNG")


def test_extrapolation_grades(folder, capsys, tmp_path) -> None:
    data, family = labelled.dataset(6), systems.moment_tensor(level=6)
    active = mtp_grade.select(family, mtp_sites.prepare(data, family.cutoff)).rows
    potentials.save(replace(family, active=active), tmp_path / "mtp.h5", {})
    wide = replace(data, positions=1.2 * data.positions, cells=1.2 * data.cells, groups=np.array(["wide"] * 6))
    cases = (("known", data, 0.5, 1.0011, ["--no-figure"]), ("wide", wide, 2.0, np.inf, []))
    for name, frames, least, most, more in cases:
        hdf5.write(frames, tmp_path / f"{name}.h5", {})
        command = ["test", str(tmp_path / "mtp.h5"), str(tmp_path / f"{name}.h5"), "-o", str(tmp_path / f"t_{name}")]
        assert main(command + more) == 0
        grades = [float(v) for v in csv(tmp_path / f"t_{name}_frames.csv")["max_grade"]]
        assert len(grades) == 6 and least < max(grades) < most
        assert float(csv(tmp_path / f"t_{name}_errors.csv")["max_grade"][-1]) == pytest.approx(max(grades), rel=1e-6)
        assert "extrapolation grade, largest in a frame: median" in capsys.readouterr().out


def test_the_relative_form(folder, tmp_path) -> None:
    command = ["test", str(folder / "a.h5"), str(folder / "b.h5"), str(folder / "data.h5"), "--no-figure", "-o"]
    main([*command, str(tmp_path / "abs")])
    main([*command, str(tmp_path / "rel"), "--relative", "1e9"])
    absolute, relative = (np.loadtxt(tmp_path / f"{name}_model_devi.out") for name in ("abs", "rel"))
    np.testing.assert_allclose(relative[:, 4] * 1e9, absolute[:, 4], rtol=1e-4)


def test_the_same_model_twice_does_not_deviate(folder, tmp_path) -> None:
    model = str(folder / "a.h5")
    assert main(["test", model, model, str(folder / "data.h5"), "--no-figure", "-o", str(tmp_path / "t")]) == 0
    assert (np.loadtxt(tmp_path / "t_model_devi.out")[:, 1:] == 0).all()


def test_errors_are_one_line(folder, tmp_path, capsys) -> None:
    (tmp_path / "one_errors.csv").write_text("mine")
    command = ["test", str(folder / "a.h5"), str(folder / "data.h5"), "--no-figure", "-o"]
    assert main([*command, str(tmp_path / "one")]) == 1
    assert "OutputError" in capsys.readouterr().err and (tmp_path / "one_errors.csv").read_text() == "mine"
    assert main([*command, str(tmp_path / "absent" / "one")]) == 1
    assert "its folder must exist" in capsys.readouterr().err
    assert main(["test", str(folder / "a.h5"), str(tmp_path / "absent.h5")]) == 1
    assert "absent.h5 = no such file, here or shipped: a data set of hpcpot" in capsys.readouterr().err
