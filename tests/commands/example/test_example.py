"""Example configs: listed, and written so that they run where they are written."""

import re
from pathlib import Path

import pytest
from repository import CONFIGS

from hpcpot.cli import main

NAMES = sorted(path.stem for path in CONFIGS.glob("*.yaml"))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_are_listed_with_their_purpose(capsys):
    assert main(["example"]) == 0
    rows = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert [name for name, _ in rows] == NAMES
    assert dict(rows)["build_li13si4_28900"] == "The block of fracture_bulk_28900: 28,900 atoms of crystalline Li13Si4"


def test_one_is_written_with_those_that_its_comments_run(folder, capsys):
    assert main(["example", "fracture_bulk_28900.yaml"]) == 0
    written = {"fracture_bulk_28900.yaml", "build_li13si4_28900.yaml", "analyze_fracture.yaml"}
    assert {path.name for path in folder.iterdir()} == written
    text = Path("fracture_bulk_28900.yaml").read_text()
    assert "configs/" not in text.split("\n", 1)[1] and Path(re.search(r"schema=(\S+)", text)[1]).is_file()
    assert "hpcpot build build_li13si4_28900.yaml -o li13si4_28900.extxyz" in text
    assert main(["build", "build_li13si4_28900.yaml", "--set", "crystal.repeat=[1,1,1]", "-o", "one.extxyz"]) == 0
    assert main(["md", "fracture_bulk_28900.yaml", "--set", "structure.file=one.extxyz", "--dry-run"]) == 0


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_those_of_the_checkout(name):
    assert main(["example", name]) == 0
    plain = [re.sub(r"#.*", "", text).split() for text in (Path(f"{name}.yaml").read_text(), _original(name))]
    assert plain[0] == plain[1] != []


def _original(name: str) -> str:
    return (CONFIGS / f"{name}.yaml").read_text()


def test_nothing_is_written_where_a_file_is_in_the_way(folder, capsys):
    Path("analyze_fracture.yaml").write_text("mine: 1\n")
    assert main(["example", "fracture_bulk_28900"]) == 1
    assert "analyze_fracture.yaml = exists" in capsys.readouterr().err and len(list(folder.iterdir())) == 1
    assert main(["example", "fracture_bulk_28900", "--overwrite"]) == 0
    assert Path("analyze_fracture.yaml").read_text() != "mine: 1\n"


def test_names_that_are_none(tmp_path, capsys):
    assert main(["example", "gcmc_lis"]) == 1
    assert "example = gcmc_lis: no such example; did you mean gcmc_lisi?" in capsys.readouterr().err
    assert main(["md", "configs/interface_si100.yaml", "--dry-run"]) == 1
    assert "`hpcpot example interface_si100` writes it here" in capsys.readouterr().err
    (tmp_path / "relax.yaml").mkdir()
    assert main(["relax", str(tmp_path / "relax.yaml"), "--dry-run"]) == 1
    assert "writes it here" not in capsys.readouterr().err
    assert main(["md", "mine.yaml"]) == 1
    assert "`hpcpot example` lists some" in capsys.readouterr().err
