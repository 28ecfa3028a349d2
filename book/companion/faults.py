"""``make faults``: the outcome of the fault suite, in one small committed file, for the book."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from .files import write
from .project import Mistake, Project
from .seal import seal

KINDS = ("killed", "disk", "files", "parameters", "two at once", "planted", "shapes")
say = partial(print, flush=True)


def faults(project: Project, say: Callable[[str], None] = say) -> int:
    """Write ``book/faults.json`` from the last complete run of tests/faults; raise Mistake if that run was not good."""
    try:
        found = json.loads((project.build / "faults.json").read_text(encoding="utf-8"))
        wrong = problems(found)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        raise Mistake("there is no complete run of tests/faults; run all of that folder first") from None
    if wrong:
        raise Mistake(f"the last run of tests/faults is not kept: {'; '.join(wrong)}")
    write(project.faults, json.dumps(seal(found), indent=1, ensure_ascii=False) + "\n")
    total = sum(tried for kinds in found["faults"].values() for tried, _ in kinds.values())
    say(f"{project.faults.relative_to(project.root)}: {total} faults tried, all survived")
    return 0


def problems(found: dict[str, Any]) -> list[str]:
    """Return in words why a record is not good: a test failed, a kind is missing, or a fault was not survived."""
    words = [f"{found['tests']['failed']} tests failed"] if found["tests"]["failed"] else []
    words += [f"nothing of the kind {kind!r} was tried" for kind in KINDS if not found["faults"].get(kind)]
    return words + [
        f"{kind}, {what}: {survived} of {tried} survived"
        for kind, whats in found["faults"].items()
        for what, (tried, survived) in whats.items()
        if survived < tried or not tried
    ]
