"""Steps of the atoms of one rank on its GPU, by the kernels of gpu/motion.cu, each step a CUDA graph.

The State is copied to the device, advanced moved, and copied back at the end of `advance`. Between two rebuilds of the
pairs nothing waits for the host: the device halts by itself where a rebuild is due, and kernels started beyond that step do
nothing. Rebuilds are Domain's, on arrays of the device. All ghosts are images of the rank's own atoms; several ranks, and
equations of motion that motion.cu lacks, are for device.py.
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
"""Room for ghosts relative to their number at a rebuild, so that a graph outlasts many rebuilds."""

AHEAD = 0.6
"""Share of the steps expected until the next rebuild that are started at once; steps started beyond it are wasted."""

FIRST_BATCH, MOST_AT_ONCE = 4, 64
"""Steps started at once before the first rebuild, and at most."""


@dataclass
class DeviceData:
    """The data on the device during a call of `advance`.

    Attributes:
        n, ghosts: numbers of owned atoms and of ghosts.
        atoms, candidates: arguments of the potential. arrays: arguments of the kernels, by name.
        names: of the arrays that migrate with the atoms. swaps: those of the last rebuild on the device, None before one.
        seed: of the Langevin forces.
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
        """Sizes and constants that a captured graph contains; it is valid for as long as they are the same."""
        sizes = tuple(len(centres) for centres in self.atoms.centres)
        return self.n, len(self.atoms.positions), self.candidates.room, sizes, self.integrator, int(self.seed)


class GraphSteps:
    """Does the steps of the only rank on its GPU, each a CUDA graph; see contract.Stepper.

    Attributes:
        captured: number of graphs captured.
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
        if not np.array_equal(state.cell, engine.built_cell):  # a barostat was here before
            engine.rebuild(state)
            engine.compute(state)
        began, end, started = perf_counter() - engine.seconds["neighbours"], state.step + steps, 0
        data = self._load(state, engine, motion)
        while self._go(state, engine, data, started, end - state.step):
            self._rebuild(state, engine, data)
            self._second_half(data)
            started = 1
        self._unload(state, engine, data)
        engine.seconds["potential"] += perf_counter() - engine.seconds["neighbours"] - began

    def _load(self, state: State, engine: Engine, motion: Motion) -> DeviceData:
        """Copy the state to the device, into buffers that stay in place while the sizes do."""
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
        arrays = {name: self._copy(name, values) for name, values in of_atoms.items()}
        arrays["numbers"] = self._copy("numbers", _numbers(state, engine, thermostat, motion.timestep))
        arrays["scalars"] = self._copy("scalars", _scalars(state))
        arrays["control"] = self._copy("control", np.zeros(MotionControl.CONTROL_SIZE, np.int32))
        arrays["built at"] = self._copy("built at", engine.built_at)
        for name in ("kinetic of warps", "heat of warps"):
            arrays[name] = self._buffers(name, (-(-n // 256) * 8,), np.float64)
        seed = np.uint64(0 if thermostat is None else thermostat.seed)
        atoms = self._place(arrays, state.positions, state.species, *images(state, engine.domain.swaps))
        forces = self._buffers("forces", (len(atoms.positions), 3), np.uint64)
        self._device.put(np.rint(state.forces * FIXED_ONE).astype(np.int64).view(np.uint64), forces[:n])
        ghosts = len(state.positions) - n
        return DeviceData(
            n, ghosts, atoms, engine.pairs.candidates, arrays, list(of_atoms), motion.integrator.name, seed
        )

    def _rebuild(self, state: State, engine: Engine, data: DeviceData) -> None:
        """Reorder the atoms, find ghosts and build pairs on the device, as Engine.rebuild does on the host."""
        began, n, a = perf_counter(), data.n, data.arrays
        per_atom = {name: a[name] for name in data.names if name not in MIGRATED}
        device_state = replace(
            state,
            positions=data.atoms.positions[:n],
            species=data.atoms.species[:n],
            velocities=a["velocities"],
            ids=a["ids"],
            images=a["images"],
            frozen=a["frozen"],
            per_atom=per_atom,
        )
        domain = copy(engine.domain)
        domain.migrate(device_state)
        domain.build_halo(device_state)
        for name in data.names:
            self._copy(name, getattr(device_state, name) if name in MIGRATED else device_state.per_atom[name])
        self._copy("built at", device_state.positions[:n])
        data.ghosts, data.swaps = len(device_state.positions) - n, domain.swaps
        data.atoms = self._place(a, device_state.positions, device_state.species, *images(device_state, domain.swaps))
        data.candidates = self._potential.search.build(
            data.atoms.positions[: len(device_state.positions)], n, self._potential.cutoff + engine.skin
        )
        a["control"].fill(0)
        a["numbers"][int(MotionNumber.FIRST_STEP)] = float(state.step)
        engine.rebuilds += 1
        engine.seconds["neighbours"] += perf_counter() - began

    def _copy(self, name: str, values: Any) -> Any:
        """Copy an array into its buffer on the device."""
        buffer = self._buffers(name, values.shape, values.dtype)
        self._device.put(values, buffer)
        return buffer

    def _place(self, arrays: dict[str, Any], positions: Any, species: Any, owners: Any, shifts: Any) -> Atoms:
        """Copy atoms and ghosts into their buffers, with room for more ghosts."""
        ghosts = len(shifts)
        if ghosts > self._ghost_room:
            self._ghost_room = int(GHOST_ROOM * ghosts) + 64
        n = len(positions) - ghosts
        arrays["shifts"] = self._buffers("shifts", (self._ghost_room, 3), np.float64)
        self._device.put(shifts, arrays["shifts"][:ghosts])
        return self._potential.atoms(positions, species, owners, n, n + self._ghost_room)

    def _go(self, state: State, engine: Engine, data: DeviceData, started: int, steps: int) -> bool:
        """Do up to so many steps, of which so many have started.

        Returns:
            Whether the next step is half done, since an atom has moved too far for the pairs.

        Raises:
            SimulationError: as Engine.evaluate.
        """
        if engine.rebuilds != self._rebuilds:
            self._rebuilds, self._interval, self._since = engine.rebuilds, self._since, 0
        done, farthest, allowed = 0, 0.0, 0.5 * engine.skin
        while True:
            more = 0 if engine.stop_requested else min(self._batch(farthest, allowed), steps - started)
            for _ in range(more):
                self._launch(data)
            started += more
            control = self._device.to_host(data.arrays["control"])
            self._since += int(control[MotionControl.DONE]) - done
            done = int(control[MotionControl.DONE])
            farthest = float(np.sqrt(control[MotionControl.FARTHEST :][:1].view(np.float32)[0]))
            if control[MotionControl.HALTED] or done == steps or engine.check_stop():
                break
        state.step += done
        engine.truncated = max(engine.truncated, int(control[MotionControl.TRUNCATED_MOST]))
        if control[MotionControl.LOST] or (control[MotionControl.HALTED] and not control[MotionControl.MOVED]):
            self._unload(state, engine, data)
            engine.evaluate(state)  # says which atoms are lost or in contact, or how hot it is
            raise SimulationError(
                f"step {state.step} = stopped by the GPU, by a lost atom, a contact or the temperature: must be none of these "
                "on the host either, which finds none; shorten md.timestep_fs, or set device: cpu."
            )
        return bool(control[MotionControl.MOVED])

    def _batch(self, farthest: float, allowed: float) -> int:
        """Number of steps to start before the host looks again, from the displacements since the rebuild."""
        if self._since and farthest > 0.0:
            expected = self._since * (allowed - farthest) / farthest
        else:
            expected = self._interval or FIRST_BATCH / AHEAD
        return int(np.clip(AHEAD * expected, 1, MOST_AT_ONCE))

    def _launch(self, data: DeviceData) -> None:
        """Start one step: kernel by kernel the first time with these sizes, then captured, then from the graph."""
        key = (*data.key, self._buffers.grown)
        if key == self._graph_key:
            self._graph()
        elif key == self._warm_key:
            self._graph, self._graph_key = self._device.capture(lambda: self._step(data)), key
            self.captured += 1
            self._graph()
        else:
            self._step(data)
            self._warm_key = (*data.key, self._buffers.grown) if self._potential.capturable else ()

    def _step(self, data: DeviceData) -> None:
        """Start all kernels of a step."""
        n, a, run = data.n, data.arrays, self._kernels
        if data.integrator == "nvt_nose_hoover":
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
            self._forces(data),
            np.int32(data.integrator == "nvt_langevin"),
            data.seed,
            a["ids"],
            data.atoms.positions,
            a["velocities"],
            a["heat of warps"],
        )
        run.elements(
            "place_ghosts", len(a["shifts"]), np.int32(n), data.atoms.owners, a["shifts"], data.atoms.positions
        )
        self._second_half(data)

    def _second_half(self, data: DeviceData) -> None:
        """Start the kernels of the forces and of the second half of a step."""
        n, a, run = data.n, data.arrays, self._kernels
        self._sums = sums = self._potential.evaluate(data.atoms, data.candidates)
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
        is_langevin, with_chain = (np.int32(data.integrator == name) for name in ("nvt_langevin", "nvt_nose_hoover"))
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

    def _forces(self, data: DeviceData) -> Any:
        """The forces of the last evaluation, in fixed point."""
        return self._buffers("forces", (len(data.atoms.positions), 3), np.uint64)

    def _unload(self, state: State, engine: Engine, data: DeviceData) -> None:
        """Copy the state back to the host, with the order, ghosts and pairs of the last rebuild on the device."""
        n, to_host, scalars = data.n, self._device.to_host, self._device.to_host(data.arrays["scalars"])
        sums = self._sums
        state.positions = to_host(data.atoms.positions[: n + data.ghosts])
        state.velocities = to_host(data.arrays["velocities"]) * scalars[MotionScalar.PENDING]
        if data.swaps is not None:
            for name in ("ids", "images", "frozen"):
                setattr(state, name, to_host(data.arrays[name]))
            state.per_atom = {name: to_host(data.arrays[name]) for name in state.per_atom}
            state.species = to_host(data.atoms.species[: n + data.ghosts])
            engine.built_at, engine.built_cell = to_host(data.arrays["built at"]), state.cell
            engine.domain.swaps = [replace(swap, send=to_host(swap.send)) for swap in data.swaps]
            engine.pairs = DevicePairs(n, data.candidates, self._device)
        state.forces, state.energies = from_fixed(to_host(sums.forces[:n])), to_host(sums.energies)
        state.virial = to_host(sums.virials.sum(axis=0)).reshape(3, 3)
        if data.integrator == "nvt_nose_hoover":
            state.scalars.update(
                {name: scalars[place : place + LENGTH] for name, place in OF_CHAIN.items()},
                kinetic_energy=np.array(scalars[MotionScalar.KINETIC]),
            )
        if data.integrator == "nvt_langevin":
            state.scalars["heat"] = np.array(scalars[MotionScalar.HEAT])


def images(state: State, swaps: list[Swap]) -> tuple[Any, Any]:
    """Find the owned atom that each atom is, or is an image of, and the shift of each ghost; for one rank.

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
    """Constants of a batch of steps, in the order of MotionNumber."""
    most = 3.0 * max(engine.mobile, 1) * BOLTZMANN * engine.maximum_temperature
    ramp = (
        (1.0, 1.0, 0, 0, 1.0, 0.0)
        if thermostat is None
        else (thermostat.kT, thermostat.kT_end, thermostat.first, thermostat.steps, thermostat.time, thermostat.drag)
    )
    distances = (0.5 * engine.skin) ** 2, engine.potential.cutoff**2
    return np.array([dt, *distances, *ramp, engine.degrees_of_freedom(state), most, state.step], float)


def _scalars(state: State) -> np.ndarray:
    """State of the thermostat, in the places of MotionScalar."""
    values, scalars = np.zeros(MotionScalar.SCALARS_SIZE), state.scalars
    if "chain" in scalars:
        values[MotionScalar.KINETIC] = scalars["kinetic_energy"]
        for name, place in OF_CHAIN.items():
            values[place : place + LENGTH] = scalars[name]
    values[MotionScalar.FACTOR] = values[MotionScalar.LAST] = values[MotionScalar.PENDING] = 1.0
    values[MotionScalar.HEAT] = scalars.get("heat", 0.0)
    return values
