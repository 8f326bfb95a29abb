"""The page of the fracture study is filled in from a trajectory."""

import importlib.util
import shutil

import numpy as np
import pulls
from repository import REPOSITORY


def test_a_section_is_filled_in_and_again(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("docs_fracture", REPOSITORY / "docs/fracture.py")
    docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(docs)
    monkeypatch.setattr(docs, "PAGE", tmp_path / "page.md")
    shutil.copy(REPOSITORY / "docs/fracture.md", docs.PAGE)
    path = pulls.write(tmp_path / "run.h5md", strains=np.linspace(0.0, 0.5, 11))
    docs.main(["bulk_104448", str(path)])
    once = docs.PAGE.read_text()
    section = once.split("<!-- bulk_104448 -->")[1].split("<!-- end -->")[0]
    assert "| Young's modulus, strain 0.02 to 0.08 (GPa) | 45.00 ± 0.00 | 45.04 |" in section
    assert "| stress at strain 0.135 (GPa) | " in section and "544 atoms, 1 rank, one run" in section
    for name in ("stress_strain", "maps", "snapshots", "voids", "atoms"):
        assert f"(page/bulk_104448_{name}.png)" in section and (tmp_path / f"page/bulk_104448_{name}.png").exists()
    for case in docs.CONFIGS:
        assert once.count(f"<!-- {case} -->") == 1
    docs.main(["bulk_104448", str(path)])
    assert docs.PAGE.read_text() == once
