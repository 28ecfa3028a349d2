r"""Flow maps: any callable :math:`(y, h) \mapsto \Phi_h(y)`.

States ``y`` have shape ``(*, n)``. The time step ``h`` is a number, or a tensor ``(*)`` with one value for each state.
Finite states go to finite states: a step that overflows raises a ValueError and does not return NaN.
Modules, networks, splitting integrators and the exact flow of an ODE are all flow maps. Rollout, composition, inverse
and adjoint are therefore written once, here, for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from .guards import check_finite, integer, states_and_step


@runtime_checkable
class FlowMap(Protocol):
    """Anything that advances states ``y`` of shape ``(*, n)`` by a time step ``h`` (a number or ``(*)``)."""

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor: ...


def column(h: Tensor | float) -> Tensor | float:
    """Return ``h`` in a shape that multiplies states: a number unchanged, ``(*)`` as ``(*, 1)``."""
    return h.unsqueeze(-1) if isinstance(h, Tensor) and h.ndim else h


class Escaped(ValueError):
    """The error of a step or an orbit that overflows.

    orbit: the finite beginning of a :func:`rollout`, ``(T, *, n)``, with the start first; None after a single step.
    """

    def __init__(self, message: str, orbit: Tensor | None = None):
        super().__init__(message)
        self.orbit = orbit


def finite_step(y: Tensor) -> Tensor:
    """Return the states ``y`` after a step. Raises :class:`Escaped` if the step has overflowed."""
    try:
        check_finite("y, h: the states after the step", y)
    except ValueError as error:
        raise Escaped(str(error)) from None
    return y


def finite_orbit(orbit: Tensor) -> Tensor:
    """Return an orbit ``(T, *, n)``. Raises :class:`Escaped` if it overflows."""
    if not math.isfinite(orbit.sum().item()) and not bool((kept := torch.isfinite(orbit).flatten(1).all(-1)).all()):
        raise _escaped(orbit, int((~kept).nonzero()[0]))
    return orbit


def _escaped(orbit: Tensor, step: int) -> Escaped:
    return Escaped(f"flow: the orbit is not finite from step {step} on", orbit[:step].clone())


class Composition:
    r"""The flow map :math:`\Phi_h = \Phi^{(L)}_{c_L h} \circ \dots \circ \Phi^{(1)}_{c_1 h}`: the first map acts first.

    maps: the flow maps. weights: the fraction :math:`c_l` of the step that each map takes, 1 by default.
    """

    def __init__(self, *maps: FlowMap, weights: tuple[float, ...] | None = None):
        if not maps:
            raise ValueError("maps: compose needs at least one flow map, got none")
        for flow in maps:
            if not callable(flow):
                raise TypeError(f"maps: callables (y, h) -> y are needed, got {type(flow).__name__}")
        weights = (1.0,) * len(maps) if weights is None else tuple(weights)
        if len(weights) != len(maps):
            raise ValueError(f"weights: one number a map is needed, got {len(weights)} for {len(maps)} maps")
        self.maps, self.weights = maps, weights

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        for flow, c in zip(self.maps, self.weights, strict=True):
            y = flow(y, c * h)
        return y

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo the step: apply the inverses of the maps, the last one first."""
        for flow, c in zip(reversed(self.maps), reversed(self.weights), strict=True):
            y = inverse(flow)(y, c * h)
        return y


def compose(*maps: FlowMap, weights: tuple[float, ...] | None = None) -> Composition:
    """Compose flow maps; the first one given acts first. See :class:`Composition`."""
    return Composition(*maps, weights=weights)


def inverse(flow: FlowMap) -> FlowMap:
    r"""Return :math:`(y, h) \mapsto \Phi_h^{-1}(y)`, the map that undoes one step of ``flow``.

    Raises TypeError if the flow map has no method ``inverse(y, h)``.
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
        """Undo the adjoint step by a step of the method itself with −h."""
        return self.flow(y, -h)


def adjoint(flow: FlowMap) -> Adjoint:
    """Return the adjoint of an invertible flow map. See :class:`Adjoint`."""
    return Adjoint(flow)


def rollout(flow: FlowMap, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
    r"""Iterate a flow map: :math:`y_{i+1} = \Phi_h(y_i)`.

    y0: the start, ``(*, n)``, finite. h: the step, a number or ``(*)``. steps: how many, at least 0.
    Returns the orbit ``(steps + 1, *, n)``, with the start first and without gradients. If the flow map has a
    ``rollout`` method of its own, that method is used. Raises TypeError or ValueError, naming the argument, for other
    arguments, and :class:`Escaped`, which holds the orbit so far, if the orbit overflows.
    """
    own: Callable[[Tensor, Tensor | float, int], Tensor] | None = getattr(flow, "rollout", None)
    if isinstance(flow, Guarded) and getattr(own, "__func__", None) is Guarded.rollout:
        h = flow.checked(y0, h, "y0")
        return flow.iterate(y0, h, integer("steps", steps, 0))
    h = states_and_step(y0, h, name="y0")
    steps = integer("steps", steps, 0)
    return iterate(flow, y0, h, steps) if own is None else own(y0, h, steps)


def iterate(flow: FlowMap, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
    """Call the flow map step after step: a :func:`rollout` whose arguments have been checked."""
    orbit = y0.new_empty((steps + 1, *y0.shape))
    orbit[0] = y0.detach()
    with torch.no_grad():
        for i in range(steps):
            try:
                orbit[i + 1] = flow(orbit[i], h)
            except Escaped:
                raise _escaped(orbit, i + 1) from None
    return finite_orbit(orbit)


class Guarded:
    """The base of flow maps that check their arguments once and then iterate in a faster way of their own.

    A subclass defines ``checked`` and ``iterate``; its ``__call__`` and ``inverse`` call ``checked`` as well.
    """

    def rollout(self: FlowMap, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
        """Iterate the step; return the orbit ``(steps + 1, *, n)``, see :func:`locsym.flow.rollout`."""
        return rollout(self, y0, h, steps)

    def checked(self, y: Tensor, h: Tensor | float, name: str = "y") -> Tensor | float:
        """Return the step h after checking it and the states ``y``; errors call the states ``name``."""
        raise NotImplementedError

    def iterate(self, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
        """Return the orbit of arguments that have been checked."""
        raise NotImplementedError
