"""``make rerun``: one notebook with other parameters; the book stays as it is."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from . import processes, profiles, results, seal, site
from .build import relative
from .execute import Job
from .files import lock, replace_folder, restore_folder, write
from .fingerprint import changes, fingerprint, kept_changes
from .parameters import checked, declared, parsed, short
from .project import Mistake, Project
from .record import from_json, recorded
from .terminal import Board

say = partial(print, flush=True)


def rerun(
    project: Project, notebook: str, given: str = "", profile: str | None = None, say: Callable[[str], None] = say
) -> int:
    """Execute ``notebook`` with the parameters of ``profile`` overridden by ``given``; return 0 on success.

    given: ``"tau=0.05 steps=500"``, quoted as in a shell. profile: by default that of the built book. The executed
    notebook and its HTML are written to ``runs/NOTEBOOK/HASH/``; the hash is that of all parameters.
    """
    site.check_version()
    names = project.pick([notebook])
    if len(names) > 1 and notebook not in names:
        raise Mistake(f"{notebook!r} is the beginning of {', '.join(names)}; name one")
    name = notebook if notebook in names else names[0]
    profile = profile or profile_of_book(project)
    base = profiles.load(project, profile)[name]
    allowed = {key: replace(one, default=base[key]) for key, one in declared(project.source(name)).items()}
    values = checked(parsed(given, allowed, name), allowed, name)
    wanted = fingerprint(project, name, values)
    folder = project.root / "runs" / name / sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:10]
    place = folder / f"{name}.ipynb"
    work = folder / "work"
    with lock(folder / ".lock", say) as held:
        restore_folder(folder / "html")
        made, why = results.made(place)
        if why or changes(made.get("fingerprint"), wanted) or kept_changes(project, made):
            source, output, beside = (relative(project, path) for path in (project.source(name), place, work))
            job = Job(name, source, output, beside, values, profile, project.commit(), wanted)
            outcome = processes.run([job], project.root, 1, [held], Board([name]))[name]
            if not outcome.good:
                return 1
        else:
            say("this run already exists, and nothing that it depends on has changed")
        page = folder / "html" / f"{name}.html"
        if not page.exists() or page.stat().st_mtime < place.stat().st_mtime:
            render(project, place, folder, work, held)
        shutil.rmtree(work, ignore_errors=True)
    changed = {key: value for key, value in values.items() if base[key] != value}
    say(f"\n{name}, {', '.join(f'{k} = {short(v)}' for k, v in changed.items()) or f'as in profile {profile}'}")
    say(table(book_numbers(project, profile, name), recorded(results.read(place))))
    say(f"\n{place.relative_to(project.root)}\n{page.relative_to(project.root)}")
    return 0


def profile_of_book(project: Project) -> str:
    """Return the profile of the built book; ``paper`` if there is none."""
    try:
        return seal.read(project.results)["profile"]
    except (OSError, seal.Damaged):
        return "paper"


def book_numbers(project: Project, profile: str, name: str) -> dict[str, dict]:
    """Return the notebook's numbers in the book of that profile; nothing if it has no valid ones."""
    place = project.executed(profile, name)
    return {} if results.made(place)[1] else recorded(results.read(place))


def table(book: dict[str, dict], now: dict[str, dict]) -> str:
    """Return a table of all recorded numbers: in the book, now, and the factor between the two."""
    rows = [("", "in the book", "now", "now / book")]
    for key in [*now, *(key for key in book if key not in now)]:
        was, is_ = book.get(key), now.get(key)
        rows.append((key, was["shown"] if was else "–", is_["shown"] if is_ else "–", ratio(was, is_)))
    a, b, c, d = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(f"{key:{a}}  {was:>{b}}  {is_:>{c}}  {by:>{d}}".rstrip() for key, was, is_, by in rows)


def ratio(was: dict | None, now: dict | None) -> str:
    """Return ``=`` for an unchanged number, otherwise the factor; nothing for values that have none."""
    values = [from_json(number["value"]) for number in (was, now) if number]
    numbers = [v for v in values if not isinstance(v, (bool, str))]
    if len(numbers) < 2:
        return ""
    if numbers[0] == numbers[1]:
        return "="
    return f"{numbers[1] / numbers[0]:.3g}" if numbers[0] else ""


def render(project: Project, notebook: Path, folder: Path, work: Path, held: int) -> None:
    """Make the page of one executed notebook, in the style of the book."""
    stage, beside = work / "stage", work / "site"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    for part in ("_static", "_ext"):
        if (project.root / "book" / part).exists():
            shutil.copytree(project.root / "book" / part, stage / "book" / part)
    for file in ("_config.yml", "references.bib"):
        if (project.root / file).exists():
            shutil.copy(project.root / file, stage)
    shutil.copy(notebook, stage)
    toc: dict[str, Any] = {"format": "jb-book", "root": notebook.stem}
    if (stage / "references.bib").exists():
        write(stage / "book" / "references.md", "# References\n\n```{bibliography}\n:filter: cited\n```\n")
        toc["chapters"] = [{"file": "book/references"}]
    (stage / "_toc.yml").write_text(yaml.safe_dump(toc))
    done = site.jupyter_book(project.root, stage, beside, held=[held])
    html = beside / "_build" / "html"
    page = html / f"{notebook.stem}.html"
    if not page.exists():
        raise site.SiteError(f"the page was not made\n{site.complaint(done.stderr, project)}")
    page.write_text(link_to_book(project, page.read_text(encoding="utf-8"), folder / "html"), encoding="utf-8")
    replace_folder(html, folder / "html")


def link_to_book(project: Project, html: str, folder: Path) -> str:
    """Point the links to other notebooks to the built book; if it has no such page, keep only the words."""

    def link(found: re.Match) -> str:
        target = project.html / "book" / "notebooks" / f"{found[1]}.html"
        words = found[2]
        return f'<a href="{os.path.relpath(target, folder)}">{words}</a>' if target.exists() else words

    return re.sub(r'<a class="reference internal" href="#([^"]*)">(<span class="xref myst">.*?</span>)</a>', link, html)
