"""Trajectories in text files, of every make; what is refused is in faults/test_files.py."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locsym.data import Pairs

ROWS = ["t,a,b", "0,1,2", "0.5,3,4", "0.7,5,6"]


def text(rows: list[str], tmp_path: Path) -> Path:
    path = tmp_path / "orbit.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


GOOD = {
    "commas": ROWS,
    "semicolons": [row.replace(",", ";") for row in ROWS],
    "tabs": [row.replace(",", "\t") for row in ROWS],
    "spaces": [row.replace(",", "   ") for row in ROWS],
    "comma and space": [row.replace(",", ", ") for row in ROWS],
    "quotes": ['"t","a","b"', '"0","1","2"', "0.5,3,4", "0.7,5,6"],
    "blank lines": ["", *ROWS[:2], "  ", *ROWS[2:], ""],
    "as numpy.savetxt": ["# " + ROWS[0].replace(",", " "), *(row.replace(",", " ") for row in ROWS[1:])],
    "names that are numbers": ["t,1,2", *ROWS[1:]],
    "carriage returns": [row + "\r" for row in ROWS],
}


@pytest.mark.parametrize("case", GOOD)
def test_text_file(case, tmp_path):
    pairs = Pairs.from_csv(text(GOOD[case], tmp_path))
    assert pairs.y.tolist() == [[1, 2], [3, 4]]
    assert pairs.target.tolist() == [[3, 4], [5, 6]]
    np.testing.assert_allclose(pairs.h, [0.5, 0.2], rtol=1e-15)


def test_text_file_backwards_in_time(tmp_path):
    pairs = Pairs.from_csv(text([ROWS[0], *ROWS[:0:-1]], tmp_path))
    assert pairs.y.tolist() == [[5, 6], [3, 4]]
    np.testing.assert_allclose(pairs.h, [-0.2, -0.5], rtol=1e-15)


def test_chosen_columns_in_their_order_and_words_elsewhere(tmp_path):
    path = text(["q,note,s,p", "1,begin,0,2", "3,end,1,4"], tmp_path)
    assert Pairs.from_csv(path, time="s", columns=["p", "q"]).y.tolist() == [[2, 1]]


def test_a_hundred_thousand_rows(tmp_path):
    t = np.cumsum(np.random.default_rng(0).uniform(0.1, 0.2, 100_000))
    np.savetxt(tmp_path / "long.csv", np.stack([t, np.cos(t), np.sin(t)], 1), "%.17g", ",", header="t,a,b", comments="")
    pairs = Pairs.from_csv(tmp_path / "long.csv")
    assert len(pairs) == 99_999
    np.testing.assert_array_equal(pairs.y[:, 0], np.cos(t[:-1]))


@settings(max_examples=150, deadline=None)
@given(content=st.text(alphabet="t,a;\t 0123.-e\n\r\"'#n\x00é", max_size=60))
def test_any_text_is_read_or_refused(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(("t,a\n" + content).encode())
    with contextlib.suppress(ValueError):
        assert len(Pairs.from_csv(path)) >= 1
