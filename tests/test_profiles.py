"""Parameters and profiles: what is allowed, and what an error says. Nothing is executed here."""

import book_fixture
import pytest
from companion.parameters import checked, declared, literal, parsed
from companion.profiles import load
from companion.project import Mistake

DEFAULTS = {"width": 16, "tau": 0.5, "name": "x", "on": True, "sizes": [1, 2], "free": None}


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
        ("", {}),
    ],
)
def test_words_become_typed_values(text, values):
    found = checked(parsed(text, DEFAULTS, "nb"), DEFAULTS, "nb")
    assert found == DEFAULTS | values
    assert all(type(found[name]) is type(value) for name, value in values.items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense=1", r"nb has no parameter 'nonsense'; allowed: width \(int, 16\), tau \(float, 0.5\)"),
        ("width=abc", "nb: width must be an int, as its default 16 is; got 'abc'"),
        ("width=1.5", "width must be an int"),
        ("width=true", "width must be an int"),
        ("tau=.nan", "tau must be a finite float"),
        ("tau=.inf", "tau must be a finite float"),
        ("on=1", "on must be a bool"),
        ("sizes=3", "sizes must be a list"),
        ("sizes=[1,x]", "sizes must be an int"),
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
    book_fixture.edit(book, "notebooks/02_second.py", "seed = 3", line)
    with pytest.raises(Mistake, match="only name = literal is allowed"):
        declared(book.source("02_second"))


def test_annotated_default_is_read(book):
    book_fixture.edit(book, "notebooks/02_second.py", "seed = 3", "seed: int = -3  # of the weights")
    assert declared(book.source("02_second")) == {"seed": -3}
