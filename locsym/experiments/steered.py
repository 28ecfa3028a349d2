r"""Experiments on one orbit whose learned orbit is steered to be elliptic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..diagnostics import return_map
from ..networks import Network
from ..training import Run, mean_squared_error
from ..training.steering import steer
from .experiment import Experiment


@dataclass(frozen=True)
class Steered:
    """A training whose learned orbit is elliptic. before, after: tr S of its lap before and after steering."""

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
    r"""Train on one orbit. If its learned lap is not elliptic, \|tr S\| >= bound, steer tr S to ``goal``.

    This uses no states beyond the training and validation data; see :mod:`locsym.training.steering`. The bound is a
    little below 2, since a sampled lap does not end exactly at its start.
    """
    run = experiment.run(root, progress)
    pairs, validation = experiment.make_pairs()
    states = torch.cat([pairs.y, validation.y, validation.target[-1:]])
    before = lap_trace(run, states, experiment.data.tau)
    if abs(before) < bound:
        return Steered(run, before, before)
    assert isinstance(run.network, Network)
    network = steer(run.network, pairs, states, goal)
    loss, error = mean_squared_error(network, pairs), mean_squared_error(network, validation)
    run = replace(run, network=network, loss=loss, validation=error, note=f"{run.note}; steered")
    return Steered(run, before, lap_trace(run, states, experiment.data.tau))


def lap_trace(run: Run, states: Tensor, tau: float) -> float:
    """Return tr S of the learned lap through the states of one orbit; see :func:`~locsym.diagnostics.return_map`."""
    with torch.no_grad():
        return float(return_map(run.network, states, tau).trace())
