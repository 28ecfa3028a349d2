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
    """The course of a training, one row for each iteration, as float64 tensors ``(R,)``.

    Args:
        loss: The mean squared error on the training pairs: with Adam before the step, as in the paper, with the others
            after it.
        validation: The same on the validation pairs, after the step; NaN without any.
        step: What steers the step: the learning rate, or the damping μ.
        seconds: The time since training began.
        numbers: The iterations that the rows belong to, where some were left out; None for all of them, from 1.

    Example:
        >>> import torch
        >>> from locsym.training import History
        >>> loss = torch.tensor([1.0, 0.1, 0.01])
        >>> History(loss, validation=loss, step=loss, seconds=loss).iteration
        tensor([1, 2, 3])
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
    """A training that has ended, made by :func:`~locsym.training.fit`.

    Args:
        network: The trained network, a copy of the one given.
        loss, validation: Its mean squared errors on the training and on the validation pairs; NaN without any.
        history: One row for each iteration.
        reason: Why training stopped, one of ``REASONS``.
        method: The name of the method.
        seconds: The training time, over all resumptions.
        note: What the method reports on how it ran, and what went wrong with its file.
        configuration: Everything that was asked for.
        versions: The versions and the machine that it ran on.

    Example:
        >>> import torch
        >>> from locsym import LocSympNet, Pairs, RigidBody, fit
        >>> seed = torch.Generator().manual_seed(0)
        >>> pairs = Pairs.from_random(RigidBody(), 20, 0.1, "area", seed)
        >>> net = LocSympNet(n=3, K=1, width=8, generator=seed)
        >>> run = fit(net, pairs, iterations=2)
        >>> run.iterations, run.reason
        (2, 'iterations')
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

    Example:
        >>> from locsym.training import LevenbergMarquardt
        >>> LevenbergMarquardt(ridge=1e-10).iterations
        1000
    """

    iterations: ClassVar[int]  #: the default number of iterations

    def start(self, network: nn.Module, pairs: Pairs, validation: Pairs | None, iterations: int) -> Optimiser:
        """Return the optimiser that trains a network.

        Args:
            network: The network, which the optimiser owns and may change.
            pairs: The training pairs, with the dtype and device of the weights.
            validation: Pairs whose loss is recorded, but not minimised; None for none.
            iterations: The number of iterations of the whole training.

        Returns:
            The optimiser, ready to begin.
        """
        ...


class Optimiser(Protocol):
    """The protocol of optimisers: a training under way, which can stop after any row and be resumed.

    Its results must not depend on how many rows a call of ``advance`` asks for.

    Example:
        >>> import torch
        >>> from locsym import LocSympNet, Pairs
        >>> from locsym.training import Adam
        >>> y = torch.zeros(4, 3, dtype=torch.float64)
        >>> pairs = Pairs(y, h=0.1, target=y)
        >>> optimiser = Adam().start(LocSympNet(n=3, K=1, width=8), pairs)
        >>> optimiser.advance(rows=2, target=None, deadline=float("inf")).shape
        torch.Size([2, 4])
    """

    reason: str | None  #: why it has stopped ("target", "stagnation"); None while it can go on
    note: str  #: how it runs: which kernel, which linear algebra

    def advance(self, rows: int, target: float | None, deadline: float) -> Tensor:
        """Take iterations, and return a row for each.

        It stops after the first row with loss <= target. A method with slow iterations may return early, after any row,
        once ``time.perf_counter()`` has passed ``deadline``.

        Args:
            rows: The largest number of iterations.
            target: The loss at which to stop; None for none.
            deadline: A time of ``time.perf_counter()``.

        Returns:
            Loss, validation loss, step and seconds since the call, float64, ``(R, 4)``.
        """
        ...

    def weights(self) -> Tensor:
        """Return the weights with which the training would end now.

        Returns:
            The weights θ, ``(P,)``, in the order of ``network.parameters()``.
        """
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Return copies of everything that determines the next steps.

        Returns:
            Copies of tensors by name; numbers are tensors without dimension.
        """
        ...

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a state.

        Args:
            state: What :meth:`state_dict` has returned.
        """
        ...


def versions() -> dict[str, str]:
    """Return what can change the last bits of a result: versions, processor, threads.

    Returns:
        Descriptions by name.
    """
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
        "threads": str(torch.get_num_threads()),
    }


def fingerprint(network: nn.Module, tensors: list[Tensor | None], configuration: Mapping[str, Any]) -> str:
    """Return a digest of a training: architecture, starting weights, data and configuration.

    Args:
        network: The network with its starting weights.
        tensors: The data; None for data that are missing.
        configuration: Everything that was asked for, which JSON must be able to hold.

    Returns:
        The SHA-256, in hex.
    """
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
    """The state of a training.

    Args:
        fingerprint: The digest of the training.
        rows: The rows so far, ``(R, 4)``, see ``COLUMNS``.
        weights: The weights with which the training would end now, ``(P,)``.
        state: The state of the optimiser.
        reason: Why the training has ended; None before.
        seconds: The training time so far.
        note: What the method reports on how it ran.
        configuration: Everything that was asked for.
        versions: The versions and the machine that it ran on.
    """

    fingerprint: str
    rows: Tensor
    weights: Tensor
    state: dict[str, Tensor]
    reason: str | None
    seconds: float
    note: str
    configuration: Mapping[str, Any]
    versions: Mapping[str, str]

    def write(self, folder: Path) -> None:
        """Write the checkpoint in one step.

        Args:
            folder: The folder to write into.

        Raises:
            OSError: If that fails. The message names the file, and the previous checkpoint remains.
        """
        header = {k: v for k, v in vars(self).items() if k not in ("rows", "weights", "state")}
        tensors = {"rows": self.rows, "weights": self.weights} | {f"state.{k}": v for k, v in self.state.items()}
        storage.write(folder / FILE, KIND, tensors, header)

    @staticmethod
    def read(folder: Path) -> Checkpoint | None:
        """Return the checkpoint in a folder.

        Args:
            folder: The folder to read from.

        Returns:
            The checkpoint, or None if there is none.

        Raises:
            Damaged: If the file is no checkpoint; a ValueError.
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
        """Return whether the tensors have the shapes and dtypes that an optimiser needs to continue.

        Args:
            optimiser: The optimiser.
            iterations: The number of iterations of the whole training.

        Returns:
            True if the optimiser can continue.
        """
        own = {"weights": optimiser.weights()} | optimiser.state_dict()
        found = {"weights": self.weights} | self.state
        if self.rows.dtype != torch.float64 or self.rows.shape[1:] != (len(COLUMNS),) or len(self.rows) > iterations:
            return False
        return all(
            name in found and (found[name].dtype, found[name].shape) == (x.dtype, x.shape) for name, x in own.items()
        )
