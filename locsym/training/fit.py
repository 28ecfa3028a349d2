"""One door to every way of training: stops, progress, checkpoints and resumption are written once, for all."""

from __future__ import annotations

import copy
import importlib
import inspect
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils import vector_to_parameters
from tqdm import tqdm

from ..data import Pairs
from ..networks import Network
from .record import COLUMNS, Checkpoint, History, Optimiser, Run, fingerprint, versions

METHODS = {  # imported when asked for
    "lm": ("levenberg_marquardt", "LevenbergMarquardt"),
    "adam": ("adam", "Adam"),
    "lbfgs": ("baselines", "LBFGS"),
    "scipy": ("baselines", "LeastSquares"),
}
CHUNK = 0.5  # seconds between two looks at the clock, the progress bar and Ctrl-C
EVERY = 5.0  # seconds between two checkpoints

Progress = Callable[[int, int, str], None]


def fit(
    network: Network,
    pairs: Pairs,
    method: str = "lm",
    *,
    validation: Pairs | None = None,
    iterations: int | None = None,
    target: float | None = None,
    seconds: float | None = None,
    folder: str | Path | None = None,
    progress: bool | Progress = False,
    **options,
) -> Run:
    """Train a copy of ``network`` so that it maps ``pairs.y`` to ``pairs.target``; minimise the mean squared error.

    method: ``"lm"`` (:class:`~locsym.training.levenberg_marquardt.LevenbergMarquardt`), ``"adam"`` (the paper's),
    ``"lbfgs"`` or ``"scipy"``. validation: pairs to watch, not to learn from.

    Training stops at a training loss of ``target``, after ``iterations`` (each method has its default) or
    ``seconds``, where it stagnates, or at Ctrl-C, whichever comes first; :attr:`Run.reason` says which.

    folder: where checkpoints go, one every few seconds. A training that is complete there is loaded, one that was
    broken off goes on where it was, to the same bits as if nothing had happened.
    progress: True for a bar, or a function of (iterations done, of how many, text).
    options: those of the method's class.

    Raises TypeError or ValueError naming the argument; ValueError also where ``folder`` holds another training.
    """
    make, options = _method(method, options)
    iterations = make.iterations if iterations is None else iterations
    _check(network, pairs, validation, iterations, target, seconds)
    network = copy.deepcopy(network)
    pairs, held_out = _like(network, pairs), validation and _like(network, validation)
    configuration = {"method": method, "iterations": iterations, "target": target, "seconds": seconds} | options
    tensors = [x for p in (pairs, held_out) for x in ((p.y, p.h, p.target) if p else (None,))]
    name, folder = fingerprint(network, tensors, configuration), None if folder is None else Path(folder)

    optimiser: Optimiser = make(network, pairs, held_out, iterations=iterations, **options)
    loop = _Loop(optimiser, name, configuration, folder)
    loop.resume()
    with _bar(progress, iterations) as show:
        loop.run(iterations, target, math.inf if seconds is None else seconds, show)
    return loop.ended(network, pairs, held_out, method)


class _Loop:
    """A training on its way: the optimiser, the rows so far, and when the last checkpoint was written."""

    def __init__(self, optimiser: Optimiser, name: str, configuration: dict, folder: Path | None):
        self.optimiser, self.name, self.configuration, self.folder = optimiser, name, configuration, folder
        self.rows: list[Tensor] = []
        self.done, self.seconds, self.note = 0, 0.0, optimiser.note
        self.reason: str | None = None
        self.final: Tensor | None = None  # weights of a training that was loaded complete
        self.versions = versions()

    def resume(self) -> None:
        """Take up what the folder holds."""
        found = self.folder and Checkpoint.read(self.folder)
        if not found:
            return
        if found.fingerprint != self.name:
            how = _differences(found.configuration, self.configuration)
            raise ValueError(f"folder: {self.folder} holds another training ({how}); give each its own, or remove it")
        self.rows, self.done, self.seconds, self.note = [found.rows], len(found.rows), found.seconds, found.note
        if found.reason in (None, "interrupted"):
            self.optimiser.load_state_dict(found.state)
        else:
            self.reason, self.final, self.versions = found.reason, found.weights, found.versions

    def run(self, iterations: int, target: float | None, seconds: float, show: Progress) -> None:
        """Advance in chunks of about ``CHUNK`` seconds until a reason to stop; Ctrl-C goes back to the last chunk."""
        written, rows, before = time.perf_counter(), 1, None
        try:
            while self.reason is None and self.done < iterations and self.seconds < seconds:
                before = self.optimiser.state_dict(), tuple(self.rows), self.done, self.seconds
                pace = self._chunk(min(rows, iterations - self.done), target, min(CHUNK, seconds - self.seconds))
                rows = max(1, int(CHUNK / pace))
                loss = float(self.rows[-1][-1, 0]) if len(self.rows[-1]) else math.nan
                limit = f", at most {max(0.0, seconds - self.seconds):.0f} s more" if seconds < math.inf else ""
                show(self.done, iterations, f"loss {loss:.2e}{limit}")
                if self.folder and time.perf_counter() - written > EVERY:
                    self.write()
                    written = time.perf_counter()
            if self.reason is None:
                self.reason = "iterations" if self.done >= iterations else "seconds"
        except KeyboardInterrupt:
            if before is not None:
                state, kept, self.done, self.seconds = before
                self.optimiser.load_state_dict(state)
                self.rows = list(kept)
            self.reason = "interrupted"
        if self.folder and self.final is None:
            self.write()

    def _chunk(self, rows: int, target: float | None, allowed: float) -> float:
        """Take up to so many rows in about the time allowed; return the seconds that each took."""
        start = time.perf_counter()
        new = self.optimiser.advance(rows, target, start + allowed)
        new[:, 3] += self.seconds
        spent = time.perf_counter() - start
        self.rows.append(new)
        self.done, self.seconds = self.done + len(new), self.seconds + spent
        self.reason, self.note = self.optimiser.reason, self.optimiser.note
        return spent / max(1, len(new))

    def write(self) -> None:
        """Write a checkpoint."""
        state, weights = self.optimiser.state_dict(), self.optimiser.weights()
        said = (self.reason, self.seconds, self.note, self.configuration, self.versions)
        Checkpoint(self.name, self._history(), weights, state, *said).write(self.folder)

    def _history(self) -> Tensor:
        return torch.cat([torch.empty(0, len(COLUMNS), dtype=torch.float64), *self.rows])

    def ended(self, network: Network, pairs: Pairs, validation: Pairs | None, method: str) -> Run:
        """The record of what was reached."""
        vector_to_parameters(self.optimiser.weights() if self.final is None else self.final, network.parameters())
        network.requires_grad_(True).eval()
        return Run(
            network=network,
            loss=mean_squared_error(network, pairs),
            validation=math.nan if validation is None else mean_squared_error(network, validation),
            history=History(*self._history().unbind(1)),
            reason=self.reason,
            method=method,
            seconds=self.seconds,
            note=self.note,
            configuration=self.configuration,
            versions=self.versions,
        )


def _method(method: str, options: dict) -> tuple[type, dict]:
    """Return the class of that name and its options, defaults filled in."""
    if method not in METHODS:
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


def _check(network, pairs, validation, iterations, target, seconds) -> None:
    if not isinstance(network, Network):
        raise TypeError(f"network: a locsym network is needed, got {type(network).__name__}")
    for name, value in (("pairs", pairs), ("validation", validation)):
        if value is None and name == "validation":
            continue
        if not isinstance(value, Pairs):
            raise TypeError(f"{name}: Pairs(y, h, target) are needed, got {type(value).__name__}")
        if value.n != network.n:
            raise ValueError(f"{name}: states of dimension {network.n} are needed, as the network's; got {value.n}")
    if isinstance(iterations, bool) or not isinstance(iterations, int) or iterations < 0:
        raise ValueError(f"iterations: a whole number >= 0 is needed, got {iterations!r}")
    for name, value in (("target", target), ("seconds", seconds)):
        if value is not None and not (isinstance(value, int | float) and 0 <= value < math.inf):
            raise ValueError(f"{name}: a number >= 0 or None is needed, got {value!r}")


def _like(network: Network, pairs: Pairs) -> Pairs:
    """The pairs in the network's dtype and on its device: that is where training happens."""
    p = next(network.parameters())
    return Pairs(pairs.y.to(p), pairs.h.to(p), pairs.target.to(p))


def mean_squared_error(network: Network, pairs: Pairs) -> float:
    """Return the mean of (Φ_h(y) − target)² over samples and components."""
    with torch.no_grad():
        return float((network(pairs.y, pairs.h) - pairs.target).square().mean())


def _differences(found: dict, asked: dict) -> str:
    """Say in what two configurations differ."""
    asked = json.loads(json.dumps(asked))  # as it was written: tuples are lists
    keys = [key for key in asked | found if found.get(key) != asked.get(key)]
    said = ", ".join(f"{key} {found.get(key)!r}, not {asked.get(key)!r}" for key in keys)
    return said or "of another network or other data"


class _bar:
    """A progress bar, the caller's own function, or nothing: entered, it is a function of (done, total, text)."""

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
