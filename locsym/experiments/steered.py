r"""Experiments on one orbit whose learned orbit is steered to be elliptic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..diagnostics import return_map
from ..training import Run, mean_squared_error
from ..training.steering import steer
from .experiment import Experiment


@dataclass(frozen=True)
class Steered:
    """A training whose learned orbit is elliptic, made by :func:`run_steered`.

    Args:
        run: The training, with the network after steering.
        before: tr S of the learned lap before steering.
        after: tr S of the learned lap after steering; equal to ``before`` if steering was not necessary.

    Example:
        >>> from locsym.experiments import Steered
        >>> Steered(run=None, before=2.1, after=1.5).steered
        True
    """

    run: Run
    before: float
    after: float

    @property
    def steered(self) -> bool:
        """Whether steering was necessary."""
        return self.before != self.after


def run_steered(
    experiment: Experiment,
    root: Path | str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    bound: float = 1.995,
    goal: float = 1.5,
) -> Steered:
    r"""Train on one orbit, and steer tr S to a goal if the learned lap is not elliptic, \|tr S\| >= bound.

    This uses no states beyond the training and validation data; see :mod:`locsym.training.steering`.

    Args:
        experiment: An experiment whose data are sampled from one orbit.
        root: The folder below which the training is stored; None to store nothing.
        progress: A function that is told of progress, see :func:`~locsym.training.fit`.
        bound: The trace from which on a lap is steered. It is a little below 2, since a sampled lap does not end
            exactly at its start.
        goal: The trace to steer to, between −2 and 2.

    Returns:
        The training, with the traces before and after steering.

    Raises:
        ValueError: If the orbit makes no whole lap, or if the goal is not allowed.
        RuntimeError: If the goal is not reached.

    Example:
        >>> from dataclasses import replace
        >>> from locsym.experiments import ONE_ORBIT_LM, Training, run_steered
        >>> short = replace(ONE_ORBIT_LM, training=Training("lm", 2))
        >>> found = run_steered(short, bound=float("inf"))  # no trace reaches it
        >>> found.run.iterations, found.steered
        (2, False)
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
    """Return tr S of the learned lap through the states of one orbit; see :func:`~locsym.diagnostics.return_map`.

    Args:
        run: A training.
        states: Consecutive states of the orbit, more than one lap, ``(T, n)``.
        tau: The time step between the states.

    Returns:
        The trace.

    Raises:
        TypeError, ValueError: If the states are not allowed, or make no whole lap.

    Example:
        >>> import torch
        >>> from dataclasses import replace
        >>> from locsym.experiments import ONE_ORBIT_LM, Training, lap_trace
        >>> run = replace(ONE_ORBIT_LM, training=Training("lm", 1)).run()
        >>> pairs, validation = ONE_ORBIT_LM.make_pairs()
        >>> states = torch.cat([pairs.y, validation.y])
        >>> isinstance(lap_trace(run, states, tau=0.1), float)
        True
    """
    with torch.no_grad():
        return float(return_map(run.network, states, tau).trace())
