"""Sphinx extension: ``faults`` shows faults.json, beside the page: the faults that were tried and survived."""

from __future__ import annotations

from pathlib import Path

from companion import seal
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

say = logging.getLogger(__name__)


class Faults(SphinxDirective):
    """The last complete run of the fault suite that was recorded."""

    def run(self) -> list[nodes.Node]:
        name, path = self.env.relfn2path("faults.json")
        self.env.note_dependency(name)
        lines = ["No run has been recorded yet; `make faults` does it."]
        try:
            lines = told(seal.read(Path(path)))
        except FileNotFoundError:
            pass
        except seal.Damaged as error:
            say.warning(f"{error}; make faults writes it", location=self.get_location())
        node = nodes.container()
        self.state.nested_parse(StringList(lines, source="faults.json"), self.content_offset, node)
        return node.children


def told(found: dict) -> list[str]:
    """Return the record as lines of markdown: a table with one row for each kind, then its date, commit and tests.

    ``executed notebook: emptied`` and ``executed notebook: cut off`` are merged into ``executed notebook``.
    """
    lines, total = ["| kind | what was attacked | tried | survived |", "|---|---|--:|--:|"], [0, 0]
    for kind, whats in found["faults"].items():
        tried, survived = (sum(counts) for counts in zip(*whats.values(), strict=True))
        total = [total[0] + tried, total[1] + survived]
        subjects = dict.fromkeys(what.partition(":")[0] for what in whats)
        lines.append(f"| {kind} | {'; '.join(subjects)} | {tried} | {survived} |")
    lines.append(f"| all | | {total[0]} | {total[1]} |")
    tests = ", ".join(f"{number} {outcome}" for outcome, number in found["tests"].items() if number)
    return [*lines, "", f"Recorded by the run itself on {found['date']}, commit {found['commit']}; tests: {tests}."]


def setup(app) -> dict:
    app.add_directive("faults", Faults)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
