"""Options of a training, checked before it starts: what is wrong is named, and what is allowed is said."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from ..networks import Network

Test = Callable[[float], bool]


def positive(x: float) -> bool:
    """Whether x > 0 and finite."""
    return 0 < x < math.inf


def not_negative(x: float) -> bool:
    """Whether x >= 0 and finite."""
    return 0 <= x < math.inf


def number(name: str, value: Any, allowed: str = "a number >= 0", inside: Test = not_negative) -> float:
    """Return ``value`` as a float. Raises TypeError or ValueError where it is no number, or not ``inside``."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}: {allowed} is needed, got {value!r}")
    if not inside(value):
        raise ValueError(f"{name}: {allowed} is needed, got {value!r}")
    return float(value)


def two_numbers(name: str, values: Any, allowed: str, inside: Test) -> tuple[float, float]:
    """Return both ``values`` as floats. Raises TypeError or ValueError where they are not two numbers ``inside``."""
    if not isinstance(values, tuple | list) or len(values) != 2:
        raise ValueError(f"{name}: {allowed} is needed, got {values!r}")
    first, second = (number(name, value, allowed, inside) for value in values)
    return first, second


def one_of(name: str, value: Any, allowed: Sequence[Any]) -> None:
    """Raise ValueError where ``value`` is none of the ``allowed``."""
    if not any(type(value) is type(known) and value == known for known in allowed):
        raise ValueError(f"{name}: one of {', '.join(map(repr, allowed))} is needed, got {value!r}")


def chain(method: str, network: Network) -> None:
    """Raise ValueError where ``network`` has a forward of its own: ``method`` visits its modules one by one."""
    if type(network).forward is not Network.forward:
        said = f'"{method}" follows its modules, but it has a forward of its own; "adam" follows that'
        raise ValueError(f"network: {said}")
