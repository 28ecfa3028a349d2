r"""The drift of invariants along an orbit."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..guards import check_finite


def drift(invariant: Callable[[Tensor], Tensor], orbit: Tensor) -> Tensor:
    r"""Return the relative error :math:`|I(y_t) - I(y_0)| / |I(y_0)|` along an orbit ``(T, *, n)``: ``(T, *)``.

    invariant: I, ``(*, n)`` to ``(*)``, such as a value of ``system.invariants``. Raises ValueError if I(y_0) = 0 or if
    I overflows.
    """
    check_finite("invariant: the relative error", error := _relative_error(invariant, orbit))
    return error


def worst_drift(invariant: Callable[[Tensor], Tensor], orbit: Tensor) -> Tensor:
    """Return the largest :func:`drift` along an orbit ``(T, *, n)``: ``(*)``; infinity if it is not finite."""
    return _relative_error(invariant, orbit).nan_to_num(torch.inf, torch.inf).amax(0)


def _relative_error(invariant: Callable[[Tensor], Tensor], orbit: Tensor) -> Tensor:
    if not isinstance(orbit, Tensor) or orbit.ndim < 2 or not len(orbit):
        raise ValueError("orbit: a tensor of shape (T, *, n) with T >= 1 is needed")
    values = invariant(orbit)
    check_finite("invariant: its values at the start", values[0])
    if bool((values[0] == 0).any()):
        raise ValueError("invariant: it is 0 at the start of an orbit, a relative error needs another value")
    return ((values - values[0]) / values[0]).abs()
