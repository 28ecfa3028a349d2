"""Two commands on one book at the same moment: they wait for each other or share the work, and mix no file."""

import shutil

import book_fixture
import pytest
from builds import check_files_in_use, check_good, run, start
from companion.project import Project
from companion.record import recorded
from companion.results import numbers, read

QUICK, PAPER = ("build", "--profile", "quick"), ("build", "--profile", "paper")
RERUN = ("rerun", "01_first", "--profile", "quick", "-p", "width=7")
OTHER = ("rerun", "01_first", "--profile", "quick", "-p", "width=8")


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    return book_fixture.make(tmp_path_factory.mktemp("book"))


@pytest.fixture
def book(bare, tmp_path):
    shutil.copytree(bare.root, tmp_path / "book")
    return Project(tmp_path / "book")


def at_once(book, *commands):
    """Start the commands together; return what each said, once all have ended well."""
    started = [start(book, *words, site=words[0] == "rerun") for words in commands]
    said = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(started), "\n".join(said)
    return said


def rerun_products(book):
    """Return the number of each rerun, by the width it was given."""
    made = [read(path) for path in (book.root / "runs").glob("*/*/01_first.ipynb")]
    pages = [path.parent.parent for path in (book.root / "runs").glob("*/*/html/01_first.html")]
    assert len(pages) == len(made)
    return {m.metadata["companion"]["parameters"]["width"]: recorded(m)["product"]["value"] for m in made}


def test_two_builds_share_the_work(book, fault):
    """The second waits, and has nothing left to do."""
    with fault("two at once", "two builds"):
        said = "".join(at_once(book, QUICK, QUICK))
        assert "another build is at work here: waiting" in said
        assert "2 of 2 notebooks to run" in said
        assert "0 of 2 notebooks to run" in said
        check_good(book)


def test_builds_of_two_profiles(book, fault):
    """Each profile has its own numbers."""
    with fault("two at once", "builds of two profiles"):
        at_once(book, QUICK, PAPER)
        check_good(book)
        check_files_in_use(book)
        assert numbers(book, "paper", ["01_first"])["01_first"]["product"]["value"] == 10.0


def test_build_and_two_reruns(book, fault):
    """A rerun does not wait for the build; two of the same share one execution."""
    with fault("two at once", "a build and three reruns"):
        said = at_once(book, QUICK, RERUN, RERUN, OTHER)
        check_good(book)
        assert rerun_products(book) == {7: pytest.approx(0.7), 8: pytest.approx(0.8)}
        assert "this run already exists" in said[1] + said[2]


def test_rerun_of_a_book_that_is_being_changed(book, fault):
    """A rerun and a build of the site, which replaces what the rerun links to."""
    with fault("two at once", "a site and a rerun"):
        status, said = run(book, *QUICK, site=False)
        assert status == 0, said
        first, second = start(book, *QUICK), start(book, *RERUN)
        said = [process.communicate(timeout=300)[0] for process in (first, second)]
        assert (first.returncode, second.returncode) == (0, 0), said
        assert "0.400  0.700" in said[1]
        check_good(book)
        assert (book.html / "book" / "intro.html").exists()
