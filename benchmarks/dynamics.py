"""What the benchmarks of molecular dynamics share: a started simulation, and its steps timed by phase."""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time

import timing  # first: it sets the threads
import numpy as np
from ase import Atoms

from hpcpot.dynamics import steppers
from hpcpot.dynamics.controls import Thermostat
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.dynamics.motion import draw_velocities
from hpcpot.dynamics.start import extent, make_state
from hpcpot.dynamics.steppers.contract import Motion, Stepper
from hpcpot.gpu.device import Gpu, choose
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import SERIAL, Ranks, start
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import evaluate
from hpcpot.potential.contract import Family, Potential
from hpcpot.structure import crystals
from hpcpot.structure.state import State
from hpcpot.units import BOLTZMANN

TOLERANCES = {"float64": (1e-7, 1e-6), "mixed": (5e-5, 1e-4)}
"""eV/atom and eV/Å against the reference kernels, as in the tests."""


@dataclass
class Dynamics:
    """A simulation that is ready for `steps`: NVT (Nosé-Hoover) at a temperature, or NVE from the velocities there.

    Attributes:
        first_energy: eV, of all atoms at the start.
    """

    state: State
    engine: Engine
    motion: Motion
    stepper: Stepper
    first_energy: float

    @classmethod
    def start(
        cls,
        read: Callable[[], Atoms],
        potential: Potential,
        ranks: Ranks,
        skin: float,
        timestep: float,
        temperature: float,
        nve: bool,
    ) -> Dynamics:
        """Args: read: called on rank 0. skin: Å. timestep: fs. temperature: K, of the first velocities unless nve."""
        state = make_state(read() if ranks.is_root else None, potential.elements, ranks)
        domain = Domain(state.cell, state.periodic, ranks, potential.cutoff + skin, extent=extent(state, ranks))
        engine = Engine(potential, domain, ranks, skin)
        if potential.kernel_set == "gpu":
            from hpcpot.gpu.exchange import Exchange

            domain.ranks = Exchange(ranks, potential.device)
        engine.start(state)
        energy, kT = float(ranks.sum(np.array([state.energies.sum()]))[0]), temperature * BOLTZMANN
        if not nve:
            draw_velocities(state, engine, kT, 1, True)
        controls = None if nve else Thermostat(kT, kT, 50.0, 0, 1)
        motion = Motion(INTEGRATORS["nve" if nve else "nvt_nose_hoover"], controls, timestep)
        motion.integrator.init(state, engine, controls)
        return cls(state, engine, motion, steppers.choose(steppers.available(potential), state, engine, motion), energy)

    def steps(self, count: int) -> None:
        self.stepper.advance(self.state, self.engine, self.motion, count)


def potential_on(device: str, model: Family, ranks: Ranks, precision: str = "float64") -> Potential:
    """The model on the CPU, or on this rank's GPU."""
    number, line = choose(device, ranks)
    if ranks.is_root and device != "cpu":
        print(line)
    if number is None:
        return BlockPotential(model, precision=precision)
    from hpcpot.potential.moments.gpu.potential import GpuPotential

    return GpuPotential(model, Gpu(number), precision)


def add_arguments(parser: argparse.ArgumentParser, repeat: tuple[int, int, int], skin: float) -> None:
    """Options of a benchmark of dynamics."""
    parser.add_argument("--steps", type=int, default=20, help="steps of each repeat, and before the first")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--repeat", type=int, nargs=3, default=repeat, help="copies of the cell along each axis")
    parser.add_argument("--skin", type=float, default=skin, help="Å")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--apart", action="store_true", help="each rank of mpirun moves all these atoms by itself")
    parser.add_argument("--nve", action="store_true", help="NVE from the structure's own velocities, no thermostat")


def ranks_of(arguments: argparse.Namespace) -> Ranks:
    """All ranks, or each by itself."""
    return SERIAL if arguments.apart else start()


def check(model: Family, potential: Potential) -> None:
    """Fast and reference kernels agree on a small mixed cell.

    Raises:
        AssertionError: they do not.
    """
    atoms = crystals.build("Si", (2, 2, 2))
    atoms.symbols[::3] = "Li"
    atoms.rattle(0.1, seed=1)
    fast, exact = evaluate(atoms, potential), evaluate(atoms, BlockPotential(model, "reference"))
    energy, force = TOLERANCES[potential.precision]
    np.testing.assert_allclose(fast.energies, exact.energies, rtol=0, atol=energy)
    np.testing.assert_allclose(fast.forces, exact.forces, rtol=0, atol=force)


def report(name: str, dynamics: Dynamics, arguments: argparse.Namespace, **facts: object) -> None:
    """Time the repeats and print a JSON line: us of core time per atom-step, shares of the phases, peak memory.

    least_processor_us is what the processes computed in the repeat that took least, whatever else ran beside them; MPI's
    waiting counts as computing. Ranks that are apart begin each repeat together.
    """
    engine, ranks, n_atoms = dynamics.engine, dynamics.engine.ranks, dynamics.state.n_atoms
    dynamics.steps(arguments.steps)
    engine.seconds.clear()
    rebuilds, busy, everyone = engine.rebuilds, [], start()

    def steps() -> None:
        everyone.barrier()
        began = process_time()
        dynamics.steps(arguments.steps)
        busy.append(process_time() - began)

    began = perf_counter()
    seconds = timing.repeat(steps, arguments.repeats, warm_up=0)
    whole = perf_counter() - began
    names = ("potential", "neighbours", "exchange")
    spent = ranks.sum(np.array([*(engine.seconds[phase] for phase in names), whole]))
    shares = dict(zip(names, spent[:-1] / spent[-1], strict=True))
    busy = ranks.sum(np.array(busy))
    shares["integration"] = 1.0 - sum(shares.values())
    memory = int(ranks.sum(np.array([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss], float))[0])
    if ranks.is_root:
        scale = 1e6 * ranks.size / arguments.steps / n_atoms
        pairs = len(engine.pairs.neighbors) / max(dynamics.state.n_owned, 1)
        print(
            timing.line(
                name,
                "us core time per atom-step",
                [s * scale for s in seconds],
                precision=engine.potential.precision,
                atoms=n_atoms,
                ranks=ranks.size,
                steps=arguments.steps,
                skin_A=engine.skin,
                pairs_per_atom=round(pairs, 1),
                phases={phase: round(share, 4) for phase, share in shares.items()},
                rebuilds=engine.rebuilds - rebuilds,
                least_processor_us=round(busy.min() / arguments.steps / n_atoms * 1e6, 4),
                peak_memory_MB=memory // 1024,
                peak_memory_KB_per_atom=round(memory / n_atoms, 2),
                first_potential_energy_eV=dynamics.first_energy,
                device=engine.potential.device_name,
                **facts,
            )
        )
