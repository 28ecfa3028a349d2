r"""Splitting integrators, eqs. (15)–(19): volume-preserving flow maps made from local Hamiltonians; RK4 beside them.

Symplectic Euler moves one coordinate at a time, so a step is a list of one-coordinate *moves*. The inverse of an
explicit move is an implicit one and the other way round: inverse, adjoint and every composition are lists again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import sympy as sp
import torch
from torch import Tensor

from ..flow import column, finite_orbit, finite_step
from ..guards import check_finite, check_states, check_step, whole
from ..systems.formulas import TORCH_FUNCTIONS
from .numeric import NumericSplitting
from .symbolic import Splitting

#: h·g(y) as a function of h and the n coordinates, each of shape (*).
Shift = Callable[..., Tensor | float]


@dataclass(frozen=True)
class Move:
    r"""One Euler step of one coordinate, :math:`\dot y_j = g(y)`, the others at rest.

    j: the coordinate, from 0. shift: (h, y_1, …, y_n) ↦ h g(y). slope: :math:`h \, \partial g / \partial y_j` likewise,
    or None where it is zero: then the move is a shear, and explicit either way. fraction: the part of h that it takes.
    implicit: evaluate g at the new :math:`y_j` instead of the old. tolerance, iterations: of Newton's method.
    """

    j: int
    shift: Shift
    slope: Shift | None = None
    fraction: float = 1.0
    implicit: bool = False
    tolerance: float = 1e-12
    iterations: int = 50

    def __call__(self, y: Sequence[Tensor], h: Tensor | float) -> Tensor:
        """Return the new coordinate j, shape ``(*)``. y: the n coordinates, each ``(*)``; h: number or ``(*)``."""
        h = self.fraction * h
        return self._solve(y, h) if self.implicit and self.slope else y[self.j] + self.shift(h, *y)

    def undone(self) -> Move:
        """The move that undoes this one: a step of −h with explicit and implicit exchanged."""
        return replace(self, fraction=-self.fraction, implicit=not self.implicit)

    def _solve(self, y: Sequence[Tensor], h: Tensor | float) -> Tensor:
        """Solve Y = y_j + h g(…, Y, …) for every sample at once; the last Newton step carries the derivatives."""
        fixed = [x.detach() for x in y]
        step = h.detach() if isinstance(h, Tensor) else h
        root = fixed[self.j]
        tolerance = max(self.tolerance, 16 * torch.finfo(root.dtype).eps)
        for _ in range(self.iterations):
            last, root = root, self._newton(root, fixed, step)
            if bool(((root - last).abs() < tolerance * (1 + root.abs())).all()):  # never true of an infinite root
                return self._newton(root, y, h)
        worst = (root - last).abs().nan_to_num(torch.inf, torch.inf).max().item()
        raise RuntimeError(
            f"Newton's method for y_{self.j + 1} did not converge in {self.iterations} iterations: its last update is "
            f"{worst:.1e}, allowed is {tolerance:.0e} relative to 1 + |y_{self.j + 1}|; take a smaller step h"
        )

    def _newton(self, root: Tensor, y: Sequence[Tensor], h: Tensor | float) -> Tensor:
        at = [*y[: self.j], root, *y[self.j + 1 :]]
        return root - (root - y[self.j] - self.shift(h, *at)) / (1 - self.slope(h, *at))


class SplittingIntegrator:
    """A flow map that moves one coordinate at a time; it keeps volume where the moves come in the pairs (16)–(17).

    name: for messages and captions. n: dimension. moves: the first one acts first. order: of accuracy.
    """

    def __init__(self, name: str, n: int, moves: Sequence[Move], order: int):
        self.name, self.n, self.moves, self.order = name, n, tuple(moves), order
        self._backwards = tuple(move.undone() for move in reversed(self.moves))

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance states ``(*, n)`` by one step; h: number or ``(*)``. RuntimeError where Newton fails.

        Raises TypeError or ValueError, naming the argument, for any other, or non-finite, input, and for an overflow.
        """
        return self._apply(self.moves, y, h)

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo one step: the moves backwards, explicit and implicit exchanged."""
        return self._apply(self._backwards, y, h)

    def rollout(self, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
        """Iterate the step, start first: ``(steps + 1, *, n)``; the coordinates stay apart from step to step."""
        h, steps = self._checked(y0, h), whole("steps", steps, 0)
        y, orbit = list(y0.unbind(-1)), y0.new_empty((steps + 1, *y0.shape))
        orbit[0] = y0
        with torch.no_grad():
            for row in orbit.unbind(0)[1:]:
                for move in self.moves:
                    y[move.j] = move(y, h)
                torch.stack(y, dim=-1, out=row)
        return finite_orbit(orbit)

    def _apply(self, moves: Sequence[Move], y: Tensor, h: Tensor | float) -> Tensor:
        h, parts = self._checked(y, h), list(y.unbind(-1))
        for move in moves:
            parts[move.j] = move(parts, h)
        return finite_step(torch.stack(parts, dim=-1))

    def _checked(self, y: Tensor, h: Tensor | float) -> Tensor | float:
        check_states(y, self.n)
        h = check_step(h, y)
        check_finite("y", y)
        check_finite("h", h)
        return h

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

    Eq. (16) is explicit where :math:`\partial^2 H_{k,k+1} / \partial y_k \partial y_{k+1} = 0`, as it is for a
    separable Hamiltonian (6), and solved by Newton's method where it is not.

    order: ``"ascending"`` lets the pair (y_1, y_2) act first, as the networks do; ``"printed"`` lets it act last, as
    eq. (19) reads. tolerance: Newton's largest last update, relative to 1 + \|y_j\|. iterations: how many it may take.
    Raises TypeError or ValueError, naming the argument, for anything else.
    """
    if not isinstance(splitting, Splitting | NumericSplitting):
        raise TypeError(f"splitting: what split or split_numerically returns is needed, got {type(splitting).__name__}")
    if order not in ("ascending", "printed"):
        raise ValueError(f"order: 'ascending' or 'printed' is allowed, got {order!r}")
    n = splitting.n
    pairs = range(n - 1) if order == "ascending" else range(n - 2, -1, -1)
    pair_moves = _numeric_moves if isinstance(splitting, NumericSplitting) else _formula_moves
    newton = {"tolerance": tolerance, "iterations": whole("iterations", iterations, 1)}
    moves = [replace(move, **newton) for k in pairs for move in pair_moves(splitting, k)]
    return SplittingIntegrator("symplectic Euler", n, moves, order=1)


def strang(splitting: Splitting | NumericSplitting, **options) -> SplittingIntegrator:
    r"""Strang's splitting :math:`\Phi^*_{h/2} \circ \Phi_{h/2}`, with symplectic Euler as Φ: symmetric, order 2.

    options: those of :func:`symplectic_euler`.
    """
    moves = _symmetric(symplectic_euler(splitting, **options).moves)
    return SplittingIntegrator("Strang", splitting.n, _composed(moves, (1.0,)), order=2)


YOSHIDA = 1 / (2 - 2 ** (1 / 3))
SUZUKI = 1 / (4 - 4 ** (1 / 3))
FOURTH_ORDER = {
    "yoshida": (YOSHIDA, 1 - 2 * YOSHIDA, YOSHIDA),
    "suzuki": (SUZUKI, SUZUKI, 1 - 4 * SUZUKI, SUZUKI, SUZUKI),
}


def fourth_order(splitting: Splitting | NumericSplitting, *, scheme: str = "yoshida", **options) -> SplittingIntegrator:
    r"""Strang steps :math:`\gamma_i h` in turn, with :math:`\sum_i \gamma_i = 1, \sum_i \gamma_i^3 = 0`: order 4.

    scheme: ``"yoshida"``, the triple jump, or ``"suzuki"``, five steps with smaller errors (Hairer, Lubich & Wanner
    2006, Sec. II.4). options: those of :func:`symplectic_euler`.
    """
    if scheme not in FOURTH_ORDER:
        raise ValueError(f"scheme: one of {sorted(FOURTH_ORDER)} is allowed, got {scheme!r}")
    moves = _symmetric(symplectic_euler(splitting, **options).moves)
    return SplittingIntegrator(f"fourth order ({scheme})", splitting.n, _composed(moves, FOURTH_ORDER[scheme]), order=4)


class RK4:
    """The classical Runge–Kutta method of order 4: a flow map that keeps no volume and has no inverse of its own.

    rhs: the vector field f, ``(*, n)`` to ``(*, n)``.
    """

    name, order = "RK4", 4

    def __init__(self, rhs: Callable[[Tensor], Tensor]):
        self.rhs = rhs

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance states ``(*, n)`` by one step of four evaluations of f; h: number or ``(*)``.

        Raises TypeError or ValueError, naming the argument, for any other, or non-finite, input, and for an overflow.
        """
        check_states(y, None)
        check_finite("y", y)
        h = column(check_step(h, y))
        k1 = self.rhs(y)
        k2 = self.rhs(y + h / 2 * k1)
        k3 = self.rhs(y + h / 2 * k2)
        k4 = self.rhs(y + h * k3)
        return finite_step(y + h / 6 * (k1 + 2 * (k2 + k3) + k4))


STEP = sp.Symbol("STEP")  # sorts before the coordinates: h meets the numbers of a formula before any tensor


def _formula_moves(splitting: Splitting, k: int) -> list[Move]:
    """Eqs. (16)–(17) on (y_k, y_k+1), k from 0: y_k implicitly, then y_k+1 explicitly; rates that are zero left out."""
    y, field = splitting.symbols, splitting.fields[k]

    def function(rate: sp.Expr) -> Shift:
        return sp.lambdify((STEP, *y), STEP * rate, modules=[TORCH_FUNCTIONS], cse=True)

    def move(j: int) -> Move:
        slope = None if splitting.separable[k] else function(sp.diff(field[j], y[j]))
        return Move(j, function(field[j]), slope, implicit=j == k)

    return [move(j) for j in (k, k + 1) if field[j] != 0]


def _numeric_moves(splitting: NumericSplitting, k: int) -> list[Move]:
    """The same where the local Hamiltonian is known by quadrature only: nothing is known to be zero."""
    pair = splitting.pair(k)

    def scaled(sign: int, rate: Callable[[Tensor], Tensor]) -> Shift:
        return lambda h, *y: sign * h * rate(torch.stack(y, dim=-1))

    return [
        Move(k, scaled(1, pair.dH_dk1), scaled(1, pair.d2H_dk_dk1), implicit=True),
        Move(k + 1, scaled(-1, pair.dH_dk), scaled(-1, pair.d2H_dk_dk1)),
    ]


def _symmetric(moves: Sequence[Move]) -> list[Move]:
    """Half a step, then the adjoint of it: the moves backwards, explicit and implicit exchanged."""
    half = [replace(move, fraction=move.fraction / 2) for move in moves]
    return half + [replace(move, implicit=not move.implicit) for move in reversed(half)]


def _composed(moves: Sequence[Move], weights: Sequence[float]) -> list[Move]:
    """The moves once for each weight; neighbours that are the same shear become one."""
    merged: list[Move] = []
    for weight in weights:
        for move in moves:
            scaled = replace(move, fraction=weight * move.fraction)
            if merged and move.slope is None and move.shift is merged[-1].shift:
                scaled = replace(scaled, fraction=scaled.fraction + merged.pop().fraction)
            merged.append(scaled)
    return merged
