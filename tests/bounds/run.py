"""Run the cases of a group, a JSON line before and after each, so that a crash has a name; then what they reached.

python -m bounds.run GROUP
"""

from __future__ import annotations

import faulthandler
import json
import sys
import traceback
import warnings
from importlib import import_module

from bounds.table import CASES, reached, run_by


def say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    faulthandler.enable()
    warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of overflow and NaN
    import_module(f"bounds.{sys.argv[1]}_cases")
    covered: set[str] = set()
    for name, case in CASES.items():
        say(case=name, state="running")
        try:
            case.run()
            covered |= reached(run_by(case.kernels))
        except Exception:
            say(case=name, state=traceback.format_exc(limit=-6))
        else:
            say(case=name, state="passed")
    say(covered=sorted(covered))
