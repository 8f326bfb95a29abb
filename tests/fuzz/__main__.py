"""Damage inputs of hpcpot at random and see what it makes of them: `make fuzz`, or here python -m fuzz.

Each case is a copy of small whole files with one to three changes; it follows from seed, target and its number alone.
The exit code is 1 if there are faults; each kind is printed with a line that repeats it.
"""

from __future__ import annotations

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

import argparse
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from fuzz import campaign, targets


def main() -> int:
    """Run the command line; the exit code is 1 if there are faults."""
    parser = argparse.ArgumentParser("fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--cases", type=int, default=10000, help="in all, shared by the targets (default 10000)")
    amount.add_argument("--seconds", type=float, help="instead, shared by the targets")
    amount.add_argument(
        "--case", type=int, help="only this one, of one target; its files stay and its traceback is shown"
    )
    parser.add_argument("--seed", help="default: the date")
    parser.add_argument("--target", default="", help="beginning of names, commas between; default: all")
    parser.add_argument("--jobs", default="auto", help="processes at a time (default auto: one a core)")
    parser.add_argument("--list", action="store_true", help="name the targets")
    options = parser.parse_args()
    seed = options.seed or datetime.now(timezone.utc).strftime("%Y%m%d")
    prefixes = tuple(options.target.split(","))
    chosen = [target for target in targets.all_targets() if target.name.startswith(prefixes)]
    if options.list:
        print("\n".join(target.name for target in chosen))
        return 0
    if options.case is not None:
        chosen = [target for target in chosen if target.name in prefixes]
        return campaign.replay(chosen[0], seed, options.case, Path(tempfile.mkdtemp(prefix="fuzz-")))
    jobs = len(os.sched_getaffinity(0)) if options.jobs == "auto" else int(options.jobs)
    with tempfile.TemporaryDirectory() as work:
        return campaign.run(chosen, seed, Path(work), options.cases, options.seconds, jobs)


if __name__ == "__main__":
    sys.exit(main())
