"""What is wide on a page, measured in a real browser: equations, code and figures, from a phone to a desk."""

from __future__ import annotations

import pytest
from built_book import AT_REST, HTML, book, browser, elements, needs_book, new_page  # noqa: F401 fixtures
from companion.variants import PAGE
from PIL import Image
from test_pages_html import CHAPTERS

PHONE, SHARED = 390, (900, 1200, 1280, 1600)  # at 1200 pixels both sidebars appear: there the text is narrowest
EXCUSED: dict[str, str] = {}  # the first words of a block that may be wider, and why; five at most

SETTLED = """async () => {
  await window.MathJax?.startup?.promise;
  document.querySelectorAll("main details").forEach((fold) => { fold.open = true; });
  await document.fonts.ready;
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));  // pictures are chosen
  %s
}""".replace("%s", AT_REST)
# An equation's ink against what clips it, at the beginning of its box and at its end.
EQUATIONS = """() => [...document.querySelectorAll("main mjx-container[display=true]")].map((equation) => {
  const clips = [];
  for (let e = equation; e && e !== document.body; e = e.parentElement)
    if (getComputedStyle(e).overflowX !== "visible") clips.push(e);
  const box = clips.find((e) => getComputedStyle(e).overflowX === "auto" && e.scrollWidth > e.clientWidth + 1);
  const ink = () => {
    const glyphs = [...equation.querySelectorAll("mjx-c")].map((c) => c.getBoundingClientRect()).filter((r) => r.width);
    const edges = clips.map((e) => e.getBoundingClientRect());
    const left = Math.max(0, ...edges.map((r) => r.left)), right = Math.min(innerWidth, ...edges.map((r) => r.right));
    const first = Math.min(...glyphs.map((r) => r.left)), last = Math.max(...glyphs.map((r) => r.right));
    return { left: first - left, right: right - last };
  };
  const start = ink();
  if (box) box.scrollLeft = box.scrollWidth;
  const end = ink();
  if (box) box.scrollLeft = 0;
  const name = equation.closest("[id]")?.id + ": " + equation.textContent.slice(0, 30);
  return { name, begins: start.left > -1, whole: start.left > -1 && start.right > -1, ends: end.right > -1 };
})"""
CODE = """() => [...document.querySelectorAll("main div.highlight pre")]
  .filter((pre) => pre.offsetParent && pre.scrollWidth > pre.clientWidth + 1).map((pre) => pre.textContent.trim())"""
FIGURES = """async () => {
  const shown = [...document.querySelectorAll("main .figure-box img")].filter((img) => img.offsetParent);
  return Promise.all(shown.map(async (img) => {
    img.loading = "eager";
    await img.decode();
    const box = img.getBoundingClientRect(), own = getComputedStyle(img.closest(".figure-box"));
    const narrow = img.currentSrc.includes("-narrow");
    return { name: img.closest("figure").id, src: img.currentSrc.split("/").pop(), left: box.left, right: box.right,
      scale: box.width / parseFloat(own.getPropertyValue(narrow ? "--narrow" : "--dark")),
      shape: Math.abs(img.naturalWidth / img.naturalHeight / (box.width / box.height) - 1),
      room: document.documentElement.clientWidth };
  }));
}"""


def has(name: str, tag: str, word: str) -> bool:
    return any(word in (e.get("class") or "").split() for e in elements(name, tag))


@pytest.fixture
def show(browser):  # noqa: F811 the fixture
    """Open a page of the book at a width, light or dark."""
    opened = []

    def open_page(name: str, width: int, theme: str = "light"):
        page = new_page(browser, viewport={"width": width, "height": 900}, color_scheme=theme)
        opened.append(page)
        page.goto((HTML / name).as_uri(), wait_until="load")
        page.evaluate(SETTLED)
        return page

    yield open_page
    for page in opened:
        page.close()


@needs_book
def test_equations_are_whole_and_on_a_phone_scroll_from_their_beginning(show, name):
    if not has(name, "div", "math"):
        return
    page = show(name, PHONE)
    found = page.evaluate(EQUATIONS)
    assert len(found) >= sum("math" in (e.get("class") or "").split() for e in elements(name, "div"))
    assert [e["name"] for e in found if not (e["begins"] and e["ends"])] == []
    for width in SHARED:
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(SETTLED)
        found = page.evaluate(EQUATIONS)
        assert [f"{width} pixels: {e['name']}" for e in found if not e["whole"]] == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_code_fits_its_box(show, name):
    assert len(EXCUSED) <= 5
    wide = show(name, 1280).evaluate(CODE)
    assert [code for code in wide if not code.startswith(tuple(EXCUSED) or "\0")] == []


@pytest.mark.parametrize("name", [name for name in CHAPTERS if "/notebooks/" in name])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_can_be_seen_whole_and_read(show, name, theme):
    page = show(name, PHONE, theme)
    for width, least in ((PHONE, 0.8), (900, 0.8), (1280, 0.8)):  # of the size at which its words have ten points
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(SETTLED)  # the browser has chosen the picture for this width
        found = page.evaluate(FIGURES)
        assert found or not has(name, "div", "figure-box")
        for figure in found:
            assert ("dark.png" in figure["src"]) == (theme == "dark"), figure
            assert figure["left"] >= 0, figure
            assert figure["right"] <= figure["room"], figure
            assert figure["scale"] >= least, figure
            assert figure["shape"] < 0.01, figure


def test_dark_figures_have_the_dark_page_as_their_ground(show):
    page = show(next(name for name in CHAPTERS if "/notebooks/" in name), 1280, "dark")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    expected = tuple(round(255 * float(part)) for part in PAGE)
    assert ground == f"rgb{expected}"
    pictures = sorted((HTML / "_static" / "figures").glob("*-dark.png"))
    assert pictures
    for picture in pictures:
        corner = Image.open(picture).convert("RGB").getpixel((1, 1))
        assert max(abs(a - b) for a, b in zip(corner, expected, strict=True)) <= 2, picture.name


def test_captions_are_words_of_the_page(show):
    page = show(next(name for name in CHAPTERS if "/notebooks/" in name), 1280)
    looks = page.evaluate("""() => ["figcaption .caption-text", "article p"].map((name) => {
      const look = getComputedStyle(document.querySelector("main " + name));
      return [look.fontWeight, look.fontStyle, look.color];
    })""")
    assert looks[0] == looks[1]
