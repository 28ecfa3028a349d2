"""The stones of the road, one by one: records, progress, fingerprints, bounds, locks. Nothing is executed here."""

import io
import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import nbformat
import pytest
import torch
from companion import files, results
from companion.execute import fold_parameters
from companion.fingerprint import changes
from companion.record import from_json, percent, record, recorded, to_json, usual
from companion.status import Progress, read
from companion.terminal import Board, Line, clock

V4 = nbformat.v4


@pytest.mark.parametrize("key", ["", "a b", "a:b", "-a", 3])
def test_record_refuses_a_key_that_a_page_cannot_name(key):
    with pytest.raises(ValueError, match="key: letters, digits"):
        record(key, 1.0)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [(None, TypeError, "got NoneType"), ([1], TypeError, "got list"), (torch.zeros(2), ValueError, r"shape \(2,\)")],
)
def test_record_refuses_what_is_not_one_number(value, error, message):
    with pytest.raises(error, match=message):
        record("key", value)


@pytest.mark.parametrize("value", [1.5, 3, True, "text", torch.tensor(2.0), torch.ones(1, 1).numpy()])
def test_record_outside_a_notebook_only_checks(value, capsys):
    assert record("key", value) is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_000_000, "1,000,000"),
        (10_000, "10,000"),
        (9_999, "9999"),
        (True, "True"),
        ("12345", "12345"),
        (12345.0, "1.2e+04"),
    ],
)
def test_counts_of_five_digits_have_commas(value, text):
    assert usual(value).format(value) == text


@pytest.mark.parametrize("value", [0.1, math.inf, -math.inf, math.nan, 3, True, "Inf"])
def test_value_survives_json(value):
    back = from_json(json.loads(json.dumps(to_json(value), allow_nan=False)))
    assert repr(back) == repr(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00983, "0.98 %"),
        (0.00996, "1.0 %"),
        (0.0535, "5.3 %"),
        (0.1916, "19 %"),
        (1.4948, "149 %"),
        (1861654.4, "over 1000 %"),
        (3.7e-7, "0.000037 %"),
        (-0.02, "-2.0 %"),
        (0.0, "0 %"),
        (math.inf, "over 1000 %"),
        (math.nan, "nan %"),
    ],
)
def test_percent_has_two_digits(value, text):
    assert percent(value) == text.replace(" ", "\N{NO-BREAK SPACE}")
    assert percent(value).format(value) == percent(value), "a format of itself, for record"


def notebook(*keys):
    kept = [{"companion": {"key": key, "value": 1, "shown": "1"}} for key in keys]
    outputs = [V4.new_output("display_data", metadata=metadata) for metadata in kept]
    return V4.new_notebook(cells=[V4.new_markdown_cell("text"), V4.new_code_cell("x", outputs=outputs)])


def test_records_are_read_back():
    assert recorded(notebook("a", "b")) == {"a": {"value": 1, "shown": "1"}, "b": {"value": 1, "shown": "1"}}


def test_key_is_allowed_once():
    with pytest.raises(ValueError, match="'a' is recorded twice"):
        recorded(notebook("a", "b", "a"))


def test_injected_parameters_are_folded_into_their_lines():
    source = "width = 16   # σ units\nname = 'é'; on = True\nsizes = [\n    1,\n]  # a list\nkept = 1e-3"
    injected = "width = 4\nname = 'b'\non = False\nsizes = [1, 2]\nkept = 0.001"
    cells = [
        V4.new_code_cell(source, metadata={"tags": ["parameters"]}),
        V4.new_code_cell(injected, metadata={"tags": ["injected-parameters"]}, execution_count=2),
    ]
    nb = V4.new_notebook(cells=cells)
    fold_parameters(nb, {"width": 4, "name": "b", "on": False, "sizes": [1, 2], "kept": 0.001})
    assert [cell.source for cell in nb.cells] == [
        "width = 4   # σ units\nname = 'b'; on = False\nsizes = [1, 2]  # a list\nkept = 1e-3"
    ]


FINGERPRINT = {"source": "s", "parameters": {"n": 1}, "code": {"locsym/flow.py": "f"}, "versions": {"torch": "2.13"}}


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("source", "t", "its source changed"),
        ("parameters", {"n": 2}, "parameter n: 1 → 2"),
        ("parameters", {"n": 1, "m": 3}, "parameter m: none → 3"),
        ("code", {"locsym/flow.py": "g"}, "locsym/flow.py changed"),
        ("code", {"locsym/flow.py": "f", "locsym/new.py": "n"}, "locsym/new.py is new"),
        ("code", {}, "locsym/flow.py is gone"),
        ("versions", {"torch": "2.14"}, "torch 2.13 → 2.14"),
    ],
)
def test_each_change_is_named(part, value, words):
    assert changes(FINGERPRINT, FINGERPRINT | {part: value}) == [words]


def test_same_fingerprint_is_no_change():
    assert changes(json.loads(json.dumps(FINGERPRINT)), FINGERPRINT) == []


@pytest.mark.parametrize(
    ("value", "rule", "kept"),
    [
        (1.0, {"min": 1, "max": 1}, True),
        (1.1, {"max": 1}, False),
        (0.9, {"min": 1}, False),
        (math.nan, {"max": 1}, False),
        (math.inf, {"min": 1}, True),
        (math.nan, {}, True),
        (True, {"is": True}, True),
        ("b", {"is": "a"}, False),
        ("b", {"max": 1}, False),
    ],
)
def test_bounds(value, rule, kept):
    assert results.kept(value, rule) is kept


def test_progress_writes_the_status_and_the_remaining_time(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPANION_STATUS", str(tmp_path / "status.json"))
    now = iter([10.0, 12.0, 14.0])
    monkeypatch.setattr("companion.status.time", SimpleNamespace(monotonic=lambda: next(now)))
    progress = Progress()
    progress(100, 200, "epoch")  # a resumed training starts at 100
    assert read(tmp_path / "status.json") == {"done": 100, "total": 200, "text": "epoch", "left": None}
    progress(120, 200, "epoch")
    assert read(tmp_path / "status.json")["left"] == pytest.approx(8.0)  # 20 steps in 2 s, 80 to go
    progress(0, 200, "next")  # another training
    assert read(tmp_path / "status.json")["left"] is None


def test_progress_outside_a_build_draws_a_bar(monkeypatch, capsys):
    monkeypatch.delenv("COMPANION_STATUS", raising=False)
    progress = Progress(every=0)
    progress(1, 2, "epoch")
    progress(2, 2, "epoch")
    assert "1/2" in capsys.readouterr().err


def test_progress_is_told_by_several_threads(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPANION_STATUS", str(tmp_path / "status.json"))
    tell = Progress(every=0)

    def train(total: int) -> int:
        for done in range(total + 1):
            tell(done, total)
            assert read(tmp_path / "status.json")["total"] in (200, 300)
        return tell._done

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(train, (200, 300))) == [200, 300]


def test_missing_status_is_nothing(tmp_path):
    assert read(tmp_path / "none") == {}


@pytest.mark.parametrize(("seconds", "text"), [(4.4, "4 s"), (59.6, "1:00"), (65, "1:05"), (7387, "2:03:07")])
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_line_tells_cell_training_and_remaining_time(monkeypatch):
    monkeypatch.setattr("companion.terminal.time", SimpleNamespace(monotonic=lambda: 65.0))
    training = {"done": 4000, "total": 20000, "text": "epoch", "left": 130.0}
    line = Line("01", "running", began=0.0, cell=7, cells=23, training=training)
    assert line.text() == "cell 7 of 23, 1:05, epoch 4000/20000, 2:10 left"


def test_log_is_quiet_and_line_by_line():
    stream = io.StringIO()
    board = Board(["01"], stream)
    board.start("01")
    for cell in range(1, 4):
        board.told("01", {"cell": cell, "cells": 3}, {})
        board.draw()
    board.end("01", good=True)
    assert stream.getvalue() == "  01  started\n  01  done in 0 s\n"


def test_terminal_redraws_its_lines_in_place():
    stream = io.StringIO()
    board = Board(["01", "02"], stream, live=True)
    board.draw()
    board.start("02")
    board.draw()
    first, second = stream.getvalue().split("\x1b[2A")
    assert "02  waiting" in first
    assert "02  starting" in second


def test_second_build_waits_for_the_first_and_says_so(tmp_path):
    said, order = [], []

    def second():
        with files.lock(tmp_path / "lock", said.append):
            order.append("second")

    with files.lock(tmp_path / "lock", said.append):
        thread = threading.Thread(target=second)
        thread.start()
        while not said:
            thread.join(0.01)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert "waiting" in said[0]


def test_folder_is_replaced_and_a_kill_between_is_undone(tmp_path):
    for name in ("new", "place"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    files.replace_folder(tmp_path / "new", tmp_path / "place")
    assert (tmp_path / "place" / "file").read_text() == "new"
    (tmp_path / "place").rename(tmp_path / ".place.old")  # what a kill between the two renames leaves
    files.restore_folder(tmp_path / "place")
    (tmp_path / ".place.old").mkdir()  # and what one leaves while it removes the old one
    files.restore_folder(tmp_path / "place")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["place"]
