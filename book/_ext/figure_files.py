"""Sphinx extension: each figure of a notebook has its own size, and below its caption links to its files.

The files come with the executed notebook (``companion.figures``) and are written to ``_static/figures``.
"""

from __future__ import annotations

import base64
import io
from functools import cache
from html import escape
from pathlib import Path

import nbformat
from companion.figures import FILES
from docutils import nodes
from PIL import Image
from sphinx.util import logging

FOLDER = "_static/figures"
PHONE = "screen and (max-width: 760px)"  # as in book.css
PICTURES = ("dark", "narrow", "narrow-dark")  # besides the one that the notebook shows
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


def size(png: bytes) -> tuple[int, int]:
    """Return a picture's width and height in pixels of a page, 96 per inch."""
    picture = Image.open(io.BytesIO(png))
    return tuple(round(pixels * 96 / picture.info["dpi"][0]) for pixels in picture.size)


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
            image["loading"] = "lazy"  # only what is seen is loaded, in one mode
            image.replace_self(pictures(app, docname, name, kept[name], image))
        for caption in figure.findall(nodes.caption):
            caption += nodes.raw("", links(app, docname, name, kept[name]), format="html")


def pictures(app, docname: str, name: str, kept: dict[str, str], image: nodes.image) -> list[nodes.Node]:
    """Return a figure's box: its picture for light and for dark pages, each with another one for a phone.

    A figure that is narrow already has no others for a phone. The style says how large each is before it is loaded.
    """
    sources, look = {}, ""
    for kind in PICTURES:
        if data := kept.get(f"{kind}.png"):
            png = base64.b64decode(data)
            sources[kind] = place(app, docname, f"{name}-{kind}.png", png)
            if kind in PICTURES[:2]:
                width, height = size(png)
                look += f"--{kind}: {width}px; --{kind}-shape: {width} / {height}; "
    alt = escape(image.get("alt", ""))
    phone = [f'<source media="{PHONE}" srcset="{sources[k]}">' if k in sources else "" for k in PICTURES[1:]]
    before = f'<div class="figure-box" style="{look.strip()}"><picture class="on-light">{phone[0]}'
    dark = f'<picture class="on-dark">{phone[1]}<img src="{sources["dark"]}" alt="{alt}" loading="lazy"></picture>'
    return [nodes.raw("", before, format="html"), image, nodes.raw("", f"</picture>{dark}</div>", format="html")]


def place(app, docname: str, file: str, data: bytes) -> str:
    """Write one of a figure's files and return its address on a page."""
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(data)
    return "../" * docname.count("/") + f"{FOLDER}/{file}"


def links(app, docname: str, name: str, kept: dict[str, str]) -> str:
    """Write a figure's files and return the line that links them."""
    parts = []
    for kind, words in WORDS.items():
        if kind in kept:
            path = place(app, docname, f"{name}.{kind}", kept[kind].encode())
            parts.append(f'<a href="{path}" download aria-label="{words} of {name}">{words}</a>')
    return f'<span class="figure-files">{" · ".join(parts)}</span>'


def setup(app) -> dict:
    app.connect("doctree-resolved", complete)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
