"""Builds and reruns that are killed, at random moments: the next one ends as if nothing had happened."""

import random
import shutil
import time
from contextlib import ExitStack, contextmanager

import book_fixture
import pytest
from builds import check_files_in_use, check_good, kill, run, start, touch
from companion.project import Project
from companion.results import numbers

BUILD = ("build", "--profile", "quick")
RERUN = ("rerun", "01_first", "-p", "width=7")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The small book, built, and how many seconds each command takes on it."""
    project, seconds = book_fixture.make(tmp_path_factory.mktemp("book")), {}
    for what, words, site in (("notebooks", BUILD, False), ("site", BUILD, True), ("rerun", RERUN, True)):
        began = time.monotonic()
        status, said = run(project, *words, site=site)
        assert status == 0, said
        seconds[what] = time.monotonic() - began
    return project, seconds


@pytest.fixture
def book(built, tmp_path):
    shutil.copytree(built[0].root, tmp_path / "book")
    return Project(tmp_path / "book")


@contextmanager
def killed(fault, what, times, begin, seconds, everything, generator):
    """Start a command and kill it at a random moment, so many times. What follows below ``with`` must still hold."""
    with ExitStack() as faults:
        family, done = [], 0
        while done < times:
            process = begin()
            time.sleep(generator.uniform(0.1, 1.0) * seconds)
            if process.poll() is not None:  # it was faster
                process.stdout.close()
                seconds *= 0.9
                continue
            faults.enter_context(fault("killed", what))
            family += kill(process, everything)
            done += 1
        yield family


@pytest.mark.parametrize("seed", range(4))
def test_build(seed, built, book, fault):
    """Twenty kills in all, of everything or of the parent only; each second build works on what a kill left."""
    what = "a build, the parent only" if seed % 2 else "a build, all its processes"
    starts = iter(range(1000))

    def begin():
        if next(starts) % 2 == 0:
            touch(book)
        return start(book, *BUILD, site=False)

    seconds = built[1]["notebooks"]
    with killed(fault, what, 5, begin, seconds, seed % 2 == 0, random.Random(seed)) as family:
        check_files_in_use(book)
        status, said = run(book, *BUILD, site=False)
        assert status == 0, said
        check_good(book, family)


@pytest.mark.parametrize("everything", [True, False])
def test_site(everything, built, book, fault):
    """The pages are those of an undisturbed build, and Jupyter Book does not work on without its parent."""
    pages = {page.relative_to(book.html): page.read_bytes() for page in book.html.rglob("*.html")}
    seconds = built[1]["site"]

    def begin():
        if book.html.exists():
            (book.html / ".inputs.json").unlink(missing_ok=True)  # so it is built again
        return start(book, *BUILD)

    with killed(fault, "a site", 3, begin, seconds, everything, random.Random(7)) as family:
        status, said = run(book, *BUILD)
        assert status == 0, said
        check_good(book, family)
        assert {page.relative_to(book.html): page.read_bytes() for page in book.html.rglob("*.html")} == pages


def test_rerun(built, book, fault):
    """The executed notebook, its page, its table; the book is as it was."""
    shutil.rmtree(book.root / "runs")
    before = numbers(book, "quick", book.notebooks())
    with killed(fault, "a rerun", 4, lambda: start(book, *RERUN), built[1]["rerun"], True, random.Random(8)) as family:
        status, said = run(book, *RERUN)
        assert status == 0, said
        check_good(book, family)
        assert "0.400  0.700" in said
        (folder,) = (book.root / "runs" / "01_first").iterdir()
        assert sorted(path.name for path in folder.iterdir()) == [".lock", "01_first.ipynb", "html"]
        assert ">0.700<" in (folder / "html" / "01_first.html").read_text()
        assert numbers(book, "quick", book.notebooks()) == before
