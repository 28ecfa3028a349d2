"""The layout of one book: its folders, and the notebooks that its table of contents names."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

PLACE = re.compile(r"\d+_")  # of a chapter, before its name


class Mistake(Exception):
    """A user's mistake: the message says what was wrong and what is allowed. Nothing has run yet."""


@dataclass(frozen=True)
class Project:
    """One book: sources in ``notebooks/``, pages in ``book/``, everything generated in ``_build/`` and ``runs/``."""

    root: Path

    @property
    def build(self) -> Path:
        return self.root / "_build"

    @property
    def work(self) -> Path:
        """Emptied at the start of each build."""
        return self.build / "work"

    @property
    def html(self) -> Path:
        return self.build / "html"

    @property
    def results(self) -> Path:
        return self.build / "results.json"

    @property
    def record(self) -> Path:
        """The numbers of the last full build, which are committed."""
        return self.root / "book" / "record.json"

    @property
    def kept(self) -> Path:
        """The long trainings of the last full build, which are committed."""
        return self.root / "book" / "kept"

    @property
    def faults(self) -> Path:
        """The outcome of the last complete run of the fault suite, which is committed."""
        return self.root / "book" / "faults.json"

    @property
    def profiles(self) -> Path:
        return self.root / "book" / "profiles"

    def source(self, name: str) -> Path:
        return self.root / "notebooks" / f"{name}.py"

    def executed(self, profile: str, name: str) -> Path:
        """The last good execution of a notebook; each profile keeps its own."""
        return self.build / "executed" / profile / f"{name}.ipynb"

    def page(self, name: str) -> Path:
        """The copy of an executed notebook that Jupyter Book reads."""
        return self.root / "book" / "notebooks" / f"{name}.ipynb"

    def documents(self) -> tuple[str, ...]:
        """Return every document that ``_toc.yml`` names, without suffix, in the order of the book."""
        from sphinx_external_toc.parsing import MalformedError, parse_toc_yaml

        toc = self.root / "_toc.yml"
        if not toc.exists():
            raise Mistake(f"{toc.name}: not found in {self.root}; run from the folder of the book")
        try:
            return tuple(parse_toc_yaml(toc))
        except MalformedError as error:
            raise Mistake(f"{toc.name}: {error}") from None

    def notebooks(self) -> tuple[str, ...]:
        """Return the names of the notebooks, as in ``_toc.yml``; raise Mistake if it and ``notebooks/`` disagree."""
        folder = "book/notebooks/"
        listed = tuple(d.removeprefix(folder) for d in self.documents() if d.startswith(folder))
        there = {path.stem for path in (self.root / "notebooks").glob("*.py")}
        if lost := there.difference(listed):
            entries = ", ".join(f"{folder}{name}" for name in sorted(lost))
            raise Mistake(f"_toc.yml leaves out {_names(lost)} of notebooks/; add {entries}, or move the source away")
        if gone := set(listed) - there:
            raise Mistake(f"_toc.yml names notebooks without a source: {_names(gone)}; notebooks/ has {_names(there)}")
        if not listed:
            raise Mistake(f"_toc.yml names no notebook; {folder}NAME is needed, for each source in notebooks/")
        return listed

    def pick(self, wanted: list[str] | None) -> tuple[str, ...]:
        """Return the notebooks that ``wanted`` names; all of them for None.

        A word names a notebook in full, by its beginning, or by its place in the table of contents, ``4`` or ``04``.
        A place before a name is ignored, as in ``04_training``: names outlast the order of the chapters.
        """
        names = self.notebooks()
        chosen: set[str] = set()
        for word in wanted or ():
            found = {name for place, name in enumerate(names, 1) if _names_notebook(word, place, name)}
            if not found:
                raise Mistake(f"there is no notebook {word[:200]!r}; allowed: {', '.join(names)}")
            chosen |= found
        return tuple(name for name in names if not wanted or name in chosen)

    def commit(self) -> str | None:
        """Return the short commit of the sources, with a + where tracked files differ from it; None without git."""
        def git(*words: str) -> str:
            done = subprocess.run(["git", "-C", str(self.root), *words], capture_output=True, text=True, check=True)
            return done.stdout.strip()

        try:
            return git("rev-parse", "--short=10", "HEAD") + "+" * bool(git("status", "--porcelain", "-uno"))
        except (OSError, subprocess.CalledProcessError):
            return None


def _names_notebook(word: str, place: int, name: str) -> bool:
    """Tell whether ``word`` is the notebook's name, a beginning of it, or its place."""
    if re.fullmatch(r"\d{1,3}", word) and int(word) == place:
        return True
    return bool(word) and name.startswith((word, PLACE.sub("", word, count=1) or word))


def _names(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
