"""Checks of arguments. An error names the argument, what is allowed and what was given.

The checks run once, in the public functions and methods that a user calls. The mathematics behind these (``step``,
``iterate``) relies on them. Each check raises TypeError or ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from reprlib import repr as brief
from typing import Any, SupportsFloat

import numpy as np
import torch
from torch import Tensor

Test = Callable[[Any], bool]  # of any real number: not every one is a float yet


# ---- numbers and choices


def positive(x: float) -> bool:
    """Whether x > 0 and finite."""
    return 0 < x < math.inf


def not_negative(x: float) -> bool:
    """Whether x >= 0 and finite."""
    return 0 <= x < math.inf


def finite(x: float) -> bool:
    """Whether x is finite."""
    return -math.inf < x < math.inf


def number(name: str, value: Any, allowed: str = "a number >= 0", inside: Test = not_negative) -> float:
    """Return ``value`` as a float. Raises TypeError if it is no number, ValueError if it is not ``inside``."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}: {allowed} is needed, got {brief(value)}")
    if not inside(value):
        raise ValueError(f"{name}: {allowed} is needed, got {brief(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name}: {allowed} is needed, got one too large for a floating-point number") from None


def integer(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return ``value`` as an int. Raises TypeError if it is no integer, ValueError outside ``least`` … ``most``."""
    allowed = f"a whole number >= {least}" if most is None else f"a whole number {least} … {most}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name}: {allowed} is needed, got {brief(value)}")
    found = int(value)
    if found < least or (most is not None and found > most):
        raise ValueError(f"{name}: {allowed} is needed, got {brief(value)}")
    return found


def two_numbers(name: str, values: Any, allowed: str, inside: Test) -> tuple[float, float]:
    """Return both ``values`` as floats. Raises TypeError or ValueError unless they are two numbers ``inside``."""
    if not isinstance(values, tuple | list) or len(values) != 2:
        raise ValueError(f"{name}: {allowed} is needed, got {brief(values)}")
    first, second = (number(name, value, allowed, inside) for value in values)
    return first, second


def finite_number(name: str, value: SupportsFloat) -> float:
    """Return a number, also one of sympy, as a float. Raises TypeError or ValueError unless it is real and finite."""
    if isinstance(value, str):
        raise TypeError(f"{name}: a real number is needed, got {brief(value)}")
    try:
        found = float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: a real number is needed, got {brief(value)}") from error
    if not math.isfinite(found):
        raise ValueError(f"{name}: a finite number is needed, got {brief(value)}")
    return found


def one_of(name: str, value: Any, allowed: Sequence[Any]) -> None:
    """Raise ValueError unless ``value`` is one of the ``allowed`` values."""
    if not any(type(value) is type(known) and value == known for known in allowed):
        raise ValueError(f"{name}: one of {', '.join(map(repr, allowed))} is needed, got {brief(value)}")


def involution(name: str, R: Any, n: int, dtype: torch.dtype) -> Tensor:
    """Return a linear involution of R^n as a matrix ``(n, n)``.

    R: n signs, the diagonal, or a matrix with R R = 1. Raises TypeError or ValueError for anything else.
    """
    allowed = f"{n} signs ±1 or a matrix ({n}, {n}) with R R = 1"
    try:
        found = torch.as_tensor(R, dtype=dtype).detach().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name}: {allowed} is needed, got {brief(R)}") from error
    found = torch.diag(found) if found.ndim == 1 else found
    if found.shape != (n, n) or not bool(torch.isfinite(found).all()):
        raise ValueError(f"{name}: {allowed} is needed, got {brief(R)}")
    far = float((found @ found - torch.eye(n, dtype=dtype)).abs().max())
    if not far <= 64 * torch.finfo(dtype).eps * max(1.0, float(found.abs().max()) ** 2):
        raise ValueError(f"{name}: {allowed} is needed, R R differs from 1 by {far:.1e}")
    return found


# ---- states and time steps


def check_states(name: str, y: Tensor, n: int | None = None, like: Tensor | None = None) -> None:
    """Raise unless ``y`` is a floating-point tensor ``(*, n)`` of dtype and device of ``like``. n: None for any."""
    shape = f"shape (*, {'n' if n is None else n})"
    if not isinstance(y, Tensor):
        raise TypeError(f"{name}: a tensor of {shape} is needed, got {type(y).__name__}")
    if not y.is_floating_point():
        raise TypeError(f"{name}: a floating-point dtype is needed, got {y.dtype}")
    if not y.ndim or n not in (None, y.shape[-1]):
        raise ValueError(f"{name}: {shape} is needed, got {tuple(y.shape)}")
    if like is None:
        return
    if y.dtype != like.dtype:
        raise TypeError(f"{name}: dtype {y.dtype}, but the weights have {like.dtype}; convert one of them with .to()")
    if y.device != like.device:
        raise ValueError(f"{name}: on {y.device}, but the weights are on {like.device}; move one of them with .to()")


def check_finite(name: str, x: Tensor | float) -> None:
    """Raise ValueError if ``x`` holds NaN or infinity, also inside ``torch.func`` transforms.

    A sum is enough in most cases; the values are looked at only if the sum is not finite. While ``torch.compile``
    traces, there are no values, and nothing is checked.
    """
    if isinstance(x, float) or torch.compiler.is_compiling():
        return
    x = torch.func.debug_unwrap(x.detach())  # inside vmap, grad, … : the whole batch behind the sample
    if not math.isfinite(x.sum().item()) and not bool(torch.isfinite(x).all()):
        raise ValueError(f"{name}: finite values are needed, found NaN or infinity")


def finite_states(name: str, y: Tensor, n: int | None = None) -> None:
    """Raise TypeError or ValueError unless ``y`` is a finite floating-point tensor ``(*, n)``. n: None for any."""
    check_states(name, y, n)
    check_finite(name, y)


def check_step(h: Tensor | float, y: Tensor, name: str = "h") -> Tensor | float:
    """Return a step that fits states ``y``: a finite number, a tensor ``()``, or one value for each state, ``(*)``."""
    if not isinstance(h, Tensor):
        return number(name, h, "a finite number or a tensor", finite)
    if not h.is_floating_point() or (h.ndim and h.dtype != y.dtype):
        raise TypeError(f"{name}: a number or a tensor of the states' dtype {y.dtype} is needed, got {h.dtype}")
    if h.ndim and h.shape != y.shape[:-1]:
        allowed = f"() or {tuple(y.shape[:-1])}, one value a sample,"
        raise ValueError(f"{name}: a number or a tensor of shape {allowed} is needed, got {tuple(h.shape)}")
    if h.ndim and h.device != y.device:
        raise ValueError(f"{name}: on {h.device}, but the states are on {y.device}")
    return h


def states_and_step(
    y: Tensor, h: Tensor | float, n: int | None = None, like: Tensor | None = None, name: str = "y"
) -> Tensor | float:
    """Return the step h after checking that the states ``y`` and h are finite and fit each other.

    n, like: see :func:`check_states`. name: what errors call the states. Raises TypeError or ValueError.
    """
    check_states(name, y, n, like)
    h = check_step(h, y)
    check_finite(name, y)
    check_finite("h", h)
    return h


def precise_step(h: Tensor | float, y: Tensor) -> Tensor:
    """Return h in float64, ``()`` or ``(*)``. Raises TypeError or ValueError if it does not fit the states ``y``."""
    h = check_step(h, y)
    check_finite("h", h)
    return torch.as_tensor(h, dtype=torch.float64, device="cpu").detach()


def check_times(t: Tensor | np.ndarray | Sequence[float], name: str = "t") -> np.ndarray:
    """Return the times as float64 ``(T,)``. Raises ValueError unless they are finite and strictly monotone, T >= 1."""
    try:
        times = np.asarray(t.detach().cpu() if isinstance(t, Tensor) else t, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: numbers are needed, got {type(t).__name__}") from error
    if times.ndim != 1 or times.size < 1:
        raise ValueError(f"{name}: shape (T,) with T >= 1 is needed, got {times.shape}")
    if not np.isfinite(times).all():
        raise ValueError(f"{name}: times must be finite, t[{np.flatnonzero(~np.isfinite(times))[0]}] is not")
    if not math.isfinite(float(times[-1]) - float(times[0])):
        raise ValueError(f"{name}: times must not span more than a floating-point number holds")
    steps = np.diff(times)
    wrong = np.flatnonzero(np.sign(steps) * np.sign(times[-1] - times[0]) <= 0)
    if wrong.size:
        i = wrong[0]
        raise ValueError(
            f"{name}: times must increase or decrease strictly, got {times[i]:g} then {times[i + 1]:g} at {i + 1}"
        )
    return times
