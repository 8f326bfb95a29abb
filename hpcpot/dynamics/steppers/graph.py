"""Steps whose atoms stay on the GPU: equations of motion in gpu/motion.cu, from one rebuild of the pairs to the next.

The host hands its State over, the device does the steps, and the State comes back when somebody looks at it. Between two
rebuilds nothing waits for the host: where one is due the device stops by itself, and what was started beyond does nothing.
A rebuild is Domain's own, of arrays that are on the device. One rank, whose ghosts are images of its own atoms; several
ranks, and equations of motion that are not here, are device.py's.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from hpcpot.dynamics.chain import LENGTH
from hpcpot.dynamics.controls import Thermostat
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.motion import inverse_masses
from hpcpot.dynamics.random import Stream
from hpcpot.dynamics.steppers.contract import Motion
from hpcpot.errors import SimulationError
from hpcpot.gpu.neighbors import Candidates, DevicePairs
from hpcpot.gpu.places import FIXED_ONE, MotionControl, MotionNumber, MotionScalar
from hpcpot.gpu.sources import Source
from hpcpot.parallel.domain import Swap
from hpcpot.potential.moments.gpu.potential import Atoms, GpuPotential, Sums, from_fixed
from hpcpot.structure.state import MIGRATED, State, library
from hpcpot.units import AMU, BOLTZMANN

MOTION = Source("gpu/motion.cu", enums=(MotionNumber, MotionControl, MotionScalar, Stream))
OF_CHAIN = {
    "chain": MotionScalar.CHAIN,
    "chain_rates": MotionScalar.RATES,
    "chain_accelerations": MotionScalar.ACCELERATIONS,
}
"""Arrays of a Nose-Hoover chain among the numbers of an integrator, and their places on the device."""

GHOST_ROOM = 1.1
"""Room for ghosts over those of a rebuild, so that a graph outlasts many rebuilds."""

AHEAD = 0.6
"""Share of the steps expected until the next rebuild that are started at once: what is started beyond it is wasted."""

FIRST_BATCH, MOST_AT_ONCE = 4, 64
"""Steps started at once while nothing is known yet, and at most."""


@dataclass
class _Held:
    """What is on the device during a call of `advance`.

    Attributes:
        n, ghosts: owned atoms, and ghosts that there are now.
        atoms, candidates: what the potential takes. arrays: by name, as the kernels' arguments.
        names: of the arrays that go with the atoms. swaps: of the device's domain since a rebuild there, else None.
        seed: of Langevin forces.
    """

    n: int
    ghosts: int
    atoms: Atoms
    candidates: Candidates
    arrays: dict[str, Any]
    names: list[str]
    integrator: str
    seed: np.uint64
    swaps: list[Swap] | None = None

    @property
    def key(self) -> tuple:
        """What a graph holds besides the arrays themselves: it is good for as long as this is the same."""
        sizes = tuple(len(one) for one in self.atoms.centres)
        return self.n, len(self.atoms.positions), self.candidates.room, sizes, self.integrator, int(self.seed)


class GraphSteps:
    """Does the steps of the only rank on its GPU, each a CUDA graph; see contract.Stepper.

    Attributes:
        captured: how many graphs of a step were made.
    """

    name = "graph"

    def __init__(self, potential: GpuPotential):
        self._potential, self._device, self._buffers = potential, potential.device, potential.buffers
        self._kernels = potential.device.build(MOTION)
        self._graph: Callable[[], None] | None = None
        self._graph_key: tuple = ()
        self._warm_key: tuple = ()
        self._sums: Sums | None = None
        self._ghost_room = 0
        self._rebuilds, self._since, self._interval = -1, 0, 0
        self.captured = 0

    def can(self, state: State, engine: Engine, motion: Motion) -> bool:
        """One rank, an integrator that motion.cu has, and no deformation."""
        return (
            motion.integrator.in_graph and motion.deformation is None and engine.ranks.size == 1 and state.n_owned > 0
        )

    def advance(self, state: State, engine: Engine, motion: Motion, steps: int) -> None:
        """See contract.Stepper."""
        if state.cell is not engine.built_cell:  # a barostat was here before
            engine.rebuild(state)
            engine.compute(state)
        began, end, begun = perf_counter() - engine.seconds["neighbours"], state.step + steps, 0
        held = self._load(state, engine, motion)
        while self._go(state, engine, held, begun, end - state.step):
            self._rebuild(state, engine, held)
            self._second_half(held)
            begun = 1
        self._unload(state, engine, held)
        engine.seconds["potential"] += perf_counter() - engine.seconds["neighbours"] - began

    def _load(self, state: State, engine: Engine, motion: Motion) -> _Held:
        """The state to the device, into memory that stays where it is while sizes do."""
        n, thermostat = state.n_owned, motion.controls
        of_atoms = {
            "velocities": state.velocities,
            "ids": state.ids,
            "images": state.images,
            "frozen": state.frozen,
            "half mass": 0.5 * AMU * state.masses[state.species[:n]],
            "inverse mass": inverse_masses(state),
            **state.per_atom,
        }
        arrays = {name: self._keep(name, values) for name, values in of_atoms.items()}
        arrays["numbers"] = self._keep("numbers", _numbers(state, engine, thermostat, motion.timestep))
        arrays["scalars"] = self._keep("scalars", _scalars(state))
        arrays["control"] = self._keep("control", np.zeros(MotionControl.CONTROL_SIZE, np.int32))
        arrays["built at"] = self._keep("built at", engine.built_at)
        for name in ("kinetic of warps", "heat of warps"):
            arrays[name] = self._buffers(name, (-(-n // 256) * 8,), np.float64)
        seed = np.uint64(0 if thermostat is None else thermostat.seed)
        atoms = self._place(arrays, state.positions, state.species, *images(state, engine.domain.swaps))
        forces = self._buffers("forces", (len(atoms.positions), 3), np.uint64)
        self._device.put(np.rint(state.forces * FIXED_ONE).astype(np.int64).view(np.uint64), forces[:n])
        ghosts = len(state.positions) - n
        return _Held(n, ghosts, atoms, engine.pairs.candidates, arrays, list(of_atoms), motion.integrator.name, seed)

    def _rebuild(self, state: State, engine: Engine, held: _Held) -> None:
        """New order of the atoms, ghosts and pairs on the device, as Engine.rebuild."""
        began, n, a = perf_counter(), held.n, held.arrays
        per_atom = {name: a[name] for name in held.names if name not in MIGRATED}
        there = replace(
            state,
            positions=held.atoms.positions[:n],
            species=held.atoms.species[:n],
            velocities=a["velocities"],
            ids=a["ids"],
            images=a["images"],
            frozen=a["frozen"],
            per_atom=per_atom,
        )
        domain = copy(engine.domain)
        domain.migrate(there)
        domain.build_halo(there)
        for name in held.names:
            self._keep(name, getattr(there, name) if name in MIGRATED else there.per_atom[name])
        self._keep("built at", there.positions[:n])
        held.ghosts, held.swaps = len(there.positions) - n, domain.swaps
        held.atoms = self._place(a, there.positions, there.species, *images(there, domain.swaps))
        held.candidates = self._potential.search.build(
            held.atoms.positions[: len(there.positions)], n, self._potential.cutoff + engine.skin
        )
        a["control"].fill(0)
        a["numbers"][int(MotionNumber.FIRST_STEP)] = float(state.step)
        engine.rebuilds += 1
        engine.seconds["neighbours"] += perf_counter() - began

    def _keep(self, name: str, values: Any) -> Any:
        """An array in its place on the device."""
        held = self._buffers(name, values.shape, values.dtype)
        self._device.put(values, held)
        return held

    def _place(self, arrays: dict[str, Any], positions: Any, species: Any, owners: Any, shifts: Any) -> Atoms:
        """Atoms and ghosts in their place, with room for more ghosts."""
        ghosts = len(shifts)
        if ghosts > self._ghost_room:
            self._ghost_room = int(GHOST_ROOM * ghosts) + 64
        n = len(positions) - ghosts
        arrays["shifts"] = self._buffers("shifts", (self._ghost_room, 3), np.float64)
        self._device.put(shifts, arrays["shifts"][:ghosts])
        return self._potential.atoms(positions, species, owners, n, n + self._ghost_room)

    def _go(self, state: State, engine: Engine, held: _Held, begun: int, steps: int) -> bool:
        """Do up to so many steps, of which so many have begun.

        Returns:
            Whether the next step is half done, since an atom has moved too far for the pairs.

        Raises:
            SimulationError: as Engine.evaluate.
        """
        if engine.rebuilds != self._rebuilds:
            self._rebuilds, self._interval, self._since = engine.rebuilds, self._since, 0
        done, farthest, allowed = 0, 0.0, 0.5 * engine.skin
        while True:
            more = 0 if engine.stop_requested else min(self._batch(farthest, allowed), steps - begun)
            for _ in range(more):
                self._launch(held)
            begun += more
            control = self._device.to_host(held.arrays["control"])
            self._since += int(control[MotionControl.DONE]) - done
            done = int(control[MotionControl.DONE])
            farthest = float(np.sqrt(control[MotionControl.FARTHEST :][:1].view(np.float32)[0]))
            if control[MotionControl.HALTED] or done == steps or engine.check_stop():
                break
        state.step += done
        engine.truncated = max(engine.truncated, int(control[MotionControl.TRUNCATED_MOST]))
        if control[MotionControl.LOST] or (control[MotionControl.HALTED] and not control[MotionControl.MOVED]):
            self._unload(state, engine, held)
            engine.evaluate(state)  # says which atoms are lost or in contact, or how hot it is
            raise SimulationError(
                f"step {state.step} = stopped by the GPU, by a lost atom, a contact or the temperature: must be none of these "
                "on the host either, which finds none; shorten md.timestep_fs, or set device: cpu."
            )
        return bool(control[MotionControl.MOVED])

    def _batch(self, farthest: float, allowed: float) -> int:
        """How many steps to start before the host looks again, from how far atoms went in those since the rebuild."""
        if self._since and farthest > 0.0:
            expected = self._since * (allowed - farthest) / farthest
        else:
            expected = self._interval or FIRST_BATCH / AHEAD
        return int(np.clip(AHEAD * expected, 1, MOST_AT_ONCE))

    def _launch(self, held: _Held) -> None:
        """One step: as it is the first time that sizes are as they are, then captured, then from the graph."""
        key = (*held.key, self._buffers.grown)
        if key == self._graph_key:
            self._graph()
        elif key == self._warm_key:
            self._graph, self._graph_key = self._device.capture(lambda: self._step(held)), key
            self.captured += 1
            self._graph()
        else:
            self._step(held)
            self._warm_key = (*held.key, self._buffers.grown) if self._potential.capturable else ()

    def _step(self, held: _Held) -> None:
        """All kernels of a step."""
        n, a, run = held.n, held.arrays, self._kernels
        if held.integrator == "nvt_nose_hoover":
            run.one_warp("begin_chain", a["numbers"], a["control"], a["scalars"])
        run.elements(
            "begin_step",
            n,
            a["numbers"],
            a["control"],
            a["scalars"],
            a["half mass"],
            a["inverse mass"],
            a["built at"],
            self._forces(held),
            np.int32(held.integrator == "nvt_langevin"),
            held.seed,
            a["ids"],
            held.atoms.positions,
            a["velocities"],
            a["heat of warps"],
        )
        run.elements(
            "place_ghosts", len(a["shifts"]), np.int32(n), held.atoms.owners, a["shifts"], held.atoms.positions
        )
        self._second_half(held)

    def _second_half(self, held: _Held) -> None:
        """Forces, and what follows in a step."""
        n, a, run = held.n, held.arrays, self._kernels
        self._sums = sums = self._potential.evaluate(held.atoms, held.candidates)
        run.elements(
            "end_step",
            n,
            a["numbers"],
            a["control"],
            a["half mass"],
            a["inverse mass"],
            sums.forces,
            a["velocities"],
            a["kinetic of warps"],
        )
        is_langevin, with_chain = (np.int32(held.integrator == name) for name in ("nvt_langevin", "nvt_nose_hoover"))
        run.one_warp(
            "end_chain",
            np.int32(-(-n // 32)),
            a["numbers"],
            sums.status,
            with_chain,
            is_langevin,
            a["kinetic of warps"],
            a["heat of warps"],
            a["control"],
            a["scalars"],
        )

    def _forces(self, held: _Held) -> Any:
        """Those of the last evaluation."""
        return self._buffers("forces", (len(held.atoms.positions), 3), np.uint64)

    def _unload(self, state: State, engine: Engine, held: _Held) -> None:
        """The state back to the host, with the order, ghosts and pairs of the device's last rebuild."""
        n, to_host, scalars = held.n, self._device.to_host, self._device.to_host(held.arrays["scalars"])
        sums = self._sums
        state.positions = to_host(held.atoms.positions[: n + held.ghosts])
        state.velocities = to_host(held.arrays["velocities"]) * scalars[MotionScalar.PENDING]
        if held.swaps is not None:
            for name in ("ids", "images", "frozen"):
                setattr(state, name, to_host(held.arrays[name]))
            state.per_atom = {name: to_host(held.arrays[name]) for name in state.per_atom}
            state.species = to_host(held.atoms.species[: n + held.ghosts])
            engine.built_at, engine.built_cell = to_host(held.arrays["built at"]), state.cell
            engine.domain.swaps = [replace(swap, send=to_host(swap.send)) for swap in held.swaps]
            engine.pairs = DevicePairs(n, held.candidates, self._device)
        state.forces, state.energies = from_fixed(to_host(sums.forces[:n])), to_host(sums.energies)
        state.virial = to_host(sums.virials.sum(axis=0)).reshape(3, 3)
        if held.integrator == "nvt_nose_hoover":
            state.scalars.update(
                {name: scalars[place : place + LENGTH] for name, place in OF_CHAIN.items()},
                kinetic_energy=np.array(scalars[MotionScalar.KINETIC]),
            )
        if held.integrator == "nvt_langevin":
            state.scalars["heat"] = np.array(scalars[MotionScalar.HEAT])


def images(state: State, swaps: list[Swap]) -> tuple[Any, Any]:
    """Of each atom of the only rank the owned atom that it is, or is an image of, and of each ghost how far it is moved.

    Args:
        state: on the host or the device, and swaps that made its ghosts.
    Returns:
        (m,) int32 and (m - n, 3) float64, Å, where the state is.
    """
    xp = library(state.positions)
    owners, turns = xp.arange(len(state.positions)), xp.zeros((len(state.positions), 3))
    for swap in swaps:
        owners[swap.start : swap.stop] = owners[swap.send]
        turns[swap.start : swap.stop] = turns[swap.send] + xp.asarray(swap.turns)
    return owners.astype(np.int32), turns[state.n_owned :] @ xp.asarray(state.cell)


def _numbers(state: State, engine: Engine, thermostat: Thermostat | None, dt: float) -> np.ndarray:
    """The numbers of a run of steps, in the order of MotionNumber."""
    most = 3.0 * max(engine.mobile, 1) * BOLTZMANN * engine.maximum_temperature
    ramp = (
        (1.0, 1.0, 0, 0, 1.0, 0.0)
        if thermostat is None
        else (thermostat.kT, thermostat.kT_end, thermostat.first, thermostat.steps, thermostat.time, thermostat.drag)
    )
    distances = (0.5 * engine.skin) ** 2, engine.potential.cutoff**2
    return np.array([dt, *distances, *ramp, engine.degrees_of_freedom(state), most, state.step], float)


def _scalars(state: State) -> np.ndarray:
    """What the thermostat has, in the places of MotionScalar."""
    values, held = np.zeros(MotionScalar.SCALARS_SIZE), state.scalars
    if "chain" in held:
        values[MotionScalar.KINETIC] = held["kinetic_energy"]
        for name, place in OF_CHAIN.items():
            values[place : place + LENGTH] = held[name]
    values[MotionScalar.FACTOR] = values[MotionScalar.LAST] = values[MotionScalar.PENDING] = 1.0
    values[MotionScalar.HEAT] = held.get("heat", 0.0)
    return values
