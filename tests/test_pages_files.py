"""What a chapter's page offers to take along: each figure's numbers and vector file, the chapter as a notebook."""

from __future__ import annotations

import csv
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
import yaml
from built_book import HTML, ROOT, book, elements  # noqa: F401 book is autouse
from test_pages_html import CHAPTERS, beside

PAGES = [name for name in CHAPTERS if "/notebooks/" in name]
every_chapter = pytest.mark.parametrize("name", PAGES)


def downloads(name: str, element) -> dict[str, Path]:
    """Return the files that an element of a page offers, by their kind."""
    links = [a.get("href") for a in element.iter("a") if "download" in a.attrib]
    return {Path(link).suffix: beside(name, link) for link in links}


@every_chapter
def test_every_figure_has_its_numbers_and_a_drawn_one_its_vector_file(name):
    figures = elements(name, "figure")
    assert figures
    for figure in figures:
        files = downloads(name, figure)
        assert set(files) == ({".csv"} if figure.find(".//img") is None else {".svg", ".csv"}), figure.get("id")
        lines = [line for line in files[".csv"].read_text(encoding="utf-8").splitlines() if line[0] != "#"]
        head, *rows = csv.reader(lines)
        assert head[:2] == ["panel", "series"]
        assert rows
        assert all(len(row) == len(head) for row in rows)
        if ".svg" in files:  # which parses
            assert ElementTree.parse(files[".svg"]).find(".//{http://www.w3.org/2000/svg}path") is not None


@every_chapter
def test_the_chapter_is_there_as_notebook_and_source(name):
    (line,) = (p for p in elements(name, "p") if p.get("class") == "page-files")
    files = downloads(name, line)
    nbformat.validate(nbformat.read(files[".ipynb"], as_version=4))
    assert files[".py"].read_bytes() == (ROOT / "notebooks" / files[".py"].name).read_bytes()
    known = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    assert any("mybinder.org" in a.get("href") for a in line.iter("a")) == bool(known)


def test_the_front_picture_has_its_data_and_is_light():
    (data,) = (e for e in elements(CHAPTERS[0], "script") if e.get("class") == "orbits-data")
    assert 20_000 < len(data.text) < 100_000
    assert (HTML / "_static" / "orbits.js").stat().st_size < 10_000
