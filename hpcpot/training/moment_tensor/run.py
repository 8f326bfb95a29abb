"""The fit of a moment tensor potential, from its data to its model file."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from time import perf_counter

import numpy as np

from hpcpot.dataset.predict import frame_grades
from hpcpot.errors import ConfigError, OutputError
from hpcpot.parallel.ranks import SERIAL
from hpcpot.parallel.stop import STOPPED
from hpcpot.potential.files import fingerprint
from hpcpot.potential.moment_tensor.extrapolation import Extrapolation
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.storage import checkpoint
from hpcpot.storage.content import content_key
from hpcpot.training import curve
from hpcpot.training.job import Job
from hpcpot.training.moment_tensor import grade as mtp_grade
from hpcpot.training.moment_tensor import loss as mtp_loss
from hpcpot.training.moment_tensor import sites as mtp_sites
from hpcpot.training.moment_tensor.fit import CLOSER, ROUND, Fit, Radial, initial
from hpcpot.training.moment_tensor.sites import SiteChunk
from hpcpot.wording import plural


def fit(job: Job) -> int:
    """Fit, and write the model where it came to its end; returns the exit code."""
    keys = job.settings.moment_tensor
    factors = tuple((keys.energy_factors or {}).items())
    _refuse_no_group(job, factors)
    loss = mtp_loss.Loss(
        keys.energy_weight, keys.force_weight, keys.stress_weight, keys.weighting, keys.scale_by_force_eV2_A2, factors
    )
    training = mtp_sites.prepare(job.training, keys.cutoff_A)
    validation = [] if job.validation is None else mtp_sites.prepare(job.validation, keys.cutoff_A)
    begun = _initial(job, training)
    identity = content_key(fingerprint(begun), job.data_hash, loss.identity, repr(keys.tolerance), ROUND)
    family, step, last = _resumed(job, begun, identity) if job.restart else (begun, 0, np.inf)
    _say_head(job, family)
    run = _Run(job, Fit(family, training, loss, job.settings.training.threads, step), validation, loss, identity, last)
    if not run.iterate():
        job.say(f"stopped by a signal; the same command with --restart goes on from iteration {run.kept}")
        return STOPPED
    run.finish(training)
    return 0


def _refuse_no_group(job: Job, factors: tuple[tuple[str, float], ...]) -> None:
    """Refuse a pattern that no group of the training frames fits.

    Raises:
        ConfigError: names the groups.
    """
    groups = sorted({str(group) for group in job.training.groups})
    for pattern, _ in factors:
        if not any(fnmatchcase(group, pattern) for group in groups):
            raise ConfigError(
                f"moment_tensor.energy_factors = {pattern}: no group of the training frames: must be of {', '.join(groups)}; "
                "hpcpot dataset lists them."
            )


class _Run:
    """A fit with what it prints and keeps.

    Attributes:
        kept: iterations in the checkpoint.
    """

    def __init__(
        self, job: Job, fit: Fit, validation: list[SiteChunk], loss: mtp_loss.Loss, identity: str, last: float
    ):
        self.job, self.fit, self.validation, self.loss, self.identity, self.last = (
            job,
            fit,
            validation,
            loss,
            identity,
            last,
        )
        self.kept = fit.step
        self.threads = job.settings.training.threads
        self.rows = curve.LearningCurve(job.settings.output.curve, fit.step if job.restart else None)
        self.began, self.first, self.stopped = perf_counter(), fit.step, False

    def iterate(self) -> bool:
        """Rounds to the last iteration, or until they gain little; False where a signal came first."""
        steps, tolerance = self.job.settings.training.steps, self.job.settings.moment_tensor.tolerance
        while self.fit.step < steps:
            began = self.fit.step
            whole = self.fit.round(min(ROUND, steps - began), self._after)
            if self.stopped:
                return False
            gained = 1.0 - self.fit.loss / self.last if np.isfinite(self.last) else 1.0
            self.last = self.fit.loss
            self._keep()
            if self.fit.step < steps and (gained < tolerance or (not whole and self.fit.step == began)):
                self.job.say(f"iteration {self.fit.step}: the loss hardly falls any more, so the fit ends")
                break
        return True

    def finish(self, training: list[SiteChunk]) -> None:
        """The best coefficients for the last radial functions, the active set; model and figure."""
        output = self.job.settings.output
        self.fit.solve()
        self.rows = curve.LearningCurve(output.curve, self.fit.step - 1)  # a row of this step was of other coefficients
        last = self._row()
        family = self.fit.model.family
        if self.job.settings.moment_tensor.grade:
            family = self._with_active_set(family, training)
        self.job.save(family, {f"last {name}": repr(last[name]) for name in curve.COLUMNS})
        self.job.say(f"model: {output.model}")
        self.job.say(f"figure: {curve.draw(output.curve, output.curve.with_suffix('.png'))}")

    def _with_active_set(self, family: MomentTensor, training: list[SiteChunk]) -> MomentTensor:
        active = mtp_grade.select(family, training)
        members = active.members[active.members >= 0]
        frames = np.unique(self.job.training.frame_of[members])
        self.job.say(f"active set: {plural(len(members), 'neighbourhood')} of {plural(len(frames), 'frame')}")
        family = replace(family, active=active.rows)
        if self.validation:
            grades = frame_grades(self.job.validation, Extrapolation(family))
            self.job.say(
                f"extrapolation grade of the validation frames: median {np.median(grades):.2f}, largest "
                f"{grades.max():.2f}"
            )
        return family

    def _after(self) -> bool:
        """Write the row of an iteration where one is due; return whether to stop."""
        if self.fit.step % self.job.settings.training.print_every == 0:
            self._row()
        self.stopped = self.job.stop()
        return self.stopped

    def _row(self) -> dict[str, float]:
        errors = mtp_loss.errors(self.fit.model, self.fit.parts, self.loss, self.threads)
        others = mtp_loss.errors(self.fit.model, self.validation, self.loss, self.threads) if self.validation else None
        seconds = perf_counter() - self.began
        values = curve.row(self.fit.step, errors, others, float("nan"), seconds)
        self.rows.add(values)
        each = seconds / max(self.fit.step - self.first, 1)
        left = each * (self.job.settings.training.steps - self.fit.step)
        self.job.say(curve.line(values, each, left, with_rate=False))
        return values

    def _keep(self) -> None:
        checkpoint.write(
            self.job.settings.output.checkpoint,
            SERIAL,
            {"parameters": self.fit.model.parameters},
            {"identity": self.identity, "step": self.fit.step, "loss": self.last},
        )
        self.kept = self.fit.step


def _initial(job: Job, training: list[SiteChunk]) -> MomentTensor:
    keys = job.settings.moment_tensor
    low = keys.min_distance_A
    if low is None:
        low = CLOSER * min(mtp_sites.shortest_distance(training), keys.cutoff_A)
    radial = Radial(low, keys.cutoff_A, keys.radial_size)
    return initial(
        job.training.elements, keys.level, radial, mtp_sites.mean_neighbors(training), job.settings.training.seed
    )


def _resumed(job: Job, begun: MomentTensor, identity: str) -> tuple[MomentTensor, int, float]:
    """The potential, iterations and loss of the checkpoint.

    Raises:
        OutputError: it is of another training.
    """
    path = job.settings.output.checkpoint
    arrays, common, _ = checkpoint.read(path, SERIAL)
    if common.get("identity") != identity:
        raise OutputError(
            f"{path} = checkpoint of another training: the model, data, loss and seed must be those of the config; use "
            "the config that began it, or start anew with --overwrite."
        )
    family = mtp_loss.Model(begun).with_parameters(arrays["parameters"]).family
    return family, int(common["step"]), float(common["loss"])


def _say_head(job: Job, family: MomentTensor) -> None:
    n_validation = 0 if job.validation is None else len(job.validation)
    count = family.radial.size + len(family.coefficients) + len(family.species_energies)
    job.say(
        f"{plural(len(job.training), 'frame')} to fit to, {n_validation} to judge by; "
        f"{', '.join(job.training.elements)}\n"
        f"level {job.settings.moment_tensor.level}: {len(family.scalars)} basis functions, {count} parameters; radial "
        f"functions from {family.min_distance:.3f} to {family.cutoff:g} Å\n{curve.heading(with_rate=False)}"
    )
