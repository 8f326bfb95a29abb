"""What the source of labels is called."""

from __future__ import annotations

from pathlib import Path

from hpcpot.labelling.settings import CalculatorSection
from hpcpot.labelling.task import identity


def test_another_model_under_the_same_name_is_another_calculator(tmp_path: Path) -> None:
    model, found = tmp_path / "model.nqx", []
    for weights in ("one", "two"):
        model.write_text(weights)
        arguments = {"model": str(model), "units": "eV"}
        wanted = CalculatorSection(class_="ase.calculators.emt.EMT", arguments=arguments)
        found.append(identity(wanted))
    assert found[0] != found[1] and "model.nqx: sha256 7692c3ad3540bb80" in found[0] and "ase" in found[0]
