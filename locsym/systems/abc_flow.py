"""The Arnold–Beltrami–Childress flow."""

from __future__ import annotations

import sympy as sp

from ..guards import finite_number
from .formulas import coordinates
from .system import System


class ABCFlow(System):
    r"""The Arnold–Beltrami–Childress flow, n = 3: a steady flow of an ideal fluid that is chaotic for most A, B, C.

    .. math::
        \dot y_1 = A \sin y_3 + C \cos y_2, \quad \dot y_2 = B \sin y_1 + A \cos y_3, \quad
        \dot y_3 = C \sin y_2 + B \cos y_1

    Args:
        A, B, C: The amplitudes, real and finite.

    Raises:
        TypeError, ValueError: If an amplitude is no finite number.

    Example:
        >>> import torch
        >>> from locsym import ABCFlow
        >>> ABCFlow(A=1, B=0.5, C=2).rhs(torch.zeros(3))  # at the origin: C, A, B
        tensor([2.0000, 1.0000, 0.5000])
    """

    def __init__(self, A: float = 1.0, B: float = 1.0, C: float = 1.0):
        self.parameters = tuple(finite_number(name, value) for name, value in (("A", A), ("B", B), ("C", C)))
        a, b, c = (sp.nsimplify(value, rational=True) for value in self.parameters)
        x, y, z = coordinates(3)
        field = (
            a * sp.sin(z) + c * sp.cos(y),
            b * sp.sin(x) + a * sp.cos(z),
            c * sp.sin(y) + b * sp.cos(x),
        )
        super().__init__("ABC flow", (x, y, z), field)
