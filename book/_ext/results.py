"""Sphinx extension: ``results`` shows results.yml as a table; ``results-record`` how the last full build was measured.

Numbers are those of this build, read from its executed notebooks, and of the last full build, kept in record.json.
A page of the paper profile shows its own only; any other shows both, labelled. A key that is not there is a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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

FULL = "paper"  # the profile that needs no other numbers beside its own
OURS = {"adam": "ours, Adam as in the paper", "lm": "ours, Levenberg–Marquardt"}
Missing = Callable[[str], None]  # is told, in words, which number is not there
say = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cell:
    """A cell of a table: markdown on one line, over how many columns and rows it goes, a class for its look."""

    text: str
    columns: int = 1
    rows: int = 1
    look: str = ""


@dataclass(frozen=True)
class Source:
    """Where numbers come from, and what to call it."""

    label: str
    numbers: Numbers


def sources(own: Numbers, profile: str, record: dict | None) -> list[Source]:
    """Return what a table shows: its own numbers, and before them the record's where this is no full build."""
    if profile == FULL or record is None:
        return [Source(f"this build ({profile})", own)]
    return [Source("last full build", record["numbers"]), Source(f"this build ({profile})", own)]


def shown(source: Source, notebook: str, keys: str | list[str] | None, unit: str, missing: Missing) -> str:
    """Return recorded numbers as their page shows them; a dash for no key."""
    texts = []
    for key in [keys] if isinstance(keys, str) else keys or ():
        number = source.numbers.get(notebook, {}).get(key)
        if number is None:
            missing(f"{source.label}: {notebook} has recorded no {key!r}")
        texts.append(number["shown"] if number else "?")
    return (" of ".join(texts) + f" {unit}".rstrip()) if texts else "–"


def unbroken(text: str) -> str:
    """Return the text with its numbers kept on one line: 1e-5 with a hyphen, 1 % with a space, that do not break."""
    return text.replace("e-", "e\u2011").replace(" %", "\u00a0%")


def head(given: list[Source], brief: bool) -> list[list[Cell]]:
    """Return the head's rows: one, or two where ours have more than one source."""
    deep, wide = 1 + (len(given) > 1), len(given)
    first = [Cell("claim", rows=deep), Cell("paper", rows=deep)]
    first += [] if brief else [Cell("the author's trained nets", rows=deep)]
    first += [Cell(name, columns=wide) for name in OURS.values()]
    return [first, [Cell(source.label) for _ in OURS for source in given]][:deep]


def body(groups: list[dict], given: list[Source], brief: bool, missing: Missing) -> list[list[Cell]]:
    """Return the table's rows. Each group begins with a row of one cell; in brief there are marked rows only."""
    rows = []
    for group in groups:
        chosen = [row for row in group["rows"] if not brief or "brief" in row]
        if not brief:
            title = f"{{doc}}`{group['experiment']} </book/notebooks/{group['notebook']}>`, {group['section']}"
            rows.append([Cell(title, columns=sum(cell.columns for cell in head(given, brief)[0]))])
        rows += [line(row, group["notebook"], given, brief, missing) for row in chosen]
    return rows


def line(row: dict, notebook: str, given: list[Source], brief: bool, missing: Missing) -> list[Cell]:
    """Return one claim's cells. A number of neither training has one cell for both, and all its sources in it."""

    def words(source: Source, keys: str | list[str] | None) -> str:
        return shown(source, notebook, keys, row.get("unit", ""), missing)

    figure, label = row["see"]
    cells = [Cell(f"[{figure}](#{label}): {row['brief'] if brief else row['claim']}"), Cell(unbroken(row["paper"]))]
    cells += [] if brief else [Cell(unbroken(row["code"]))]
    if "ours" in row:
        found = {source.label: words(source, row["ours"]) for source in given}
        alike = len(set(found.values())) == 1
        text = next(iter(found.values())) if alike else "; ".join(f"{name}: {n}" for name, n in found.items())
        return [*cells, Cell(text, columns=len(OURS) * len(given))]
    return [*cells, *(Cell(words(source, row.get(name)), look="number") for name in OURS for source in given)]


class Kept(SphinxDirective):
    """What both directives read. Their argument is results.yml; record.json and notebooks/ lie beside the page."""

    def file(self, name: str) -> Path:
        """Return a file beside the page; the page is built again when it changes."""
        name, path = self.env.relfn2path(name)
        self.env.note_dependency(name)
        return Path(path)

    def record(self) -> dict | None:
        """Return what was kept of the last full build; None before the first, or with a warning where it is damaged."""
        try:
            return seal.read(self.file("record.json"))
        except FileNotFoundError:
            return None
        except seal.Damaged as error:
            say.warning(f"{error}; make keep writes it", location=self.get_location())
            return None


class Results(Kept):
    """``results: FILE`` is the table; ``:brief:`` shows the marked rows only."""

    required_arguments = 1
    option_spec = {"brief": directives.flag}  # noqa: RUF012 docutils' form

    def run(self) -> list[nodes.Node]:
        groups = yaml.safe_load(self.file(self.arguments[0]).read_text(encoding="utf-8"))
        own, profile = self.built({group["notebook"] for group in groups})
        given, brief = sources(own, profile, self.record()), "brief" in self.options
        heads, rows = head(given, brief), body(groups, given, brief, self.missing)
        return [self.table(heads, rows)]

    def built(self, names: set[str]) -> tuple[Numbers, str]:
        """Return the numbers that the notebooks of this build recorded, and its profile."""
        paths = {name: self.file(f"notebooks/{name}.ipynb") for name in names}
        notebooks = {name: read(path) for name, path in paths.items() if path.exists()}
        profiles = {notebook.metadata["companion"]["profile"] for notebook in notebooks.values()}
        return {name: recorded(notebook) for name, notebook in notebooks.items()}, " and ".join(sorted(profiles))

    def missing(self, words: str) -> None:
        say.warning(words, location=self.get_location())

    def table(self, heads: list[list[Cell]], rows: list[list[Cell]]) -> nodes.table:
        """Return the table; the first column's cells are the header cells of their rows."""
        columns = sum(cell.columns for cell in heads[0])
        group = nodes.tgroup(cols=columns)
        group += [nodes.colspec(colwidth=1, stub=int(i == 0)) for i in range(columns)]
        group += nodes.thead("", *map(self.row, heads))
        group += nodes.tbody("", *map(self.row, rows))
        return nodes.table("", group, classes=["results"])

    def row(self, cells: list[Cell]) -> nodes.row:
        return nodes.row("", *map(self.entry, cells))

    def entry(self, cell: Cell) -> nodes.entry:
        parsed, messages = self.state.inline_text(cell.text, self.lineno)
        entry = nodes.entry("", nodes.paragraph("", "", *parsed), *messages, classes=cell.look.split())
        if cell.columns > 1:
            entry["morecols"] = cell.columns - 1
        if cell.rows > 1:
            entry["morerows"] = cell.rows - 1
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
