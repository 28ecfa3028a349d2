"""The table of faults on the page *Reproduce* holds a good, complete run; only such a run is kept."""

import copy
import json

import pytest
from companion.__main__ import main
from companion.faults import KINDS

GOOD = {
    "date": "2026-01-01",
    "commit": "0",
    "tests": {"passed": 9, "failed": 0, "skipped": 0},
    "faults": {kind: {"a": [2, 2]} for kind in KINDS},
}


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
    assert json.loads((tmp_path / "book" / "faults.json").read_text()) == GOOD


def test_no_run_is_told(tmp_path, capsys):
    assert main(["--root", str(tmp_path), "faults"]) == 2
    assert "no complete run" in capsys.readouterr().err
