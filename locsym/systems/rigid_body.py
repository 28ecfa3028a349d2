"""The free rigid body, eqs. (35)–(37)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sympy as sp

from ..guards import finite_number
from .formulas import coordinates
from .system import System


class RigidBody(System):
    """Euler's equations of a free rigid body, eqs. (35)–(37): the angular momentum in the body frame, n = 3.

    The invariants are ``"H"``, the energy (36), and ``"I"``, the squared length ‖y‖² (37).

    Args:
        inertia: The three principal moments of inertia, > 0.

    Raises:
        TypeError, ValueError: If these are not three positive numbers.

    Example:
        >>> import torch
        >>> from locsym import RigidBody
        >>> system = RigidBody()
        >>> system.field
        (y2*y3/2, -y1*y3, y1*y2/2)
        >>> y = system.flow(torch.tensor([0.0, 0.6, 0.8], dtype=torch.float64), 0.1)
        >>> round(float(system.invariants["I"](y)), 12)
        1.0
    """

    def __init__(self, inertia: Sequence[float | sp.Expr] = (2, 1, sp.Rational(2, 3))):
        if not isinstance(inertia, Iterable) or len(inertia := tuple(inertia)) != 3:
            raise ValueError(f"inertia: three numbers > 0 are needed, got {inertia!r}")
        if not all(finite_number("inertia", i) > 0 for i in inertia):
            raise ValueError(f"inertia: three numbers > 0 are needed, got {inertia!r}")
        i1, i2, i3 = self.inertia = tuple(sp.nsimplify(i, rational=True) for i in inertia)
        y1, y2, y3 = y = coordinates(3)
        field = ((i2 - i3) / (i2 * i3) * y2 * y3, (i3 - i1) / (i3 * i1) * y3 * y1, (i1 - i2) / (i1 * i2) * y1 * y2)
        energy = (y1**2 / i1 + y2**2 / i2 + y3**2 / i3) / 2
        super().__init__("rigid body", y, field, {"H": energy, "I": y1**2 + y2**2 + y3**2})
