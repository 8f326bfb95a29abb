"""Classes of calculators: found, told by their version, and refused."""

from __future__ import annotations

from pathlib import Path

import moods
import pytest

from hpcpot.errors import ConfigError
from hpcpot.labelling import calculators


def test_a_module_of_ones_own_is_known_by_its_source(tmp_path: Path, monkeypatch) -> None:
    source = Path(moods.__file__).read_text()
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "moody_once.py").write_text(source)
    assert calculators.version("moody_once.Moody").startswith("moody_once.py: sha256 ")
    first = calculators.version("moody_once.Moody")
    (tmp_path / "moody_once.py").write_text(source + "# changed")
    assert calculators.version("moody_once.Moody") != first


@pytest.mark.parametrize("name", ["subprocess.Popen", "os.system", "os.mkdir", "builtins.exec", "pathlib.Path"])
def test_what_is_no_calculator_is_not_called(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"calculator.class = {name}: must be a class of calculators of ASE"):
        calculators.build(name, {"path": "made", "args": ["touch", "made"]})
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ase.calculators.emt.EMTT", r"has no class EMTT; did you mean ase.calculators.emt.EMT\?"),
        ("ase.calculators.emt.Nothing", "has no class Nothing; its calculators are Calculator, EMT"),
        ("ase.calculators.emt", "is a module; name the class in it"),
        ("ase.calculators.emtt.EMT", r"cannot be imported .*; did you mean ase.calculators.emt\?"),
        ("nobody_has_this.Calculator", "cannot be imported .*; install it in the environment of hpcpot"),
    ],
)
def test_a_class_that_is_not_there(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"calculator.class = {name}: .*{message}"):
        calculators.find(name)


def test_what_a_class_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="must make a calculator of ASE, and makes a int"):
        calculators.build("moods.no_calculator", {})
    with pytest.raises(ConfigError, match=r"calculator.arguments = \{'frog': 1\}: ase.calculators.lj.LennardJones"):
        monkeypatch.setattr("ase.calculators.lj.LennardJones.__init__", lambda self: None)
        calculators.build("ase.calculators.lj.LennardJones", {"frog": 1})
