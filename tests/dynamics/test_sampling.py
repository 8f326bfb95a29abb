"""Observables that a run samples: the same tables after a restart, and on several ranks."""

import numpy as np
import pytest
import runs
from runs import contents, prepare, run

OBSERVE = [
    {"name": "strain", "every": 10, "options": {"cutoff_A": 5.0}},
    {"name": "bonds", "every": 10, "options": {"lengths_A": [["Ar", "Ar", 4.2]]}},
    {"name": "voids", "every": 10, "options": {"radius_A": 2.4}},
    {"name": "stress", "every": 20, "options": {"bins": [1, 1, 2]}},
]


def observed(folder, name="run.observed.h5"):
    found = contents(folder / name)
    return {path: values for path, values in found.items() if not path.startswith("provenance")}


def argon(folder, **changes):
    """40 steps of argon with a checkpoint at 20; positions, velocities and virials go into the trajectory, too."""
    folder.mkdir(exist_ok=True)
    return prepare(folder, observe=OBSERVE, output__virial_every=20, output__velocity_every=20, **changes)


def same(found, expected, **tolerance):
    assert found.keys() == expected.keys() and len(expected) > 10
    for name, values in expected.items():
        if tolerance:
            np.testing.assert_allclose(found[name], values, err_msg=name, **tolerance)
        else:
            np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_a_restarted_run_ends_with_the_same_tables(tmp_path):
    whole, parts = argon(tmp_path / "whole"), argon(tmp_path / "parts")
    run(whole)
    run(parts, "--set", "md.steps=20")
    run(parts, "--restart")
    same(observed(parts.parent), observed(whole.parent))
    assert observed(whole.parent)["strain/step"].tolist() == [0, 10, 20, 30, 40]
    assert (observed(whole.parent)["stress/frames"] == 3).all()


@pytest.mark.mpi
def test_two_ranks_and_a_restart_on_them(tmp_path):
    one, whole, parts = (argon(tmp_path / name) for name in ("one", "whole", "parts"))
    run(one)
    run(whole, ranks=2)
    run(parts, "--set", "md.steps=20", ranks=2)
    run(parts, "--restart", ranks=2)
    same(observed(parts.parent), observed(whole.parent))
    same(observed(whole.parent), observed(one.parent), rtol=1e-8, atol=1e-10)


def test_other_options_begin_anew(tmp_path):
    config = argon(tmp_path)
    run(config, "--set", "md.steps=20")
    done = run(config, "--restart", "--set", "observe=[{name: strain, every: 10, options: {cutoff_A: 6}}]")
    assert "note: observe.strain begins anew: its options are not those of the checkpoint" in done.stdout
    assert observed(tmp_path)["strain/step"].tolist() == [30, 40]


@pytest.mark.parametrize(
    ("observe", "message"),
    [
        (
            "[{name: strains}]",
            "must name one of strain, bonds, voids, stress, profile, energies, rdf, coordination, msd, vacf, deviation, not "
            "strains",
        ),
        ("[{name: strain, each: 5}]", "must have name, every and options only, and has each"),
        ("[{name: strain, every: 0}]", "must be >= 1"),
        ("[{name: strain}, {name: strain}]", "must name strain once"),
        ("[{name: strain, options: {cutof_A: 5}}]", "has no option cutof_A of strain; did you mean cutoff_A?"),
        (
            "[{name: strain, options: {cutoff_A: 0}}]",
            "option cutoff_A of strain = 0, which must be > 0; typical 4 to 6",
        ),
        ("[{name: deviation}]", "must have the option files of deviation, a list of model files"),
        ("{name: strain}", "must be a list of {name, every, options}"),
    ],
)
def test_what_cannot_be_observed(tmp_path, observe, message):
    done = runs.run(prepare(tmp_path), "--set", f"observe={observe}", code=1)
    assert message in done.stderr and done.stderr.startswith("ConfigError: observe = ")


def test_an_existing_file_is_not_replaced(tmp_path):
    config = argon(tmp_path)
    (tmp_path / "run.observed.h5").write_text("of another run")
    assert "run.observed.h5 = exists" in run(config, code=1).stderr
