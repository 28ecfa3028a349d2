"""Parameters of a notebook: read from its own ``parameters`` cell, and checked against the types found there."""

from __future__ import annotations

import ast
import json
import math
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jupytext
import yaml

from .project import Mistake

Parameters = dict[str, Any]


def declared(source: Path) -> Parameters:
    """Return ``{name: default}`` of the cell tagged ``parameters``; defaults are literals: nothing runs here."""
    cells = [c for c in jupytext.read(source).cells if "parameters" in c.metadata.get("tags", [])]
    if len(cells) > 1:
        raise Mistake(f"{source.name}: {len(cells)} cells are tagged parameters; one is allowed")
    found: Parameters = {}
    for statement in ast.parse(cells[0].source).body if cells else ():
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
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
    """Return the defaults overridden by ``given``, each value of its default's type; ``where`` opens an error."""
    if unknown := [name for name in given if name not in defaults]:
        raise Mistake(f"{where} has no parameter {unknown[0]!r}; allowed: {described(defaults)}")
    return defaults | {name: _typed(value, defaults[name], f"{where}: {name}") for name, value in given.items()}


def described(defaults: Parameters) -> str:
    """Return what a notebook takes, as ``width (int, 16), seed (int, 0)``."""
    return ", ".join(f"{name} ({type(value).__name__}, {value!r})" for name, value in defaults.items()) or "none"


def parsed(text: str, defaults: Parameters, where: str) -> Parameters:
    """Read ``"tau=0.05 steps=500"``, quoted as in a shell, into what :func:`checked` takes."""
    given: Parameters = {}
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Mistake(f"{where}: {text!r} cannot be split into name=value words: {error}") from None
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise Mistake(f"{where}: {word!r} is not name=value; allowed names: {described(defaults)}")
        if name in given:
            raise Mistake(f"{where}: {name} is given twice")
        given[name] = value if isinstance(defaults.get(name), str) else literal(value)
    return given


def _typed(value: Any, default: Any, where: str) -> Any:
    """Return ``value`` as the type of ``default``: whole numbers are floats too, a list holds what its default does."""
    kind = type(default)
    if kind is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if kind is list and type(value) is list and len({type(item) for item in default}) == 1:
        return [_typed(item, default[0], where) for item in value]
    if default is None or (type(value) is kind and kind is not float):
        return value
    wanted = "a finite float" if kind is float else f"{'an' if kind is int else 'a'} {kind.__name__}"
    raise Mistake(f"{where} must be {wanted}, as its default {default!r} is; got {value!r}")


class _Loader(yaml.SafeLoader):
    """YAML that reads ``1e-3`` as a number, as YAML 1.2 and Python do (1.1 reads a string)."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d[\d_]*\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def literal(text: str) -> Any:
    """Read YAML: profiles, bounds, and each value of the command line."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise Mistake(f"this is not YAML: {text.strip()[:200]!r} ({' '.join(str(error).split())[:200]})") from None
