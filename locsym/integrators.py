r"""Splitting integrators, eqs. (15)–(19): volume-preserving flow maps made from local Hamiltonians, and RK4 beside them.

Symplectic Euler moves one coordinate at a time, so a step is a list of one-coordinate *moves*. The inverse of an
explicit move is an implicit one and the other way round: inverse, adjoint and every composition are lists again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import sympy as sp
import torch
from torch import Tensor

from .flow import column
from .systems import TORCH_FUNCTIONS

Rate = Callable[..., Tensor | float]  # of the n coordinates, each of shape (*)


class Split(Protocol):
    """What an integrator asks of a splitting: its coordinates and the n − 1 local Hamiltonians, as formulas."""

    symbols: Sequence[sp.Symbol]
    hamiltonians: Sequence[sp.Expr]


@dataclass(frozen=True)
class Move:
    r"""One Euler step of one coordinate, :math:`\dot y_j = g(y)`, the others at rest.

    j: the coordinate, from 0. rate: g, of the n coordinates. slope: :math:`\partial g / \partial y_j`, or None where it
    is zero: then the move is a shear, explicit either way. fraction: the part of the step that it takes.
    implicit: evaluate g at the new :math:`y_j` instead of the old. tolerance, iterations: of Newton's method.
    """

    j: int
    rate: Rate
    slope: Rate | None = None
    fraction: float = 1.0
    implicit: bool = False
    tolerance: float = 1e-12
    iterations: int = 50

    def __call__(self, y: Sequence[Tensor], h: Tensor | float) -> Tensor:
        """Return the new coordinate j, shape ``(*)``. y: the n coordinates, each ``(*)``; h: number or ``(*)``."""
        h = self.fraction * h
        return self._solve(y, h) if self.implicit and self.slope else y[self.j] + h * self.rate(*y)

    def undone(self) -> Move:
        """The move that undoes this one."""
        return replace(self, fraction=-self.fraction, implicit=not self.implicit)

    def _solve(self, y: Sequence[Tensor], h: Tensor | float) -> Tensor:
        """Newton's method for Y = y_j + h g(…, Y, …), every sample at once; its last step carries the derivatives."""
        rest = [x.detach() for x in y]
        step = h.detach() if isinstance(h, Tensor) else h
        root = rest[self.j]
        tolerance = max(self.tolerance, 16 * torch.finfo(root.dtype).eps)
        for _ in range(self.iterations):
            update = self._newton(root, rest, step) - root
            root = root + update
            if bool((update.abs() <= tolerance * (1 + root.abs())).all()):
                return self._newton(root, y, h)
        worst = update.abs().nan_to_num(torch.inf).max().item()
        raise RuntimeError(
            f"Newton's method for y_{self.j + 1} did not converge in {self.iterations} iterations: "
            f"the last update is {worst:.1e}, allowed is {tolerance:.0e}; take a smaller step h"
        )

    def _newton(self, root: Tensor, y: Sequence[Tensor], h: Tensor | float) -> Tensor:
        at = [*y[: self.j], root, *y[self.j + 1 :]]
        return root - (root - y[self.j] - h * self.rate(*at)) / (1 - h * self.slope(*at))


class SplittingIntegrator:
    """A flow map that moves one coordinate at a time; volume is kept where the moves come in pairs (16)–(17).

    name: for messages and captions. n: dimension. moves: the first one acts first. order: of accuracy.
    """

    def __init__(self, name: str, n: int, moves: Sequence[Move], order: int):
        self.name, self.n, self.moves, self.order = name, n, tuple(moves), order

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance states ``(*, n)`` by one step; h: number or ``(*)``. RuntimeError where Newton does not converge."""
        return self._apply(self.moves, y, h)

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo one step: the moves backwards, explicit and implicit exchanged."""
        return self._apply([move.undone() for move in reversed(self.moves)], y, h)

    def _apply(self, moves: Sequence[Move], y: Tensor, h: Tensor | float) -> Tensor:
        if y.shape[-1] != self.n:
            raise ValueError(f"y: {self.name} takes states of shape (*, {self.n}), got {tuple(y.shape)}")
        parts = list(y.unbind(-1))
        for move in moves:
            parts[move.j] = move(parts, h)
        return torch.stack(parts, dim=-1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, n={self.n}, moves={len(self.moves)}, order={self.order})"


def symplectic_euler(
    splitting: Split, *, order: str = "ascending", tolerance: float = 1e-12, iterations: int = 50
) -> SplittingIntegrator:
    r"""Symplectic Euler (16)–(18) for each local Hamiltonian in turn, composed as in eq. (19); order 1.

    Eq. (16) is explicit where :math:`\partial^2 H_{k,k+1} / \partial y_k \partial y_{k+1} = 0`, as it is for a
    separable Hamiltonian (6), and solved by Newton's method where it is not.

    order: ``"ascending"`` lets (y_1, y_2) move first, like the networks here; ``"printed"`` lets it move last, as eq. (19)
    reads. tolerance, iterations: Newton's largest last update, relative to 1 + \|y_j\|, and number of iterations.
    """
    n = len(splitting.symbols)
    if order not in ("ascending", "printed"):
        raise ValueError(f"order: 'ascending' or 'printed' is allowed, got {order!r}")
    pairs = range(n - 1) if order == "ascending" else range(n - 2, -1, -1)
    newton = {"tolerance": tolerance, "iterations": iterations}
    moves = [replace(move, **newton) for k in pairs for move in _euler_moves(splitting, k)]
    return SplittingIntegrator("symplectic Euler", n, moves, order=1)


def strang(splitting: Split, **options) -> SplittingIntegrator:
    r"""Strang's splitting :math:`\Phi^*_{h/2} \circ \Phi_{h/2}` of symplectic Euler: symmetric, order 2.

    options: those of :func:`symplectic_euler`.
    """
    euler = symplectic_euler(splitting, **options)
    return SplittingIntegrator("Strang", euler.n, _compose(_symmetric(euler.moves), (1.0,)), order=2)


YOSHIDA = 1 / (2 - 2 ** (1 / 3))
SUZUKI = 1 / (4 - 4 ** (1 / 3))
FOURTH_ORDER = {
    "yoshida": (YOSHIDA, 1 - 2 * YOSHIDA, YOSHIDA),
    "suzuki": (SUZUKI, SUZUKI, 1 - 4 * SUZUKI, SUZUKI, SUZUKI),
}


def fourth_order(splitting: Split, *, scheme: str = "yoshida", **options) -> SplittingIntegrator:
    r"""A composition of Strang steps :math:`\gamma_i h` with :math:`\sum \gamma_i = 1, \sum \gamma_i^3 = 0`: order 4.

    scheme: ``"yoshida"``, the triple jump, or ``"suzuki"``, five steps with smaller errors (Hairer, Lubich & Wanner 2006,
    Sec. II.4). options: those of :func:`symplectic_euler`.
    """
    if scheme not in FOURTH_ORDER:
        raise ValueError(f"scheme: one of {sorted(FOURTH_ORDER)} is allowed, got {scheme!r}")
    euler = symplectic_euler(splitting, **options)
    moves = _compose(_symmetric(euler.moves), FOURTH_ORDER[scheme])
    return SplittingIntegrator(f"fourth order ({scheme})", euler.n, moves, order=4)


class RK4:
    """The classical Runge–Kutta method of order 4: a flow map that keeps no volume and has no exact inverse.

    rhs: the vector field f, ``(*, n)`` to ``(*, n)``.
    """

    name, order = "RK4", 4

    def __init__(self, rhs: Callable[[Tensor], Tensor]):
        self.rhs = rhs

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance states ``(*, n)`` by one step; h: number or ``(*)``. Four evaluations of f."""
        h = column(h)
        k1 = self.rhs(y)
        k2 = self.rhs(y + h / 2 * k1)
        k3 = self.rhs(y + h / 2 * k2)
        k4 = self.rhs(y + h * k3)
        return y + h / 6 * (k1 + 2 * (k2 + k3) + k4)


def _euler_moves(splitting: Split, k: int) -> list[Move]:
    """Eqs. (16)–(17) on the pair (y_k, y_k+1), k from 0: y_k implicit, then y_k+1 explicit; rates that are zero left out."""
    y, hamiltonian = tuple(splitting.symbols), splitting.hamiltonians[k]
    moves = []
    for j, rate in ((k, sp.diff(hamiltonian, y[k + 1])), (k + 1, -sp.diff(hamiltonian, y[k]))):
        slope = sp.simplify(sp.diff(rate, y[j]))
        if rate != 0:
            moves.append(Move(j, _function(rate, y), _function(slope, y) if slope != 0 else None, implicit=j == k))
    return moves


def _function(formula: sp.Expr, symbols: Sequence[sp.Symbol]) -> Rate:
    return sp.lambdify(symbols, formula, modules=[TORCH_FUNCTIONS, "math"], cse=True)


def _symmetric(moves: Sequence[Move]) -> list[Move]:
    """Half a step, then the adjoint of it: the moves backwards, explicit and implicit exchanged."""
    half = [replace(move, fraction=move.fraction / 2) for move in moves]
    return half + [replace(move, implicit=not move.implicit) for move in reversed(half)]


def _compose(moves: Sequence[Move], weights: Sequence[float]) -> list[Move]:
    """The moves once for each weight; neighbours that are the same shear become one."""
    merged: list[Move] = []
    for weight in weights:
        for move in moves:
            last = merged[-1] if merged else None
            if last is not None and move.slope is None and move.rate is last.rate:
                merged[-1] = replace(last, fraction=last.fraction + weight * move.fraction)
            else:
                merged.append(replace(move, fraction=weight * move.fraction))
    return merged
