"""hpcpot: silicon anodes of lithium batteries, atom by atom, with machine-learned potentials."""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="hpcpot",
    version="0.1.0",
    description="Molecular dynamics of silicon anodes with machine-learned potentials, on MPI and Dask",
    long_description=Path(__file__).with_name("README.md").read_text() if Path(__file__).with_name("README.md").exists() else "",
    long_description_content_type="text/markdown",
    python_requires=">=3.10",
    packages=find_packages(include=["hpcpot", "hpcpot.*"]),
    install_requires=["numpy>=1.26", "scipy>=1.11", "numba>=0.59", "h5py>=3.10", "ase>=3.23", "pyyaml>=6"],
    extras_require={
        "mpi": ["mpi4py>=4"],
        "gpu": ["cupy-cuda12x>=13"],
        "farm": ["dask>=2024.8", "distributed>=2024.8", "dask-jobqueue>=0.9"],
        "train": ["torch>=2.4"],
        "plot": ["matplotlib>=3.8"],
        "test": ["pytest>=8", "MDAnalysis>=2.8", "pyh5md>=1.0"],
    },
    entry_points={"console_scripts": ["hpcpot = hpcpot.cli:main"]},
)
