r"""Reversibility: a linear involution R that turns a flow round.

A field f is reversible under R if :math:`R f(R y) = -f(y)`; its flow then satisfies
:math:`R \, \varphi_t \, R = \varphi_t^{-1}`, and so should a map that approximates it (Hairer, Lubich & Wanner 2006,
Sec. V.1). Orbits that cross the fixed points of R then come back, so that invariants do not drift along them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import torch
from torch import Tensor

from ..flow import FlowMap
from ..guards import check_finite, finite_states, involution, number, positive

Involution = Tensor | Sequence[float]


def reversibility_defect(flow: FlowMap, R: Involution, y: Tensor, h: Tensor | float) -> Tensor:
    r"""Return :math:`\|R \, \Phi_h(R \, \Phi_h(y)) - y\|_\infty`, which is zero for a reversible map.

    Args:
        flow: The flow map.
        R: The involution: n signs, or a matrix ``(n, n)`` with R R = 1.
        y: The states, ``(*, n)``, floating-point and finite.
        h: The time step, a number or ``(*)``.

    Returns:
        The defects, ``(*)``.

    Raises:
        TypeError, ValueError: If an argument is not allowed, or if the step overflows. The message names the argument.

    Example:
        >>> import torch
        >>> from locsym import Pendulum
        >>> from locsym.diagnostics import reversibility_defect
        >>> y = torch.tensor([1.0, 0.5], dtype=torch.float64)
        >>> bool(reversibility_defect(Pendulum().flow, (1, -1), y, 0.1) < 1e-12)
        True
    """
    finite_states("y", y)
    mirror = involution("R", R, y.shape[-1], y.dtype).to(y.device)
    there = flow(flow(y, h) @ mirror.mT, h) @ mirror.mT
    check_finite("flow: the states after the step", there)
    return (there - y).abs().amax(-1)


def reversing_signs(
    f: Callable[[Tensor], Tensor], y: Tensor, tolerance: float = 1e-10
) -> list[tuple[int, ...]]:
    """Return all diagonal involutions R, as signs, under which a field is reversible: R f(R y) = −f(y).

    Args:
        f: The field, ``(*, n)`` to ``(*, n)``, such as the ``rhs`` of a :class:`~locsym.systems.System`.
        y: Some states in general position, ``(*, n)``, at which the field is evaluated.
        tolerance: How far R f(R y) + f(y) may be from 0, relative to the largest component of f there.

    Returns:
        Tuples of n signs, those with the fewest −1 first; an empty list if there are none.

    Raises:
        TypeError, ValueError: If an argument is not allowed. For n > 16 there are too many signs to try.

    Example:
        >>> import torch
        >>> from locsym import RigidBody
        >>> from locsym.diagnostics import reversing_signs
        >>> y = torch.tensor([[0.3, 0.5, 0.8]], dtype=torch.float64)
        >>> reversing_signs(RigidBody().rhs, y)
        [(1, 1, -1), (1, -1, 1), (-1, 1, 1), (-1, -1, -1)]
    """
    finite_states("y", y)
    number("tolerance", tolerance, "a positive number", positive)
    n = y.shape[-1]
    if n > 16:
        raise ValueError(f"y: states of at most 16 components are needed to try all signs, got {n}")
    field = f(y)
    check_finite("f: the field at y", field)
    allowed = tolerance * float(field.abs().max())
    found = []
    for signs in sorted(product((1, -1), repeat=n), key=lambda signs: -sum(signs)):
        R = torch.tensor(signs, dtype=y.dtype, device=y.device)
        if float((R * f(R * y) + field).abs().max()) <= allowed:
            found.append(signs)
    return found
