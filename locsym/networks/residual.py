r"""A flow map without structure, to compare with: one step of an unknown field, given by a perceptron."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..flow import column, finite_step
from ..guards import integer, states_and_step
from .activations import Activation, Function, elementwise
from .modules import normal


class ResidualNet(nn.Module):
    r"""The flow map :math:`\Phi_h(y) = y + h \, V \sigma(W y + b)`: a residual step that preserves nothing.

    It has no inverse in closed form. Training takes derivatives automatically.

    Args:
        n: Dimension.
        width: Hidden units m.
        activation: A name of ``ACTIVATIONS`` or a callable that acts elementwise.
        std, bias_std: W, V ~ N(0, std²), ``(m, n)`` and ``(n, m)``; b ~ N(0, bias_std²), ``(m)``.
        generator: For these; None for torch's own.
        dtype: ``torch.float32`` or ``torch.float64``.

    Raises:
        TypeError, ValueError: Naming the argument.

    Example:
        >>> net = ResidualNet(n=3, width=8)
        >>> net(torch.zeros(5, 3, dtype=torch.float64), 0.1).shape
        torch.Size([5, 3])
    """

    def __init__(
        self,
        n: int,
        width: int,
        activation: str | Activation | Function = "tanh",
        *,
        std: float = 0.5,
        bias_std: float = 0.5,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__()
        self.n, width, self.activation = integer("n", n, 1), integer("width", width, 1), elementwise(activation, dtype)
        self.W = normal(width, n, std=std, generator=generator, dtype=dtype)
        self.V = normal(n, width, std=std, generator=generator, dtype=dtype)
        self.b = normal(width, std=bias_std, generator=generator, dtype=dtype, name="bias_std")

    def forward(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Return the states after one step, ``(*, n)``; h: number or ``(*)``.

        Raises TypeError or ValueError, naming the argument, for other input, also if it is not finite, and for an
        overflow.
        """
        h = states_and_step(y, h, self.n, self.W)
        return finite_step(y + column(h) * (self.activation(nn.functional.linear(y, self.W, self.b)) @ self.V.mT))
