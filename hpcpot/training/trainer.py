"""The loop of a training: steps, what is printed and kept on the way, and how it ends."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from hpcpot.errors import OutputError, TrainingError
from hpcpot.parallel.ranks import SERIAL
from hpcpot.parallel.stop import STOPPED
from hpcpot.storage import checkpoint
from hpcpot.training import curve
from hpcpot.training.batches import BatchSampler
from hpcpot.training.frames import FrameCache
from hpcpot.training.loss import BatchErrors
from hpcpot.training.optimiser import Optimiser, fill, flat
from hpcpot.training.way import Way
from hpcpot.training.workers import Workers

EXPLODED = 1e6
"""Times the loss of the first step; beyond, the weights are of no use any more."""


@dataclass
class TrainingTask:
    """A model to be trained, its data and rules.

    Attributes:
        model: what is trained, by its way. loss: (prediction, labels, learning rate) -> loss; `needs_forces` says what of.
        schedule: step -> learning rate. rate_factor: what the optimiser's rate is times that, with several processes.
        optimiser, weight_decay: see hpcpot.training.optimiser.
        training: its frames; sampler: which of them a step sees.
        validation: frames to judge by, or None. validation_batches: their rows, a batch each.
        identity: all that a checkpoint must have in common with the run that goes on from it.
    """

    model: Any
    way: Way
    loss: Any
    schedule: Callable[[int], float]
    rate_factor: float
    optimiser: str
    weight_decay: float
    training: FrameCache
    sampler: BatchSampler
    validation: FrameCache | None
    validation_batches: list[np.ndarray]
    identity: str


@dataclass(frozen=True)
class Plan:
    """Length of a training, intervals and files.

    Attributes:
        steps: in all. print_every, checkpoint_every: steps. patience: rows without a better validation after which it
            ends, or None. checkpoint, curve: files.
    """

    steps: int
    print_every: int
    checkpoint_every: int
    patience: int | None
    checkpoint: Path
    curve: Path


class Trainer:
    """A training that runs to its end, to a signal, or to a loss that explodes.

    Attributes:
        done: steps. best: parameters of the best validation so far, where patience is set.
    """

    def __init__(
        self, task: TrainingTask, plan: Plan, workers: Workers, stop: Callable[[], bool], say: Callable[[str], None]
    ):
        self.task, self.plan, self.workers, self._stop, self._say = task, plan, workers, stop, say
        self.done = 0
        self._optimiser = Optimiser(task.optimiser, task.model.parameters, task.weight_decay)
        self._errors, self._first_loss = BatchErrors(), math.nan
        self.best: np.ndarray | None = None
        self._best_loss, self._rows_since_best = math.inf, 0

    def run(self, restart: bool) -> int:
        """Train; returns the exit code, 0 or STOPPED.

        Raises:
            TrainingError: the loss explodes. OutputError: a file cannot be written, or is of another run.
        """
        if restart:
            self._read_checkpoint()
        rows = curve.LearningCurve(self.plan.curve, self.done if restart else None) if self.workers.is_root else None
        began, first = perf_counter(), self.done
        self._say(curve.heading())
        while self.done < self.plan.steps and not self._is_tired():
            asked = self._step()
            if self.done % self.plan.print_every == 0 or self.done == self.plan.steps:
                self._row(rows, perf_counter() - began, first)
            at_end = self.done == self.plan.steps or self._is_tired()
            if asked and not at_end:
                self._write_checkpoint()
                self._say(f"stopped by a signal at step {self.done}; the same command with --restart goes on")
                return STOPPED
            if self.done % self.plan.checkpoint_every == 0 or at_end:
                self._write_checkpoint()
        if self._is_tired():
            self._say(f"step {self.done}: no better validation in {self.plan.patience} rows, so training ends")
        if self.best is not None:
            fill(self.task.model.parameters, self.best)
        return 0

    def _is_tired(self) -> bool:
        return self.plan.patience is not None and self._rows_since_best >= self.plan.patience

    def _step(self) -> bool:
        """One step on all workers; whether one of them was asked to stop."""
        task, parameters = self.task, self.task.model.parameters
        rows = [task.sampler.next() for _ in range(self.workers.size)][self.workers.rank]
        geometry, labels = task.training.batch(rows, self.done * self.workers.size + self.workers.rank)
        rate = task.schedule(self.done)
        for p in parameters:
            p.grad = None
        predicted, loss = task.way.add_gradient(
            task.model, geometry, lambda prediction: task.loss(prediction, labels, rate), task.loss.needs_forces
        )
        asked = self._share_gradient(float(loss), rows)
        self._optimiser.step(rate * task.rate_factor)
        self._errors.add(predicted, labels, float(loss))
        self.done += 1
        return asked

    def _share_gradient(self, loss: float, rows: np.ndarray) -> bool:
        """The mean gradient of all workers; refuses a loss that exploded, before it is used."""
        parameters = self.task.model.parameters
        for p in parameters:  # a network that no atom of the batch has
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        if math.isnan(self._first_loss):
            self._first_loss = max(loss, 1e-12)
        is_bad = not loss <= EXPLODED * self._first_loss
        if self.workers.size == 1:
            if is_bad:
                self._refuse([(loss, rows)])
            return self._stop()
        flags = torch.tensor([is_bad, self._stop()], dtype=parameters[0].dtype, device=parameters[0].device)
        whole = self.workers.sum(torch.cat([*(p.grad.reshape(-1) for p in parameters), flags]))
        if whole[-2]:
            self._refuse([batch for batch in self.workers.gather((loss, rows) if is_bad else None) if batch])
        whole /= self.workers.size
        position = 0
        for p in parameters:
            p.grad = whole[position : position + p.numel()].view(p.shape)
            position += p.numel()
        return bool(whole[-1] > 0)

    def _refuse(self, batches: list[tuple[float, np.ndarray]]) -> None:
        loss, rows = batches[0]
        file = self.plan.checkpoint
        kept = f"the last good checkpoint is {file}" if file.exists() else "there is no checkpoint yet"
        raise TrainingError(
            f"loss of step {self.done + 1} = {loss:.3g} on the batch of frames {self.task.training.name(rows)}: must "
            f"stay finite and below {EXPLODED:g} times that of the first step, {self._first_loss:.3g}; {kept}; check "
            "these frames with hpcpot dataset, or lower the learning rate."
        )

    def _row(self, rows: curve.LearningCurve | None, seconds: float, first: int) -> None:
        """Validate; print a line and store it."""
        validation = self._validate()
        if validation is not None and self.plan.patience is not None:
            self._judge(validation.loss)
        values = curve.row(self.done, self._errors, validation, self.task.schedule(self.done - 1), seconds)
        self._errors = BatchErrors()
        if rows is not None:
            rows.add(values)
        each = seconds / max(self.done - first, 1)
        self._say(curve.line(values, each, each * (self.plan.steps - self.done)))

    def _validate(self) -> BatchErrors | None:
        """Errors on the validation frames, shared out over the workers; the loss has the last step's prefactors."""
        task = self.task
        if task.validation is None:
            return None
        errors, last = BatchErrors(), task.schedule(self.plan.steps)
        for rows in task.validation_batches[self.workers.rank :: self.workers.size]:
            geometry, labels = task.validation.batch(rows)
            predicted = task.way.predict(task.model, geometry, task.loss.needs_forces)
            errors.add(predicted, labels, float(task.loss(predicted, labels, last)))
        parts = self.workers.gather(errors)
        kinds = ("sums", "counts")
        return BatchErrors(
            *({name: sum(getattr(p, kind)[name] for p in parts) for name in errors.sums} for kind in kinds)
        )

    def _judge(self, loss: float) -> None:
        self._rows_since_best += 1
        if loss < self._best_loss:
            self._best_loss, self._rows_since_best = loss, 0
            self.best = flat(self.task.model.parameters)

    def _write_checkpoint(self) -> None:
        if not self.workers.is_root:
            return
        parameters = self.task.model.parameters
        common: dict[str, Any] = {
            "identity": self.task.identity,
            "step": self.done,
            "sampler": self.task.sampler.state,
            "errors": json.dumps(asdict(self._errors)),
            "first_loss": self._first_loss,
            "best_loss": self._best_loss,
            "rows_since_best": self._rows_since_best,
        }
        common |= {f"optimiser_{name}": values for name, values in self._optimiser.state.items()}
        if self.best is not None:
            common["best"] = self.best
        checkpoint.write(self.plan.checkpoint, SERIAL, {"parameters": flat(parameters)}, common)

    def _read_checkpoint(self) -> None:
        path, parameters = self.plan.checkpoint, self.task.model.parameters
        arrays, common, _ = checkpoint.read(path, SERIAL)
        if common.get("identity") != self.task.identity:
            raise OutputError(
                f"{path} = checkpoint of another training: model, data, loss, learning rate, seed and number of "
                "processes must be those of the config; use the config that began it, or start anew with --overwrite."
            )
        fill(parameters, arrays["parameters"])
        prefix = "optimiser_"
        self._optimiser.state = {
            name.removeprefix(prefix): value for name, value in common.items() if name.startswith(prefix)
        }
        self.done, self.task.sampler.state = int(common["step"]), str(common["sampler"])
        self._errors = BatchErrors(**json.loads(str(common["errors"])))
        self._first_loss, self._best_loss = float(common["first_loss"]), float(common["best_loss"])
        self._rows_since_best, self.best = int(common["rows_since_best"]), common.get("best")
