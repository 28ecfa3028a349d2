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

    It has no inverse in closed form. Training takes derivatives automatically. The weights W ``(m, n)``, V ``(n, m)``
    and b ``(m,)`` start as W, V ~ N(0, std²) and b ~ N(0, bias_std²).

    Args:
        n: The dimension, at least 1.
        width: The number m of hidden units, at least 1.
        activation: A name of ``ACTIVATIONS``, an :class:`~locsym.networks.Activation`, or a callable that acts
            elementwise.
        std, bias_std: The standard deviations of the starting weights and of the starting biases, at least 0.
        generator: The source of random numbers; None for torch's own.
        dtype: The dtype of the weights, ``torch.float32`` or ``torch.float64``.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> import torch
        >>> from locsym.networks import ResidualNet
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
        """Advance the states by one step.

        Args:
            y: The states, ``(*, n)``, floating-point and finite, with the dtype and device of the weights.
            h: The time step, a number or ``(*)``.

        Returns:
            The states after the step, ``(*, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed, or if the step overflows. The message names the
                argument.
        """
        h = states_and_step(y, h, self.n, self.W)
        return finite_step(y + column(h) * (self.activation(nn.functional.linear(y, self.W, self.b)) @ self.V.mT))
