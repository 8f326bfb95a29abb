"""The schemas of configs: as committed, right for the examples, and neither laxer nor stricter than can be said."""

import difflib
import json
import re
import subprocess

import pytest
import runs
from jsonschema import Draft202012Validator
from repository import CONFIGS

from hpcpot.cli import main
from hpcpot.commands import COMMANDS, schema_of
from hpcpot.config import REQUIRED, json_schema, yaml_text

NAMES = [name for name, row in COMMANDS.items() if row.settings and row.settings.startswith("hpcpot.")]
EXAMPLES = sorted(CONFIGS.rglob("*.yaml"))
FIRST_LINE = re.compile(r"# yaml-language-server: \$schema=(\S+)\n")
MD = """
structure: {file: start.extxyz}
potential: {file: model.h5}
md: {integrator: nvt_langevin, steps: 1e7, timestep_fs: 5e-1, temperature_K: 300}
output: {trajectory: out.h5}
"""
STAGED = """
structure: {file: start.extxyz}
potential: {file: [Li.nn, Si.nn]}
md: {timestep_fs: 1}
stages:
  minimise: {integrator: cg, steps: 10}
  pull: {integrator: npt_nose_hoover, steps: 50, barostat_axes: [x, z]}
output: {trajectory: null}
"""
SAMPLES = """
[null, true, false, 0, 1, -1, 2, 16, 0.5, 1.0, 1e300, x, cpu, auto, "auto:1.2", "max:64", "", centroid, Si, si, [], [x], [x, y],
 [yz], [Si], [1, 2, 3], [0.05, 0.95], [3, 1], [1], [[1, 2], null, [null, 3]], [[Si, Si, 2.8]], [[Si, Si]], {}, {Li: -1.9},
 {a: 1}, [{name: voids}], [{name: voids, every: 10, options: {radius_A: 2.0}}], [{name: none}], "tcp://a:1", "08:00:00", local,
 left-2.5, [left-2.5, left+3], module.Name, all, [png], [curve]]
"""


def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(json_schema(schema_of(name), f"config of hpcpot {name}"))


def wrong(text: str, name: str = "md") -> list[str]:
    tree, _ = yaml_text.parse(text)
    return [f"{error.json_path}: {error.message}" for error in schema(name).iter_errors(tree)]


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_schema_is_what_the_command_prints(name):
    """In a process of its own: other tests add rows to the tables that a schema lists."""
    done = subprocess.run([*runs.HPCPOT, "schema", name], capture_output=True, text=True, check=True, timeout=60)
    path = CONFIGS / "schemas" / f"{name}.schema.json"
    committed, printed = path.read_text(encoding="utf-8").splitlines(), done.stdout.splitlines()
    difference = "\n".join(difflib.unified_diff(committed, printed, lineterm=""))
    assert not difference, f"write it anew: hpcpot schema {name} > configs/schemas/{name}.schema.json\n{difference}"
    Draft202012Validator.check_schema(json.loads(done.stdout))


def test_each_command_with_a_config_has_a_schema():
    assert {path.name.partition(".")[0] for path in (CONFIGS / "schemas").iterdir()} == set(NAMES)
    with pytest.raises(SystemExit):
        main(["schema", "doctor"])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.relative_to(CONFIGS).as_posix())
def test_examples_name_their_schema_and_are_valid(path):
    text = path.read_text(encoding="utf-8")
    named = path.parent / FIRST_LINE.match(text)[1]
    validator = Draft202012Validator(json.loads(named.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(yaml_text.parse(text)[0])] == []


@pytest.mark.parametrize("text", [MD, STAGED, MD.replace("output:", "frozen:\noutput:")])
def test_right_configs(text):
    assert wrong(text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MD + "outptu: {}", "'outptu' was unexpected"),
        (MD.replace("timestep_fs: 5e-1", "timestep: 1"), "'timestep' was unexpected"),
        (MD.replace("timestep_fs: 5e-1", "seed: 1"), "md: 'timestep_fs' is a required property"),
        (MD.replace("5e-1", "0"), "timestep_fs: 0 is less than or equal to the minimum"),
        (MD.replace("5e-1", "fast"), "timestep_fs: 'fast' is not of type 'number'"),
        (MD.replace("1e7", "1.5"), "steps: 1.5 is not of type 'integer'"),
        (MD.replace("nvt_langevin", "nvt"), "integrator: 'nvt' is not one of"),
        (MD.replace("md: {", "md: null\nmd_: {"), "md: None is not of type 'object'"),
        (MD.replace("file: model.h5", ""), "potential: 'file' is a required property"),
        (MD + "parallel: {grid: [1, 2]}", r"grid: \[1, 2\] is not valid under any"),
        (MD + "frozen: {elements: [si]}", "elements.0.: 'si' does not match"),
        (MD + "device: null", "device: None is not one of"),
        (MD + "observe: [{name: nothing}]", "observe"),
        (MD.replace("output: {trajectory: out.h5}", "output: {}"), "output: 'trajectory' is a required property"),
        (STAGED.replace("steps: 50", "seed: 1"), "is not valid under any of the given schemas"),
        (STAGED.replace("steps: 50", "steps: x"), "stages.pull.steps: 'x' is not of type"),
        (STAGED.replace("pull:", "pull.more:"), "'pull.more' does not match"),
    ],
)
def test_wrong_configs(text, message):
    assert any(re.search(message, line) for line in wrong(text)), wrong(text)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_takes_every_value_that_the_command_takes(name):
    whole = schema_of(name)
    for key, row in whole.keys.items():
        *section, last = key.split(".")
        outline = json_schema(whole, name)
        for part in section:
            inner = outline["properties"][part]
            outline = outline["$defs"][part] if "$ref" in inner else inner
        validator = Draft202012Validator(outline["properties"][last])
        for value in yaml_text.parse(SAMPLES)[0] + ([] if row.default is REQUIRED else [row.default]):
            if takes(row, value):
                assert validator.is_valid(value), f"{key} = {value}"


def takes(row, value) -> bool:
    if value is None:
        return row.allows_null
    try:
        row.kind.parse(value)
    except ValueError:
        return False
    return True
