"""hpcpot beside ASE's dynamics with DeePMD-kit's calculator: the same model, structure and steps on one core, in turn.

    python benchmarks/peers/deepmd_ase.py

ASE's velocity Verlet asks the calculator for forces, and the calculator finds its neighbours anew at each step; the model
is the compressed float64 one of deepmd_lammps.py. The first call installs the peer.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import deepmd
from side_by_side import Measured, call, compare, run_hpcpot

from hpcpot.structure import files

SCRIPT = """
import json, sys, time
import ase.io, ase.units
from ase.md.verlet import VelocityVerlet
from deepmd.calculator import DP
atoms = ase.io.read("interface.extxyz")
atoms.calc = DP(model=sys.argv[1])
energy = atoms.get_potential_energy()
dynamics = VelocityVerlet(atoms, 0.5 * ase.units.fs)
dynamics.run(2)
began = time.perf_counter()
dynamics.run(int(sys.argv[2]))
print(json.dumps([(time.perf_counter() - began) / int(sys.argv[2]) / len(atoms) * 1e6, energy]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    folder, model = deepmd.prepare("float64")
    atoms = files.read("interface_si100")
    files.write(folder / "interface.extxyz", atoms, overwrite=True)
    compare(
        f"{deepmd.NAME}, ASE",
        lambda: run_ase(folder, model, given.steps),
        lambda: run_hpcpot("md_deep_potential.py", 1, "--nve", "--steps", str(given.steps)),
        given.repeats,
        len(atoms),
        1e-6,
        ranks=1,
        precision="float64",
    )


def run_ase(folder: Path, model: str, steps: int) -> Measured:
    """ASE's velocity Verlet with DeePMD-kit's calculator."""
    said = call([folder / "bin" / "python", "-c", SCRIPT, model, str(steps)], folder, **deepmd.ONE_CORE)
    microseconds, energy = json.loads(said.splitlines()[-1])
    return microseconds, energy


if __name__ == "__main__":
    main()
