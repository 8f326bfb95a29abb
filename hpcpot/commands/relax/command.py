"""One campaign of relaxations: reads the config and the structures, runs the farm, sums up what came of them."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from hpcpot import config, provenance
from hpcpot.commands.relax import figure, summary, task
from hpcpot.commands.relax.settings import SCHEMA
from hpcpot.config import Settings
from hpcpot.farm import farm
from hpcpot.farm import settings as farm_settings
from hpcpot.farm import structures as inputs
from hpcpot.farm.campaign import run_missing
from hpcpot.farm.farm import Farm
from hpcpot.farm.results import Results, Store
from hpcpot.parallel.stop import STOPPED, StopRequest
from hpcpot.potential import files as potential_files
from hpcpot.potential.blocks import BlockPotential
from hpcpot.relaxation import minimizers
from hpcpot.relaxation.engine import Options
from hpcpot.units import EV_PER_A3_IN_GPA


def run_command(arguments: argparse.Namespace) -> int:
    """`hpcpot relax CONFIG`; returns the exit code.

    Raises:
        ConfigError, ModelError, OutputError: before anything is done.
    """
    stop = StopRequest()
    settings = config.load(arguments.config, SCHEMA, arguments.overrides + farm_settings.overrides(arguments))
    wanted, output = settings.potential, settings.output
    potential = BlockPotential(potential_files.load(wanted.file), wanted.kernels, wanted.precision)
    fingerprint = potential_files.fingerprint(potential.family)
    items = inputs.items(
        inputs.expand(settings.structures.files, Path(arguments.config).parent), settings.structures.frames
    )
    if arguments.dry_run:
        print(config.dump(settings) + farm.plan(settings.farm, len(items)))
        return 0
    options = engine_options(settings)
    compute = partial(
        task.compute,
        source=tuple(wanted.file) if isinstance(wanted.file, list) else wanted.file,
        fingerprint=fingerprint,
        kernels=wanted.kernels,
        precision=wanted.precision,
        options=options,
        memory_MB=settings.relax.memory_MB,
    )
    with (
        Farm(settings.farm) as workers,
        Store(
            output.results,
            kind="relax",
            columns=task.COLUMNS | (task.PATH if output.keep_path else {}),
            identity={"potential": fingerprint, "task": identity(settings)},
            provenance={**provenance.collect(), "config": config.dump(settings)},
            expected_rows=len(items),
            existing="overwrite" if arguments.overwrite else "continue",
        ) as store,
    ):
        code = run_missing(workers, store, compute, items, stop, batched=True, retry_failed=arguments.retry_failed)
    if code != STOPPED and output.results.exists():
        with Results(output.results) as results:
            campaign = summary.gather(results, {one.key for one in items})
        print(summary.table(campaign))
        print(f"figure: {figure.write(campaign, output.results.with_suffix('.png'))}")
    return code


def identity(settings: Settings) -> str:
    """What all rows of a file have in common beside the potential."""
    wanted = settings.potential
    return f"{engine_options(settings)}\nprecision: {wanted.precision}, kernels: {wanted.kernels}"


def engine_options(settings: Settings) -> Options:
    """The relax section in the units of the engine."""
    relax = settings.relax
    return Options(
        minimizer=relax.minimizer,
        moves=minimizers.Options(relax.longest_step_A, relax.potim, relax.smass),
        cell=relax.cell,
        pressure=relax.pressure_GPa / EV_PER_A3_IN_GPA,
        force=relax.force_eV_per_A,
        stress=relax.stress_GPa / EV_PER_A3_IN_GPA,
        steps=relax.steps,
        keep_path=settings.output.keep_path,
    )
