"""A molecular dynamics run: read the inputs, move the atoms stage by stage, write the output, end cleanly."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from time import perf_counter
from typing import TYPE_CHECKING

import ase
import numpy as np

from hpcpot import account, inputs
from hpcpot.dynamics import restart, steppers, uncertainty
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators import INTEGRATORS
from hpcpot.dynamics.output import Collect, Output, check_paths
from hpcpot.dynamics.outside import RangeWatch
from hpcpot.dynamics.settings import MDSettings, wanted_device
from hpcpot.dynamics.stages import Stage, make_stages
from hpcpot.dynamics.start import extent, freeze, make_state
from hpcpot.dynamics.thermo import UNITS, summary
from hpcpot.errors import ConfigError, HpcpotError, OutputError, StructureError
from hpcpot.gpu import device
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import Ranks
from hpcpot.parallel.stop import STOPPED
from hpcpot.potential import cited
from hpcpot.potential import files as potential_files
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.contract import Family, Potential
from hpcpot.potential.range import TrainedRange, note_if_assumed
from hpcpot.storage.content import content_key, file_sha256
from hpcpot.structure import checks
from hpcpot.structure import files as structure_files
from hpcpot.structure.state import State
from hpcpot.wording import plural

if TYPE_CHECKING:
    from hpcpot.potential.moments.gpu.potential import GpuPotential


def to_terminal(text: str) -> None:
    """Print a line without delay."""
    print(text, flush=True)


class Run:
    """A run with its atoms, engine, stages and output.

    Attributes:
        state: the atoms. engine: evaluates their forces. steppers: move them.
        stages: in order. stage_number: index of the present one. output: present once the run goes.
        restarted: whether the state comes from a checkpoint.

    `_layout`: of a checkpoint, where this run takes it over together with the order of the atoms; it then continues bit
    by bit. None otherwise.
    """

    def __init__(
        self,
        settings: MDSettings,
        ranks: Ranks,
        restarted: bool,
        stop: Callable[[], bool],
        atoms: ase.Atoms | None = None,
        report: Callable[[str], None] | None = to_terminal,
        collect: Collect | None = None,
    ):
        """Load the potential and the structure, or the checkpoint.

        Args:
            restarted: continue from the checkpoint. stop: called at every step; True asks the run to end.
            atoms: the structure, in place of structure.file. report: receives the printed lines, on rank 0.
            collect: see Output.
        """
        self.settings, self.ranks, self.restarted, self._stop = settings, ranks, restarted, stop
        self._atoms, self._report, self._collect = atoms, report, collect
        family, self._trained = ranks.root_only(self._load_model)
        self.fingerprint = ranks.root_only(lambda: potential_files.fingerprint(family))
        potential = self._make_potential(family)
        self.stages = make_stages(settings)
        self._cites = ranks.root_only(lambda: self._works(family))
        self.stage_number = 0
        grid = settings.parallel.grid
        self._grid = None if grid == "auto" else tuple(grid)
        self._layout: restart.Division | None = None
        self._same_integrator = True
        self._observed: dict = {}
        self._begun = ranks.root_only(self._beginning)
        if restarted:
            self.state = self._read_checkpoint(potential.elements)
        else:
            self.state = self._first_state(potential.elements, potential.reach + settings.neighbors.skin_A)
        for stage in self.stages:
            stage.check(self.state, ranks)
        self.engine, self.steppers = self._make_engine(potential), steppers.available(potential)

    def _load_model(self) -> tuple[Family, TrainedRange]:
        """Load the potential, and the range that it was trained in."""
        section = self.settings.potential
        family, trained = potential_files.load_with_range(section.file)
        if section.outside != "ignore":
            note_if_assumed(section.file, trained)
        return family, trained

    def _works(self, family: Family) -> list[str]:
        """Keys of the works to cite: of the potential, the integrators, the grade and the trajectory's format."""
        of_method = [key for stage in self.stages for key in stage.integrator.cites]
        of_method += ["podryabinkin2017"] if self.settings.deviation.grade else []
        of_method += ["debuyl2014"] if self.settings.output.trajectory is not None else []
        account.cite(*of_method)
        return [*cited.works(self.settings.potential.file, family), *of_method]

    def say(self, text: str) -> None:
        """Print on rank 0."""
        if self.ranks.is_root and self._report is not None:
            self._report(text)

    def go(self, overwrite: bool) -> int:
        """Run the remaining stages; return the exit code."""
        self.ranks.root_only(lambda: check_paths(self.settings.output, overwrite, self.restarted))
        self.ranks.root_only(lambda: uncertainty.check_folder(self.settings.deviation, overwrite, self.restarted))
        self._evaluate()
        self._print_header()
        if self.restarted:
            self.stage.resume(self.state, self.engine, self._same_integrator)
        else:
            self.stage.begin(self.state, self.engine, 0.0)
        existing = "continue" if self.restarted else "overwrite" if overwrite else "refuse"
        time = self.stage.time(self.state)
        self.output = output = Output(
            self.settings,
            self.state,
            self.engine,
            self.stages,
            self.fingerprint,
            existing,
            time,
            self._steps_left(),
            self._monitors(),
            self._observed,
            self.say,
            self._collect,
            self._range_watch(),
            self._begun,
            self._cites,
        )
        with output.trajectory or nullcontext():
            return self._run_stages(output, time)

    def _evaluate(self) -> None:
        """Build the pairs and evaluate the forces, or take both as they were in the run that wrote the checkpoint."""
        layout = self._layout
        if layout is not None and layout.has_forces:
            self.engine.resume(self.state, layout.built_at, layout.built_cell)
        else:
            self.engine.start(self.state, migrate=layout is None)

    @property
    def stage(self) -> Stage:
        return self.stages[self.stage_number]

    def _first_state(self, elements: tuple[str, ...], reach: float) -> State:
        section = self.settings.structure

        def read() -> ase.Atoms:
            names = tuple(section.elements) if section.elements else None
            if self._atoms is not None:
                return checks.check(self._atoms, elements, reach=reach)
            read_atoms = structure_files.read(section.file, names, section.frame, section.units, section.format)
            return checks.check(read_atoms, elements, reach=reach)

        state = make_state(self.ranks.root_only(read, share=False), elements, self.ranks)
        frozen = self.settings.frozen
        self.ranks.root_only(lambda: freeze(state, frozen.elements, frozen.ids, frozen.region_A), share=False)
        return state

    def _beginning(self) -> dict[str, str]:
        """Keys of the content of what only the beginning of a run reads; see restart.Checkpoint."""
        settings = self.settings
        keys = {"frozen": content_key(asdict(settings.frozen))}
        if self._atoms is None:
            file = structure_files.find(settings.structure.file)
            with inputs.reading(file, "structure file", StructureError):
                keys["structure"] = content_key(asdict(settings.structure) | {"file": file_sha256(file)})
        return keys

    def _read_checkpoint(self, elements: tuple[str, ...]) -> State:
        path = self.settings.output.checkpoint
        if path is None:
            raise ConfigError(
                "output.checkpoint = null: is required for a restart, which goes on from it; give the path of the "
                "checkpoint, or of the run's trajectory."
            )
        state, saved = restart.read(path, self.ranks, elements)
        same_potential = saved.potential == self.fingerprint
        if saved.layout is not None and self._grid in (None, saved.layout.grid) and same_potential:
            self._layout = saved.layout
        self._note_of_checkpoint(saved)
        names = [stage.name for stage in self.stages]
        if saved.stage not in names:
            self.ranks.agree(
                OutputError(
                    f"{path} = checkpoint in stage {saved.stage}: the config must have it, and has {', '.join(names)}; "
                    "restart with the config that began the run, or start anew with --overwrite."
                )
            )
        self.stage_number = names.index(saved.stage)
        self._same_integrator = saved.integrator == self.stage.md.integrator
        self._observed = saved.observed
        for section in sorted(self._begun.keys() & saved.begun):
            if self._begun[section] != saved.begun[section]:
                self.say(
                    f"note: {section} is not what the run began with: it has no effect on a restart, which goes on with the "
                    "atoms of the checkpoint; to begin with it, start anew with --overwrite"
                )
        self._begun = saved.begun
        return state

    def _note_of_checkpoint(self, saved: restart.Checkpoint) -> None:
        """Say why the run does not go on bit by bit."""
        if saved.potential != self.fingerprint:
            self.say("note: the checkpoint was written with another potential")
        elif self._layout is None:
            self.say(
                "note: the checkpoint is of other ranks or another grid: the run goes on to round-off, not bit by bit"
            )
        elif not self._layout.has_forces:
            self.say("note: the checkpoint is of hpcpot 0.1.0, without forces: they are evaluated anew")

    def _make_potential(self, family: Family) -> Potential | GpuPotential:
        potential, error = None, None
        try:
            number, self._device_line = device.choose(wanted_device(self.settings), self.ranks)
            self._gpu = None if number is None else device.Gpu(number)
            potential = self._potential_of(family)
        except HpcpotError as caught:  # the same on all ranks, so told once
            error = caught
        self.ranks.agree(error)
        return potential

    def _potential_of(self, family: Family) -> Potential | GpuPotential:
        """Prepare a model on the CPU, or on this rank's GPU."""
        section = self.settings.potential
        if self._gpu is None:
            return BlockPotential(family, section.kernels, section.precision)
        from hpcpot.potential.moments.gpu.potential import GpuPotential

        return GpuPotential(family, self._gpu, section.precision)

    def _monitors(self) -> list[uncertainty.Monitor]:
        """Make the monitors of the potential's uncertainty."""
        section, error, monitors = self.settings.deviation, None, []
        families = self.ranks.root_only(lambda: [potential_files.load(file) for file in section.files or ()])
        try:
            others = [self._potential_of(family) for family in families]
            monitors = uncertainty.monitors(section, self.engine.potential, others)
        except HpcpotError as caught:  # the same on all ranks, so told once
            error = caught
        self.ranks.agree(error)
        return monitors

    def _range_watch(self) -> RangeWatch | None:
        """Make the watch on the trained range, and judge the initial structure."""
        how = self.settings.potential.outside
        if how == "ignore":
            return None
        watch = RangeWatch(self._trained, how == "stop", self.say)
        self.ranks.agree(watch.begin(self.state, self.engine, self.stages))
        return watch

    def _make_engine(self, potential: Potential | GpuPotential) -> Engine:
        settings, state = self.settings, self.state
        width = potential.reach + settings.neighbors.skin_A
        domain = Domain(state.cell, state.periodic, self.ranks, width, self._grid, extent(state, self.ranks))
        if self._layout is not None:
            domain.set_cuts(self._layout.cuts)
            domain.filled = domain.filled if self._layout.filled is None else self._layout.filled
        engine = Engine(
            potential,
            domain,
            self.ranks,
            settings.neighbors.skin_A,
            settings.parallel.balance,
            self.stage.md.maximum_temperature_K,
            self.stage.integrator.keeps_momentum,
            self._stop,
        )
        if potential.kernel_set == "gpu":
            from hpcpot.gpu.exchange import Exchange

            domain.ranks = Exchange(self.ranks, potential.device, settings.parallel.gpu_exchange)
        return engine

    def _print_header(self) -> None:
        state, engine = self.state, self.engine
        grid = " x ".join(str(g) for g in engine.domain.grid)
        self.say(f"{state.n_atoms} atoms ({', '.join(state.elements)}), {plural(self.ranks.size, 'rank')} as {grid}")
        if engine.potential.kernel_set == "gpu":
            self.say(f"{self._device_line}, {engine.domain.ranks.line}")
            self._print_gpu()
        else:
            self.say(self._device_line)
        models = self.settings.potential.file
        named = ", ".join(map(str, models)) if isinstance(models, list) else models
        how = f"{engine.potential.kernel_set} kernels, {engine.potential.precision}"
        self.say(f"potential: {named}, {self.fingerprint[:12]}, {how}")
        if self.restarted:
            self.say(f"restart at step {state.step}: atoms, velocities and frozen atoms are those of the checkpoint")

    def _print_gpu(self) -> None:
        """Print which stepper the GPU uses, and the memory needed."""
        state, engine, potential = self.state, self.engine, self.engine.potential
        needed = potential.device_bytes(state.n_owned, engine.pairs.candidates.room)
        needed, free = engine.ranks.max(np.array([needed, -potential.device.free_bytes()])) / 2**20
        self.say(f"{potential.device_name}: {needed:.0f} MiB for the fullest rank, {-free:.0f} MiB more are free")
        chosen = {stage.name: steppers.choose(self.steppers, state, engine, stage.motion).name for stage in self.stages}
        by_host = [stage for stage, stepper in chosen.items() if stepper != "graph"]
        if by_host:
            *others, last = [row.name for row in INTEGRATORS.values() if row.in_graph]
            in_graph = f"{', '.join(others)} or {last}"
            self.say(
                "steps: atoms stay on the GPU; kernel after kernel is started by the host in "
                f"{', '.join(by_host)}, since a graph of a step is for one rank with {in_graph}"
            )
        else:
            how = ", as a CUDA graph" if potential.capturable else ""
            self.say(f"steps: atoms stay on the GPU, which does step after step without the host{how}")

    def _steps_left(self) -> int:
        """Steps left at most, of all stages."""
        of_stage = 0 if self.stage.is_done(self.state) else self.stage.md.steps - self.stage.done(self.state)
        return of_stage + sum(stage.md.steps for stage in self.stages[self.stage_number + 1 :])

    def _run_stages(self, output: Output, first_time: float) -> int:
        state, engine = self.state, self.engine
        began, first = perf_counter(), state.step
        engine.seconds.clear()
        self._announce(output)
        if not self.restarted:
            output.record(self.stage, self._steps_left(), self._is_over())
        while not self._is_over() and not engine.stop_requested:
            if self.stage.is_done(state):
                self._next_stage(output)
            else:
                self._do_step(output)
        checkpoint = self.settings.output.checkpoint
        if checkpoint is not None and (self.settings.output.checkpoint_every or engine.stop_requested):
            output.checkpoint(self.stage)
        else:
            output.write_observed()
        time = self.stage.time(state) - first_time
        output.conclude()
        seconds = perf_counter() - began
        self.say(summary(engine, state.n_atoms, state.step - first, time, seconds))
        account.tell(
            atoms=state.n_atoms,
            ranks=self.ranks.size,
            step=state.step,
            steps=state.step - first,
            seconds=seconds,
            is_over=self._is_over(),
            last={"step": state.step, "time_fs": self.stage.time(state)}
            | {
                f"{name}{UNITS[unit]}": output.last[name]
                for name, (unit, _) in output.observables.items()
                if output.last
            },
        )
        return self._end()

    def _do_step(self, output: Output) -> None:
        """Advance to the next output and write it; the last step of a stage is recorded as the first of the next."""
        self.stage.advance(self.state, self.engine, self.steppers, output.steps_until_due(self.stage))
        done = self.stage.is_done(self.state)
        if done and self.stage.integrator.is_minimiser:
            how = "converged" if self.state.scalars["converged"] else "not converged"
            self.say(f"stage {self.stage.name}: {how} after {plural(self.stage.done(self.state), 'step')}")
        if not done or self._is_over():
            output.record(self.stage, self._steps_left(), self._is_over())
        if not done and output.checkpoint_is_due(self.stage) and not self.engine.stop_requested:
            output.checkpoint(self.stage)

    def _next_stage(self, output: Output) -> None:
        """Write a checkpoint at the end of a stage, and begin the next."""
        if self.settings.output.checkpoint_every:
            output.checkpoint(self.stage)
        time = self.stage.time(self.state)
        self.stage.end(self.state, self.engine)
        self.stage_number += 1
        self.engine.maximum_temperature = self.stage.md.maximum_temperature_K
        self.stage.begin(self.state, self.engine, time)
        self._announce(output)
        output.record(self.stage, self._steps_left(), self._is_over())

    def _announce(self, output: Output) -> None:
        if len(self.stages) > 1:
            self.say(f"stage {self.stage.name}: {self.stage.md.integrator}, {plural(self.stage.md.steps, 'step')}")
        output.head(self.stage)

    def _is_over(self) -> bool:
        return self.stage_number == len(self.stages) - 1 and self.stage.is_done(self.state)

    def _end(self) -> int:
        if self._is_over():
            return 0
        if self.settings.output.checkpoint is None:
            self.ranks.agree(
                OutputError(
                    f"signal = stopped at step {self.state.step}: output.checkpoint must be set to go on from there; set "
                    "it."
                )
            )
        self.say(f"stopped by a signal at step {self.state.step}; the same command with --restart goes on")
        return STOPPED
