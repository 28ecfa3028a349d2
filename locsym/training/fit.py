"""The function for all ways of training: it checks what is asked for; :mod:`locsym.training.loop` does the work."""

from __future__ import annotations

import copy
import importlib
import json
import math
import os
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from ..data import Pairs
from ..guards import integer, number
from .loop import Loop, Progress
from .objective import mean_squared_error, unchecked
from .record import Method, Run, fingerprint

METHODS = {  # imported when asked for
    "lm": ("levenberg_marquardt", "LevenbergMarquardt"),
    "adam": ("adam", "Adam"),
    "lbfgs": ("baselines", "LBFGS"),
    "scipy": ("baselines", "LeastSquares"),
}


def fit(
    network: nn.Module,
    pairs: Pairs,
    method: str | Method = "lm",
    *,
    validation: Pairs | None = None,
    iterations: int | None = None,
    target: float | None = None,
    seconds: float | None = None,
    pause: int | None = None,
    folder: str | Path | None = None,
    progress: bool | Progress = False,
    **options: Any,
) -> Run:
    """Train a copy of ``network``, which :attr:`Run.network` returns, by minimising the mean squared error.

    The copy learns to map ``pairs.y`` to ``pairs.target``. The network given is left as it is. Training stops at a
    training loss of ``target``, after ``iterations`` or ``seconds``, when it stagnates, or at Ctrl-C, whichever comes
    first; :attr:`Run.reason` says which.

    With ``folder``, a checkpoint is written every few seconds. If the folder holds the complete training, that is
    loaded. An interrupted training continues where it stopped, and gives the same bits as if it had not been
    interrupted. If another process or thread trains there, ``fit`` waits for it. A damaged checkpoint is renamed to
    ``run.safetensors.damaged``, and training starts over. A checkpoint that cannot be written is tried again later. A
    RuntimeWarning and :attr:`Run.note` report both.

    Args:
        network: Any ``torch.nn.Module`` that is a flow map ``(y, h) -> y`` and acts on each state alone. Its copy is
            trained as in ``eval`` mode. Networks of this library have closed forms and compiled kernels; for others,
            torch differentiates.
        pairs: The training pairs. They are converted to the dtype and device of the weights.
        method: ``"lm"`` (:class:`~locsym.training.LevenbergMarquardt`), ``"adam"`` (the paper's), ``"lbfgs"`` or
            ``"scipy"``, with its options as keyword arguments here. Or one of these with its options, such as
            ``LevenbergMarquardt(ridge=1e-10)``, or any other value with the protocol :class:`~locsym.training.Method`.
        validation: Pairs whose loss is recorded, but not minimised; None for none.
        iterations: The largest number of iterations, at least 0; None for the default of the method.
        target: The training loss at which to stop; None for none.
        seconds: The time after which to stop; None for no limit.
        pause: The number of iterations after which to stop with the reason ``"paused"``; None for no pause. The
            learning rate still follows all ``iterations``. With ``folder``, another call continues from there.
        folder: The folder for checkpoints; None to store nothing.
        progress: True for a progress bar, or a function of (iterations done, their number, text).
        **options: The options of a method that is given by its name.

    Returns:
        The trained network, with its losses, its history and the reason why training stopped.

    Raises:
        TypeError, ValueError: If an argument is not allowed, or if ``folder`` holds another training. The message names
            the argument.
        OSError: If nothing can be written into ``folder``, before any work. The message names the file.
        FloatingPointError: If the loss ends as NaN or infinity.

    Example:
        >>> import torch
        >>> from locsym import LocSympNet, Pairs, RigidBody, fit
        >>> seed = torch.Generator().manual_seed(0)
        >>> pairs = Pairs.from_random(RigidBody(), 20, 0.1, "area", seed)
        >>> net = LocSympNet(n=3, K=1, width=8, generator=seed)
        >>> run = fit(net, pairs, iterations=30)
        >>> run.loss < 1e-6
        True
        >>> run.network(pairs.y, 0.1).shape
        torch.Size([20, 3])
    """
    method = _method(method, options)
    iterations = integer("iterations", method.iterations if iterations is None else iterations, 0)
    pause = iterations if pause is None else integer("pause", pause, 0)
    _check(network, pairs, validation, target, seconds)
    given, network = network, copy.deepcopy(network).eval()
    pairs = _like(network, pairs, "pairs")
    held_out = None if validation is None else _like(network, validation, "validation")
    optimiser = method.start(network, pairs, held_out, iterations)
    name = getattr(method, "name", type(method).__name__)
    asked = {"method": name, "iterations": iterations, "target": target, "seconds": seconds} | _options(method)
    configuration = json.loads(json.dumps(asked, default=_plain))  # as a file gives it back
    tensors = [x for p in (pairs, held_out) for x in ((p.y, p.h, p.target) if p else (None,))]

    loop = Loop(optimiser, fingerprint(given, tensors, configuration), configuration, _path(folder))
    with _bar(progress, iterations) as show, loop.alone(show):
        loop.run(target, math.inf if seconds is None else seconds, pause, show)
    return loop.ended(network, pairs, held_out)


def _method(method: str | Method, options: dict[str, Any]) -> Method:
    """Return the method, made of its name and its options if it is given by name."""
    if isinstance(method, str) and method in METHODS:
        module, name = METHODS[method]
        make = getattr(importlib.import_module(f".{module}", __package__), name)
        known = [field.name for field in fields(make)]
        for key in options:
            if key not in known:
                raise ValueError(f"{key}: no option of method {method!r}; it has: {', '.join(known)}")
        return make(**options)
    if isinstance(method, str | type) or not (hasattr(method, "start") and hasattr(method, "iterations")):
        names = ", ".join(map(repr, METHODS))
        raise ValueError(f"method: one of {names}, or a value such as LevenbergMarquardt(), is needed, got {method!r}")
    for key in options:
        raise ValueError(f"{key}: options go into the method itself, {type(method).__name__}({key}=…)")
    return method


def _options(method: Method) -> dict[str, Any]:
    """Return the options of a method: the fields of a dataclass, else its attributes."""
    return {f.name: getattr(method, f.name) for f in fields(method)} if is_dataclass(method) else dict(vars(method))


def _plain(value: Any) -> float | str:
    """Return NumPy's and torch's numbers as JSON has them, and anything else in words."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return repr(value)


def _check(
    network: nn.Module, pairs: Pairs, validation: Pairs | None, target: float | None, seconds: float | None
) -> None:
    if not isinstance(network, nn.Module):
        raise TypeError(f"network: a torch.nn.Module (y, h) -> y is needed, got {type(network).__name__}")
    if next(network.parameters(), None) is None:
        raise ValueError(f"network: {type(network).__name__} has no weights to train")
    for name, weights in network.named_parameters():
        if not bool(torch.isfinite(weights).all()):
            raise ValueError(f"network: weights must be finite, {name} holds NaN or infinity")
    for name, value in (("pairs", pairs), ("validation", validation)):
        if value is None and name == "validation":
            continue
        if not isinstance(value, Pairs):
            raise TypeError(f"{name}: Pairs(y, h, target) are needed, got {type(value).__name__}")
        if value.n != getattr(network, "n", value.n):
            raise ValueError(f"{name}: states of dimension {network.n} are needed, as the network's; got {value.n}")
    for name, bound in (("target", target), ("seconds", seconds)):
        if bound is not None:
            number(name, bound, "a number >= 0 or None")


def _path(folder: str | Path | None) -> Path | None:
    if folder is not None and not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder: a path or None is needed, got {folder!r}")
    return None if folder is None else Path(folder)


def _like(network: nn.Module, pairs: Pairs, name: str) -> Pairs:
    """Return the pairs in the network's dtype and on its device.

    Raises ValueError if their numbers, or the network's loss on them, are too large for that dtype, or if the network
    is no flow map.
    """
    p = next(network.parameters())
    try:
        found = Pairs(pairs.y.to(p), pairs.h.to(p), pairs.target.to(p))
    except ValueError as error:
        raise ValueError(f"{name}: in the network's {p.dtype}, {error}") from error
    with torch.no_grad():
        after = unchecked(network)(found.y, found.h)
    if not isinstance(after, torch.Tensor) or (after.shape, after.dtype) != (found.y.shape, found.y.dtype):
        got = f"{after.dtype} {tuple(after.shape)}" if isinstance(after, torch.Tensor) else type(after).__name__
        raise ValueError(f"network: (y, h) -> y must keep {found.y.dtype} {tuple(found.y.shape)}, it returns {got}")
    if not math.isfinite(loss := mean_squared_error(network, found)):
        raise ValueError(f"{name}: states and weights of such size give no finite loss at the start, but {loss}")
    return found


class _bar:
    """A progress bar, the caller's own function, or nothing. Entering it gives a function of (done, total, text)."""

    def __init__(self, progress: bool | Progress, total: int):
        self.own = progress if callable(progress) else None
        self.bar = tqdm(total=total, unit="it", disable=self.own is not None or not progress)

    def __enter__(self) -> Progress:
        return self.own or self._show

    def _show(self, done: int, total: int, text: str) -> None:
        self.bar.set_postfix_str(text, refresh=False)
        self.bar.update(done - self.bar.n)

    def __exit__(self, *_: object) -> None:
        self.bar.close()
