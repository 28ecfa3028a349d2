"""Full disks, read-only folders, files cut off or changed: a clear error or a clean run, never a wrong number."""

import ctypes
import json
import os
import random
import resource
import shutil

import book_fixture
import pytest
from builds import NUMBERS, check_files_in_use, check_good, run
from companion import keep, rerun, results, seal, site
from companion.build import build, plan
from companion.files import write
from companion.project import Mistake, Project

QUICK = ("build", "--profile", "quick")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The small book, built with its site in the quick profile and without in the paper profile."""
    project = book_fixture.make(tmp_path_factory.mktemp("book"))
    assert build(project, "paper", with_site=False) == 0
    assert build(project, "quick") == 0
    return project


@pytest.fixture
def book(built, tmp_path):
    shutil.copytree(built.root, tmp_path / "book")
    return Project(tmp_path / "book")


def cut(data, generator):
    return data[: generator.randrange(len(data))]


def flip(data, generator):
    """Flip one bit."""
    at = generator.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << generator.randrange(8)]) + data[at + 1 :]


def other_digit(data, generator):
    """Change one digit: what is left is JSON as before."""
    at = generator.choice([i for i, byte in enumerate(data) if chr(byte).isdigit()])
    return data[:at] + str((int(chr(data[at])) + 1) % 10).encode() + data[at + 1 :]


DAMAGE = {
    "cut off": cut,
    "a bit flipped": flip,
    "another digit": other_digit,
    "emptied": lambda *_: b"",
    "zeros": lambda data, _: bytes(len(data)),
    "other JSON": lambda *_: b"[1]",
    "null": lambda *_: b"null",
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_notebook_is_never_read(how, book, fault):
    """Each damage is found, and the plan has that notebook run again."""
    path, generator = book.executed("quick", "01_first"), random.Random(how)
    whole = path.read_bytes()
    for _ in range(20 if how in ("cut off", "a bit flipped", "another digit") else 1):
        with fault("disk", f"executed notebook: {how}"):
            path.write_bytes(DAMAGE[how](whole, generator))
            try:
                numbers = results.numbers(book, "quick", ["01_first"])
            except seal.Damaged:
                assert "01_first.ipynb is damaged" in plan(book, "quick").reasons["01_first"][0]
                assert rerun.book_numbers(book, "quick", "01_first") == {}
            else:  # white space, say
                assert numbers == {"01_first": NUMBERS["01_first"]}
                assert json.loads(path.read_bytes()) == json.loads(whole)


@pytest.mark.parametrize("how", ["cut off", "another digit"])
def test_damaged_notebook_runs_again(how, book, fault):
    path = book.executed("quick", "01_first")
    with fault("disk", f"executed notebook: {how}, then a build"):
        path.write_bytes(DAMAGE[how](path.read_bytes(), random.Random(0)))
        status, said = run(book, *QUICK, site=False)
        assert status == 0, said
        assert "1 of 2 notebooks to run" in said
        check_good(book)


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_results_are_refused_by_keep_and_written_again(how, book, fault, monkeypatch):
    found = results.numbers(book, "paper", book.notebooks())
    write(book.results, results.text(book, "quick", found))
    assert rerun.profile_of_book(book) == "quick"
    write(book.results, results.text(book, "paper", found))
    whole, generator = book.results.read_bytes(), random.Random(how)
    monkeypatch.setattr(site, "jupyter_book", lambda *_, **__: pytest.fail("the site is as it was"))
    with fault("disk", f"results.json: {how}"):
        book.results.write_bytes(DAMAGE[how](whole, generator))
        with pytest.raises(Mistake, match="damaged"):
            keep.keep(book)
        assert not book.record.exists()
        assert rerun.profile_of_book(book) == "paper"
        assert build(book, "quick") == 0
        assert {name: seal.read(book.results)[name] for name in NUMBERS} == NUMBERS


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_list_of_inputs_builds_the_site_again(how, book, fault):
    stamp, generator = book.html / site.STAMP, random.Random(how)
    with fault("disk", f"inputs of the site: {how}"):
        made_from = site.inputs(book, "quick", book.notebooks())
        whole = stamp.read_bytes()
        stamp.write_bytes(DAMAGE[how](whole, generator))
        try:
            same = json.loads(stamp.read_bytes()) == json.loads(whole)
        except ValueError:
            same = False
        assert same or site.changes(book, made_from)


@pytest.mark.parametrize("how", ["cut off", "a bit flipped", "removed"])
def test_damaged_page_is_built_again(how, book, fault):
    page = book.html / "book" / "intro.html"
    with fault("disk", f"a page: {how}"):
        whole = page.read_bytes()
        page.unlink() if how == "removed" else page.write_bytes(DAMAGE[how](whole, random.Random(how)))
        assert site.changes(book, site.inputs(book, "quick", book.notebooks())) == ["html/ is not as it was built"]


def limit(size):
    """Return what makes a process believe that the disk is full after ``size`` bytes in a file."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("size", [0, 2_000, 20_000])
def test_full_disk(size, book, fault):
    """The build fails, and says why; once there is room it ends as ever."""
    book_fixture.edit(book, "locsym/flow.py", "identity", "#\nidentity")
    with fault("disk", "full, at a build"):
        status, said = run(book, *QUICK, site=False, preexec_fn=limit(size))
        assert status == 1, said
        assert "File too large" in said
        assert "Traceback" not in said.split("File too large")[0]
        check_files_in_use(book)
        status, said = run(book, *QUICK, site=False)
        assert status == 0, said
        check_good(book)


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_full_disk_at_the_site(size, book, fault):
    """The last good pages stay."""
    pages = {page: page.read_bytes() for page in book.html.rglob("*.html")}
    book_fixture.edit(book, "book/intro.md", "From", "Taken from")
    with fault("disk", "full, at the site"):
        status, said = run(book, *QUICK, preexec_fn=limit(size))
        assert status == 1, said
        assert "File too large" in said or "site has warnings" in said, said
        assert {page: page.read_bytes() for page in book.html.rglob("*.html")} == pages
        check_good(book)


def unprivileged():
    """Take from root the right to write where the permissions say no (PR_CAPBSET_DROP of CAP_DAC_OVERRIDE)."""
    ctypes.CDLL(None, use_errno=True).prctl(24, 1, 0, 0, 0)


@pytest.mark.parametrize("folder", ["_build/executed/quick", "."])
def test_read_only_folder(folder, book, fault):
    """Named in the error; once it may be written, the build ends as ever."""
    book_fixture.edit(book, "locsym/flow.py", "identity", "#\nidentity")
    place = book.root / folder
    if folder == ".":
        shutil.rmtree(book.build)
    place.chmod(0o555)
    try:
        with fault("disk", "a read-only folder"):
            status, said = run(book, *QUICK, site=False, preexec_fn=unprivileged)
            assert status == 1, said
            assert "Permission denied" in said
            assert "Traceback" not in said
            place.chmod(0o755)
            status, said = run(book, *QUICK, site=False)
            assert status == 0, said
            check_good(book)
    finally:
        place.chmod(0o755)
    assert os.access(place, os.W_OK)
