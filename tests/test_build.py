"""The road, end to end, on a small book: built once, then broken in every way a user or an author can break it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import book_fixture
import nbformat
import pytest
from companion import processes, site
from companion.__main__ import main
from companion.build import build
from companion.project import Mistake, Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The small book, built in the quick profile; tests that change it take a copy."""
    project = book_fixture.make(tmp_path_factory.mktemp("book"))
    assert build(project, "quick") == 0
    return project


@pytest.fixture
def book(built, tmp_path):
    shutil.copytree(built.root, tmp_path / "book")
    return Project(tmp_path / "book")


@pytest.fixture
def nothing_runs(monkeypatch):
    """Let any notebook or site build that is started fail the test."""
    monkeypatch.setattr(processes, "start", lambda *_: pytest.fail("a notebook was started"))
    monkeypatch.setattr(site, "jupyter_book", lambda *_, **__: pytest.fail("a site build was started"))


def made(project, name, profile="quick"):
    return nbformat.read(project.executed(profile, name), as_version=4)


def output(project, name):
    return project.executed("quick", name).read_bytes()


def test_numbers_reach_their_page_and_other_pages(built):
    for page in ("book/notebooks/01_first", "book/intro"):
        assert ">0.400<" in (built.html / f"{page}.html").read_text()  # width 4, tau 0.1 of the quick profile


def test_results_hold_every_number_and_how_it_was_made(built):
    results = json.loads(built.results.read_text(), parse_constant=pytest.fail)
    assert results["01_first"] == {"product": {"value": 0.4, "shown": "0.400"}}
    assert results["02_second"] == {"seed": {"value": 3, "shown": "3"}, "none": {"value": "NaN", "shown": "nan"}}
    assert results["profile"] == "quick"
    assert results["versions"]["torch"].startswith("2.")


def test_executed_notebook_says_how_it_was_made(built):
    record = made(built, "02_second").metadata["companion"]
    assert record["profile"] == "quick"
    assert record["seed"] == 3
    assert 0 < record["seconds"] < 60
    assert record["versions"].keys() >= {"python", "locsym", "torch"}


def test_page_shows_the_parameters_that_ran_with_their_comments(built):
    cells = [c for c in made(built, "01_first").cells if "parameters" in str(c.metadata.get("tags"))]
    assert [c.source for c in cells] == [
        'width = 4   # hidden units, >= 1\ntau = 0.1    # >= 0\nname = "x"\nflags = [1, 2]  # >= 0'
    ]


def test_figure_cell_shows_its_picture_only(built):
    assert [list(output.data) for output in made(built, "01_first").cells[-1].outputs] == [["image/png", "text/plain"]]
    page = (built.html / "book/notebooks/01_first.html").read_text()
    assert "Axes" not in page
    assert "Line2D" not in page
    assert "Fig. 1" in page


def test_no_path_of_this_machine_in_what_is_published(built):
    for path in (built.page("01_first"), built.html / "book/notebooks/01_first.html", built.results):
        assert str(built.root) not in path.read_text()


def test_nothing_changed_runs_nothing(book, nothing_runs, capsys):
    began = time.monotonic()
    assert build(book, "quick") == 0
    assert time.monotonic() - began < 10
    assert "0 of 2 notebooks" in capsys.readouterr().out


def test_dry_run_says_which_and_why(book, nothing_runs, capsys):
    book_fixture.edit(book, "book/profiles/quick.yml", "width: 4", "width: 5")
    assert main(["--root", str(book.root), "build", "--profile", "quick", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "01_first   runs: parameter width: 4 → 5\n" in said
    assert "02_second  up to date\n" in said


def test_dry_run_tells_that_prose_rebuilds_the_site_only(book, nothing_runs, capsys):
    book_fixture.edit(book, "book/intro.md", "From", "Taken from")
    build(book, "quick", dry_run=True)
    assert "site       built: book/intro.md changed\n" in capsys.readouterr().out


def test_changed_parameter_runs_that_notebook_only(book, capsys):
    other = output(book, "02_second")
    book_fixture.edit(book, "book/profiles/quick.yml", "width: 4", "width: 5")
    assert build(book, "quick", with_site=False) == 0
    assert "1 of 2 notebooks to run" in capsys.readouterr().out
    assert made(book, "01_first").metadata["companion"]["parameters"]["width"] == 5
    assert output(book, "02_second") == other


def test_profiles_keep_their_own_notebooks(book, nothing_runs, capsys):
    build(book, "paper", dry_run=True)
    assert "never executed in this profile" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cell", "error"), [("1 / 0", "ZeroDivisionError"), ("assert width < 0, 'too wide'", "AssertionError: too wide")]
)
def test_failing_cell_is_told_and_loses_nothing(book, capsys, cell, error):
    last_good, page = output(book, "01_first"), (book.html / "book/intro.html").read_bytes()
    book_fixture.edit(book, "notebooks/01_first.py", "record(", f"{cell}\nrecord(")
    book_fixture.edit(book, "notebooks/02_second.py", "record(\"seed\", seed", "record(\"seed\", seed + 1")
    assert build(book, "quick") == 1
    said = capsys.readouterr().out
    for words in ("01_first failed in cell 3 of 4", "of notebooks/01_first.py", cell, error, "Mend the above"):
        assert words in said
    assert output(book, "01_first") == last_good
    assert (book.html / "book/intro.html").read_bytes() == page
    assert ".html" not in said.split("failed:")[1]
    kept = json.loads(json.dumps(made(book, "02_second").cells[-1].outputs[0].metadata["companion"]))
    assert kept["value"] == 4, "the other notebook's work is kept"


def test_key_recorded_twice_fails(book, capsys):
    book_fixture.edit(book, "notebooks/02_second.py", 'record("none"', 'record("seed"')
    assert build(book, "quick", with_site=False) == 1
    assert "'seed' is recorded twice" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rule", "words"),
    [("{max: 0.3}", "product = 0.4"), ("{quick: {min: 1}}", "product = 0.4"), ("{}\n  gone: {max: 1}", "gone was not")],
)
def test_number_out_of_its_bounds_fails_the_build(book, nothing_runs, capsys, rule, words):
    book_fixture.edit(book, "book/bounds.yml", "{min: 0, max: 100}", rule)
    assert build(book, "quick") == 1
    assert words in capsys.readouterr().out


def test_broken_reference_is_an_error_and_keeps_the_last_good_site(book, capsys):
    page = (book.html / "book/intro.html").read_bytes()
    book_fixture.edit(book, "book/intro.md", "From", "See {ref}`nowhere`. From")
    assert build(book, "quick") == 1
    said = capsys.readouterr().out
    assert "book/intro.md" in said
    assert "nowhere" in said
    assert (book.html / "book/intro.html").read_bytes() == page


def test_page_that_was_not_built_is_an_error(book, monkeypatch):
    quiet = subprocess.CompletedProcess([], 0, "", "")
    monkeypatch.setattr(site, "jupyter_book", lambda *_, **__: quiet)
    with pytest.raises(site.SiteError, match=r"not built: book/intro, book/notebooks/01_first"):
        site.build(book, "quick", book.notebooks(), {})


@pytest.mark.parametrize("version", ["2.0.0", "2.1.0b1"])
def test_other_major_version_of_jupyter_book_is_refused(book, nothing_runs, monkeypatch, capsys, version):
    monkeypatch.setattr(site.metadata, "version", lambda name: version)
    assert main(["--root", str(book.root), "build"]) == 2
    assert f"jupyter-book 1 is needed, this environment has {version}" in capsys.readouterr().err


def test_source_that_the_contents_leave_out_is_an_error(book):
    shutil.copy(book.source("01_first"), book.source("03_third"))
    with pytest.raises(Mistake, match=r"_toc\.yml leaves out 03_third"):
        build(book, "quick")


def test_entry_without_source_is_an_error(book):
    book.source("02_second").unlink()
    with pytest.raises(Mistake, match="without a source: 02_second"):
        build(book, "quick")


def test_only_leaves_the_site_until_the_others_hold(book, capsys):
    for name in book.notebooks():
        book_fixture.edit(book, f"notebooks/{name}.py", "# %% [markdown]", "# %% [markdown]\n# New.\n#")
    assert build(book, "quick", only=["01"]) == 0
    said = capsys.readouterr().out
    assert "1 of 2 notebooks to run" in said
    assert "02_second must run first" in said


def test_only_refuses_an_unknown_notebook(book):
    with pytest.raises(Mistake, match="no notebook '09'; allowed: 01_first, 02_second"):
        build(book, "quick", only=["09"])


SLEEP = """

# %%
import os, time
from pathlib import Path
try:
    Path("pid").write_text(str(os.getpid()))
    time.sleep(60)
except KeyboardInterrupt:
    Path("saved").write_text("")
    raise
"""


def start_and_stop(book, number):
    """Start a build whose first notebook sleeps, send it a signal, and wait until its kernel has ended."""
    book.source("01_first").write_text(book_fixture.FIRST + SLEEP)
    command = [sys.executable, "-m", "companion", "--root", str(book.root), "build", "--profile", "quick"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait(lambda: (book.root / "pid").exists() and (book.root / "pid").read_text())
    process.send_signal(number)
    status = process.wait(timeout=30)
    kernel = int((book.root / "pid").read_text())
    wait(lambda: not alive(kernel))
    return status


def wait(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"


def test_kill_leaves_no_process_and_nothing_to_clean(book, capsys):
    assert start_and_stop(book, signal.SIGKILL) == -signal.SIGKILL
    assert output(book, "01_first"), "the last good one is there"
    book.source("01_first").write_text(book_fixture.FIRST)
    assert build(book, "quick") == 0
    assert "0 of 2 notebooks" in capsys.readouterr().out
    assert not list(book.root.rglob("*.part"))


def test_interrupt_lets_a_training_save_itself(book):
    assert start_and_stop(book, signal.SIGTERM) == 130
    assert (book.root / "saved").exists()
