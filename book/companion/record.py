"""One call glues a number into the page and stores it, at full precision, for ``_build/results.json``.

The executed notebook contains both. The glued text is an output as myst-nb's ``glue`` writes it, so that
``{glue:text}`key` `` shows it on this page and on others; the value is in the metadata of the same output.
"""

from __future__ import annotations

import math
import re
from typing import Any

from IPython import get_ipython
from IPython.display import display

Number = float | int | bool | str

PREFIX = "application/papermill.record/"  # myst-nb's: an output that is kept and not shown
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def record(key: str, value: Number, shown: str | None = None, *, timed: bool = False) -> None:
    """Record ``value`` under ``key``; the page shows it as ``shown.format(value)``.

    key: letters, digits, ``-``, ``_`` and ``.``; each once a notebook at most. value: a number, a truth value, a text,
    or a tensor or array with exactly one of them. shown: a format, by default as in :func:`usual`.
    timed: the value comes from a clock and may differ in the next build; all other values must not.
    Outside a notebook the arguments are checked and nothing else happens.
    """
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise ValueError(f"key: letters, digits, '-', '_' and '.' are allowed, got {key!r}")
    value = _plain(key, value)
    text = (shown or usual(value)).format(value)
    if get_ipython() is None:
        return
    glued = {"name": key, "mime_prefix": PREFIX}
    kept = {"key": key, "value": to_json(value), "shown": text} | ({"timed": True} if timed else {})
    display({f"{PREFIX}text/plain": repr(text)}, raw=True, metadata={"scrapbook": glued, "companion": kept})


def usual(value: Number) -> str:
    """Return the usual format of a value: two digits for a float, and commas in counts of five digits or more."""
    if isinstance(value, float):
        return "{:.1e}"
    return "{:,}" if type(value) is int and abs(value) >= 10_000 else "{}"


def percent(value: float) -> str:
    """Return a fraction in percent with two significant digits, for ``shown``: ``0.98 %``, ``19 %``, ``0.000037 %``.

    All that is larger is ``over 1000 %``: how far a network goes that has left its orbit means nothing.
    """
    hundredths = 100 * value
    if hundredths > 1000:
        return "over\N{NO-BREAK SPACE}1000\N{NO-BREAK SPACE}%"
    if not math.isfinite(hundredths) or hundredths == 0:
        return f"{hundredths:.0f}\N{NO-BREAK SPACE}%"
    digits = max(0, 1 - math.floor(math.log10(abs(float(f"{hundredths:.1e}")))))
    return f"{hundredths:.{digits}f}\N{NO-BREAK SPACE}%"


def _plain(key: str, value: Any) -> Number:
    if hasattr(value, "item"):
        try:
            value = value.item()
        except (RuntimeError, ValueError):
            raise ValueError(f"value: {key!r} needs one number, got the shape {tuple(value.shape)}") from None
    if not isinstance(value, (float, int, str)):  # a bool is an int
        raise TypeError(f"value: {key!r} needs a float, an int, a bool or a str, got {type(value).__name__}")
    return value


def to_json(value: Number) -> Number:
    """Return a value that JSON can represent: infinities and NaN become texts, ``"Infinity"`` and ``"NaN"``."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def from_json(value: Number) -> Number:
    """Undo :func:`to_json`."""
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value


def recorded(notebook: Any) -> dict[str, dict[str, Any]]:
    """Return ``{key: {"value": …, "shown": …}}`` of an executed notebook; times also have ``"timed": True``.

    Raises ValueError for a key used twice.
    """
    found: dict[str, dict[str, Any]] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if kept := output.get("metadata", {}).get("companion"):
                if kept["key"] in found:
                    raise ValueError(f"the key {kept['key']!r} is recorded twice; each is allowed once a notebook")
                found[kept["key"]] = {name: value for name, value in kept.items() if name != "key"}
    return found
