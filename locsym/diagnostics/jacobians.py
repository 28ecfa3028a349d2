r"""Derivatives of a flow map: its Jacobian (the map's own, by autograd, or by differences), and its generator."""

from __future__ import annotations

import torch
from torch import Tensor

from ..flow import FlowMap, finite_orbit, rollout
from ..guards import check_finite, check_step, finite_states, integer, one_of

METHODS = ("auto", "autograd", "difference")
BLOCK = 1024  # states differentiated at a time


def jacobian(flow: FlowMap, y: Tensor, h: Tensor | float, method: str = "auto") -> Tensor:
    r"""Return the Jacobian :math:`\partial\Phi_h(y) / \partial y` of a flow map.

    Args:
        flow: The flow map.
        y: The states, ``(*, n)``, floating-point and finite.
        h: The time step, a number or ``(*)``.
        method: ``"autograd"`` is exact to rounding and takes one backward sweep over n copies of the batch, for maps
            made of torch functions. ``"difference"`` takes five-point differences, with an error near 1e-12 in float64,
            for any smooth map. ``"auto"`` takes the flow map's own ``jacobian(y, h)`` if it has one, autograd if the
            map can be differentiated, and differences otherwise.

    Returns:
        The Jacobians, ``(*, n, n)``.

    Raises:
        TypeError, ValueError: If an argument is not allowed, or if the Jacobian overflows.

    Example:
        >>> import torch
        >>> from locsym.diagnostics import jacobian
        >>> jacobian(lambda y, h: y + h * y**2, torch.tensor([1.0, 2.0]), 0.5)
        tensor([[2., 0.],
                [0., 3.]])
    """
    finite_states("y", y)
    h = check_step(h, y)
    one_of("method", method, METHODS)
    return finite_result("the Jacobian", _jacobian(flow, y, h, method))


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


def finite_result(what: str, found: Tensor) -> Tensor:
    """Return a result if it is finite.

    Args:
        what: What the error calls the result.
        found: The result, of any shape.

    Returns:
        ``found`` itself.

    Raises:
        ValueError: If it holds NaN or infinity.
    """
    check_finite(f"flow: {what}", found)
    return found


def _by_autograd(flow: FlowMap, y: Tensor, h: Tensor | float) -> Tensor:
    n = y.shape[-1]
    h = h.expand(n, *h.shape) if isinstance(h, Tensor) and h.ndim else h
    row = torch.eye(n).to(y).view(n, *[1] * (y.ndim - 1), n)
    with torch.enable_grad():
        copies = y.detach().expand(n, *y.shape).clone().requires_grad_()  # one batch a row of J
        (J,) = torch.autograd.grad(step_of_same_shape(flow, copies, h), copies, row.expand_as(copies))
    return J.movedim(0, -2)


def _by_differences(flow: FlowMap, y: Tensor, h: Tensor | float) -> Tensor:
    n, y = y.shape[-1], y.detach()
    d = torch.finfo(y.dtype).eps ** 0.2 * y.abs().amax(-1, keepdim=True).clamp(min=1.0)  # rounding meets truncation
    batch = (4, n, *y.shape[:-1])
    distance = torch.tensor([1.0, -1.0, 2.0, -2.0]).to(y).view(4, *[1] * (y.ndim + 1))
    direction = torch.eye(n).to(y).view(n, *[1] * (y.ndim - 1), n)
    h = h.expand(batch) if isinstance(h, Tensor) and h.ndim else h
    with torch.no_grad():
        forth, back, far, farther_back = step_of_same_shape(flow, y + distance * d * direction, h)
    return ((8 * (forth - back) - (far - farther_back)) / (12 * d)).movedim(0, -1)


def step_of_same_shape(flow: FlowMap, y: Tensor, h: Tensor | float) -> Tensor:
    """Return the states after one step, after checking that their shape has stayed.

    Args:
        flow: The flow map.
        y: The states, ``(*, n)``.
        h: The time step, a number or ``(*)``.

    Returns:
        The states after the step, ``(*, n)``.

    Raises:
        ValueError: If the flow map changes the shape.
    """
    moved = flow(y, h)
    if moved.shape != y.shape:
        raise ValueError(f"flow: it takes states {tuple(y.shape)} to {tuple(moved.shape)}; the shape must stay")
    return moved


def jacobians_along(flow: FlowMap, y0: Tensor, h: Tensor | float, steps: int, method: str = "auto") -> Tensor:
    """Return the Jacobians at the states along an orbit, except the last.

    Args:
        flow: The flow map.
        y0: The start of the orbit, ``(*, n)``.
        h: The time step, a number or ``(*)``.
        steps: The number of steps, at least 1.
        method: How a Jacobian is computed, see :func:`jacobian`.

    Returns:
        The Jacobians, ``(steps, *, n, n)``.

    Raises:
        TypeError, ValueError: If an argument is not allowed, or if the orbit or a Jacobian overflows.

    Example:
        >>> import torch
        >>> from locsym.diagnostics import jacobians_along
        >>> y0 = torch.tensor([1.0])
        >>> jacobians_along(lambda y, h: y + h * y**2, y0, 0.5, steps=2).flatten()
        tensor([2.0000, 2.5000])
    """
    orbit = finite_orbit(rollout(flow, y0, h, integer("steps", steps, 1)))
    blocks = orbit[:-1].split(max(1, BLOCK // max(1, y0[..., 0].numel())))
    return torch.cat([jacobian(flow, y, _one_each(h, y), method) for y in blocks])


def generator_field(flow: FlowMap, y: Tensor) -> Tensor:
    r"""Return the generator of a family of maps, :math:`g(y) = \partial\Phi_h(y) / \partial h` at h = 0.

    The generator of an exact flow is the field; that of a chain of shears is a field with
    :math:`\partial g_k / \partial y_k = 0` for every k.

    Args:
        flow: The flow map, made of torch functions, which must accept one step for each state.
        y: The states, ``(*, n)``, floating-point and finite.

    Returns:
        The generator at each state, ``(*, n)``.

    Raises:
        TypeError, ValueError: If the states are not allowed, or if the generator overflows.

    Example:
        >>> import torch
        >>> from locsym.diagnostics import generator_field
        >>> def growth(y, h):
        ...     return y * torch.exp(h).unsqueeze(-1)
        >>> generator_field(growth, torch.tensor([1.0, 2.0]))
        tensor([1., 2.])
    """
    finite_states("y", y)
    n = y.shape[-1]
    row = torch.eye(n).to(y).view(n, *[1] * (y.ndim - 1), n)
    with torch.enable_grad():
        copies = y.expand(n, *y.shape)  # one batch a component of g
        h = torch.zeros_like(copies[..., 0], requires_grad=True)
        moved = step_of_same_shape(flow, copies, h)
        (g,) = torch.autograd.grad((moved * row).sum(), h, create_graph=y.requires_grad)
    return finite_result("the generator", g.movedim(0, -1))


def zero_pattern(J: Tensor, tolerance: float = 0.0) -> Tensor:
    """Return where a Jacobian is zero for every state.

    Args:
        J: The Jacobians, ``(*, n, n)``.
        tolerance: The largest absolute value that counts as zero.

    Returns:
        Booleans, ``(n, n)``.

    Example:
        >>> import torch
        >>> from locsym.diagnostics import zero_pattern
        >>> J = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [0.0, 1.0]]])
        >>> zero_pattern(J)
        tensor([[False, False],
                [ True, False]])
    """
    return (J.abs() <= tolerance).reshape(-1, *J.shape[-2:]).all(0)


def _one_each(h: Tensor | float, y: Tensor) -> Tensor | float:
    return h.expand(y.shape[:-1]) if isinstance(h, Tensor) and h.ndim else h
