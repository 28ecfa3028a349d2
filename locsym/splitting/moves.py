r"""Moves: explicit or implicit Euler steps of one coordinate. A splitting integrator is a list of them.

The inverse of an explicit move is an implicit one, and vice versa. Inverses, adjoints and compositions of lists of
moves are therefore lists of moves again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import sympy as sp
import torch
from torch import Tensor

from ..systems.formulas import TORCH_FUNCTIONS
from .numeric import NumericSplitting
from .symbolic import Splitting

#: h·g(y) as a function of h and the n coordinates, each of shape (*).
Shift = Callable[..., Tensor | float]


@dataclass(frozen=True)
class Move:
    r"""One Euler step of one coordinate, :math:`\dot y_j = g(y)`, while the others rest.

    Args:
        j: The coordinate that moves, counted from 0.
        shift: The function (h, y_1, …, y_n) ↦ h g(y).
        slope: The function (h, y_1, …, y_n) ↦ :math:`h \, \partial g / \partial y_j`, or None if it is zero. The move
            is then a shear, and always explicit.
        fraction: The fraction of h that the move takes.
        implicit: Whether g is evaluated at the new :math:`y_j` instead of the old one.
        tolerance: The largest last update of Newton's method, relative to 1 + \|y_j\|.
        iterations: The largest number of iterations of Newton's method.
    """

    j: int
    shift: Shift
    slope: Shift | None = None
    fraction: float = 1.0
    implicit: bool = False
    tolerance: float = 1e-12
    iterations: int = 50

    def __call__(self, y: Sequence[Tensor], h: Tensor | float) -> Tensor:
        """Return the new value of the coordinate that moves.

        Args:
            y: The n coordinates, each ``(*)``.
            h: The time step, a number or ``(*)``.

        Returns:
            Coordinate j after the move, ``(*)``.

        Raises:
            RuntimeError: If Newton's method does not converge.
        """
        h = self.fraction * h
        if self.implicit and self.slope:
            return self._solve(self.slope, y, h)
        return y[self.j] + self.shift(h, *y)

    def undone(self) -> Move:
        """Return the inverse move: a step of −h with explicit and implicit exchanged.

        Returns:
            The inverse move.
        """
        return replace(self, fraction=-self.fraction, implicit=not self.implicit)

    def _solve(self, slope: Shift, y: Sequence[Tensor], h: Tensor | float) -> Tensor:
        """Solve Y = y_j + h g(…, Y, …) for all states at once; the last Newton step carries the derivatives."""
        fixed = [x.detach() for x in y]
        step = h.detach() if isinstance(h, Tensor) else h
        root = fixed[self.j]
        tolerance = max(self.tolerance, 16 * torch.finfo(root.dtype).eps)
        for _ in range(self.iterations):
            last, root = root, self._newton(slope, root, fixed, step)
            if bool(((root - last).abs() < tolerance * (1 + root.abs())).all()):  # never true of an infinite root
                return self._newton(slope, root, y, h)
        worst = (root - last).abs().nan_to_num(torch.inf, torch.inf).max().item()
        raise RuntimeError(
            f"Newton's method for y_{self.j + 1} did not converge in {self.iterations} iterations: its last update is "
            f"{worst:.1e}, allowed is {tolerance:.0e} relative to 1 + |y_{self.j + 1}|; take a smaller step h"
        )

    def _newton(self, slope: Shift, root: Tensor, y: Sequence[Tensor], h: Tensor | float) -> Tensor:
        at = [*y[: self.j], root, *y[self.j + 1 :]]
        return root - (root - y[self.j] - self.shift(h, *at)) / (1 - slope(h, *at))


STEP = sp.Symbol("STEP")  # sorts before the coordinates: h meets the numbers of a formula before any tensor


def formula_moves(splitting: Splitting, k: int) -> list[Move]:
    """Return eqs. (16)–(17) for one pair: y_k moves implicitly, and then y_k+1 explicitly.

    Args:
        splitting: Local Hamiltonians as formulas.
        k: The pair (y_k, y_k+1); k = 0, …, n − 2.

    Returns:
        The two moves. A move whose rate is zero is left out.
    """
    y, field = splitting.symbols, splitting.fields[k]

    def function(rate: sp.Expr) -> Shift:
        return sp.lambdify((STEP, *y), STEP * rate, modules=[TORCH_FUNCTIONS], cse=True)

    def move(j: int) -> Move:
        slope = None if splitting.separable[k] else function(sp.diff(field[j], y[j]))
        return Move(j, function(field[j]), slope, implicit=j == k)

    return [move(j) for j in (k, k + 1) if field[j] != 0]


def numeric_moves(splitting: NumericSplitting, k: int) -> list[Move]:
    """Return eqs. (16)–(17) for a local Hamiltonian known only by quadrature.

    Args:
        splitting: Local Hamiltonians by quadrature.
        k: The pair (y_k, y_k+1); k = 0, …, n − 2.

    Returns:
        The two moves. No rate is known to be zero.
    """
    pair = splitting.pair(k)

    def scaled(sign: int, rate: Callable[[Tensor], Tensor]) -> Shift:
        return lambda h, *y: sign * h * rate(torch.stack(y, dim=-1))

    return [
        Move(k, scaled(1, pair.dH_dk1), scaled(1, pair.d2H_dk_dk1), implicit=True),
        Move(k + 1, scaled(-1, pair.dH_dk), scaled(-1, pair.d2H_dk_dk1)),
    ]


def pair_moves(splitting: Splitting | NumericSplitting, k: int) -> list[Move]:
    """Return the moves of one pair, from formulas or by quadrature.

    Args:
        splitting: The local Hamiltonians.
        k: The pair (y_k, y_k+1); k = 0, …, n − 2.

    Returns:
        The moves, eqs. (16)–(17).
    """
    return numeric_moves(splitting, k) if isinstance(splitting, NumericSplitting) else formula_moves(splitting, k)


def symmetric(moves: Sequence[Move]) -> list[Move]:
    """Return half a step followed by its adjoint: the moves in reverse order, with explicit and implicit exchanged.

    Args:
        moves: The moves of a whole step.

    Returns:
        Twice as many moves.
    """
    half = [replace(move, fraction=move.fraction / 2) for move in moves]
    return half + [replace(move, implicit=not move.implicit) for move in reversed(half)]


def composed(moves: Sequence[Move], weights: Sequence[float]) -> list[Move]:
    """Return the moves once for each weight, with neighbours merged that are the same shear.

    Args:
        moves: The moves of one step.
        weights: The fraction of h for each repetition.

    Returns:
        The moves of the composition; the first one acts first.
    """
    merged: list[Move] = []
    for weight in weights:
        for move in moves:
            scaled = replace(move, fraction=weight * move.fraction)
            if merged and move.slope is None and move.shift is merged[-1].shift:
                scaled = replace(scaled, fraction=scaled.fraction + merged.pop().fraction)
            merged.append(scaled)
    return merged
