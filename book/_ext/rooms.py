"""Sphinx extension: ``rooms`` draws how the rooms of the library import from one another, as the imports say.

Each room is a box with its name, which leads to its API page, and the first sentence of its docstring. The boxes are
a list on a grid; behind them, an SVG has the arrows, in units of that grid. On a phone only the list is shown.
"""

from __future__ import annotations

from html import escape
from itertools import combinations, pairwise, permutations
from pathlib import Path

from docutils import nodes
from import_graph import Graph, files, first_sentence, reduced, rooms, upwards
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

BOX, GAP = 5, 2  # heights, in units of the grid
Cell = tuple[int, int]  # row, from the top; column
say = logging.getLogger(__name__)


def rows(graph: Graph) -> list[list[str]]:
    """Return the rooms row by row, the highest first: each as low as its imports allow; without any arrow, on top."""
    level: dict[str, int] = {}
    for name in upwards(graph):
        level[name] = 1 + max((level[other] for other in graph[name]), default=-1)
    top, used = max(level.values()), set().union(*graph.values())
    level |= {name: top for name in graph if not graph[name] and name not in used}
    return [sorted(name for name in graph if level[name] == i) for i in range(top, -1, -1)]


def paths(graph: Graph, table: list[list[str]]) -> list[list[tuple[int, str]]]:
    """Return each arrow as the stations ``(row, name)`` that it passes; between its ends they are free places."""
    row = {name: i for i, names in enumerate(table) for name in names}
    arrows = sorted((a, b) for a, others in graph.items() for b in others)
    return [[(row[a], a), *((i, f"{a} {b}") for i in range(row[a] + 1, row[b])), (row[b], b)] for a, b in arrows]


def places(table: list[list[str]], arrows: list[list[tuple[int, str]]]) -> dict[tuple[int, str], Cell]:
    """Return the cell of each room and of each free place that an arrow needs: arrows are short and cross little.

    The cost of an arrangement is a sum over neighbouring rows, so the best one is found row by row.
    """
    stations = [sorted({*names, *(n for path in arrows for i, n in path if i == r)}) for r, names in enumerate(table)]
    columns = max(map(len, stations))
    steps = [{(a[1], b[1]) for path in arrows for a, b in pairwise(path) if b[0] == r} for r in range(len(table))]

    def cost(above: dict[str, int], below: dict[str, int], r: int) -> float:
        ends = [(above[a], below[b]) for a, b in steps[r]]
        crossings = sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(ends, 2))
        middle = sum((2 * column - columns + 1) ** 2 for column in below.values())  # decides among equals
        return sum((a - b) ** 2 for a, b in ends) + 3 * crossings + 0.01 * middle

    best: list[tuple[float, list[dict[str, int]]]] = [(0.0, [])]
    for r, names in enumerate(stations):
        options = [dict(zip(names, chosen, strict=True)) for chosen in permutations(range(columns), len(names))]
        best = [
            min(((spent + cost(path[-1] if path else {}, option, r), [*path, option]) for spent, path in best),
                key=lambda found: found[0])
            for option in options
        ]  # fmt: skip
    found = min(best, key=lambda one: one[0])[1]
    return {(r, name): (r, column) for r, chosen in enumerate(found) for name, column in chosen.items()}


def spoken(graph: Graph) -> str:
    """Return the text alternative: what each room imports from."""
    lines = []
    for name in reversed(upwards(graph)):
        others = sorted(graph[name])
        words = f"{', '.join(others[:-1])} and {others[-1]}" if len(others) > 1 else "".join(others)
        lines.append(f"{name} imports from {words}" if others else f"{name} imports from no other room")
    return f"The rooms of the library; all arrows point down. {'; '.join(lines)}."


def arrows_svg(arrows: list[list[tuple[int, str]]], cells: dict, size: Cell, words: str) -> str:
    """Return the SVG behind the boxes: curves in units of the grid, and heads that are not stretched with it."""
    count, columns = size
    height = BOX * count + GAP * (count - 1)
    curves, heads = [], set()
    for path in arrows:
        for a, b in pairwise(path):
            (row, left), (_, right) = cells[a], cells[b]
            x, X, y = left + 0.5, right + 0.5, row * (BOX + GAP) + BOX
            curves.append(f"M{x} {y}C{x} {y + 0.7 * GAP:g} {X} {y + 0.3 * GAP:g} {X} {y + GAP}")
            if b == path[-1]:
                heads.add((100 * X / columns, 100 * (y + GAP) / height))
            else:
                curves.append(f"M{X} {y + GAP}v{BOX}")
    tips = "".join(
        f'<svg x="{x:.4g}%" y="{y:.4g}%" overflow="visible"><path d="M-5-9L0 0L5-9z"/></svg>' for x, y in sorted(heads)
    )
    grid = f'<svg viewBox="0 0 {columns} {height}" preserveAspectRatio="none"><path d="{"".join(curves)}"/></svg>'
    return f'<svg class="arrows" role="img" aria-label="{escape(words)}">{grid}{tips}</svg>'


def box(name: str, sentence: str, address: str, graph: Graph, cell: Cell) -> str:
    """Return one room as an item of the list; one without any arrow is marked."""
    head, colon, rest = sentence.partition(": ")
    said = escape(f"{rest[:1].upper()}{rest[1:]}" if colon else head)
    others = sorted(graph[name])
    below = f"Imports from {', '.join(others)}." if others else "Imports from no other room."
    at = f"--row: {2 * cell[0] + 1}; --column: {cell[1] + 1}"
    alone = "" if others or any(name in imported for imported in graph.values()) else ' class="alone"'
    title = f'<a href="{escape(address)}"><code>{name}</code></a>'
    return f'<li{alone} style="{at}">{title}<span>{said}</span> <small>{below}</small></li>'


def drawing(root: Path, address) -> str:
    """Return the drawing as HTML. address: a function from the name of a room to the address of its API page."""
    graph = rooms(root)
    table = rows(graph)
    arrows = paths(reduced(graph), table)
    cells = places(table, arrows)
    size = (len(table), 1 + max(column for _, column in cells.values()))
    items = []
    for r, name in ((r, name) for r, names in enumerate(table) for name in names):
        home = files(root).get(name) or files(root)[f"{name}.__init__"]
        items.append(box(name, first_sentence(home), address(name), graph, cells[r, name]))
    heights = f" {GAP}fr ".join([f"{BOX}fr"] * size[0])
    style = f"--columns: {size[1]}; --heights: {heights}"
    picture = arrows_svg(arrows, cells, size, spoken(graph))
    return f'<div class="rooms" style="{style}">{picture}<ul>{"".join(items)}</ul></div>'


class Placeholder(nodes.General, nodes.Element):
    """Stands for the drawing until the API pages are known."""


class Rooms(SphinxDirective):
    """Has no arguments: the library is in the folder ``locsym`` of the book."""

    def run(self) -> list[nodes.Node]:
        for path in files(Path(self.env.srcdir) / "locsym").values():
            self.env.note_dependency(str(path))
        return [Placeholder()]


def draw(app, doctree: nodes.document, docname: str) -> None:
    """Draw in the place of each placeholder."""
    root = Path(app.srcdir) / "locsym"
    known = app.env.get_domain("py").modules

    def address(name: str) -> str:
        found = known.get(f"{root.name}.{name}")
        if found is None:
            say.warning("the room %s is on no API page", name, location=docname)
            return "#"
        return f"{app.builder.get_relative_uri(docname, found.docname)}#{found.node_id}"

    for place in list(doctree.findall(Placeholder)):
        place.replace_self(nodes.raw("", drawing(root, address), format="html"))


def setup(app) -> dict:
    app.add_node(Placeholder)
    app.add_directive("rooms", Rooms)
    app.connect("doctree-resolved", draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
