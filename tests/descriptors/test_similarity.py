"""Average kernels of several powers."""

from __future__ import annotations

import labelled
import numpy as np
import pytest

from hpcpot.descriptors import similarity as module
from hpcpot.descriptors.descriptor import of_atoms
from hpcpot.descriptors.similarity import similarity
from hpcpot.descriptors.soap.power_spectrum import Soap
from hpcpot.errors import ConfigError

SOAP = Soap(("Li", "Si"), n_max=6, l_max=4)
FRAMES = labelled.structures(7)


@pytest.mark.parametrize("zeta", [1, 2, 4])
@pytest.mark.parametrize("normalize", [True, False])
def test_all_pairs_of_atoms(zeta, normalize, monkeypatch):
    monkeypatch.setattr(module, "ROOM", 30)
    vectors = of_atoms(FRAMES, SOAP)
    atoms = [vectors[a:b] for a, b in zip(FRAMES.first[:-1], FRAMES.first[1:], strict=True)]
    expected = np.array([[np.mean((a @ b.T) ** zeta) for b in atoms] for a in atoms])
    if normalize:
        own = np.sqrt(np.diag(expected))
        expected /= own[:, None] * own
    found = similarity(FRAMES.select(range(4)), FRAMES, SOAP, zeta, normalize)
    np.testing.assert_allclose(found, expected[:4], rtol=0, atol=1e-12)


@pytest.mark.parametrize("zeta", [1, 3])
def test_kernels_are_positive(zeta):
    kernel = similarity(FRAMES, FRAMES, SOAP, zeta)
    np.testing.assert_allclose(kernel, kernel.T, rtol=0, atol=1e-13)
    assert np.linalg.eigvalsh(kernel).min() > -1e-10
    np.testing.assert_allclose(np.diag(kernel), 1.0, rtol=0, atol=1e-13)


def test_zeta_out_of_range():
    with pytest.raises(ConfigError, match="zeta = 0: must be 1 or more"):
        similarity(FRAMES, FRAMES, SOAP, 0)
