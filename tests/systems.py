"""Small systems and models that tests build in code."""

from __future__ import annotations

from dataclasses import replace

import ase
import numpy as np
from ase.build import bulk

from hpcpot.dynamics.controls import Thermostat
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.dynamics.motion import draw_velocities
from hpcpot.dynamics.start import make_state
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import SERIAL, Ranks
from hpcpot.potential.chebyshev.model import Chebyshev
from hpcpot.potential.contract import Potential
from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.potential.moment_tensor.basis import basis
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.network import Layer
from hpcpot.structure.state import State
from hpcpot.units import BOLTZMANN


def deep_potential(seed: int = 1, one_sided: bool = False, cutoff: float = 4.5) -> DeepPotential:
    """Li-Si Deep Potential with random weights of sensible size: forces of a few eV/Å."""
    rng = np.random.default_rng(seed)
    nets = [[embedding(rng) for _ in range(2)] for _ in range(1 if one_sided else 2)]
    return DeepPotential(
        elements=("Li", "Si"),
        cutoff=cutoff,
        cutoff_smooth=1.0,
        slots=np.array([40, 40]),
        axis=4,
        mean=np.tile(np.array([0.1, 0.0, 0.0, 0.0]), (2, 2, 1)),
        deviation=np.tile([0.12, 0.08, 0.08, 0.08], (2, 2, 1)),
        embeddings=tuple(tuple(row) for row in (nets * 2 if one_sided else nets)),
        fittings=tuple(layers(rng, (48, 24, 24, 1)) for _ in range(2)),
        energy_shift=np.array([-1.9, -5.4]),
        one_sided=one_sided,
    )


def deep_potential_with_first_skip() -> DeepPotential:
    """As deep_potential, with residual first fitting layers: 48 -> 48 for Li, 48 -> 96 for Si."""
    rng = np.random.default_rng(9)
    model = deep_potential()
    widths = (48, 96)
    fittings = tuple(
        (Layer(rng.normal(size=(48, w)) / 7.0, rng.normal(size=w) * 0.3, None, "tanh", True), *layers(rng, (w, 24, 1)))
        for w in widths
    )
    return replace(model, fittings=fittings)


def deep_potential_with_narrow_switch() -> DeepPotential:
    """As deep_potential, with a switch that begins off every grid of tables and ends 0.2 Å later."""
    return replace(deep_potential(), cutoff=4.5, cutoff_smooth=4.2337)


def embedding(rng: np.random.Generator) -> tuple[Layer, ...]:
    return tuple(
        Layer(rng.normal(size=(a, b)) / np.sqrt(a + b), rng.normal(size=b) * 0.3, None, "tanh", resnet)
        for a, b, resnet in ((1, 6, False), (6, 12, True), (12, 12, True))
    )


def layers(rng: np.random.Generator, widths: tuple[int, ...]) -> tuple[Layer, ...]:
    """Dense tanh layers, the last linear; residual with a timestep where the widths agree."""
    hidden = [
        Layer(
            rng.normal(size=(a, b)) / np.sqrt(a),
            rng.normal(size=b) * 0.3,
            rng.normal(0.5, 0.1, b) if a == b else None,
            "tanh",
            a == b,
        )
        for a, b in zip(widths[:-2], widths[1:-1], strict=True)
    ]
    return (*hidden, Layer(rng.normal(size=(widths[-2], 1)), rng.normal(size=1), None, "linear", False))


def chebyshev(seed: int = 2, domain: str = "cos") -> Chebyshev:
    """Li-Si Chebyshev potential with random weights."""
    rng = np.random.default_rng(seed)
    inputs = 2 * (6 + 3 + 2)
    return Chebyshev(
        elements=("Li", "Si"),
        radial_cutoff=5.0,
        radial_order=6,
        angular_cutoff=3.5,
        angular_order=3,
        angular_domain=domain,
        spins=np.array([[-1.0, 1.0], [-1.0, 1.0]]),
        scale=rng.uniform(0.1, 0.3, (2, inputs)),
        offset=rng.normal(size=(2, inputs)),
        networks=tuple(layers(rng, (inputs, 12, 12, 1)) for _ in range(2)),
        energy_scale=np.array([2.0, 2.0]),
        energy_shift=np.array([0.2, 0.2]),
        atomic_energies=np.array([-1.9, -5.4]),
        min_distance=0.5,
    )


def moment_tensor(
    seed: int = 3, level: int = 10, size: int = 5, elements: tuple[str, ...] = ("Li", "Si"), cutoff: float = 4.5
) -> MomentTensor:
    """Moment tensor potential with random coefficients."""
    rng = np.random.default_rng(seed)
    lists, species = basis(level), len(elements)
    return MomentTensor(
        elements=elements,
        min_distance=1.8,
        cutoff=cutoff,
        scaling=0.06,
        radial=rng.normal(size=(species, species, lists.n_radial, size)),
        basics=lists.basics,
        products=lists.products,
        scalars=lists.scalars,
        coefficients=0.3 * rng.normal(size=len(lists.scalars)),
        species_energies=rng.normal(size=species),
    )


def argon() -> LennardJones:
    return LennardJones(("Ar",), np.array([[0.0104]]), np.array([[3.4]]), 7.0)


def mixed(atoms: ase.Atoms, seed: int, displacement: float = 0.1) -> ase.Atoms:
    """Half of the atoms made Li at random, all displaced."""
    rng = np.random.default_rng(seed)
    atoms.symbols = np.where(rng.random(len(atoms)) < 0.5, "Li", "Si")
    atoms.positions += rng.normal(0.0, displacement, (len(atoms), 3))
    return atoms


def crystal(repeat: int = 3, seed: int = 3) -> ase.Atoms:
    return mixed(bulk("Si", "diamond", 5.4, cubic=True) * repeat, seed)


def slab(seed: int = 4) -> ase.Atoms:
    """Periodic along x and y, 15 Å of vacuum above along z, which is not periodic."""
    atoms = mixed(bulk("Si", "diamond", 5.4, cubic=True) * (2, 2, 4), seed)
    atoms.center(vacuum=7.5, axis=2)
    atoms.pbc = (True, True, False)
    return atoms


def vacuum(seed: int = 5) -> ase.Atoms:
    """Periodic along all axes, with a third of the cell empty."""
    atoms = mixed(bulk("Si", "diamond", 5.4, cubic=True) * (2, 2, 4), seed)
    atoms.cell[2, 2] += 12.0
    return atoms


def triclinic(seed: int = 6) -> ase.Atoms:
    atoms = bulk("Si", "diamond", 5.4, cubic=True) * 3
    atoms.set_cell(atoms.cell.array @ np.array([[1.0, 0, 0], [0.3, 1.0, 0], [-0.2, 0.25, 1.0]]), scale_atoms=True)
    return mixed(atoms, seed, 0.05)


def cluster(seed: int = 7) -> ase.Atoms:
    """Free atoms in a cell that they leave."""
    atoms = mixed(bulk("Si", "diamond", 5.4, cubic=True) * 2, seed)
    atoms.pbc = False
    return atoms


def simulation(
    atoms: ase.Atoms,
    potential: Potential,
    ranks: Ranks = SERIAL,
    *,
    temperature: float | None = 300.0,
    seed: int = 11,
    skin: float = 0.6,
    keeps_momentum: bool = True,
    grid: tuple[int, int, int] | None = None,
) -> tuple[State, Engine]:
    """A started engine and its state, with velocities drawn at a temperature."""
    state = make_state(atoms if ranks.is_root else None, potential.elements, ranks)
    domain = Domain(state.cell, state.periodic, ranks, potential.cutoff + skin, grid)
    engine = Engine(potential, domain, ranks, skin, keeps_momentum=keeps_momentum)
    engine.start(state)
    if temperature is not None:
        draw_velocities(state, engine, BOLTZMANN * temperature, seed, True)
    return state, engine


def advance(state: State, engine: Engine, integrator: str, steps: int, dt: float, temperature: float = 300.0) -> None:
    """Initialise an integrator and do some steps."""
    chosen = INTEGRATORS[integrator]
    engine.keeps_momentum = chosen.keeps_momentum
    thermostat = Thermostat(BOLTZMANN * temperature, BOLTZMANN * temperature, 50.0, steps, 5)
    chosen.init(state, engine, thermostat)
    for _ in range(steps):
        chosen.step(state, engine, dt, thermostat)


def li_si_models() -> dict[str, DeepPotential | Chebyshev | MomentTensor]:
    """Models of Li and Si of each family, with what makes a difference to kernels, by name."""
    return {
        "deep_potential": deep_potential(),
        "deep_potential, one-sided": deep_potential(one_sided=True),
        "deep_potential, first skip": deep_potential_with_first_skip(),
        "deep_potential, narrow switch": deep_potential_with_narrow_switch(),
        "chebyshev": chebyshev(),
        "chebyshev, legacy": chebyshev(domain="legacy"),
        "moment_tensor": moment_tensor(),
    }
