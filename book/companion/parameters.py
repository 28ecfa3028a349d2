"""Parameters of a notebook: declared in its ``parameters`` cell, and checked against the types and ranges found there.

A line of the cell is plain Python: ``width = 16   # hidden units m, >= 1``. The default gives the type, and the comment
gives the range: every comparison in it must hold, for each item of a list too. A number without one is refused. Where
the comment of a text has words in quotes, ``# "angles" or "area"``, the text must be one of them.
"""

from __future__ import annotations

import ast
import json
import operator
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import jupytext
import yaml

from .project import Mistake

Parameters = dict[str, Any]
COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
COMPARISON = re.compile(r"(>=|<=|>|<)\s*([-+]?\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])")
QUOTED = re.compile(r'"([^"]*)"')
LARGEST = 2**63 - 1  # of an int: the random generators and tensors of a notebook hold no larger one


@dataclass(frozen=True)
class Parameter:
    """One parameter: its default, the range of its numbers as ``(">=", 1.0)``, and the words that a text may be."""

    default: Any
    bounds: tuple[tuple[str, float], ...] = ()
    words: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """What is allowed, in words: ``an int >= 1``."""
        if isinstance(self.default, list) and self.default:
            return f"a list of one or more items, each {replace(self, default=self.default[0]).allowed}"
        kind = type(self.default).__name__
        if self.words:
            return " or ".join(f'"{word}"' for word in self.words)
        ranges = " and ".join(f"{sign} {bound:g}" for sign, bound in self.bounds)
        return f"{'a finite' if kind == 'float' else 'an' if kind == 'int' else 'a'} {kind} {ranges}".rstrip()

    def typed(self, value: Any) -> Any:
        """Return ``value`` as the type of the default. An int may stand for a float. Raises ValueError."""
        kind = type(self.default)
        if kind is list and self.default:
            if type(value) is not list or not value:
                raise ValueError
            return [replace(self, default=self.default[0]).typed(item) for item in value]
        if kind is float and type(value) is int and abs(value) <= sys.float_info.max:
            value = float(value)
        if self.default is not None and type(value) is not kind:
            raise ValueError
        if kind in (int, float):
            within = abs(value) <= (LARGEST if kind is int else sys.float_info.max)  # false for NaN
            if not within or not all(COMPARISONS[sign](value, bound) for sign, bound in self.bounds):
                raise ValueError
        if self.words and value not in self.words:
            raise ValueError
        return value


def declared(source: Path) -> dict[str, Parameter]:
    """Return the parameters of the cell tagged ``parameters``; defaults are literals, so nothing is executed."""
    cells = [c for c in jupytext.read(source).cells if "parameters" in c.metadata.get("tags", [])]
    if len(cells) > 1:
        raise Mistake(f"{source.name}: {len(cells)} cells are tagged parameters; one is allowed")
    text = cells[0].source if cells else ""
    lines = [line.encode() for line in text.splitlines()]  # ast counts bytes
    found: dict[str, Parameter] = {}
    for statement in ast.parse(text).body:
        name, default = _assigned(statement, source)
        assert statement.end_lineno is not None, "ast.parse has counted the lines"
        after = lines[statement.end_lineno - 1][statement.end_col_offset :].decode()
        found[name] = _parameter(name, default, after.partition("#")[2], source)
    return found


def _assigned(statement: ast.stmt, source: Path) -> tuple[str, Any]:
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value)
            | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
        ):
            try:
                default = ast.literal_eval(value)
                json.dumps(default, allow_nan=False)
                if "(" not in ast.unparse(value):  # a tuple would come back from JSON as a list
                    return name, default
            except (TypeError, ValueError):
                pass
    raise Mistake(
        f"{source.name}: the parameters cell holds {ast.unparse(statement)!r}; "
        "only name = literal is allowed (number, text, True, False, None, list, dict)"
    )


def _parameter(name: str, default: Any, comment: str, source: Path) -> Parameter:
    """Return a parameter with the range that its comment gives. Raises Mistake where a number has none."""
    item = default[0] if isinstance(default, list) and default else default
    if isinstance(default, list) and len({type(other) for other in default}) > 1:
        raise Mistake(f"{source.name}: {name}: the items of a list must be of one type, got {default!r}")
    if isinstance(item, str):
        found = Parameter(default, words=tuple(QUOTED.findall(comment)))
    elif type(item) in (int, float):
        found = Parameter(default, bounds=tuple((sign, float(bound)) for sign, bound in COMPARISON.findall(comment)))
        if not found.bounds:
            raise Mistake(
                f"{source.name}: {name}: the comment beside a number must give its range, as in "
                f"{name} = {default!r}  # what it is, >= 1; >=, >, <= and < are read, got {comment.strip()!r}"
            )
    else:
        found = Parameter(default)
    try:
        found.typed(default)
    except ValueError:
        raise Mistake(f"{source.name}: {name} must be {found.allowed}; its default is {default!r}") from None
    return found


def checked(given: Mapping[str, Any], parameters: Mapping[str, Parameter], where: str) -> Parameters:
    """Return all values: the defaults overridden by ``given``.

    Raises Mistake, beginning with ``where``, for an unknown name, a wrong type and a value out of range.
    """
    if unknown := [name for name in given if name not in parameters]:
        raise Mistake(f"{where} has no parameter {short(unknown[0])}; allowed: {described(parameters)}")
    values = {name: parameter.default for name, parameter in parameters.items()}
    for name, value in given.items():
        try:
            values[name] = parameters[name].typed(value)
        except ValueError:
            wanted = f"{parameters[name].allowed}, as its default {parameters[name].default!r} is"
            raise Mistake(f"{where}: {name} must be {wanted}; got {short(value)}") from None
    return values


def described(parameters: Mapping[str, Parameter]) -> str:
    """Return the parameters in words, as ``width (an int >= 1, by default 16), seed (an int >= 0, by default 0)``."""
    words = (f"{name} ({p.allowed}, by default {p.default!r})" for name, p in parameters.items())
    return ", ".join(words) or "none"


def parsed(text: str, parameters: Mapping[str, Parameter], where: str) -> Parameters:
    """Read ``"tau=0.05 steps=500"``, quoted as in a shell, into what :func:`checked` takes."""
    given: Parameters = {}
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Mistake(f"{where}: {short(text)} cannot be split into name=value words: {error}") from None
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise Mistake(f"{where}: {short(word)} is not name=value; allowed names: {described(parameters)}")
        if name in given:
            raise Mistake(f"{where}: {name} is given twice")
        text_wanted = name in parameters and isinstance(parameters[name].default, str)
        given[name] = value if text_wanted else literal(value)
    return given


class _Loader(yaml.SafeLoader):
    """YAML without surprises: plain values are numbers as in Python, true, false, null, or text.

    YAML 1.1 reads ``1e-3`` as text, ``010`` as 8 and ``1:30`` as 90, and nested aliases can fill the memory.
    """

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, form) for tag, form in known if tag.rpartition(":")[2] in ("bool", "null")]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)


for _kind, _form in (
    ("int", r"[-+]?(0|[1-9][\d_]*)$"),
    ("float", r"[-+]?((\d[\d_]*\.\d*|\.\d+)([eE][-+]?\d+)?|\d[\d_]*[eE][-+]?\d+|\.(inf|Inf|INF))$|\.(nan|NaN|NAN)$"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(_form), list("-+0123456789."))


def literal(text: str) -> Any:
    """Read YAML: profiles, bounds, and each value of the command line."""
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: an int of thousands of digits
        raise Mistake(f"this is not YAML: {short(text.strip())} ({' '.join(str(error).split())[:200]})") from None


def short(value: Any) -> str:
    """Return ``repr(value)`` for a message, shortened to a few lines."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
