"""``make book``: profile → executed notebooks → numbers within bounds → checked site. Only what has changed runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import processes, profiles, results, site
from .execute import Job
from .files import lock, restore_folder, write
from .fingerprint import changes, fingerprint, kept_changes
from .project import Project
from .terminal import Board

Say = Callable[[str], None]
say = partial(print, flush=True)


@dataclass(frozen=True)
class Plan:
    """What a build is going to do: a job for each notebook that will run, and the reasons in words."""

    names: tuple[str, ...]
    jobs: tuple[Job, ...]
    reasons: dict[str, list[str]]


def plan(project: Project, profile: str, only: list[str] | None = None) -> Plan:
    """Decide which notebooks run, and why. Raises Mistake if the profile or the parameters are wrong."""
    parameters = profiles.load(project, profile)
    commit = project.commit()
    jobs, reasons = [], {}
    for name, values in parameters.items():
        output = project.executed(profile, name)
        made, why = results.made(output)
        wanted = fingerprint(project, name, values)
        reasons[name] = [why] if why else changes(made.get("fingerprint"), wanted) + kept_changes(project, made)
        if reasons[name]:
            job = Job(
                name, relative(project, project.source(name)), relative(project, output),
                relative(project, project.work / name), values, profile, commit, wanted, gate=True,
            )
            jobs.append((-made.get("companion", {}).get("seconds", 0), job))
    picked = project.pick(only)
    longest_first = [job for _, job in sorted(jobs, key=lambda pair: pair[0]) if job.name in picked]
    return Plan(tuple(parameters), tuple(longest_first), reasons)


def relative(project: Project, path: Path) -> str:
    return path.relative_to(project.root).as_posix()


def build(
    project: Project,
    profile: str = "paper",
    only: list[str] | None = None,
    jobs: int | None = None,
    dry_run: bool = False,
    with_site: bool = True,
    say: Say = say,
) -> int:
    """Build the book; return 0 if all of it is good.

    only: the notebooks that may run, named in full or by their beginning; the site is built once the others are up to
    date too. jobs: how many notebooks run at a time, by default one for each processor. dry_run: only say what would be
    done, and why.
    """
    if with_site:
        site.check_version()
    if dry_run:
        return explain(project, profile, only, say)
    with lock(project.build / ".lock", say) as held:
        shutil.rmtree(project.work, ignore_errors=True)
        restore_folder(project.html)
        decided = plan(project, profile, only)
        ruled = results.bounds(project, profile)
        say(f"profile {profile}: {len(decided.jobs)} of {len(decided.names)} notebooks to run")
        board = Board([job.name for job in decided.jobs])
        outcomes = processes.run(decided.jobs, project.root, jobs or processes.cores(), [held], board)
        good = {name for name, outcome in outcomes.items() if outcome.good}
        stale = [name for name, why in decided.reasons.items() if why and name not in good]
        found = results.numbers(project, profile, [name for name in decided.names if name not in stale])
        beyond = results.broken(found, ruled)
        for words in beyond:
            say(f"out of bounds (book/bounds.yml): {words}")
        if beyond or len(good) < len(outcomes):
            if failed := ", ".join(outcomes.keys() - good):
                say(f"failed: {failed}")
            say("The book was left as it was; what ran well is kept. Mend the above and run the same command again.")
            return 1
        if stale:
            say(f"The site was left as it was: {', '.join(stale)} must run first (leave out --only).")
            return 0
        return publish(project, profile, decided.names, found, held, say) if with_site else 0


def publish(
    project: Project, profile: str, names: tuple[str, ...], found: results.Numbers, held: int, say: Say
) -> int:
    """Build the site if something has changed, then write the numbers beside it."""
    made_from = site.inputs(project, profile, names)
    if site.changes(project, made_from):
        say("site: jupyter-book …")
        try:
            site.build(project, profile, names, made_from, [held])
        except site.SiteError as error:
            say(f"\n{error}\n\nThe site has warnings, which are errors here; the last good one was left in place.")
            return 1
    else:
        say("site: nothing changed")
    write(project.results, results.text(project, profile, found))
    say(f"{relative(project, project.html)}/index.html   numbers: {relative(project, project.results)}")
    return 0


def explain(project: Project, profile: str, only: list[str] | None, say: Say) -> int:
    """Say which notebooks would run, and why."""
    decided = plan(project, profile, only)
    would = {job.name for job in decided.jobs}
    width = max(map(len, (*decided.names, "site")))
    say(f"profile {profile}: {len(would)} of {len(decided.names)} notebooks would run")
    for name in decided.names:
        why = "; ".join(decided.reasons[name])
        say(f"  {name:{width}}  " + (f"runs: {why}" if name in would else f"left out: {why}" if why else "up to date"))
    if not any(decided.reasons.values()):
        new = site.changes(project, site.inputs(project, profile, decided.names))
        say(f"  {'site':{width}}  " + (f"built: {'; '.join(new)}" if new else "up to date"))
    return 0
