r"""An experiment: a frozen value of system, data, network and training that determines all of its numbers.

Its :attr:`~Experiment.key` is part of the name of the folder of its training.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ..data import Pairs
from ..networks import LocSympNet
from ..networks.network import DTYPES
from ..systems import Advection, RigidBody, System
from ..training import Run, fit
from .code_digest import digest

ORBIT_START = (math.cos(1.1), 0.0, math.sin(1.1))  #: the start of the single trajectory, Sec. 4.2.1
SYSTEMS: dict[str, Callable[[], System]] = {"advection": Advection, "rigid body": RigidBody}


@dataclass(frozen=True)
class Data:
    """The observations: N pairs for training and M for validation, one step ``tau`` apart.

    Args:
        sampling: ``"orbit"`` (consecutive states of one orbit, with those for validation after those for training),
            ``"normal"`` (states from N(0, 1)), ``"angles"`` or ``"area"`` (states on the unit sphere, uniform in its
            angles or by its area).
        tau: The time step between the two states of a pair.
        N, M: The numbers of pairs for training and for validation.
        seed: The seed of the random states.
        told: The fraction of ``tau`` that the network is given as its step h; the paper allows h = τ and h = τ/L.

    Example:
        >>> from locsym.experiments import Data
        >>> Data("orbit", tau=0.1, N=120, M=40).told
        1.0
    """

    sampling: str
    tau: float
    N: int
    M: int
    seed: int = 0
    told: float = 1.0


@dataclass(frozen=True)
class Architecture:
    """A LocSympNet (31) and how its weights start: W, w ~ N(0, std²), b ~ N(0, bias_std²).

    Args:
        K, width, activation, symmetric: See :class:`~locsym.networks.LocSympNet`.
        std, bias_std: The standard deviations of the starting weights and of the starting biases.
        order: The order of the modules, ``"ascending"`` or ``"printed"``.
        dtype: The dtype of weights and training, ``"float64"`` or ``"float32"``.

    Raises:
        ValueError: If the dtype is not allowed.

    Example:
        >>> from locsym.experiments import PAPER_START, Architecture
        >>> Architecture(K=2, width=16, **PAPER_START).std
        0.1
    """

    K: int
    width: int
    activation: str = "sigmoid"
    symmetric: bool = False
    std: float = 0.5
    bias_std: float = 0.5
    order: str = "ascending"
    dtype: str = "float64"

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype: one of {', '.join(map(repr, DTYPES))} is needed, got {self.dtype!r}")


@dataclass(frozen=True)
class Training:
    """The arguments of :func:`~locsym.training.fit`: the method, when to stop, and the method's own options.

    Args:
        method: The name of the method.
        iterations: The largest number of iterations.
        target: The training loss at which to stop; None for none.
        seconds: The time after which to stop; None for no limit.
        rate: The learning rate of Adam, one number, or (first, last) of an exponential decay; None for the default.
        ridge: The ridge of Levenberg–Marquardt; None for the default.

    Example:
        >>> from locsym.experiments import Training
        >>> Training("lm", 300).options()
        {'method': 'lm', 'iterations': 300}
    """

    method: str
    iterations: int
    target: float | None = None
    seconds: float | None = None
    rate: float | tuple[float, float] | None = None
    ridge: float | None = None

    def options(self) -> dict:
        """Return the keyword arguments for ``fit`` that are set.

        Returns:
            The arguments by name.
        """
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Experiment:
    """One experiment, as a value that determines all of its numbers.

    Args:
        system: The system, by its name in ``SYSTEMS``.
        data: The observations.
        network: The network.
        training: How it is trained.
        seed: The seed of the network's starting weights.

    Raises:
        ValueError: If the system is unknown.

    Example:
        >>> from dataclasses import replace
        >>> from locsym.experiments import ONE_ORBIT_LM, Training
        >>> short = replace(ONE_ORBIT_LM, training=Training("lm", 2))
        >>> short.run().iterations
        2
    """

    system: str
    data: Data
    network: Architecture
    training: Training
    seed: int = 0

    def __post_init__(self) -> None:
        if self.system not in SYSTEMS:
            raise ValueError(f"system: one of {sorted(SYSTEMS)} is needed, got {self.system!r}")

    @property
    def key(self) -> str:
        """The name of this experiment: the first 16 digits of its SHA-256."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def make_system(self) -> System:
        """Return the system that is observed.

        Returns:
            The system.
        """
        return SYSTEMS[self.system]()

    def make_pairs(self) -> tuple[Pairs, Pairs]:
        """Return the training and the validation pairs.

        Returns:
            N pairs and M pairs.
        """
        system, data = self.make_system(), self.data
        if data.sampling == "orbit":
            pairs = Pairs.from_orbit(system, torch.tensor(ORBIT_START, dtype=torch.float64), data.tau, data.N + data.M)
        else:
            generator = torch.Generator().manual_seed(data.seed)
            pairs = Pairs.from_random(system, data.N + data.M, data.tau, data.sampling, generator)
        if data.told != 1:
            pairs = Pairs(pairs.y, data.told * pairs.h, pairs.target)
        return pairs[: data.N], pairs[data.N :]

    def make_network(self) -> LocSympNet:
        """Return the network with its starting weights.

        Returns:
            The network.
        """
        generator = torch.Generator().manual_seed(self.seed)
        options = asdict(self.network)
        K, width, activation = options.pop("K"), options.pop("width"), options.pop("activation")
        options["dtype"] = DTYPES[options["dtype"]]
        return LocSympNet(self.make_system().n, K, width, activation, generator=generator, **options)

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> Experiment:
        """Return the experiment that ``dataclasses.asdict``, and JSON after it, has turned into a dictionary.

        Args:
            held: The dictionary.

        Returns:
            The experiment.

        Raises:
            KeyError, TypeError, ValueError: If the dictionary is no experiment.
        """
        rate = held["training"].get("rate")
        training = held["training"] | {"rate": tuple(rate) if isinstance(rate, list) else rate}
        parts = {"data": Data(**held["data"]), "network": Architecture(**held["network"])}
        return cls(**dict(held) | parts | {"training": Training(**training)})

    def folder(self, root: Path | str, pairs: Pairs | None = None) -> Path:
        """Return the folder of the training below ``root``.

        It is named by :attr:`key` and by digests of the training code and of the data, so that other code or other data
        are another training.

        Args:
            root: The folder of all trainings.
            pairs: The training pairs, if they have been made already.

        Returns:
            The folder, which need not exist.
        """
        pairs = self.make_pairs()[0] if pairs is None else pairs
        return Path(root) / f"{self.key}-{digest()[:8]}-{pairs.fingerprint()[:8]}"

    def run(
        self,
        root: Path | str | None = None,
        progress: Callable[[int, int, str], None] | None = None,
        pause: int | None = None,
    ) -> Run:
        """Train, or load the finished training.

        Below ``root`` a training is stored, and resumed after an interruption; see :meth:`folder`.

        Args:
            root: The folder of all trainings; None to store nothing.
            progress: A function of (iterations done, their number, text), which is told of progress.
            pause: The number of iterations after which to stop; another call continues from there. None for no pause.

        Returns:
            The training, with the trained network.

        Raises:
            OSError: If nothing can be written below ``root``.
            FloatingPointError: If the loss ends as NaN or infinity.
        """
        pairs, validation = self.make_pairs()
        return fit(
            self.make_network(),
            pairs,
            validation=validation,
            folder=None if root is None else self.folder(root, pairs),
            progress=progress or False,
            pause=pause,
            **self.training.options(),
        )
