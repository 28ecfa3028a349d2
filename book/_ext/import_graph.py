"""The imports of a package: those of each file, and those between its rooms, the folders and files at its top."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

Graph = dict[str, set[str]]  # room → the rooms that it imports from


@cache
def files(root: Path) -> dict[str, Path]:
    """Return ``{"networks.shears": path}`` for each file of the package in the folder ``root``."""
    return {".".join(path.relative_to(root).with_suffix("").parts): path for path in sorted(root.rglob("*.py"))}


@cache
def imports(path: Path, root: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of the package that a file imports, dotted from the package, and the foreign packages."""
    package = path.relative_to(root).parent.parts
    own, foreign = set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = (root.name, *package[: len(package) - node.level + 1], *filter(None, [node.module]))
            names = [".".join(base)] if node.module else [".".join((*base, alias.name)) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        else:
            continue
        for name in names:
            head, _, rest = name.partition(".")
            (own.add(rest) if head == root.name else foreign.add(head))
    return frozenset(own), frozenset(foreign)


def room(name: str) -> str:
    """Return the room of a module: the first part of its name."""
    return name.split(".")[0]


def rooms(root: Path) -> Graph:
    """Return for each room the others that it imports from."""
    graph: Graph = {}
    for name, path in files(root).items():
        if name != "__init__":
            others = {room(other) for other in imports(path, root)[0]} - {room(name)}
            graph.setdefault(room(name), set()).update(others)
    return graph


def upwards(graph: Graph) -> list[str]:
    """Return the names such that each comes after all that it imports from; among equals, by name."""
    found: list[str] = []
    while left := sorted(graph.keys() - set(found)):
        ready = [name for name in left if graph[name] & graph.keys() <= set(found)]
        found += ready or left  # in a circle, which tests/test_architecture.py refuses, any order will do
    return found


def reduced(graph: Graph) -> Graph:
    """Return the graph without the imports that follow from others: a → c where a → b → c."""

    def reached(name: str) -> set[str]:
        return graph[name].union(*(reached(other) for other in graph[name]))

    return {name: direct - set().union(*(reached(other) for other in direct)) for name, direct in graph.items()}


def modules(root: Path, folder: str = "") -> list[str]:
    """Return the modules of a folder, or of the whole package, each after those that it imports from."""
    inside = {name.removesuffix(".__init__"): path for name, path in files(root).items()}
    inside = {name: path for name, path in inside.items() if name not in (folder, "__init__")}
    inside = {name: path for name, path in inside.items() if not folder or name.startswith(f"{folder}.")}
    return upwards({name: set(imports(path, root)[0]) - {name} for name, path in inside.items()})


def first_sentence(path: Path) -> str:
    """Return the first sentence of a file's docstring as plain words."""
    text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split())
    text = re.sub(r":\w+:`~?([^`]*)`", r"\1", text).replace("`", "")
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]
