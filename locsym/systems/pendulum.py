"""The mathematical pendulum."""

from __future__ import annotations

import sympy as sp

from .formulas import coordinates
from .system import System


class Pendulum(System):
    r"""The mathematical pendulum, n = 2, with the state (q, p) and the energy H = p²/2 − cos q.

    .. math:: \dot q = p, \qquad \dot p = -\sin q

    Example:
        >>> import torch
        >>> from locsym import Pendulum
        >>> H = Pendulum().invariants["H"]
        >>> H(torch.tensor([0.0, 2.0]))
        tensor(1.)
    """

    def __init__(self) -> None:
        q, p = state = coordinates(2)
        super().__init__("pendulum", state, (p, -sp.sin(q)), {"H": p**2 / 2 - sp.cos(q)})
