"""Sphinx extension: ``rooms`` draws how the rooms of the library import from one another, as the imports say.

Each room is a box in a list, with its name, which leads to its API page, and the first sentence of its docstring. It
stands above the rooms that it imports from. All boxes have the same height. An SVG beside the list has the arrows; its
unit of height is one box.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from html import escape
from pathlib import Path

from docutils import nodes
from import_graph import Graph, direct, downwards, files, rooms
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

say = logging.getLogger(__name__)


def first_sentence(path: Path) -> str:
    """Return the first sentence of a file's docstring as plain words."""
    text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split())
    text = re.sub(r":\w+:`~?([^`]*)`", r"\1", text).replace("`", "")
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]


def curves(graph: Graph, order: list[str]) -> list[str]:
    """Return the path of each arrow, from the middle of one box to that of another; longer ones go further out.

    x goes from 0, where the widest curve is, to 1 at the boxes; y counts boxes.
    """
    ends = [(order.index(a), order.index(b)) for a, others in graph.items() for b in others]
    longest = max(below - above for above, below in ends)
    found = []
    for above, below in sorted(ends):
        x = 1 - 4 / 3 * (below - above) / longest  # a cubic curve reaches three quarters of its control points
        found.append(f"M1 {above + 0.5}C{x:.3f} {above + 0.5} {x:.3f} {below + 0.5} 1 {below + 0.5}")
    return found


def listed(names: set[str]) -> str:
    """Return names in words: a, b and c."""
    *first, last = sorted(names)
    return f"{', '.join(first)} and {last}" if first else last


def spoken(graph: Graph, order: list[str]) -> str:
    """Return the text alternative: what each room imports from."""
    lines = [f"{name} imports from {listed(graph[name]) if graph[name] else 'no other room'}" for name in order]
    return f"The rooms of the library. {'; '.join(lines)}."


def drawing(root: Path, address: Callable[[str], str]) -> str:
    """Return the drawing as HTML. address: from the name of a room to the address of its API page."""
    graph = rooms(root)
    order, arrows = downwards(graph), direct(graph)
    reached = set().union(*arrows.values())
    boxes = []
    for name in order:
        said = first_sentence(files(root).get(name) or files(root)[f"{name}.__init__"])
        said = said[said.find(": ") + 1 :].strip()  # what follows the title, or all of it
        kinds = ["from"] * bool(arrows[name]) + ["to"] * (name in reached)
        link = f'<a href="{escape(address(name))}"><code>{name}</code></a>'
        boxes.append(f'<li class="{" ".join(kinds)}">{link} {escape(said[:1].upper() + said[1:])}</li>')
    path = f'<path d="{"".join(curves(arrows, order))}"/>'
    box = f'viewBox="0 0 1 {len(order)}" preserveAspectRatio="none"'
    picture = f'<svg {box} role="img" aria-label="{escape(spoken(graph, order))}">{path}</svg>'
    return f'<div class="rooms">{picture}<ul>{"".join(boxes)}</ul></div>'


class Placeholder(nodes.General, nodes.Element):
    """Stands for the drawing until the API pages are known."""


class Rooms(SphinxDirective):
    """Has no arguments: the library is in the folder ``locsym`` of the book."""

    def run(self) -> list[nodes.Node]:
        for path in files(Path(self.env.srcdir) / "locsym").values():
            self.env.note_dependency(str(path))
        return [Placeholder()]


def draw(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Draw in the place of each placeholder."""
    root = Path(app.srcdir) / "locsym"

    def address(name: str) -> str:
        found = app.env.domaindata["py"]["modules"].get(f"{root.name}.{name}")
        if found is None:
            say.warning("the room %s is on no API page", name, location=docname)
            return "#"
        return f"{app.builder.get_relative_uri(docname, found.docname)}#{found.node_id}"

    for place in list(doctree.findall(Placeholder)):
        place.replace_self(nodes.raw("", drawing(root, address), format="html"))


def setup(app: Sphinx) -> dict:
    app.add_node(Placeholder)
    app.add_directive("rooms", Rooms)
    app.connect("doctree-resolved", draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
