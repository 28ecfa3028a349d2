"""Whether a claim of the paper was reproduced: its bound, compared with what was recorded. Used by ``results``.

A row of results.yml states the bound with numbers, or with the keys of other recorded numbers:

``{below: 0.05}``, ``{above: KEY}``, ``{between: [0.5, 1.5]}``
    The claim is that the value lies there.
``{about: 5.3e-6}``
    The paper states this value. It is reproduced where it lies in the range over the seeds; smaller values are better.

``seeds: {kept: [KEY, KEY], range: [KEY, KEY]}`` names what was recorded over the seeds: how many of them keep the
bound, out of how many, and the least and the largest value. Without it the value of one seed is judged.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from companion.record import from_json

Look = Callable[[str], dict | None]  # from a key to what was recorded under it: {"value": …, "shown": …}
TEXTS = {"all": "reproduced", "some": "reproduced in part", "none": "**not reproduced**", "better": "better"}
LM_TEXTS = {"all": "yes", "some": "in part", "none": "no", "better": "better"}


def verdict(row: dict, look: Look) -> str:
    """Return the verdict on a row's claim: that on the paper's training, and that on ours where it is another."""
    if "bound" not in row:
        return "in words only" if row["paper"].startswith("“") else "–"
    (kind, given), over = next(iter(row["bound"].items())), row.get("seeds", {})
    limits = [value(one, look) for one in (given if isinstance(given, list) else [given])]
    key = row.get("ours") or row.get("adam")
    least, most = (value(end, look) for end in over.get("range", (key, key)))
    found, details = judge(kind, limits, least, most), []
    if "kept" in over:
        kept, tried = (value(one, look) for one in over["kept"])
        found = "all" if kept == tried else "some" if kept else "none"
        details.append("{} of {} seeds".format(*(shown(one, look) for one in over["kept"])))
    if "range" in over:
        details.append("{} to {}".format(*(shown(end, look) for end in over["range"])))
    if not over and "adam" in row:
        details.append("one seed")
    text = TEXTS[found] + (f" ({', '.join(details)})" if details else "")
    if "lm" in row and (ours := judge(kind, limits, *[value(row["lm"], look)] * 2)) != found:
        text += f"; Levenberg–Marquardt: {LM_TEXTS[ours]}"
    return text


def judge(kind: str, limits: list[float], least: float, most: float) -> str:
    """Return how many of the values from ``least`` to ``most`` keep the bound: ``all``, ``some``, ``none``.

    A stated value (``about``) is kept by all where it lies among them; ``better`` where all are smaller.
    """
    if kind == "about":
        return "better" if most < limits[0] else "all" if least <= limits[0] else "none"
    low, high = {"below": (-math.inf, *limits), "above": (*limits, math.inf), "between": limits}[kind]
    kept = [low < end < high for end in (least, most)]
    return "all" if all(kept) else "some" if any(kept) else "none"


def value(given: float | str, look: Look) -> float:
    """Return a number, or what was recorded under a key; what is missing is NaN, which keeps no bound."""
    if not isinstance(given, str):
        return given
    number = look(given)
    return float(from_json(number["value"])) if number else math.nan


def shown(key: str, look: Look) -> str:
    """Return a recorded number as its page shows it."""
    number = look(key)
    return number["shown"] if number else "?"
