"""A digest of the code that decides a result, so that no result of other code is taken for this one's."""

from __future__ import annotations

import ast
import functools
import hashlib
import threading
from pathlib import Path

#: What a training's numbers depend on: files and folders of this package.
TRAINING = (
    "data", "exact", "flow", "formulas", "modules", "networks", "sphere", "systems", "tangent", "training",
    "compiled", "kernel.cpp", "lanes.hpp",
)  # fmt: skip


PARSING = threading.Lock()  # Python 3.11 ends with a SystemError where two threads parse at once


@functools.cache
def digest(parts: tuple[str, ...] = TRAINING) -> str:
    """Return the SHA-256, in hex, of the named parts of locsym; comments and docstrings do not count."""
    here, found = Path(__file__).parent, hashlib.sha256()
    for part in parts:
        path = here / part
        files = sorted(path.glob("*.py")) if path.is_dir() else [path if path.suffix else path.with_suffix(".py")]
        for file in files:
            text = file.read_text(encoding="utf-8")
            found.update(f"{file.relative_to(here)}\0{_bare(text) if file.suffix == '.py' else text}\0".encode())
    return found.hexdigest()


def _bare(source: str) -> str:
    """The syntax tree without docstrings: what a program does, however it is written down."""
    with PARSING:
        tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _is_text(line)]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
