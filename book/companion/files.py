"""Files that are always whole: written beside and renamed, one writer at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` in one step: a reader sees the old file or the new one, never half of it.

    The name beside is always the same, so that what a killed process leaves is overwritten, not gathered.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:  # a full disk does not say which file
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def replace_folder(new: Path, place: Path) -> None:
    """Put the folder ``new`` where ``place`` is. Killed half-way, :func:`restore_folder` has the old one back."""
    old = _old(place)
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        os.rename(place, old)
    place.parent.mkdir(parents=True, exist_ok=True)
    os.rename(new, place)
    shutil.rmtree(old, ignore_errors=True)


def restore_folder(place: Path) -> None:
    """Undo what a kill within :func:`replace_folder` left: the old one comes back, or goes."""
    if not place.exists() and _old(place).exists():
        os.rename(_old(place), place)
    shutil.rmtree(_old(place), ignore_errors=True)


def _old(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")


@contextmanager
def lock(path: Path, say: Callable[[str], None]) -> Iterator[int]:
    """Hold ``path`` for this process and yield its descriptor; ``say`` tells when another one holds it.

    The system drops the lock with the last process that holds the descriptor: a kill leaves nothing to remove,
    and children that were given the descriptor keep it until they have ended too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build is at work here: waiting for it to end …")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
