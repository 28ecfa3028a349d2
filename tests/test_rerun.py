"""``make rerun``: one notebook with other parameters, its page, its table; the book is untouched."""

import json

import book_fixture
import nbformat
import pytest
from companion import processes, rerun, site
from companion.__main__ import main
from companion.files import write
from companion.seal import seal, sealed_notebook

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The small book as a build left it: all that a rerun reads of it is its profile and its numbers."""
    project = book_fixture.make(tmp_path_factory.mktemp("book"))
    kept = {"companion": {"key": "product", "value": 0.4, "shown": "0.400"}}
    cell = nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("display_data", metadata=kept)])
    write(project.executed("quick", "01_first"), sealed_notebook(nbformat.v4.new_notebook(cells=[cell])))
    write(project.results, json.dumps(seal({"profile": "quick"})))
    write(project.html / "book" / "notebooks" / "02_second.html", "")
    return project


def run(book, *words):
    return main(["--root", str(book.root), "rerun", *words])


def test_rerun_makes_notebook_page_and_table_and_leaves_the_book(book, capsys, monkeypatch):
    before = {path: path.read_bytes() for path in book.root.rglob("*") if path.is_file()}
    assert run(book, "01", "-p", "width=7 name='a b'") == 0
    said = capsys.readouterr().out
    assert "01_first, width = 7, name = 'a b'\n" in said
    assert ["product", "0.400", "0.700", "1.75"] in [line.split() for line in said.splitlines()]

    folder = next((book.root / "runs" / "01_first").iterdir())
    assert ">0.700<" in (folder / "html" / "01_first.html").read_text()
    assert json.loads((folder / "01_first.ipynb").read_text())["metadata"]["companion"]["parameters"]["tau"] == 0.1
    assert {path: path.read_bytes() for path in before} == before
    made = {p.relative_to(book.root).parts[0] for p in book.root.rglob("*") if p.is_file() and p not in before}
    assert made == {"runs"}

    monkeypatch.setattr(processes, "start", lambda *_: pytest.fail("a notebook was started"))
    assert run(book, "01_first", "-p", "width=7", "-p", "name='a b'") == 0
    assert "this run already exists" in capsys.readouterr().out


def test_failing_rerun_is_told(book, capsys):
    assert run(book, "02", "-p", "seed=-1") == 1
    assert "a seed is not negative" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["01_first", "-p", "nonsense=1"], "01_first has no parameter 'nonsense'; allowed: width (an int >= 1, "),
        (["01_first", "-p", "width=abc"], "width must be an int >= 1, as its default 4 is; got 'abc'"),
        (["01_first", "-p", "width=-3"], "01_first: width must be an int >= 1, as its default 4 is; got -3"),
        (["03"], "there is no notebook '03'; allowed: 01_first, 02_second"),
        (["0"], "'0' is the beginning of 01_first, 02_second; name one"),
        (["01", "--profile", "fast"], "there is no profile 'fast'; allowed: paper, quick"),
    ],
)
def test_mistake_is_told_before_anything_runs(book, capsys, monkeypatch, words, message):
    monkeypatch.setattr(processes, "start", lambda *_: pytest.fail("a notebook was started"))
    assert run(book, *words) == 2
    assert message in capsys.readouterr().err


def test_other_major_version_of_jupyter_book_is_refused(book, capsys, monkeypatch):
    monkeypatch.setattr(processes, "start", lambda *_: pytest.fail("a notebook was started"))
    monkeypatch.setattr(site.metadata, "version", lambda name: "2.0.1")
    assert run(book, "01_first") == 2
    assert "jupyter-book 1 is needed, this environment has 2.0.1" in capsys.readouterr().err


NUMBER = {"value": 2.0, "shown": "2.0e+00"}


@pytest.mark.parametrize(
    ("was", "now", "row"),
    [
        (NUMBER, {"value": 1.0, "shown": "1.0e+00"}, ["k", "2.0e+00", "1.0e+00", "0.5"]),
        (NUMBER, NUMBER, ["k", "2.0e+00", "2.0e+00", "="]),
        (None, NUMBER, ["k", "–", "2.0e+00"]),
        (NUMBER, None, ["k", "2.0e+00", "–"]),
        ({"value": True, "shown": "True"}, {"value": False, "shown": "False"}, ["k", "True", "False"]),
        ({"value": 0.0, "shown": "0"}, NUMBER, ["k", "0", "2.0e+00"]),
        (NUMBER, {"value": "Infinity", "shown": "inf"}, ["k", "2.0e+00", "inf", "inf"]),
    ],
)
def test_table_has_a_row_a_number(was, now, row):
    table = rerun.table({"k": was} if was else {}, {"k": now} if now else {})
    assert table.splitlines()[1].split() == row


@pytest.mark.parametrize(
    ("name", "tag"), [("02_second", '<a href="../../../_build/html/book/notebooks/02_second.html">'), ("03_third", "")]
)
def test_link_to_another_notebook_leads_to_the_book_or_is_words(book, name, tag):
    words = '<span class="xref myst">there</span>'
    html = f'<p><a class="reference internal" href="#{name}">{words}</a></p>'
    linked = rerun.link_to_book(book, html, book.root / "runs" / "01_first" / "hash")
    assert linked == f"<p>{tag}{words}{'</a>' if tag else ''}</p>"
