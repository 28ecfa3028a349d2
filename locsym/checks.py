r"""What a flow map keeps, measured: volume, the symplectic form, its inverse, its symmetry, invariants, its order.

Every check takes any flow map and a batch of states ``(*, n)`` and gives one number a state, ``(*)``. Where that
number, or the Jacobian behind it, overflows, ValueError says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .exact import finite_states
from .flow import FlowMap, check_finite, check_step, inverse, rollout

METHODS = ("auto", "autograd", "difference")
MOST = 1e8  # steps to one point of a regression


def jacobian(flow: FlowMap, y: Tensor, h: Tensor | float, method: str = "auto") -> Tensor:
    r"""Return the Jacobian :math:`\partial\Phi_h(y) / \partial y`: ``(*, n, n)``.

    y: ``(*, n)``; h: number or ``(*)``. method: ``"autograd"``, exact to rounding, one backward sweep over n copies of
    the batch, for maps made of torch functions; ``"difference"``, five-point differences with an error near
    1e-12 in float64, for any smooth map; ``"auto"``, the flow map's own ``jacobian(y, h)`` where it has one,
    autograd where the map can be differentiated, differences otherwise.
    Raises TypeError or ValueError, naming the argument, for states that are not finite and for any other h or method.
    """
    finite_states(y, "y")
    h = check_step(h, y)
    if method not in METHODS:
        raise ValueError(f"method: one of {METHODS} is needed, got {method!r}")
    return _finite("the Jacobian", _jacobian(flow, y, h, method))


def _jacobian(flow: FlowMap, y: Tensor, h: Tensor | float, method: str) -> Tensor:
    if method == "auto" and (own := getattr(flow, "jacobian", None)) is not None:
        return own(y, h)
    if method == "difference":
        return _by_differences(flow, y, h)
    try:
        return _by_autograd(flow, y, h)
    except (RuntimeError, ValueError):  # no gradient passes; a bad argument is reported again below
        if method == "autograd":
            raise
        return _by_differences(flow, y, h)


def _finite(what: str, found: Tensor) -> Tensor:
    check_finite(f"flow: {what}", found)
    return found


def _by_autograd(flow: FlowMap, y: Tensor, h: Tensor | float) -> Tensor:
    n = y.shape[-1]
    h = h.expand(n, *h.shape) if isinstance(h, Tensor) and h.ndim else h
    row = torch.eye(n).to(y).view(n, *[1] * (y.ndim - 1), n)
    with torch.enable_grad():
        copies = y.detach().expand(n, *y.shape).clone().requires_grad_()  # one batch a row of J
        (J,) = torch.autograd.grad(_step(flow, copies, h), copies, row.expand_as(copies))
    return J.movedim(0, -2)


def _by_differences(flow: FlowMap, y: Tensor, h: Tensor | float) -> Tensor:
    n, y = y.shape[-1], y.detach()
    d = torch.finfo(y.dtype).eps ** 0.2 * y.abs().amax(-1, keepdim=True).clamp(min=1.0)  # rounding meets truncation
    batch = (4, n, *y.shape[:-1])
    distance = torch.tensor([1.0, -1.0, 2.0, -2.0]).to(y).view(4, *[1] * (y.ndim + 1))
    direction = torch.eye(n).to(y).view(n, *[1] * (y.ndim - 1), n)
    h = h.expand(batch) if isinstance(h, Tensor) and h.ndim else h
    with torch.no_grad():
        forth, back, far, farther_back = _step(flow, y + distance * d * direction, h)
    return ((8 * (forth - back) - (far - farther_back)) / (12 * d)).movedim(0, -1)


def _step(flow: FlowMap, y: Tensor, h: Tensor | float) -> Tensor:
    moved = flow(y, h)
    if moved.shape != y.shape:
        raise ValueError(f"flow: it takes states {tuple(y.shape)} to {tuple(moved.shape)}; the shape must stay")
    return moved


def zero_pattern(J: Tensor, tolerance: float = 0.0) -> Tensor:
    """Where a Jacobian is zero for every state: ``(*, n, n)`` to booleans ``(n, n)``."""
    return (J.abs() <= tolerance).reshape(-1, *J.shape[-2:]).all(0)


def determinant_defect(flow: FlowMap, y: Tensor, h: Tensor | float, method: str = "auto") -> Tensor:
    r"""Return :math:`|\det J - 1|`, ``(*)``: zero where the flow map keeps volume, eq. (11)."""
    return _finite("det J", torch.linalg.det(jacobian(flow, y, h, method)) - 1).abs()


def symplecticity_defect(
    flow: FlowMap, y: Tensor, h: Tensor | float, pair: int | None = None, method: str = "auto"
) -> Tensor:
    r"""Return :math:`\max |A^\top \Omega A - \Omega| / \max(1, \max|A|^2)`, ``(*)``: zero where eq. (10) holds.

    pair: k, from 0, for A the 2 × 2 block of the Jacobian on (y_k, y_k+1); None for the whole Jacobian, n = 2d,
    with the coordinates ordered (q_1, …, q_d, p_1, …, p_d).
    """
    A, n = jacobian(flow, y, h, method), y.shape[-1]
    if pair is not None:
        if isinstance(pair, bool) or not isinstance(pair, int) or not 0 <= pair <= n - 2:
            raise ValueError(f"pair: a whole number 0 … {n - 2} is needed, got {pair!r}")
        A, n = A[..., pair : pair + 2, pair : pair + 2], 2
    if n % 2:
        raise ValueError(f"y: an even number of coordinates is needed without a pair, got n = {n}")
    identity = torch.eye(n // 2).to(A)
    omega = torch.block_diag(identity, -identity).roll(n // 2, dims=1)
    defect = (A.mT @ omega @ A - omega).abs().amax((-2, -1))
    return _finite("its defect", defect / (A.abs().amax((-2, -1)) ** 2).clamp(min=1.0))


def inverse_defect(flow: FlowMap, y: Tensor, h: Tensor | float) -> Tensor:
    r"""Return :math:`\max |\Phi_h^{-1}(\Phi_h(y)) - y|`, ``(*)``; TypeError where the flow map has no inverse."""
    return _distance(inverse(flow), flow, y, h, h)


def reversibility_defect(flow: FlowMap, y: Tensor, h: Tensor | float) -> Tensor:
    r"""Return :math:`\max |\Phi_{-h}(\Phi_h(y)) - y|`, ``(*)``: zero where the map is symmetric, as exact flows are."""
    return _distance(flow, flow, y, h, -h)


def _distance(second: FlowMap, first: FlowMap, y: Tensor, h: Tensor | float, back: Tensor | float) -> Tensor:
    finite_states(y, "y")
    with torch.no_grad():
        return _finite("the way there and back", (second(_step(first, y, h), back) - y).abs().amax(-1))


def drift(invariant: Callable[[Tensor], Tensor], orbit: Tensor) -> Tensor:
    r"""Return the relative error :math:`|I(y_t) - I(y_0)| / |I(y_0)|` along an orbit ``(T, *, n)``: ``(T, *)``.

    invariant: I, ``(*, n)`` to ``(*)``, a value of ``system.invariants``. Raises ValueError where I(y_0) = 0, or I
    overflows.
    """
    check_finite("invariant: the relative error", error := _relative_error(invariant, orbit))
    return error


def worst_drift(invariant: Callable[[Tensor], Tensor], orbit: Tensor) -> Tensor:
    """Return the largest :func:`drift` along an orbit ``(T, *, n)``: ``(*)``; infinite where it is not finite."""
    return _relative_error(invariant, orbit).nan_to_num(torch.inf, torch.inf).amax(0)


def _relative_error(invariant: Callable[[Tensor], Tensor], orbit: Tensor) -> Tensor:
    if not isinstance(orbit, Tensor) or orbit.ndim < 2 or not len(orbit):
        raise ValueError("orbit: a tensor of shape (T, *, n) with T >= 1 is needed")
    values = invariant(orbit)
    check_finite("invariant: its values at the start", values[0])
    if bool((values[0] == 0).any()):
        raise ValueError("invariant: it is 0 at the start of an orbit, a relative error needs another value")
    return ((values - values[0]) / values[0]).abs()


def growth(t: Tensor, error: Tensor, start: float) -> float:
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


@dataclass(frozen=True)
class Order:
    """The order of a method as observed. order: from the slope of log error over log h. h, errors: ``(S,)``."""

    order: float
    h: Tensor
    errors: Tensor


def observed_order(
    flow: FlowMap, exact: FlowMap, y: Tensor, h: Sequence[float], time: float | None = None
) -> Order:
    """Fit the order p of a method by regression, error ~ h^p at a fixed time, h^(p+1) after one step.

    flow: the method; exact: what it approximates; y: starts ``(*, n)``; h: two or more different steps > 0.
    time: a multiple of every h, > 0; None compares single steps. The error is the largest Euclidean one over the batch.
    Raises ValueError where an error is zero or not finite: there is no slope in it.
    """
    finite_states(y, "y")
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
