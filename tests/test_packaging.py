"""Metadata, the description for an index of packages, and what the recipes for containers and conda install."""

import re
import runpy
import subprocess

import pytest
import setuptools
import yaml
from repository import REPOSITORY

import hpcpot

CONTAINERS = REPOSITORY / "containers"
ADDRESS = "https://example.org/hpcpot"


@pytest.fixture
def setup(monkeypatch):
    """Keywords that setup() gets, and the names that setup.py defines."""
    given = {}
    monkeypatch.setattr(setuptools, "setup", lambda **keywords: given.update(keywords))
    names = runpy.run_path(str(REPOSITORY / "setup.py"))
    return given, names


def targets(text: str) -> list[str]:
    return re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)


def test_metadata(setup):
    given, _ = setup
    assert given["version"] == hpcpot.__version__ and given["author"] and given["keywords"]
    assert "Intended Audience :: Science/Research" in given["classifiers"]
    assert not any(
        name.startswith("License ::") for name in given["classifiers"]
    )  # `license` says it; indices refuse both
    assert not (REPOSITORY / "CITATION.cff").read_text().count("repository-code") or given["url"]


def test_links_of_the_description_are_whole(setup):
    readme, described = (REPOSITORY / "README.md").read_text(encoding="utf-8"), setup[1]["description"]
    assert any(not target.startswith("http") for target in targets(readme))
    for page in (ADDRESS, ""):
        assert all(target.startswith("https://") for target in targets(described(readme, page)))
    whole = described("[a](docs/a.md#b) ![c](d.png) [e](https://f.g)", ADDRESS)
    assert whole == f"[a]({ADDRESS}/blob/main/docs/a.md#b) ![c]({ADDRESS}/raw/main/d.png) [e](https://f.g)"
    assert described("[a](docs/a.md) ![c](d.png) b", "") == "a  b"


def test_addresses(setup):
    project_urls = setup[1]["project_urls"]
    assert project_urls("") == {} and project_urls(ADDRESS)["Changes"] == f"{ADDRESS}/blob/main/CHANGELOG.md"


def test_the_changelog_begins_with_what_is_not_released_or_this_version():
    heads = re.findall(r"^## (.+)$", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heads[0] in ("Unreleased", hpcpot.__version__) and hpcpot.__version__ in heads


def test_what_images_install_is_there(setup):
    given, _ = setup
    for name in ("Dockerfile", "hpcpot.def"):
        text = (CONTAINERS / name).read_text()
        assert '/source/containers/install.sh "' in text
        for extras in re.findall(r"EXTRAS=([\w,]+)", text):
            assert set(extras.split(",")) <= set(given["extras_require"]), f"{name}: {extras}"
    script = (CONTAINERS / "install.sh").read_text()
    assert subprocess.run(["sh", "-n", str(CONTAINERS / "install.sh")], check=False).returncode == 0
    assert "openmpi-bin" in script and "python3-venv" in script
    refused = subprocess.run(["sh", str(CONTAINERS / "install.sh")], capture_output=True, text=True)
    assert refused.returncode == 2 and "extras of setup.py" in refused.stderr


def test_images_copy_what_the_build_needs():
    ignored = (CONTAINERS / "Dockerfile.dockerignore").read_text().splitlines()
    copied = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    definition = (CONTAINERS / "hpcpot.def").read_text()
    files = re.search(r"%files\n(.*?)\n\n", definition, re.DOTALL)[1].split("\n")
    assert {line.split()[0] for line in files} == copied
    assert all((REPOSITORY / path).exists() for path in copied)
    assert all(line.split()[1] == f"/source/{line.split()[0]}" for line in files)
    needed = {
        "setup.py",
        "pyproject.toml",
        "README.md",
        "CITATION.cff",
        "hpcpot",
        "configs",
        "jobs",
        ".ci/constraints.txt",
        "containers",
    }
    assert needed <= copied  # the package has links into configs and jobs


def test_the_conda_recipe_asks_for_what_setup_asks_for(setup):
    given, _ = setup
    recipe = yaml.safe_load((REPOSITORY / "conda/recipe.yaml").read_text())
    assert recipe["context"]["version"] == hpcpot.__version__
    needed = {re.sub(r"(?=>=)", " ", each) for each in given["install_requires"]}
    assert set(recipe["requirements"]["run"]) == {f"python {given['python_requires']}", *needed}
    names = {"matplotlib-base": "matplotlib", "pytorch": "torch"}
    extras = {each for several in given["extras_require"].values() for each in several}
    for each in recipe["requirements"]["run_constraints"]:
        name, version = each.split()
        assert f"{names.get(name, name)}{version}" in extras, each
    assert recipe["build"]["python"]["entry_points"] == given["entry_points"]["console_scripts"]
