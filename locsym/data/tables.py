r"""Trajectories in text files with a header, a time column and a row for every time. Errors name line and column."""

from __future__ import annotations

import csv
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from reprlib import repr as brief
from textwrap import shorten
from typing import TextIO

import numpy as np

DELIMITERS = ("\t", ";", ",", " ")  # the first of them that the header has
LONGEST = 2**20  # characters of a line: what has longer ones is no table, and is not read into memory


def read_trajectory(
    path: Path | str, time: str = "t", columns: Sequence[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    r"""Read the times and states of a trajectory from a text file.

    Args:
        path: UTF-8 text with a header, separated by tabs, semicolons, commas or spaces. A byte-order mark and blank
            lines are skipped.
        time: The name of the time column, which must increase or decrease strictly.
        columns: The names of the columns that form the state, in that order; None takes all but the time.

    Returns:
        The times ``(T,)`` and the states ``(T, n)``, float64, T >= 2.

    Raises:
        TypeError: If ``columns`` is one text instead of a list of names.
        ValueError: If the file is not such a table. The message names the line and the column of the mistake.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from locsym.data import read_trajectory
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "orbit.csv"
        ...     _ = path.write_text("t,q,p\n0,1,0\n0.1,0.99,-0.08\n")
        ...     t, y = read_trajectory(path)
        >>> t.tolist(), y.tolist()
        ([0.0, 0.1], [[1.0, 0.0], [0.99, -0.08]])
    """
    path = Path(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            return _read(file, time, columns)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path.name}: not UTF-8 text ({error.reason} at byte {error.start})") from error
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{path.name}: {error}") from error


def _read(file: TextIO, time: str, columns: Sequence[str] | None) -> tuple[np.ndarray, np.ndarray]:
    rows = _rows(file)
    number, header = next(rows, (0, []))
    if not header:
        raise ValueError("the file is empty; a header and two rows are the least")
    header = [name.strip() for name in header]
    chosen = _choose(header, number, time, columns)
    places = {name: i for i, name in enumerate(header)}
    picked = [places[name] for name in chosen]
    values, numbers = array("d"), array("q")
    for number, row in rows:
        if len(row) != len(header):
            raise ValueError(f"line {number}: {len(row)} values, but the header has {len(header)} columns")
        try:
            values.extend([float(row[i]) for i in picked])
        except ValueError:
            i = next(i for i in picked if not _is_number(row[i]))
            raise ValueError(f"line {number}, column {brief(header[i])}: {brief(row[i])} is not a number") from None
        numbers.append(number)
    table = np.frombuffer(values, dtype=float).reshape(-1, len(picked))
    _check(table, numbers, chosen)
    return table[:, 0], table[:, 1:]


def _rows(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, the header first, with their line numbers."""
    ahead = _lines(file)
    for skipped, line in enumerate(ahead):  # noqa: B007, read after the loop
        if header := line.strip().removeprefix("#").strip():  # numpy.savetxt writes "# t y1 y2"
            break
    else:
        return
    delimiter = next((mark for mark in DELIMITERS if mark in header), ",")
    lines = (line.strip(" \r\n") for line in chain([header], ahead))
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    for row in reader:
        if row:
            yield skipped + reader.line_num, row


def _lines(file: TextIO) -> Iterator[str]:
    for number, line in enumerate(iter(partial(file.readline, LONGEST + 1), ""), 1):
        if len(line) > LONGEST:
            raise ValueError(f"line {number}: more than {LONGEST} characters")
        yield line


def _choose(header: list[str], number: int, time: str, columns: Sequence[str] | None) -> list[str]:
    """Return the names of the time column and of the columns of the state."""
    if all(map(_is_number, header)):
        raise ValueError(f"line {number}: there is no header; the first row must name the columns")
    if isinstance(columns, str):
        raise TypeError(f"columns: a list of names is needed, got {columns!r}")
    chosen = [time, *([name for name in header if name != time] if columns is None else columns)]
    there, asked = Counter(header), Counter(chosen)
    for name in chosen:
        if there[name] != 1 or asked[name] != 1:
            times, shown = "twice or more" if there[name] else "missing", shorten(", ".join(header), 300)
            raise ValueError(f"line {number}: column {brief(name)} is {times}; the header is {shown}")
    if len(chosen) < 2:
        raise ValueError("columns: one at least is needed beside the time")
    return chosen


def _check(table: np.ndarray, numbers: Sequence[int], names: list[str]) -> None:
    if len(table) < 2:
        raise ValueError(f"two rows are the least that make a step, found {len(table)}")
    finite = np.isfinite(table)
    if not finite.all():
        i, j = np.argwhere(~finite)[0]
        raise ValueError(f"line {numbers[i]}, column {brief(names[j])}: {table[i, j]} is not finite")
    t = table[:, 0]
    wrong = np.flatnonzero(np.sign(np.diff(t)) * np.sign(t[-1] - t[0]) <= 0)
    if wrong.size:
        i = wrong[0]
        raise ValueError(
            f"line {numbers[i + 1]}, column {names[0]!r}: {t[i + 1]:.15g} after {t[i]:.15g}; "
            "times must increase, or decrease, strictly"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
