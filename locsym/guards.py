"""Checks of arguments, each written once: what is wrong is named, and what is allowed is said.

They raise TypeError or ValueError that begin with the argument's name. Nothing here knows of any model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import SupportsFloat

import numpy as np
import torch
from torch import Tensor


def whole(name: str, value: int, least: int) -> int:
    """Return ``value`` as an int; TypeError where it is no whole number, ValueError where it is below ``least``."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name}: a whole number >= {least} is needed, got {value!r}")
    if value < least:
        raise ValueError(f"{name}: a whole number >= {least} is needed, got {value}")
    return int(value)


def check_states(y: Tensor, n: int | None, like: Tensor | None = None, name: str = "y") -> None:
    """Raise unless ``y`` is a floating-point tensor ``(*, n)``, of dtype and device of ``like``. n: None is any."""
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


def check_step(h: Tensor | float, y: Tensor, name: str = "h") -> Tensor | float:
    """Return the step for states ``y``: a finite number, a tensor ``()``, or one value a sample ``y.shape[:-1]``."""
    if isinstance(h, Tensor):
        if not h.is_floating_point() or (h.ndim and h.dtype != y.dtype):
            raise TypeError(f"{name}: a number or a tensor of the states' dtype {y.dtype} is needed, got {h.dtype}")
        if h.ndim and h.shape != y.shape[:-1]:
            allowed = f"() or {tuple(y.shape[:-1])}, one value a sample,"
            raise ValueError(f"{name}: a number or a tensor of shape {allowed} is needed, got {tuple(h.shape)}")
        if h.ndim and h.device != y.device:
            raise ValueError(f"{name}: on {h.device}, but the states are on {y.device}")
        return h
    if isinstance(h, bool) or not isinstance(h, Real):
        raise TypeError(f"{name}: a number or a tensor is needed, got {type(h).__name__}")
    if not -math.inf < h < math.inf:
        raise ValueError(f"{name}: a finite number is needed, got {h}")
    try:
        return float(h)
    except OverflowError:
        raise ValueError(f"{name}: too large for a floating-point number") from None


def check_finite(name: str, x: Tensor | float) -> None:
    """Raise ValueError where ``x`` holds NaN or infinity; also seen through ``torch.func`` transforms.

    One sum, and a closer look only where it is not finite. While ``torch.compile`` traces there are no values to ask.
    """
    if isinstance(x, float) or torch.compiler.is_compiling():
        return
    x = torch.func.debug_unwrap(x.detach())  # inside vmap, grad, … : the whole batch behind the sample
    if not math.isfinite(x.sum().item()) and not bool(torch.isfinite(x).all()):
        raise ValueError(f"{name}: finite values are needed, found NaN or infinity")


def finite_states(y: Tensor, name: str, n: int | None = None) -> None:
    """Raise TypeError or ValueError unless ``y`` is a finite floating-point tensor ``(*, n)``; None is any n."""
    check_states(y, n, name=name)
    check_finite(name, y)


def check_times(t: Tensor | np.ndarray | Sequence[float], name: str = "t") -> np.ndarray:
    """Return the times as float64 ``(T,)``; raise ValueError unless finite and strictly monotone, T >= 1."""
    try:
        times = np.asarray(t.detach().cpu() if isinstance(t, Tensor) else t, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: numbers are needed, got {type(t).__name__}") from error
    if times.ndim != 1 or times.size < 1:
        raise ValueError(f"{name}: shape (T,) with T >= 1 is needed, got {times.shape}")
    if not np.isfinite(times).all():
        raise ValueError(f"{name}: times must be finite, t[{np.flatnonzero(~np.isfinite(times))[0]}] is not")
    if not -math.inf < float(times[-1]) - float(times[0]) < math.inf:
        raise ValueError(f"{name}: times must not span more than a floating-point number holds")
    steps = np.diff(times)
    wrong = np.flatnonzero(np.sign(steps) * np.sign(times[-1] - times[0]) <= 0)
    if wrong.size:
        i = wrong[0]
        raise ValueError(
            f"{name}: times must increase or decrease strictly, got {times[i]:g} then {times[i + 1]:g} at {i + 1}"
        )
    return times


def precise_step(h: Tensor | float, y: Tensor) -> Tensor:
    """Return h in float64, ``()`` or ``(*)``; raise TypeError or ValueError where it does not fit states ``y``."""
    h = check_step(h, y)
    check_finite("h", h)
    return torch.as_tensor(h, dtype=torch.float64, device="cpu").detach()


def finite_number(name: str, value: SupportsFloat) -> float:
    """Return the number as a float; raise TypeError or ValueError unless it is real and finite."""
    if isinstance(value, str):
        raise TypeError(f"{name}: a real number is needed, got {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: a real number is needed, got {value!r}") from error
    if not np.isfinite(number):
        raise ValueError(f"{name}: a finite number is needed, got {value!r}")
    return number
