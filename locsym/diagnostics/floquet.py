r"""Floquet multipliers: the linear stability of a learned closed orbit, from the training data alone.

The data determine a map *on* the orbit. The loss does not show what the map does beside the orbit; the product M of its
Jacobians along one lap does. M has the multiplier 1 along the orbit. Its eigenvalues are badly conditioned there, since
neighbouring orbits have other periods and M has a Jordan block. That direction is therefore divided out, which leaves
the return map S of the :math:`n - 1` transverse directions, with :math:`\det S = 1`. For n = 3 the orbit is elliptic,
and so stable to first order, if :math:`|\operatorname{tr} S| < 2`, and hyperbolic if it is larger.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..flow import FlowMap
from ..guards import check_finite, finite_states
from .jacobians import jacobians_along


def floquet_multipliers(flow: FlowMap, y0: Tensor, h: Tensor | float, steps: int, method: str = "auto") -> Tensor:
    """Return the eigenvalues of the product of the Jacobians along an orbit, the largest first.

    For a periodic orbit with a period of ``steps`` steps they are its Floquet multipliers. One of them is 1, along the
    orbit. Their product is 1 if the map preserves volume. The orbit is hyperbolic if one of them is off the unit
    circle. Small eigenvalues are lost to rounding once the product has grown past 1/eps: take fewer steps then, or use
    :func:`~locsym.diagnostics.lyapunov_exponents`.

    Args:
        flow: The flow map.
        y0: The start of the orbit, ``(*, n)``.
        h: The time step, a number or ``(*)``.
        steps: The number of steps, at least 1.
        method: How a Jacobian is computed, see :func:`~locsym.diagnostics.jacobian`.

    Returns:
        The eigenvalues, complex, ``(*, n)``.

    Raises:
        TypeError, ValueError: If an argument is not allowed, or if the orbit or the product overflows.

    Example:
        >>> import math, torch
        >>> from locsym.diagnostics import floquet_multipliers
        >>> from locsym.systems import LinearFlow
        >>> rotation = LinearFlow(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
        >>> y0 = torch.tensor([1.0, 0.0], dtype=torch.float64)
        >>> h = 2 * math.pi / 100
        >>> multipliers = floquet_multipliers(rotation, y0, h, steps=100)
        >>> torch.allclose(multipliers, torch.ones(2, dtype=torch.complex128))
        True
    """
    jacobians = jacobians_along(flow, y0, h, steps, method)
    product = torch.eye(y0.shape[-1]).to(y0)
    for J in jacobians:
        product = J @ product
    if not bool(torch.isfinite(product).all()):  # LAPACK may crash on it
        raise ValueError(f"steps: the product of {steps} Jacobians overflows; take fewer, or lyapunov_exponents")
    values = torch.linalg.eigvals(product)
    return values.gather(-1, values.abs().argsort(-1, descending=True))


def lap(states: Tensor) -> int:
    """Return the number of steps after which a sampled closed orbit first comes closest to its start.

    Args:
        states: The states of the orbit, ``(T, n)``, more than one lap.

    Returns:
        The number of steps.

    Raises:
        TypeError, ValueError: If the states are not allowed, or if the orbit does not come back.

    Example:
        >>> import math, torch
        >>> from locsym.diagnostics import lap
        >>> angle = 2 * math.pi * torch.arange(30) / 20
        >>> lap(torch.stack([angle.cos(), angle.sin()], dim=-1))
        20
    """
    finite_states("states", states)
    if states.ndim != 2 or not len(states):
        raise ValueError(f"states: shape (T, n) with T >= 1 is needed, got {tuple(states.shape)}")
    distance = (states - states[0]).norm(dim=1)
    away = int((distance > distance.max() / 2).int().argmax())
    near = away + int((distance[away:] < distance.max() / 4).int().argmax())
    beyond = near + int((distance[near:] > distance.max() / 2).int().argmax())
    end = beyond if beyond > near else len(states)
    closest = near + int(distance[near:end].argmin())
    if near == away or closest + 1 >= len(states):
        raise ValueError(f"states: the orbit does not come back within its {len(states)} states; a whole lap is needed")
    return closest


def return_map(flow: FlowMap, states: Tensor, h: Tensor | float) -> Tensor:
    r"""Return the transverse return map S of one lap, scaled to determinant one.

    .. math:: S = V^\top J_{s + T - 1} \cdots J_{s + 1} J_s \, U

    with T = :func:`lap` steps, s = 1, the Jacobians of ``flow`` at the given states, and orthonormal bases U, V of the
    directions transverse to the orbit at both ends. The tangents are central differences of the states. A lap that does
    not end exactly at its start stretches S a little; the scaling undoes that. S can be differentiated with respect to
    the flow's weights.

    Args:
        flow: The flow map, made of torch functions.
        states: The training data, consecutive states of a closed orbit, ``(T + 3, n)`` at least.
        h: The time step between the states, a number.

    Returns:
        S, ``(n − 1, n − 1)``.

    Raises:
        TypeError, ValueError: If the states are not allowed, or make no whole lap.

    Example:
        >>> import math, torch
        >>> from locsym import rollout
        >>> from locsym.diagnostics import return_map
        >>> from locsym.systems import LinearFlow
        >>> A = torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        >>> rotation = LinearFlow(A)
        >>> h, y0 = 2 * math.pi / 20, torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
        >>> states = rollout(rotation, y0, h, steps=30)
        >>> S = return_map(rotation, states, h)  # neighbours stay where they are
        >>> torch.allclose(S, torch.eye(2, dtype=torch.float64))
        True
    """
    return _unit(_laps(flow, states, h, 1))[0]


def return_maps(flow: FlowMap, states: Tensor, h: Tensor | float, scaled: bool = True) -> Tensor:
    """Return the :func:`return_map` of every whole lap within the states, s = 1, 2, ….

    If the orbit closed exactly, they would all have the same trace, and the determinant one.

    Args:
        flow: The flow map, made of torch functions.
        states: Consecutive states of a closed orbit, ``(L + T + 2, n)``, with laps of T steps.
        h: The time step between the states, a number.
        scaled: Whether the maps are scaled to determinant one.

    Returns:
        The maps, ``(L, n − 1, n − 1)``.

    Raises:
        TypeError, ValueError: If the states are not allowed, or make no whole lap.

    Example:
        >>> import math, torch
        >>> from locsym import rollout
        >>> from locsym.diagnostics import return_maps
        >>> from locsym.systems import LinearFlow
        >>> A = torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        >>> rotation = LinearFlow(A)
        >>> h, y0 = 2 * math.pi / 20, torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
        >>> states = rollout(rotation, y0, h, steps=30)
        >>> return_maps(rotation, states, h).shape  # laps of 20 steps in 31 states
        torch.Size([9, 2, 2])
    """
    maps = _laps(flow, states, h, len(states))
    return _unit(maps) if scaled else maps


@dataclass(frozen=True)
class TraceRange:
    """The trace of S of a sampled lap, as far as the samples determine it, for n = 3.

    Args:
        low: The smallest trace that is possible.
        high: The largest trace that is possible.

    Example:
        >>> from locsym.diagnostics import TraceRange
        >>> TraceRange(low=1.25, high=1.75).kind
        'elliptic'
        >>> TraceRange(low=1.75, high=2.25).kind
        'undecided'
    """

    low: float
    high: float

    @property
    def value(self) -> float:
        """The middle of the interval."""
        return (self.low + self.high) / 2

    @property
    def uncertainty(self) -> float:
        """Half the interval's length."""
        return (self.high - self.low) / 2

    @property
    def kind(self) -> str:
        """``"elliptic"`` or ``"hyperbolic"`` if that holds for the whole interval, else ``"undecided"``."""
        if self.low > -2 and self.high < 2:
            return "elliptic"
        return "hyperbolic" if self.low > 2 or self.high < -2 else "undecided"


def trace_range(flow: FlowMap, states: Tensor, h: Tensor | float) -> TraceRange:
    """Return the range of tr S over all starts that the lap can have within the states; see :func:`return_maps`.

    A sampled lap does not end exactly at its start, so that its trace depends on where it begins. The range measures
    this uncertainty.

    Args:
        flow: The flow map, made of torch functions.
        states: Consecutive states of a closed orbit, ``(T, 3)``, more than one lap.
        h: The time step between the states, a number.

    Returns:
        The range of the trace.

    Raises:
        TypeError, ValueError: If the states are not allowed or make no whole lap, if the dimension is not 3, in which
            tr S alone decides, or if the return map is not finite.

    Example:
        >>> import math, torch
        >>> from locsym import rollout
        >>> from locsym.diagnostics import trace_range
        >>> from locsym.systems import LinearFlow
        >>> A = torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        >>> rotation = LinearFlow(A)
        >>> h, y0 = 2 * math.pi / 20, torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
        >>> states = rollout(rotation, y0, h, steps=30)
        >>> round(trace_range(rotation, states, h).value, 9)
        2.0
    """
    finite_states("states", states, 3)
    with torch.no_grad():
        traces = return_maps(flow, states, h).diagonal(dim1=-2, dim2=-1).sum(-1)
    check_finite("flow: the return map", traces)
    return TraceRange(float(traces.min()), float(traces.max()))


def transverse_multipliers(flow: FlowMap, states: Tensor, h: Tensor | float) -> Tensor:
    """Return the eigenvalues of :func:`return_map`, the largest first.

    The orbit is elliptic if all of them lie on the unit circle. If one lies outside, the orbit is hyperbolic, and
    neighbours leave it by that factor in each lap.

    Args:
        flow: The flow map, made of torch functions.
        states: Consecutive states of a closed orbit, ``(T + 3, n)`` at least, with laps of T steps.
        h: The time step between the states, a number.

    Returns:
        The eigenvalues, complex, ``(n − 1,)``.

    Raises:
        TypeError, ValueError: If the states are not allowed or make no whole lap, or if the return map is not finite.

    Example:
        >>> import math, torch
        >>> from locsym import rollout
        >>> from locsym.diagnostics import transverse_multipliers
        >>> from locsym.systems import LinearFlow
        >>> A = torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        >>> rotation = LinearFlow(A)
        >>> h, y0 = 2 * math.pi / 20, torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
        >>> states = rollout(rotation, y0, h, steps=30)
        >>> multipliers = transverse_multipliers(rotation, states, h)
        >>> torch.allclose(multipliers, torch.ones(2, dtype=torch.complex128))
        True
    """
    S = return_map(flow, states, h).detach()
    check_finite("flow: the return map", S)  # LAPACK may crash on NaN
    values = torch.linalg.eigvals(S)
    return values[values.abs().argsort(descending=True)]


def _transverse(tangent: Tensor) -> Tensor:
    """Return an orthonormal basis ``(n, n − 1)`` of the orthogonal complement of a vector ``(n)``."""
    return torch.linalg.svd(tangent.unsqueeze(0))[2][1:].T


def _laps(flow: FlowMap, states: Tensor, h: Tensor | float, most: int) -> Tensor:
    """Return the return maps of the first laps, at most ``most``, without scaling: ``(L, n − 1, n − 1)``."""
    steps = lap(states)
    if len(states) < steps + 3:
        raise ValueError(f"states: {steps + 3} are needed, a lap of {steps} steps and its tangents; got {len(states)}")
    count = min(most, len(states) - steps - 2)
    tangents = states[2:] - states[:-2]
    start, end = (torch.stack([_transverse(v) for v in tangents[i : i + count]]) for i in (0, steps))
    left, _, right = torch.linalg.svd(start.mT @ end)
    end = end @ (left @ right).mT  # the basis at the end that is nearest to the one at the start
    jacobians = torch.func.vmap(torch.func.jacrev(lambda y: flow(y, h)))(states[1 : count + steps])
    S = start
    for i in range(steps):
        S = jacobians[i : i + count] @ S
    return end.mT @ S


def _unit(S: Tensor) -> Tensor:
    """Return matrices ``(L, m, m)`` scaled to determinant one."""
    return S / torch.linalg.det(S).abs()[:, None, None] ** (1 / S.shape[-1])
