"""The table of faults on the page *Reproduce* holds a good, complete run; only such a run is kept."""

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from companion.__main__ import main
from companion.faults import KINDS, problems
from companion.project import Project
from companion.seal import read, seal

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
GOOD = {
    "date": "2026-01-01",
    "commit": "0",
    "tests": {"passed": 9, "failed": 0, "skipped": 0},
    "faults": {kind: {"a": [2, 2]} for kind in KINDS},
}


def test_table_of_the_book_is_a_good_run():
    record = Project(ROOT).faults
    assert record.exists(), "run make faults, and commit book/faults.json"
    assert problems(read(record)) == []


def spoilt(change):
    record = copy.deepcopy(GOOD)
    change(record)
    return record


BAD = {
    "a test failed": (lambda r: r["tests"].update(failed=1), "1 tests failed"),
    "a kind is missing": (lambda r: r["faults"].pop("shapes"), "'shapes' was tried"),
    "not survived": (lambda r: r["faults"]["disk"].update(a=[2, 1]), "disk, a: 1 of 2 survived"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_run_is_not_kept(case, tmp_path, capsys):
    change, words = BAD[case]
    (tmp_path / "_build").mkdir()
    (tmp_path / "_build" / "faults.json").write_text(json.dumps(spoilt(change)))
    assert main(["--root", str(tmp_path), "faults"]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "book").exists()


def test_good_run_is_kept(tmp_path):
    (tmp_path / "_build").mkdir()
    (tmp_path / "_build" / "faults.json").write_text(json.dumps(GOOD))
    assert main(["--root", str(tmp_path), "faults"]) == 0
    assert read(tmp_path / "book" / "faults.json") == seal(GOOD)


def test_no_run_is_told(tmp_path, capsys):
    assert main(["--root", str(tmp_path), "faults"]) == 2
    assert "no complete run" in capsys.readouterr().err


SUITE = {
    "test_a.py": "def test_a(fault):\n    with fault('disk', 'a'):\n        pass\n",
    "test_b.py": "import pytest\n\n\n@pytest.mark.parametrize('bad', [0, BAD])\n"
    "def test_b(fault, bad):\n    with fault('files', 'b'):\n        assert not bad\n",
}


@pytest.fixture
def suite(tmp_path):
    """Return a function: run a small fault suite with some options; return what it recorded, None for nothing."""
    folder = tmp_path / "tests" / "faults"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "faults" / "conftest.py", folder)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    def run(*options, bad=0):
        for name, text in SUITE.items():
            (folder / name).write_text(text.replace("BAD", str(bad)))
        subprocess.run([sys.executable, "-m", "pytest", "-q", *options], cwd=tmp_path, capture_output=True)
        record = tmp_path / "_build" / "faults.json"
        return json.loads(record.read_text()) if record.exists() else None

    return run


def test_complete_run_is_recorded(suite):
    record = suite()
    assert record["faults"] == {"disk": {"a": [1, 1]}, "files": {"b": [2, 2]}}
    assert record["tests"] == {"passed": 3, "failed": 0, "skipped": 0}


def test_fault_that_was_not_survived_is_recorded(suite):
    record = suite(bad=1)
    assert record["faults"]["files"] == {"b": [2, 1]}
    assert record["tests"]["failed"] == 1


@pytest.mark.parametrize(
    "options",
    [["tests/faults/test_a.py"], ["-k", "test_a"], ["tests/faults/test_b.py::test_b", "tests/faults/test_a.py"],
     ["--collect-only"], ["-x"]],
)  # fmt: skip
def test_part_of_a_run_is_not_recorded(options, suite):
    assert suite(*options, bad=1) is None
