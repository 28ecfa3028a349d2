"""Three populations on a Volterra ring."""

from __future__ import annotations

from .formulas import coordinates
from .system import System


class Volterra(System):
    """Three species on a Volterra ring, n = 3. The sum and the product of the populations are invariants."""

    def __init__(self) -> None:
        y1, y2, y3 = y = coordinates(3)
        field = (y1 * (y3 - y2), y2 * (y1 - y3), y3 * (y2 - y1))
        super().__init__("Volterra ring", y, field, {"sum": y1 + y2 + y3, "product": y1 * y2 * y3})
