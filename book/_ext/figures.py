"""Sphinx extension: each figure of a notebook has its own size, and below its caption links to its files.

The files come with the executed notebook (``companion.figures``) and are written to ``_static/figures``.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import nbformat
from companion.figures import FILES
from docutils import nodes
from sphinx.util import logging

FOLDER = "_static/figures"
WORDS = {"svg": "vector file (SVG)", "csv": "data (CSV)"}
say = logging.getLogger(__name__)


@cache
def files(path: Path) -> dict[str, dict[str, str]]:
    """Return ``{figure: {"svg": …, "csv": …}}`` of the executed notebook in the file ``path``."""
    found = {}
    for cell in nbformat.read(path, as_version=4).cells:
        name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
        for output in cell.get("outputs", ()):
            if name and (kept := output.get("metadata", {}).get(FILES)):
                found[nodes.fully_normalize_name(name)] = dict(kept)
    return found


def width(svg: str) -> float:
    """Return the width of a matplotlib SVG, which is given in points, in pixels of a page, 96 per inch."""
    return float(re.search(r'<svg[^>]* width="([\d.]+)pt"', svg)[1]) * 96 / 72


def complete(app, doctree: nodes.document, docname: str) -> None:
    """Give the figures of one page their sizes and links."""
    source = Path(app.env.doc2path(docname))
    if app.builder.format != "html" or source.suffix != ".ipynb":
        return
    kept = files(source)
    for figure in list(doctree.findall(nodes.figure)):
        name = next((name for name in figure["names"] if name in kept), None)
        if name is None:
            say.warning("figure %s has no files; was it drawn by the build?", figure["names"], location=figure)
            continue
        for image in list(figure.findall(nodes.image)):
            own = f'<div class="figure-box" style="--own: {width(kept[name]["svg"]):.0f}px">'
            image.replace_self([nodes.raw("", own, format="html"), image, nodes.raw("", "</div>", format="html")])
        for caption in figure.findall(nodes.caption):
            caption += nodes.raw("", links(app, docname, name, kept[name]), format="html")


def links(app, docname: str, name: str, kept: dict[str, str]) -> str:
    """Write a figure's files and return the line that links them."""
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for kind, words in WORDS.items():
        if kind in kept:
            (folder / f"{name}.{kind}").write_text(kept[kind], encoding="utf-8")
            path = "../" * docname.count("/") + f"{FOLDER}/{name}.{kind}"
            parts.append(f'<a href="{path}" download aria-label="{words} of {name}">{words}</a>')
    return f'<span class="figure-files">{" · ".join(parts)}</span>'


def setup(app) -> dict:
    app.connect("doctree-resolved", complete)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
