"""Every built page, opened in a real browser from file://, as a reader without a network would.

The pages are those of ``_build/html``: build the book first. Without a book or a browser these tests are skipped and
say why; with ``COMPANION_REQUIRE_BROWSER=1`` (as in .ci/run) a skip is a failure.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from built_book import AT_REST, HTML, book, browser, needs_book, new_page  # noqa: F401 fixtures

PHONES, DESK = (360, 320), 1200
HEAVIEST = 3_000_000  # bytes a page may load, Plotly apart

LOOK = """async () => {
  if (window.MathJax?.startup) await window.MathJax.startup.promise;
  const text = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT, {
    acceptNode: (node) => node.parentElement.closest("pre, code, script, style, mjx-container")
      ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT });
  const raw = [];
  while (text.nextNode()) {
    const words = text.currentNode.data.trim();
    if (/\\$\\$|\\\\[([]|\\\\begin\\{/.test(words)) raw.push(words);
  }
  const broken = document.querySelectorAll("mjx-merror, [data-mjx-error]");
  return raw.concat([...broken].map((e) => e.getAttribute("title") || e.outerHTML));
}"""
WIDER = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > width + 1)
    .slice(0, 3).map((e) => e.outerHTML.slice(0, 120)).concat(["the page scrolls sideways"]);
}"""
UNFOLD = """() => document.querySelectorAll("main details").forEach((fold) => { fold.open = true; })"""
AXE = """async (mode) => {
  document.documentElement.dataset.theme = mode === "dark" ? "dark" : "light";
  await document.fonts.ready;
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));  // what observes sizes has run
  %s
  const rules = { dark: ["color-contrast"], phone: ["scrollable-region-focusable", "target-size"] }[mode];
  const all = (names) => [...document.querySelectorAll(names)];
  const few = location.pathname.includes("/_modules/") ? 0 : 4;  // blocks of code are alike: a few stand for all
  const alike = mode === "phone" ? [] : all("mjx-container").concat(all("pre").slice(few), all("dt.sig").slice(few));
  const options = { resultTypes: ["violations"], preload: false };
  if (rules) options.runOnly = { type: "rule", values: rules };
  const found = await axe.run({ exclude: alike }, options);
  const where = (node) => node.html.slice(0, 160) + " " + node.any.map((check) => check.message);
  return found.violations.filter((v) => ["serious", "critical"].includes(v.impact))
    .map((v) => `${v.id}: ${v.nodes.slice(0, 3).map(where).join(" | ")}`);
}""".replace("%s", AT_REST)


# The elements of a page of sources outside its code. Pages that share all of them share what axe finds: it runs once.
FRAME = """() => [...document.querySelectorAll("html, body *:not(pre *)")].map((e) =>
  [e.tagName, ...e.getAttributeNames(), !e.textContent.trim(),
   ...["class", "role", "style"].map((name) => e.getAttribute(name))]).join(" ")"""


@pytest.fixture(scope="module")
def opened(browser):  # noqa: F811 the fixture
    """Open a page once and note all that the tests below ask about it."""
    notes: dict[str, dict] = {}
    found: dict[tuple[str, str], list[str]] = {}

    def visit(name: str) -> dict:
        if name in notes:
            return notes[name]
        requests, errors = [], []
        page = new_page(browser, viewport={"width": DESK, "height": 900})
        page.on("request", lambda r: requests.append(r.url))
        page.on("requestfailed", lambda r: errors.append(f"not found: {r.url}"))
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.goto((HTML / name).as_uri(), wait_until="load")
        note = notes[name] = {"requests": requests, "errors": errors, "tex": page.evaluate(LOOK)}
        page.evaluate(UNFOLD)
        frame = page.evaluate(FRAME) if name.startswith("_modules/") else name

        def axe(mode: str) -> list[str]:
            if (frame, mode) not in found:
                page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
                found[frame, mode] = page.evaluate(AXE, mode)
            return found[frame, mode]

        note |= {theme: axe(theme) for theme in ("light", "dark")}
        note["wider"] = []
        for width in PHONES:
            page.set_viewport_size({"width": width, "height": 800})
            note["wider"] += [f"{width} pixels: {words}" for words in page.evaluate(WIDER)]
        note["phone"] = axe("phone")
        page.close()
        return note

    return visit


@needs_book
def test_page_loads_only_from_the_book(opened, name):
    local = ("file:", "data:", "blob:")
    assert [url for url in opened(name)["requests"] if not url.startswith(local)] == []


@needs_book
def test_page_has_no_script_error(opened, name):
    assert opened(name)["errors"] == []


@needs_book
def test_page_shows_no_raw_tex(opened, name):
    assert opened(name)["tex"] == []


@needs_book
def test_page_fits_a_phone(opened, name):
    assert opened(name)["wider"] == []


@needs_book
@pytest.mark.parametrize("mode", ["light", "dark", "phone"])
def test_page_is_accessible(opened, name, mode):
    assert opened(name)[mode] == []


@needs_book
def test_page_is_light(opened, name):
    files = {unquote(urlparse(url).path) for url in opened(name)["requests"] if url.startswith("file:")}
    weights = {Path(f).name: Path(f).stat().st_size for f in files if not f.endswith("plotly.min.js")}
    assert sum(weights.values()) <= HEAVIEST, sorted(weights.items(), key=lambda item: -item[1])[:5]
