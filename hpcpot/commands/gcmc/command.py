"""`hpcpot gcmc CONFIG`: loads the config, listens to signals, runs, and sums up."""

from __future__ import annotations

import argparse
import math

from hpcpot import account, config, outputs, provenance
from hpcpot.commands.gcmc import summary, system
from hpcpot.commands.gcmc.blocks import COLUMNS, GcmcRun
from hpcpot.commands.gcmc.settings import SCHEMA, GcmcSettings
from hpcpot.errors import ConfigError
from hpcpot.farm.results import Results, Store
from hpcpot.montecarlo.acceptance import WAVE_LENGTH
from hpcpot.outputs import check_output
from hpcpot.parallel.ranks import start
from hpcpot.parallel.stop import STOPPED, StopRequest


def run_command(arguments: argparse.Namespace) -> int:
    """Returns the exit code."""
    stop = StopRequest()
    settings = config.load(arguments.config, SCHEMA, arguments.overrides)
    if start().size > 1:
        raise ConfigError(
            f"ranks = {start().size}: a chain of trials runs on one; start it without mpirun, several chains with other seeds "
            "side by side."
        )
    loaded = system.load(settings)
    if arguments.dry_run:
        print(config.dump(settings) + plan(settings, loaded))
        return 0
    output = settings.output
    account.cite(*loaded.cites)
    account.wrote(output.results)
    for path in (output.results, output.checkpoint, output.summary, output.structures):
        check_output(path, arguments.overwrite or arguments.restart, can_restart=True)
    run = GcmcRun(settings, loaded, arguments.restart, stop)
    print(head(settings, run))
    with Store(
        output.results,
        kind="gcmc",
        columns=COLUMNS,
        identity={"potential": loaded.fingerprint, "gcmc": run.identity},
        provenance={**provenance.collect(cites=loaded.cites), "config": config.dump(settings)},
        expected_rows=run.expected_blocks(),
        existing="overwrite" if arguments.overwrite else "continue",
    ) as store:
        if arguments.overwrite:
            outputs.remove([output.checkpoint])  # else --restart would join the old run's end to the new one
        store.begin(run.expected_blocks(), run.expected_blocks())
        has_ended = run.go(store, print)
    if output.results.exists():
        with Results(output.results) as results:
            print(summary.write(results, settings))
    if not has_ended:
        print("stopped by a signal; the same command with --restart goes on")
        return STOPPED
    return 0


def head(settings: GcmcSettings, run: GcmcRun) -> str:
    """What is run."""
    particles, potential = run.particles, run.system.potential
    files = settings.potential.file
    named = ", ".join(map(str, files)) if isinstance(files, list) else files
    lines = [
        f"{particles.n} atoms, {run.chain.n} of them {settings.gcmc.element} to exchange, {particles.volume:.6g} Å3",
        f"potential: {named}, {run.system.fingerprint[:12]}, {potential.kernel_set} kernels, {potential.precision}",
    ]
    if run.position.block:
        lines.append(
            f"restart at block {run.position.block}, trial {run.position.trial}, mu = {run.position.mu:.6g} eV"
        )
    return "\n".join(lines)


def plan(settings: GcmcSettings, loaded: system.GcmcInputs) -> str:
    """What a run would do, for --dry-run."""
    gcmc, volume = settings.gcmc, loaded.atoms.get_volume()
    mass = loaded.masses[loaded.potential.elements.index(gcmc.element)]
    lines = [
        f"{len(loaded.atoms)} atoms, {(loaded.atoms.symbols == gcmc.element).sum()} of them {gcmc.element}, {volume:.6g} Å3",
        f"thermal wave length of {gcmc.element} at {gcmc.temperature_K:g} K: "
        f"{WAVE_LENGTH / (mass * gcmc.temperature_K) ** 0.5:.4f} Å",
    ]
    for mu in gcmc.mu_eV if isinstance(gcmc.mu_eV, list) else [gcmc.mu_eV]:
        held = system.ensemble(gcmc, loaded.potential.elements, loaded.masses, mu)
        lines.append(f"mu = {mu:g} eV: log(z V) = {held.log_z + math.log(volume):.3f}, of an ideal gas log(N)")
    if gcmc.targets:
        lines.append(f"{len(gcmc.targets)} targets, {gcmc.trials} trials each at most")
    else:
        lines.append(f"{gcmc.equilibration} + {gcmc.trials} trials at each mu, {gcmc.block} a block")
    return "\n".join(lines)
