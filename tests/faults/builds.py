"""Commands on the small book as real processes, and what a book must look like after whatever happened to them."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import book_fixture
import psutil
from companion import results, seal
from companion.project import Project

NUMBERS = {  # of the quick profile
    "01_first": {"product": {"value": 0.4, "shown": "0.400"}},
    "02_second": {"seed": {"value": 3, "shown": "3"}, "none": {"value": "NaN", "shown": "nan"}},
}
WITHOUT_SITE = """
import functools, sys
import companion.__main__ as command
command.build = functools.partial(command.build, with_site=False)
sys.exit(command.main(sys.argv[1:]))
"""


def start(project: Project, *words: str, site: bool = True, **options) -> subprocess.Popen:
    """Start ``python -m companion WORDS`` on the book; what it says goes to a pipe. site: False leaves it out."""
    program = ["-m", "companion"] if site else ["-c", WITHOUT_SITE]
    line = [sys.executable, *program, "--root", str(project.root), *words]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def run(project: Project, *words: str, site: bool = True, **options) -> tuple[int, str]:
    """Run such a command to its end; return its status and what it said."""
    process = start(project, *words, site=site, **options)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def kill(process: subprocess.Popen, everything: bool) -> list[psutil.Process]:
    """SIGKILL the command, and with ``everything`` all that it started; return all of them."""
    parent = psutil.Process(process.pid)
    family = [parent, *parent.children(recursive=True)]
    for one in family if everything else family[:1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()
    process.stdout.close()
    return family


def touch(project: Project) -> None:
    """Change the library of the book, but no number: every notebook has to run again."""
    book_fixture.edit(project, "locsym/flow.py", "identity", "#\nidentity")


def check_files_in_use(project: Project, profile: str = "quick") -> None:
    """Whatever lies where a command reads it is whole."""
    for path in (*project.build.glob("executed/*/*.ipynb"), *project.build.glob("results.json")):
        seal.read(path)


def check_good(project: Project, family: list[psutil.Process] = ()) -> None:
    """The book has the numbers that it has when nothing goes wrong; nothing is left behind, no process works on."""
    assert results.numbers(project, "quick", project.notebooks()) == NUMBERS
    left = [path for form in ("*.part", ".*.old") for path in project.root.rglob(form)]
    assert not left
    assert not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
