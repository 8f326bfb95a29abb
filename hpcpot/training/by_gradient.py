"""A training by gradient descent, from its data to its model file; on one process or on those of torchrun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from hpcpot.potential.files import fingerprint
from hpcpot.potential.torch_device import find_device
from hpcpot.storage.content import content_key
from hpcpot.training import curve
from hpcpot.training.batches import AUTO_ATOMS, BatchSampler, Systems, frames_in_batch
from hpcpot.training.frames import FrameCache
from hpcpot.training.job import Job
from hpcpot.training.schedule import Constant, Exponential
from hpcpot.training.settings import TrainSettings
from hpcpot.training.trainer import Plan, Trainer, TrainingTask
from hpcpot.training.way import MOMENTS, Way
from hpcpot.training.workers import Workers
from hpcpot.wording import plural

MakeTask = Callable[[Job, torch.dtype, torch.device], tuple[Any, Any, Systems]]
MEGABYTE = 1e6


def fit(job: Job, make_task: MakeTask, way: Way = MOMENTS) -> int:
    """Train, and write the model where it came to its end; returns the exit code."""
    settings = job.settings
    torch.set_num_threads(settings.training.threads)
    with Workers(find_device(settings.device)) as workers:
        say = job.say if workers.is_root else lambda text: None
        job.say = say
        dtype = getattr(torch, settings.training.precision)
        model, loss, systems = make_task(job, dtype, workers.device)
        task = _task(job, (model, loss, systems), way, workers)
        plan = _plan(settings, steps(settings, systems, workers))
        _say_head(job, task, systems, workers)
        code = Trainer(task, plan, workers, job.stop, say).run(job.restart)
        if code == 0 and workers.is_root:
            _finish(job, task, plan)
    return code


def _task(job: Job, made: tuple[Any, Any, Systems], way: Way, workers: Workers) -> TrainingTask:
    (model, loss, systems), settings, rate = made, job.settings, job.settings.learning_rate
    factor = {"none": 1.0, "sqrt": workers.size**0.5, "linear": float(workers.size)}[rate.scale_by_workers]
    memory = settings.data.memory_MB * MEGABYTE / workers.size
    given = (model, model.constant_energies, loss.needs_forces, memory, way)
    validation = None if job.validation is None else FrameCache(job.validation, *given)
    training = settings.training
    n_steps = steps(settings, systems, workers)
    schedule = Constant(rate.start)
    if rate.stop is not None:
        decay = rate.decay_steps or min(5000, max(1, n_steps // 200))
        if rate.decay_epochs is not None:
            decay = max(1, round(rate.decay_epochs * systems.n_batches / workers.size))
        schedule = Exponential(rate.start, rate.stop, n_steps, decay, rate.decay_rate)
    identity = content_key(
        fingerprint(model.family),
        job.data_hash,
        repr(loss),
        repr(schedule),
        factor,
        training.optimiser,
        training.weight_decay,
        str(training.batch_size),
        training.systems,
        training.seed,
        training.precision,
        workers.size,
        *([] if way.change is None else [repr(way.change)]),
    )
    return TrainingTask(
        model,
        way,
        loss,
        schedule,
        factor,
        training.optimiser,
        training.weight_decay,
        FrameCache(job.training, *given),
        BatchSampler(systems, training.systems, training.seed),
        validation,
        _validation_batches(job),
        identity,
    )


def steps(settings: TrainSettings, systems: Systems, workers: Workers) -> int:
    """Steps in all: as given, or of the epochs; each process takes a batch of its own in a step."""
    training = settings.training
    return training.steps or max(1, round(training.epochs * systems.n_batches / workers.size))


def _plan(settings: TrainSettings, n_steps: int) -> Plan:
    training, output = settings.training, settings.output
    return Plan(
        n_steps, training.print_every, training.checkpoint_every, training.patience, output.checkpoint, output.curve
    )


def _validation_batches(job: Job) -> list[np.ndarray]:
    """The frames to judge by, drawn once, in batches of at least AUTO_ATOMS atoms."""
    if job.validation is None:
        return []
    keys, n = job.settings.training, len(job.validation)
    count = min(n, keys.validation_frames or n)
    rows = np.sort(np.random.default_rng(job.settings.data.seed).permutation(n)[:count])
    size = frames_in_batch("auto", int(job.validation.sizes.mean())) if count else AUTO_ATOMS
    return [rows[k : k + size] for k in range(0, count, size)]


def _say_head(job: Job, task: TrainingTask, systems: Systems, workers: Workers) -> None:
    n_validation = 0 if job.validation is None else len(job.validation)
    n_parameters = sum(p.numel() for p in task.model.parameters)
    job.say(
        f"{plural(len(job.training), 'frame')} of {plural(len(systems.names), 'system')} to train on, {n_validation} "
        f"to judge by; {', '.join(job.training.elements)}\n"
        f"{n_parameters} parameters, {job.settings.training.precision}, {workers.device.type}, "
        f"{plural(workers.size, 'process') if workers.size == 1 else f'{workers.size} processes'}"
    )


def _finish(job: Job, task: TrainingTask, plan: Plan) -> None:
    rows = curve.read(plan.curve)
    facts = {name: repr(rows[-1][name]) for name in curve.COLUMNS} if rows else {}
    job.save(
        task.model.export(),
        {f"last {name}": value for name, value in facts.items()} | {"torch": str(torch.__version__)},
    )
    job.say(f"model: {job.settings.output.model}")
    job.say(f"figure: {curve.draw(plan.curve, plan.curve.with_suffix('.png'))}")
