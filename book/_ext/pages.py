"""Sphinx extension: what a page says about itself, in its head (description, preview) and its foot (how it was made).

An executed notebook carries ``metadata["companion"]``: profile, commit, versions, seed, seconds. A page of prose
shows what the notebooks have in common, since it may quote their numbers.
"""

from __future__ import annotations

import json
import re
from html import escape, unescape
from pathlib import Path

from docutils import nodes

QUICK = (
    "<strong>Quick edition.</strong> It runs the first epochs of each long training, compares them with the kept "
    "training of the full build, and shows the kept network. <code>make book</code> builds the full edition."
)
BIBLIOGRAPHY_ROLES = ('role="list" ', ' role="doc-biblioentry"')  # the pair that docutils writes is not valid ARIA
PREVIEW = "_static/orbits.png"  # of a page without a figure of its own


def made(app, pagename: str) -> dict:
    """Return how a page was made: a notebook's own record; for prose, what the records of all notebooks agree on."""
    records = {doc: json.loads(meta["companion"]) for doc, meta in app.env.metadata.items() if "companion" in meta}
    if pagename in records or not records:
        return records.get(pagename, {})
    first, *rest = records.values()
    shared = {key: first.get(key) for key in ("profile", "commit", "versions")}
    return {key: value for key, value in shared.items() if all(r.get(key) == value for r in rest)}


def quotes_numbers(env, pagename: str) -> bool:
    """Tell whether a page shows computed numbers: every notebook does, and prose that glues them or has their table."""
    path = Path(env.doc2path(pagename)) if pagename in env.found_docs else None
    if path is None or path.suffix == ".ipynb":
        return path is not None
    text = path.read_text(encoding="utf-8")
    return "{glue:" in text or "{results}" in text


def duration(seconds: float) -> str:
    """Return a time as 7 s, 12 min or 3.4 h."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


def foot(record: dict) -> str:
    """Return the record as a definition list; versions are folded. Only what is known is shown."""
    items = {
        "profile": record.get("profile"),
        "commit": (record.get("commit") or "")[:12],
        "seed": record.get("seed"),
        "run time": duration(record["seconds"]) if record.get("seconds") is not None else None,
        "executed": record.get("executed"),
    }
    known = {key: escape(str(value)) for key, value in items.items() if value not in (None, "")}
    if not known:
        return ""
    shown = "".join(f"<div><dt>{key}</dt><dd>{value}</dd></div>" for key, value in known.items())
    versions = ", ".join(f"{escape(k)} {escape(str(v))}" for k, v in (record.get("versions") or {}).items())
    folded = f"<details><summary>versions</summary><p>{versions}</p></details>" if versions else ""
    return f'<footer class="made" aria-label="How this page was made"><dl>{shown}</dl>{folded}</footer>'


def description(doctree: nodes.document, length: int = 200) -> str:
    """Return the first paragraph without its formulas, shortened at the end of a word."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = "".join(t for t in paragraph.findall(nodes.Text) if not isinstance(t.parent, nodes.math))
        text = " ".join(text.split())
        if len(text) > 40:
            return text if len(text) <= length else text[:length].rsplit(" ", 1)[0] + " …"
    return ""


def preview(app, doctree: nodes.document | None) -> str:
    """Return the path of the page's first figure in the site; that of the front page if it has none."""
    for figure in doctree.findall(nodes.figure) if doctree else ():
        for image in figure.findall(nodes.image):
            _, found, name = image["uri"].rpartition("_images/")  # written by the writer, which came first
            if found:
                return f"_images/{name}"
    return PREVIEW


def add_context(app, pagename, templatename, context, doctree) -> None:
    """Complete a page's head and body. Metatags in the page's own front matter (html_meta) have precedence."""
    if "body" not in context:
        return
    for role in BIBLIOGRAPHY_ROLES:
        context["body"] = context["body"].replace(role, "")
    record = made(app, pagename)
    if record.get("profile") == "quick" and quotes_numbers(app.env, pagename):
        context["body"] = f'<aside class="quick" aria-label="Edition">{QUICK}</aside>{context["body"]}'
    context["body"] += foot(record)

    title = context.get("title")  # as on the page: escaped, its number in a span
    title = escape(unescape(re.sub(r"<[^>]*>", "", title))) if title else escape(app.config.html_title)
    base = app.config.html_baseurl.rstrip("/") + "/" if app.config.html_baseurl else context["content_root"]
    tags = {"og:type": "article", "og:title": title, "og:image": base + preview(app, doctree)}
    text = escape(description(doctree)) if doctree else ""
    metatags = context.get("metatags", "")
    if text and 'name="description"' not in metatags:
        metatags += f'\n<meta name="description" content="{text}">'
        tags["og:description"] = text
    context["metatags"] = metatags + "".join(f'\n<meta property="{k}" content="{v}">' for k, v in tags.items())


def drop_back_links(app, doctree, docname) -> None:
    """Remove the back links of citations: they point to anchors of other pages as if these were on the same page."""
    for citation in doctree.findall(nodes.citation):
        citation["backrefs"] = []


def keep_tags(app, doctree, docname) -> None:
    r"""Keep tagged formulas as they are: Sphinx would wrap several lines in ``split``, which allows no ``\tag``."""
    for formula in doctree.findall(nodes.math_block):
        text = formula.astext()
        if r"\tag" in text and r"\\" in text and not formula.get("nowrap"):
            formula["nowrap"] = True
            formula.children = [nodes.Text(rf"\[{text}\]")]


def setup(app) -> dict:
    app.connect("html-page-context", add_context)
    app.connect("doctree-resolved", drop_back_links)
    app.connect("doctree-resolved", keep_tags)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
