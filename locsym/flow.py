r"""Flow maps: any callable :math:`(y, h) \mapsto \Phi_h(y)`.

States ``y`` have shape ``(*, n)``; the time step ``h`` is a number or one value a sample, shape ``(*)``.
Modules, networks, splitting integrators and the exact flow of an ODE are all flow maps, so what is
written here, rollout, composition, inverse, adjoint, is written once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class FlowMap(Protocol):
    """Anything that advances states ``y`` of shape ``(*, n)`` by a time step ``h`` (a number or ``(*)``)."""

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor: ...


def column(h: Tensor | float) -> Tensor | float:
    """Return ``h`` so that it multiplies states: a number as it is, ``(*)`` as ``(*, 1)``."""
    return h.unsqueeze(-1) if isinstance(h, Tensor) and h.ndim else h


class Composition:
    r"""The flow map :math:`\Phi_h = \Phi^{(L)}_{c_L h} \circ \dots \circ \Phi^{(1)}_{c_1 h}`: the first map acts first.

    maps: flow maps. weights: the fraction :math:`c_l` of the step that each of them takes; 1 by default.
    """

    def __init__(self, *maps: FlowMap, weights: tuple[float, ...] | None = None):
        if not maps:
            raise ValueError("maps: compose needs at least one flow map, got none")
        weights = (1.0,) * len(maps) if weights is None else tuple(weights)
        if len(weights) != len(maps):
            raise ValueError(f"weights: one number a map is needed, got {len(weights)} for {len(maps)} maps")
        self.maps, self.weights = maps, weights

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        for flow, c in zip(self.maps, self.weights, strict=True):
            y = flow(y, c * h)
        return y

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo the step: the inverses of the maps, the last one first."""
        for flow, c in zip(reversed(self.maps), reversed(self.weights), strict=True):
            y = inverse(flow)(y, c * h)
        return y


def compose(*maps: FlowMap, weights: tuple[float, ...] | None = None) -> Composition:
    """Compose flow maps; the first one given acts first. See :class:`Composition`."""
    return Composition(*maps, weights=weights)


def inverse(flow: FlowMap) -> FlowMap:
    r"""Return :math:`(y, h) \mapsto \Phi_h^{-1}(y)`, the map that undoes one step of ``flow``.

    Raises TypeError where the flow map has no ``inverse(y, h)`` of its own.
    """
    undo = getattr(flow, "inverse", None)
    if undo is None:
        raise TypeError(f"flow: {type(flow).__name__} has no method inverse(y, h)")
    return undo


class Adjoint:
    r"""The adjoint method :math:`\Phi^*_h = \Phi_{-h}^{-1}` (Hairer, Lubich & Wanner 2006, Sec. II.3)."""

    def __init__(self, flow: FlowMap):
        self.flow, self._undo = flow, inverse(flow)

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        return self._undo(y, -h)

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo the adjoint step: the step of the method itself, backwards."""
        return self.flow(y, -h)


def adjoint(flow: FlowMap) -> Adjoint:
    """Return the adjoint of an invertible flow map. See :class:`Adjoint`."""
    return Adjoint(flow)


def rollout(flow: FlowMap, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
    r"""Iterate a flow map: :math:`y_{i+1} = \Phi_h(y_i)`.

    y0: ``(*, n)``, finite; h: number or ``(*)``; steps: at least 0.
    Returns ``(steps + 1, *, n)``, the start first. A flow map that brings a ``rollout`` method of its own
    (the networks do) is asked to use it. Raises TypeError or ValueError for any other argument.
    """
    if not isinstance(y0, Tensor) or not y0.is_floating_point() or y0.ndim < 1:
        raise TypeError("y0: a floating-point tensor of shape (*, n) is needed")
    if not bool(torch.isfinite(y0).all()):
        raise ValueError("y0: states must be finite, found NaN or infinity")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
        raise ValueError(f"steps: a whole number >= 0 is needed, got {steps!r}")
    own: Callable | None = getattr(flow, "rollout", None)
    if own is not None:
        return own(y0, h, steps)
    orbit = y0.new_empty((steps + 1, *y0.shape))
    orbit[0] = y0
    with torch.no_grad():
        for i in range(steps):
            orbit[i + 1] = flow(orbit[i], h)
    return orbit
