"""``make keep``: what the project keeps of the last full build: its numbers in one file, and its long trainings."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from . import processes, results, seal
from .build import plan
from .files import lock, write
from .project import Mistake, Project

FULL = "paper"  # the profile whose numbers are kept
say = partial(print, flush=True)


def keep(project: Project, to: Path | None = None, say: Callable[[str], None] = say) -> int:
    """Write ``book/record.json`` and ``book/kept/`` from a good build of the paper profile.

    to: another file for the numbers; the trainings are then left alone.

    Raises Mistake when the last build was of another profile, left something out, or no longer holds.
    """
    with lock(project.build / ".lock", say):
        last = last_build(project)
        decided = plan(project, FULL)
        if stale := [name for name, why in decided.reasons.items() if why]:
            raise Mistake(f"the last build no longer holds, {', '.join(stale)} must run again; make book first")
        found = results.numbers(project, FULL, decided.names)
        if beyond := results.broken(found, results.bounds(project, FULL)):
            raise Mistake(f"out of bounds (book/bounds.yml): {'; '.join(beyond)}")
        if {name: last.get(name) for name in decided.names} != found:
            raise Mistake("the last build left something out; make book first")
        made = {name: results.read(project.executed(FULL, name)).metadata["companion"] for name in found}
        trainings = keep_trainings(project, made) if to is None else 0
        place = to or project.record
        held = seal.seal(contents(project, last, found, made))
        write(place, json.dumps(held, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    say(f"{place}: {sum(map(len, found.values()))} numbers of {len(found)} notebooks")
    if trainings:
        say(f"{project.kept}: {trainings} trainings")
    return 0


def last_build(project: Project) -> dict[str, Any]:
    """Return what the last good build wrote to ``_build/results.json``; raise when that was no full build."""
    try:
        last = seal.read(project.results)
    except FileNotFoundError:
        raise Mistake("there is no build to keep; make book first") from None
    except seal.Damaged as error:
        raise Mistake(f"{error}; make book first") from None
    if last["profile"] != FULL:
        raise Mistake(f"the last build is of the profile {last['profile']!r}, only {FULL!r} is kept; make book first")
    return last


def keep_trainings(project: Project, made: dict[str, Any]) -> int:
    """Write the long trainings that the notebooks showed to ``book/kept/``; return how many there are."""
    told = {told["key"]: told["experiment"] for about in made.values() for told in about["trainings"]}
    if told:
        from locsym.experiments import Experiment

        from . import kept

        kept.keep(project.kept, map(Experiment.from_dict, told.values()))
    return len(told)


def contents(project: Project, last: dict[str, Any], found: results.Numbers, made: dict[str, Any]) -> dict[str, Any]:
    """Return what the record holds: the numbers, and what they depend on."""
    seconds = {name: round(metadata["seconds"], 1) for name, metadata in made.items()}
    return {
        "commit": last["commit"],
        "date": max(metadata["executed"] for metadata in made.values()),
        "versions": last["versions"],
        "hardware": hardware(),
        "seconds": seconds | {"total": round(sum(seconds.values()), 1)},
        "experiments": experiments(),
        "trainings": sorted({told["key"] for about in made.values() for told in about["trainings"]}),
        "parameters": {name: metadata["parameters"] for name, metadata in made.items()},
        "numbers": found,
    }


def experiments() -> dict[str, str]:
    """Return the key of each experiment that ``locsym.experiments`` names: another key is another experiment."""
    from locsym import experiments

    named = vars(experiments).items()
    return {name: value.key for name, value in named if isinstance(value, experiments.Experiment)}


def hardware() -> dict[str, Any]:
    """Return the processor's name, how many of its cores there are for us, and the memory in GiB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cpu": processor(), "cores": processes.cores(), "memory": round(memory)}


def processor() -> str:
    """Return the model of the processor, as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())
