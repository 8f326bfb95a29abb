"""What the reduction of an embedding refuses."""

from dataclasses import replace

import numpy as np
import pytest
import systems

from hpcpot.errors import ModelError
from hpcpot.potential.deep_potential.reduced import Readout


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_embedding_that_is_not_finite() -> None:
    model = systems.deep_potential()
    damaged = replace(model, deviation=np.full_like(model.deviation, 1e-320))
    with pytest.raises(ModelError, match="embedding of types 0 and 0 = 0 everywhere, or not finite"):
        Readout(damaged, 0.5, "float64")
