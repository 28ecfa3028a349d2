"""A digest of the code that determines a training, so that results of other code are not mistaken for its own."""

from __future__ import annotations

import ast
import functools
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

from ..training.fit import METHODS

ROOT = Path(__file__).parents[1]  # the package
PARSING = threading.Lock()  # Python 3.11 ends with a SystemError where two threads parse at once


@functools.cache
def training_code() -> tuple[str, ...]:
    """Return the files of the package that a training's numbers depend on, found by following imports.

    The search begins at ``fit``, at its methods, which are imported on first use, and at the systems that give the
    data. A file brings the C++ sources of its folder with it.

    Returns:
        Paths below the package, sorted.
    """
    ahead = ["training/fit.py", *(f"training/{module}.py" for module, _ in METHODS.values()), "systems/__init__.py"]
    found: set[str] = set()
    while ahead:
        if (name := ahead.pop()) not in found:
            found.add(name)
            ahead += _imported(name)
    native = {path for name in found for ending in ("*.cpp", "*.hpp") for path in (ROOT / name).parent.glob(ending)}
    return tuple(sorted(found | {path.relative_to(ROOT).as_posix() for path in native}))


def _imported(name: str) -> Iterator[str]:
    """Yield the files of the package that a file imports from; all such imports are relative."""
    for node in ast.walk(_tree((ROOT / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = (ROOT / name).parents[node.level - 1].joinpath(*filter(None, (node.module or "").split(".")))
            for path in (base, *(base / alias.name for alias in node.names)):
                for file in (path.with_suffix(".py"), path / "__init__.py"):
                    if file.is_file():
                        yield file.relative_to(ROOT).as_posix()


@functools.cache
def digest(files: tuple[str, ...] | None = None) -> str:
    """Return a digest of files of the package, in which comments and docstrings do not count.

    Args:
        files: Paths below the package; None for :func:`training_code`.

    Returns:
        The SHA-256, in hex.
    """
    found = hashlib.sha256()
    for name in training_code() if files is None else files:
        text = (ROOT / name).read_text(encoding="utf-8")
        found.update(f"{name}\0{_bare(text) if name.endswith('.py') else text}\0".encode())
    return found.hexdigest()


def _tree(source: str) -> ast.Module:
    with PARSING:
        return ast.parse(source)


def _bare(source: str) -> str:
    """Return the syntax tree without docstrings: it depends on what a program does, not on how it is written."""
    tree = _tree(source)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            body[:] = [line for line in body if not _is_text(line)]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
