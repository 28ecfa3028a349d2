"""Sphinx extension: repairs what other extensions write and HTML does not allow.

- a ``<div>`` around each definition in the listings of source (viewcode), inside ``<pre>``;
- ``<p>`` in the ``<summary>`` of a folded cell (myst-nb), together with a second name that hides its words;
- an ``index.html`` that consists of one tag (Jupyter Book, if the first page has another name).
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

LISTING = re.compile(r"<pre>.*?</pre>", re.DOTALL)
FOLD = re.compile(r"<summary[^>]*>\s*((?:<p class=.*?</p>\s*)+)</summary>", re.DOTALL)
FIRST = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Refresh" content="0; url={page}">
<title>{title}</title>
<link rel="canonical" href="{page}">
</head>
<body><p><a href="{page}">{title}</a></p></body>
</html>
"""


def rename(html: str, old: str, new: str) -> str:
    """Rename the elements ``old`` to ``new``; attributes stay."""
    return html.replace(f"<{old} ", f"<{new} ").replace(f"</{old}>", f"</{new}>")


def mend(body: str, listing: bool) -> str:
    """Return a page's body as HTML allows it; listing: whether the page is the source of a module."""
    if listing:
        body = LISTING.sub(lambda m: rename(m[0], "div", "span"), body)
    return FOLD.sub(lambda m: f"<summary>{rename(m[1], 'p', 'span')}</summary>", body)


def mend_page(app, pagename, templatename, context, doctree) -> None:
    """Repair the body of one page."""
    if "body" in context:
        context["body"] = mend(context["body"], pagename.startswith("_modules/"))


def lead_to_the_front_page(app, exception) -> None:
    """Write an index.html that redirects to the book's first page if that has another name."""
    index = Path(app.outdir) / "index.html"
    first = app.config.root_doc
    if exception is None and app.builder.format == "html" and first != "index":
        page, title = f"{first}.html", escape(app.config.html_title)
        index.write_text(FIRST.format(language=app.config.language, page=page, title=title), encoding="utf-8")


def setup(app) -> dict:
    app.connect("html-page-context", mend_page, priority=900)
    app.connect("build-finished", lead_to_the_front_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
