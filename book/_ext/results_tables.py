"""Sphinx extension: ``results`` shows results.yml as a table; ``results-record`` how the last full build was measured.

The numbers are those of this build, read from its executed notebooks. Where the last full build, kept in record.json,
has another one, that follows in brackets; times are always those of the last full build. A page of the full build
itself shows its own numbers only. A key that this build did not record is a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml
from companion import seal
from companion.record import recorded
from companion.results import Numbers, read
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from pages import duration
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from verdicts import verdict

FULL = "paper"  # the profile of a full build
OURS = {"adam": "ours, Adam as in the paper", "lm": "ours, Levenberg–Marquardt"}
Missing = Callable[[str], None]  # is told, in words, which number is missing
say = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cell:
    """A cell of a table: markdown on one line, how many columns it spans, a class for its look."""

    text: str
    columns: int = 1
    look: str = ""


@dataclass(frozen=True)
class Given:
    """The numbers of this build, and those of the last full build beside them (none in a full build)."""

    own: Numbers
    kept: Numbers
    missing: Missing

    def look(self, notebook: str, key: str) -> dict | None:
        """Return what this build recorded under a key; tell where there is nothing."""
        number = self.own.get(notebook, {}).get(key)
        if number is None:
            self.missing(f"{notebook} has recorded no {key!r}")
        return number

    def shown(self, notebook: str, keys: str | list[str] | None, unit: str = "") -> str:
        """Return recorded numbers as their page shows them, ``a of b`` for two keys; a dash for no key."""
        keys = [keys] if isinstance(keys, str) else keys or []
        if not keys:
            return "–"
        own = [self.look(notebook, key) or {"shown": "?"} for key in keys]
        kept = [number for key in keys if (number := self.kept.get(notebook, {}).get(key))]
        if len(kept) < len(keys):  # the record is older than the key
            kept = own
        if any(number.get("timed") for number in own):
            own = kept
        texts = (" of ".join(number["shown"] for number in numbers) for numbers in (own, kept))
        here, there = (f"{text} {unit}".rstrip() for text in texts)
        return here if here == there else f"{here} (last full build: {there})"


def given(own: Numbers, profile: str, record: dict | None, missing: Missing) -> Given:
    """Return the numbers that a table shows."""
    return Given(own, {} if profile == FULL or record is None else record["numbers"], missing)


def unbroken(text: str) -> str:
    """Return the text with its numbers kept on one line: 1e-5 with a hyphen, 1 % with a space, that do not break."""
    return text.replace("e-", "e\u2011").replace(" %", "\u00a0%")


def head(brief: bool) -> list[Cell]:
    """Return the cells of the head of a table of claims."""
    names = ["claim", "paper", "verdict", *([] if brief else ["the author's trained nets"]), *OURS.values()]
    return [Cell(name) for name in names]


def body(groups: list[dict], found: Given, brief: bool) -> list[list[Cell]]:
    """Return the rows of a table of claims. Each group begins with a row of one cell; in brief, marked rows only."""
    rows = []
    for group in groups:
        chosen = [row for row in group["rows"] if ("brief" in row if brief else "unit" not in row)]
        if not brief:
            rows.append([Cell(f"{chapter(group)}, {group['section']}", columns=len(head(brief)))])
        rows += [line(row, group["notebook"], found, brief) for row in chosen]
    return rows


def chapter(group: dict) -> str:
    """Return the link to a group's chapter."""
    return f"{{doc}}`{group['experiment']} </book/notebooks/{group['notebook']}>`"


def times(groups: list[dict], found: Given) -> tuple[list[Cell], list[list[Cell]]]:
    """Return the head and the rows of the table of times: one row for each group, from its row with a unit."""
    names = ("training time", "Adam, plain autograd", "Adam, our compiled kernel", "Levenberg–Marquardt")
    rows = []
    for group in groups:
        for row in (row for row in group["rows"] if "unit" in row):
            ours = (found.shown(group["notebook"], row[name], row["unit"]) for name in OURS)
            rows.append([Cell(chapter(group)), *(Cell(text, look="number") for text in (row["code"], *ours))])
    return [Cell(name) for name in names], rows


def epochs(groups: list[dict], found: Given) -> tuple[list[Cell], list[list[Cell]]]:
    """Return the head and the rows of the table of epochs: how many a training has, how many this edition ran."""
    names = ("training", "epochs of Adam", "run by this edition")
    rows = []
    for group in groups:
        numbers = (found.look(group["notebook"], key) or {"shown": "?"} for key in group["epochs"])
        rows.append([Cell(chapter(group)), *(Cell(number["shown"], look="number") for number in numbers)])
    return [Cell(name) for name in names], rows


def line(row: dict, notebook: str, found: Given, brief: bool) -> list[Cell]:
    """Return one claim's cells. A number that belongs to neither training has one cell for both."""
    figure, label = row["see"]
    cells = [Cell(f"[{figure}](#{label}): {row['brief'] if brief else row['claim']}"), Cell(unbroken(row["paper"]))]
    cells.append(Cell(unbroken(verdict(row, partial(found.look, notebook)))))
    cells += [] if brief else [Cell(unbroken(row["code"]))]
    if "ours" in row:
        return [*cells, Cell(unbroken(found.shown(notebook, row["ours"])), columns=len(OURS))]
    texts = [unbroken(found.shown(notebook, row.get(name), row.get("unit", ""))) for name in OURS]
    return [*cells, *(Cell(text, look="" if "(" in text else "number") for text in texts)]


class Kept(SphinxDirective):
    """What both directives read: record.json and the folder notebooks/, both beside the page."""

    def file(self, name: str) -> Path:
        """Return a file beside the page; the page is built again when it changes."""
        name, path = self.env.relfn2path(name)
        self.env.note_dependency(name)
        return Path(path)

    def record(self) -> dict | None:
        """Return the record of the last full build; None before the first, or, with a warning, where it is damaged."""
        try:
            return seal.read(self.file("record.json"))
        except FileNotFoundError:
            return None
        except seal.Damaged as error:
            say.warning(f"{error}; make keep writes it", location=self.get_location())
            return None


class Results(Kept):
    """``results: FILE`` is the table of claims in results.yml, or with an option, another table of what is there."""

    required_arguments = 1
    option_spec = dict.fromkeys(("brief", "times", "epochs"), directives.flag)

    def run(self) -> list[nodes.Node]:
        groups = yaml.safe_load(self.file(self.arguments[0]).read_text(encoding="utf-8"))
        found = given(*self.built({group["notebook"] for group in groups}), self.record(), self.missing)
        for name, other in {"times": times, "epochs": epochs}.items():
            if name in self.options:
                return [self.table(*other(groups, found))]
        brief = "brief" in self.options
        return [self.table(head(brief), body(groups, found, brief))]

    def built(self, names: set[str]) -> tuple[Numbers, str]:
        """Return the numbers that the notebooks of this build recorded, and its profile."""
        paths = {name: self.file(f"notebooks/{name}.ipynb") for name in names}
        notebooks = {name: read(path) for name, path in paths.items() if path.exists()}
        profiles = {notebook.metadata["companion"]["profile"] for notebook in notebooks.values()}
        return {name: recorded(notebook) for name, notebook in notebooks.items()}, " and ".join(sorted(profiles))

    def missing(self, words: str) -> None:
        say.warning(words, location=self.get_location())

    def table(self, first: list[Cell], rows: list[list[Cell]]) -> nodes.table:
        """Return the table; the first column's cells are the header cells of their rows."""
        group = nodes.tgroup(cols=len(first))
        group += [nodes.colspec(colwidth=1, stub=int(i == 0)) for i in range(len(first))]
        group += nodes.thead("", self.row(first))
        group += nodes.tbody("", *map(self.row, rows))
        return nodes.table("", group, classes=["results"])

    def row(self, cells: list[Cell]) -> nodes.row:
        return nodes.row("", *map(self.entry, cells))

    def entry(self, cell: Cell) -> nodes.entry:
        parsed, messages = self.state.inline_text(cell.text, self.lineno)
        entry = nodes.entry("", nodes.paragraph("", "", *parsed), *messages, classes=cell.look.split())
        if cell.columns > 1:
            entry["morecols"] = cell.columns - 1
        return entry


class ResultsRecord(Kept):
    """``results-record``: machine, versions and times of the last full build."""

    def run(self) -> list[nodes.Node]:
        kept = self.record()
        lines = made(kept) if kept else ["No full build has been kept yet: `make book`, then `make keep`."]
        node = nodes.container()
        self.state.nested_parse(StringList(lines, source="record.json"), self.content_offset, node)
        return node.children


def made(kept: dict) -> list[str]:
    """Return the record in words, as lines of markdown: where and when, then a table of times."""
    machine = "on {cpu}, {cores} cores, {memory} GiB".format(**kept["hardware"])
    versions = ", ".join(f"{name} {version}" for name, version in kept["versions"].items())
    lines = [
        f"The last full build was made on {kept['date']} from commit {kept['commit'] or 'unknown'},",
        f"{machine}, with {versions}.",
        *("", "| chapter | run time |", "|---|---|"),
    ]
    times = {name: seconds for name, seconds in kept["seconds"].items() if name != "total"}
    lines += [f"| {{doc}}`/book/notebooks/{name}` | {duration(seconds)} |" for name, seconds in sorted(times.items())]
    return [*lines, f"| all, one after another | {duration(kept['seconds']['total'])} |"]


def setup(app) -> dict:
    app.add_directive("results", Results)
    app.add_directive("results-record", ResultsRecord)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
