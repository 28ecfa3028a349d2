"""Files that are always whole: written under another name, then renamed, by one writer at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` in one step: a reader sees the old file or the new one, never half of it.

    The temporary name is always the same, so what a killed process leaves behind is overwritten the next time.
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
    """Put the folder ``new`` in the place of ``place``. After a kill half-way, :func:`restore_folder` repairs it."""
    old = _old(place)
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        os.rename(place, old)
    place.parent.mkdir(parents=True, exist_ok=True)
    os.rename(new, place)
    shutil.rmtree(old, ignore_errors=True)


def restore_folder(place: Path) -> None:
    """Clean up after a kill within :func:`replace_folder`: put the old folder back, or remove it."""
    if not place.exists() and _old(place).exists():
        os.rename(_old(place), place)
    shutil.rmtree(_old(place), ignore_errors=True)


def _old(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")


@contextmanager
def lock(path: Path, say: Callable[[str], None]) -> Iterator[int]:
    """Hold the lock file ``path`` and yield its descriptor; use ``say`` to report that another process holds it.

    The system releases the lock when the last process with the descriptor ends. So a kill leaves nothing to remove,
    and child processes that inherit the descriptor hold the lock until they end.
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
