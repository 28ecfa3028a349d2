"""Parameters and profiles: what is allowed, and what an error says. Nothing is executed here."""

import shlex
from pathlib import Path

import book_fixture
import pytest
from companion import processes
from companion.__main__ import main
from companion.parameters import Parameter, checked, declared, literal, parsed
from companion.profiles import load
from companion.project import Mistake, Project

DEFAULTS = {
    "width": Parameter(16, ((">=", -1),)),
    "tau": Parameter(0.5, ((">", 0), ("<=", 2))),
    "name": Parameter("x"),
    "on": Parameter(True),
    "sizes": Parameter([1, 2], ((">=", 1),)),
    "free": Parameter(None),
    "how": Parameter("area", words=("angles", "area")),
}


@pytest.fixture
def book(tmp_path):
    return book_fixture.make(tmp_path)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("width=32", {"width": 32}),
        ("tau=1e-3", {"tau": 0.001}),
        ("tau=2", {"tau": 2.0}),
        ("name='a b' width=-1", {"name": "a b", "width": -1}),
        ("name=12", {"name": "12"}),
        ("on=false", {"on": False}),
        ("sizes=[3,4]", {"sizes": [3, 4]}),
        ("sizes='[3, 4, 5]'", {"sizes": [3, 4, 5]}),
        ("free=7", {"free": 7}),
        ("how=angles", {"how": "angles"}),
        ("", {}),
    ],
)
def test_words_become_typed_values(text, values):
    found = checked(parsed(text, DEFAULTS, "nb"), DEFAULTS, "nb")
    assert found == {name: parameter.default for name, parameter in DEFAULTS.items()} | values
    assert all(type(found[name]) is type(value) for name, value in values.items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense=1", r"nb has no parameter 'nonsense'; allowed: width \(an int >= -1, by default 16\), tau \("),
        ("width=abc", "nb: width must be an int >= -1, as its default 16 is; got 'abc'"),
        ("width=-2", "nb: width must be an int >= -1, as its default 16 is; got -2"),
        ("width=9223372036854775808", "width must be an int >= -1"),
        ("tau=0", "tau must be a finite float > 0 and <= 2, as its default 0.5 is; got 0"),
        ("tau=2.5", "tau must be a finite float > 0 and <= 2"),
        ("how=volume", 'how must be "angles" or "area", as its default \'area\' is; got \'volume\''),
        ("sizes=[]", "sizes must be a list of one or more items, each an int >= 1"),
        ("sizes=[1,0]", r"sizes must be a list of .* as its default \[1, 2\] is; got \[1, 0\]"),
        ("width=1.5", "width must be an int"),
        ("width=true", "width must be an int"),
        ("tau=.nan", "tau must be a finite float"),
        ("tau=.inf", "tau must be a finite float"),
        ("on=1", "on must be a bool"),
        ("sizes=3", "sizes must be a list"),
        ("sizes=[1,x]", "sizes must be a list of one or more items, each an int >= 1"),
        ("width", "'width' is not name=value; allowed names: width"),
        ("width=1 width=2", "width is given twice"),
        ("name='open", "cannot be split"),
        ("width=[", "this is not YAML"),
    ],
)
def test_wrong_words_are_refused_with_what_is_allowed(text, message):
    with pytest.raises(Mistake, match=message):
        checked(parsed(text, DEFAULTS, "nb"), DEFAULTS, "nb")


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 1e-3), ("2E5", 2e5), ("-1.5e2", -150.0), ("1_0", 10), ("e3", "e3")]
)
def test_yaml_reads_numbers_as_python_does(text, value):
    assert literal(text) == value
    assert type(literal(text)) is type(value)


def test_profile_overrides_the_defaults_of_its_notebooks(book):
    assert load(book, "quick") == {
        "01_first": {"width": 4, "tau": 0.1, "name": "x", "flags": [1, 2]},
        "02_second": {"seed": 3},
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("01_first: {nonsense: 1}", "profile paper, 01_first has no parameter 'nonsense'; allowed: width"),
        ("01_first: {width: abc}", "profile paper, 01_first: width must be an int"),
        ("03_third: {}", "names the notebook '03_third', which is not there; allowed: 01_first, 02_second"),
        ("01_first: 3", "{parameter: value} is needed, got 3"),
        ("- 01_first", "lines of the form NOTEBOOK"),
        ("01_first: {", "this is not YAML"),
    ],
)
def test_wrong_profile_is_refused_with_what_is_allowed(book, line, message):
    (book.profiles / "paper.yml").write_text(line)
    with pytest.raises(Mistake, match=message):
        load(book, "paper")


def test_unknown_profile_is_refused_with_what_is_allowed(book):
    with pytest.raises(Mistake, match="no profile 'fast'; allowed: paper, quick"):
        load(book, "fast")


@pytest.mark.parametrize("line", ["n = 2 * 3", "import os", "n = m", "n = (1, 2)", "a = b = 1", "n: int"])
def test_defaults_are_literals(book, line):
    book_fixture.edit(book, "notebooks/02_second.py", "seed = 3  # of the weights, > -5", line)
    with pytest.raises(Mistake, match="only name = literal is allowed"):
        declared(book.source("02_second"))


SEED = "seed = 3  # of the weights, > -5"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("seed: int = -3  # of the weights, >= -3", Parameter(-3, ((">=", -3),))),
        ("seed = 1e-3    # a step, > 0, <= 1e-2; dimensionless", Parameter(1e-3, ((">", 0), ("<=", 1e-2)))),
        ("seed = [2,\n  3]  # sizes, >=2 and < 1_000", Parameter([2, 3], ((">=", 2), ("<", 1000)))),
        ("seed = 'µ'  # \"µ\" (the paper) or \"b\"", Parameter("µ", words=("µ", "b"))),
        ("seed = 'a'  # any text", Parameter("a")),
        ("seed = True", Parameter(True)),
        ("seed = None", Parameter(None)),
    ],
)
def test_comment_beside_the_default_gives_the_range(book, line, found):
    book_fixture.edit(book, "notebooks/02_second.py", SEED, line)
    assert declared(book.source("02_second")) == {"seed": found}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seed = 3", "seed: the comment beside a number must give its range, as in seed = 3  # what it is, >= 1"),
        ("# >= 1\nseed = 3  # of the weights", "got 'of the weights'"),
        ("seed = 3  # at least 1", "got 'at least 1'"),
        ("seed = 3  # >= n", "must give its range"),
        ("seed = [3]  # sizes", "must give its range"),
        ("seed = 3  # of the weights, >= 4", "seed must be an int >= 4; its default is 3"),
        ("seed = [3, 1]  # sizes, > 2", r"each an int > 2; its default is \[3, 1\]"),
        ("seed = [3, 1.0]  # sizes, > 2", "the items of a list must be of one type"),
        ("seed = 'c'  # \"a\" or \"b\"", "seed must be \"a\" or \"b\"; its default is 'c'"),
    ],
)
def test_number_without_a_range_and_default_out_of_it_are_refused(book, line, message):
    book_fixture.edit(book, "notebooks/02_second.py", SEED, line)
    with pytest.raises(Mistake, match=message):
        declared(book.source("02_second"))


# ---- all parameters of all chapters

PROJECT = Project(Path(__file__).parents[1])
CHAPTERS = {path.stem: declared(path) for path in sorted((PROJECT.root / "notebooks").glob("*.py"))}
EVERY = [(chapter, name) for chapter, parameters in CHAPTERS.items() for name in parameters]
BEYOND = {">=": lambda x: x - 1, ">": lambda x: x, "<=": lambda x: x + 1, "<": lambda x: x}


def outside(parameter):
    """Return values of the right type that are not allowed: just beyond each bound, and a word that is not offered."""
    item = parameter.default[0] if isinstance(parameter.default, list) else parameter.default
    if isinstance(item, str):
        return [f"{word}x" for word in parameter.words]
    values = [type(item)(BEYOND[sign](bound)) for sign, bound in parameter.bounds]
    return [[*parameter.default, value] for value in values] if isinstance(parameter.default, list) else values


def other_types(parameter):
    """Return texts that are not of the parameter's type; every text is one, so that it has none."""
    wrong = {int: ["1.5", "abc", "true", "[1]"], float: ["abc", ".nan", ".inf", "true"], bool: ["1", "abc"],
             list: ["3", "abc", "[]", "[abc]"], str: []}  # fmt: skip
    return wrong[type(parameter.default)]


@pytest.mark.parametrize(("chapter", "name"), EVERY)
def test_every_parameter_of_every_chapter_refuses_another_type_and_a_value_out_of_range(chapter, name):
    parameters = CHAPTERS[chapter]
    wrong = [*other_types(parameters[name]), *map(str, outside(parameters[name]))]
    assert outside(parameters[name]), "a text says its words in quotes, and a number its range"
    for value in wrong:
        with pytest.raises(Mistake) as refusal:
            checked(parsed(f"{name}={shlex.quote(value)}", parameters, chapter), parameters, chapter)
        assert str(refusal.value).startswith(f"{chapter}: {name} must be {parameters[name].allowed}, as its default ")
    assert checked({name: parameters[name].default}, parameters, chapter)[name] == parameters[name].default


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_rerun_refuses_it_before_anything_runs(chapter, capsys, monkeypatch):
    monkeypatch.setattr(processes, "start", lambda *_: pytest.fail("a notebook was started"))
    name, parameter = next((n, p) for n, p in CHAPTERS[chapter].items() if p.bounds and not isinstance(p.default, list))
    words = ["rerun", chapter, "--profile", "quick", "-p", f"{name}={outside(parameter)[0]}"]
    assert main(["--root", str(PROJECT.root), *words]) == 2
    assert f"{chapter}: {name} must be {parameter.allowed}, as its default" in capsys.readouterr().err
