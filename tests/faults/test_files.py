"""Tables and arrays from others: read right, or refused by name."""

import gzip
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from archives import ARCHIVES, ROWS, STATES, STEPS, lines
from hypothesis import given, settings
from hypothesis import strategies as st

from locsym import Pairs

# ---- tables

READ = {
    "a byte-order mark": b"\xef\xbb\xbf" + lines(*ROWS),
    "a byte-order mark, semicolons, carriage returns": b"\xef\xbb\xbf" + b"\r\n".join(r.encode() for r in ROWS).replace(
        b",", b";"
    ),
    "carriage returns alone": b"\r".join(row.encode() for row in ROWS),
    "tabs": lines(*ROWS).replace(b",", b"\t"),
    "spaces around": lines(*(f"  {row.replace(',', ' ,  ')}  " for row in ROWS)),
    "no end of the last line": lines(*ROWS).rstrip(),
}


@pytest.mark.parametrize("case", READ)
def test_table_of_another_make_is_read(case, tmp_path, fault):
    (tmp_path / "orbit.csv").write_bytes(READ[case])
    with fault("files", "table of another make"):
        pairs = Pairs.from_csv(tmp_path / "orbit.csv")
        assert (pairs.y.tolist(), pairs.target.tolist()) == ([[1, 2], [3, 4]], [[3, 4], [5, 6]])


REFUSED = {
    "NaN": (lines(*ROWS[:3], "0.6,nan,1"), "line 4, column 'a': nan is not finite"),
    "NaN as a time": (lines(*ROWS[:3], "nan,1,1"), "line 4, column 't': nan is not finite"),
    "infinity": (lines(*ROWS[:3], "0.6,1,-inf"), "line 4, column 'b': -inf is not finite"),
    "too large": (lines(*ROWS[:3], "0.6,1,1e999"), "line 4, column 'b': inf is not finite"),
    "a word": (lines(*ROWS, "0.8,one,2"), "line 5, column 'a': 'one' is not a number"),
    "an empty cell": (lines(*ROWS, "0.8,,2"), "line 5, column 'a': '' is not a number"),
    "a formula": (lines(*ROWS, "0.8,=1+1,2"), r"line 5, column 'a': '=1\+1' is not a number"),
    "a decimal comma": (lines("t;a", "0;1,5", "1;2"), "line 2, column 'a': '1,5' is not a number"),
    "commas for both": (lines("t,a", "0,0,1,5", "0,1,2,5"), "line 2: 4 values, but the header has 2 columns"),
    "two delimiters": (lines("t,a", "0;1", "1;2"), "line 2: 1 values, but the header has 2 columns"),
    "a bar between": (lines("t|a", "0|1", "1|2"), r"line 1: column 't' is missing; the header is t\|a"),
    "a short row": (lines(*ROWS[:2], "0.5,3", *ROWS[3:]), "line 3: 2 values, but the header has 3 columns"),
    "a long row": (lines(*ROWS[:2], "0.5,3,4,5"), "line 3: 4 values"),
    "after a blank line": (lines(*ROWS, "", "0.8,1"), "line 6: 2 values"),
    "the same time twice": (lines(*ROWS, "0.7,1,1"), "line 5, column 't': 0.7 after 0.7; times must"),
    "a time that goes back at once": (lines("t,a", "0,1", "-1,2", "2,3"), "line 3, column 't': -1 after 0; times must"),
    "a time that goes back": (lines(*ROWS, "0.6,1,1", "0.9,1,1"), "line 5, column 't': 0.6 after 0.7"),
    "one row": (lines(*ROWS[:2]), "two rows are the least that make a step, found 1"),
    "a header alone": (lines(*ROWS[:1]), "found 0"),
    "no header": (lines(*ROWS[1:]), "line 1: there is no header"),
    "no time": (lines("s,a", "0,1", "1,2"), "line 1: column 't' is missing; the header is s, a"),
    "a column twice": (lines("t,a,a", "0,1,2", "1,2,3"), "column 'a' is twice"),
    "time alone": (lines("t", "0", "1"), "one at least is needed beside the time"),
    "nothing": (b"", "the file is empty"),
    "blank lines alone": (b"\n \n\r\n", "the file is empty"),
    "UTF-16": ("\n".join(ROWS).encode("utf-16"), "not UTF-8"),
    "UTF-16 without a mark": ("\n".join(ROWS).encode("utf-16-le"), "line 1: column 't' is missing"),
    "Latin-1": ("t,Höhe\n0,1\n1,2\n".encode("latin-1"), "not UTF-8"),
    "gzip": (gzip.compress(lines(*ROWS)), "not UTF-8"),
    "noise": (np.random.default_rng(0).bytes(4096), "not UTF-8"),
    "zeros": (bytes(4096), "line 1: column 't' is missing"),
    "a cell without end": (lines(*ROWS) + b"0.8," + b"1" * 200_000 + b",1\n", "field larger than field limit"),
    "a quote without end": (lines(*ROWS) + b'0.8,"' + lines("1" * 99) * 2000, "field larger than field limit"),
    "a line without end": (lines(*ROWS) + b"1" * 2**21, "line 5: more than 1048576 characters"),
    "many columns": (lines(",".join(f"c{i}" for i in range(100_000))), "line 1: column 't' is missing; .{,400}$"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_fault_in_a_table_is_named(case, tmp_path, fault):
    content, message = REFUSED[case]
    (tmp_path / "orbit.csv").write_bytes(content)
    with fault("files", "fault in a table"), pytest.raises(ValueError, match=f"^orbit.csv: .*{message}") as error:
        Pairs.from_csv(tmp_path / "orbit.csv")
    assert len(str(error.value)) < 500, "a name, not the whole file"


# ---- arrays

T, Y = np.arange(4) / 10, STATES
BROKEN = np.where(Y == 5, np.nan, Y)
PACKED = {
    "NaN": ({"t": T, "y": BROKEN}, "y: states must be finite, row 2 is not"),
    "text": ({"t": T, "y": Y.astype("U9")}, "y: a floating-point tensor or array is needed, got <U9"),
    "whole numbers": ({"t": T, "y": Y.astype(int)}, "y: a floating-point .* got int64"),
    "objects": ({"t": T, "y": np.array([[1, "a"], [{}, None]])}, "it holds a pickle, which is never opened"),
    "fields with names": ({"t": T, "y": np.zeros(4, [("a", "O")])}, "it holds a pickle"),
    "the same time twice": ({"t": [0, 1, 1, 2], "y": Y}, "times must increase or decrease strictly, got 1 then 1 at 2"),
    "a time that goes back": ({"t": [0, 1, 0.5, 2], "y": Y}, "got 1 then 0.5 at 2"),
    "times that are words": ({"t": ["a", "b", "c", "d"], "y": Y}, "t: numbers are needed"),
    "one row": ({"t": T[:1], "y": Y[:1]}, "two at least are needed"),
    "a time too many": ({"t": T, "y": Y[:3]}, "got 3 for 4 times"),
    "too wide a span": ({"t": [-1.7e308, 1.7e308], "y": Y[:2]}, "t: times must not span"),
    "no array of ours": ({"x": Y}, "h, target, y missing"),
    "no h": ({"y": Y, "target": Y}, "h missing"),
    "a step of zero": (STEPS | {"h": np.array([0.1, 0.0, 0.1])}, "h: .* row 1 is 0"),
    "another shape": (STEPS | {"target": Y}, "target: the shape"),
    "complex numbers": (STEPS | {"y": 1j * Y[:-1]}, "y: a floating-point"),
}


@pytest.mark.parametrize("case", PACKED)
def test_fault_in_arrays_is_named(case, tmp_path, fault):
    arrays, message = PACKED[case]
    np.savez(tmp_path / "orbit.npz", **arrays)
    with fault("files", "fault in arrays"), pytest.raises(ValueError, match=rf"^orbit\.npz: .*{message}"):
        Pairs.load(tmp_path / "orbit.npz")


@pytest.mark.parametrize("case", ARCHIVES)
def test_archive_that_lies_is_refused(case, tmp_path, fault):
    (tmp_path / "orbit.npz").write_bytes(ARCHIVES[case])
    with fault("files", "archive that lies about its content"), pytest.raises(ValueError, match=r"^orbit\.npz: "):
        Pairs.load(tmp_path / "orbit.npz")


# ---- whatever there is

PAIRS = Pairs(torch.linspace(-1, 1, 14).double().view(7, 2), 0.1, torch.ones(7, 2).double())
changes = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(-20, 255)), min_size=1, max_size=6)


def changed(content: bytes, where: list[tuple[float, int]]) -> bytes:
    """Bytes replaced, or, below zero, so many of them left out."""
    content = bytearray(content)
    for place, value in where:
        at = int(place * len(content))
        content[at : at + max(1, -value)] = bytes([value]) if value >= 0 else b""
    return bytes(content)


def attempt(load: Callable, path: Path) -> tuple[Pairs | None, str]:
    """What is read, or why nothing is."""
    try:
        return load(path), ""
    except ValueError as error:
        return None, str(error)


@pytest.mark.parametrize("name", ["p.safetensors", "p.npz"])
@settings(max_examples=150, deadline=None)
@given(where=changes)
def test_changed_file_is_refused_or_tells_the_same(name, where, tmp_path_factory, fault):
    path = tmp_path_factory.getbasetemp() / name
    if name == "p.npz":
        np.savez(path, y=PAIRS.y, h=PAIRS.h, target=PAIRS.target)
    else:
        PAIRS.save(path)
    path.write_bytes(changed(path.read_bytes(), where))
    with fault("files", "bytes changed or lost"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy warns of headers that look like Python 2
        loaded, said = attempt(Pairs.load, path)
        assert loaded.fingerprint() == PAIRS.fingerprint() if loaded else f"{name}: " in said


@settings(max_examples=150, deadline=None)
@given(where=changes)
def test_changed_table_is_read_or_refused_by_name(where, tmp_path_factory, fault):
    path = tmp_path_factory.getbasetemp() / "t.csv"
    path.write_bytes(changed(lines(*ROWS), where))
    with fault("files", "bytes changed or lost"):
        loaded, said = attempt(Pairs.from_csv, path)
        assert len(loaded) if loaded else said.startswith("t.csv: ")
