"""Docstrings: every example runs, and the sections name every argument, the result and the errors of a function."""

from __future__ import annotations

import ast
import doctest
import inspect
import pkgutil
import re
import textwrap
import time
from collections.abc import Callable, Iterator
from importlib import import_module

import matplotlib.pyplot as plt
import pytest
import torch

import locsym

NAMES = [info.name for info in pkgutil.walk_packages(locsym.__path__, "locsym.")]
MODULES = [locsym, *map(import_module, NAMES)]
SECTION = re.compile(r"(Args|Attributes|Returns|Yields|Raises|Example):")
ENTRY = re.compile(r" {4}(\*{0,2}\w+(?:, \*{0,2}\w+)*): \S")
QUOTED = re.compile(r"(:\w+:)?(`+).*?\2")
SLOWEST = 1.0  # seconds of an example
WIDEST = 80  # characters of its lines: what fits the API pages at 1280 pixels


def public(module) -> Iterator[tuple[str, object]]:
    """Yield the classes, functions and methods that the API page of a module shows, by their dotted names."""
    for name, found in vars(module).items():
        if name.startswith("_") or getattr(found, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(found):
            yield f"{module.__name__}.{name}", found
            for method, value in vars(found).items():
                value = getattr(value, "__func__", value)  # of a classmethod or staticmethod
                if inspect.isfunction(value) and (method == "__call__" or not method.startswith("_")):
                    yield f"{module.__name__}.{name}.{method}", getattr(found, method)
        elif inspect.isroutine(found) or hasattr(found, "__wrapped__"):
            yield f"{module.__name__}.{name}", found


def offered() -> Iterator[tuple[str, object]]:
    """Yield the classes and functions that locsym and its rooms offer by name."""
    for module in MODULES:
        for name in getattr(module, "__all__", ()):
            found = getattr(module, name)
            if inspect.isclass(found) or inspect.isroutine(found):
                yield f"{found.__module__}.{found.__qualname__}", found


def sections(text: str) -> dict[str, str]:
    """Split a docstring into its parts; ``""`` holds the words before the first section, ``after`` those behind."""
    parts, name = {"": ""}, ""
    for line in text.splitlines():
        if head := SECTION.fullmatch(line):
            name = head[1]
        elif name and line and not line.startswith(" "):
            name = "after"
        parts[name] = parts.get(name, "") + ("" if head else line + "\n")
    return parts


def entries(part: str) -> list[str]:
    """Return the names that the entries of a section explain, in their order."""
    return [name for line in part.splitlines() if (head := ENTRY.match(line)) for name in head[1].split(", ")]


def arguments(found: Callable) -> list[str]:
    """Return the names of what a function, or the constructor of a class, takes; those of ``*args`` with stars."""
    if inspect.isclass(found):  # a protocol, and a class without a constructor of ours, take nothing
        ours = getattr(found.__init__, "__module__", "").startswith("locsym")
        if not ours or getattr(found, "_is_protocol", False):
            return []
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    taken = inspect.signature(found).parameters.items()
    return [stars.get(p.kind, "") + name for name, p in taken if name != "self" and not name.startswith("_")]


def raised(found: Callable) -> set[str]:
    """Return the names of the errors that a function, or a constructor, raises itself and does not catch again."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(found))))
    if inspect.isclass(found):
        made = ("__init__", "__post_init__")
        tree = ast.Module([f for f in tree.body[0].body if isinstance(f, ast.FunctionDef) and f.name in made], [])
    tried = [line for block in ast.walk(tree) if isinstance(block, ast.Try) and block.handlers for line in block.body]
    caught = {node for line in tried for node in ast.walk(line)}
    calls = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and node not in caught]
    names = {call.func.id for call in calls if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)}
    return {name for name in names if name[0].isupper() and name != "NotImplementedError"}


def gaps(found: Callable) -> list[str]:
    """Return what is wrong with the docstring of a function or class, in words."""
    text = inspect.getdoc(found)
    if not text:
        return ["there is no docstring"]
    parts, wrong = sections(text), []
    first, _, rest = text.partition("\n")
    if not first.endswith(".") or (rest and not rest.startswith("\n")):
        wrong.append("first line: a sentence of its own is needed")
    if list(parts)[1:] != [name for name in ORDER if name in parts]:
        wrong.append(f"sections: {ORDER} are needed in this order, got {list(parts)[1:]}")
    taken, held = arguments(found), entries(parts.get("Attributes", ""))
    said = entries(parts.get("Args", ""))
    if said != [name for name in taken if name in said or name not in held]:
        wrong.append(f"Args: it explains {said}, but the signature has {taken}")
    if not inspect.isclass(found):
        returned = inspect.signature(found).return_annotation not in (None, "None")
        result = "Yields" if inspect.isgeneratorfunction(inspect.unwrap(found)) else "Returns"
        if (result in parts) != returned:
            wrong.append(f"{result}: it is needed exactly if there is a result")
    if ":" in QUOTED.sub("", parts.get("Returns", "").strip().split("\n")[0]):
        wrong.append("Returns: napoleon takes the words before a colon for a type")
    if silent := raised(found) - set(entries(parts.get("Raises", ""))):
        wrong.append(f"Raises: it does not name {sorted(silent)}")
    if wide := [line for line in parts.get("Example", "").splitlines() if len(line) > WIDEST + 4]:
        wrong.append(f"Example: at most {WIDEST} characters a line, got {wide}")
    return wrong


ORDER = ["Args", "Attributes", "Returns", "Yields", "Raises", "Example"]
PUBLIC = {name: found for module in MODULES for name, found in public(module)}
OFFERED = dict(offered())
EXAMPLES = [test for module in MODULES for test in doctest.DocTestFinder().find(module, globs={}) if test.examples]


@pytest.mark.parametrize("name", PUBLIC)
def test_docstring_explains_every_argument_the_result_and_the_errors(name):
    assert gaps(PUBLIC[name]) == []


@pytest.mark.parametrize("name", OFFERED)
def test_what_the_rooms_offer_has_an_example(name):
    assert "Example" in sections(inspect.getdoc(OFFERED[name]))


@pytest.fixture(scope="module")
def loaded() -> None:
    """Let torch load what it loads at the first derivative, so that no example is charged with it."""
    torch.func.vmap(torch.func.jacrev(torch.sin))(torch.ones(1))


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_runs(example):
    begin = time.process_time()
    runner, said = doctest.DocTestRunner(), []
    runner.run(example, out=said.append)
    plt.close("all")
    assert not runner.failures, "".join(said)
    assert time.process_time() - begin < SLOWEST


def complete(y: float, *parts: float, h: float = 1.0, **options) -> float:
    """Return a state.

    Args:
        y: A state.
        *parts: Parts
            of it.
        h: A step: a number.
        **options: More.

    Returns:
        The state, ``float: 64``.

    Raises:
        TypeError, ValueError: Always.

    Example:
        >>> 1 + 1
        2
    """
    raise ValueError("always")


WRONG = [
    ("", "", []),
    (".\n\n    Args", ".\n    Args", ["first line"]),
    ("state.\n", "state\n", ["first line"]),
    ("        h: A step: a number.\n", "", ["Args"]),
    ("h: A step", "k: A step", ["Args"]),
    ("*parts: P", "parts: P", ["Args"]),
    ("        h: A step: a number.\n        **options: M", "        **options: M\n        h: M", ["Args"]),
    ("Returns:\n", "", ["Returns"]),
    ("The state, ``", "The state: ``", ["Returns"]),
    ("TypeError, ValueError: Always", "TypeError: Always", ["Raises"]),
    ("    Returns:\n        The state, ``float: 64``.\n\n", "", ["Returns"]),
    ("    Args:", "    Raises:\n        KeyError: Never.\n\n    Args:", ["sections"]),
    ("Always.\n", "Always.\n\n    More words.\n", ["sections"]),
    ("1 + 1", f"1 + {'1' * WIDEST}", ["Example"]),
]


@pytest.mark.parametrize(("words", "instead", "expected"), WRONG)
def test_a_gap_is_found(monkeypatch, words, instead, expected):
    assert words in complete.__doc__
    monkeypatch.setattr(complete, "__doc__", complete.__doc__.replace(words, instead))
    found = [gap.partition(":")[0] for gap in gaps(complete)]
    assert found == expected


def test_a_missing_docstring_and_a_missing_result_are_found():
    assert gaps(lambda y: y) == ["there is no docstring"]

    def silent(y) -> None:
        """Do nothing.

        Args:
            y: A state.

        Returns:
            Nothing.
        """

    assert [gap.partition(":")[0] for gap in gaps(silent)] == ["Returns"]
