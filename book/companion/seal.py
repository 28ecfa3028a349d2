"""A digest of a file's contents, stored in the file itself: JSON that was truncated or changed since is not trusted.

Executed notebooks carry it in their metadata, ``results.json`` and ``record.json`` as an additional entry.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

KEY = "digest"


class Damaged(Exception):
    """One of our files is not as it was written."""


def seal(held: dict[str, Any]) -> dict[str, Any]:
    """Return ``held`` with a digest of everything else in it."""
    body = _body(held)
    if "nbformat" in held:
        return body | {"metadata": body["metadata"] | {KEY: _digest(body)}}
    return body | {KEY: _digest(body)}


def sealed_notebook(notebook: Any) -> str:
    """Return the text of a notebook's file."""
    import nbformat

    return json.dumps(seal(json.loads(nbformat.writes(notebook))), indent=1, ensure_ascii=False) + "\n"


def read(path: Path) -> dict[str, Any]:
    """Return the contents of a sealed file. Raises Damaged if it is not whole, FileNotFoundError if there is none."""
    try:
        held = json.loads(path.read_bytes())
        if seal(held) == held:
            return held
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):  # not JSON, or of another form
        pass
    raise Damaged(f"{path.name} is damaged: it is not as it was written")


def _body(held: dict[str, Any]) -> dict[str, Any]:
    if "nbformat" in held:
        return held | {"metadata": {name: value for name, value in held["metadata"].items() if name != KEY}}
    return {name: value for name, value in held.items() if name != KEY}


def _digest(body: dict[str, Any]) -> str:
    return sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
