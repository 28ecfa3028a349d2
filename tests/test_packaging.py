"""The project's face: one fact, said in two files, is the same in both; what a user copies from the README runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "playwright": "playwright-python"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"]
    return [Requirement(r) for r in (*PROJECT["dependencies"], *extras["book"], *extras["test"])]


def constraints() -> dict[str, str]:
    lines = [line.split("#")[0].strip() for line in read("constraints.txt").splitlines()]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines if line)}


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


@pytest.mark.parametrize("requirement", requirements(), ids=lambda r: r.name)
def test_constraint_meets_the_bounds(requirement):
    version = constraints()[canonicalize_name(requirement.name)]
    assert version in requirement.specifier


def test_constraints_name_no_host_and_no_local_version():
    assert not re.search(r"://|--|\+", read("constraints.txt"))


def test_conda_environment_has_the_same_names_and_bounds():
    entries = yaml.safe_load(read("environment.yml"))["dependencies"]
    from_pip = next(e["pip"] for e in entries if isinstance(e, dict))
    conda = [e for e in entries if isinstance(e, str) and e != "pip"]
    python, *conda = [Requirement(e) for e in conda]
    assert (python.name, str(python.specifier)) == ("python", PROJECT["requires-python"])
    found = {r.name: r.specifier for r in [*conda, *map(Requirement, from_pip)]}
    assert found == {CONDA_NAMES.get(r.name, r.name): r.specifier for r in requirements()}


def test_citation_names_the_version_the_licence_and_the_paper():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert read("LICENSE").startswith("MIT License")
    assert any(r.get("doi") == "10.1016/j.jcp.2023.111911" for r in citation["references"])


def test_codemeta_says_the_same_as_the_package():
    said = json.loads(read("codemeta.json"))
    assert said["name"] == PROJECT["name"]
    assert said["version"] == PROJECT["version"]
    assert said["license"].endswith(f"/{PROJECT['license']}")
    assert PROJECT["requires-python"] == f">={said['programmingLanguage']['version']}"
    assert said["referencePublication"]["identifier"].endswith("10.1016/j.jcp.2023.111911")


def test_the_workflow_calls_the_script_of_ci_on_every_supported_python():
    jobs = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]
    assert "bash .ci/run" in [step.get("run") for step in jobs["everything"]["steps"]]
    pythons = jobs["everything"]["strategy"]["matrix"]["python"]
    assert f">={pythons[0]}" == PROJECT["requires-python"]
    assert "make book" in [step.get("run") for step in jobs["publish"]["steps"]], "the full edition"
    assert jobs["publish"]["if"] == "startsWith(github.ref, 'refs/tags/v')"


def test_changelog_has_the_version():
    assert f"## [{PROJECT['version']}]" in read("CHANGELOG.md")


def test_the_wheel_ships_what_is_no_python_source_too():
    settings = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]
    shipped = set()
    for package, patterns in settings["package-data"].items():
        folder = ROOT / settings["package-dir"].get(package, package.replace(".", "/"))
        for pattern in patterns:
            shipped |= (found := {path.relative_to(ROOT).as_posix() for path in folder.glob(pattern)})
            assert found, f"{package}: {pattern}"
    other = {n for n in tracked() if n.startswith(("locsym/", "book/companion/", "book/chapters/")) and n[-3:] != ".py"}
    assert other == shipped
    assert "locsym/py.typed" in shipped, "the types of the package are for its users too"


def test_readme_code_runs():
    code = re.search(r"```python\n(.*?)```", read("README.md"), re.DOTALL).group(1)
    names: dict = {}
    exec(code.replace("iterations=100", "iterations=3"), names)
    assert names["future"].shape == (1001, 3)
    assert names["net"](names["before"], 0.1).allclose(names["y"][0], atol=1e-12)


def test_readme_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)]+)\)", read("README.md"))
    assert [t for t in targets if not t.startswith("https://") and not (ROOT / t).exists()] == []


@pytest.mark.parametrize("name", [".ci/run", ".binder/postBuild"])
def test_script_is_executable_bash_that_stops_at_errors(name):
    assert os.access(ROOT / name, os.X_OK)
    assert read(name).startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in read(name)


def test_pre_commit_fetches_nothing():
    repos = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert [r["repo"] for r in repos] == ["local"]
    assert {hook["language"] for r in repos for hook in r["hooks"]} <= {"system", "fail"}


def test_nothing_generated_is_committed():
    made = re.compile(r"\.(ipynb|pyc|so|egg-info)$|^(_build|runs|book/notebooks)/")
    assert [name for name in tracked() if made.search(name)] == []


def test_no_path_of_a_machine_is_committed():
    path = re.compile(r"(?<![\w.])/(?:home|root|Users|work|tmp)/\w")
    texts = [name for name in tracked() if not name.endswith((".png", ".safetensors"))]
    assert [name for name in texts if (ROOT / name).is_file() and path.search(read(name))] == []
