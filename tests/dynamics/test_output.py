"""What a run writes of its atoms adds up to what it says of all of them."""

import numpy as np
import pytest
from runs import contents, prepare, run

from hpcpot.units import EV_PER_A3_IN_GPA


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.mpi)])
def test_virials_of_atoms_add_up_to_the_pressure(ranks, tmp_path):
    every = {f"output__{name}_every": 10 for name in ("position", "velocity", "virial")}
    run(prepare(tmp_path, **every, md__steps=20), ranks=ranks)
    rows = contents(tmp_path / "run.h5md")
    virial, velocity = (rows[f"particles/trajectory/{name}/value"] for name in ("virial", "velocity"))
    assert virial.shape == (3, *velocity.shape[1:], 3)
    mass = rows["particles/trajectory/mass"] * 103.64269652680505
    flux = np.einsum("i,kia,kib->kab", mass, velocity, velocity)
    edges = rows["particles/trajectory/box/edges/value"]
    expected = (flux + virial.sum(axis=1)) / np.linalg.det(edges)[:, None, None] * EV_PER_A3_IN_GPA
    seen = rows["observables/pressure_tensor/value"][::2]
    np.testing.assert_allclose(0.5 * (expected + expected.transpose(0, 2, 1)), seen, rtol=1e-9, atol=1e-12)


def test_dry_run_of_stages_prints_what_load_reads(tmp_path):
    config = prepare(tmp_path)
    config.write_text(config.read_text() + "stages: {warm: {steps: 5}, cool: {steps: 6, temperature_end_K: 10.0}}\n")
    done = run(config, "--dry-run")
    again = tmp_path / "again.yaml"
    again.write_text(done.stdout[: done.stdout.index("grid: 1 x 1 x 1 ranks")])
    assert run(again, "--dry-run").stdout == done.stdout
    assert "temperature_end_K: 10.0" in done.stdout
