"""The page "How it is built": its drawing against the imports, and the walk of a state against what the code does."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from torch.nn.utils import parameters_to_vector

import locsym
from locsym.diagnostics import drift
from locsym.networks import Linearisation
from locsym.systems import sphere

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
import import_graph  # noqa: E402, found only after the line above
import rooms  # noqa: E402

LIBRARY = ROOT / "locsym"
PAGE = (ROOT / "book" / "how_it_is_built.md").read_text(encoding="utf-8")
GRAPH = {"top": {"left", "right", "low"}, "left": {"low"}, "right": {"low"}, "low": set(), "alone": set()}


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
    assert import_graph.imports(root / "flow.py", root) == (set(), {"torch", "collections"})


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("Flow maps: any callable ``(y, h) -> y``. More.", "Flow maps: any callable (y, h) -> y."),
        ("Training: one function, :func:`fit`,\nfor all.\n\nMore.", "Training: one function, fit, for all."),
        ("See :class:`~locsym.flow.FlowMap`.", "See locsym.flow.FlowMap."),
    ],
)
def test_first_sentence_is_plain_words(tmp_path, docstring, sentence):
    (tmp_path / "a.py").write_text(f'"""{docstring}"""')
    assert rooms.first_sentence(tmp_path / "a.py") == sentence


def test_an_import_that_follows_from_others_has_no_arrow():
    assert import_graph.direct(GRAPH) == GRAPH | {"top": {"left", "right"}}


def test_rooms_stand_above_what_they_import():
    assert import_graph.downwards(GRAPH) == ["alone", "top", "left", "right", "low"]


def test_arrows_begin_and_end_in_the_middle_of_boxes_and_longer_ones_go_further_out():
    found = rooms.curves({"a": {"b", "c"}, "b": set(), "c": set()}, ["a", "b", "c"])
    assert found == ["M1 0.5C0.333 0.5 0.333 1.5 1 1.5", "M1 0.5C-0.333 0.5 -0.333 2.5 1 2.5"]


class Drawn(HTMLParser):
    """The boxes of a drawing, their kinds, links and words, and its picture."""

    def __init__(self, html: str):
        super().__init__()
        self.links, self.words, self.kinds, self.picture, self.path = [], [], [], {}, ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "li":
            self.kinds.append(attrs["class"])
            self.words.append("")
        elif tag == "a":
            self.links.append(attrs["href"])
        elif tag == "svg":
            self.picture = attrs
        elif tag == "path":
            self.path = attrs["d"]

    def handle_data(self, data):
        self.words[-1] += data


@pytest.fixture(scope="module")
def drawn():
    return Drawn(rooms.drawing(LIBRARY, lambda name: f"api.html#{name}"))


def test_every_room_has_a_box_with_its_link_and_its_sentence(drawn):
    there = {path.stem for path in LIBRARY.iterdir() if (path / "__init__.py").exists() or path.suffix == ".py"}
    names = [words.split(" ")[0] for words in drawn.words]
    assert set(names) == there - {"__init__"}
    assert len(names) == len(set(names))
    assert drawn.links == [f"api.html#{name}" for name in names]
    assert drawn.words[names.index("data")].startswith("data Pairs of states one time step apart")
    assert drawn.kinds[names.index("plots")] == "", "no arrow leads to it or from it"
    assert drawn.kinds[names.index("guards")] == "to"
    assert drawn.kinds[names.index("training")] == "from to"


def test_the_arrows_are_the_imports(drawn):
    names = [words.split(" ")[0] for words in drawn.words]
    ends = re.findall(r"M1 ([\d.]+)C\S+ \S+ \S+ \S+ 1 ([\d.]+)", drawn.path)
    arrows = {(names[int(float(a))], names[int(float(b))]) for a, b in ends}
    graph = import_graph.direct(import_graph.rooms(LIBRARY))
    assert arrows == {(a, b) for a, others in graph.items() for b in others}
    assert len(ends) == len(arrows)
    assert all(float(a) < float(b) for a, b in ends), "down"
    assert drawn.picture["viewbox"] == f"0 0 1 {len(names)}"


def test_the_picture_says_in_words_what_it_shows(drawn):
    for name, others in import_graph.rooms(LIBRARY).items():
        (words,) = re.findall(rf"\b{name} imports from ([^;]*?)[;.]", drawn.picture["aria-label"])
        assert set(re.split(r", | and ", words)) - {"no other room"} == others


def test_the_walk_of_a_state_runs_and_has_the_shapes_that_the_page_names():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names = vars(locsym) | {name: getattr(locsym, name) for name in locsym.__all__}
    names |= {"sphere": sphere, "Linearisation": Linearisation, "drift": drift, "steps": 5}
    names |= {"parameters_to_vector": parameters_to_vector, "generator": torch.Generator().manual_seed(0)}
    exec(code, names)
    sizes = {"N": 40, "n": 3, "m": 16, "V": 8, "steps": 5}
    sizes["P"] = sum(p.numel() for p in names["net"].parameters())
    shown = re.findall(r"`([\w.()]+)`: `(\([^`]*\))`", PAGE)
    assert len(shown) == 12
    for value, shape in shown:
        assert tuple(eval(value, names).shape) == eval(shape, dict(sizes)), value


def test_the_files_that_the_page_names_are_there():
    named = set(re.findall(r"`([\w/]+\.py)`", PAGE))
    assert len(named) > 9
    assert [name for name in named if not (LIBRARY / name).is_file() and not (ROOT / name).is_file()] == []
