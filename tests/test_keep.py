"""``make keep``: the record of a full build is written from a good one only, and says what it depends on."""

import json

import book_fixture
import pytest
from companion import keep, results
from companion.__main__ import main
from companion.build import build
from companion.files import write
from companion.project import Mistake
from companion.seal import seal

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The small book, its notebooks executed in the paper profile, its results written."""
    project = book_fixture.make(tmp_path_factory.mktemp("book"))
    assert build(project, "paper", with_site=False) == 0
    found = results.numbers(project, "paper", project.notebooks())
    write(project.results, results.text(project, "paper", found))
    return project


@pytest.fixture
def built(small):
    """The same for one test: its files are put back afterwards."""
    places = (small.results, small.profiles / "paper.yml", small.root / "book" / "bounds.yml")
    files = {path: path.read_text() for path in places}
    yield small
    small.record.unlink(missing_ok=True)
    for path, text in files.items():
        path.write_text(text)


def test_keep_writes_numbers_and_what_they_depend_on(built):
    assert main(["--root", str(built.root), "keep"]) == 0
    kept = json.loads(built.record.read_text(encoding="utf-8"))
    assert kept["numbers"]["01_first"] == {"product": {"value": 10.0, "shown": "10.000"}}
    assert kept["numbers"]["02_second"]["none"] == {"value": "NaN", "shown": "nan"}
    assert kept["parameters"]["01_first"]["width"] == 20
    assert kept["experiments"]["ADVECTION"] == keep.experiments()["ADVECTION"]
    assert kept["seconds"]["total"] == pytest.approx(sum(kept["seconds"][name] for name in kept["numbers"]), abs=0.11)
    assert list(kept) == sorted(kept)


def test_keep_twice_writes_the_same(built, tmp_path):
    for name in "ab":
        keep.keep(built, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert not built.record.exists()


def edit_results(project, change):
    held = json.loads(project.results.read_text())
    change(held)
    project.results.write_text(json.dumps(seal(held)))


REFUSED = {
    "no build": (lambda p: p.results.unlink(), "there is no build to keep"),
    "quick": (lambda p: edit_results(p, lambda held: held.update(profile="quick")), "profile 'quick', only 'paper'"),
    "stale": (lambda p: (p.profiles / "paper.yml").write_text("01_first: {width: 21}"), "01_first must run again"),
    "incomplete": (lambda p: edit_results(p, lambda held: held.pop("02_second")), "left something out"),
    "bounds": (lambda p: (p.root / "book/bounds.yml").write_text("01_first: {product: {max: 1}}"), "out of bounds"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_keep_refuses(built, case):
    spoil, words = REFUSED[case]
    spoil(built)
    with pytest.raises(Mistake, match=words):
        keep.keep(built)
    assert not built.record.exists()


def test_processor_has_a_name():
    assert keep.processor().strip()
