"""What a model is, in a few lines for people."""

from __future__ import annotations

from typing import Any

from hpcpot.potential.chebyshev.model import Chebyshev
from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.potential.files import family_name, fingerprint
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.network import Layer


def summarize(model: Any) -> str:
    """Family, elements, cutoffs (Å), sizes, number of parameters and fingerprint; a line each."""
    networks, facts = _SECTIONS[type(model)](model)
    lines = {"family": family_name(model), "elements": " ".join(model.elements)} | facts
    if networks:
        lines["parameters"] = f"{sum(_count(network) for network in networks):,} in {len(networks)} networks"
    lines["fingerprint"] = f"sha256:{fingerprint(model)}"
    return "\n".join(f"{name:<12} {text}" for name, text in lines.items())


def _deep_potential(model: DeepPotential) -> tuple[list[tuple[Layer, ...]], dict[str, str]]:
    rows = model.embeddings[:1] if model.one_sided else model.embeddings
    embeddings = [network for row in rows for network in row]
    sides = "one-sided (by neighbour)" if model.one_sided else "two-sided (by centre and neighbour)"
    return [*embeddings, *model.fittings], {
        "cutoff": f"{model.cutoff:g} Å, smooth from {model.cutoff_smooth:g} Å",
        "slots": " ".join(str(count) for count in model.slots),
        "embedding": f"{_widths(embeddings[0])}, {sides}, axis {model.axis}",
        "fitting": _widths(model.fittings[0]),
    }


def _chebyshev(model: Chebyshev) -> tuple[list[tuple[Layer, ...]], dict[str, str]]:
    return list(model.networks), {
        "cutoff": f"radial {model.radial_cutoff:g} Å, angular {model.angular_cutoff:g} Å",
        "orders": f"radial {model.radial_order}, angular {model.angular_order}",
        "angles": f"domain {model.angular_domain}",
        "networks": ", ".join(_widths(network) for network in model.networks),
    }


def _moment_tensor(model: MomentTensor) -> tuple[list[tuple[Layer, ...]], dict[str, str]]:
    parameters = model.radial.size + len(model.coefficients) + len(model.species_energies)
    return [], {
        "distances": f"{model.min_distance:g} to {model.cutoff:g} Å",
        "radial": f"{model.radial.shape[2]} functions of {model.radial.shape[3]} polynomials",
        "basis": f"{len(model.scalars)} functions of {model.basis.n_moments} moments",
        "parameters": f"{parameters:,}",
    }


def _lennard_jones(model: LennardJones) -> tuple[list[tuple[Layer, ...]], dict[str, str]]:
    return [], {"cutoff": f"{model.cutoff:g} Å"}


_SECTIONS = {
    DeepPotential: _deep_potential,
    Chebyshev: _chebyshev,
    MomentTensor: _moment_tensor,
    LennardJones: _lennard_jones,
}


def _widths(layers: tuple[Layer, ...]) -> str:
    return "-".join(str(width) for width in (layers[0].weights.shape[0], *(layer.weights.shape[1] for layer in layers)))


def _count(layers: tuple[Layer, ...]) -> int:
    arrays = (array for layer in layers for array in (layer.weights, layer.bias, layer.timestep) if array is not None)
    return sum(array.size for array in arrays)
