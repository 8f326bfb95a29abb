"""Extended XYZ as other programs write it: names, units, orders of labels, what is not used, and what is refused."""

import gzip
import io
import warnings

import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import GPa

from hpcpot.dataset.dataset import from_frames
from hpcpot.dataset.files import load
from hpcpot.dataset.formats.reading import LabelNames, ReadOptions
from hpcpot.errors import DataError
from hpcpot.notices import InputNotice


def xyz(comment: str, properties: str = "species:S:1:pos:R:3:forces:R:3") -> str:
    return (
        f'2\nLattice="4 0 0 1 5 0 0 0 6" Properties={properties} {comment}\n'
        "Si 0.0 0.0 0.0 0.1 0.2 0.3\nLi 1.0 2.0 3.0 -0.1 -0.2 -0.3\n"
    )


def read_xyz(tmp_path, text: str, names: LabelNames | None = None, **options):
    (tmp_path / "a.extxyz").write_text(text)
    return load([tmp_path / "a.extxyz"], ReadOptions(names=names or LabelNames(), **options))


STRESS = 'stress="0.1 0.6 0.5 0.6 0.2 0.4 0.5 0.4 0.3"'
SIGMA = np.array([[0.1, 0.6, 0.5], [0.6, 0.2, 0.4], [0.5, 0.4, 0.3]])


def test_xyz_stress_is_positive_in_tension(tmp_path) -> None:
    data = read_xyz(tmp_path, xyz(f"energy=-12.5 {STRESS} config_type=bulk"))
    np.testing.assert_allclose(data.virials[0], -120.0 * SIGMA)
    assert data.groups.tolist() == ["bulk"] and data.energies.tolist() == [-12.5] and data.periodic.all()


def test_xyz_virial_is_minus_volume_times_stress(tmp_path) -> None:
    virial = 'virial="-12 -72 -60 -72 -24 -48 -60 -48 -36"'
    np.testing.assert_allclose(read_xyz(tmp_path, xyz(virial)).virials[0], -120.0 * SIGMA)
    np.testing.assert_allclose(read_xyz(tmp_path, xyz(f"{virial} {STRESS}")).virials[0], -120.0 * SIGMA)
    with pytest.raises(DataError, match=r"a.extxyz:0 = virial 12 eV \(xx\), but by the stress -12 eV"):
        read_xyz(tmp_path, xyz(f'{STRESS} virial="12 72 60 72 24 48 60 48 36"'))


@pytest.mark.parametrize(
    ("kind", "factor"),
    [("virial_eV", -120.0), ("stress_eV_A3", 1.0), ("stress_GPa", 1 / GPa), ("pressure_kB", -10 / GPa)],
)
def test_xyz_tensors_of_other_units(tmp_path, kind, factor) -> None:
    values = " ".join(str(value) for value in (factor * SIGMA).ravel())
    data = read_xyz(tmp_path, xyz(f'REF_s="{values}"'), LabelNames(tensor="REF_s", tensor_is=kind))
    np.testing.assert_allclose(data.virials[0], -120.0 * SIGMA, rtol=1e-6)


def test_xyz_labels_under_other_names_are_asked_about(tmp_path) -> None:
    with pytest.raises(DataError, match="energy under the name REF_energy.* --energy-key REF_energy"):
        read_xyz(tmp_path, xyz("REF_energy=-3"))
    data = read_xyz(tmp_path, xyz("REF_energy=-3"), LabelNames(energy="REF_energy"))
    assert data.energies.tolist() == [-3.0]
    other = xyz("energy=-1", "species:S:1:pos:R:3:dft_forces:R:3")
    with pytest.raises(DataError, match="--forces-key dft_forces"):
        read_xyz(tmp_path, other)
    assert read_xyz(tmp_path, other, LabelNames(forces="dft_forces")).forces[0].tolist() == [0.1, 0.2, 0.3]
    with pytest.raises(DataError, match="--virial-key virial_stress and what it is, --virial-is"):
        read_xyz(tmp_path, xyz('energy=-1 virial_stress="1 2 3 4 5 6 7 8 9"'))
    with pytest.raises(DataError, match="a.extxyz:0 = no mine: must be one of"):
        read_xyz(tmp_path, xyz("energy=-1"), LabelNames(energy="mine"))


def test_xyz_that_is_cut_off(tmp_path) -> None:
    with pytest.raises(DataError, match="a.extxyz: frame 1 = 0 of 2 atoms"):
        read_xyz(tmp_path, xyz("energy=-1") + xyz("energy=-1")[:-60])


def test_names_are_matched_without_case(tmp_path) -> None:
    text = xyz('ENERGY=-12.5 Virial="1 2 3 2 4 5 3 5 6"', "Species:S:1:POS:R:3:Forces:R:3").replace(
        "Lattice", "lattice"
    )
    data = read_xyz(tmp_path, text)
    assert data.energies.tolist() == [-12.5] and data.forces[0].tolist() == [0.1, 0.2, 0.3]
    assert data.virials[0].tolist() == [[1, 2, 3], [2, 4, 5], [3, 5, 6]] and data.cells[0, 1].tolist() == [1, 5, 0]


@pytest.mark.parametrize("prefix", ["MACE_", "REF_", "dft_", "DFT-", "qm_", "gap_", "nequip_", "my.own."])
def test_labels_with_a_prefix_are_offered_all_at_once(tmp_path, prefix) -> None:
    text = xyz(f'{prefix}energy=-3 {prefix}stress="1 2 3 2 4 5 3 5 6"', f"species:S:1:pos:R:3:{prefix}forces:R:3")
    with pytest.raises(DataError) as refusal:
        read_xyz(tmp_path, text)
    options = f"--energy-key {prefix}energy --forces-key {prefix}forces --virial-key {prefix}stress and what it is"
    assert f"a.extxyz:0 = energy under the name {prefix}energy" in str(refusal.value) and options in str(refusal.value)
    names = LabelNames(f"{prefix}energy", f"{prefix}forces", f"{prefix}stress".upper(), "stress_eV_A3")
    data = read_xyz(tmp_path, text, names)
    assert data.energies.tolist() == [-3.0] and data.virials[0, 0].tolist() == pytest.approx([-120, -240, -360])
    with pytest.warns(InputNotice, match="not used"):
        assert np.isnan(read_xyz(tmp_path, text, LabelNames("none", f"{prefix}forces", "none")).energies).all()


def test_an_import_without_labels_is_refused_unless_asked_for(tmp_path) -> None:
    text = xyz("kinetic_energy=3", "species:S:1:pos:R:3:momenta:R:3")
    with pytest.warns(InputNotice, match="a.extxyz: (momenta|kinetic_energy) = not used"):
        with pytest.raises(DataError, match="a.extxyz = 1 frame without energy, forces or virial: .*--unlabelled"):
            read_xyz(tmp_path, text)
    with pytest.warns(InputNotice):
        assert len(read_xyz(tmp_path, text, unlabelled=True)) == 1


def test_of_two_energies_the_one_that_the_forces_derive_from_is_read(tmp_path) -> None:
    atoms = ase.Atoms("SiLi", [[0, 0, 0], [1, 2, 3]], cell=[4, 5, 6], pbc=True)
    atoms.calc = SinglePointCalculator(atoms, energy=-12.5, free_energy=-12.6, forces=np.zeros((2, 3)))
    with io.StringIO() as file:
        ase.io.write(file, atoms, format="extxyz")
        text = file.getvalue()
    with pytest.warns(InputNotice, match="energy and free_energy = differ .smearing.: free_energy is read"):
        assert read_xyz(tmp_path, text).energies.tolist() == [-12.6]
    assert read_xyz(tmp_path, text, LabelNames(energy="energy")).energies.tolist() == [-12.5]
    with pytest.warns(InputNotice, match="frames:0 = energy and free_energy differ"):
        assert from_frames([atoms]).energies.tolist() == [-12.6]


@pytest.mark.parametrize("twice", ["energy=-1 energy=-2", "energy=-1 Energy=-2"])
def test_one_label_with_two_values_is_refused(tmp_path, twice) -> None:
    with pytest.raises(DataError, match="a.extxyz:0: energy, [eE]nergy = -1 and -2: must be one value"):
        read_xyz(tmp_path, xyz(twice))
    assert read_xyz(tmp_path, xyz("energy=-1 energy=-1")).energies.tolist() == [-1.0]


@pytest.mark.parametrize(("key", "factor"), [("stress", -120.0), ("virial", 1.0)])
def test_six_numbers_are_in_the_order_of_voigt(tmp_path, key, factor) -> None:
    with pytest.warns(InputNotice, match=f"a.extxyz: {key} = six numbers, read in the order xx yy zz yz xz xy"):
        data = read_xyz(tmp_path, xyz(f'{key}="1 2 3 4 5 6"'))
    np.testing.assert_allclose(data.virials[0], factor * np.array([[1, 6, 5], [6, 2, 4], [5, 4, 3]]), rtol=1e-14)
    with pytest.raises(DataError, match=f"a.extxyz:0: {key} = 7 numbers: must be nine or six"):
        read_xyz(tmp_path, xyz(f'{key}="1 2 3 4 5 6 7"'))


def test_nine_numbers_go_column_by_column_and_brackets_row_by_row(tmp_path) -> None:
    expected = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert read_xyz(tmp_path, xyz('virial="1 4 7 2 5 8 3 6 9"')).virials[0].tolist() == expected
    assert read_xyz(tmp_path, xyz("virial=[[1,2,3],[4,5,6],[7,8,9]]")).virials[0].tolist() == expected


@pytest.mark.parametrize(
    ("comment", "energy", "force", "virial"),
    [
        ("energy=-0.5 energy-unit=hartree force-unit=hartree/bohr", -13.605693122994, 5.142206747632590, None),
        ("energy=-0.5 energy_unit=au force_unit=a.u.", -13.605693122994, 5.142206747632590, None),
        ("energy=-10 energy-unit=kcal/mol force-unit=kcal/mol/angstrom", -0.433641153087705, 0.00433641153087705, None),
        ("energy=-2 Ry forces_unit=Ry/bohr", -27.211386245988, 2.571103373816295, None),
        ('energy="-2 eV" stress="1 0 0 0 1 0 0 0 1" stress-unit=GPa', -2.0, 0.1, -120 / 160.2176634),
        ('energy=-2eV stress="10 0 0 0 10 0 0 0 10 kbar"', -2.0, 0.1, -120 / 160.2176634),
        ('energy=-1 energy-unit=Ha force-unit=eV/A virial="1 0 0 0 1 0 0 0 1"', -27.211386245988, 0.1, 27.211386245988),
    ],
)
def test_units_that_the_file_states(tmp_path, comment, energy, force, virial) -> None:
    data = read_xyz(tmp_path, xyz(comment))
    assert data.energies[0] == pytest.approx(energy, rel=1e-12) and data.forces[0, 0] == pytest.approx(force, rel=1e-10)
    assert np.isnan(data.virials).all() if virial is None else data.virials[0, 0, 0] == pytest.approx(virial, rel=1e-12)


def test_units_that_only_the_user_knows(tmp_path) -> None:
    data = read_xyz(tmp_path, xyz("energy=-0.5"), energy_unit="Ha", force_unit="Ha/bohr")
    assert data.energies[0] == pytest.approx(-13.605693122994) and data.forces[0, 0] == pytest.approx(5.14220674763259)
    with pytest.raises(DataError, match="energy in Ha, force without a unit: must be told; say --force-unit"):
        read_xyz(tmp_path, xyz("energy=-0.5 energy_unit=Ha"))
    with pytest.raises(DataError, match="unit of energy = nonsense: must be a unit of energy, such as eV"):
        read_xyz(tmp_path, xyz("energy=-0.5 energy-unit=nonsense"))


@pytest.mark.parametrize("key", ["length_unit", "pos_unit", "Positions-Units", "lattice_unit"])
def test_lengths_in_a_unit_that_the_file_states(tmp_path, key) -> None:
    data = read_xyz(tmp_path, xyz(f"energy=-1 {key}=Bohr force_unit=eV/A"))
    assert data.positions[1].tolist() == pytest.approx([0.529177210903, 1.058354421806, 1.587531632709])
    assert data.cells[0, 0, 0] == pytest.approx(4 * 0.529177210903) and data.forces[0, 0] == 0.1
    assert read_xyz(tmp_path, xyz(f"energy=-1 {key}=Angstrom")).positions[1].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ("energy=-1 length_unit=bohr", "lengths in bohr, force without a unit: must be told; say --force-unit"),
        ("energy=-1 pos_unit=ells", "a.extxyz:0: pos_unit = ells: must be a unit of length, A, bohr or nm"),
        ("energy=-1 pos_unit=bohr lattice_unit=A", "pos_unit, lattice_unit = bohr, A: must be one unit"),
    ],
)
def test_lengths_in_units_that_are_refused(tmp_path, comment, words) -> None:
    with pytest.raises(DataError, match=words):
        read_xyz(tmp_path, xyz(comment))


def test_units_without_a_quantity_are_named(tmp_path) -> None:
    with pytest.warns(InputNotice, match="a.extxyz: units = not used"):
        read_xyz(tmp_path, xyz("energy=-1 units=atomic"))


def test_frames_that_did_not_converge(tmp_path) -> None:
    text = xyz("energy=-1 converged=F") + xyz("energy=-2 converged=T")
    with pytest.warns(InputNotice, match="a.extxyz: 1 of 2 frames = left out"):
        assert read_xyz(tmp_path, text).energies.tolist() == [-2.0]
    for word in ("no", "False", ".FALSE.", "0"):
        with pytest.warns(InputNotice, match="1 of 2 frames = left out"):
            assert read_xyz(tmp_path, text.replace("converged=F", f"SCF_converged={word}")).energies.tolist() == [-2.0]
    with pytest.raises(DataError, match="a.extxyz:0: converged = perhaps: must be T or F"):
        read_xyz(tmp_path, text.replace("converged=F", "converged=perhaps"))
    with pytest.warns(InputNotice, match="read, in groups"):
        assert read_xyz(tmp_path, text, unconverged="keep").groups.tolist() == ["a/unconverged", "a"]


def test_what_is_not_used_is_named(tmp_path) -> None:
    text = xyz(
        'energy=-1 REF_energy=-2 dipole="0 0 1" name=x', "species:S:1:pos:R:3:forces:R:3:vel:R:3:magmom:R:1"
    ).replace("0.3\n", "0.3 1 2 3 4\n")
    with pytest.warns(InputNotice) as notices:
        assert read_xyz(tmp_path, text + text).energies.tolist() == [-1.0, -1.0]
    places = [notice.message.where.rpartition("/")[2] for notice in notices]
    assert places == ["a.extxyz: vel, magmom", "a.extxyz: REF_energy, dipole"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (xyz("energy=nan"), "energy of a.extxyz:0 = not finite"),
        (xyz("energy=-1").replace("-0.3\n", "nan\n"), "force on atom 1 of a.extxyz:0 = not finite"),
        (xyz("energy=x"), "a.extxyz:0: energy = x: must be a number"),
        (xyz("energy='1 2'"), "energy = 2 numbers: must be one"),
        (xyz("energy=1").replace('"4 0 0 1 5 0 0 0 6"', '"4 0 0 1"'), "Lattice = 4 numbers: must be nine"),
        (xyz("energy=1").replace("Lattice", "cell"), "cell = 4 0 0 1 5 0 0 0 6: the key of the cell is Lattice"),
        (xyz("energy=1 pbc=maybe"), "pbc = maybe: must be three of T and F"),
        (xyz("energy=1").replace("pos:R:3", "pos:R:2"), "row 0 = 7 values: must be 6, by Properties"),
        (xyz("energy=1", "species:S:1:pos:R:3:forces"), "Properties = .*: must be name:type:columns, repeated"),
        (xyz("energy=1").replace("Si 0.0", "Qq 0.0"), "species = Qq: must be the symbol of an element"),
        (xyz("energy=1").replace("Si 0.0", "1 0.0"), "species = 1, a number.*--elements Li,Si"),
        (xyz("energy=1", "species:S:1:pos:R:3:Z:I:1:a:R:2"), "column Z = "),
        ("4294967297\n\nSi 0 0 0\n", "frame 0 = 1 of 4294967297 atoms"),
        ("99999999999999999999\n\n", "frame 0 = 0 of 99999999999999999999 atoms"),
        ("-3\n\n", "frame 0 = -3 atoms"),
        ("two\n\nSi 0 0 0\nSi 0 0 2\n", "number of atoms of frame 0 = two: must be a whole number"),
        ("", "no frames"),
    ],
)
def test_what_is_refused(tmp_path, text, words) -> None:
    with pytest.raises(DataError, match=words):
        read_xyz(tmp_path, text)


def test_types_and_atomic_numbers(tmp_path) -> None:
    typed = xyz("energy=1").replace("Si 0.0", "2 0.0").replace("Li 1.0", "1 1.0")
    data = read_xyz(tmp_path, typed, elements=("Li", "Si"))
    assert [data.elements[t] for t in data.species] == ["Si", "Li"]
    numbered = xyz("energy=1", "Z:I:1:pos:R:3:forces:R:3").replace("Si 0.0", "14 0.0").replace("Li 1.0", "3 1.0")
    assert [data.elements[t] for t in read_xyz(tmp_path, numbered).species] == ["Si", "Li"]
    both = xyz("energy=1", "species:S:1:Z:I:1:pos:R:3:forces:R:3").replace("Si 0.0", "Si 3 0.0").replace("Li ", "Li 3 ")
    with pytest.raises(DataError, match="species and Z = different elements"):
        read_xyz(tmp_path, both)


def test_elements_of_a_file_that_names_them_are_not_used(tmp_path) -> None:
    with pytest.warns(InputNotice, match="a.extxyz: --elements Si,Li = not used: its species are symbols"):
        read_xyz(tmp_path, xyz("energy=1"), elements=("Si", "Li"))
    typed = xyz("energy=1").replace("Si 0.0", "2 0.0").replace("Li 1.0", "1 1.0")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_xyz(tmp_path, typed, elements=("Li", "Si"))
        read_xyz(tmp_path, xyz("energy=1"), elements=("Si", "Li"), elements_if_needed=True)


def test_plain_xyz_packed_and_fortran_exponents(tmp_path) -> None:
    text = "2\nenergy = -1.25D+01 step = 3\nSi 0.0D0 0 0\nLi 1 2 2.5d+00\n"
    (tmp_path / "a.xyz.gz").write_bytes(gzip.compress(text.encode()))
    data = load([tmp_path / "a.xyz.gz"])
    assert data.energies.tolist() == [-12.5] and data.positions[1].tolist() == [1.0, 2.0, 2.5]
    assert not data.periodic.any() and data.groups.tolist() == ["a"]
    partly = read_xyz(tmp_path, xyz("energy=1 pbc=[True,false,1]"))
    assert partly.periodic.tolist() == [[True, False, True]]


def test_a_unit_behind_the_energy_asks_for_that_of_the_forces(tmp_path) -> None:
    """As energy_unit=Ha does."""
    with pytest.raises(DataError, match=r"energy in Ha, force without a unit: .* --force-unit Ha/bohr"):
        read_xyz(tmp_path, xyz("energy=-1 Ha"))
    data = read_xyz(tmp_path, xyz("energy=-1 Ha"), force_unit="Ha/bohr")
    assert data.energies.tolist() == pytest.approx([-27.211386], abs=1e-5)
    assert data.forces[0, 0] == pytest.approx(0.1 * 51.422067, abs=1e-6)
    assert read_xyz(tmp_path, xyz("energy=-1 eV")).forces[0, 0] == 0.1


@pytest.mark.parametrize("name", ["TotEnergy", "E0", "e_tot", "Epot", "DFTenergy"])
def test_energies_of_other_names_are_asked_about(tmp_path, name) -> None:
    with pytest.raises(DataError, match=f"energy under the name {name}, .* --energy-key {name}"):
        read_xyz(tmp_path, xyz(f"{name}=-3.5"))


def test_units_in_the_names_of_labels_count(tmp_path) -> None:
    text = xyz("energy_Ha=-0.5", "species:S:1:pos:R:3:forces_Ha_bohr:R:3")
    with pytest.raises(DataError, match="--energy-key energy_Ha --forces-key forces_Ha_bohr"):
        read_xyz(tmp_path, text)
    data = read_xyz(tmp_path, text, LabelNames("energy_Ha", "forces_Ha_bohr"))
    assert data.energies[0] == pytest.approx(-13.605693122994) and data.forces[0, 0] == pytest.approx(5.14220674763259)
    with pytest.raises(DataError, match="unit of energy_ha = ha, as the file states: --energy-unit eV contradicts it"):
        read_xyz(tmp_path, text, LabelNames("energy_Ha", "none"), energy_unit="eV")


@pytest.mark.parametrize("name", ["energy_eV", "REF_energy(eV)", "E_tot_Ry", "energy_kcal/mol"])
def test_energies_with_a_unit_in_their_name_are_asked_about(tmp_path, name) -> None:
    with pytest.raises(DataError) as refusal:
        read_xyz(tmp_path, xyz(f"{name}=-3.5"))
    assert f"--energy-key {name}" in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "kind", "words"),
    [
        ("REF_stress", "virial_eV", "REF_stress = a stress by its name: --virial-is virial_eV contradicts it"),
        ("stress", "virial_eV", "stress = a stress by its name"),
        ("stress_GPa", "stress_eV_A3", "stress_GPa = in gpa by its name: --virial-is stress_eV_A3 contradicts it"),
        ("stress_GPa", "pressure_kB", "stress_GPa = in gpa by its name"),
    ],
)
def test_a_tensor_is_what_its_name_says(tmp_path, key, kind, words) -> None:
    text = xyz(f'energy=-1 {key}="1 0 0 0 1 0 0 0 1"')
    with pytest.raises(DataError, match=words):
        read_xyz(tmp_path, text, LabelNames(tensor=key, tensor_is=kind))
    right = "stress_GPa" if "GPa" in key else "stress_eV_A3"
    assert read_xyz(tmp_path, text, LabelNames(tensor=key, tensor_is=right)).virials[0, 0, 0] < 0


def test_numbers_like_a_tensor_are_named(tmp_path) -> None:
    with pytest.warns(InputNotice, match=r"a\.extxyz: W = not used") as notes:
        read_xyz(tmp_path, xyz('energy=-1 W="1 0 0 0 1 0 0 0 1" step="1 2 3" tag="a b c d e f"'))
    assert len(notes) == 1


def test_unknown_numbers_are_named_once(tmp_path) -> None:
    two = xyz('energy=-1 pbe=-3.25 Time=0.5 step=3 xc="PBE" q="0.1 0.2 0.3"') * 2
    with pytest.warns(InputNotice, match=r"a\.extxyz: pbe, q = not used") as notes:
        read_xyz(tmp_path, two)
    assert len(notes) == 1


@pytest.mark.parametrize("method", ["_dft", "_pbe", "-r2scan", ".VASP"])
def test_labels_with_their_method_behind_are_offered(tmp_path, method) -> None:
    text = xyz(
        f'energy{method}=-3 virial{method}="1 2 3 2 4 5 3 5 6" force_type=dft', f"species:S:1:pos:R:3:force{method}:R:3"
    )
    offered = f"--energy-key energy{method} --forces-key force{method} --virial-key virial{method} and what it is"
    with pytest.raises(DataError, match=offered):
        read_xyz(tmp_path, text)
    data = read_xyz(tmp_path, text, LabelNames(f"energy{method}", f"force{method}", f"virial{method}"))
    assert data.energies.tolist() == [-3.0] and data.forces[0].tolist() == [0.1, 0.2, 0.3]


@pytest.mark.parametrize("word", ["energy_type=dft", "energy_cutoff=500.0", "energy_error=0.1", "energy_converged=T"])
def test_words_about_an_energy_are_none(tmp_path, word) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(read_xyz(tmp_path, xyz(word)).energies).all()


@pytest.mark.parametrize(
    ("comment", "options", "said"),
    [
        ("energy=-1 Ha force_unit=eV/A", {"energy_unit": "Ha"}, "--energy-unit Ha = not used: no energy is read"),
        ("tag=x", {"energy_unit": "Ha", "force_unit": "eV/A"}, "--energy-unit Ha = not used: no energy is read"),
        ("energy=-1 force_unit=Ha/A", {"force_unit": "Ha/A"}, "--force-unit Ha/A = not used: no force is read"),
    ],
)
def test_a_unit_without_effect_is_said(tmp_path, comment, options, said) -> None:
    with pytest.warns(InputNotice, match=said) as notes:
        read_xyz(tmp_path, xyz(comment), **options)
    assert len(notes) == 1


@pytest.mark.parametrize("name", ["run.EXTXYZ", "run.XYZ.GZ", "run.txt", "run", "trj.0"])
def test_files_of_any_name(tmp_path, name) -> None:
    """Suffixes in capitals, and files that are named themselves and begin as extended XYZ does."""
    text = xyz("energy=-1").encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("GZ") else text)
    assert load([tmp_path / name]).energies.tolist() == [-1]


def test_other_files_are_no_data(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("12\\nwords\\n")
    with pytest.raises(DataError, match=r"notes\.txt = a file that is no labelled data"):
        load([tmp_path / "notes.txt"])
    (tmp_path / "a").write_text(xyz("energy=-1"))
    with pytest.raises(DataError, match="a folder without data"):
        load([tmp_path])


@pytest.mark.parametrize(
    ("comment", "options"),
    [
        ("energy=-1 energy_unit=Ha force_unit=eV/A", {"energy_unit": "Ry"}),
        ("energy=-1 Ha force_unit=eV/A", {"energy_unit": "eV"}),
        ("energy=-1 force_unit=eV/A", {"force_unit": "Ha/bohr"}),
    ],
)
def test_units_told_against_the_file_are_refused(tmp_path, comment, options) -> None:
    option, told = next(iter(options.items()))
    with pytest.raises(DataError, match=f"as the file states: --{option.replace('_', '-')} {told} contradicts it"):
        read_xyz(tmp_path, xyz(comment), **options)


def test_a_unit_told_once_more_is_no_contradiction(tmp_path) -> None:
    data = read_xyz(tmp_path, xyz("energy=-1 hartree force_unit=eV/A"), energy_unit="Ha")
    assert data.energies.tolist() == pytest.approx([-27.211386245988], rel=1e-12)
