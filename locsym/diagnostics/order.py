r"""Orders and powers, observed: of an error over the step or over time, by regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..flow import FlowMap, rollout
from ..guards import finite_states

MOST = 1e8  # steps to one point of a regression


@dataclass(frozen=True)
class Order:
    """The observed order of a method. order: from the slope of log error over log h. h, errors: ``(S,)``."""

    order: float
    h: Tensor
    errors: Tensor


def observed_order(flow: FlowMap, exact: FlowMap, y: Tensor, h: Sequence[float], time: float | None = None) -> Order:
    """Fit the order p of a method by regression, error ~ h^p at a fixed time, h^(p+1) after one step.

    flow: the method. exact: the flow map that it approximates. y: the starts, ``(*, n)``. h: two or more different
    steps > 0. time: a multiple of every h, > 0; None compares single steps. The error is the largest Euclidean error
    over the batch. Raises ValueError if an error is zero or not finite, since it then has no logarithm.
    """
    finite_states("y", y)
    if not y.numel():
        raise ValueError(f"y: one state at least is needed, got shape {tuple(y.shape)}")
    steps = torch.as_tensor(h, dtype=torch.float64)
    if steps.ndim != 1 or len(steps.unique()) < 2 or not bool((torch.isfinite(steps) & (steps > 0)).all()):
        raise ValueError(f"h: two or more different steps > 0 are needed, got {h}")
    counts = torch.ones_like(steps) if time is None else (time / steps).round()
    reached = counts * steps
    if time is not None and not (time > 0 and torch.allclose(reached, torch.full_like(steps, time), rtol=1e-9, atol=0)):
        raise ValueError(f"time: a multiple of every h, > 0, is needed, got {time}")
    if float(counts.max()) > MOST:
        raise ValueError(f"time: {MOST:.0e} steps of a rollout at most are taken, {time} asks for {counts.max():.1e}")
    with torch.no_grad():
        found = [
            (rollout(flow, y, step, int(count))[-1] - exact(y, step * count)).norm(dim=-1).max()
            for step, count in zip(steps.tolist(), counts.tolist(), strict=True)
        ]
    errors = torch.stack(found).to("cpu", torch.float64)
    if not bool((torch.isfinite(errors) & (errors > 0)).all()):
        raise ValueError(f"flow: errors must be finite and not 0 for a slope, got {errors.tolist()}")
    x, z = steps.log() - steps.log().mean(), errors.log()
    slope = float((x * z).sum() / (x * x).sum())
    return Order(slope - 1 if time is None else slope, steps, errors)


def growth_power(t: Tensor, error: Tensor, start: float) -> float:
    """Return the power p of an error that grows as t^p, by regression through its running maximum from ``start`` on.

    t, error: ``(T,)``; times increase. Raises ValueError where fewer than two times remain, or the maximum is 0 or not
    finite there.
    """
    t, error = (torch.as_tensor(x, dtype=torch.float64) for x in (t, error))
    late, largest = t >= start, error.cummax(0).values
    x, z = t[late].log(), largest[late].log()
    if len(x) < 2 or not start > 0:
        raise ValueError(f"start: at least two of the times from a start > 0 on are needed, got start = {start}")
    if not bool(torch.isfinite(z).all()):
        raise ValueError(f"error: it must be finite and not 0 from t = {start} on; there is no power in it")
    x = x - x.mean()
    return float((x * z).sum() / (x * x).sum())
