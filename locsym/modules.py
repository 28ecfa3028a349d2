r"""Gradient modules: the bricks of every network here, eqs. (20)–(21) and (26)–(27).

A module reads some coordinates and moves others along the gradient of a local Hamiltonian
:math:`h \sum_i w_i S(W_i \cdot \hat y + b_i)`, :math:`S' = \sigma`. What it moves it does not read: its
Jacobian is unit triangular, so volume is kept for every weight, and a step of −h undoes it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .flow import column

Activation = Callable[[Tensor], Tensor]
ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "swish": nn.functional.silu,
    "linear": lambda z: z,
}


class GradientModule(nn.Module):
    r"""Move the coordinates ``moved`` by what the coordinates ``read`` say:

    .. math:: Y_\text{moved} = y_\text{moved} \pm h \, W_\text{columns}^\top \mathrm{diag}(w)\, \sigma(W \hat y + b)

    with :math:`\hat y = y_\text{read}`. Use :meth:`local` for eqs. (26)–(27) and :meth:`symplectic` for eqs. (20)–(21).

    n: dimension. moved, read: disjoint coordinates. columns: for each moved coordinate, the column of W it is moved
    along. sign: +1 (up) or −1 (low). width: hidden units m. activation: a name of ``ACTIVATIONS`` or a callable.
    Weights: W ``(m, len(read))``, w ``(m)``, b ``(m)`` (none for linear); W, w ~ N(0, std²), b ~ N(0, bias_std²).
    """

    def __init__(
        self,
        n: int,
        moved: tuple[int, ...],
        read: tuple[int, ...],
        columns: tuple[int, ...],
        sign: int,
        width: int,
        activation: str | Activation = "sigmoid",
        *,
        std: float = 0.1,
        bias_std: float = 0.0,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__()
        self.n, self.moved, self.read, self.columns, self.sign = n, tuple(moved), tuple(read), tuple(columns), sign
        self.activation = activation
        self.sigma = ACTIVATIONS[activation] if isinstance(activation, str) else activation

        def normal(*shape: int, std: float) -> nn.Parameter:
            return nn.Parameter(std * torch.randn(*shape, generator=generator, dtype=dtype))

        self.W = normal(width, len(self.read), std=std)
        self.w = normal(width, std=std)
        self.b = None if activation == "linear" else normal(width, std=bias_std)
        lift = torch.zeros(len(self.moved), n, dtype=dtype)
        lift[range(len(self.moved)), self.moved] = 1.0
        self.register_buffer("lift", lift, persistent=False)

    @classmethod
    def local(cls, n: int, k: int, move: str, width: int, activation: str | Activation = "sigmoid", **init) -> GradientModule:
        """The module on the pair (y_k, y_k+1): eq. (26) ``"up"`` moves y_k, eq. (27) ``"low"`` moves y_k+1.

        k counts from 0 (the paper: from 1). Column k of W weighs the *partner* of the moved coordinate.
        """
        j = k if move == "up" else k + 1
        read = tuple(i for i in range(n) if i != j)
        return cls(n, (j,), read, (k,), 1 if move == "up" else -1, width, activation, **init)

    @classmethod
    def symplectic(cls, n: int, move: str, width: int, activation: str | Activation = "sigmoid", **init) -> GradientModule:
        """The module on (q, p) of R^2d, n = 2d: eq. (20) ``"up"`` moves q by p, eq. (21) ``"low"`` moves p by q."""
        q, p = tuple(range(n // 2)), tuple(range(n // 2, n))
        moved, read, sign = (q, p, 1) if move == "up" else (p, q, -1)
        return cls(n, moved, read, tuple(range(n // 2)), sign, width, activation, **init)

    def forward(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Return the moved states, shape ``(*, n)``; only the coordinates ``moved`` differ. h: number or ``(*)``."""
        hidden = self.sigma(nn.functional.linear(y[..., self.read], self.W, self.b))
        shift = (hidden * self.w) @ self.W[:, self.columns]
        return y + (self.sign * column(h)) * (shift @ self.lift)

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo :meth:`forward`: what was read has not moved, so the same shift is taken back."""
        return self(y, -h)
