"""``python -m companion compare A B``: whether two builds have the same numbers; times are ignored."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from . import seal
from .project import Mistake
from .record import from_json
from .results import Numbers

say = partial(print, flush=True)


def compare(first: Path, second: Path, within: float = 0.0, say: Callable[[str], None] = say) -> int:
    """Say how two ``results.json`` or ``record.json`` differ; return 0 if they do not.

    within: the relative difference that is allowed. Numbers recorded as timed may differ by any amount.
    Raises Mistake if a file is missing or damaged.
    """
    a, b = load(first), load(second)
    found = list(differences(a, b, within))
    for words in found:
        say(words)
    timed = sum(number.get("timed", False) for keys in a.values() for number in keys.values())
    compared = sum(map(len, a.values())) - timed
    say(f"{len(found)} differences in {compared} numbers of {len(a)} notebooks; {timed} times not compared")
    return 1 if found else 0


def load(path: Path) -> Numbers:
    """Return the numbers of ``results.json`` or ``record.json``."""
    try:
        held = seal.read(path)
    except (FileNotFoundError, seal.Damaged) as error:
        raise Mistake(str(error)) from None
    notebooks = {name: keys for name, keys in held.items() if isinstance(keys, dict) and name != "versions"}
    return held.get("numbers", notebooks)


def differences(a: Numbers, b: Numbers, within: float = 0.0) -> Iterator[str]:
    """Yield each difference in words."""
    for name in sorted(a.keys() | b.keys()):
        was, now = a.get(name, {}), b.get(name, {})
        for key in sorted(was.keys() | now.keys()):
            if key not in was or key not in now:
                yield f"{name}: {key} is only in the {'first' if key in was else 'second'}"
            elif not (was[key].get("timed") and now[key].get("timed")):
                x, y = (from_json(number["value"]) for number in (was[key], now[key]))
                if not same(x, y, within):
                    yield f"{name}: {key} = {x!r}, {y!r}"


def same(x: float | bool | str, y: float | bool | str, within: float) -> bool:
    """Tell whether two values are equal, or numbers that differ by at most ``within`` of the larger."""
    if type(x) is float and type(y) is float:
        return x == y or (math.isnan(x) and math.isnan(y)) or math.isclose(x, y, rel_tol=within, abs_tol=0.0)
    return type(x) is type(y) and x == y
