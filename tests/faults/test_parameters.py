"""Whatever is given as a parameter is typed, refused, or shown as the text it is: never run, never a way outside."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import book_fixture
import pytest
from builds import run
from companion import processes
from companion.__main__ import main
from companion.parameters import Parameter, checked, literal, parsed
from companion.profiles import load
from companion.project import Mistake

ROOT = Path(__file__).parents[2]
DEFAULTS = {
    "width": Parameter(16, ((">=", 1),)),
    "tau": Parameter(0.5, ((">", 0),)),
    "name": Parameter("x"),
    "flags": Parameter([1, 2], ((">=", 1),)),
    "on": Parameter(True),
}


def files(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def book(tmp_path):
    return book_fixture.make(tmp_path / "book")


@pytest.fixture
def nothing_runs(monkeypatch):
    monkeypatch.setattr(processes, "start", lambda *_: pytest.fail("a notebook was started"))


BOMB = "[&a [x, x], " + ", ".join(f"&{b} [*{a}, *{a}]" for a, b in zip("abcdefghij", "bcdefghijk", strict=True)) + "]"
REFUSED = {
    "code": ("width='__import__(\"os\").system(\"touch ran\")'", "width must be an int"),
    "a call": ("tau=float(1)", "tau must be a finite float"),
    "a lambda in a list": ("flags=[1,lambda]", "flags must be a list of one or more items"),
    "a python object": ("width='!!python/object/apply:os.system [\"touch ran\"]'", "this is not YAML"),
    "a python name": ("width='!!python/name:os.system'", "this is not YAML"),
    "an own tag": ("width='!run touch'", "this is not YAML"),
    "aliases of aliases": (f"flags='{BOMB}'", "aliases are not allowed"),
    "deep nesting": ("flags=" + "[" * 20_000, "this is not YAML"),
    "an octal number": ("width=010", "width must be an int"),
    "minutes": ("width=1:30", "width must be an int"),
    "a date": ("width=2020-01-01", "width must be an int"),
    "an int of 5000 digits": ("width=" + "9" * 5000, "this is not YAML"),
    "a float beyond all floats": ("tau=" + "9" * 400, "tau must be a finite float"),
    "a number below the range": ("width=-3", "width must be an int >= 1"),
    "an int that no tensor holds": ("width=9223372036854775808", "width must be an int >= 1"),
    "infinity": ("tau=.inf", "tau must be a finite float"),
    "not a number": ("tau=.nan", "tau must be a finite float"),
    "a truth value": ("width=true", "width must be an int"),
    "a name of Python's": ("__builtins__=1", "has no parameter"),
    "a name with a path": ("../../x=1", "has no parameter"),
    "a long name": ("x" * 100_000 + "=1", "has no parameter"),
    "a long word": ("x" * 100_000, "is not name=value"),
    "an open quote": ("name='x", "cannot be split"),
    "an open bracket": ("flags='[1'", "this is not YAML"),
    "twice": ("width=1 width=2", "width is given twice"),
    "a null byte": ("width='1\0'", "this is not YAML"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_a_few_words(case, fault):
    given, words = REFUSED[case]
    with fault("parameters", "a value that is not of its type"):
        with pytest.raises(Mistake, match=words.replace("(", r"\(")) as refusal:
            checked(parsed(given, DEFAULTS, "01_first"), DEFAULTS, "01_first")
        assert len(str(refusal.value)) < 1000


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 1e-3), (".5", 0.5), ("-2.", -2.0), ("1_000", 1000), ("1.5E3", 1500.0), ("no", False), ("~", None),
     ("0x10", "0x10"), ("1.2.3", "1.2.3"), ("+7", 7), ("2020-01-01", "2020-01-01"), ("=", "="), ("<<", "<<")],
)  # fmt: skip
def test_plain_values_are_read_as_in_python(text, value):
    assert repr(literal(text)) == repr(value)


@pytest.mark.parametrize(
    "profile",
    [
        "01_first: {width: !!python/object/apply:os.system ['touch ran']}\n",
        "01_first: {width: 'system(1)'}\n",
        "01_first: &a [*a]\n",
        "../01_first: {width: 1}\n",
        "01_first: {../width: 1}\n",
        "- 01_first\n",
        "\0",
    ],
)
def test_profile_is_refused_before_anything_runs(profile, book, nothing_runs, fault, monkeypatch):
    monkeypatch.chdir(book.root)
    (book.profiles / "quick.yml").write_text(profile)
    before = files(book.root)
    with fault("parameters", "a hostile profile"):
        with pytest.raises(Mistake):
            load(book, "quick")
        assert main(["build", "--profile", "quick"]) == 2
        assert {path for path in files(book.root) if path.name != ".lock"} == set(before)


@pytest.mark.parametrize(
    "words",
    [["../../x"], ["/etc/passwd"], [".."], ["01_first/../../x"], ["--", "--root=/"], ["01", "--profile", "../quick"],
     ["01", "--profile", "/dev/zero"], ["x" * 100_000], ["01_first\0"]],
)  # fmt: skip
def test_name_that_leads_outside_is_refused(words, book, nothing_runs, fault, capsys):
    before = files(book.root)
    with fault("parameters", "a path in place of a name"):
        assert main(["--root", str(book.root), "rerun", *words]) == 2
        assert "allowed: " in capsys.readouterr().err
        assert files(book.root) == before


HTML = '<script>document.title="ran"</script><img src=x onerror=alert(1)>{{ 1+1 }} $x$ `code` {glue:text}`none`'


def test_hostile_text_reaches_the_page_as_text(book, fault):
    """A text may be anything: it goes into the cell as a literal, and onto the page escaped."""
    book_fixture.edit(book, "notebooks/01_first.py", "progress(1", 'record("name", name)\nprogress(1')
    book_fixture.edit(book, "notebooks/01_first.py", "# The product", "# {glue:text}`name`. The product")
    value = HTML + "'\"\\\n../../../outside" + "; touch ran; $(touch ran)" + "é" * 10_000
    quoted = "'" + value.replace("'", "'\"'\"'") + "'"
    outside = files(book.root.parent)
    with fault("parameters", "HTML, quotes, paths, ten thousand letters"):
        status, said = run(book, "rerun", "01_first", "--profile", "quick", "-p", f"name={quoted}")
        assert status == 0, said
        (page,) = (book.root / "runs").rglob("01_first.html")
        html = page.read_text(encoding="utf-8")
        assert "document.title" in html
        assert "<script>document.title" not in html
        assert "<img src=x" not in html
        (executed,) = (book.root / "runs").glob("*/*/01_first.ipynb")
        assert json.loads(executed.read_text())["metadata"]["companion"]["parameters"]["name"] == value
        made = files(book.root.parent).keys() - outside.keys()
        assert {path.relative_to(book.root).parts[:2] for path in made} == {("runs", "01_first")}
        assert not list(book.root.parent.rglob("ran"))


HOSTILE = ["x='; touch ran; '", 'x="; touch ran; "', "$(shell touch ran)", "`touch ran`", "$$(touch ran)",
           "x;touch ran", "x\ntouch ran", "--help", "${HOME}", "x & touch ran", "!touch", "%s\\n"]  # fmt: skip


@pytest.mark.parametrize("name", ["PARAMS", "NOTEBOOK", "PROFILE", "ONLY", "JOBS"])
def test_make_hands_on_what_it_is_given(name, tmp_path, fault):
    """make runs neither its own functions nor the shell's in a value; the command gets it as it is, or refuses it."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / ".installed").touch()
    for file in ("pyproject.toml", "constraints.txt"):
        (tmp_path / file).touch()
    os.utime(tmp_path / ".venv" / ".installed")
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text(f"#!{sys.executable}\nimport json, sys\njson.dump(sys.argv[1:], open('got', 'w'))\n")
    python.chmod(0o755)
    for value in HOSTILE:
        given = {"NOTEBOOK": "01"} | {name: value}
        target = "book" if name in ("ONLY", "JOBS") else "rerun"
        with fault("parameters", "a shell's and make's own characters"):
            line = ["make", target, *(f"{key}={text}" for key, text in given.items())]
            done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            got = json.loads((tmp_path / "got").read_text())
            assert value in got or " ".join(value.split()) in " ".join(got)
            assert not (tmp_path / "ran").exists()
