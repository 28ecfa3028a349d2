"""Sphinx extension: ``paper-map`` turns paper_map.yml into a table of links, item → function → test → page."""

from __future__ import annotations

from pathlib import Path

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

HEAD = ("In the paper", "What it says", "Page", "Function", "Test")


def load(path: Path) -> list[dict]:
    """Return the entries of the map; each has item, says, code (a list), test, page and a label on that page."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def held(test: str) -> str:
    """Return a test's name in the table; for a test of a number, ``file::test[notebook-key]``, the number's key."""
    name, _, case = test.rstrip("]").partition("[")
    return f"number `{case.partition('-')[2]}`" if case else f"`{name}`"


def row(entry: dict) -> list[str]:
    """Return one entry as five cells of markdown."""
    item = f"[{entry['item']}](#{entry['label']})" if "label" in entry else entry["item"]
    code = " ".join(f"{{py:obj}}`~{name}`" for name in entry.get("code", []))
    tests = " ".join(map(held, entry.get("test", [])))
    page = f"{{doc}}`/{entry['page']}`" if "page" in entry else ""
    return [item, entry["says"], page, code, tests]


class PaperMap(SphinxDirective):
    """``paper-map: FILE``, relative to the page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(name)
        lines = ["::::{list-table}", ":header-rows: 1", ":widths: 9 24 17 20 30", ":class: paper-map", ""]
        for cells in [list(HEAD), *map(row, load(Path(path)))]:
            lines += [("* - " if i == 0 else "  - ") + cell for i, cell in enumerate(cells)]
        node = nodes.container()
        self.state.nested_parse(StringList([*lines, "::::"], source=path), self.content_offset, node)
        return node.children


def setup(app) -> dict:
    app.add_directive("paper-map", PaperMap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
