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
    """The observed order of a method, made by :func:`observed_order`.

    Args:
        order: The order, from the slope of log error over log h.
        h: The steps, ``(S,)``.
        errors: The largest error for each step, ``(S,)``.

    Example:
        >>> import torch
        >>> from locsym.diagnostics import Order
        >>> h = torch.tensor([0.1, 0.2])
        >>> Order(2.0, h, errors=h**2).order
        2.0
    """

    order: float
    h: Tensor
    errors: Tensor


def observed_order(flow: FlowMap, exact: FlowMap, y: Tensor, h: Sequence[float], time: float | None = None) -> Order:
    """Fit the order p of a method by regression: the error is ~ h^p at a fixed time, and ~ h^(p+1) after one step.

    Args:
        flow: The method, a flow map.
        exact: The flow map that it approximates.
        y: The starts, ``(*, n)``. The error is the largest Euclidean error over them.
        h: Two or more different steps > 0.
        time: The time at which errors are compared, > 0 and a multiple of every h; None compares single steps.

    Returns:
        The order, with the steps and errors behind it.

    Raises:
        TypeError, ValueError: If an argument is not allowed, or if an error is zero or not finite, since it then has no
            logarithm.

    Example:
        >>> import torch
        >>> from locsym import Pendulum
        >>> from locsym.diagnostics import observed_order
        >>> from locsym.splitting import split, strang
        >>> system = Pendulum()
        >>> y = torch.tensor([1.0, 0.0], dtype=torch.float64)
        >>> method = strang(split(system))
        >>> found = observed_order(method, system.flow, y, h=[0.1, 0.05], time=1.0)
        >>> round(found.order)
        2
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
    """Return the power p of an error that grows as t^p, by regression through its running maximum.

    Args:
        t: The times, ``(T,)``, increasing.
        error: The errors at these times, ``(T,)``.
        start: The time from which on the errors count, > 0.

    Returns:
        The power p.

    Raises:
        ValueError: If fewer than two times remain, or if the running maximum is 0 or not finite there.

    Example:
        >>> import torch
        >>> from locsym.diagnostics import growth_power
        >>> t = torch.arange(1.0, 10.0)
        >>> round(growth_power(t, 3 * t**2, start=1.0), 6)
        2.0
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
