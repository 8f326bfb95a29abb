"""Sections as classes: declared, built, changed, and converted back."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, replace
from pathlib import Path

import pytest

from hpcpot import config
from hpcpot.config import Schema, change, key, keys_in, kinds, stages_of, tree_of
from hpcpot.config.kinds import boolean, choice, integer, list_of, number, output_path
from hpcpot.config.schema import config_name
from hpcpot.errors import ConfigError
from hpcpot.notices import InputNotice


@dataclass(frozen=True, kw_only=True)
class Pan:
    """The pan."""

    class_: str = key(choice("iron", "steel"), "material of the pan", "iron")
    sizes: list[int] = key(list_of(integer(1), "a list"), "sizes in stock", [20, 24])
    report: Path | None = key(output_path(), "file to write", None)


@dataclass(frozen=True, kw_only=True)
class Fry:
    """One frying."""

    minutes: float = key(number(above=0), "time in the pan")
    heat: int = key(integer(1), "setting of the stove", 3)


@dataclass(frozen=True, kw_only=True)
class Kitchen:
    """The config."""

    pan: Pan = Pan()
    fry: Fry | None
    lid: bool = key(boolean(), "whether there is one", False)
    stages: dict[str, Fry] = stages_of("fry")


def complete(settings: Kitchen) -> Kitchen:
    return change(settings, pan={"report": settings.pan.report or Path(f"{settings.pan.class_}.txt")})


def check(settings: Kitchen):
    if settings.pan.class_ == "iron" and settings.lid:
        yield "lid", "needs another pan"


SCHEMA = Schema(Kitchen, check, complete)


def load(tree: dict, *overrides: str) -> Kitchen:
    return config.load_tree(tree, Path("kitchen.yaml"), SCHEMA, overrides)


def test_keys_and_sections_follow_the_classes():
    assert list(SCHEMA.sections.items()) == [("pan", Pan), ("fry", Fry)] and SCHEMA.staged == "fry"
    assert list(SCHEMA.keys) == ["pan.class", "pan.sizes", "pan.report", "fry.minutes", "fry.heat", "lid"]
    assert list(keys_in(Fry)) == ["minutes", "heat"]
    assert list(SCHEMA.stage_keys("first")) == ["stages.first.minutes", "stages.first.heat"]


def test_a_name_that_python_reserves_ends_in_an_underscore():
    assert config_name("class_") == "class" and config_name("sizes") == "sizes"
    settings = load({"fry": {"minutes": 3}}, "pan.class=steel")
    assert settings.pan.class_ == "steel" and tree_of(settings)["pan"]["class"] == "steel"


def test_settings_are_frozen_and_lists_not_shared():
    settings = load({"fry": {"minutes": 3}})
    for owner, name in ((settings, "lid"), (settings.pan, "report")):
        with pytest.raises(FrozenInstanceError):
            setattr(owner, name, None)
    settings.pan.sizes.append(28)
    assert load({"fry": {"minutes": 3}}).pan.sizes == Pan().sizes == [20, 24]


def test_defaults_that_follow_are_filled_in_before_the_checks():
    given = replace(load({"fry": {"minutes": 3}}), pan=Pan())
    assert complete(given).pan.report == Path("iron.txt") and given.pan.report is None
    assert load({"fry": {"minutes": 3}}).pan.report == Path("iron.txt")
    with pytest.raises(ConfigError, match=r"^lid = true \(kitchen.yaml\): needs another pan.$"):
        load({"fry": {"minutes": 3}, "lid": True})


def test_stages_are_instances_of_the_section():
    settings = load({"fry": {"heat": 5}, "stages": {"front": {"minutes": 2}, "back": {"minutes": 1, "heat": 1}}})
    assert settings.fry is None
    assert settings.stages == {"front": Fry(minutes=2.0, heat=5), "back": Fry(minutes=1.0, heat=1)}
    assert load(tree_of(settings) | {"pan": {}}) == settings
    plain = load({"fry": {"minutes": 3}})
    assert plain.stages == {} and "stages" not in tree_of(plain)


def test_a_common_value_that_no_stage_uses_is_told(recwarn):
    stages = {"front": {"minutes": 2}, "back": {"minutes": 1, "heat": 1}}
    assert load({"stages": stages}, "fry.heat=5").stages["front"].heat == 5
    assert not recwarn.list
    told = r"^fry.minutes = 9 \({}\) = not used: every stage sets its own; set stages.NAME.minutes$"
    with pytest.warns(InputNotice, match=told.format("--set")):
        assert load({"stages": stages}, "fry.minutes=9").stages["back"].minutes == 1.0
    with pytest.warns(InputNotice, match=told.format("kitchen.yaml")):
        load({"fry": {"minutes": 9}, "stages": stages})


def test_change_copies():
    before = load({"fry": {"minutes": 3}})
    after = change(before, fry={"minutes": 4.0}, lid=True, stages={"again": before.fry})
    assert (after.fry, after.lid, after.stages) == (Fry(minutes=4.0), True, {"again": before.fry})
    assert before.fry.minutes == 3.0 and not before.lid


@pytest.mark.parametrize(
    ("value", "numbers"), ((4, [4]), ("1-4", [1, 2, 3, 4]), (" 3 - 3 ", [3]), ([8, 2, 2], [2, 8]), (1e1, [10]))
)
def test_whole_numbers(value, numbers):
    assert kinds.whole_numbers("numbers").parse(value) == numbers


@pytest.mark.parametrize("value", (0, "0-3", "4-2", "1-99999", "1-2-3", "a", "", [], [1, 0], ["1-2"], 1.5, True, {}))
def test_what_whole_numbers_are_not(value):
    with pytest.raises(ValueError, match="must be"):
        kinds.whole_numbers("numbers").parse(value)


def test_a_range_of_too_many_numbers():
    assert len(kinds.whole_numbers("numbers").parse("5-10004")) == 10_000
    with pytest.raises(ValueError, match="10000 numbers at most"):
        kinds.whole_numbers("numbers").parse("5-10005")


def test_mappings():
    kind = kinds.mapping_of(kinds.element(), kinds.number(above=0), "volumes by element")
    assert kind.parse({"Li": 15}) == {"Li": 15.0}
    for wrong in ({}, [], None, {"Li": 0}, {1: 2}, {"lithium": 1}):
        with pytest.raises(ValueError, match="must be volumes by element"):
            kind.parse(wrong)
    lower = kinds.Kind("a text", str.lower, kinds.TEXT)
    with pytest.raises(ValueError, match="must name li only once"):
        kinds.mapping_of(lower, kinds.number(), "volumes").parse({"Li": 1, "li": 2})
