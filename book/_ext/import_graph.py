"""The imports of a package: those of each file, and those between its rooms, the folders and files at its top."""

from __future__ import annotations

import ast
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
    own: set[str] = set()
    foreign: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = (root.name, *package[: len(package) - node.level + 1], *filter(None, [node.module]))
            names = [".".join(base)] if node.module else [".".join((*base, alias.name)) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            head, _, rest = name.partition(".")
            (own if head == root.name else foreign).add(rest if head == root.name else head)
    return frozenset(own), frozenset(foreign)


def room(name: str) -> str:
    """Return the room of a module: the first part of its name."""
    return name.split(".")[0]


def rooms(root: Path) -> Graph:
    """Return for each room the others that it imports from."""
    graph: Graph = {}
    for name, path in files(root).items():
        if name != "__init__":
            graph.setdefault(room(name), set()).update({room(other) for other in imports(path, root)[0]} - {room(name)})
    return graph


def direct(graph: Graph) -> Graph:
    """Return the graph without the imports that follow from others: a → c where a → b → c."""

    def below(name: str) -> set[str]:
        return graph[name].union(*map(below, graph[name]))

    return {name: others - set().union(*map(below, others)) for name, others in graph.items()}


def downwards(graph: Graph) -> list[str]:
    """Return the rooms such that each stands above all that it imports from; those without any arrow come first."""
    height: dict[str, int] = {}

    def climb(name: str) -> int:
        height[name] = max((1 + climb(other) for other in graph[name]), default=0)
        return height[name]

    for name in graph:
        climb(name)
    joined = {name for name in graph if graph[name]}.union(*graph.values())
    return sorted(graph, key=lambda name: (name in joined, -height[name], name))
