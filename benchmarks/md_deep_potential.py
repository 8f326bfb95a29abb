"""Molecular dynamics with the shipped Deep Potential: microseconds of core time per atom-step.

    python benchmarks/md_deep_potential.py                       the 4,608-atom Si/Li interface, one core
    python benchmarks/md_deep_potential.py --precision mixed     float32 network and tables
    mpirun -n 2 python benchmarks/md_deep_potential.py           two ranks; --repeat 1 2 1 for 9,216 atoms
    python benchmarks/md_deep_potential.py --device gpu          on a GPU

Before anything is timed, the energies and forces of 64 atoms are compared with the reference kernels.
"""

from __future__ import annotations

import argparse

import dynamics  # first: it sets the threads
from ase import Atoms

from hpcpot.potential.files import load
from hpcpot.structure import crystals, files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    dynamics.add_arguments(parser, (1, 1, 1), 1.0)
    parser.add_argument("--precision", choices=("float64", "mixed"), default="float64")
    parser.add_argument("--crystal", help="a crystal by name, as Li13Si4, instead of the interface")
    arguments = parser.parse_args()
    ranks = dynamics.ranks_of(arguments)
    model = load("lisi")
    potential = dynamics.potential_on(arguments.device, model, ranks, arguments.precision)
    if ranks.is_root:
        dynamics.check(model, potential)
    repeat = tuple(arguments.repeat)

    def read() -> Atoms:
        return (
            crystals.build(arguments.crystal, repeat) if arguments.crystal else files.read("interface_si100") * repeat
        )

    run = dynamics.Dynamics.start(read, potential, ranks, arguments.skin, 0.5, 500.0, arguments.nve)
    dynamics.report("md_deep_potential", run, arguments, structure=arguments.crystal or "interface_si100")


if __name__ == "__main__":
    main()
