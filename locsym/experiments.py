r"""The paper's experiments, each one frozen value: system, data, network, training.

Change one with :func:`dataclasses.replace`: ``replace(ONE_ORBIT, seed=3, training=Training("lm", 300))``.
What an experiment says decides every number it gives, so its :attr:`~Experiment.key` names the folder its training is
kept in.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .data import Pairs
from .monodromy import return_map
from .networks import DTYPES, LocSympNet
from .sources import digest
from .systems import Advection, RigidBody, System
from .training import Run, fit, mean_squared_error
from .training.steering import steer

ORBIT_START = (math.cos(1.1), 0.0, math.sin(1.1))  #: the start of the single trajectory, Sec. 4.2.1


@dataclass(frozen=True)
class Data:
    """What is observed: N training pairs and M for validation, one step ``tau`` apart.

    sampling: ``"orbit"`` (consecutive states of one orbit, validation after training), ``"normal"`` (states from
    N(0, 1)), ``"angles"`` or ``"area"`` (states on the unit sphere, uniform in its angles or by its area).
    seed: of the random states. told: the fraction of ``tau`` that the network is given as its step h; the paper allows
    h = τ and h = τ/L.
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

    order: of its modules, ``"ascending"`` or ``"printed"``. dtype: of weights and training, ``"float64"`` or
    ``"float32"``.
    """

    K: int
    width: int
    activation: str = "sigmoid"
    symmetric: bool = False
    std: float = 0.1
    bias_std: float = 0.0
    order: str = "ascending"
    dtype: str = "float64"

    def __post_init__(self):
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype: one of {', '.join(map(repr, DTYPES))} is needed, got {self.dtype!r}")


@dataclass(frozen=True)
class Training:
    """What is handed to :func:`~locsym.training.fit`: the method, how long, and the method's own options.

    rate: of Adam: one number, or (first, last) of an exponential decay. ridge: of Levenberg–Marquardt.
    """

    method: str
    iterations: int
    target: float | None = None
    seconds: float | None = None
    rate: float | tuple[float, float] | None = None
    ridge: float | None = None

    def options(self) -> dict:
        """The keyword arguments for ``fit``: what is set."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Experiment:
    """One experiment: a system by its name in ``SYSTEMS``, its data, a network, a training, and the network's seed."""

    system: str
    data: Data
    network: Architecture
    training: Training
    seed: int = 0

    def __post_init__(self):
        if self.system not in SYSTEMS:
            raise ValueError(f"system: one of {sorted(SYSTEMS)} is needed, got {self.system!r}")

    @property
    def key(self) -> str:
        """A name for exactly this experiment: the first 16 digits of its SHA-256."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def make_system(self) -> System:
        """The system that is observed."""
        return SYSTEMS[self.system]()

    def make_pairs(self) -> tuple[Pairs, Pairs]:
        """The training and the validation pairs."""
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
        """The network with its starting weights."""
        generator = torch.Generator().manual_seed(self.seed)
        options = asdict(self.network)
        K, width, activation = options.pop("K"), options.pop("width"), options.pop("activation")
        options["dtype"] = DTYPES[options["dtype"]]
        return LocSympNet(self.make_system().n, K, width, activation, generator=generator, **options)

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> Experiment:
        """Return the experiment that ``dataclasses.asdict``, and JSON after it, has turned into ``held``."""
        rate = held["training"].get("rate")
        training = held["training"] | {"rate": tuple(rate) if isinstance(rate, list) else rate}
        parts = {"data": Data(**held["data"]), "network": Architecture(**held["network"])}
        return cls(**dict(held) | parts | {"training": Training(**training)})

    def run(
        self,
        root: Path | str | None = None,
        progress: Callable[[int, int, str], None] | None = None,
        pause: int | None = None,
    ) -> Run:
        """Train it, or load the finished training; under ``root`` it is kept, and resumed if it was interrupted.

        pause: stop after so many iterations; another call goes on from there.

        The folder's name is :attr:`key` and digests of the code that trains and of the data: other code or other
        bits, another training.
        """
        pairs, validation = self.make_pairs()
        name = f"{self.key}-{digest()[:8]}-{pairs.fingerprint()[:8]}"
        folder = None if root is None else Path(root) / name
        return fit(
            self.make_network(),
            pairs,
            validation=validation,
            folder=folder,
            progress=progress,
            pause=pause,
            **self.training.options(),
        )


@dataclass(frozen=True)
class Steered:
    """A training whose learned orbit was made to stay. before, after: tr S of its lap, first and last."""

    run: Run
    before: float
    after: float

    @property
    def steered(self) -> bool:
        """Whether anything had to be done."""
        return self.before != self.after


def run_steered(
    experiment: Experiment,
    root: Path | str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    bound: float = 1.995,
    goal: float = 1.5,
) -> Steered:
    r"""Train on one orbit; where its learned lap is not elliptic, \|tr S\| >= bound, steer tr S to ``goal``.

    Looks at no state beyond the training and validation data. See :mod:`locsym.training.steering`. The bound is a
    little below 2, since a sampled lap ends a little beside its start.
    """
    run = experiment.run(root, progress)
    pairs, validation = experiment.make_pairs()
    states = torch.cat([pairs.y, validation.y, validation.target[-1:]])
    before = lap_trace(run, states, experiment.data.tau)
    if abs(before) < bound:
        return Steered(run, before, before)
    network = steer(run.network, pairs, states, goal)
    losses = {"loss": mean_squared_error(network, pairs), "validation": mean_squared_error(network, validation)}
    run = replace(run, network=network, note=f"{run.note}; steered", **losses)
    return Steered(run, before, lap_trace(run, states, experiment.data.tau))


def lap_trace(run: Run, states: Tensor, tau: float) -> float:
    """tr S of the learned lap through the states of one orbit; see :func:`~locsym.monodromy.return_map`."""
    with torch.no_grad():
        return float(return_map(run.network, states, tau).trace())


SYSTEMS: dict[str, Callable[[], System]] = {"advection": Advection, "rigid body": RigidBody}

#: Sec. 4.1, Fig. 1: the semi-discretised advection equation (34), n = 35.
ADVECTION = Experiment(
    "advection",
    Data("normal", tau=0.01, N=60, M=20),
    Architecture(K=2, width=35, activation="linear"),
    Training("adam", 20_000, rate=1e-3),
)

#: Sec. 4.2.1, Figs. 2–4: one orbit of the rigid body (35).
ONE_ORBIT = Experiment(
    "rigid body",
    Data("orbit", tau=0.1, N=120, M=40),
    Architecture(K=2, width=16),
    Training("adam", 200_000, rate=1e-3),
)

#: Fig. 3(a): the same with K = 1, which fails.
ONE_ORBIT_K1 = replace(ONE_ORBIT, network=Architecture(K=1, width=16))

#: Sec. 4.2.2, Figs. 5–6: the whole flow of the rigid body on the unit sphere.
WHOLE_FLOW = Experiment(
    "rigid body",
    Data("angles", tau=0.1, N=300, M=100),
    Architecture(K=3, width=60),
    Training("adam", 1_000_000, rate=(1e-2, 1e-6)),
)

#: As we train: Levenberg–Marquardt from weights and biases of order one half; the training chapter says why.
LM_START = {"std": 0.5, "bias_std": 0.5}
ADVECTION_LM = replace(ADVECTION, training=Training("lm", 100))
ONE_ORBIT_LM = replace(ONE_ORBIT, network=replace(ONE_ORBIT.network, **LM_START), training=Training("lm", 300))
ONE_ORBIT_K1_LM = replace(ONE_ORBIT_LM, network=replace(ONE_ORBIT_K1.network, **LM_START))
WHOLE_FLOW_LM = replace(WHOLE_FLOW, network=replace(WHOLE_FLOW.network, **LM_START), training=Training("lm", 600))
