"""Sphinx extension: ``orbits: NOTEBOOK FIGURE`` puts the orbits of that figure into the page, for the turning picture.

The orbits are read from the CSV of the figure in the executed notebook; nothing is trained for the picture.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

from docutils import nodes
from figure_files import files
from sphinx.util.docutils import SphinxDirective

STEPS, EVERY = 400, 2  # the last steps of each orbit, and how many of them: all that a small picture shows
SCRIPT = "orbits.js"


def orbits(text: str) -> dict[str, list[list[int]] | int]:
    """Return the ends of the exact and the learned orbits of the last panel, in thousandths: x, y, z, x, y, z, …

    ``after`` is the number of steps before these ends.
    """
    found: dict[tuple[int, str], list[list[float]]] = {}
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    for row in rows:
        found.setdefault((int(row["panel"]), row["series"]), []).append([float(row[y]) for y in ("y1", "y2", "y3")])
    last = max(panel for panel, _ in found)
    ends: dict[str, list[list[int]] | int] = {"after": min(map(len, found.values())) - STEPS - 1}
    for name in ("exact", "learned"):
        curves = [curve for (panel, series), curve in found.items() if panel == last and series.startswith(name)]
        if not curves or min(map(len, curves)) <= STEPS:
            raise ValueError(f"the figure needs {name} orbits of more than {STEPS} steps in its last panel")
        cut = [curve[-STEPS - 1 :: EVERY] for curve in curves]
        ends[name] = [[round(1000 * x) for state in curve for x in state] for curve in cut]
    return ends


class Orbits(SphinxDirective):
    """The notebook's path is relative to the page."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        name, path = self.env.relfn2path(f"{self.arguments[0]}.ipynb")
        self.env.note_dependency(name)
        kept = files(Path(path))[self.arguments[1]]
        data = json.dumps(orbits(kept["csv"]), separators=(",", ":"))
        html = f'<script type="application/json" class="orbits-data">{data}</script>'
        return [nodes.raw("", html, format="html")]


def load_script(app, pagename, templatename, context, doctree) -> None:
    """Load the script on the page with the data."""
    if 'class="orbits-data"' in context.get("body", ""):
        app.add_js_file(SCRIPT, loading_method="defer")


def setup(app) -> dict:
    app.add_directive("orbits", Orbits)
    app.connect("html-page-context", load_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
