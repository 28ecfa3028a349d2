"""The advection equation on a periodic grid, eq. (34)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..guards import finite_number, integer
from .linear_system import LinearSystem


class Advection(LinearSystem):
    r"""Advection on the periodic interval [−1, 1], by central differences, eq. (34).

    .. math:: \dot u_i = -c \, \frac{u_{i+1} - u_{i-1}}{2 \Delta x}, \qquad u_n = u_0, \quad u_{-1} = u_{n-1}

    The invariants are ``"mass"``, the sum of u, and ``"energy"``, the sum of u².

    Args:
        n: The number of grid points, at least 3, with the distance Δx = 2/n.
        c: The wave speed, real and finite.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> from locsym import Advection
        >>> system = Advection(n=35)
        >>> u = system.flow(system.wave(), 2.0)  # once around
        >>> f"{float(system.norm(u) / system.norm(system.wave())):.12f}"
        '1.000000000000'
    """

    def __init__(self, n: int = 35, c: float = 1.0):
        n = integer("n", n, 3)
        self.c, self.dx = finite_number("c", c), 2.0 / n
        ahead = torch.eye(n, dtype=torch.float64).roll(1, dims=1)  # row i picks u_{i+1}
        forms = {"mass": torch.ones(n, dtype=torch.float64), "energy": torch.eye(n, dtype=torch.float64)}
        super().__init__(-self.c / (2 * self.dx) * (ahead - ahead.mT), forms, name="advection")

    @property
    def x(self) -> Tensor:
        """The grid x_i = −1 + i Δx, ``(n,)``."""
        return -1.0 + self.dx * torch.arange(self.n, dtype=torch.float64)

    def wave(self) -> Tensor:
        r"""Return the Gaussian wave of Sec. 4.1, :math:`u_i(0) = \exp(-10 x_i^2)`.

        Returns:
            The wave on the grid, float64, ``(n,)``.
        """
        return torch.exp(-10 * self.x**2)

    def norm(self, u: Tensor) -> Tensor:
        r"""Return the grid norm :math:`\sqrt{Δx \sum_i u_i^2}`.

        Args:
            u: Values on the grid, ``(*, n)``.

        Returns:
            The norms, ``(*)``.
        """
        return torch.sqrt(self.dx * (u**2).sum(-1))
