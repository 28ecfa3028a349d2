"""The recipes of the page "How it is built": each is applied to a copy of the project, and its own test runs there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECIPES = {path.stem: path for path in sorted((ROOT / "book" / "recipes").glob("*.diff"))}
CHAPTER = RECIPES.pop("chapter")
NOT_NEEDED = shutil.ignore_patterns("__pycache__", "faults", "kept", "notebooks", "recipes")  # below these folders:
COPIED = ("locsym", "notebooks", "tests", "book", "pyproject.toml", "_toc.yml")


def changed(recipe: Path) -> list[str]:
    """Return the files that a recipe changes or adds."""
    lines = recipe.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("+++ b/") for line in lines if line.startswith("+++ ")]


def run(folder: Path, *command: str) -> str:
    """Run a command in a copy of the project and return what it printed; fail if it fails."""
    paths = os.pathsep.join([str(folder), str(folder / "book")])
    environment = os.environ | {"PYTHONPATH": paths, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture
def project(tmp_path) -> Path:
    """A copy of the project without what no recipe needs."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=NOT_NEEDED)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_one_file_and_its_test(name):
    source, test = changed(RECIPES[name])
    assert (source.split("/")[0], test.split("/")[0]) == ("locsym", "tests")


def test_the_recipe_of_a_chapter_is_a_notebook_its_bounds_and_its_place_in_the_book():
    assert changed(CHAPTER) == ["_toc.yml", "book/bounds.yml", "notebooks/pendulum.py"]


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_passes_its_own_test_and_the_checks_of_docstrings_and_imports(name, project):
    source, test = changed(RECIPES[name])
    run(project, "git", "apply", str(RECIPES[name]))
    run(project, sys.executable, "-m", "ruff", "check", source, test)
    word = Path(test).stem.removeprefix("test_")
    checks = [test, "tests/test_docstrings.py", "tests/test_architecture.py"]
    assert " passed" in run(project, sys.executable, "-m", "pytest", "-q", "-k", word, *checks)


@pytest.mark.slow
def test_the_recipe_of_a_chapter_runs_within_its_bounds(project):
    run(project, "git", "apply", str(CHAPTER))
    run(project, sys.executable, "-m", "ruff", "check", "notebooks/pendulum.py")
    run(project, sys.executable, "-m", "pytest", "-q", "-k", "pendulum", "tests/test_notebook_sources.py")
    said = run(project, sys.executable, "-m", "companion", "build", "--profile", "quick", "--only", "pendulum")
    assert "pendulum" in said
    assert "done in" in said
    assert "out of bounds" not in said
