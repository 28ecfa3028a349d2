"""The function for all ways of training: it checks what is asked for; :mod:`locsym.training.loop` does the work."""

from __future__ import annotations

import copy
import importlib
import inspect
import json
import math
import os
from pathlib import Path

import torch
from tqdm import tqdm

from ..data import Pairs
from ..guards import integer, number
from ..networks import Network
from .loop import Loop, Progress
from .objective import mean_squared_error
from .record import Optimiser, Run, fingerprint

METHODS = {  # imported when asked for
    "lm": ("levenberg_marquardt", "LevenbergMarquardt"),
    "adam": ("adam", "Adam"),
    "lbfgs": ("baselines", "LBFGS"),
    "scipy": ("baselines", "LeastSquares"),
}


def fit(
    network: Network,
    pairs: Pairs,
    method: str = "lm",
    *,
    validation: Pairs | None = None,
    iterations: int | None = None,
    target: float | None = None,
    seconds: float | None = None,
    pause: int | None = None,
    folder: str | Path | None = None,
    progress: bool | Progress = False,
    **options,
) -> Run:
    """Train a copy of ``network`` to map ``pairs.y`` to ``pairs.target``, by minimising the mean squared error.

    method: ``"lm"`` (:class:`~locsym.training.levenberg_marquardt.LevenbergMarquardt`), ``"adam"`` (the paper's),
    ``"lbfgs"`` or ``"scipy"``. validation: pairs whose loss is recorded, but not minimised.

    Training stops at a training loss of ``target``, after ``iterations`` (each method has its default) or
    ``seconds``, when it stagnates, or at Ctrl-C, whichever comes first; :attr:`Run.reason` says which.

    pause: stops after this number of the ``iterations``, with the reason ``"paused"``. The learning rate still follows
    all ``iterations``. With ``folder``, another call continues from there.
    folder: for checkpoints, one every few seconds. If it holds the complete training, that is loaded. An interrupted
    training continues where it stopped, and gives the same bits as if it had not been interrupted. If another process
    or thread trains there, ``fit`` waits for it. A damaged checkpoint is renamed to ``run.safetensors.damaged``, and
    training starts over. A checkpoint that cannot be written is tried again later. A RuntimeWarning and
    :attr:`Run.note` report both.
    progress: True for a progress bar, or a function of (iterations done, their number, text).
    options: those of the method's class.

    Raises TypeError or ValueError naming the argument, also if ``folder`` holds another training; OSError naming the
    file, before any work, if nothing can be written into ``folder``; FloatingPointError if the loss ends as NaN or
    infinity.
    """
    make, options = _method(method, options)
    iterations = integer("iterations", make.iterations if iterations is None else iterations, 0)
    pause = iterations if pause is None else integer("pause", pause, 0)
    _check(network, pairs, validation, target, seconds)
    given, network = network, copy.deepcopy(network)
    pairs, held_out = _like(network, pairs, "pairs"), validation and _like(network, validation, "validation")
    optimiser: Optimiser = make(network, pairs, held_out, iterations=iterations, **options)
    asked = {"method": method, "iterations": iterations, "target": target, "seconds": seconds} | options
    configuration = json.loads(json.dumps(asked, default=float))  # as a file gives it back: NumPy's numbers are plain
    tensors = [x for p in (pairs, held_out) for x in ((p.y, p.h, p.target) if p else (None,))]

    loop = Loop(optimiser, fingerprint(given, tensors, configuration), configuration, _path(folder))
    with _bar(progress, iterations) as show, loop.alone(show):
        loop.run(target, math.inf if seconds is None else seconds, pause, show)
    return loop.ended(network, pairs, held_out)


def _method(method: str, options: dict) -> tuple[type, dict]:
    """Return the class of that name and all of its options, with defaults."""
    if not isinstance(method, str) or method not in METHODS:
        raise ValueError(f"method: one of {', '.join(map(repr, METHODS))} is needed, got {method!r}")
    module, name = METHODS[method]
    make = getattr(importlib.import_module(f".{module}", __package__), name)
    known = {
        key: p.default
        for key, p in inspect.signature(make).parameters.items()
        if p.kind is p.KEYWORD_ONLY and key != "iterations"
    }
    for key in options:
        if key not in known:
            offered = ", ".join(known) or "none"
            raise ValueError(f"{key}: no option of method {method!r}; it has: {offered}")
    return make, known | options


def _check(network, pairs, validation, target, seconds) -> None:
    if not isinstance(network, Network):
        raise TypeError(f"network: a locsym network is needed, got {type(network).__name__}")
    for name, weights in network.named_parameters():
        if not bool(torch.isfinite(weights).all()):
            raise ValueError(f"network: weights must be finite, {name} holds NaN or infinity")
    for name, value in (("pairs", pairs), ("validation", validation)):
        if value is None and name == "validation":
            continue
        if not isinstance(value, Pairs):
            raise TypeError(f"{name}: Pairs(y, h, target) are needed, got {type(value).__name__}")
        if value.n != network.n:
            raise ValueError(f"{name}: states of dimension {network.n} are needed, as the network's; got {value.n}")
    for name, value in (("target", target), ("seconds", seconds)):
        if value is not None:
            number(name, value, "a number >= 0 or None")


def _path(folder: str | Path | None) -> Path | None:
    if folder is not None and not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder: a path or None is needed, got {folder!r}")
    return None if folder is None else Path(folder)


def _like(network: Network, pairs: Pairs, name: str) -> Pairs:
    """Return the pairs in the network's dtype and on its device.

    Raises ValueError if their numbers, or the network's loss on them, are too large for that dtype.
    """
    p = next(network.parameters())
    try:
        found = Pairs(pairs.y.to(p), pairs.h.to(p), pairs.target.to(p))
    except ValueError as error:
        raise ValueError(f"{name}: in the network's {p.dtype}, {error}") from error
    if not math.isfinite(loss := mean_squared_error(network, found)):
        raise ValueError(f"{name}: states and weights of such size give no finite loss at the start, but {loss}")
    return found


class _bar:
    """A progress bar, the caller's own function, or nothing. Entering it gives a function of (done, total, text)."""

    def __init__(self, progress: bool | Progress, total: int):
        self.own = progress if callable(progress) else None
        self.bar = tqdm(total=total, unit="it", disable=not progress) if self.own is None else None

    def __enter__(self) -> Progress:
        return self.own or self._show

    def _show(self, done: int, total: int, text: str) -> None:
        self.bar.set_postfix_str(text, refresh=False)
        self.bar.update(done - self.bar.n)

    def __exit__(self, *_) -> None:
        if self.bar is not None:
            self.bar.close()
