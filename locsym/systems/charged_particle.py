"""A charged particle in a magnetic field."""

from __future__ import annotations

import sympy as sp

from .formulas import coordinates
from .system import System


class ChargedParticle(System):
    r"""A charged particle in the plane, n = 4, with the state (y_1, y_2, p_1, p_2) and the energy H.

    .. math:: H = \frac{p_1^2 + p_2^2}{2} + \frac{1}{100 \, \|(y_1, y_2)\|}

    The second term is the potential; the magnetic field has the strength ‖(y_1, y_2)‖. The vector field is not defined
    at (y_1, y_2) = 0.

    Example:
        >>> from locsym import ChargedParticle
        >>> ChargedParticle()
        ChargedParticle('charged particle', n=4, invariants=['H'])
    """

    def __init__(self) -> None:
        y1, y2, p1, p2 = state = coordinates(4)
        r = sp.sqrt(y1**2 + y2**2)
        field = (p1, p2, y1 / (100 * r**3) + r * p2, y2 / (100 * r**3) - r * p1)
        super().__init__("charged particle", state, field, {"H": (p1**2 + p2**2) / 2 + 1 / (100 * r)})
