r"""The drift of invariants along an orbit."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..guards import check_finite


def drift(invariant: Callable[[Tensor], Tensor], orbit: Tensor) -> Tensor:
    r"""Return the relative error of an invariant along an orbit.

    .. math:: |I(y_t) - I(y_0)| \, / \, |I(y_0)|

    Args:
        invariant: The function I, ``(*, n)`` to ``(*)``, such as a value of ``system.invariants``.
        orbit: The states, ``(T, *, n)``, with the start first.

    Returns:
        The relative errors, ``(T, *)``.

    Raises:
        ValueError: If the orbit has another shape, if I is 0 at its start, or if I overflows.

    Example:
        >>> import torch
        >>> from locsym.diagnostics import drift
        >>> orbit = torch.tensor([[2.0], [2.5], [1.0]])
        >>> drift(lambda y: y[..., 0], orbit)
        tensor([0.0000, 0.2500, 0.5000])
    """
    check_finite("invariant: the relative error", error := _relative_error(invariant, orbit))
    return error


def worst_drift(invariant: Callable[[Tensor], Tensor], orbit: Tensor) -> Tensor:
    """Return the largest relative error of an invariant along an orbit; see :func:`drift`.

    Args:
        invariant: The function I, ``(*, n)`` to ``(*)``, such as a value of ``system.invariants``.
        orbit: The states, ``(T, *, n)``, with the start first.

    Returns:
        The largest errors, ``(*)``; infinity where they are not finite.

    Raises:
        ValueError: If the orbit has another shape, or if I is 0 or not finite at its start.

    Example:
        >>> import torch
        >>> from locsym.diagnostics import worst_drift
        >>> orbit = torch.tensor([[2.0], [2.5], [1.0]])
        >>> worst_drift(lambda y: y[..., 0], orbit)
        tensor(0.5000)
    """
    return _relative_error(invariant, orbit).nan_to_num(torch.inf, torch.inf).amax(0)


def _relative_error(invariant: Callable[[Tensor], Tensor], orbit: Tensor) -> Tensor:
    if not isinstance(orbit, Tensor) or orbit.ndim < 2 or not len(orbit):
        raise ValueError("orbit: a tensor of shape (T, *, n) with T >= 1 is needed")
    values = invariant(orbit)
    check_finite("invariant: its values at the start", values[0])
    if bool((values[0] == 0).any()):
        raise ValueError("invariant: it is 0 at the start of an orbit, a relative error needs another value")
    return ((values - values[0]) / values[0]).abs()
