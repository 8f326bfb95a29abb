"""Potentials of aenet and aenet-PyTorch with the Chebyshev basis: one file per element, .nn/.ann or .nn.ascii.

Source: aenet 2.0.4 src/{potential,sfsetup,trainset}.f90, src/ext/{sfbasis,feedforward}.f90; aenet-PyTorch
src/output_nn.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpcpot import inputs
from hpcpot.errors import ModelError
from hpcpot.potential.chebyshev import ANGULAR_DOMAINS
from hpcpot.potential.chebyshev.fortran import Lines, Records
from hpcpot.potential.chebyshev.model import Chebyshev
from hpcpot.potential.network import ACTIVATIONS, Layer
from hpcpot.potential.parsing import Head, reading

DESCRIPTION, TYPE_NAME, PATH = 1024, 100, 1024
"""Widths of aenet's CHARACTER fields."""
NARROWEST = 1e-10
"""A standard deviation at or below it switches the component off (aenet's stp_normalize)."""


@dataclass(frozen=True)
class Species:
    """Content of one file: the network of one element.

    Attributes:
        path: the file. element: the centre. environment: the ENV list.
        layers: of the network. basis: (4,) float64, R_r (Å), N_r, R_a (Å), N_a.
        average, second_moment: (inputs,) float64, of each component and of its square over the training set.
        scale, shift: of the normalised energy, 1/eV and eV. atomic_energy: eV. min_distance: Å.
    """

    path: Path
    element: str
    environment: tuple[str, ...]
    layers: tuple[Layer, ...]
    basis: np.ndarray
    average: np.ndarray
    second_moment: np.ndarray
    scale: float
    shift: float
    atomic_energy: float
    min_distance: float


def is_network(head: Head) -> bool:
    """True for a file that begins with a Fortran record of four bytes, and a text of a whole number in each line."""
    lines = head.start[:200].splitlines()
    return head.start.startswith((4).to_bytes(4, "little")) or (
        head.is_text and head.first_word.isdigit() and all(len(line.split()) == 1 for line in lines[:4])
    )


def read(paths: Sequence[Path], angular_domain: str = "auto") -> Chebyshev:
    """Read a potential of one file per element; their order does not matter, that of their ENV list does.

    Args:
        angular_domain: "cos" (aenet >= 2.0.4), "legacy" (older), or "auto": legacy where the stored averages rule out
            cos. The files do not record it. The returned object says which one was taken.
    Raises:
        ModelError: a file is absent, damaged or not of the Chebyshev basis, or the files do not belong together.
    """
    if angular_domain not in ANGULAR_DOMAINS:
        raise ModelError(f"angular_domain = {angular_domain}: must be one of {', '.join(ANGULAR_DOMAINS)}.")
    paths = [Path(path) for path in paths]
    by_element: dict[str, Species] = {}
    for path in paths:
        with reading(path, "aenet network"):
            species = _read_species(path)
        if species.element in by_element:
            raise ModelError(f"{path} = a second file of {species.element}: one file per element is required.")
        by_element[species.element] = species
    first = next(iter(by_element.values()))
    if set(by_element) != set(first.environment):
        raise ModelError(
            f"files of {', '.join(by_element)} = not the elements of {paths[0]} ({', '.join(first.environment)}): one "
            "file per element is required; name them all."
        )
    files = [by_element[element] for element in first.environment]
    for species in files:
        _check_belongs(species, first)
    return _assembled(files, angular_domain)


def _check_belongs(species: Species, first: Species) -> None:
    if set(species.environment) != set(first.environment):
        raise ModelError(
            f"{species.path}: ENV = {', '.join(species.environment)}: the elements {', '.join(first.environment)} "
            f"of {first.path.name} are required; the files are of different potentials."
        )
    if not np.array_equal(species.basis, first.basis):
        raise ModelError(
            f"{species.path}: R_r, N_r, R_a, N_a = {species.basis.tolist()}: {first.basis.tolist()} as in "
            f"{first.path.name} is required; hpcpot reads one basis for all elements."
        )


def _assembled(files: list[Species], angular_domain: str) -> Chebyshev:
    elements = tuple(species.element for species in files)
    radial_order, angular_order = int(files[0].basis[1]), int(files[0].basis[3])
    if angular_domain == "auto":
        legacy = any(_rules_out_cos(species, radial_order, angular_order) for species in files)
        angular_domain = "legacy" if legacy else "cos"
    scales = [input_scale(species.average, species.second_moment) for species in files]
    weights = [dict(zip(species.environment, spins(len(elements)), strict=True)) for species in files]
    return Chebyshev(
        elements=elements,
        radial_cutoff=float(files[0].basis[0]),
        radial_order=radial_order,
        angular_cutoff=float(files[0].basis[2]),
        angular_order=angular_order,
        angular_domain=angular_domain,
        spins=np.array([[of_file[element] for element in elements] for of_file in weights], np.float64),
        scale=np.array(scales),
        offset=np.array([species.average for species in files]),
        networks=tuple(species.layers for species in files),
        energy_scale=np.array([species.scale for species in files]),
        energy_shift=np.array([species.shift for species in files]),
        atomic_energies=np.array([species.atomic_energy for species in files]),
        min_distance=min(species.min_distance for species in files),
    )


def spins(count: int) -> list[int]:
    """aenet's weights of the ENV entries: from -floor(n/2) up by 1, without 0 for an even n."""
    return [s for s in range(-(count // 2), count // 2 + 1) if s != 0 or count % 2 == 1]


def input_scale(average: np.ndarray, second_moment: np.ndarray) -> np.ndarray:
    """1 / sqrt(<G^2> - <G>^2) of each component; 0, which switches it off, where that is too narrow."""
    variance = np.maximum(second_moment - average**2, 0.0)
    deviation = np.sqrt(variance)
    return np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > NARROWEST)


def _rules_out_cos(species: Species, radial_order: int, angular_order: int) -> bool:
    """|T_n| <= 1 on [-1, 1], so that |average_n| <= average_0 of the angular block, unless T_n is taken outside."""
    angular = np.abs(species.average[radial_order + 1 :][: angular_order + 1])
    return bool((angular > angular[0] * (1.0 + 1e-9)).any())


def _read_species(path: Path) -> Species:
    content = inputs.read_bytes(path)
    if content[:4] == (4).to_bytes(4, "little"):  # the length of the first record, one int32
        source: Records | Lines = Records(content)
    else:
        source = Lines(content.decode("utf-8-sig"))
    layers = _read_network(source)
    source.text("description", DESCRIPTION)
    (element,) = source.species("species")
    environment = source.species("environment types", _count(source, "number of environment types"))
    min_distance = float(source.numbers("Rc_min")[0])
    source.numbers("Rc_max")
    kind = source.text("type of basis", TYPE_NAME)
    if kind.lower() != "chebyshev":
        raise ModelError(f"{path}: basis = {kind or 'empty'}: Chebyshev is required; train with this basis.")
    size, parameters = _count(source, "number of inputs"), _count(source, "number of parameters")
    source.integers("kinds", size)
    basis = source.numbers("basis parameters", parameters * size)[:4]
    source.integers("environment of inputs", 2 * size)
    source.integers("evaluations")
    for name in ("minimum", "maximum"):
        source.numbers(name, size)
    average, second_moment = source.numbers("average", size), source.numbers("second moment", size)
    scale, shift, atomic_energy = _read_training_set(source, element)
    if not source.at_end():
        raise ValueError(f"more follows after record {source.number}")
    species = Species(
        path, element, environment, layers, basis, average, second_moment, scale, shift, atomic_energy, min_distance
    )
    _check(species)
    return species


def _count(source: Records | Lines, name: str) -> int:
    count = int(source.integers(name)[0])
    if not 1 <= count <= 10**6:
        raise ValueError(f"record {source.number} ({name}) is {count}")
    return count


def _read_network(source: Records | Lines) -> tuple[Layer, ...]:
    """Layers; each is stored as the matrix [W | b] (outputs, inputs + 1), column by column."""
    count = _count(source, "number of layers")
    source.integers("largest layer")
    size = _count(source, "number of weights")
    source.integers("number of values")
    widths = source.integers("nodes", count).tolist()
    codes = source.integers("activations", count - 1)
    for name in ("offsets of weights", "offsets of values"):
        source.integers(name, count)
    values = source.numbers("weights", size)
    expected = sum(outputs * (inputs + 1) for inputs, outputs in zip(widths, widths[1:], strict=False))
    if min(widths) < 1 or expected != size or not np.isin(codes, range(len(ACTIVATIONS))).all():
        raise ValueError(f"layers {widths} with {size} weights and activations {codes.tolist()} do not fit together")
    layers, start = [], 0
    for width, outputs, code in zip(widths, widths[1:], codes, strict=False):
        end = start + outputs * (width + 1)
        columns = values[start:end].reshape(width + 1, outputs)
        layers.append(Layer(columns[:-1].copy(), columns[-1].copy(), None, ACTIVATIONS[code], False))
        start = end
    return tuple(layers)


def _read_training_set(source: Records | Lines, element: str) -> tuple[float, float, float]:
    """Scale (1/eV), shift and atomic energy (eV). A set that was not normalised has scale 1 and shift 0 stored."""
    source.text("training set", PATH)
    source.logical("normalised")
    scale, shift = float(source.numbers("energy scale")[0]), float(source.numbers("energy shift")[0])
    count = _count(source, "number of types")
    names = source.species("names of types", count)
    energies = source.numbers("atomic energies", count)
    for name in ("atoms", "structures"):
        source.integers(name)
    source.numbers("extreme energies", 3)
    if element not in names:
        raise ValueError(f"no atomic energy of {element} among {', '.join(names)}")
    return scale, shift, float(energies[names.index(element)])


def _check(species: Species) -> None:
    """Raises ModelError: what does not fit together in a file."""
    _, radial_order, _, angular_order = species.basis
    orders_fit = all(order >= 0 and order % 1 == 0 for order in (radial_order, angular_order))
    inputs = int(radial_order + angular_order + 2) * (2 if len(species.environment) > 1 else 1) if orders_fit else 0
    sizes = {len(species.average), species.layers[0].weights.shape[0]}
    arrays = [array for layer in species.layers for array in (layer.weights, layer.bias)]
    numbers = (species.scale, species.shift, species.atomic_energy, species.min_distance)
    problems = {
        f"ENV = {species.environment}: different names, {species.element} among them, are required": len(
            set(species.environment) - {""}
        )
        != len(species.environment)
        or species.element not in species.environment,
        f"N_r, N_a = {radial_order}, {angular_order}: whole numbers >= 0 are required": not orders_fit,
        f"network = {sizes} inputs: {inputs}, as many as the basis has, and one output are required": sizes != {inputs}
        or species.layers[-1].weights.shape[1] != 1,
        "numbers = not finite, or energy scale 0: finite numbers are required": not all(
            np.isfinite(array).all() for array in (*arrays, species.average, species.second_moment)
        )
        or not np.isfinite(numbers).all()
        or species.scale == 0.0,
        "second moments = below the squares of the averages: the statistics of one training set are required": (
            np.sqrt(np.maximum(species.second_moment, 0.0)) * (1.0 + 1e-9) < np.abs(species.average)
        ).any(),
    }
    for problem, is_violated in problems.items():
        if is_violated:
            raise ModelError(f"{species.path}: {problem}; the file is damaged or of another program.")
