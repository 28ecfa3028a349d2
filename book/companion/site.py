"""From executed notebooks and prose to HTML with Jupyter Book 1; a warning or a missing page is an error."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from .files import replace_folder, write
from .fingerprint import digests
from .project import Mistake, Project
from .results import read
from .seal import sealed_notebook

INPUTS = ("_config.yml", "_toc.yml", "references.bib", "book", "locsym", "CHANGELOG.md")
NOT_INPUTS = ("book/notebooks/", "book/companion/", "book/profiles/", "book/bounds.yml", "book/kept/")
STAMP = ".inputs.json"  # in the built site: what it was built from, and the files it consists of


class SiteError(Exception):
    """The site could not be built; the last good one is untouched."""


def check_version() -> None:
    """Refuse any Jupyter Book but 1: version 2 reads another configuration, builds nothing, and reports success."""
    try:
        found = metadata.version("jupyter-book")
    except metadata.PackageNotFoundError:
        found = "none"
    if found.split(".")[0] != "1":
        raise Mistake(
            f"jupyter-book 1 is needed, this environment has {found}; `make env`, or "
            "pip install -c constraints.txt 'jupyter-book>=1.0.4,<2'"
        )


def inputs(project: Project, profile: str, names: tuple[str, ...]) -> dict[str, str]:
    """Return hashes of the site's inputs: prose, configuration, style, ``locsym``, executed notebooks."""
    places = [project.root / place for place in INPUTS if (project.root / place).exists()]
    found = {name: hash for name, hash in digests(project.root, places).items() if not name.startswith(NOT_INPUTS)}
    for name in names:
        found |= digests(project.build / "executed", [project.executed(profile, name)])
    return found


def changes(project: Project, now: dict[str, str]) -> list[str]:
    """Return in words why the site must be built again; nothing if it is up to date."""
    try:
        stamp = json.loads((project.html / STAMP).read_text())
        was, made = dict(stamp["from"]), dict(stamp["files"])
    except (OSError, ValueError, TypeError, KeyError):
        return ["never built"]
    if made != digests(project.html, [project.html]):
        return [f"{project.html.name}/ is not as it was built"]
    return [f"{name} changed" for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]


def build(
    project: Project, profile: str, names: tuple[str, ...], made_from: dict[str, str], held: Sequence[int] = ()
) -> None:
    """Build the site in a temporary folder, check it, and put it in place. On SiteError the last good one stays.

    held: descriptors of locks, kept as long as Jupyter Book runs.
    """
    place_notebooks(project, profile, names)
    beside = project.work / "site"
    shutil.rmtree(beside, ignore_errors=True)
    done = jupyter_book(project.root, project.root, beside, "-n", "-W", "--keep-going", held=held)
    if done.returncode:
        raise SiteError(complaint(done.stderr, project))
    html = beside / "_build" / "html"
    if missing := [page for page in project.documents() if not (html / f"{page}.html").exists()]:
        raise SiteError(f"pages named in _toc.yml were not built: {', '.join(missing)}\n{done.stdout[-2000:]}")
    write(html / STAMP, json.dumps({"from": made_from, "files": digests(html, [html])}, indent=1))
    replace_folder(html, project.html)


def place_notebooks(project: Project, profile: str, names: tuple[str, ...]) -> None:
    """Copy the executed notebooks to where Jupyter Book reads them, and nothing else."""
    for old in project.page("x").parent.glob("*.ipynb"):
        if old.stem not in names:
            old.unlink()
    for name in names:
        notebook = read(project.executed(profile, name))
        notebook.metadata.pop("fingerprint", None)
        write(project.page(name), sealed_notebook(notebook))


def jupyter_book(
    root: Path, source: Path, beside: Path, *options: str, held: Sequence[int] = ()
) -> subprocess.CompletedProcess:
    """Run ``jupyter-book build`` on the folder ``source``; the HTML is written to ``beside/_build/html``."""
    run = "from companion.execute import end_with_parent as end; end(); from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", run, "build", str(source), "--path-output", str(beside), "-q", *options]
    beside.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        command, cwd=root, capture_output=True, text=True, stdin=subprocess.DEVNULL, pass_fds=tuple(held)
    )


def complaint(stderr: str, project: Project) -> str:
    """Return the warnings and errors of a site build, with paths relative to the root; all of it if there are none."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", stderr).replace(f"{project.root}/", "").splitlines()
    said = [line for line in lines if re.search(r"WARNING|ERROR|CRITICAL|[Ee]xception", line)]
    place = re.compile(r"^book/notebooks/(\w+)\.ipynb:(\d+)")
    told = (place.sub(lambda m: in_source(project, m[1], int(m[2])), line) for line in said or lines[-40:])
    return "\n".join(dict.fromkeys(told))


def in_source(project: Project, name: str, number: int) -> str:
    """Return ``notebooks/NAME.py:LINE`` for myst-nb's number: 10000 a cell, plus the line after a paragraph's first."""
    cell, line = divmod(number, 10_000)
    source = f"notebooks/{name}.py"
    try:
        wanted = read(project.page(name)).cells[cell - 1].source.splitlines()[max(line - 2, 0)]
    except (OSError, IndexError):
        return f"{source} (cell {cell})"
    lines = project.source(name).read_text(encoding="utf-8").splitlines()
    found = [i for i, text in enumerate(lines, 1) if text in (wanted, f"# {wanted}")]
    return f"{source}:{found[0]}" if len(found) == 1 else f"{source} (cell {cell}: {wanted!r})"
