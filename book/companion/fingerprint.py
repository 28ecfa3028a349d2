"""What an executed notebook depends on, so that it runs again if, and only if, some of it has changed."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from .parameters import Parameters
from .project import Project

HERE = Path(__file__).parent
# These decide what an executed notebook contains.
SHAPES_A_PAGE = ("record.py", "execute.py", "figures.py", "variants.py")


def versions() -> dict[str, str]:
    """Return the versions of Python and of every package that ``locsym`` needs: a change of one reruns the book."""
    lines = [line for line in metadata.requires("locsym") or () if "extra ==" not in line]
    needed = re.findall(r"^[\w.-]+", "\n".join(lines), re.MULTILINE)
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in ("locsym", *needed)}


def fingerprint(project: Project, name: str, parameters: Parameters) -> dict[str, Any]:
    """Return everything that the outputs of the notebook ``name`` depend on."""
    code = digests(project.root, [project.root / "locsym", project.root / "book" / "chapters"])
    code |= {f"companion/{file}": digest(HERE / file) for file in SHAPES_A_PAGE}
    return {"source": digest(project.source(name)), "parameters": parameters, "code": code, "versions": versions()}


def changes(old: dict[str, Any] | None, new: dict[str, Any]) -> list[str]:
    """Return in words what differs between two fingerprints; nothing if the old output is still valid."""
    if old is None:
        return ["never executed in this profile"]
    words = ["its source changed"] if old.get("source") != new["source"] else []
    words += [f"parameter {name}: {was} → {now}" for name, was, now in _differing(old, new, "parameters")]
    words += [f"{name} {_verb(was, now)}" for name, was, now in _differing(old, new, "code")]
    words += [f"{name} {was} → {now}" for name, was, now in _differing(old, new, "versions")]
    return words


def kept_changes(project: Project, made: Mapping[str, Any]) -> list[str]:
    """Return in words which of the kept trainings that an executed notebook shows are no longer the same."""
    words = []
    for told in made.get("companion", {}).get("trainings", ()):
        if told["kept"]:
            place = project.kept / f"{told['key']}.safetensors"
            if not place.exists():
                words.append(f"the kept training {told['key']} is gone")
            elif digest(place) != told["kept"]:
                words.append(f"the kept training {told['key']} changed")
    return words


def _differing(old: dict[str, Any], new: dict[str, Any], part: str) -> Iterable[tuple[str, Any, Any]]:
    was, now = old.get(part, {}), new[part]
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) != now.get(name):
            yield name, was.get(name, "none"), now.get(name, "none")


def _verb(was: str, now: str) -> str:
    return "is new" if was == "none" else "is gone" if now == "none" else "changed"


def digest(path: Path) -> str:
    """Return a short hash of a file's bytes."""
    return sha256(path.read_bytes()).hexdigest()[:16]


def digests(root: Path, places: Iterable[Path]) -> dict[str, str]:
    """Return ``{path below root: hash}`` of the files in ``places``; folders are searched, compiled files skipped."""
    files = [f for place in places for f in (place.rglob("*") if place.is_dir() else [place])]
    kept = (f for f in files if f.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(f.parts))
    return {f.relative_to(root).as_posix(): digest(f) for f in sorted(kept) if not f.name.startswith(".")}
