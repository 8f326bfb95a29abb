"""The choice of sites is seeded, in its region, and flagged where a region has too few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slabs
from ase.io import write as ase_write
from repository import CONFIGS

from hpcpot import config
from hpcpot.commands.onsite import frames, sites
from hpcpot.commands.onsite.settings import SCHEMA, FramesSection, OnsiteSettings
from hpcpot.errors import ConfigError, OutputError, StructureError
from hpcpot.notices import InputNotice
from hpcpot.parallel.stop import Stopped
from hpcpot.potential.range import TrainedRange

CONFIG = CONFIGS / "onsite_interface_si100.yaml"


@pytest.fixture
def trajectory(tmp_path: Path) -> Path:
    return slabs.write(tmp_path / "run.h5md", slabs.drifting(9))


def settings(trajectory: Path, *overrides: str) -> OnsiteSettings:
    few = [
        "frames.count=3",
        "sites.per_region=8",
        "profile.frames=3",
        "profile.bin_A=2.0",
        "regions.si1_bulk=[bottom+3, bottom+8]",
    ]
    return config.load(CONFIG, SCHEMA, [f"frames.file={trajectory}", *few, *overrides])


def choose(trajectory: Path, *overrides: str):
    chosen = settings(trajectory, *overrides)
    found = sites.choose(frames.find(chosen.frames), chosen, ("Li", "Si"), lambda text: None)
    assert not found.unusable
    return found.choices, found.blocks


def test_sites_are_in_their_regions(trajectory: Path) -> None:
    choices, blocks = choose(trajectory)
    assert [one.frame for one in choices[::4]] == [0, 4, 8] and len(choices) == 12
    assert len(blocks) == 3 and all(block.profile.frames == 3 for block in blocks)
    first = slabs.slab(0)
    bottom = first.positions[first.numbers == 14, 2].min()
    for one in choices[:4]:
        z = first.positions[one.sites, 2] - bottom
        np.testing.assert_allclose(one.places, z, rtol=0, atol=1e-5)
        assert (first.numbers[one.sites] == 14).all() and one.time == 0.0
        at = one.interfaces
        ranges = {
            "si1_bulk": (3, 8),
            "si2_bulk": (at.left - 12, at.left - 4.5),
            "interface": (at.left - 2.5, at.left + 3),
            "alloy": (at.right - 15, at.right - 5),
        }
        low, high = ranges[one.region]
        assert ((z >= low - 1e-5) & (z < high + 1e-5)).all()
        assert 18.0 < at.left < at.right < 25.0


def test_frames_outside_what_the_potential_was_trained_on_are_told(trajectory: Path) -> None:
    chosen = settings(trajectory)
    source, silent = frames.find(chosen.frames), lambda text: None
    known = TrainedRange(("Li", "Si"), "tests", 1, 6.0, np.array([[0.5, 0.5], [0.5, 2.6]]))
    with pytest.warns(
        InputNotice, match=r"^frame 0: Si \d+ and Si \d+ are .* Å apart, Si-Si was trained down to 2.60 Å = outside"
    ):
        sites.choose(source, chosen, ("Li", "Si"), silent, trained=known)


def test_drift_and_wrapping_do_not_move_the_interface(trajectory: Path) -> None:
    _, blocks = choose(trajectory)
    assert np.ptp([block.interfaces.left for block in blocks]) < 1.0
    for block in blocks:
        wide, usual, narrow = (block.sensitivity[pair] for pair in ((0.02, 0.98), (0.05, 0.95), (0.10, 0.90)))
        assert usual == block.interfaces, "those of the config"
        assert wide.left < usual.left < narrow.left < narrow.right < usual.right < wide.right


def test_the_choice_is_seeded(trajectory: Path) -> None:
    first, again, other = (choose(trajectory, f"sites.seed={seed}")[0] for seed in (1, 1, 2))
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.sites, same.sites)
    assert any((one.sites != two.sites).any() for one, two in zip(first, other, strict=True))
    alone = choose(trajectory, "regions.si2_bulk=null", "frames.to_ps=0.0", "profile.frames=1")[0]
    assert [one.region for one in alone] == ["si1_bulk", "interface", "alloy"]


def test_regions_with_too_few_atoms_are_flagged(trajectory: Path) -> None:
    choices, _ = choose(trajectory, "sites.per_region=60", "regions.alloy=[right+5, right+6]")
    flags = {one.region: (one.with_replacement, len(one.sites), one.available) for one in choices[:4]}
    assert flags["interface"][0] and flags["interface"][1] == 60 and 0 < flags["interface"][2] < 60
    assert not flags["alloy"][0] and flags["alloy"][1:] == (0, 0)
    plenty = choose(trajectory, "sites.per_region=5")[0][0]
    assert not plenty.with_replacement and len(np.unique(plenty.sites)) == 5


def test_frames_of_a_window(trajectory: Path) -> None:
    found = frames.find(FramesSection(file=trajectory))
    np.testing.assert_allclose(found.times, np.arange(9) * 0.01)
    assert found.window(0.02, 0.05).tolist() == [2, 3, 4, 5]
    assert frames.spaced(np.arange(100), 5).tolist() == [0, 25, 50, 74, 99]
    assert frames.spaced(np.arange(3), 5).tolist() == [0, 1, 2]
    with pytest.raises(
        ConfigError, match=r"frames.from_ps, to_ps = 1 to 2 ps: must hold frames of run.h5md, which has 0 to 0.08 ps"
    ):
        found.window(1.0, 2.0)


def test_structure_files_are_frames(tmp_path: Path, trajectory: Path) -> None:
    paths = [tmp_path / f"frame{k}.extxyz" for k in range(2)]
    for k, path in enumerate(paths):
        ase_write(path, slabs.slab(k))
    choices, blocks = choose(trajectory, f"frames.file=[{paths[0]}, {paths[1]}]")
    assert len(blocks) == 2 and len(choices) == 8 and np.isnan(choices[0].time)
    with pytest.raises(ConfigError, match="structure files have no time"):
        frames.find(FramesSection(file=paths)).window(0.0, None)
    with pytest.raises(ConfigError, match="run.h5md among 2 files: must be one trajectory of hpcpot, or files of"):
        frames.find(FramesSection(file=[trajectory, paths[0]]))


def test_frames_of_no_use_are_told_apart(tmp_path: Path, trajectory: Path) -> None:
    """Bad structures, and one without an interface, leave the others as they are."""
    solid, nan, near, other = (slabs.slab() for _ in range(4))
    solid.set_cell([10.8, 10.8, 42.0])
    nan.positions[3, 2] = np.nan
    near.positions[5] = near.positions[4] + 0.1
    other.symbols[7] = "Ge"
    pure = slabs.slab()[:128]
    paths = [tmp_path / f"{name}.extxyz" for name in ("good", "solid", "nan", "near", "other", "pure")]
    for path, atoms in zip(paths, (slabs.slab(), solid, nan, near, other, pure), strict=True):
        ase_write(path, atoms)
    (tmp_path / "cut.cif").write_text("data_x\n_cell_length_a 1\nloop_\n")
    paths.append(tmp_path / "cut.cif")
    chosen, said = settings(trajectory, f"frames.file=[{', '.join(map(str, paths))}]", "frames.count=7"), []
    found = sites.choose(frames.find(chosen.frames), chosen, ("Li", "Si"), said.append)
    assert {one.frame for one in found.choices} == {0} and len(found.choices) == 4 and len(found.blocks) == 1
    reasons = {
        1: "widest gap along c",
        2: "positions of atom 3",
        3: "must be at least 0.5 Å",
        4: "atom 7 = Ge",
        5: "concentration = 0 to 0",
        6: "cut.cif = no structure",
    }
    assert found.unusable.keys() == reasons.keys()
    for k, reason in reasons.items():
        assert reason in str(found.unusable[k])
    assert said[-4].startswith("solid.extxyz is left out: widest gap") and said[-1] == "3 more are left out"
    chosen = config.change(chosen, frames={"file": paths[2:5]})
    with pytest.raises(StructureError, match="positions of atom 3"):
        sites.choose(frames.find(chosen.frames), chosen, ("Li", "Si"), said.append)


def test_a_bad_frame_of_a_trajectory_is_left_out_of_its_profile(tmp_path: Path) -> None:
    moving = slabs.drifting(5)
    moving[2].positions[9] = np.nan
    path, said = slabs.write(tmp_path / "bad.h5md", moving), []
    chosen = settings(path, "profile.frames=5")
    found = sites.choose(frames.find(chosen.frames), chosen, ("Li", "Si"), said.append)
    assert list(found.unusable) == [2] and sorted({one.frame for one in found.choices}) == [0, 4]
    assert found.blocks[0].profile.frames == 4 and said[-1].startswith(f"frame 2 is left out: {path} = cannot read")
    assert "numbers that are not finite, of /particles/trajectory/position/value" in said[-1]
    chosen = config.change(chosen, frames={"count": 2})
    unseen = sites.choose(frames.find(chosen.frames), chosen, ("Li", "Si"), said.append)
    assert list(unseen.left_out) == [2] and not unseen.unusable


def test_a_signal_ends_the_survey(trajectory: Path) -> None:
    chosen, asked = settings(trajectory), []
    with pytest.raises(Stopped):
        sites.choose(
            frames.find(FramesSection(file=trajectory)),
            chosen,
            ("Li", "Si"),
            print,
            lambda: asked.append(1) or len(asked) > 2,
        )
    assert len(asked) == 3, "asked before each frame"


def test_a_file_that_is_no_trajectory(tmp_path: Path) -> None:
    (tmp_path / "bad.h5md").write_bytes(b"nothing")
    with pytest.raises(OutputError, match="bad.h5md"):
        frames.find(FramesSection(file=tmp_path / "bad.h5md"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("regions.interface=[middle, left]", r"= \['middle', 'left'\] .* must be bottom, left, right, plus or minus Å"),
        ("profile.thresholds=[0.9, 0.1]", "must be \\[low, high\\] with 0 < low < high < 1"),
        ("profile.inserted=Si", "must not be profile.host"),
        ("bootstrap.fraction=1.5", "bootstrap.fraction = 1.5 .* must be < 1; typical 0.5"),
        ("removal.relaxed=maybe", "must be none | near | all"),
    ],
)
def test_bad_settings(trajectory: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settings(trajectory, override)
