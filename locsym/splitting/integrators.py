r"""Splitting integrators, eqs. (15)–(19): volume-preserving flow maps made from local Hamiltonians; and RK4.

Symplectic Euler moves one coordinate at a time, so that a step is a list of :mod:`locsym.splitting.moves`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..flow import Guarded, column, finite_orbit, finite_step
from ..guards import integer, one_of, states_and_step
from .moves import Move, composed, pair_moves, symmetric
from .numeric import NumericSplitting
from .symbolic import Splitting


class SplittingIntegrator(Guarded):
    """A flow map that moves one coordinate at a time. It preserves volume if the moves come in the pairs (16)–(17).

    name: for messages and captions. n: dimension. moves: the first one acts first. order: the order of accuracy.
    """

    def __init__(self, name: str, n: int, moves: Sequence[Move], order: int):
        self.name, self.n, self.moves, self.order = name, n, tuple(moves), order
        self._backwards = tuple(move.undone() for move in reversed(self.moves))

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance states ``(*, n)`` by one step. h: number or ``(*)``.

        Raises TypeError or ValueError, naming the argument, for other input, also if it is not finite, and for an
        overflow; RuntimeError if Newton's method fails.
        """
        return self._apply(self.moves, y, h)

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo one step: apply the moves in reverse order, explicit and implicit exchanged."""
        return self._apply(self._backwards, y, h)

    def iterate(self, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
        """Return the orbit of checked arguments; the coordinates are joined only for the output."""
        y, orbit = list(y0.unbind(-1)), y0.new_empty((steps + 1, *y0.shape))
        orbit[0] = y0
        with torch.no_grad():
            for row in orbit.unbind(0)[1:]:
                for move in self.moves:
                    y[move.j] = move(y, h)
                torch.stack(y, dim=-1, out=row)
        return finite_orbit(orbit)

    def _apply(self, moves: Sequence[Move], y: Tensor, h: Tensor | float) -> Tensor:
        h, parts = self.checked(y, h), list(y.unbind(-1))
        for move in moves:
            parts[move.j] = move(parts, h)
        return finite_step(torch.stack(parts, dim=-1))

    def checked(self, y: Tensor, h: Tensor | float, name: str = "y") -> Tensor | float:
        """Return the step h after checking it and the states ``y``. Raises TypeError or ValueError."""
        return states_and_step(y, h, self.n, name=name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, n={self.n}, moves={len(self.moves)}, order={self.order})"


def symplectic_euler(
    splitting: Splitting | NumericSplitting,
    *,
    order: str = "ascending",
    tolerance: float = 1e-12,
    iterations: int = 50,
) -> SplittingIntegrator:
    r"""Symplectic Euler (16)–(18) for each local Hamiltonian in turn, composed as in eq. (19); order 1.

    Eq. (16) is explicit if :math:`\partial^2 H_{k,k+1} / \partial y_k \partial y_{k+1} = 0`, as for a separable
    Hamiltonian (6). Otherwise it is solved by Newton's method.

    order: ``"ascending"`` lets the pair (y_1, y_2) act first, as the networks do; ``"printed"`` lets it act last, as
    eq. (19) reads. tolerance: the largest last update of Newton's method, relative to 1 + \|y_j\|. iterations: its
    limit. Raises TypeError or ValueError, naming the argument, for other arguments.
    """
    if not isinstance(splitting, Splitting | NumericSplitting):
        raise TypeError(f"splitting: what split or split_numerically returns is needed, got {type(splitting).__name__}")
    one_of("order", order, ("ascending", "printed"))
    n = splitting.n
    pairs = range(n - 1) if order == "ascending" else range(n - 2, -1, -1)
    iterations = integer("iterations", iterations, 1)
    found = [move for k in pairs for move in pair_moves(splitting, k)]
    moves = [replace(move, tolerance=tolerance, iterations=iterations) for move in found]
    return SplittingIntegrator("symplectic Euler", n, moves, order=1)


def strang(splitting: Splitting | NumericSplitting, **options: Any) -> SplittingIntegrator:
    r"""Strang's splitting :math:`\Phi^*_{h/2} \circ \Phi_{h/2}`, with symplectic Euler as Φ: symmetric, order 2.

    options: those of :func:`symplectic_euler`.
    """
    moves = symmetric(symplectic_euler(splitting, **options).moves)
    return SplittingIntegrator("Strang", splitting.n, composed(moves, (1.0,)), order=2)


YOSHIDA = 1 / (2 - 2 ** (1 / 3))
SUZUKI = 1 / (4 - 4 ** (1 / 3))
FOURTH_ORDER = {
    "yoshida": (YOSHIDA, 1 - 2 * YOSHIDA, YOSHIDA),
    "suzuki": (SUZUKI, SUZUKI, 1 - 4 * SUZUKI, SUZUKI, SUZUKI),
}


def fourth_order(
    splitting: Splitting | NumericSplitting, *, scheme: str = "yoshida", **options: Any
) -> SplittingIntegrator:
    r"""Strang steps :math:`\gamma_i h` in turn, with :math:`\sum_i \gamma_i = 1, \sum_i \gamma_i^3 = 0`: order 4.

    scheme: ``"yoshida"``, the triple jump, or ``"suzuki"``, five steps with smaller errors (Hairer, Lubich & Wanner
    2006, Sec. II.4). options: those of :func:`symplectic_euler`.
    """
    one_of("scheme", scheme, tuple(FOURTH_ORDER))
    moves = symmetric(symplectic_euler(splitting, **options).moves)
    return SplittingIntegrator(f"fourth order ({scheme})", splitting.n, composed(moves, FOURTH_ORDER[scheme]), order=4)


class RK4:
    """The classical Runge–Kutta method of order 4, a flow map that does not preserve volume and has no inverse.

    rhs: the vector field f, ``(*, n)`` to ``(*, n)``.
    """

    name, order = "RK4", 4

    def __init__(self, rhs: Callable[[Tensor], Tensor]):
        self.rhs = rhs

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance states ``(*, n)`` by one step of four evaluations of f; h: number or ``(*)``.

        Raises TypeError or ValueError, naming the argument, for other input, also if it is not finite, and for an
        overflow.
        """
        h = column(states_and_step(y, h))
        k1 = self.rhs(y)
        k2 = self.rhs(y + h / 2 * k1)
        k3 = self.rhs(y + h / 2 * k2)
        k4 = self.rhs(y + h * k3)
        return finite_step(y + h / 6 * (k1 + 2 * (k2 + k3) + k4))
