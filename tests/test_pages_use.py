"""The built book as it is used: searched, read by keyboard alone, switched to dark, printed. In a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from built_book import HTML, book, browser, new_page  # noqa: F401 fixtures

CHAPTER = "book/notebooks/one_orbit.html"  # formulas, folded code, a solution and a figure to turn
LIGHT = "book/notation.html"
FOCUS = """() => {
  const element = document.activeElement, look = getComputedStyle(element);
  const ring = element.matches("summary:has(> .toctree-toggle)")
    ? getComputedStyle(element.querySelector(".toctree-toggle")) : look;
  return { name: element.tagName.toLowerCase(), classes: String(element.className), text: element.textContent.trim(),
    seen: ring.outlineStyle !== "none" || look.boxShadow !== "none",
    scrolls: element.scrollWidth > element.clientWidth };
}"""
CUT = """() => {
  const right = document.documentElement.clientWidth + 1;
  const parts = [...document.querySelectorAll("main :is(p, pre, table, figure, img, mjx-container, .admonition)")];
  const scrolled = (e) => getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1;
  const cut = parts.filter((e) => e.getBoundingClientRect().right > right || scrolled(e));
  return cut.map((e) => e.outerHTML.slice(0, 120));
}"""
WATCH = """(button) => {
  window.said = [];
  new MutationObserver(() => window.said.push(button.dataset.tooltip)).observe(button, { attributes: true });
}"""
CHROME = ".bd-sidebar, .bd-header-article, .prev-next-area, .search-button, .skip-link, .copybtn, #pst-back-to-top"


@contextmanager
def desk(chromium) -> Iterator:
    """A new page as wide as a desk's; a script error on it fails the test."""
    errors = []
    page = new_page(chromium, viewport={"width": 1200, "height": 900})
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    page.close()
    assert errors == []


@pytest.fixture
def page(browser):  # noqa: F811 the fixture
    with desk(browser) as page:
        yield page


@pytest.fixture(scope="module")
def chapter(browser):  # noqa: F811 the fixture
    """A chapter, opened once: for tests that leave it as it was."""
    with desk(browser) as page:
        show(page)
        yield page


def show(page, name: str = CHAPTER) -> None:
    """Open a page and wait for its formulas."""
    page.goto((HTML / name).as_uri(), wait_until="load")
    page.evaluate("async () => { await window.MathJax?.startup?.promise; }")


def results(page) -> list[str]:
    """Return the addresses that a search has found, once it has ended."""
    page.wait_for_function("/finished|did not match/.test(document.querySelector('.search-summary')?.textContent)")
    return page.eval_on_selector_all("#search-results li > a", "links => links.map((a) => a.getAttribute('href'))")


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("Feng–Shang", "book/notebooks/splitting.html"),
        ("Feng-Shang", "book/notebooks/splitting.html"),
        ("feng shang", "book/notebooks/splitting.html"),
        ("Levenberg", "book/notebooks/training.html"),
        ("Levenberg–Marquardt", "book/notebooks/training.html"),
        ("Bajārs", "book/references.html"),
        ("Bajars", "book/references.html"),
    ],
)
def test_search_finds(page, query, target):
    page.goto(f"{(HTML / 'search.html').as_uri()}?q={quote(query)}")
    found = results(page)
    assert target in found
    assert [link for link in found if not (HTML / link.partition("#")[0]).is_file()] == []


def test_search_says_so_when_it_finds_nothing(page):
    page.goto(f"{(HTML / 'search.html').as_uri()}?q=zzzxq")
    assert results(page) == []


def test_search_is_opened_and_used_from_a_chapter_by_keyboard(page):
    show(page, LIGHT)
    page.keyboard.press("Control+k")
    page.keyboard.type("Casimir")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=Casimir*")
    assert "book/notebooks/integrators.html" in results(page)


def test_tab_goes_everywhere_visibly_and_comes_out_again(page):
    show(page)
    page.add_style_tag(content="* { transition: none !important; }")
    stops = []
    while len(stops) < 400:
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUS))
        if stops[-1]["name"] == "body":
            break
    assert stops.pop()["name"] == "body", "the keyboard is caught"
    assert stops[0]["text"] == "Skip to main content"
    assert [stop for stop in stops if not stop["seen"]] == []
    assert [stop for stop in stops if stop["name"] == "mjx-container" and not stop["scrolls"]] == []
    reached = " ".join(f"{stop['name']} {stop['classes']}" for stop in stops)
    for what in ("search-button", "primary-toggle", "theme-switch", "copybtn", "sd-summary", "left-prev", "right-next"):
        assert what in reached


def test_skip_link_leads_past_the_menus(page):
    show(page, LIGHT)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("key", ["Enter", "Space"])
@pytest.mark.parametrize("fold", ["details.hide", "details.sd-dropdown"])
def test_folded_parts_open_and_close_by_keyboard(chapter, fold, key):
    chapter.locator(f"{fold} > summary").first.focus()
    states = []
    for _ in range(2):
        chapter.keyboard.press(key)
        states.append(chapter.locator(fold).first.evaluate("fold => fold.open"))
    assert states == [True, False]


def test_theme_switch_is_worked_by_keyboard_and_remembered(page):
    show(page, LIGHT)
    page.locator(".theme-switch-button").first.focus()
    modes = []
    for _ in range(3):
        page.keyboard.press("Enter")
        modes.append(page.evaluate("document.documentElement.dataset.mode"))
    assert sorted(modes) == ["auto", "dark", "light"]
    show(page, "search.html")
    assert page.evaluate("document.documentElement.dataset.mode") == modes[-1]


def test_sidebar_is_folded_away_by_keyboard(page):
    show(page, LIGHT)
    page.locator(".primary-toggle").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.bd-sidebar-primary').getBoundingClientRect().right <= 0")


def test_copy_button_says_that_it_has_copied(chapter):
    button = chapter.locator(".copybtn >> visible=true").first  # the parameters are folded, and their button with them
    button.evaluate(WATCH)  # from within: the word stands there for two seconds only
    button.focus()
    chapter.keyboard.press("Enter")
    chapter.wait_for_function("window.said.includes('Copied!')")


@pytest.mark.parametrize("name", [CHAPTER, "book/paper_map.html", "book/results.html"])
def test_print_cuts_nothing_and_unfolds_solutions(page, name):
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 within 10 mm
    show(page, name)
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(CUT) == []
    assert [e.get_attribute("class") for e in page.query_selector_all(CHROME) if e.is_visible()] == []
    assert page.locator("main h1").first.is_visible()
    assert page.locator("details.sd-dropdown:not([open])").count() == 0
