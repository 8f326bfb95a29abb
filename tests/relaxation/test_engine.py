"""Many structures at once end where each would end alone, and where ASE ends; what fails, fails alone."""

from __future__ import annotations

import ase
import numpy as np
import pytest
import systems
from ase.build import bulk
from ase.constraints import FixAtoms
from ase.filters import UnitCellFilter
from ase.optimize import FIRE

from hpcpot import Calculator
from hpcpot.errors import StructureError
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.contract import Potential
from hpcpot.potential.files import load
from hpcpot.relaxation.engine import CONVERGED, NOT_CONVERGED, RelaxationOptions, Relaxed, Snapshot, relax
from hpcpot.relaxation.guards import CellCollapse, CloseContact, check_cell, check_contact, check_finite
from hpcpot.relaxation.minimizers import MinimizerOptions
from hpcpot.structure import crystals
from hpcpot.units import EV_PER_A3_IN_GPA

TIGHT = RelaxationOptions(force=2e-3, stress=3e-5)


@pytest.fixture(scope="module")
def potential() -> Potential:
    return BlockPotential(load("lisi"))


def perturbed(n: int = 6) -> list[ase.Atoms]:
    """Crystals of 2 to 32 atoms, strained by a few per cent and rattled."""
    rng = np.random.default_rng(4)
    kinds = [bulk("Si", "diamond", 5.46), crystals.build("Si"), crystals.build("LiSi"), crystals.build("Li", (2, 2, 2))]
    found = []
    for k in range(n):
        atoms = kinds[k % 4].copy()
        atoms.positions += rng.normal(0.0, 0.05, atoms.positions.shape)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.uniform(-0.03, 0.03, (3, 3))), scale_atoms=True)
        found.append(atoms)
    return found


def outcomes(structures: list[ase.Atoms], potential: Potential, options: RelaxationOptions, room: int = 40) -> list:
    found = dict(relax(structures, potential, options, room))
    assert sorted(found) == list(range(len(structures)))
    return [found[k] for k in range(len(structures))]


def test_fire_follows_ase_move_by_move(potential: Potential) -> None:
    structures, calculator = perturbed(4), Calculator("lisi")
    ours = outcomes(structures, potential, RelaxationOptions(minimizer="fire", steps=25, force=1e-9))
    for atoms, one in zip(structures, ours, strict=True):
        atoms.calc = calculator
        FIRE(UnitCellFilter(atoms), logfile=None).run(fmax=1e-9, steps=25)
        assert one.status == NOT_CONVERGED and one.steps == 25
        np.testing.assert_allclose(one.final.positions, atoms.positions, rtol=0, atol=1e-7)
        np.testing.assert_allclose(one.final.cell, atoms.cell.array, rtol=0, atol=1e-7)
        np.testing.assert_allclose(one.final.forces, atoms.get_forces(), rtol=0, atol=1e-6)
        np.testing.assert_allclose(one.final.stress, atoms.get_stress(voigt=False), rtol=0, atol=1e-8)


@pytest.mark.parametrize("minimizer", ["lbfgs", "fire", "damped"])
def test_minima_are_those_of_ase(potential: Potential, minimizer: str) -> None:
    structures, calculator = perturbed(3 if minimizer == "damped" else 4), Calculator("lisi")
    options = RelaxationOptions(minimizer=minimizer, force=2e-3, stress=3e-5, moves=MinimizerOptions(potim=0.6))
    ours = outcomes(structures, potential, options)
    for atoms, one in zip(structures, ours, strict=True):
        atoms.calc = calculator
        FIRE(UnitCellFilter(atoms), logfile=None).run(fmax=5e-4, steps=2000)
        assert one.status == CONVERGED
        assert one.final.energy / len(atoms) == pytest.approx(atoms.get_potential_energy() / len(atoms), abs=1e-5)
        assert abs(np.linalg.det(one.final.cell)) == pytest.approx(atoms.get_volume(), rel=2e-3)
        assert one.force <= 2e-3 and one.stress <= 3e-5


def test_structure_matcher_agrees(potential: Potential) -> None:
    """L-BFGS ends in the structures where FIRE, which is ASE's, ends, and these are not the first."""
    pytest.importorskip("pymatgen.core")
    from pymatgen.core.structure_matcher import StructureMatcher
    from pymatgen.io.ase import AseAtomsAdaptor

    def adapt(atoms: ase.Atoms, snapshot: Snapshot):
        return AseAtomsAdaptor.get_structure(ase.Atoms(atoms.numbers, snapshot.positions, cell=snapshot.cell, pbc=True))

    structures, close = perturbed(3), StructureMatcher(stol=0.02, scale=False, primitive_cell=False)
    lbfgs = outcomes(structures, potential, TIGHT)
    fire = outcomes(structures, potential, RelaxationOptions(minimizer="fire", force=2e-3, stress=3e-5))
    for atoms, one, other in zip(structures, lbfgs, fire, strict=True):
        assert close.fit(adapt(atoms, one.final), adapt(atoms, other.final))
        assert not close.fit(adapt(atoms, one.initial), adapt(atoms, other.final))


def test_company_and_room_do_not_matter(potential: Potential) -> None:
    structures = perturbed()
    together = outcomes(structures, potential, TIGHT, room=1000)
    for room in (1, 20):
        for one, other in zip(outcomes(structures, potential, TIGHT, room), together, strict=True):
            assert one.steps == other.steps
            np.testing.assert_allclose(one.final.positions, other.final.positions, rtol=0, atol=1e-6)


def test_lbfgs_takes_far_fewer_steps_than_fire(potential: Potential) -> None:
    steps = {
        name: sum(one.steps for one in outcomes(perturbed(), potential, RelaxationOptions(minimizer=name)))
        for name in ("lbfgs", "fire")
    }
    assert 2 * steps["lbfgs"] < steps["fire"]


def test_mixed_precision_ends_in_the_same_minima(potential: Potential) -> None:
    """Round-off of energies, 1e-6 eV, is not taken for a rise: as few steps, also to tight tolerances."""
    mixed, options = BlockPotential(load("lisi"), precision="mixed"), RelaxationOptions(force=1e-3, stress=1e-5)
    pairs = zip(outcomes(perturbed(), mixed, options), outcomes(perturbed(), potential, options), strict=True)
    for one, other in pairs:
        assert one.status == CONVERGED and abs(one.steps - other.steps) <= 5
        assert one.final.energy == pytest.approx(other.final.energy, abs=1e-5 * len(one.final.positions))


@pytest.mark.parametrize("cell", ["fixed", "hydrostatic", "fixed_volume"])
def test_what_the_cell_may_do(potential: Potential, cell: str) -> None:
    structures = perturbed()
    for atoms, one in zip(structures, outcomes(structures, potential, RelaxationOptions(cell=cell)), strict=True):
        assert one.status == CONVERGED and one.final.energy < one.initial.energy
        before, after = atoms.cell.array, one.final.cell
        ratio = abs(np.linalg.det(after) / np.linalg.det(before))
        if cell == "fixed":
            np.testing.assert_array_equal(after, before)
        elif cell == "hydrostatic":
            np.testing.assert_allclose(after, before * np.cbrt(ratio), rtol=0, atol=1e-9)
            assert abs(np.trace(one.final.stress)) / 3 < 3e-4
        else:
            assert ratio == pytest.approx(1.0, abs=1e-10)
            assert np.abs(after - before).max() > 1e-3


def test_pressure(potential: Potential) -> None:
    pressure = 2.0 / EV_PER_A3_IN_GPA
    free, pressed = (
        outcomes([bulk("Si", "diamond", 5.5)], potential, RelaxationOptions(pressure=p, force=1e-3, stress=1e-5))[0]
        for p in (0.0, pressure)
    )
    np.testing.assert_allclose(pressed.final.stress, -pressure * np.eye(3), rtol=0, atol=2e-5)
    assert np.linalg.det(pressed.final.cell) < 0.99 * np.linalg.det(free.final.cell)


def test_frozen_atoms_stay(potential: Potential) -> None:
    atoms = perturbed(2)[1]
    atoms.set_constraint(FixAtoms([0, 3]))
    one = outcomes([atoms], potential, RelaxationOptions(cell="fixed"))[0]
    np.testing.assert_array_equal(one.final.positions[[0, 3]], atoms.positions[[0, 3]])
    assert one.status == CONVERGED
    assert np.linalg.norm(one.final.forces[[0, 3]], axis=1).max() > 0.01  # they would move


def test_free_clusters_and_slabs(potential: Potential) -> None:
    atoms = bulk("Si", "diamond", 5.46, cubic=True)
    atoms.pbc = False
    slab = bulk("Si", "diamond", 5.46, cubic=True)
    slab.pbc = (True, True, False)
    cluster, flat = outcomes([atoms, slab], potential, RelaxationOptions(cell="fixed"))
    assert cluster.status == flat.status == CONVERGED
    np.testing.assert_array_equal(cluster.final.stress, np.zeros((3, 3)))
    refused = outcomes([slab], potential, RelaxationOptions())[0]
    assert isinstance(refused, StructureError) and "moves a cell that is periodic along all axes" in str(refused)


def test_bad_structures_fail_alone(potential: Potential) -> None:
    good = perturbed(4)
    nan, flat, unknown, overlap = (good[1].copy() for _ in range(4))
    nan.positions[2, 1] = np.nan
    flat.cell[2] = 0.5 * flat.cell[1]
    unknown.symbols[1] = "Ge"
    overlap.positions[1] = overlap.positions[0] + 0.1
    mixed = [nan, good[0], flat, good[1], unknown, good[2], overlap, good[3], ase.Atoms()]
    alone = outcomes(good, potential, TIGHT)
    found = outcomes(mixed, potential, TIGHT)
    for one, other in zip([found[k] for k in (1, 3, 5, 7)], alone, strict=True):
        assert one.final.energy == pytest.approx(other.final.energy, abs=1e-8) and one.steps == other.steps
    messages = ["positions of atom 2", "must have a volume", "species of atom 1 = Ge", "distance of atoms", "0 atoms"]
    for k, message in zip((0, 2, 4, 6, 8), messages, strict=True):
        assert isinstance(found[k], StructureError) and message in str(found[k])


def test_trouble_on_the_way_fails_alone() -> None:
    """A pair that attracts without limit runs into contact; its neighbours in the batch converge."""
    from hpcpot.potential.lennard_jones import LennardJones

    attractive = BlockPotential(
        LennardJones(("Ar", "Ne"), np.array([[0.0104, 0], [0, -0.5]]), np.full((2, 2), 3.4), 7.0)
    )
    good = bulk("Ar", "fcc", 5.4, cubic=True)
    bad = ase.Atoms("Ne2", [[0, 0, 0], [3.0, 0, 0]], cell=[20.0] * 3, pbc=True)
    contact, fine = outcomes([bad, good], attractive, RelaxationOptions(cell="fixed"))
    assert isinstance(contact, CloseContact) and contact.args[0].startswith("distance at step ")
    assert fine.status == CONVERGED
    collapsed = outcomes([good], attractive, RelaxationOptions(pressure=-1.0))[0]
    assert isinstance(collapsed, CellCollapse) and "of the initial one: must stay within 0.2 and 5" in str(collapsed)


def test_guards_say_what_is_wrong() -> None:
    check_contact(0.51, 3)
    with pytest.raises(CloseContact, match="distance at step 3 = 0.4 Å: atoms must stay 0.5 Å apart"):
        check_contact(0.4, 3)
    for ratio in (0.1, -1.0, 6.0, np.nan):
        with pytest.raises(CellCollapse, match=f"volume at step 3 = {ratio:.3g} of the initial one"):
            check_cell(ratio, 3)
    with pytest.raises(Exception, match="position, energy or force at step 3 = not finite"):
        check_finite(np.inf, 3)


def test_the_path_is_kept(potential: Potential) -> None:
    atoms = perturbed(1)[0]
    one = outcomes([atoms], potential, RelaxationOptions(keep_path=True))[0]
    assert len(one.path) == one.steps + 1
    np.testing.assert_array_equal(one.path[0].positions, atoms.positions)
    assert one.path[-1].energy == one.final.energy < one.path[0].energy == one.initial.energy


def test_no_steps_only_evaluates(potential: Potential) -> None:
    one = outcomes(perturbed(1), potential, RelaxationOptions(steps=0))[0]
    assert isinstance(one, Relaxed) and one.status == NOT_CONVERGED and one.final.energy == one.initial.energy


def test_structures_that_are_already_relaxed_take_no_step(potential: Potential) -> None:
    first = outcomes([bulk("Si", "diamond", 5.46)], potential, TIGHT)[0]
    again = bulk("Si", "diamond", 5.46)
    again.set_cell(first.final.cell)
    again.positions = first.final.positions
    assert outcomes([again], potential, TIGHT)[0].steps == 0


def test_random_deep_potential_in_tiny_cells() -> None:
    """Cells shorter than the cutoff, with a model that knows nothing of minima: energies go down, nothing breaks."""
    potential = BlockPotential(systems.deep_potential())
    structures = [systems.mixed(bulk("Si", "diamond", 5.4), seed, 0.05) for seed in range(5)]
    for one in outcomes(structures, potential, RelaxationOptions(cell="fixed", steps=200)):
        assert one.final.energy <= one.initial.energy
