"""Defects that are put in on purpose: the build, the tests or the linter must fail, and name them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import book_fixture
import pytest
from companion.__main__ import main
from companion.build import build
from companion.project import Project

ROOT = Path(__file__).parents[2]
PARTS = ("locsym", "pyproject.toml", "tests/conftest.py")


def copied(root, *names):
    """Copy files and folders of this project below ``root``."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, root / name)
    return root


def python(root, *words, **environment):
    """Run Python in ``root``, whose copy of locsym comes first; return its status and what it said."""
    given = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"} | environment
    done = subprocess.run([sys.executable, *words], cwd=root, env=given, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def pytest_in(root, *words, **environment):
    return python(root, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, **environment)


WRONG = {  # file, what is there, what is put there, the test file that must find it
    "sign of a module": ("networks/shears.py", "(self.sign * column(h))", "(-self.sign * column(h))", "test_shears"),
    "column of W": ("networks/shears.py", "(k,), sign, width", "((k + 1) % (n - 1),), sign, width", "test_shears"),
    "sign of a Hamiltonian field": ("splitting/symbolic.py", ", -sp.diff(H, self.symbols[k])",
                                    ", sp.diff(H, self.symbols[k])", "test_splitting"),
}  # fmt: skip


@pytest.mark.parametrize("defect", WRONG)
def test_wrong_mathematics_fails_a_unit_test(defect, tmp_path, fault):
    file, right, wrong, test = WRONG[defect]
    copied(tmp_path, *PARTS, f"tests/{test}.py")
    with fault("planted", f"in locsym, {defect}: tests"):
        book_fixture.edit(Project(tmp_path), f"locsym/{file}", right, wrong)
        status, said = pytest_in(tmp_path, "-x", f"tests/{test}.py")
        assert status == pytest.ExitCode.TESTS_FAILED, said
        assert f"FAILED tests/{test}.py" in said


def test_wrong_mathematics_fails_a_chapter(tmp_path, fault):
    copied(tmp_path, "locsym", "_toc.yml", "notebooks", "book/profiles", "book/bounds.yml")
    with fault("planted", "in locsym, sign of a Hamiltonian field: a chapter"):
        file, right, wrong, _ = WRONG["sign of a Hamiltonian field"]
        book_fixture.edit(Project(tmp_path), f"locsym/{file}", right, wrong)
        status, said = python(tmp_path, "-m", "companion", "build", "--profile", "quick", "--only", "01")
        assert status == 1, said
        assert "splitting failed in cell" in said
        assert "AssertionError" in said


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    project = book_fixture.make(tmp_path_factory.mktemp("book"))
    assert build(project, "quick", with_site=False) == 0
    return project


TOC = "format: jb-book\nroot: book/intro\n"
BROKEN = {  # what is done to the book, the status of its build, what it says
    "a cell that raises": ("notebooks/01_first.py", lambda t: t + "\n# %%\n1 / 0\n", 1, "ZeroDivisionError"),
    "an assertion that fails": ("notebooks/02_second.py", lambda t: t + "\n# %%\nassert seed > 3\n", 1, "seed > 3"),
    "a number out of bounds": ("book/bounds.yml", lambda t: t.replace("100", "0.3"), 1, "01_first: product = 0.4"),
    "a number that is not recorded": ("book/bounds.yml", lambda t: t + "  gone: {}\n", 1, "gone was not recorded"),
    "bounds of an unknown notebook": ("book/bounds.yml", lambda t: t + "03_third:\n  a: {}\n", 2, "'03_third'"),
    "an empty table of contents": ("_toc.yml", lambda _: "", 2, "_toc.yml"),
    "a table of contents without chapters": ("_toc.yml", lambda _: TOC, 2, "leaves out 01_first, 02_second"),
    "a notebook left out": ("_toc.yml", lambda t: t.partition("- file: book/notebooks/02")[0], 2, "leaves out 02"),
    "a notebook without source": ("_toc.yml", lambda t: t + "- file: book/notebooks/03\n", 2, "without a source: 03"),
    "an unknown notebook in a profile": ("book/profiles/quick.yml", lambda t: t + "03: {}\n", 2, "'03'"),
    "an unknown parameter": ("book/profiles/quick.yml", lambda t: t.replace("tau", "mu"), 2, "no parameter 'mu'"),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_broken_book_fails_its_build(defect, executed, tmp_path, fault, capfd, monkeypatch):
    file, change, wanted, words = BROKEN[defect]
    shutil.copytree(executed.root, tmp_path / "book")
    path = tmp_path / "book" / file
    monkeypatch.setattr("companion.build.site.check_version", lambda: None)
    with fault("planted", defect):
        path.write_text(change(path.read_text()))
        assert main(["--root", str(tmp_path / "book"), "build", "--profile", "quick"]) == wanted
        said = capfd.readouterr()
        assert words in said.out + said.err


def test_book_without_notebooks_is_no_book(tmp_path, fault, capfd):
    project = book_fixture.make(tmp_path)
    with fault("planted", "an empty book"):
        shutil.rmtree(tmp_path / "notebooks")
        (tmp_path / "_toc.yml").write_text(TOC)
        assert main(["--root", str(project.root), "build", "--profile", "quick"]) == 2
        assert "names no notebook" in capfd.readouterr().err


@pytest.mark.parametrize("missing", ["browser", "book"])
def test_missing_browser_or_book_fails_in_ci(missing, tmp_path, fault):
    pages = ("tests/test_pages.py", "tests/test_pages_html.py", "tests/built_book.py")
    copied(tmp_path, "pyproject.toml", "_toc.yml", *pages)
    html = tmp_path / "_build" / "html"
    if missing == "browser":
        (html / "book").mkdir(parents=True)
        for page in ("index.html", "book/intro.html"):
            (html / page).write_text("<!DOCTYPE html><html lang=en><title>.</title><main></main>")
    with fault("planted", f"a missing {missing} in CI"):
        tested = "tests/test_pages.py" if missing == "browser" else "tests"
        environment = {"COMPANION_REQUIRE_BROWSER": "1", "PATH": str(tmp_path), "COMPANION_HTML": str(html)}
        status, said = pytest_in(tmp_path, tested, **environment)
        assert status == pytest.ExitCode.TESTS_FAILED, said
        assert "COMPANION_REQUIRE_BROWSER is set, but" in said
        assert f"no {missing}" in said or f"{missing} has not been built" in said


GOOD = "def test_good():\n    pass\n"
UNCOLLECTED = {  # file, what it holds, the status, what is said
    "a syntax error": ("tests/test_a.py", "def test_a(:\n    assert 0\n", 2, "SyntaxError"),
    "an import error": ("tests/test_a.py", "import locsym.gone\n" + GOOD, 2, "locsym.gone"),
    "a file of another name": ("tests/check_a.py", GOOD, 1, "no test is in check_a.py"),
    "a file of another name, deeper": ("tests/faults/a.py", GOOD, 1, "no test is in faults/a.py"),
    "a file without tests": ("tests/test_a.py", "A = 1\n", 1, "no test is in test_a.py"),
    "a function of another name": ("tests/test_a.py", GOOD + "def tset_b():\n    assert 0\n", 1, "tset_b"),
    "a class of another name": ("tests/test_a.py", GOOD + "class Checks:\n    def test_b(s): 0\n", 1, "Checks"),
    "the same name twice": ("tests/test_a.py", GOOD + GOOD, 1, "the same name twice"),
    "two files of the same name": ("tests/faults/test_good.py", GOOD, 2, "import file mismatch"),
    "files left out by a conftest": ("tests/conftest.py", "collect_ignore = ['test_good.py']\n", 1, "conftest.py"),
}


@pytest.mark.parametrize("defect", UNCOLLECTED)
def test_test_that_is_not_collected_fails(defect, tmp_path, fault):
    file, text, wanted, words = UNCOLLECTED[defect]
    copied(tmp_path, "pyproject.toml", "tests/test_collection.py")
    (tmp_path / "tests" / "test_good.py").write_text(GOOD)
    with fault("planted", f"a test that is not collected: {defect}"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
        status, said = pytest_in(tmp_path)
        assert status == wanted, said
        assert words in said


def test_no_tests_at_all_fail(tmp_path, fault):
    copied(tmp_path, "pyproject.toml")
    (tmp_path / "tests").mkdir()
    with fault("planted", "no tests at all"):
        assert pytest_in(tmp_path)[0] == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.fixture
def machine(tmp_path):
    """A checkout with this Makefile and .ci/run, where each program only notes that it was called, or fails."""
    copied(tmp_path, "Makefile", ".ci/run", "pyproject.toml", "constraints.txt")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    fake = '#!/bin/sh\necho "$@" >> called\ncase "$*" in *"$FAILS"*) exit 3;; esac\n'
    programs = {f".venv/bin/{name}": fake for name in ("python", "ruff", "mypy")}
    programs["bin/id"] = "#!/bin/sh\necho 1000\n"
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / ".venv" / ".installed").touch()
    return tmp_path


STEPS = {"lint": "check locsym", "book": "companion build", "test": "-m pytest"}


@pytest.mark.parametrize("step", [*STEPS, "nothing"])
def test_ci_stops_at_the_first_step_that_fails(step, machine, fault):
    environment = {"PATH": f"{machine / 'bin'}:{os.environ['PATH']}", "FAILS": STEPS.get(step, "no such words")}
    with fault("planted", "a step of CI that fails"):
        done = subprocess.run([machine / ".ci" / "run"], env=environment, capture_output=True, text=True)
        called = [name for name, words in STEPS.items() if words in (machine / "called").read_text()]
        assert (done.returncode != 0) == (step != "nothing"), done.stderr
        assert called == (list(STEPS) if step == "nothing" else list(STEPS)[: list(STEPS).index(step) + 1])
