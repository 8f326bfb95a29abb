"""Molecular dynamics of crystalline Li13Si4 with a moment tensor potential: microseconds of core time per atom-step.

    python benchmarks/md_moment_tensor.py                     4,896 atoms, level 16, 2 to 5 Å, random coefficients
    python benchmarks/md_moment_tensor.py --model p.h5        a model of hpcpot, or an .mtp with elements in its tag
    mpirun -n 2 python benchmarks/md_moment_tensor.py         two ranks

Beside the time of whole steps the line has the floating-point operations of the potential for an atom, counted from its
lists and the neighbours within the cutoff. Random coefficients are so small that atoms, at rest to begin with, stay
where they are: no pairs are built again. These atoms are 0.1 Å off their sites: products of the moments that a crystal's
symmetry makes almost zero would be subnormal in float32, which takes twice the time. Before anything is timed, the
energies and forces of 64 atoms are compared with the reference kernels.
"""

from __future__ import annotations

import argparse

import costs
import dynamics  # first: it sets the threads
import numpy as np

from hpcpot.neighbors import batch
from hpcpot.potential.files import load
from hpcpot.potential.moment_tensor.basis import basis
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.structure import crystals


def random_potential(level: int) -> MomentTensor:
    """A potential from 2 to 5 Å with six polynomials, its coefficients so small that a crystal does not move."""
    rng, lists = np.random.default_rng(1), basis(level)
    return MomentTensor(
        elements=("Li", "Si"),
        min_distance=2.0,
        cutoff=5.0,
        scaling=0.02,
        radial=rng.normal(size=(2, 2, lists.n_radial, 6)),
        basics=lists.basics,
        products=lists.products,
        scalars=lists.scalars,
        coefficients=1e-6 * rng.normal(size=len(lists.scalars)),
        species_energies=np.zeros(2),
    )


def neighbors_within(cutoff: float) -> float:
    """Neighbours of an atom of the crystal."""
    atoms = crystals.build("Li13Si4", (1, 1, 1), axes="cab")
    return batch.build(atoms.positions, atoms.cell.array, atoms.pbc, cutoff).pairs.first[-1] / len(atoms)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    dynamics.add_arguments(parser, (12, 6, 2), 0.6)
    parser.add_argument("--model", help="a moment tensor potential; a random one when left out")
    parser.add_argument("--precision", choices=("float64", "mixed"), default="float64")
    parser.add_argument("--level", type=int, default=16, help="of the random one")
    arguments = parser.parse_args()
    ranks = dynamics.ranks_of(arguments)
    model = load(arguments.model) if arguments.model else random_potential(arguments.level)
    potential = dynamics.potential_on(arguments.device, model, ranks, arguments.precision)
    if ranks.is_root:
        dynamics.check(model, potential)
    is_at_rest = arguments.nve or not arguments.model

    def read():
        atoms = crystals.build("Li13Si4", tuple(arguments.repeat), axes="cab")
        if is_at_rest:
            atoms.rattle(0.1, seed=1)
        return atoms

    run = dynamics.Dynamics.start(read, potential, ranks, arguments.skin, 1.0, 300.0, is_at_rest)
    within, owned = neighbors_within(model.cutoff), max(run.state.n_owned, 1)
    dynamics.report(
        "md_moment_tensor",
        run,
        arguments,
        structure="Li13Si4",
        basis_functions=len(model.scalars),
        neighbors_within_cutoff=round(within, 1),
        operations_per_atom_step=round(sum(costs.sweep(model, run.state.positions, run.engine.pairs).values()) / owned),
    )


if __name__ == "__main__":
    main()
