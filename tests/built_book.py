"""The built book that tests/test_pages*.py look at: its pages, parsed once, and what to do where there is none."""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path
from typing import NoReturn

import html5lib
import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
HTML = Path(os.environ.get("COMPANION_HTML", ROOT / "_build" / "html")).resolve()
FIRST = HTML / "index.html"  # leads to the front page at once
PAGES = sorted(str(p.relative_to(HTML)) for p in HTML.rglob("*.html") if "_static" not in p.parts and p != FIRST)

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

# To be put into a script of a page: wait until all that moves for a time, such as a sidebar, has come to rest.
AT_REST = """
  const ends = (motion) => motion.playState === "running" && motion.effect.getComputedTiming().endTime < Infinity;
  await Promise.allSettled(document.getAnimations().filter(ends).map((motion) => motion.finished));
"""

needs_book = pytest.mark.parametrize("name", PAGES or [pytest.param(None, id="no-book")])


def unavailable(reason: str) -> NoReturn:
    """Skip, or fail where the browser tests were asked for."""
    if os.environ.get("COMPANION_REQUIRE_BROWSER"):
        pytest.fail(f"COMPANION_REQUIRE_BROWSER is set, but {reason}")
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def book() -> None:
    """Every test of a module that imports this needs the book."""
    if not PAGES:
        unavailable(f"there is no book in {HTML.name}/: make book PROFILE=quick")


@pytest.fixture(scope="module")
def browser():
    """Chromium, for as long as a module's tests run."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        unavailable(f"there is no browser: none of {', '.join(BROWSERS)} is here (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield chromium
        chromium.close()


def new_page(chromium, **options):
    """Open an empty page; a slow machine has two minutes for each step."""
    page = chromium.new_page(**options)
    page.set_default_timeout(120_000)
    return page


@cache
def read(name: str) -> tuple:
    """Return a page's tree, without namespaces, and in words where the parser had to guess."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parse((HTML / name).read_text(encoding="utf-8"))
    words = [f"line {line}: {code} {values or ''}".strip() for (line, _), code, values in parser.errors]
    return tree, words


@cache
def elements(name: str, *tags: str) -> list:
    """Return a page's elements of these names (all without any), in their order."""
    return [e for e in read(name)[0].iter() if isinstance(e.tag, str) and (not tags or e.tag in tags)]


@cache
def anchors(name: str) -> set[str]:
    """Return every id on a page."""
    return {e.get("id") for e in elements(name) if e.get("id")}
