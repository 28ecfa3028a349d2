"""Files of tensors and their configuration, in the safetensors format, that are read only if they are unchanged.

A file is written under a temporary name and then renamed, so that a reader finds either the old file or the new one,
also after a power cut. Its header holds the SHA-256 of the rest, so that a single flipped bit is noticed. Nothing in a
file is ever executed.
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
    """The error of a file that :func:`write` did not write in this form: damaged, of another kind, or foreign."""


def write(path: str | os.PathLike, kind: str, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """Write named tensors and a configuration to one file, in one step.

    Args:
        path: The file to write.
        kind: What the content is; :func:`read` asks for the same word.
        tensors: The tensors by name.
        config: The configuration, which JSON must be able to hold.

    Raises:
        OSError: If the file cannot be written. The message names it, and the old file remains.
    """
    copies = {name: x.detach().cpu().clone(memory_format=torch.contiguous_format) for name, x in tensors.items()}
    about = {"format": FORMAT, "kind": kind, "config": json.dumps(dict(config), allow_nan=False)}
    file = BytesIO(save(copies, about))
    about["sha256"] = _digest(_header(file), file)
    replace(path, save(copies, about))


def read(path: str | os.PathLike, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the content of a file that :func:`write` has written.

    The content is loaded into memory only after its digest has been found correct.

    Args:
        path: The file to read.
        kind: What the content must be.

    Returns:
        The tensors by name, and the configuration.

    Raises:
        Damaged: If the file is any other file. The message names it and the reason.
        FileNotFoundError: If there is no such file.
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
    """Check that all tensors of a file are finite.

    Args:
        path: The file, for the error.
        tensors: The tensors by name.

    Raises:
        ValueError: If a tensor holds NaN or infinity. The message names the file and the tensor.
    """
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{path}: {name} holds NaN or infinity")


def replace(path: str | os.PathLike, content: bytes) -> None:
    """Replace a file by new content, in one step.

    The temporary name is always the same, so that the remains of a killed process are overwritten.

    Args:
        path: The file to replace or to create.
        content: Its new content.

    Raises:
        OSError: If that fails. The message names the file, and the old file remains.
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
    """Lock a file against all other processes and threads, and create it if needed.

    The system releases the lock when a process ends, so that a killed process leaves nothing to clean up.

    Args:
        path: The file to lock.
        waiting: A function that is called if another process or thread holds the lock.

    Yields:
        The file, open for appending.

    Raises:
        OSError: If the file cannot be created.
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
    """Read the header of a safetensors file: its length in eight bytes, then that many bytes of JSON."""
    size = int.from_bytes(file.read(8), "little")
    if size > HEADER:
        raise ValueError(f"another format, maybe a pickle, which is never opened: no header has {size} bytes")
    header = json.loads(file.read(size))
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__"), dict):
        raise ValueError("a header without metadata")
    return header


def _digest(header: Mapping[str, Any], file: BinaryIO) -> str:
    """Return the SHA-256, in hex, of a header and of the bytes that follow it in the file."""
    found = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    while chunk := file.read(2**20):
        found.update(chunk)
    return found.hexdigest()
