"""`hpcpot search CONFIG`: known crystals, relaxations, duplicates, ranking; each part goes on where it was left."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hpcpot import config
from hpcpot.commands.search import duplicates, known, minima, ranking, summary
from hpcpot.commands.search.duplicates import Minimum, Nearness
from hpcpot.commands.search.minima import Trial
from hpcpot.commands.search.settings import SCHEMA, SearchSettings
from hpcpot.errors import FarmError
from hpcpot.farm import campaign
from hpcpot.farm.item import Item
from hpcpot.farm.pool import WorkerPool, plan
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.results import Results
from hpcpot.farm.task import Task
from hpcpot.outputs import make_folder
from hpcpot.parallel.stop import STOPPED, Stopped, StopRequest
from hpcpot.potential.settings import PotentialSection
from hpcpot.relaxation.settings import RelaxSection
from hpcpot.relaxation.task import items, relax_task
from hpcpot.report.figures import require_matplotlib
from hpcpot.structure.matching import MatchTolerances, require_pymatgen
from hpcpot.structure.symmetry import load_spglib
from hpcpot.wording import plural

COARSE_KNOWN, COARSE = "coarse_known.h5", "coarse.h5"
KNOWN, RELAXED, DUPLICATES = "known.h5", "relaxed.h5", "duplicates.h5"
"""Files of rows in output.folder."""


def run_command(arguments: argparse.Namespace) -> int:
    """Return the exit code: 0 also where trials failed, which is told, as random cells do.

    Raises:
        HpcpotError: the config is wrong, a package is not installed, or a part failed as a whole.
    """
    stop = StopRequest()
    settings = config.load(arguments.config, SCHEMA, arguments.overrides)
    here = Path(arguments.config).parent
    load_spglib("search")
    require_pymatgen("search")
    require_matplotlib("search")
    crystals, structures = known.items(settings.known.crystals, here), items(settings.structures, here)
    if arguments.dry_run:
        print(config.dump(settings) + plan(settings.farm, len(structures)))
        return 0
    make_folder(settings.output.folder, "output.folder")
    with WorkerPool(settings.farm) as pool:
        try:
            CrystalSearch(settings, arguments, pool, stop).go(crystals, structures)
        except Stopped:
            return STOPPED
    return 0


class CrystalSearch:
    """All parts of a search.

    Args:
        arguments: of the command line, for --overwrite and --retry-failed.
    """

    def __init__(
        self, settings: SearchSettings, arguments: argparse.Namespace, pool: WorkerPool, stop: Callable[[], bool]
    ):
        self.settings, self.folder = settings, settings.output.folder
        self._arguments, self._pool, self._stop = arguments, pool, stop
        self._text = config.dump(settings)
        self._potential = PotentialRef.of(settings.potential)

    def go(self, crystals: Sequence[Item], structures: Sequence[Item]) -> None:
        """Go on to the end, and say what came of it.

        Raises:
            Stopped: by a signal. HpcpotError: a part failed as a whole.
        """
        trials = minima.trials_of(structures)
        tried = Counter(trial.formula for trial in trials.values())
        if self.settings.coarse.file is not None:
            structures, trials = self._coarse(crystals, structures, trials, tried)
        print(f"relaxation of {plural(len(crystals), 'known crystal')} and {plural(len(structures), 'structure')}")
        hull = self._hull(KNOWN, crystals, self._potential, self.settings.relax, tried)
        self._complete(
            relax_task(
                self.folder / RELAXED,
                structures,
                self._potential,
                self.settings.relax,
                self.settings.potential.outside,
                overwrite=self._overwrite,
            )
        )
        with Results(self.folder / RELAXED) as results:
            gathered = minima.gather(results, trials)
        section = self.settings.ranking
        near = [each for each in gathered.minima if hull.above(each) <= section.within_eV_per_atom]
        groups, compared = self._group(near, hull.phases)
        ranked = ranking.rank(groups, trials, hull, section.symmetry_A)
        crystals_searched = ranking.searched(hull, ranked, tried, section.symmetry_A)
        print(summary.text(section, tried, gathered, len(near), compared, ranked, crystals_searched))
        for line in summary.write(self.folder, section, hull, ranked, crystals_searched):
            print(line)

    def _coarse(
        self, crystals: Sequence[Item], structures: Sequence[Item], trials: Mapping[str, Trial], tried: Counter[str]
    ) -> tuple[list[Item], dict[str, Trial]]:
        """Relax all by the cheap model; returns the structures that go on, and the trial of each key."""
        section = self.settings.coarse
        print(
            f"first relaxation of {plural(len(crystals), 'known crystal')} and {plural(len(structures), 'structure')}"
        )
        potential = PotentialRef.of(PotentialSection(file=section.file, precision=section.precision))
        relax = replace(
            self.settings.relax,
            force_eV_per_A=section.force_eV_per_A,
            stress_GPa=section.stress_GPa,
            steps=section.steps,
        )
        hull = self._hull(COARSE_KNOWN, crystals, potential, relax, tried)
        self._complete(relax_task(self.folder / COARSE, structures, potential, relax, overwrite=self._overwrite))
        with Results(self.folder / COARSE) as results:
            return minima.low(results, trials, hull.above, section.keep_eV_per_atom)

    def _hull(
        self, name: str, crystals: Sequence[Item], potential: PotentialRef, relax: RelaxSection, tried: Counter[str]
    ) -> ranking.HullOfPhases:
        """The hull of the known crystals as a potential relaxes them."""
        self._complete(relax_task(self.folder / name, crystals, potential, relax, "ignore", overwrite=self._overwrite))
        with Results(self.folder / name) as results:
            return ranking.HullOfPhases(known.relaxed(results, crystals), tried)

    def _group(self, near: Sequence[Minimum], phases: Sequence[Minimum]) -> tuple[list[list[Minimum]], int]:
        """Groups of minima that are the same, and the pairs that were compared.

        Raises:
            FarmError: some could not be compared.
        """
        section = self.settings.ranking
        nearness = Nearness(
            section.energy_eV_per_atom,
            section.volume_percent / 100.0,
            MatchTolerances(section.length_tolerance, section.site_tolerance, section.angle_tolerance_deg),
        )
        boxes = duplicates.boxes([*near, *phases], nearness)
        print(f"duplicates among {len(near)} trials and {plural(len(phases), 'known crystal')}, in {len(boxes)} boxes")
        task = duplicates.task(self.folder / DUPLICATES, boxes, nearness)
        code, keys = self._complete(task)
        with Results(task.results) as results:
            if code:
                _, label, failure = results.failed()[0]
                raise FarmError(
                    f"duplicates = {label}: {failure.kind}: {failure.message}; all minima must be compared; `hpcpot results "
                    f"{task.results}` says all."
                )
            return duplicates.groups(boxes, keys, results)

    def _complete(self, task: Task) -> tuple[int, list[str]]:
        """Do what a task lacks. Raises: Stopped: by a signal."""
        code, keys = campaign.complete(
            task,
            self._pool,
            self._stop,
            self._text,
            overwrite=self._overwrite,
            retry_failed=self._arguments.retry_failed,
        )
        if code == STOPPED:
            raise Stopped
        return code, keys

    @property
    def _overwrite(self) -> bool:
        return self._arguments.overwrite
