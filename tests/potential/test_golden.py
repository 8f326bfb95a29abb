"""Energies, forces and virials against the reference programs (tests/data/README.md says which and how)."""

import json
import os
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from repository import DATA

from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import evaluate
from hpcpot.potential.files import load

TOLERANCES = {"reference": (1e-9, 1e-8), "cpu": (1e-7, 1e-6)}
"""eV/atom and eV/Å against DeePMD-kit."""
MIXED = (5e-5, 1e-4)
"""The same of the cpu kernels in mixed precision."""

LISI = np.load(DATA / "lisi_golden.npz")
LISI_FRAMES = sorted({key.split("/")[0] for key in LISI})


@pytest.fixture(scope="module", params=[("reference", "float64"), ("cpu", "float64"), ("cpu", "mixed")], ids="-".join)
def lisi(request):
    return BlockPotential(load("lisi"), *request.param)


@pytest.mark.parametrize("frame", LISI_FRAMES)
def test_shipped_deep_potential_against_deepmd_kit(frame, lisi):
    golden = {
        key: LISI[f"{frame}/{key}"]
        for key in ("numbers", "positions", "cell", "pbc", "energy", "forces", "virial", "atom_energies")
    }
    atoms = ase.Atoms(golden["numbers"], golden["positions"], cell=golden["cell"], pbc=golden["pbc"])
    result = evaluate(atoms, lisi)
    energy, force = MIXED if lisi.precision == "mixed" else TOLERANCES[lisi.kernel_set]
    assert abs(result.energies.sum() - golden["energy"]) / len(atoms) < energy
    np.testing.assert_allclose(result.energies, golden["atom_energies"].ravel(), rtol=0, atol=energy)
    np.testing.assert_allclose(result.forces, golden["forces"], rtol=0, atol=force)
    np.testing.assert_allclose(result.virial, golden["virial"].reshape(3, 3), rtol=0, atol=force * len(atoms))


@pytest.mark.parametrize("kernels", TOLERANCES)
@pytest.mark.parametrize("name", ["small_oneside", "small_twoside", "small_dt", "trunc_sel"])
def test_deep_potential_variants_against_deepmd_kit(name, kernels):
    """One- and two-sided embeddings, embedding timesteps, and fewer slots than neighbours."""
    potential = BlockPotential(load(DATA / "dp" / f"{name}.dp"), kernels)
    energy, force = TOLERANCES[kernels]
    for golden in json.loads((DATA / "dp" / f"{name}.json").read_text()):
        symbols = [potential.elements[t] for t in golden["type"]]
        cell, positions = np.reshape(golden["box"], (3, 3)), np.reshape(golden["coord"], (-1, 3))
        result = evaluate(ase.Atoms(symbols, positions, cell=cell, pbc=True), potential)
        np.testing.assert_allclose(result.energies, np.ravel(golden["atom_energy"]), rtol=0, atol=energy)
        np.testing.assert_allclose(result.forces, np.reshape(golden["force"], (-1, 3)), rtol=0, atol=force)
        np.testing.assert_allclose(result.virial, np.reshape(golden["virial"], (3, 3)), rtol=0, atol=force)
        assert (result.truncated > 0) == (name == "trunc_sel")


@pytest.mark.parametrize("name", ["small_oneside", "small_twoside", "small_dt", "trunc_sel"])
def test_deep_potential_variants_in_mixed_precision(name):
    potential = BlockPotential(load(DATA / "dp" / f"{name}.dp"), precision="mixed")
    for golden in json.loads((DATA / "dp" / f"{name}.json").read_text()):
        symbols = [potential.elements[t] for t in golden["type"]]
        cell, positions = np.reshape(golden["box"], (3, 3)), np.reshape(golden["coord"], (-1, 3))
        result = evaluate(ase.Atoms(symbols, positions, cell=cell, pbc=True), potential)
        np.testing.assert_allclose(result.energies, np.ravel(golden["atom_energy"]), rtol=0, atol=MIXED[0])
        np.testing.assert_allclose(result.forces, np.reshape(golden["force"], (-1, 3)), rtol=0, atol=MIXED[1])
        assert result.forces.dtype == result.energies.dtype == np.float64


@pytest.mark.parametrize("kernels", TOLERANCES)
def test_chebyshev_against_aenet(kernels):
    potential = BlockPotential(load([DATA / "aenet" / "Li.nn", DATA / "aenet" / "Si.nn"]), kernels)
    structures = json.loads((DATA / "aenet" / "golden.json").read_text())["structures"]
    assert len(structures) == 2
    for golden in structures:
        atoms = ase.Atoms(golden["symbols"], golden["positions"], cell=golden["cell"], pbc=golden["cell"] is not None)
        result = evaluate(atoms, potential)
        assert abs(result.energies.sum() - golden["total_energy"]) < 1e-7
        np.testing.assert_allclose(result.forces, golden["forces"], rtol=0, atol=1e-6)


@pytest.mark.skipif("HPCPOT_REFERENCE_DATA" not in os.environ, reason="HPCPOT_REFERENCE_DATA names no reference folder")
@pytest.mark.parametrize("kernels", TOLERANCES)
@pytest.mark.parametrize(("files", "domain"), [("{}.pytorch.nn", "cos"), ("{}.15t-15t.ann", "legacy")])
def test_published_lithium_silicon_networks(files, domain, kernels):
    folder = Path(os.environ["HPCPOT_REFERENCE_DATA"]) / "golden" / "aenet-lisi"
    model = load([folder / files.format(element) for element in ("Li", "Si")])
    assert model.angular_domain == domain
    golden = json.loads((folder / "golden.json").read_text())[files.format("").strip(".").removesuffix(".ann")]["s.xsf"]
    result = evaluate(ase.io.read(folder / "s.xsf"), BlockPotential(model, kernels))
    assert abs(result.energies.sum() - golden["energy"]) < 1e-7
    if "forces" in golden:
        np.testing.assert_allclose(result.forces, golden["forces"], rtol=0, atol=1e-6)
