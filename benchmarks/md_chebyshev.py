"""Molecular dynamics of crystalline Li13Si4 with aenet's Chebyshev networks: microseconds of core time per atom-step.

    python benchmarks/md_chebyshev.py                                  4,896 atoms, random networks of the published sizes
    python benchmarks/md_chebyshev.py --model Li.nn Si.nn              networks of aenet, as the published ones
    mpirun -n 2 python benchmarks/md_chebyshev.py --repeat 24 16 8     two ranks; 104,448 atoms

The published Li-Si networks (github.com/atomisticnet/aenet-lammps, Li.pytorch.nn and Si.pytorch.nn) have 6.0 Å and
order 16 for the radial part, 3.0 Å and order 4 for the angular, and 44-25-25-1 tanh. Random ones hold the crystal together
for some 200 steps. Before anything is timed, the energies and forces of 64 atoms are compared with the reference kernels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import dynamics  # first: it sets the threads
import numpy as np

from hpcpot.potential.chebyshev.model import Chebyshev
from hpcpot.potential.files import load
from hpcpot.potential.network import Layer
from hpcpot.structure import crystals

WIDTHS = (44, 25, 25, 1)


def random_networks() -> Chebyshev:
    """A potential of the published sizes whose weights are random, and small enough for the forces to be like real ones."""
    rng = np.random.default_rng(1)

    def layers() -> tuple[Layer, ...]:
        sizes = list(zip(WIDTHS, WIDTHS[1:], strict=False))
        weights = [rng.normal(size=(a, b)) / np.sqrt(a) for a, b in sizes]
        return tuple(
            Layer(w, np.zeros(w.shape[1]), activation="linear" if k == len(sizes) - 1 else "tanh")
            for k, w in enumerate(weights)
        )

    return Chebyshev(
        elements=("Li", "Si"),
        radial_cutoff=6.0,
        radial_order=16,
        angular_cutoff=3.0,
        angular_order=4,
        angular_domain="cos",
        spins=np.tile([-1.0, 1.0], (2, 1)),
        scale=np.full((2, WIDTHS[0]), 0.05),
        offset=np.zeros((2, WIDTHS[0])),
        networks=(layers(), layers()),
        energy_scale=np.full(2, 2.0),
        energy_shift=np.zeros(2),
        atomic_energies=np.zeros(2),
        min_distance=0.5,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    dynamics.add_arguments(parser, (12, 6, 2), 0.6)
    parser.add_argument("--model", type=Path, nargs=2, help="networks of Li and Si; random ones when left out")
    parser.add_argument("--precision", choices=("float64", "mixed"), default="float64")
    arguments = parser.parse_args()
    ranks = dynamics.ranks_of(arguments)
    model = load(arguments.model) if arguments.model else random_networks()
    potential = dynamics.potential_on(arguments.device, model, ranks, arguments.precision)
    if ranks.is_root:
        dynamics.check(model, potential)
    read = lambda: crystals.build("Li13Si4", tuple(arguments.repeat), axes="cab")  # noqa: E731
    run = dynamics.Dynamics.start(read, potential, ranks, arguments.skin, 1.0, 300.0, arguments.nve)
    networks = "44-25-25-1, random" if arguments.model is None else ", ".join(path.name for path in arguments.model)
    dynamics.report("md_chebyshev", run, arguments, structure="Li13Si4", networks=networks)


if __name__ == "__main__":
    main()
