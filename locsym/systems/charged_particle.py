"""A charged particle in a magnetic field."""

from __future__ import annotations

import sympy as sp

from .formulas import coordinates
from .system import System


class ChargedParticle(System):
    """A charged particle in the plane, state (y1, y2, p1, p2), with the energy H.

    The potential is 1 / (100 ‖y‖) and the magnetic field has the strength ‖y‖. The field is not defined at y = 0.
    """

    def __init__(self) -> None:
        y1, y2, p1, p2 = state = coordinates(4)
        r = sp.sqrt(y1**2 + y2**2)
        field = (p1, p2, y1 / (100 * r**3) + r * p2, y2 / (100 * r**3) - r * p1)
        super().__init__("charged particle", state, field, {"H": (p1**2 + p2**2) / 2 + 1 / (100 * r)})
