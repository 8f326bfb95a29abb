"""Extrapolation grades with the shipped moment tensor potential: what watching them costs of a run.

    python benchmarks/grade.py                       4,608 atoms of the Si/Li interface, watched every 100 steps
    python benchmarks/grade.py --precision mixed

Steps and evaluations of the grade take turns; both are processor time of one core. The number is the time of an
evaluation over that of the steps between two. Grades by a product of the whole rows with the inverse of the active set
are compared (1e-8) before anything is timed.
"""

from __future__ import annotations

import argparse
from time import process_time

import timing
import dynamics  # first: it sets the threads
import numpy as np

from hpcpot.neighbors.pairs import Pairs
from hpcpot.parallel.ranks import start
from hpcpot.potential import registry
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.files import load
from hpcpot.potential.moment_tensor.rows import ParameterRows
from hpcpot.structure import files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    dynamics.add_arguments(parser, (1, 1, 1), 0.6)
    parser.add_argument("--precision", choices=("float64", "mixed"), default="float64")
    parser.add_argument("--every", type=int, default=100, help="steps between two evaluations")
    arguments = parser.parse_args()
    model = load("lisi_mtp")
    grader, potential = registry.grader(model), BlockPotential(model, precision=arguments.precision)
    read = lambda: files.read("interface_si100") * tuple(arguments.repeat)  # noqa: E731
    run = dynamics.Dynamics.start(read, potential, start(), arguments.skin, 0.5, 500.0, arguments.nve)
    state, engine = run.state, run.engine

    def grades() -> np.ndarray:
        return grader.grades(state.positions, Pairs(engine.pairs.first, engine.pairs.neighbors), state.species)

    centres = np.arange(0, state.n_owned, 10, dtype=np.int32)
    whole = ParameterRows(model).of(state.positions, engine.pairs, state.species, centres)
    error = np.abs(grades()[centres] - np.abs(whole @ np.linalg.inv(model.active)).max(axis=1)).max()
    if error > 1e-8:
        raise SystemExit(f"grades = {error} from those of whole rows: differ")
    steps, watched = [], []
    for _ in range(arguments.repeats + 1):
        began = process_time()
        run.steps(arguments.steps)
        steps.append(1e6 * (process_time() - began) / arguments.steps / state.n_atoms)
        began = process_time()
        grades()
        watched.append(1e6 * (process_time() - began) / state.n_atoms)
    shares = [100.0 * g / (arguments.every * s) for g, s in zip(watched[1:], steps[1:], strict=True)]
    facts = {"precision": arguments.precision, "atoms": state.n_atoms, "every": arguments.every, "error": float(error)}
    facts |= {"least_us_of_grade": round(min(watched), 2), "least_us_of_step": round(min(steps), 3)}
    print(timing.line("grade", "% of a run", shares, **facts))


if __name__ == "__main__":
    main()
