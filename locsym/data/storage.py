"""Files that are whole and unchanged, or refused: tensors and their configuration in one safetensors file.

A file is written beside its name and renamed over it: a reader, or a power cut, finds the old one or the new one. Its
header holds the SHA-256 of all the rest, so that no flipped bit goes unnoticed. Nothing in it is ever executed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

FORMAT = "locsym 2"
HEADER = 2**24  # bytes of the longest header that is read


class Damaged(ValueError):
    """A file that is not what :func:`write` wrote: damaged, of another kind, or not ours at all."""


def write(path: str | os.PathLike, kind: str, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """Write named tensors and a configuration that JSON can hold; ``kind`` says what they are.

    Raises OSError naming the file where it cannot be written: what was there before is then there still.
    """
    copies = {name: x.detach().cpu().clone(memory_format=torch.contiguous_format) for name, x in tensors.items()}
    about = {"format": FORMAT, "kind": kind, "config": json.dumps(dict(config), allow_nan=False)}
    file = BytesIO(save(copies, about))
    about["sha256"] = _digest(_header(file), file)
    replace(path, save(copies, about))


def read(path: str | os.PathLike, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the configuration of a file of that kind which :func:`write` has written.

    Raises :class:`Damaged`, naming the file and the reason, for any other, and FileNotFoundError where there is none.
    No more memory is taken than the header may have, and, once the digest is found right, the content.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise Damaged(f"{path}: not a file")
    try:
        with path.open("rb") as file:
            header = _header(file)
            about = header["__metadata__"]
            for name, needed in (("format", FORMAT), ("kind", kind)):
                if about.get(name) != needed:
                    raise ValueError(f"{name} {about.get(name)!r}, needed {needed!r}")
            if about.pop("sha256", None) != _digest(header, file):
                raise ValueError("its content is not what was written")
            config = json.loads(about["config"])
            file.seek(0)
            tensors = load(file.read())
    except (SafetensorError, ValueError, RecursionError) as error:
        raise Damaged(f"{path}: not a file written by locsym, or damaged ({error})") from error
    if not isinstance(config, dict):
        raise Damaged(f"{path}: the configuration is no JSON object")
    return tensors, config


def require_finite(path: str | os.PathLike, tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError naming the file and the first tensor that holds NaN or infinity."""
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{path}: {name} holds NaN or infinity")


def replace(path: str | os.PathLike, content: bytes) -> None:
    """Put ``content`` where ``path`` is, in one step. Raises OSError naming ``path``; the old file is then still there.

    The name beside is always the same, so that what a killed process leaves is written over, not gathered.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.part")
    try:
        with locked(beside) as file:
            try:
                file.truncate(0)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                os.replace(beside, path)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


@contextmanager
def locked(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[BinaryIO]:
    """Hold the file ``path``, made if need be, against every other process and thread; yield it, open for appending.

    ``waiting`` is called where another one holds it. The system drops the lock with the process: a kill leaves nothing
    that must be removed. Raises OSError where the file cannot be made.
    """
    while True:
        with path.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waiting:
                    waiting()
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_still(path, file):  # else its last holder has renamed or removed it
                yield file
                return


def _is_still(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _header(file: BinaryIO) -> dict[str, Any]:
    """Read the header of a safetensors file: a length in eight bytes, then so much JSON."""
    size = int.from_bytes(file.read(8), "little")
    if size > HEADER:
        raise ValueError(f"another format, maybe a pickle, which is never opened: no header has {size} bytes")
    header = json.loads(file.read(size))
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__"), dict):
        raise ValueError("a header without metadata")
    return header


def _digest(header: Mapping[str, Any], file: BinaryIO) -> str:
    """The SHA-256, in hex, of a header and of what follows it in the file."""
    found = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    while chunk := file.read(2**20):
        found.update(chunk)
    return found.hexdigest()
