import gzip
import random
import time
from pathlib import Path

import pytest
from repository import CONFIGS

from hpcpot import config
from hpcpot.config import yaml_text
from hpcpot.dynamics.settings import SCHEMA, MDSettings, wanted_device
from hpcpot.errors import ConfigError

GOOD = """
structure: {file: start.extxyz}
potential: {file: model.h5}
md: {integrator: nvt_langevin, steps: 1e7, timestep_fs: 5e-1, temperature_K: 300}
output: {trajectory: out.h5}
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("start.extxyz", "model.h5", "other.h5"):
        (tmp_path / name).touch()
    return tmp_path


def load(folder: Path, text: str = GOOD, overrides: list[str] = ()) -> MDSettings:
    path = folder / "interface.yaml"
    path.write_text(text)
    return config.load(path, SCHEMA, overrides)


def test_a_packed_config_and_one_of_windows(folder):
    (folder / "a.yaml.gz").write_bytes(gzip.compress(GOOD.encode()))
    (folder / "b.yaml").write_text(GOOD, encoding="utf-16")
    assert [config.load(folder / name, SCHEMA).md.steps for name in ("a.yaml.gz", "b.yaml")] == [10_000_000] * 2
    (folder / "a.yaml.gz").write_bytes(gzip.compress(GOOD.encode())[:40])
    with pytest.raises(ConfigError, match="a.yaml.gz: cannot be read .packed, and not whole."):
        config.load(folder / "a.yaml.gz", SCHEMA)


def test_values_and_defaults(folder):
    settings = load(folder)
    assert settings.md.steps == 10_000_000 and isinstance(settings.md.steps, int)
    assert settings.md.timestep_fs == 0.5
    assert settings.md.temperature_end_K == 300
    assert settings.neighbors.skin_A == 1.0
    assert settings.structure.file == folder / "start.extxyz"
    assert settings.output.checkpoint == Path("out.checkpoint.h5")
    assert settings.frozen.region_A is None
    assert wanted_device(settings) == "auto"


def test_dump_is_read_back_the_same(folder):
    settings = load(
        folder,
        overrides=[
            "frozen.region_A=[null, [1, null], [0, 2.5e-7]]",
            "frozen.elements=[No, Y]",
            "output.trajectory='1e3'",
        ],
    )
    assert settings.frozen.elements == ["No", "Y"]
    again = load(folder, config.dump(settings))
    assert again == settings


def test_overrides_win_and_repeat(folder):
    settings = load(
        folder, overrides=["md.timestep_fs=2", "md.timestep_fs=0.25", "parallel.grid=[1, 1, 4]", "device=cpu"]
    )
    assert settings.md.timestep_fs == 0.25
    assert settings.parallel.grid == [1, 1, 4]
    assert wanted_device(settings) == "cpu"


@pytest.mark.parametrize(
    ("text", "value"),
    [("1000", 1000), ("1e3", 1000), ("1E+3", 1000), ("1.0e3", 1000), ("10_000", 10000), ("+5", 5), ("0", 0)],
)
def test_whole_numbers(folder, text, value):
    assert load(folder, overrides=[f"md.steps={text}"]).md.steps == value


@pytest.mark.parametrize(("text", "value"), [("1e-3", 1e-3), (".5", 0.5), ("1.", 1.0), ("2", 2.0), ("1_0.5", 10.5)])
def test_numbers(folder, text, value):
    assert load(folder, overrides=[f"md.timestep_fs={text}"]).md.timestep_fs == value


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("md.timestep_fs=-1", r"md\.timestep_fs = -1 \(--set\): must be > 0; typical 0\.5 to 2\."),
        ("md.timestep_fs=0", r"must be > 0"),
        ("md.timestep_fs='0.5'", r"md\.timestep_fs = 0\.5 \(--set\): must be a number, not text"),
        ("md.timestep_fs=true", r"must be a number"),
        ("md.timestep_fs=.nan", r"must be finite"),
        ("md.timestep_fs=-.inf", r"must be finite"),
        ("md.timestep_fs=1e400", r"must be finite"),
        ("md.timestep_fs=null", r"md\.timestep_fs = null \(--set\): must be a number > 0"),
        ("md.timestep_fs=1:30", r"must be a number, not text"),
        ("md.steps=1.5", r"must be a whole number"),
        ("md.steps=-1", r"must be >= 0"),
        ("md.steps=" + "9" * 30, r"must be below 2\^63"),
        ("md.steps=" + "9" * 5000, r"must be a whole number"),
        ("md.steps=2026-01-01", r"must be a number, not text"),
        ("md.seed=true", r"md\.seed = true \(--set\): must be a whole number"),
        ("md.remove_drift=yes", r"md\.remove_drift = yes \(--set\): must be true or false"),
        ("md.remove_drift=1", r"must be true or false"),
        ("md.integrator=nvt", r"must be nve \| nvt_nose_hoover \| nvt_langevin"),
        ("md.integrator=[]", r"must be nve"),
        (
            "md.temperature_K=null",
            r"md\.temperature_K = null \(--set\): is required for nvt_langevin; give a temperature",
        ),
        ("md.temperature_K=30000", r"must be below md\.maximum_temperature_K \(20000\)"),
        ("md.thermostat_time_fs=0.1", r"must be >= md\.timestep_fs \(0\.5\)"),
        ("structure.elements=[]", r"must be a list of elements"),
        ("structure.elements=[li]", r"must be a list of elements.*symbol of an element"),
        (
            "structure.file=nowhere.xyz",
            r"structure\.file = nowhere\.xyz \(--set\): must be a file: none beside the config",
        ),
        ("structure.file=" + "x" * 5000, r"must be a file that can be read"),
        ("structure.file=.", r"structure\.file = \. \(--set\): must be a file, and is a folder"),
        ("structure.file=[start.extxyz]", r"must be the path of a file"),
        ("potential.file=[]", r"must be a list of files"),
        ("parallel.grid=[1, 2]", r"parallel\.grid = \[1, 2\] \(--set\): must be \[nx, ny, nz\]"),
        ("parallel.grid=[1, 0, 2]", r"each entry must be >= 1"),
        ("parallel.grid=4", r"must be auto or \[nx, ny, nz\]"),
        ("frozen.region_A=[1, 2]", r"must be \[\[xlo, xhi\]"),
        ("frozen.region_A=[[2, 1], null, null]", r"must have low < high"),
        ("output.trajectory=.", r"must be the path of a file, not of a folder"),
        ("output.trajectory=" + "a" * 5000, r"must be a path that the system takes .File name too long"),
        ("output.trajectory=", None),
        ("output.checkpoint=out.h5", r"output\.checkpoint = out\.h5 \(--set\): must not be the trajectory"),
        ("output.observed=out.h5", r"output\.observed = out\.h5 \(--set\): must not be the trajectory"),
        ("device=tpu", r"must be cpu \| gpu \| auto"),
        ("md.timestep=1", r"md\.timestep = 1 \(--set\): unknown key; did you mean md\.timestep_fs\?"),
        ("timestep_fs=1", r"unknown key; did you mean md\.timestep_fs\?"),
        ("zzz.qqq=1", r"unknown key; known are structure, potential, md"),
        ("md.xyzzyq=1", r"unknown key; known are md\.integrator, md\.steps"),
        ("md={}", r"md = \{\} \(--set\): is a section; set one of its keys, md\.integrator"),
        ("md.steps", r"--set = md\.steps: must be KEY=VALUE"),
        ("md.steps=[", r"md\.steps = \[ \(--set\): not YAML"),
    ],
)
def test_wrong_values(folder, override, message):
    overrides = [override] if message else [override, "output.checkpoint_every=10"]
    with pytest.raises(ConfigError, match=message or r"output\.checkpoint = null .*: is required without a trajectory"):
        load(folder, overrides=overrides)


def test_nose_hoover_needs_a_temperature_above_zero(folder):
    with pytest.raises(ConfigError, match=r"md\.temperature_K = 0 .*must be > 0 for nvt_nose_hoover; use nvt_langevin"):
        load(folder, overrides=["md.integrator=nvt_nose_hoover", "md.temperature_K=0"])


def test_ramp_without_thermostat(folder):
    with pytest.raises(ConfigError, match=r"md\.temperature_end_K = 500 .*nve has no thermostat to ramp"):
        load(folder, overrides=["md.integrator=nve", "md.temperature_end_K=500"])


@pytest.mark.parametrize("name", ["output.trajectory", "output.checkpoint", "output.observed"])
def test_an_input_is_never_overwritten(folder, name, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigError, match=f"{name} = model.h5 .*: would overwrite an input"):
        load(folder, overrides=[f"{name}=model.h5"])


def test_every_problem_is_told_at_once(folder):
    text = GOOD.replace("timestep_fs: 5e-1", "timestep_fs: -1, timestep: 1, seed: 1, seed: 2").replace(
        "file: model.h5", ""
    )
    with pytest.raises(ConfigError) as caught:
        load(folder, text + "outptu: {a: 1}\nfrozen: 5\n", ["parallel.hdf5=serial"])
    lines = str(caught.value).splitlines()
    assert lines == [
        "seed (line 4 of interface.yaml): appears twice; keep one.",
        "md.timestep = 1 (interface.yaml): unknown key; did you mean md.timestep_fs?",
        "outptu = {'a': 1} (interface.yaml): unknown key; did you mean output?",
        "frozen = 5 (interface.yaml): is a section; give its keys, frozen.elements, frozen.ids, frozen.region_A.",
        "potential.file = missing (interface.yaml): is required, "
        "the path of a file or a list of files, one per element.",
        "md.timestep_fs = -1 (interface.yaml): must be > 0; typical 0.5 to 2.",
        "parallel.hdf5 = serial (--set): must be auto | parallel | rank0.",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; must hold keys and values"),
        (b"# nothing\n", "is empty"),
        (b"- 1\n- 2\n", r"holds \[1, 2\]; must hold keys and values"),
        (b"just words", "holds just words"),
        (b"md: {steps: [}", r"not YAML, line 1 \("),
        (b"md:\n  a: 1\n b: 2\n", "not YAML, line 3"),
        (b"a: 1\n---\nb: 2\n", "not YAML"),
        (b"md: !!python/object/apply:os.system [ls]", "not YAML, line 1 .*could not determine a constructor"),
        (b"\x89HDF\r\n\x1a\n\xff\xfe", "is not text but a binary file"),
        (b"md: \x01", "not YAML"),
        (b"md: " + b"[" * 5000, "nested too deeply"),
        (b"&a [*a]", "line 1 .an alias inside of what it names"),
        (
            b"a: &x0 [1]\n" + b"".join(b"a%d: &x%d [%s]\n" % (k, k, b"*x%d, " % (k - 1) * 10) for k in range(1, 30)),
            "aliases stand",
        ),
        (b"[1]: 2", "not YAML"),
    ],
)
def test_wrong_files(tmp_path, content, message):
    path = tmp_path / "interface.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        config.load(path, SCHEMA)
    assert str(path) in str(caught.value)


def test_unreadable_files(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read \(No such file or directory\)"):
        config.load(tmp_path / "absent.yaml", SCHEMA)
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)"):
        config.load(tmp_path, SCHEMA)


def test_input_is_sought_beside_the_config_then_here(folder, tmp_path_factory, monkeypatch):
    here = tmp_path_factory.mktemp("here")
    (here / "other.h5").write_text("here")
    (here / "only_here.h5").touch()
    monkeypatch.chdir(here)
    settings = load(folder, overrides=["potential.file=[other.h5, only_here.h5]"])
    assert settings.potential.file == [folder / "other.h5", here / "only_here.h5"]


def test_shipped_files_are_found_by_name(folder, tmp_path, monkeypatch):
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "lisi.h5").touch()
    (shipped / "README.md").touch()
    monkeypatch.setattr("hpcpot.data.FOLDER", shipped)
    assert load(folder, overrides=["potential.file=lisi"]).potential.file == shipped / "lisi.h5"
    assert load(folder, overrides=["potential.file=lisi.h5"]).potential.file == shipped / "lisi.h5"
    with pytest.raises(
        ConfigError,
        match=r"potential\.file = lisii .*: must be a file.*not one of the shipped lisi; did you mean lisi\?$",
    ):
        load(folder, overrides=["potential.file=lisii"])


def test_reference_names_every_key():
    text = config.reference(SCHEMA)
    assert all(name in text for name in SCHEMA.keys)
    assert "md.timestep_fs (a number > 0; required)" in text


def test_damaged_configs_never_end_in_another_error(folder):
    """Random edits of a right config are read or answered with a ConfigError."""
    generator = random.Random(7)
    alphabet = "{}[]:,-#&*!|>'\"%@`~ \n\tae0.1\\\0é"
    for _ in range(1500):
        letters = list(GOOD)
        for _ in range(generator.randint(1, 6)):
            place = generator.randrange(len(letters))
            letters[place : place + generator.randint(0, 3)] = generator.choice(alphabet)
        try:
            load(folder, "".join(letters))
        except ConfigError as error:
            assert str(error)


def test_shipped_configs_are_right():
    found = [path for path in (CONFIGS).glob("*.yaml") if path.name.startswith(("interface_", "fracture_"))]
    assert len(found) >= 8
    for path in found:  # structures that `hpcpot build` makes are not there yet
        config.load(path, SCHEMA, ["structure.file=interface_si100"])


def test_fracture_pulls_as_published():
    found = [path for path in (CONFIGS).glob("fracture_*.yaml") if "melt" not in path.name]
    assert len(found) == 8
    for path in found:
        compresses = "compress" in path.name
        stages = config.load(path, SCHEMA, ["structure.file=interface_si100"]).stages
        assert list(stages) == ["minimise", "equilibrate", "compress" if compresses else "pull"]
        minimise, equilibrate, pull = stages.values()
        assert [minimise.integrator, equilibrate.integrator] == ["cg", "nvt_nose_hoover"]
        assert (minimise.energy_tolerance, minimise.force_tolerance_eV_A) == (1e-7, 1e-7)
        assert equilibrate.steps * equilibrate.timestep_fs == 20e3
        assert pull.steps * pull.timestep_fs == 50e3 and pull.drag == 1
        assert pull.strain_rate_per_ps == (-0.01 if compresses else 0.01)
        assert (pull.deform == "grips") == ("particle" in path.name)
        if pull.deform == "cell":
            assert (pull.deform_axis, pull.barostat_axes, pull.barostat_time_fs) == ("y", ["x", "z"], 1000)


def test_the_interface_is_the_published_run():
    settings = config.load(CONFIGS / "interface_si100.yaml", SCHEMA)
    md = settings.md
    assert md.steps * md.timestep_fs == 5e6  # 5 ns
    assert settings.output.position_every * md.timestep_fs == 1e3  # 1 ps
    assert (md.temperature_K, md.temperature_end_K, md.integrator) == (500, 500, "nvt_nose_hoover")


def test_a_mark_of_the_encoding_is_no_part_of_a_config(folder):
    assert load(folder, "\ufeff" + GOOD).md.steps == 10_000_000


def test_very_many_problems_are_counted(folder):
    with pytest.raises(ConfigError) as refusal:
        load(folder, GOOD + "\n".join(f"unknown{k}: 1" for k in range(40)))
    lines = str(refusal.value).splitlines()
    assert 5 < len(lines) <= 16 and lines[0].startswith("unknown0 = ") and len(str(refusal.value)) < 1700
    assert lines[-1] == f"config = {41 - len(lines)} more problems: see those above; correct them first."


def test_very_long_problems_are_counted_too(folder):
    with pytest.raises(ConfigError) as refusal:
        load(folder, GOOD + "\n".join(f"{'x' * 900}{k}: 1" for k in range(9)))
    assert len(str(refusal.value)) < 1700 and str(refusal.value).endswith("see those above; correct them first.")


@pytest.mark.parametrize("bracket", ["[", "{a: ", "[{"])
def test_brackets_in_brackets_take_no_time(bracket):
    """PyYAML alone takes seconds for a thousand of them."""
    begun = time.process_time()
    with pytest.raises(ValueError, match="nested too deeply"):
        yaml_text.parse("md: " + bracket * 3000)
    assert time.process_time() - begun < 1.0
    depth = yaml_text.DEEPEST
    assert yaml_text.parse("[" * depth + "]" * depth)[0] is not None


def test_stored_settings_need_no_inputs(folder):
    """Those of an output, which may have been moved away from what its run read."""
    text = config.dump(load(folder))
    for name in ("start.extxyz", "model.h5"):
        (folder / name).unlink()
    restored = config.stored(text, Path("out.h5"), SCHEMA)
    assert config.dump(restored) == text and restored.md.steps == 10**7
    for wrong in ("no tree", "a: [", "5"):
        with pytest.raises(ConfigError, match=r"out\.h5 = holds no config of its run"):
            config.stored(wrong, Path("out.h5"), SCHEMA)
