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

    Args:
        name: A name for messages and captions.
        n: The dimension.
        moves: The moves; the first one acts first.
        order: The order of accuracy.

    Example:
        >>> from locsym import Pendulum
        >>> from locsym.splitting import split, strang
        >>> strang(split(Pendulum()))
        SplittingIntegrator('Strang', n=2, moves=3, order=2)
    """

    def __init__(self, name: str, n: int, moves: Sequence[Move], order: int):
        self.name, self.n, self.moves, self.order = name, n, tuple(moves), order
        self._backwards = tuple(move.undone() for move in reversed(self.moves))

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance the states by one step.

        Args:
            y: The states, ``(*, n)``, floating-point and finite.
            h: The time step, a number or ``(*)``.

        Returns:
            The states after the step, ``(*, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed, or if the step overflows.
            RuntimeError: If Newton's method fails.
        """
        return self._apply(self.moves, y, h)

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo one step: apply the moves in reverse order, with explicit and implicit exchanged.

        Args:
            y: The states after the step, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states before the step, ``(*, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed, or if the step overflows.
            RuntimeError: If Newton's method fails.
        """
        return self._apply(self._backwards, y, h)

    def iterate(self, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
        """Return the orbit of checked arguments; the coordinates are joined only for the output.

        Args:
            y0: The start, ``(*, n)``.
            h: The time step, a number or ``(*)``.
            steps: How many steps to take, at least 0.

        Returns:
            The orbit, ``(steps + 1, *, n)``, with the start first and without gradients.

        Raises:
            Escaped: If the orbit overflows.
            RuntimeError: If Newton's method fails.
        """
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
        """Check the states and the step, and return the step.

        Args:
            y: The states, ``(*, n)``, floating-point and finite.
            h: The time step, a number or ``(*)``, finite.
            name: What error messages call the states.

        Returns:
            The step, a float or a tensor.

        Raises:
            TypeError, ValueError: If the states or the step are not allowed. The message names the argument.
        """
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
    r"""Return symplectic Euler (16)–(18) for each local Hamiltonian in turn, composed as in eq. (19), of order 1.

    Eq. (16) is explicit if :math:`\partial^2 H_{k,k+1} / \partial y_k \partial y_{k+1} = 0`, as for a separable
    Hamiltonian (6). Otherwise it is solved by Newton's method.

    Args:
        splitting: What :func:`~locsym.splitting.split` or :func:`~locsym.splitting.split_numerically` returns.
        order: ``"ascending"`` lets the pair (y_1, y_2) act first, as the networks do. ``"printed"`` lets it act last,
            as eq. (19) reads.
        tolerance: The largest last update of Newton's method, relative to 1 + \|y_j\|.
        iterations: The largest number of iterations of Newton's method, at least 1.

    Returns:
        The integrator, a flow map with an inverse.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> import torch
        >>> from locsym import Pendulum
        >>> from locsym.splitting import split, symplectic_euler
        >>> euler = symplectic_euler(split(Pendulum()))
        >>> euler(torch.tensor([0.0, 1.0]), 0.5)  # q moves by h p, then p by −h sin q
        tensor([0.5000, 0.7603])
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
    r"""Return Strang's splitting :math:`\Phi^*_{h/2} \circ \Phi_{h/2}`, which is symmetric and of order 2.

    Φ is symplectic Euler.

    Args:
        splitting: What :func:`~locsym.splitting.split` or :func:`~locsym.splitting.split_numerically` returns.
        **options: The options of :func:`symplectic_euler`.

    Returns:
        The integrator, a flow map with an inverse.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> import torch
        >>> from locsym import RigidBody
        >>> from locsym.diagnostics import determinant_defect
        >>> from locsym.splitting import split, strang
        >>> integrator = strang(split(RigidBody()))
        >>> y = torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64)
        >>> bool(determinant_defect(integrator, y, 0.1) < 1e-14)  # it preserves volume
        True
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
    r"""Return Strang steps of lengths :math:`\gamma_i h` in turn, a method of order 4.

    .. math:: \sum_i \gamma_i = 1, \qquad \sum_i \gamma_i^3 = 0

    See Hairer, Lubich & Wanner (2006), Sec. II.4.

    Args:
        splitting: What :func:`~locsym.splitting.split` or :func:`~locsym.splitting.split_numerically` returns.
        scheme: ``"yoshida"``, the triple jump, or ``"suzuki"``, five steps with smaller errors.
        **options: The options of :func:`symplectic_euler`.

    Returns:
        The integrator, a flow map with an inverse.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> from locsym import Pendulum
        >>> from locsym.splitting import fourth_order, split
        >>> fourth_order(split(Pendulum()), scheme="suzuki")
        SplittingIntegrator('fourth order (suzuki)', n=2, moves=11, order=4)
    """
    one_of("scheme", scheme, tuple(FOURTH_ORDER))
    moves = symmetric(symplectic_euler(splitting, **options).moves)
    return SplittingIntegrator(f"fourth order ({scheme})", splitting.n, composed(moves, FOURTH_ORDER[scheme]), order=4)


class RK4:
    """The classical Runge–Kutta method of order 4, a flow map that does not preserve volume and has no inverse.

    Args:
        rhs: The vector field f, ``(*, n)`` to ``(*, n)``.

    Example:
        >>> import torch
        >>> from locsym.splitting import RK4
        >>> RK4(lambda y: -y)(torch.tensor([1.0]), 1.0)  # 1 − 1 + 1/2 − 1/6 + 1/24
        tensor([0.3750])
    """

    name, order = "RK4", 4

    def __init__(self, rhs: Callable[[Tensor], Tensor]):
        self.rhs = rhs

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance the states by one step of four evaluations of f.

        Args:
            y: The states, ``(*, n)``, floating-point and finite.
            h: The time step, a number or ``(*)``.

        Returns:
            The states after the step, ``(*, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed, or if the step overflows.
        """
        h = column(states_and_step(y, h))
        k1 = self.rhs(y)
        k2 = self.rhs(y + h / 2 * k1)
        k3 = self.rhs(y + h / 2 * k2)
        k4 = self.rhs(y + h * k3)
        return finite_step(y + h / 6 * (k1 + 2 * (k2 + k3) + k4))
