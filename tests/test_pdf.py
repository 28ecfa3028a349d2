"""The PDF: what is put together to be printed, and what is said when something is missing. Nothing is printed."""

from __future__ import annotations

import html5lib
import pytest
from book_fixture import make
from companion import pdf
from companion.project import Mistake

PAGE = """<!DOCTYPE html><html lang="en"><head><title>{title} — A book</title>
<meta name="description" content="About it."><link rel="stylesheet" href="../_static/a.css">
<script src="../_static/mathjax/tex.js"></script><script src="../_static/menu.js"></script></head>
<body><nav>menu</nav><article class="bd-article"><section id="top">
<h1>{title}<a class="headerlink" href="#top">#</a></h1>{body}</section></article></body></html>"""
PAGES = {
    "book/a.html": '<p id="p">See <a href="b.html#p">there</a>, <a href="#p">here</a>, <a href="b.html">all</a>.</p>',
    "book/b.html": '<p id="p"><a href="../raw.csv">data</a> <a href="https://x.org/">out</a></p>'
    '<img alt="" src="c.png"><details class="sd-dropdown"><summary>A solution</summary><p>42</p></details>'
    '<details class="hide"><p>drawing</p></details>',
}


@pytest.fixture
def whole(tmp_path):
    for name, body in PAGES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(PAGE.format(title=path.stem, body=body), encoding="utf-8")
    return html5lib.parse(pdf.together(tmp_path, list(PAGES)), namespaceHTMLElements=False), tmp_path


def test_ids_are_those_of_their_page(whole):
    ids = [e.get("id") for e in whole[0].iter() if e.get("id")]
    assert ids == ["book-a", "book-a--top", "book-a--p", "book-b", "book-b--top", "book-b--p"]


def test_links_lead_within_the_book_or_to_the_web(whole):
    links = [e.get("href") for e in whole[0].iter("a")]
    assert links == ["#book-b", "#book-b--p", "#book-a--p", "#book-b", "https://x.org/"]
    assert "data" in "".join(whole[0].itertext()), "a link to a file keeps its words"


def test_solutions_are_open_and_drawing_code_is_left_out(whole):
    folds = list(whole[0].iter("details"))
    assert [(e.get("class"), e.get("open")) for e in folds] == [("sd-dropdown", "")]
    text = "".join(whole[0].itertext())
    assert "drawing" not in text
    assert "menu" not in text


def test_files_are_found_from_anywhere(whole):
    tree, folder = whole
    pictures = [e.get("src") for e in tree.iter("img")]
    assert pictures[1:] == [(folder / "book" / "c.png").as_uri()]
    scripts = [e.get("src") for e in tree.iter("script")]
    assert scripts == [(folder / "_static" / "mathjax" / "tex.js").as_uri()], "MathJax once, menus never"


def test_a_missing_browser_is_named_with_its_packages(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "BROWSERS", ("no-such-browser",))
    with pytest.raises(Mistake, match=r"Chromium.*apt-get install chromium fonts-dejavu-core"):
        pdf.pdf(make(tmp_path))


def test_a_missing_driver_is_named(monkeypatch):
    monkeypatch.setattr(pdf, "BROWSERS", ("python3",))
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    with pytest.raises(Mistake, match=r"playwright.*make env"):
        pdf.find_browser()


def test_a_book_that_is_not_built_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "find_browser", lambda: "browser")
    with pytest.raises(Mistake, match=r"intro.html is missing.*make book"):
        pdf.pdf(make(tmp_path))
