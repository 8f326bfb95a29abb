"""OUTCAR and vasprun.xml: labels and units, steps that are left out, and two files of one run."""

import gzip
import warnings

import numpy as np
import pytest
from vasp_files import END, HEADER, NOT_REACHED, OUTCAR, VASPRUN, machine_step, outcar, step, vasprun

from hpcpot.dataset.files import load
from hpcpot.dataset.formats.reading import LabelNames, ReadOptions
from hpcpot.errors import DataError
from hpcpot.notices import InputNotice

KBAR = 1602.176634
"""kB to 1 eV/Å³."""
UNCONVERGED = "self-consistency of their calculations did not converge"


@pytest.fixture
def read(tmp_path):
    """Write a file into a folder `relax`, read it."""

    def run(text: str, name: str = "OUTCAR", **options):
        (tmp_path / "relax").mkdir(exist_ok=True)
        (tmp_path / "relax" / name).write_text(text)
        return load([tmp_path / "relax" / name], ReadOptions(**options))

    return run


@pytest.mark.parametrize(("name", "text"), [("vasprun.xml", VASPRUN), ("OUTCAR", OUTCAR)])
def test_labels_of_either_file(read, name, text) -> None:
    data = read(text, name)
    assert data.energies.tolist() == [-12.6] and data.groups.tolist() == ["relax"]
    assert [data.elements[t] for t in data.species] == ["Si", "Li"] and data.positions[1].tolist() == [2.5, 2.5, 3.0]
    assert data.forces.tolist() == [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]]
    kilobars = np.array([[10, 6, 5], [6, 20, 4], [5, 4, 30]])  # VASP's line has xx yy zz xy yz zx
    np.testing.assert_allclose(data.virials[0], 120.0 * kilobars / KBAR, rtol=1e-12)
    assert read(text, name, names=LabelNames(energy="energy")).energies.tolist() == [-12.5]
    with pytest.raises(DataError, match=f"{name} = no REF_energy: the energies of VASP are free_energy"):
        read(text, name, names=LabelNames(energy="REF_energy"))


def test_the_enthalpy_of_a_vasprun_is_not_its_energy(read) -> None:
    incar = '<i name="PSTRESS">10.0</i>'
    data = read(vasprun(incar=incar), "vasprun.xml")
    assert data.energies[0] == pytest.approx(-12.6 - 120.0 * 10.0 / KBAR, abs=1e-12)


def test_packed(tmp_path) -> None:
    (tmp_path / "OUTCAR.gz").write_bytes(gzip.compress(OUTCAR.encode()))
    assert load([tmp_path / "OUTCAR.gz"]).energies.tolist() == [-12.6]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("OUTCAR", outcar((4, 2, 4), nelm=4)),  # VASP 5 says "EDIFF is reached" at NELM too
        ("vasprun.xml", vasprun((4, 2, 4), nelm=4)),
    ],
)
def test_steps_that_used_all_electronic_iterations_are_left_out(read, name, text) -> None:
    with pytest.warns(InputNotice, match=f"{name}: 2 of 3 frames = left out: the {UNCONVERGED}"):
        data = read(text, name)
    assert data.energies.tolist() == [-13.6] and data.sources.tolist() == [f"{name}:1"]
    with pytest.warns(InputNotice, match="2 of 3 frames = read, in groups .../unconverged"):
        kept = read(text, name, unconverged="keep")
    assert kept.energies.tolist() == [-12.6, -13.6, -14.6]
    assert kept.groups.tolist() == ["relax/unconverged", "relax", "relax/unconverged"]
    assert kept.sources[0] == f"{name}:0 (unconverged)"


def test_a_step_that_says_it_did_not_converge(read) -> None:
    with pytest.warns(InputNotice, match="1 of 1 frame = left out"), pytest.raises(DataError, match="no frames left"):
        read(outcar((3,), stated=NOT_REACHED, version="6.4.2"))


def test_steps_of_a_force_field_are_left_out(read) -> None:
    text = OUTCAR.replace(END, machine_step(1) + machine_step(2)) + END
    with pytest.warns(InputNotice, match="OUTCAR: 2 ionic steps = left out: .* machine-learned force field"):
        assert read(text).energies.tolist() == [-12.6]
    with (
        pytest.warns(InputNotice, match="1 ionic step = left out: .* machine-learned"),
        pytest.raises(DataError, match="no frames left"),
    ):
        read(HEADER.format(version="6.3.0", nelm=60) + machine_step() + END)
    incar = '<i type="logical" name="ML_LMLFF"> T  </i>'
    with pytest.warns(InputNotice, match="vasprun.xml: 1 ionic step = left out: .* machine-learned"):
        assert read(vasprun((3, 0), incar=incar), "vasprun.xml").energies.tolist() == [-12.6]


def test_van_der_waals_columns_are_passed_over(read) -> None:
    text = OUTCAR.replace("(eV/Angst)\n", "(eV/Angst),          FORCE-w/o vdW (eV/Angst)\n")
    text = text.replace("0.300000\n", "0.300000         0.1  NaN  0.1\n")
    text = text.replace("12.60000000 eV\n", "12.60000000 eV    w/o vdW =       -12.00000000 eV\n")
    text = text.replace("-12.40000000  energy", "-12.4 eV    w/o vdW =       -12.4  energy")
    data = read(text)
    assert data.energies.tolist() == [-12.6] and data.forces[0].tolist() == [0.1, 0.2, 0.3]
    assert read(text, names=LabelNames(energy="energy")).energies.tolist() == [-12.5]


@pytest.mark.parametrize("lost", ["  free  energy   TOTEN", "-0.300000\n", "POSITION", "in kB"])
def test_whole_steps_of_a_cut_file_are_read(read, lost) -> None:
    whole = outcar((3, 3), end="")
    with pytest.warns(InputNotice, match="OUTCAR: 1 ionic step = left out: what follows the last whole step"):
        assert read(whole[: whole.rindex(lost)]).energies.tolist() == [-12.6]


@pytest.mark.parametrize("lost", ["</calculation>", "e_fr_energy", '"forces"', "<scstep>"])
def test_whole_steps_of_a_cut_vasprun_are_read(read, lost) -> None:
    whole = vasprun((3, 3))
    with pytest.warns(InputNotice, match="vasprun.xml: 1 ionic step = left out: what follows the last whole step"):
        assert read(whole[: whole.rindex(lost)], "vasprun.xml").energies.tolist() == [-12.6]


def test_a_file_cut_right_behind_a_whole_step_lacks_none(read) -> None:
    text = vasprun((3, 3))
    files = {"OUTCAR": outcar((3, 3), end=""), "vasprun.xml": text[: text.rindex("</calculation>") + 14]}
    for name, content in files.items():
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            assert read(content, name).energies.tolist() == [-12.6, -13.6]
        (note,) = {str(one.message) for one in said}
        assert note.endswith(
            f"{name} = stops before the end of the run, right behind a whole ionic step: all its steps are read"
        )


def test_numbers_that_touch_and_numbers_that_did_not_fit(read) -> None:
    touching = OUTCAR.replace("10.00000    20.00000", "10.00000   -20.00000").replace("   -20.00000", "-1000.00000")
    touching = touching.replace("2.50000      3.00000        -0.100000", "2.50000      3.00000-1000.100000")
    data = read(touching)
    assert data.forces[1].tolist() == [-1000.1, -0.2, -0.3]
    assert data.virials[0, 1, 1] == pytest.approx(-1000.0 * 120.0 / KBAR)
    text = outcar((3, 3)).replace("-13.60000000 eV", "**************** eV")
    with pytest.warns(InputNotice, match="1 ionic step = left out: steps with numbers that VASP could not print"):
        assert read(text).energies.tolist() == [-12.6]


def test_steps_without_forces_are_left_out(read) -> None:
    bare = step(1)[step(1).index("  FREE ENERGIE") :]
    text = OUTCAR.replace(END, "--- Iteration      2(   1)  ---\n" + bare + END)
    with pytest.warns(InputNotice, match="1 ionic step = left out: steps without forces .NWRITE.; the vasprun.xml"):
        assert read(text).energies.tolist() == [-12.6]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (OUTCAR[:200], "no ionic step that is whole"),
        (OUTCAR.replace("1   1\n", "1\n"), "it names 2 types of atoms, but the numbers of 1 of them"),
        (OUTCAR.replace("Si_sv", "Foo"), "POTCAR PAW_PBE Foo 05Jan2001 is of no element"),
        ("", "no ionic step"),
        (OUTCAR.replace("1   1\n", "1   4294967297\n"), "it says that it has 4294967298 atoms"),
    ],
)
def test_an_outcar_that_cannot_be_read_is_refused(read, text, words) -> None:
    with pytest.raises(DataError, match=rf"OUTCAR = no OUTCAR that can be read, as .*({words}).*take the vasprun.xml"):
        read(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "before its atoms"),
        ("<modeling></modeling>", "without atoms"),
        (VASPRUN.replace("<c>Si</c>", "<c>r</c>"), "names r, which is no element"),
    ],
)
def test_a_vasprun_that_cannot_be_read_is_refused(read, text, words) -> None:
    with pytest.raises(DataError, match=f"vasprun.xml = no vasprun.xml that can be read, as .*{words}"):
        read(text, "vasprun.xml")


def test_two_files_of_one_run_are_read_once(tmp_path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "OUTCAR").write_text(outcar((3, 3)))
        (tmp_path / name / "vasprun.xml").write_text(vasprun((3, 3)))
    (tmp_path / "b" / "vasprun.xml").write_text(vasprun((3, 3))[:-40])
    (tmp_path / "b" / "OUTCAR.other").write_text(outcar((3,)))
    with pytest.warns(InputNotice, match="OUTCAR = not read: vasprun.xml beside it is of the same run"):
        data = load([tmp_path])
    assert data.sources.tolist() == [
        "a/vasprun.xml:0",
        "a/vasprun.xml:1",
        "b/OUTCAR:0",
        "b/OUTCAR:1",
        "b/OUTCAR.other:0",
    ]
    with pytest.warns(InputNotice, match="a/OUTCAR = not read"):
        assert len(load([tmp_path / "a" / "OUTCAR", tmp_path / "a" / "vasprun.xml"])) == 2


@pytest.mark.parametrize(
    ("name", "text", "in_folder"),
    [
        ("relax.OUTCAR", OUTCAR, True),
        ("si.outcar", OUTCAR, True),
        ("si_OUTCAR", OUTCAR, True),
        ("output.txt", OUTCAR, False),
        ("run1.xml", VASPRUN, False),
        ("run1", VASPRUN, False),
    ],
)
def test_other_names_of_the_files(tmp_path, name, text, in_folder) -> None:
    """The last are known by their first lines, and so where the file itself is named only."""
    (tmp_path / name).write_text(text)
    assert load([tmp_path / name]).energies.tolist() == [-12.6]
    if in_folder:
        assert load([tmp_path]).energies.tolist() == [-12.6]
        (tmp_path / f"vasprun_{name.replace('_', '.').replace('.OUTCAR', '').replace('.outcar', '')}.xml").write_text(
            VASPRUN
        )
        with pytest.warns(InputNotice, match=f"{name} = not read: .* is of the same run"):
            assert len(load([tmp_path])) == 1


def test_tasks_of_dp_gen_beside_collected_data_are_passed_over(tmp_path) -> None:
    system, task = tmp_path / "02.fp" / "data.000", tmp_path / "02.fp" / "task.000.000000"
    (system / "set.000").mkdir(parents=True)
    task.mkdir()
    (task / "OUTCAR").write_text(OUTCAR)
    (system / "type.raw").write_text("0\n1\n")
    (system / "type_map.raw").write_text("Si\nLi\n")
    for name, values in {"box": np.diag([4.0, 5, 6]).ravel(), "coord": [0, 0, 0, 2.5, 2.5, 3], "energy": -7.0}.items():
        np.save(system / "set.000" / f"{name}.npy", np.reshape(values, (1, -1)).astype(float))
    with pytest.warns(InputNotice, match="02.fp: 1 folder task.* = not read: data.* beside them holds"):
        assert load([tmp_path]).energies.tolist() == [-7.0]
    assert load([task]).energies.tolist() == [-12.6]


def test_unconverged_calculations_of_one_frame_share_a_group(tmp_path) -> None:
    for k, iterations in enumerate([3, 4, 4, 3]):
        (tmp_path / "scf" / f"task.{k}").mkdir(parents=True)
        (tmp_path / "scf" / f"task.{k}" / "OUTCAR").write_text(outcar((iterations,), nelm=4))
    with pytest.warns(InputNotice):
        assert load([tmp_path]).groups.tolist() == ["scf", "scf"]
        kept = load([tmp_path], ReadOptions(unconverged="keep"))
    assert kept.groups.tolist() == ["scf", "scf/unconverged", "scf/unconverged", "scf"]


@pytest.mark.parametrize(("name", "option"), [("forces", "--forces-key"), ("tensor", "--virial-key")])
def test_names_that_vasp_does_not_have_are_refused(tmp_path, name, option) -> None:
    (tmp_path / "OUTCAR").write_text(outcar())
    with pytest.raises(DataError, match=f"{option} = without effect on OUTCAR or vasprun.xml of VASP"):
        load([tmp_path / "OUTCAR"], ReadOptions(names=LabelNames(**{name: "F"})))
