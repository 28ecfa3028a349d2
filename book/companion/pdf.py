"""From the built site to one PDF: its pages are joined into one document and printed by Chromium.

The browser renders formulas and turnable figures just as on the pages, so nothing is typeset twice.
"""

from __future__ import annotations

import re
import shutil
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlparse

from .files import write
from .project import Mistake, Project

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = "chromium fonts-dejavu-core"  # Debian's names
STYLE = Path(__file__).with_name("pdf.css")
NOT_PRINTED = (
    ".headerlink, .noprint, .onlyprint, .viewcode-link, footer.made, aside.quick, details.hide, .toctree-wrapper, "
    "summary .sd-summary-state-marker, .on-dark"
)
REFERENCES = ("for", "headers", "aria-labelledby", "aria-describedby", "aria-controls")
HEAD = """<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<title>{title}</title>
{head}
</head>
<body>
<header class="title">
<img src="{picture}" alt="">
<p class="name">{title}</p>
<p>{description}</p>
<div class="edition">{edition}</div>
</header>
<nav class="chapters" aria-label="Contents">
<h1>Contents</h1>
<ol>{contents}</ol>
</nav>
{articles}</body>
</html>
"""
READY = """async () => {
  for (const image of document.images) image.loading = "eager";
  await MathJax.startup.promise;
  await Promise.all([...document.images].map((image) => image.decode().catch(() => image.src)));
  await document.fonts.ready;
  for (const box of document.querySelectorAll("mjx-container[display=true], table")) {  // too wide: made to fit
    const place = box.parentElement.clientWidth, width = Math.max(box.scrollWidth, box.offsetWidth);
    if (width > place) box.style.zoom = place / width;
  }
}"""


def pdf(project: Project, to: Path | None = None) -> int:
    """Print the built book to ``to``, by default ``_build/book.pdf``; return the exit status."""
    browser, pages = find_browser(), [f"{document}.html" for document in project.documents()]
    if missing := [page for page in pages if not (project.html / page).exists()]:
        raise Mistake(f"the book is not built, {missing[0]} is missing in _build/html: make book")
    to = to or project.build / "book.pdf"
    document = project.build / "pdf.html"
    write(document, together(project.html, pages))
    print_page(browser, document, to)
    shown = to.relative_to(project.root) if to.is_relative_to(project.root) else to
    print(f"{shown}: {to.stat().st_size / 1e6:.1f} MB")
    return 0


def find_browser() -> str:
    """Return the browser. Raises Mistake if it or its driver is missing; the message says what to install."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        raise Mistake(f"the PDF is printed by Chromium, which is not here; on Debian: apt-get install {PACKAGES}")
    if find_spec("playwright") is None:
        raise Mistake("the PDF needs the Python package playwright, which is not here: make env")
    return executable


def print_page(browser: str, document: Path, to: Path) -> None:
    """Print one HTML file after its formulas and figures are drawn."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-quic"])
        page = chromium.new_page(viewport={"width": 800, "height": 1100})
        page.set_default_timeout(600_000)
        page.emulate_media(media="print")
        page.goto(document.as_uri(), wait_until="load")
        page.evaluate(READY)
        page.pdf(path=to, prefer_css_page_size=True, print_background=True, outline=True, tagged=True, scale=0.8)
        chromium.close()


def together(html: Path, pages: list[str]) -> str:
    """Return all pages as one document: a title page, linked contents, and the article of each page."""
    from bs4 import BeautifulSoup

    soups = {page: BeautifulSoup((html / page).read_text(encoding="utf-8"), "html.parser") for page in pages}
    for page, soup in soups.items():
        for element in soup.find_all(True):
            settle(element, html, page, pages)
    first: Any = soups[pages[0]]
    edition = [first.select_one("aside.quick"), first.select_one("footer.made dl")]
    return HEAD.format(
        title=escape(first.title.get_text().rpartition("— ")[2]),
        description=escape(first.find("meta", attrs={"name": "description"})["content"]),
        picture=(html / "_static" / "orbits.png").as_uri(),
        edition="".join(str(part) for part in edition if part),
        contents="".join(f'<li><a href="#{slug(page)}">{words(soups[page].h1)}</a></li>' for page in pages[1:]),
        head=head(list(soups.values())),
        articles="".join(f"{article(soup, page)}\n" for page, soup in soups.items()),
    )


def words(heading: Any) -> str:
    """Return a heading without its link mark."""
    return escape(heading.get_text().removesuffix("#"))


def head(soups: list[Any]) -> str:
    """Return what the pages need to be rendered: styles, MathJax and Plotly, each once, and our print style."""
    scripts = [e for soup in soups for e in soup.head.find_all("script")]
    drawn = [e for e in scripts if re.search(r"plotly|mathjax", e.get("src", "") + e.get_text(), re.IGNORECASE)]
    styles = soups[0].head.find_all("link", rel="stylesheet")
    return "\n".join(dict.fromkeys(map(str, styles + drawn))) + f'\n<link rel="stylesheet" href="{STYLE.as_uri()}">'


def article(soup: Any, page: str) -> Any:
    """Return a page's article without what is not printed, and with everything unfolded."""
    body = soup.select_one("article.bd-article")
    for part in body.select(NOT_PRINTED):
        part.decompose()
    for fold in body.select("details"):
        fold["open"] = ""
    for box in body.select(".dropdown"):
        box["class"].remove("dropdown")
    body["id"] = slug(page)
    return body


def settle(element: Any, html: Path, page: str, pages: list[str]) -> None:
    """Make one element's ids and links valid in the joined document. Links to other files become plain words."""
    if not element.find_parent(["svg", "script"]) and not element.find_parent(class_="plotly-graph-div"):
        if element.get("id") and "plotly-graph-div" not in element.get("class", []):
            element["id"] = slug(page, element["id"])
        for key in REFERENCES:
            if key in element.attrs:
                element[key] = " ".join(slug(page, name) for name in str(element[key]).split())
    for key in {"src", "href"} & element.attrs.keys():
        path, anchor = urldefrag(element[key])
        if urlparse(path).scheme:
            continue
        file = ((html / page).parent / unquote(path.partition("?")[0])).resolve() if path else html / page
        name = str(file.relative_to(html)) if file.is_relative_to(html) else ""
        if element.name != "a":
            element[key] = file.as_uri()
        elif name in pages:
            element[key] = "#" + slug(name, unquote(anchor))
        else:
            element.name, element.attrs = "span", {}


def slug(page: str, anchor: str = "") -> str:
    """Return the name of a page's anchor, or of the page itself, in the joined document."""
    return re.sub(r"\W+", "-", page.removesuffix(".html")) + (f"--{anchor}" if anchor else "")
