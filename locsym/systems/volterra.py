"""Three populations on a Volterra ring."""

from __future__ import annotations

from .formulas import coordinates
from .system import System


class Volterra(System):
    r"""Three species on a Volterra ring, n = 3, whose sum and product of populations are invariants.

    .. math:: \dot y_1 = y_1 (y_3 - y_2), \qquad \dot y_2 = y_2 (y_1 - y_3), \qquad \dot y_3 = y_3 (y_2 - y_1)

    Example:
        >>> from locsym import Volterra
        >>> Volterra().invariant_formulas
        {'sum': y1 + y2 + y3, 'product': y1*y2*y3}
    """

    def __init__(self) -> None:
        y1, y2, y3 = y = coordinates(3)
        field = (y1 * (y3 - y2), y2 * (y1 - y3), y3 * (y2 - y1))
        super().__init__("Volterra ring", y, field, {"sum": y1 + y2 + y3, "product": y1 * y2 * y3})
