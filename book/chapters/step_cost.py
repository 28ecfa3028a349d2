"""The cost of a step of Levenberg–Marquardt, part by part, and how it grows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from locsym.networks import LocSympNet
from locsym.networks.linearisation import Linearisation

PARTS = ("sweeps", "J Jᵀ", "Cholesky")


def step_cost(N: int, n: int, K: int, width: int, repeats: int = 5) -> dict[str, float]:
    """Return the seconds of each of ``PARTS`` for a LocSympNet and N random pairs: the least of ``repeats``.

    The cost does not depend on the values of the pairs. One thread is measured, see :func:`least_seconds`.
    """
    generator = torch.Generator().manual_seed(0)
    network = LocSympNet(n, K, width, std=0.5, generator=generator)
    y, target = torch.randn(2, N, n, generator=generator, dtype=torch.float64)
    problem = Linearisation(network, y, y.new_full((N,), 0.1), target)
    theta = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
    tangent = problem.at(theta)
    damped = tangent.gram()
    damped.diagonal().add_(1.0)
    r = tangent.residual.flatten().unsqueeze(1)

    def solve() -> torch.Tensor:
        return torch.cholesky_solve(r, torch.linalg.cholesky_ex(damped)[0])

    work = (lambda: problem.at(theta).vjp(r), tangent.gram, solve)
    return {part: least_seconds(do, repeats) for part, do in zip(PARTS, work, strict=True)}


def least_seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the processor's seconds that the work takes in this thread, the least of ``repeats``.

    Time in which other programs have the processor does not count, so that a busy machine gives about the same times.
    """
    found = []
    for _ in range(repeats):
        start = time.thread_time()
        work()
        found.append(time.thread_time() - start)
    return min(found)


def exponent(x: Sequence[float], seconds: Sequence[float], last: int = 3) -> float:
    """Return p of seconds ∝ x^p, fitted to the ``last`` values, where the leading term dominates."""
    return float(np.polyfit(np.log(x[-last:]), np.log(seconds[-last:]), 1)[0])
