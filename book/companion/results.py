"""All numbers that pages glue, in one file, ``_build/results.json``, and the bounds that they must keep."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat

from . import seal
from .fingerprint import versions
from .parameters import literal
from .project import Mistake, Project
from .record import from_json, recorded

Numbers = dict[str, dict[str, dict[str, Any]]]  # {notebook: {key: {"value": …, "shown": …}}}
RULES = {"min", "max", "is"}


def numbers(project: Project, profile: str, names: Iterable[str]) -> Numbers:
    """Return the recorded numbers of the executed notebooks."""
    return {name: recorded(read(project.executed(profile, name))) for name in names}


def read(path: Path) -> Any:
    """Return the executed notebook in the file ``path``. Raises Damaged where it is not as it was written."""
    return nbformat.reads(json.dumps(seal.read(path)), as_version=4)


def made(path: Path) -> tuple[dict[str, Any], str]:
    """Return the metadata of an executed notebook, and in words why it is not valid: it is missing or damaged."""
    try:
        return read(path).metadata, ""
    except FileNotFoundError:
        return {}, "never executed in this profile"
    except seal.Damaged as error:
        return {}, str(error)


def text(project: Project, profile: str, found: Numbers) -> str:
    """Return the text of ``_build/results.json``: profile, commit, versions, then the numbers of each notebook."""
    made = {"profile": profile, "commit": project.commit(), "versions": versions()}
    return json.dumps(seal.seal(made | found), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def bounds(project: Project, profile: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Return ``{notebook: {key: {"min": …, "max": …}}}`` of ``book/bounds.yml`` for one profile.

    A rule is ``min``, ``max`` (both inclusive) or ``is``. Rules for one profile only stand below its name:
    ``key: {max: 1.0, paper: {max: 1e-6}}``. An empty rule, ``{}``, allows any value.
    """
    path = project.root / "book" / "bounds.yml"
    if not path.exists():
        return {}
    given = literal(path.read_text(encoding="utf-8")) or {}
    profiles = {p.stem for p in project.profiles.glob("*.yml")}
    ruled: dict[str, dict[str, dict[str, Any]]] = {}
    for name, keys in given.items():
        if name not in project.notebooks():
            raise Mistake(f"bounds.yml names {name!r}; allowed: {', '.join(project.notebooks())}")
        for key, rule in (keys or {}).items():
            rule = rule or {}
            if not isinstance(rule, dict) or not set(rule) <= RULES | profiles:
                raise Mistake(f"bounds.yml, {name}, {key}: {rule!r}; allowed: {', '.join(sorted(RULES | profiles))}")
            common = {word: value for word, value in rule.items() if word in RULES}
            ruled.setdefault(name, {})[key] = common | (rule.get(profile) or {})
    return ruled


def broken(found: Numbers, ruled: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    """Return in words which bounds the notebooks in ``found`` break. A missing number breaks its bound."""
    words = []
    for name, rules in ruled.items():
        for key, rule in rules.items():
            if name in found and key not in found[name]:
                words.append(f"{name}: {key} was not recorded")
            elif name in found and not kept(value := from_json(found[name][key]["value"]), rule):
                words.append(f"{name}: {key} = {value!r}, bounds {rule}")
    return words


def unbounded(found: Numbers, ruled: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    """Return the recorded numbers that no line of ``bounds.yml`` mentions."""
    return [f"{name}: {key}" for name, keys in found.items() for key in keys if key not in ruled.get(name, {})]


def kept(value: Any, rule: dict[str, Any]) -> bool:
    """Tell whether a value keeps a rule; NaN and texts never keep a ``min`` or a ``max``."""
    if "is" in rule and value != rule["is"]:
        return False
    if "min" not in rule and "max" not in rule:
        return True
    number = isinstance(value, (int, float)) and not math.isnan(value)
    return number and rule.get("min", -math.inf) <= value <= rule.get("max", math.inf)
