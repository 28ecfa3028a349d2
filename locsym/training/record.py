r"""What all ways of training share: the record of a run, the protocol of optimisers, and checkpoints on disk.

A checkpoint is one file of :mod:`locsym.data.storage`. A run that is killed leaves a complete checkpoint, the last or
the one before it. Damage is noticed, and reading a checkpoint executes no code.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from ..data import Pairs, storage
from ..networks import Network

COLUMNS = ("loss", "validation", "step", "seconds")
REASONS = ("target", "iterations", "seconds", "stagnation", "interrupted", "paused")
UNFINISHED = (None, "interrupted", "paused")  # a training that stopped for one of these goes on when called again
FILE = "run.safetensors"
KIND = "training"
Row = tuple[float, float, float, float]  # of COLUMNS


@dataclass(frozen=True)
class History:
    """One row an iteration, as float64 tensors ``(R,)``.

    loss: mean squared error on the training pairs (Adam: before the step, as in the paper; the others: after it).
    validation: the same on the validation pairs, after the step; NaN without any.
    step: what steers the step: the learning rate, or the damping μ. seconds: since training began.
    numbers: which iterations the rows are of, where some were left out; None: all of them, from 1.
    """

    loss: Tensor
    validation: Tensor
    step: Tensor
    seconds: Tensor
    numbers: Tensor | None = None

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def iteration(self) -> Tensor:
        """The numbers of the iterations, from 1."""
        return torch.arange(1, len(self) + 1) if self.numbers is None else self.numbers


@dataclass(frozen=True)
class Run:
    """A training that has ended.

    network: the trained network, a copy of the one given. loss, validation: its mean squared errors (validation
    is NaN without validation pairs). history: one row an iteration. reason: why training stopped, one of
    ``REASONS``. seconds: training time, over all resumptions. note: what the method has to say of how it ran,
    and what went wrong with its file. configuration: everything that was asked for. versions: what it ran on.
    """

    network: nn.Module
    loss: float
    validation: float
    history: History
    reason: str
    method: str
    seconds: float
    note: str = ""
    configuration: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def iterations(self) -> int:
        """The number of iterations of the training, also if its history leaves some out."""
        return int(self.history.iteration[-1]) if len(self.history) else 0

    def __repr__(self) -> str:
        said = f", {self.note}" if self.note else ""
        return (
            f"Run({self.method}: loss {self.loss:.2e}, validation {self.validation:.2e} after {self.iterations} "
            f"iterations, {self.seconds:.1f} s; stopped by {self.reason}{said})"
        )


class Method(Protocol):
    """The protocol of methods: a way of training with its options, as a value that :func:`~locsym.training.fit` takes.

    A frozen dataclass serves best: its fields are the options. They are recorded in :attr:`Run.configuration`, and a
    training is resumed only with the same ones. A class may have a ``name`` for messages; else its own name is used.
    """

    iterations: ClassVar[int]  #: the default number of iterations

    def start(self, network: nn.Module, pairs: Pairs, validation: Pairs | None, iterations: int) -> Optimiser:
        """Return the optimiser, ready to train ``network``, which it owns and may change, in so many iterations."""
        ...


class Optimiser(Protocol):
    """The protocol of optimisers: a training under way, which can stop after any row and be resumed.

    Its results must not depend on how many rows a call of ``advance`` asks for.
    """

    reason: str | None  #: why it has stopped ("target", "stagnation"); None while it can go on
    note: str  #: how it runs: which kernel, which linear algebra

    def advance(self, rows: int, target: float | None, deadline: float) -> Tensor:
        """Take up to ``rows`` iterations; return a row for each, float64 ``(R, 4)``: loss, validation, step, seconds.

        Seconds count from the call. Stops after the first row with loss <= target. A method with slow iterations may
        return early, after any row, once ``time.perf_counter()`` has passed ``deadline``.
        """
        ...

    def weights(self) -> Tensor:
        """Return the weights with which the training would end now, ``(P,)``, as ``network.parameters()``."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Return copies of everything that determines the next steps; numbers as tensors without dimension."""
        ...

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a state."""
        ...


def versions() -> dict[str, str]:
    """Return what can change the last bits of a result: versions, processor, threads."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
        "threads": str(torch.get_num_threads()),
    }


def fingerprint(network: nn.Module, tensors: list[Tensor | None], configuration: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, of a training: architecture, starting weights, data and configuration."""
    shape = _shape(network) if isinstance(network, Network) else [type(network).__qualname__, repr(network)]
    digest = hashlib.sha256(json.dumps([*shape, configuration], sort_keys=True).encode())
    digest.update(bytes(p.requires_grad for p in network.parameters()))
    for x in [*network.parameters(), *network.buffers(), *tensors]:
        digest.update(b"none" if x is None else f"{x.dtype}{tuple(x.shape)}".encode())
        if x is not None:
            digest.update(x.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _shape(network: Network) -> list:
    """Return all that determines a network but its weights, as JSON can hold it."""
    layers = []
    for x in network.layers:
        activation = getattr(x, "activation", None)
        name = activation.name if activation else None
        layers.append([type(x).__name__, x.extra_repr(), getattr(x, "columns", None), name])
    return [type(network).__name__, network.n, network.visits, layers]


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training. reason: why it has ended, None before."""

    fingerprint: str
    rows: Tensor  #: (R, 4), see COLUMNS
    weights: Tensor
    state: dict[str, Tensor]
    reason: str | None
    seconds: float
    note: str
    configuration: Mapping[str, Any]
    versions: Mapping[str, str]

    def write(self, folder: Path) -> None:
        """Write the checkpoint in one step. If that fails, OSError names the file, and the previous one remains."""
        header = {k: v for k, v in vars(self).items() if k not in ("rows", "weights", "state")}
        tensors = {"rows": self.rows, "weights": self.weights} | {f"state.{k}": v for k, v in self.state.items()}
        storage.write(folder / FILE, KIND, tensors, header)

    @staticmethod
    def read(folder: Path) -> Checkpoint | None:
        """Return the checkpoint in a folder, or None.

        Raises :class:`~locsym.data.storage.Damaged`, a ValueError, if the file is no checkpoint.
        """
        try:
            tensors, header = storage.read(folder / FILE, KIND)
        except FileNotFoundError:
            return None
        state = {k.removeprefix("state."): v for k, v in tensors.items() if k.startswith("state.")}
        try:
            found = Checkpoint(rows=tensors["rows"], weights=tensors["weights"], state=state, **header)
            if found.reason not in (None, *REASONS) or not isinstance(found.seconds, float):
                raise TypeError(f"reason {found.reason!r}, seconds {found.seconds!r}")
            if not isinstance(found.note, str) or not isinstance(found.configuration, dict):
                raise TypeError(f"note {found.note!r}, configuration {found.configuration!r}")
        except (KeyError, TypeError) as error:
            raise storage.Damaged(f"{folder / FILE}: no checkpoint of a training ({error})") from error
        return found

    def fits(self, optimiser: Optimiser, iterations: int) -> bool:
        """Whether its tensors have the shapes and dtypes that ``optimiser`` needs to continue."""
        own = {"weights": optimiser.weights()} | optimiser.state_dict()
        found = {"weights": self.weights} | self.state
        if self.rows.dtype != torch.float64 or self.rows.shape[1:] != (len(COLUMNS),) or len(self.rows) > iterations:
            return False
        return all(
            name in found and (found[name].dtype, found[name].shape) == (x.dtype, x.shape) for name, x in own.items()
        )
