"""The loop of a training, the same for all methods: chunks, stopping, progress, checkpoints and resumption."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import vector_to_parameters

from ..data import Pairs, storage
from .objective import mean_squared_error
from .record import COLUMNS, FILE, UNFINISHED, Checkpoint, History, Optimiser, Run, versions

CHUNK = 0.5  # seconds between two looks at the clock, the progress bar and Ctrl-C
EVERY = 5.0  # seconds between two checkpoints

Progress = Callable[[int, int, str], None]


class Loop:
    """A running training: the optimiser, the rows so far, and the folder of its checkpoints.

    Args:
        optimiser: The optimiser.
        name: The fingerprint of the training.
        configuration: Everything that was asked for, with the number of ``"iterations"``.
        folder: The folder of checkpoints; None for none.
    """

    def __init__(self, optimiser: Optimiser, name: str, configuration: dict[str, Any], folder: Path | None):
        self.optimiser, self.name, self.configuration, self.folder = optimiser, name, configuration, folder
        self.iterations = configuration["iterations"]
        self.rows: list[Tensor] = []
        self.done, self.seconds, self.note = 0, 0.0, optimiser.note
        self.reason: str | None = None
        self.final: Tensor | None = None  # weights of a training that was loaded complete
        self.versions: Mapping[str, str] = versions()
        self.started_over = self.unwritten = ""  # what went wrong with the file

    @contextmanager
    def alone(self, show: Progress) -> Iterator[None]:
        """Resume from the folder, and lock other trainings out of it while this one runs.

        Args:
            show: The function that is told of progress.

        Yields:
            Nothing.

        Raises:
            ValueError: If the folder holds another training.
            OSError: If nothing can be written into it.
        """
        if self.folder is None or self._complete(self.folder):
            yield
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        waiting = "waiting for another training in the same folder"
        with storage.locked(self.folder / ".lock", lambda: show(0, self.iterations, waiting)):
            self._resume(self.folder)
            if self.final is None:
                self._write(self.folder)  # before any work is done: can it be written?
            yield

    def _complete(self, folder: Path) -> bool:
        """Load a training that is complete in the folder; nothing has to be written for it."""
        try:
            found = Checkpoint.read(folder)
        except storage.Damaged:
            return False  # for the one who holds the folder to see to
        return found is not None and found.reason not in UNFINISHED and self._take(found)

    def _resume(self, folder: Path) -> None:
        """Resume from the folder; rename a damaged checkpoint."""
        try:
            found = Checkpoint.read(folder)
            if found is None or self._take(found):
                return
            raise storage.Damaged(f"{folder / FILE}: its tensors are not those of this training")
        except storage.Damaged as error:
            os.replace(folder / FILE, aside := folder / f"{FILE}.damaged")
            self.started_over = f"{error}; moved to {aside.name}, training starts over"
            warnings.warn(f"folder: {self.started_over}", RuntimeWarning, stacklevel=5)

    def _take(self, found: Checkpoint) -> bool:
        """Continue from a checkpoint; return False if that is impossible. Raises ValueError for another training."""
        if found.fingerprint != self.name:
            how = _differences(found.configuration, self.configuration)
            raise ValueError(f"folder: {self.folder} holds another training ({how}); give each its own, or remove it")
        if not found.fits(self.optimiser, self.iterations):
            return False
        self.rows, self.done, self.seconds, self.note = [found.rows], len(found.rows), found.seconds, found.note
        if found.reason in UNFINISHED:
            self.optimiser.load_state_dict(found.state)
        else:
            self.reason, self.final, self.versions = found.reason, found.weights, found.versions
        return True

    def run(self, target: float | None, seconds: float, pause: int, show: Progress) -> None:
        """Advance in chunks of about ``CHUNK`` seconds until a reason to stop; Ctrl-C discards the current chunk.

        Args:
            target: The loss at which to stop; None for none.
            seconds: The time after which to stop.
            pause: The number of iterations after which to stop.
            show: The function that is told of progress.
        """
        last = min(pause, self.iterations)
        written, rows, before = time.perf_counter(), 1, None
        try:
            while self.reason is None and self.done < last and self.seconds < seconds:
                before = self.optimiser.state_dict(), tuple(self.rows), self.done, self.seconds
                pace = self._chunk(min(rows, last - self.done), target, min(CHUNK, seconds - self.seconds))
                rows = max(1, int(CHUNK / pace))
                loss = float(self.rows[-1][-1, 0]) if len(self.rows[-1]) else math.nan
                limit = f", at most {max(0.0, seconds - self.seconds):.0f} s more" if seconds < math.inf else ""
                show(self.done, self.iterations, f"loss {loss:.2e}{limit}")
                if self.folder and time.perf_counter() - written > EVERY:
                    self._keep(self.folder)
                    written = time.perf_counter()
            if self.reason is None:
                ends = {"iterations": self.iterations, "paused": last}
                self.reason = next((why for why, end in ends.items() if self.done >= end), "seconds")
        except KeyboardInterrupt:
            if before is not None:
                state, kept, self.done, self.seconds = before
                self.optimiser.load_state_dict(state)
                self.rows = list(kept)
            self.reason = "interrupted"
        if self.folder and self.final is None:
            self._keep(self.folder)

    def _chunk(self, rows: int, target: float | None, allowed: float) -> float:
        """Take up to that many rows in about the time allowed; return the seconds for each."""
        start = time.perf_counter()
        new = self.optimiser.advance(rows, target, start + allowed)
        new[:, 3] += self.seconds
        spent = time.perf_counter() - start
        self.rows.append(new)
        self.done, self.seconds = self.done + len(new), self.seconds + spent
        self.reason, self.note = self.optimiser.reason, self.optimiser.note
        return spent / max(1, len(new))

    def _keep(self, folder: Path) -> None:
        """Write a checkpoint if possible. A full disk must not end hours of work, whose result is still in memory."""
        self.unwritten = ""
        try:
            self._write(folder)
        except OSError as error:
            self.unwritten = f"in memory only, the last checkpoint could not be written: {error}"
            warnings.warn(f"folder: {self.unwritten}", RuntimeWarning, stacklevel=4)

    def _write(self, folder: Path) -> None:
        state, weights = self.optimiser.state_dict(), self.optimiser.weights()
        said = (self.reason, self.seconds, self._notes(), self.configuration, self.versions)
        Checkpoint(self.name, self._history(), weights, state, *said).write(folder)

    def _notes(self) -> str:
        return "; ".join(filter(None, (self.note, self.started_over, self.unwritten)))

    def _history(self) -> Tensor:
        return torch.cat([torch.empty(0, len(COLUMNS), dtype=torch.float64), *self.rows])

    def ended(self, network: nn.Module, pairs: Pairs, validation: Pairs | None) -> Run:
        """Return the record of the training.

        Args:
            network: The network, which is given the final weights.
            pairs: The training pairs.
            validation: The validation pairs; None for none.

        Returns:
            The record.

        Raises:
            FloatingPointError: If the loss is not finite.
        """
        vector_to_parameters(self.optimiser.weights() if self.final is None else self.final, network.parameters())
        network.requires_grad_(True).eval()
        assert self.reason is not None, "it has run"
        loss = mean_squared_error(network, pairs)
        if not math.isfinite(loss):
            how = f"after {self.done} iterations; smaller steps, weights or data are needed"
            raise FloatingPointError(f"{self.configuration['method']}: the loss is no longer finite, {loss}, {how}")
        return Run(
            network=network,
            loss=loss,
            validation=math.nan if validation is None else mean_squared_error(network, validation),
            history=History(*self._history().unbind(1)),
            reason=self.reason,
            method=self.configuration["method"],
            seconds=self.seconds,
            note=self._notes(),
            configuration=self.configuration,
            versions=self.versions,
        )


def _differences(found: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """Return the difference of two configurations in words."""
    keys = [key for key in {**asked, **found} if found.get(key) != asked.get(key)]
    said = ", ".join(f"{key} {found.get(key)!r}, not {asked.get(key)!r}" for key in keys)
    return said or "of another network or other data"
