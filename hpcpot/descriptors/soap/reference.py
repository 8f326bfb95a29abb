"""SOAP power spectra in NumPy, one atom after the other: the readable specification of `cpu`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import eval_legendre

from hpcpot.descriptors.soap import radial
from hpcpot.neighbors.pairs import Pairs

if TYPE_CHECKING:
    from hpcpot.descriptors.soap.power_spectrum import Soap


def rows(soap: Soap, points: np.ndarray, pairs: Pairs, species: np.ndarray) -> np.ndarray:
    """See Soap.rows; the order of the numbers is another one, and that of radial functions is exact.

    The sum over m is done by the addition theorem: with P_l the Legendre polynomials,
    p[s, n, s', n', l] = sqrt(2 l + 1) sum_jk g_nl(r_j) g_n'l(r_k) P_l(u_j . u_k), but for a constant factor.
    """
    degrees = np.arange(soap.l_max + 1)
    vectors = []
    for i in range(len(pairs.first) - 1):
        near = pairs.neighbors[pairs.first[i] : pairs.first[i + 1]]
        moves = np.concatenate([np.zeros((1, 3)), points[near] - points[i]])
        r, kinds = np.linalg.norm(moves, axis=1), species[np.concatenate([[i], near])]
        weights = radial.taper(r, soap.reach, soap.width)
        weights[0] = soap.central_weight
        g = weights[:, None, None] * radial.functions(r, soap.n_max, soap.l_max, soap.reach, soap.sigma)[0]
        of_species = np.zeros((len(r), soap.l_max + 1, len(soap.elements), soap.n_max))
        of_species[np.arange(len(r)), :, kinds] = g
        channels = of_species.reshape(len(r), soap.l_max + 1, -1)
        directions = moves / np.maximum(r, 1e-300)[:, None]
        legendre = np.sqrt(2.0 * degrees + 1.0) * eval_legendre(degrees, (directions @ directions.T)[:, :, None])
        p = np.einsum("jkl,jla,klb->lab", legendre, channels, channels, optimize=True)
        vectors.append(p.ravel() / max(np.linalg.norm(p), 1e-300))
    return np.array(vectors)
