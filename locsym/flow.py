r"""Flow maps: any callable ``(y, h) -> y`` that advances states ``y`` by a time step ``h``.

In formulas it is :math:`\Phi_h(y)`. States have shape ``(*, n)``. The time step is a number, or a tensor ``(*)`` with
one value for each state. Finite states go to finite states: a step that overflows raises a ValueError and does not
return NaN. Modules, networks, splitting integrators and the exact flow of an ODE are all flow maps. Rollout,
composition, inverse and adjoint are therefore written once, here, for all of them.
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
    """Anything that advances states ``y`` by a time step ``h``; see :meth:`__call__`.

    A plain function is a flow map. It may also have a method ``inverse(y, h)``, which undoes a step, ``rollout(y0, h,
    steps)``, which iterates it in a faster way, or ``jacobian(y, h)``.

    Example:
        >>> from locsym import FlowMap
        >>> def drift(y, h):
        ...     return y + h
        >>> isinstance(drift, FlowMap)
        True
    """

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance the states by one step.

        Args:
            y: The states, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states after the step, ``(*, n)``.
        """
        ...


def column(h: Tensor | float) -> Tensor | float:
    """Return ``h`` in a shape that multiplies states.

    Args:
        h: The time step, a number or ``(*)``.

    Returns:
        A number unchanged, and a tensor ``(*)`` as ``(*, 1)``.
    """
    return h.unsqueeze(-1) if isinstance(h, Tensor) and h.ndim else h


class Escaped(ValueError):
    """The error of a step or an orbit that overflows.

    Args:
        message: What went wrong.
        orbit: The finite beginning of a :func:`rollout`, ``(T, *, n)``, with the start first; None after a single step.
    """

    def __init__(self, message: str, orbit: Tensor | None = None):
        super().__init__(message)
        self.orbit = orbit


def finite_step(y: Tensor) -> Tensor:
    """Return the states after a step if they are finite.

    Args:
        y: The states after the step, ``(*, n)``.

    Returns:
        ``y`` itself.

    Raises:
        Escaped: If the step has overflowed.
    """
    try:
        check_finite("y, h: the states after the step", y)
    except ValueError as error:
        raise Escaped(str(error)) from None
    return y


def finite_orbit(orbit: Tensor) -> Tensor:
    """Return an orbit if it is finite.

    Args:
        orbit: The states of the orbit, ``(T, *, n)``.

    Returns:
        ``orbit`` itself.

    Raises:
        Escaped: If the orbit overflows. The error holds its finite beginning.
    """
    if not math.isfinite(orbit.sum().item()) and not bool((kept := torch.isfinite(orbit).flatten(1).all(-1)).all()):
        raise _escaped(orbit, int((~kept).nonzero()[0]))
    return orbit


def _escaped(orbit: Tensor, step: int) -> Escaped:
    return Escaped(f"flow: the orbit is not finite from step {step} on", orbit[:step].clone())


class Composition:
    r"""Several flow maps, one after the other, as one flow map.

    .. math:: \Phi_h = \Phi^{(L)}_{c_L h} \circ \dots \circ \Phi^{(1)}_{c_1 h}

    Args:
        *maps: The flow maps, at least one. The first map acts first.
        weights: The fractions :math:`c_l` of the step, one for each map; None for 1 each.

    Raises:
        TypeError: If one of the maps cannot be called.
        ValueError: If there is no map, or if the number of weights is not the number of maps.
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
        """Advance the states by one step of every map.

        Args:
            y: The states, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states after the step, ``(*, n)``.
        """
        for flow, c in zip(self.maps, self.weights, strict=True):
            y = flow(y, c * h)
        return y

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo the step: apply the inverses of the maps, the last one first.

        Args:
            y: The states after the step, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states before the step, ``(*, n)``.

        Raises:
            TypeError: If one of the maps has no inverse.
        """
        for flow, c in zip(reversed(self.maps), reversed(self.weights), strict=True):
            y = inverse(flow)(y, c * h)
        return y


def compose(*maps: FlowMap, weights: tuple[float, ...] | None = None) -> Composition:
    """Compose flow maps; the first one given acts first.

    Args:
        *maps: The flow maps, at least one.
        weights: The fraction of the step that each map takes; None for 1 each.

    Returns:
        The composition, a flow map.

    Raises:
        TypeError: If one of the maps cannot be called.
        ValueError: If there is no map, or if the number of weights is not the number of maps.

    Example:
        >>> import torch
        >>> from locsym import compose
        >>> twice = compose(lambda y, h: y + h, lambda y, h: 2 * y)
        >>> twice(torch.tensor([1.0]), 0.5)
        tensor([3.])
    """
    return Composition(*maps, weights=weights)


def inverse(flow: FlowMap) -> FlowMap:
    r"""Return the map that undoes one step of ``flow``.

    Args:
        flow: A flow map :math:`\Phi_h` with a method ``inverse(y, h)``.

    Returns:
        The flow map :math:`(y, h) \mapsto \Phi_h^{-1}(y)`.

    Raises:
        TypeError: If the flow map has no such method.

    Example:
        >>> import torch
        >>> from locsym import LocSympNet, inverse
        >>> net = LocSympNet(n=3, K=1, width=4)
        >>> y = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
        >>> torch.allclose(inverse(net)(net(y, 0.1), 0.1), y)
        True
    """
    undo = getattr(flow, "inverse", None)
    if undo is None:
        raise TypeError(f"flow: {type(flow).__name__} has no method inverse(y, h)")
    return undo


class Adjoint:
    r"""The adjoint of a method, :math:`\Phi^*_h = \Phi_{-h}^{-1}` (Hairer, Lubich & Wanner 2006, Sec. II.3).

    Args:
        flow: The method, a flow map with a method ``inverse(y, h)``.
    """

    def __init__(self, flow: FlowMap):
        self.flow, self._undo = flow, inverse(flow)

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance the states by one step of the adjoint method.

        Args:
            y: The states, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states after the step, ``(*, n)``.
        """
        return self._undo(y, -h)

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo the adjoint step by a step of the method itself with −h.

        Args:
            y: The states after the step, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states before the step, ``(*, n)``.
        """
        return self.flow(y, -h)


def adjoint(flow: FlowMap) -> Adjoint:
    r"""Return the adjoint of an invertible flow map, :math:`\Phi^*_h = \Phi_{-h}^{-1}`.

    Args:
        flow: A flow map with a method ``inverse(y, h)``.

    Returns:
        The adjoint, a flow map that has an inverse too.

    Raises:
        TypeError: If the flow map has no inverse.

    Example:
        >>> import torch
        >>> from locsym import Pendulum, adjoint
        >>> from locsym.splitting import split, symplectic_euler
        >>> euler = symplectic_euler(split(Pendulum()))
        >>> y = torch.tensor([1.0, 0.0], dtype=torch.float64)
        >>> torch.allclose(adjoint(euler)(y, 0.1), euler(y, 0.1))  # not symmetric
        False
    """
    return Adjoint(flow)


def rollout(flow: FlowMap, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
    r"""Iterate a flow map: :math:`y_{i+1} = \Phi_h(y_i)`.

    If the flow map has a method ``rollout`` of its own, that method is used.

    Args:
        flow: The flow map.
        y0: The start, ``(*, n)``, floating-point and finite.
        h: The time step, a number or ``(*)``.
        steps: How many steps to take, at least 0.

    Returns:
        The orbit, ``(steps + 1, *, n)``, with the start first and without gradients.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.
        Escaped: If the orbit overflows. The error holds the orbit so far.

    Example:
        >>> import torch
        >>> from locsym import Pendulum, rollout
        >>> y0 = torch.tensor([1.0, 0.0], dtype=torch.float64)
        >>> orbit = rollout(Pendulum().flow, y0, h=0.1, steps=50)
        >>> orbit.shape
        torch.Size([51, 2])
    """
    own: Callable[[Tensor, Tensor | float, int], Tensor] | None = getattr(flow, "rollout", None)
    if isinstance(flow, Guarded) and getattr(own, "__func__", None) is Guarded.rollout:
        h = flow.checked(y0, h, "y0")
        return flow.iterate(y0, h, integer("steps", steps, 0))
    h = states_and_step(y0, h, name="y0")
    steps = integer("steps", steps, 0)
    return iterate(flow, y0, h, steps) if own is None else own(y0, h, steps)


def iterate(flow: FlowMap, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
    """Call the flow map step after step: a :func:`rollout` whose arguments have been checked.

    Args:
        flow: The flow map.
        y0: The start, ``(*, n)``.
        h: The time step, a number or ``(*)``.
        steps: How many steps to take.

    Returns:
        The orbit, ``(steps + 1, *, n)``, with the start first and without gradients.

    Raises:
        Escaped: If the orbit overflows. The error holds the orbit so far.
    """
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
        """Iterate the step after checking the arguments; see :func:`locsym.flow.rollout`.

        Args:
            y0: The start, ``(*, n)``, floating-point and finite.
            h: The time step, a number or ``(*)``.
            steps: How many steps to take, at least 0.

        Returns:
            The orbit, ``(steps + 1, *, n)``, with the start first and without gradients.

        Raises:
            TypeError, ValueError: If an argument is not allowed. The message names it.
            Escaped: If the orbit overflows. The error holds the orbit so far.
        """
        return rollout(self, y0, h, steps)

    def checked(self, y: Tensor, h: Tensor | float, name: str = "y") -> Tensor | float:
        """Check the states and the step, and return the step.

        Args:
            y: The states, ``(*, n)``, floating-point and finite.
            h: The time step, a number or ``(*)``, finite.
            name: What error messages call the states.

        Returns:
            The step in the form that ``iterate`` needs.

        Raises:
            TypeError, ValueError: If the states or the step are not allowed. The message names the argument.
        """
        raise NotImplementedError

    def iterate(self, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
        """Return the orbit of arguments that have been checked.

        Args:
            y0: The start, ``(*, n)``.
            h: The time step, as :meth:`checked` returns it.
            steps: How many steps to take, at least 0.

        Returns:
            The orbit, ``(steps + 1, *, n)``, with the start first.

        Raises:
            Escaped: If the orbit overflows.
        """
        raise NotImplementedError
