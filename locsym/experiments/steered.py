r"""Experiments on one orbit whose learned orbit is steered to be elliptic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..diagnostics import TraceRange, trace_range
from ..networks import Network
from ..training import Run, mean_squared_error
from ..training.steering import steer
from .experiment import Experiment


@dataclass(frozen=True)
class Steered:
    """A training whose learned orbit is elliptic. before, after: the trace of its return map, before and after."""

    run: Run
    before: TraceRange
    after: TraceRange

    @property
    def steered(self) -> bool:
        """Whether steering was necessary."""
        return self.before.kind != "elliptic"


def run_steered(
    experiment: Experiment,
    root: Path | str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    goal: float = 1.5,
) -> Steered:
    r"""Train on one orbit, and steer tr S to ``goal`` unless the learned orbit is elliptic without it.

    Elliptic means that :math:`|\operatorname{tr} S| < 2` for every start of the sampled lap; see
    :func:`~locsym.diagnostics.trace_range`. This uses no states beyond the training and validation data; see
    :mod:`locsym.training.steering`.
    """
    run = experiment.run(root, progress)
    pairs, validation = experiment.make_pairs()
    states, tau = torch.cat([pairs.y, validation.y, validation.target[-1:]]), experiment.data.tau
    before = trace_range(run.network, states, tau)
    if before.kind == "elliptic":
        return Steered(run, before, before)
    assert isinstance(run.network, Network)
    network = steer(run.network, pairs, states, goal)
    loss, error = mean_squared_error(network, pairs), mean_squared_error(network, validation)
    run = replace(run, network=network, loss=loss, validation=error, note=f"{run.note}; steered")
    return Steered(run, before, trace_range(network, states, tau))
