"""Every built page as a document: what HTML allows, what its head says, where its links lead. No browser is needed."""

from __future__ import annotations

import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import pytest
from built_book import FIRST, HTML, PAGES, ROOT, anchors, book, elements, needs_book, read  # noqa: F401 book is autouse
from companion.project import Project

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
BLOCKS = {
    "address", "article", "aside", "blockquote", "details", "div", "dl", "fieldset", "figure", "footer", "form",
    "header", "hr", "main", "nav", "ol", "p", "pre", "section", "table", "ul", *HEADINGS,
}  # fmt: skip
# These hold words and what stands among words, no blocks.
WORDS = {
    "abbr", "b", "button", "cite", "code", "em", "i", "kbd", "label", "legend", "p", "pre", "q", "small", "span",
    "strong", "sub", "summary", "sup", *HEADINGS,
}  # fmt: skip
OPERATED = {"a", "button", "details", "iframe", "input", "label", "select", "textarea"}  # never one in another
CHILDREN = {
    "ul": {"li", "script"},
    "ol": {"li", "script"},
    "dl": {"dt", "dd", "div", "script"},
    "select": {"option", "optgroup"},
}
OBSOLETE = {"acronym", "big", "center", "font", "frame", "marquee", "nobr", "strike", "tt"}
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "headers")
CHAPTERS = [f"{document}.html" for document in Project(ROOT).documents()]
FILES = [*PAGES, FIRST.name]


def inside(element, names: set[str]) -> list[str]:
    """Return which elements of these names lie anywhere in an element."""
    return [e.tag for e in element.iter() if e is not element and e.tag in names]


def meta(name: str, key: str) -> list[str]:
    """Return the contents of a page's metadata of one name."""
    return [e.get("content") for e in elements(name, "meta") if key in (e.get("name"), e.get("property"))]


def beside(name: str, target: str) -> Path:
    """Return the file that a page's relative address names."""
    return ((HTML / name).parent / unquote(target)).resolve()


@pytest.mark.parametrize("name", FILES if PAGES else [pytest.param(None, id="no-book")])
def test_page_is_read_without_a_guess(name):
    assert read(name)[1] == []
    assert [e.tag for e in elements(name) if e.tag in OBSOLETE] == []


@needs_book
def test_elements_stand_where_they_may(name):
    wrong = []
    for e in elements(name):
        blocks = BLOCKS - set(HEADINGS) if e.tag == "summary" else BLOCKS
        found = inside(e, blocks) if e.tag in WORDS else []
        found += inside(e, OPERATED) if e.tag in ("a", "button") else []
        found += [c.tag for c in e if isinstance(c.tag, str) and c.tag not in CHILDREN.get(e.tag, {c.tag})]
        wrong += [f"<{tag}> in <{e.tag} class={e.get('class')!r}>" for tag in found]
    assert wrong == []


def test_no_file_shows_a_path_of_the_machine_that_built_it():
    places = (ROOT, HTML.parents[1], Path(sys.prefix), Path.home())
    paths = {f"{place}/".encode() for place in places if len(place.parts) > 1}
    files = [path for path in HTML.rglob("*") if path.is_file() and path.suffix not in (".png", ".woff", ".woff2")]
    assert len(files) > len(PAGES)
    assert [path.name for path in files if any(p in path.read_bytes() for p in paths)] == []


@needs_book
def test_ids_are_unique_and_references_lead_to_one(name):
    ids = Counter(e.get("id") for e in elements(name) if "id" in e.attrib)
    assert [i for i, count in ids.items() if count > 1 or not i or " " in i] == []
    named = {i for e in elements(name) for key in REFERENCES for i in (e.get(key) or "").split()}
    assert named - ids.keys() == set()


@needs_book
def test_headings_descend_one_at_a_time(name):
    levels = [int(e.tag[1]) for e in elements(name, *HEADINGS)]
    assert levels.count(1) == 1, "a page has one title"
    assert [(a, b) for a, b in pairwise(levels) if b > a + 1] == []


@needs_book
def test_every_field_has_a_name(name):
    labelled = {e.get("for") for e in elements(name, "label")}
    labelled |= {f.get("id") for e in elements(name, "label") for f in e.iter("input")} - {None}
    fields = [e for e in elements(name, "input", "select", "textarea") if e.get("type") not in ("hidden", "submit")]
    assert [e.attrib for e in fields if not (e.get("aria-label") or e.get("id") in labelled)] == []


@needs_book
def test_names_are_given_to_what_may_have_one(name):
    silent = {"p", "div", "span", "code", "em", "strong", "sub", "sup"}  # a name without a role is not read out
    assert [e.attrib for e in elements(name) if e.tag in silent and e.get("aria-label") and not e.get("role")] == []


@needs_book
def test_head_says_language_title_and_icon(name):
    assert elements(name, "html")[0].get("lang") == "en"
    assert elements(name, "title")[0].text.strip()
    icons = [e.get("href") for e in elements(name, "link") if "icon" in e.get("rel", "").split()]
    assert icons
    assert all(beside(name, icon).is_file() for icon in icons)


@pytest.mark.parametrize("name", CHAPTERS)
def test_head_says_what_a_chapter_is_and_shows_it(name):
    for key in ("description", "og:title", "og:image"):
        assert [len(text) > 3 for text in meta(name, key)] == [True], key
    assert 40 <= len(meta(name, "description")[0]) <= 300
    picture = meta(name, "og:image")[0]  # an absolute address where html_baseurl is set
    assert urlparse(picture).scheme == "https" or beside(name, picture).is_file()


def test_titles_and_descriptions_are_all_different():
    titles = Counter(elements(name, "title")[0].text.strip() for name in PAGES)
    said = Counter(text for name in CHAPTERS for text in meta(name, "description"))
    assert [text for text, count in (titles + said).items() if count > 1] == []


@pytest.mark.parametrize(("before", "after"), list(pairwise(CHAPTERS)))
def test_chapters_lead_to_their_neighbours(before, after):
    def neighbour(name: str, which: str) -> list[Path]:
        links = [e for e in elements(name, "a") if f"{which}-" in (e.get("class") or "")]
        return [beside(name, e.get("href")) for e in links]

    assert neighbour(before, "right") == [HTML / after]
    assert neighbour(after, "left") == [HTML / before]


def test_the_first_page_leads_to_the_front_page():
    content = next(e.get("content") for e in elements(FIRST.name, "meta") if e.get("http-equiv") == "Refresh")
    assert content.partition("url=")[2] == CHAPTERS[0]


@needs_book
def test_every_image_has_alternative_text(name):
    images = [e for e in elements(name, "img") if not (e.get("alt") or "").strip()]
    decoration = [e for e in images if e.get("alt") == "" and "logo" in (e.get("class") or "")]
    assert [e.get("src", "")[:100] for e in images if e not in decoration] == []


@needs_book
def test_every_internal_link_resolves(name):
    lost = []
    for link in elements(name, "a"):
        target, anchor = urldefrag(link.get("href") or "")
        if urlparse(target).scheme or target.startswith("//"):
            continue
        path = beside(name, target) if target else HTML / name
        page = path.is_file() and path.suffix == ".html" and str(path.relative_to(HTML))
        if not path.is_file() or (anchor and page and unquote(anchor) not in anchors(page)):
            lost.append(link.get("href"))
    assert lost == []
