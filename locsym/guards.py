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
    """Return whether a number is positive and finite.

    Args:
        x: The number.

    Returns:
        True if 0 < x < ∞.
    """
    return 0 < x < math.inf


def not_negative(x: float) -> bool:
    """Return whether a number is zero or positive, and finite.

    Args:
        x: The number.

    Returns:
        True if 0 <= x < ∞.
    """
    return 0 <= x < math.inf


def finite(x: float) -> bool:
    """Return whether a number is finite.

    Args:
        x: The number.

    Returns:
        True if −∞ < x < ∞.
    """
    return -math.inf < x < math.inf


def number(name: str, value: Any, allowed: str = "a number >= 0", inside: Test = not_negative) -> float:
    """Return a number as a float after checking it.

    Args:
        name: What the error calls the argument.
        value: What a user has given.
        allowed: What is allowed, in words, for the error.
        inside: The test that the number must pass, such as :func:`positive`.

    Returns:
        The number as a float.

    Raises:
        TypeError: If ``value`` is no real number.
        ValueError: If it does not pass the test, or is too large for a float.

    Example:
        >>> from locsym.guards import number, positive
        >>> number("tau", 2, "a number > 0", positive)
        2.0
        >>> number("tau", -1, "a number > 0", positive)
        Traceback (most recent call last):
        ValueError: tau: a number > 0 is needed, got -1
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}: {allowed} is needed, got {brief(value)}")
    if not inside(value):
        raise ValueError(f"{name}: {allowed} is needed, got {brief(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name}: {allowed} is needed, got one too large for a floating-point number") from None


def integer(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return a whole number as an int after checking its range.

    Args:
        name: What the error calls the argument.
        value: What a user has given.
        least: The smallest number that is allowed.
        most: The largest number that is allowed; None for no limit.

    Returns:
        The number as an int.

    Raises:
        TypeError: If ``value`` is no whole number.
        ValueError: If it is out of range.
    """
    allowed = f"a whole number >= {least}" if most is None else f"a whole number {least} … {most}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name}: {allowed} is needed, got {brief(value)}")
    found = int(value)
    if found < least or (most is not None and found > most):
        raise ValueError(f"{name}: {allowed} is needed, got {brief(value)}")
    return found


def two_numbers(name: str, values: Any, allowed: str, inside: Test) -> tuple[float, float]:
    """Return two numbers as floats after checking them.

    Args:
        name: What the error calls the argument.
        values: What a user has given, a tuple or a list.
        allowed: What is allowed, in words, for the error.
        inside: The test that both numbers must pass.

    Returns:
        The two numbers.

    Raises:
        TypeError: If one of them is no real number.
        ValueError: If there are not two, or if one does not pass the test.
    """
    if not isinstance(values, tuple | list) or len(values) != 2:
        raise ValueError(f"{name}: {allowed} is needed, got {brief(values)}")
    first, second = (number(name, value, allowed, inside) for value in values)
    return first, second


def finite_number(name: str, value: SupportsFloat) -> float:
    """Return a number, which may be one of sympy, as a float.

    Args:
        name: What the error calls the argument.
        value: What a user has given.

    Returns:
        The number as a float.

    Raises:
        TypeError: If ``value`` is no real number.
        ValueError: If it is not finite.
    """
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
    """Check that a value is one of those that are allowed.

    Args:
        name: What the error calls the argument.
        value: What a user has given.
        allowed: The values that are allowed. A value of another type is refused, such as True in the place of 1.

    Raises:
        ValueError: If ``value`` is none of them.
    """
    if not any(type(value) is type(known) and value == known for known in allowed):
        raise ValueError(f"{name}: one of {', '.join(map(repr, allowed))} is needed, got {brief(value)}")


def involution(name: str, R: Any, n: int, dtype: torch.dtype) -> Tensor:
    """Return a linear involution of R^n as a matrix.

    Args:
        name: What the error calls the argument.
        R: What a user has given: n signs, the diagonal, or a matrix ``(n, n)`` with R R = 1.
        n: The dimension.
        dtype: The dtype of the matrix.

    Returns:
        The matrix, ``(n, n)``.

    Raises:
        TypeError: If R holds no numbers.
        ValueError: If its shape is another one, or if R R differs from 1.
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
    """Check that an argument is a floating-point tensor ``(*, n)``.

    Args:
        name: What the error calls the argument.
        y: What a user has given.
        n: The dimension that is needed; None for any.
        like: A tensor whose dtype and device ``y`` must have; None for any.

    Raises:
        TypeError: If ``y`` is no floating-point tensor, or of another dtype than ``like``.
        ValueError: If its shape is another one, or if it is on another device than ``like``.
    """
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
    """Check that a tensor has finite values, also inside ``torch.func`` transforms.

    A sum is enough in most cases; the values are looked at only if the sum is not finite. While ``torch.compile``
    traces, there are no values, and nothing is checked.

    Args:
        name: What the error calls the argument.
        x: A tensor of any shape. A float is not checked.

    Raises:
        ValueError: If the tensor holds NaN or infinity.
    """
    if isinstance(x, float) or torch.compiler.is_compiling():
        return
    x = torch.func.debug_unwrap(x.detach())  # inside vmap, grad, … : the whole batch behind the sample
    if not math.isfinite(x.sum().item()) and not bool(torch.isfinite(x).all()):
        raise ValueError(f"{name}: finite values are needed, found NaN or infinity")


def finite_states(name: str, y: Tensor, n: int | None = None) -> None:
    """Check that an argument is a finite floating-point tensor ``(*, n)``.

    Args:
        name: What the error calls the argument.
        y: What a user has given.
        n: The dimension that is needed; None for any.

    Raises:
        TypeError: If ``y`` is no floating-point tensor.
        ValueError: If its shape is another one, or if it holds NaN or infinity.
    """
    check_states(name, y, n)
    check_finite(name, y)


def check_step(h: Tensor | float, y: Tensor, name: str = "h") -> Tensor | float:
    """Return a time step after checking that it fits the states.

    Args:
        h: A finite number, a tensor ``()``, or one value for each state, ``(*)``.
        y: The states, ``(*, n)``.
        name: What the error calls the step.

    Returns:
        A number as a float, and a tensor unchanged. The values of a tensor are not checked.

    Raises:
        TypeError: If ``h`` is neither a number nor a tensor of the dtype of ``y``.
        ValueError: If its shape or its device does not fit, or if a number is not finite.
    """
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
    """Return the time step after checking that states and step are finite and fit each other.

    Args:
        y: The states, ``(*, n)``.
        h: The time step, a number or ``(*)``.
        n: The dimension that is needed; None for any.
        like: A tensor whose dtype and device ``y`` must have; None for any.
        name: What errors call the states.

    Returns:
        A number as a float, and a tensor unchanged.

    Raises:
        TypeError, ValueError: If the states or the step are not allowed. The message names the argument.
    """
    check_states(name, y, n, like)
    h = check_step(h, y)
    check_finite(name, y)
    check_finite("h", h)
    return h


def precise_step(h: Tensor | float, y: Tensor) -> Tensor:
    """Return the time step in float64, after checking that it is finite and fits the states.

    Args:
        h: The time step, a number or ``(*)``.
        y: The states, ``(*, n)``.

    Returns:
        The step on the CPU and without gradients, ``()`` or ``(*)``.

    Raises:
        TypeError, ValueError: If the step is not allowed.
    """
    h = check_step(h, y)
    check_finite("h", h)
    return torch.as_tensor(h, dtype=torch.float64, device="cpu").detach()


def check_times(t: Tensor | np.ndarray | Sequence[float], name: str = "t") -> np.ndarray:
    """Return times as an array after checking that they are finite and strictly monotone.

    Args:
        t: The times, ``(T,)`` with T >= 1, strictly increasing or strictly decreasing.
        name: What the error calls them.

    Returns:
        The times, float64, ``(T,)``.

    Raises:
        TypeError: If they are no numbers.
        ValueError: If their shape, their order or one of the values is not allowed.
    """
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
