"""The map of the paper: complete, and every entry points somewhere: a place on a page, a function, a test."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from functools import cache, reduce
from importlib import import_module
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
from api_pages import documented, markdown, used_in  # noqa: E402, found only after the line above

ENTRIES = yaml.safe_load((ROOT / "book" / "paper_map.yml").read_text(encoding="utf-8"))
PANELS = ["1(a)", "1(b)", "2", "3(a)", "3(b)", "4(a)", "4(b)", "4(c)", "4(d)"]
PANELS += ["5(a)", "5(b)", "6(a)", "6(b)", "6(c)", "6(d)"]
CLAIMS = {  # how many claims of a section the map follows
    **{"2": 2, "2.1": 2, "2.2": 1, "2.3": 2, "3.1": 5, "3.2": 4},
    **{"4": 2, "4.1": 5, "4.2.1": 4, "4.2.2": 4, "5": 1},
}
ITEMS = [
    *(f"({i})" for i in range(1, 39)),
    *(f"Fig. {panel}" for panel in PANELS),
    *("Def. 2.1", "Thm 2.1", "Prop. 3.1"),
    *(f"Sec. {section}, claim {i + 1}" for section, count in CLAIMS.items() for i in range(count)),
]
BOUNDED = yaml.safe_load((ROOT / "book" / "bounds.yml").read_text(encoding="utf-8"))


@cache
def source(page: str) -> str:
    """A page's text as it is written: prose, or the notebook's source."""
    chapter = page.replace("book/notebooks/", "notebooks/") + ".py"
    return (ROOT / (chapter if (ROOT / chapter).exists() else f"{page}.md")).read_text(encoding="utf-8")


@cache
def functions(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def find(name: str):
    """The object of a dotted name: the longest part that is a module, then attributes."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            return reduce(getattr, parts[cut:], import_module(".".join(parts[:cut])))
        except ModuleNotFoundError:
            continue
    raise ModuleNotFoundError(name)


def test_nothing_is_missing_and_nothing_twice():
    assert Counter(e["item"] for e in ENTRIES) == Counter(ITEMS)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e["item"])
def test_label_is_defined_on_its_page(entry):
    label = re.escape(entry["label"])
    marks = rf'^# \({label}\)=$|:label: {label}$|"name": "{label}"'
    assert len(re.findall(marks, source(entry["page"]), re.MULTILINE)) == 1


@pytest.mark.parametrize("name", sorted({name for e in ENTRIES for name in e["code"]}))
def test_function_exists_and_says_what_it_is(name):
    assert (find(name).__doc__ or "").strip()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e["item"])
def test_test_exists(entry):
    assert entry["test"], "every item is held by a test"
    for file, name, case in (re.fullmatch(r"(.+)::(\w+)(?:\[(.+)\])?", test).groups() for test in entry["test"]):
        assert name in functions(file)
        if case:
            notebook, _, key = case.partition("-")
            assert key in BOUNDED[notebook]


@pytest.mark.parametrize("number", range(1, 39))
def test_equation_is_labelled_once_in_the_book(number):
    chapters = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "notebooks").glob("*.py"))
    assert len(re.findall(rf"^# \(eq-{number}\)=$", chapters, re.MULTILINE)) == 1


def test_api_pages_show_every_module_once():
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "book" / "api").glob("*.md"))
    rooms = re.findall(r"^```\{modules\} (\S+)$", pages, re.MULTILINE)
    shown = Counter(name for room in rooms for name in documented(ROOT, room))
    files = (path.relative_to(ROOT).with_suffix("") for path in (ROOT / "locsym").rglob("*.py"))
    modules = {".".join(file.parts).removesuffix(".__init__") for file in files} - {"locsym"}
    modules |= {f"chapters.{path.stem}".removesuffix(".__init__") for path in (ROOT / "book/chapters").glob("*.py")}
    assert shown == Counter(modules)


def test_api_pages_lead_to_the_chapters_that_use_a_module():
    used = used_in(ROOT)
    assert used["chapters.magnetic_field"] == ["splitting"]
    assert used["locsym.flow"][0] == "integrators"
    assert "{doc}`/book/notebooks/splitting`" in markdown(["chapters.magnetic_field"], used)
    assert "Used in" not in markdown(["chapters.magnetic_field"], {})
    for name, chapters in used.items():
        for chapter in chapters:
            assert f"from {name} import" in source(f"book/notebooks/{chapter}")
