"""The mathematical pendulum."""

from __future__ import annotations

import sympy as sp

from .formulas import coordinates
from .system import System


class Pendulum(System):
    """The mathematical pendulum (q, p), n = 2, with the energy H = p²/2 − cos q."""

    def __init__(self) -> None:
        q, p = state = coordinates(2)
        super().__init__("pendulum", state, (p, -sp.sin(q)), {"H": p**2 / 2 - sp.cos(q)})
