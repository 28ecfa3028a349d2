"""Tensors and their configuration in one safetensors file: nothing in it is ever executed.

A file is written beside its name and renamed over it: a reader, or a power cut, finds the old one or the new one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

FORMAT = "locsym 1"
STORED = (torch.float64, torch.float32, torch.int64, torch.bool)


def write(path: str | os.PathLike, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """Write named tensors and a configuration that JSON can hold. Raises ValueError for NaN or infinity."""
    path = Path(path)
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{path}: {name} is not finite and was not written")
    header = {"format": FORMAT, "config": json.dumps(dict(config), allow_nan=False)}
    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, header)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read(path: str | os.PathLike) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the configuration of a file that :func:`write` has written.

    Raises ValueError, naming the file and the reason, for any other: damaged, pickled, of another format, not finite.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: not a file")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise ValueError(f"format {header.get('format')!r}, needed {FORMAT!r}")
            config = json.loads(header.get("config", ""))
            names = file.keys()
            tensors = {name: file.get_tensor(name).clone() for name in names}
    except (SafetensorError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a file written by locsym, or damaged ({error})") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path}: the configuration is no JSON object")
    for name, tensor in tensors.items():
        if tensor.dtype not in STORED:
            raise ValueError(f"{path}: {name} has the dtype {tensor.dtype}, needed one of {STORED}")
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{path}: {name} holds NaN or infinity")
    return tensors, config
