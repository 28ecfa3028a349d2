"""Parameters of a notebook: declared in its ``parameters`` cell, and checked against the types found there."""

from __future__ import annotations

import ast
import json
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import jupytext
import yaml

from .project import Mistake

Parameters = dict[str, Any]


def declared(source: Path) -> Parameters:
    """Return ``{name: default}`` of the cell tagged ``parameters``; defaults are literals, so nothing is executed."""
    cells = [c for c in jupytext.read(source).cells if "parameters" in c.metadata.get("tags", [])]
    if len(cells) > 1:
        raise Mistake(f"{source.name}: {len(cells)} cells are tagged parameters; one is allowed")
    found: Parameters = {}
    for statement in ast.parse(cells[0].source).body if cells else ():
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                try:
                    found[name] = ast.literal_eval(value)
                    json.dumps(found[name], allow_nan=False)
                    if "(" not in ast.unparse(value):  # a tuple would come back from JSON as a list
                        continue
                except (TypeError, ValueError):
                    pass
        raise Mistake(
            f"{source.name}: the parameters cell holds {ast.unparse(statement)!r}; "
            "only name = literal is allowed (number, text, True, False, None, list, dict)"
        )
    return found


def checked(given: Mapping[str, Any], defaults: Parameters, where: str) -> Parameters:
    """Return the defaults overridden by ``given``, each of its default's type; errors begin with ``where``."""
    if unknown := [name for name in given if name not in defaults]:
        raise Mistake(f"{where} has no parameter {short(unknown[0])}; allowed: {described(defaults)}")
    return defaults | {name: _typed(value, defaults[name], f"{where}: {name}") for name, value in given.items()}


def described(defaults: Parameters) -> str:
    """Return the parameters in words, as ``width (int, 16), seed (int, 0)``."""
    return ", ".join(f"{name} ({type(value).__name__}, {value!r})" for name, value in defaults.items()) or "none"


def parsed(text: str, defaults: Parameters, where: str) -> Parameters:
    """Read ``"tau=0.05 steps=500"``, quoted as in a shell, into what :func:`checked` takes."""
    given: Parameters = {}
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Mistake(f"{where}: {short(text)} cannot be split into name=value words: {error}") from None
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise Mistake(f"{where}: {short(word)} is not name=value; allowed names: {described(defaults)}")
        if name in given:
            raise Mistake(f"{where}: {name} is given twice")
        given[name] = value if isinstance(defaults.get(name), str) else literal(value)
    return given


def _typed(value: Any, default: Any, where: str) -> Any:
    """Return ``value`` as the type of ``default``; an int may stand for a float, and list items are checked too."""
    kind = type(default)
    if kind is float and type(value) in (int, float) and abs(value) <= sys.float_info.max:  # false for NaN
        return float(value)
    if kind is list and type(value) is list and len({type(item) for item in default}) == 1:
        return [_typed(item, default[0], where) for item in value]
    if default is None or (type(value) is kind and kind is not float):
        return value
    wanted = "a finite float" if kind is float else f"{'an' if kind is int else 'a'} {kind.__name__}"
    raise Mistake(f"{where} must be {wanted}, as its default {default!r} is; got {short(value)}")


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
