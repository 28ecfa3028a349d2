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
    """A training whose learned orbit is elliptic, made by :func:`run_steered`.

    Args:
        run: The training, with the network after steering.
        before: The trace of the return map before steering.
        after: The trace after steering; the same as before if steering was not necessary.

    Example:
        >>> from locsym.diagnostics import TraceRange
        >>> from locsym.experiments import Steered
        >>> before, after = TraceRange(2.1, 2.2), TraceRange(1.4, 1.5)
        >>> Steered(run=None, before=before, after=after).steered
        True
    """

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

    Args:
        experiment: An experiment whose data are sampled from one orbit.
        root: The folder below which the training is stored; None to store nothing.
        progress: A function of (iterations done, their number, text), which is told of progress.
        goal: The trace to steer to, between −2 and 2.

    Returns:
        The training, with the traces before and after steering.

    Raises:
        ValueError: If the orbit makes no whole lap, or if the goal is not allowed.
        RuntimeError: If the goal is not reached.

    Example:
        >>> from dataclasses import replace
        >>> from locsym.experiments import ONE_ORBIT_LM, Training, run_steered
        >>> short = replace(ONE_ORBIT_LM, training=Training("lm", 20))
        >>> run_steered(short).after.kind
        'elliptic'
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
