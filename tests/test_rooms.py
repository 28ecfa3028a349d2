"""The drawing of the rooms: its boxes and arrows against the imports, and small graphs whose drawing is known."""

import re
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
import import_graph  # noqa: E402, found only after the line above
import rooms  # noqa: E402

LIBRARY = ROOT / "locsym"
DIAMOND = {"top": {"left", "right", "low"}, "left": {"low"}, "right": {"low"}, "low": set(), "alone": set()}


def package(folder: Path, sources: dict[str, str]) -> Path:
    for name, text in sources.items():
        path = folder / "locsym" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "locsym"


def test_imports_of_every_form_are_read(tmp_path):
    root = package(tmp_path, {
        "__init__.py": "",
        "flow.py": "import torch\nfrom collections import abc",
        "data/__init__.py": "from ..flow import FlowMap\nfrom .pairs import Pairs",
        "data/pairs.py": "import locsym.flow\nfrom locsym.guards import number",
        "training/__init__.py": "def late():\n    from .. import data, flow",
        "guards.py": "",
    })  # fmt: skip
    assert import_graph.rooms(root) == {
        "flow": set(), "data": {"flow", "guards"}, "training": {"data", "flow"}, "guards": set(),
    }  # fmt: skip
    own, foreign = import_graph.imports(root / "flow.py", root)
    assert (own, foreign) == (set(), {"torch", "collections"})
    assert import_graph.modules(root, "data") == ["data.pairs"]
    assert import_graph.modules(root) == ["flow", "guards", "data.pairs", "data", "training"]


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("Flow maps: any callable ``(y, h) -> y``. More.", "Flow maps: any callable (y, h) -> y."),
        ("Training: one function, :func:`fit`,\nfor all.\n\nMore.", "Training: one function, fit, for all."),
        ("See :class:`~locsym.flow.FlowMap`, eq. 3.", "See locsym.flow.FlowMap, eq. 3."),
    ],
)
def test_first_sentence_is_plain_words(tmp_path, docstring, sentence):
    (tmp_path / "a.py").write_text(f'"""{docstring}"""')
    assert import_graph.first_sentence(tmp_path / "a.py") == sentence.replace("eq. 3.", "eq.")


def test_an_import_that_follows_from_others_has_no_arrow():
    assert import_graph.reduced(DIAMOND) == DIAMOND | {"top": {"left", "right"}}


def test_rooms_stand_above_what_they_import():
    assert rooms.rows(DIAMOND) == [["alone", "top"], ["left", "right"], ["low"]]


def test_a_long_arrow_passes_through_a_free_place():
    graph = {"a": {"b", "d"}, "b": {"c"}, "c": set(), "d": set()}
    table = rooms.rows(graph)
    assert table == [["a"], ["b"], ["c", "d"]]
    arrows = rooms.paths(graph, table)
    assert arrows == [[(0, "a"), (1, "b")], [(0, "a"), (1, "a d"), (2, "d")], [(1, "b"), (2, "c")]]
    cells = rooms.places(table, arrows)
    assert len(set(cells.values())) == len(cells) == 5, "one place, one room"
    assert cells[1, "a d"][1] == cells[2, "d"][1], "straight down"
    assert cells[1, "b"][1] == cells[2, "c"][1]


class Drawn(HTMLParser):
    """The links, texts and SVG elements of a drawing."""

    def __init__(self, html: str):
        super().__init__()
        self.links, self.items, self.svg, self.paths, self.open = {}, {}, {}, [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "a":
            self.open = attrs["href"]
        elif tag == "svg" and "role" in attrs:
            self.svg = attrs
        elif tag == "path":
            self.paths.append(attrs["d"])

    def handle_data(self, data):
        if self.open:
            self.name, self.open = data, self.links.setdefault(data, self.open) and ""
            self.items[self.name] = ""
        elif self.items:
            self.items[self.name] += data


@pytest.fixture(scope="module")
def drawn():
    return Drawn(rooms.drawing(LIBRARY, lambda name: f"api.html#{name}"))


def test_every_room_has_a_box_with_its_sentence_and_its_link(drawn):
    there = {path.stem for path in LIBRARY.iterdir() if (path / "__init__.py").exists() or path.suffix == ".py"}
    assert drawn.items.keys() == there - {"__init__"}
    assert drawn.links == {name: f"api.html#{name}" for name in drawn.items}
    assert "Pairs of states one time step apart" in drawn.items["data"]
    assert "Imports from flow, guards." in drawn.items["data"]
    assert "Imports from no other room." in drawn.items["guards"]
    html = rooms.drawing(LIBRARY, str)
    assert re.findall(r'<li class="alone"[^>]*><a href="(\w+)"', html) == ["plots"], "nothing leads to it or from it"


def test_the_picture_says_in_words_what_it_shows(drawn):
    assert drawn.svg["role"] == "img"
    graph = import_graph.rooms(LIBRARY)
    for name, others in graph.items():
        (words,) = re.findall(rf"\b{name} imports from ([^;]*?)[;.]", drawn.svg["aria-label"])
        assert set(re.split(r", | and ", words)) - {"no other room"} == others


def test_arrows_lead_from_each_room_down_to_what_it_imports():
    graph = import_graph.reduced(import_graph.rooms(LIBRARY))
    table = rooms.rows(graph)
    arrows = rooms.paths(graph, table)
    assert {(path[0][1], path[-1][1]) for path in arrows} == {(a, b) for a, others in graph.items() for b in others}
    assert all(a[0] < b[0] for path in arrows for a, b in pairwise(path)), "down"
    html = rooms.drawing(LIBRARY, str)
    curves = re.findall(r"M([\d.]+) ([\d.]+)C[\d.]+ [\d.]+ [\d.]+ [\d.]+ ([\d.]+) ([\d.]+)", html)
    assert len(curves) == sum(len(path) - 1 for path in arrows)
    assert all(float(y) < float(Y) for _, y, _, Y in curves)
    column = {(r, c) for r, c in rooms.places(table, arrows).values()}
    assert all((float(y) // 7, float(x) - 0.5) in column for x, y, _, _ in curves), "each begins at a box"
