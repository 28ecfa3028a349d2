r"""The network of the paper, eqs. (28)–(31): locally-symplectic, and therefore volume-preserving."""

from __future__ import annotations

from typing import Any

import torch

from ..guards import integer, one_of
from .activations import Activation, Function, activation_of
from .network import Network
from .shears import GradientModule


class LocSympNet(Network):
    r"""The locally-symplectic network (31): K times the pairs (V_1, …, V_{n−1}), each Up then Low, eqs. (29)–(30).

    Args:
        n: The dimension, at least 2.
        K: The number of repetitions, at least 1.
        width: The number m of hidden units, at least 1.
        activation: A name of ``ACTIVATIONS``, an :class:`~locsym.networks.Activation`, or a callable that acts
            elementwise.
        symmetric: Whether to take the published SymLocSympNet :math:`(V_{-h/2})^{-1} \circ V_{h/2}` with tied weights,
            for which :math:`\Phi_{-h} \circ \Phi_h = \mathrm{id}`.
        order: ``"ascending"`` applies V_1 first, ``"printed"`` V_{n−1} first, as eq. (31) reads.
        std, bias_std: The standard deviations of the starting weights and of the starting biases, at least 0.
        generator: The source of random numbers; None for torch's own.
        dtype: The dtype of the weights, ``torch.float32`` or ``torch.float64``.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> import torch
        >>> from locsym import LocSympNet
        >>> net = LocSympNet(n=3, K=2, width=16)
        >>> len(net.layers)  # 2 (n − 1) K
        8
        >>> net(torch.zeros(5, 3, dtype=torch.float64), 0.1).shape
        torch.Size([5, 3])
    """

    CONFIG = ("n", "K", "width", "activation", "symmetric", "order")

    def __init__(
        self,
        n: int,
        K: int,
        width: int,
        activation: str | Activation | Function = "sigmoid",
        *,
        symmetric: bool = False,
        order: str = "ascending",
        std: float = 0.5,
        bias_std: float = 0.5,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float64,
    ):
        n, K, width = integer("n", n, 2), integer("K", K, 1), integer("width", width, 1)
        if not isinstance(symmetric, bool):
            raise TypeError(f"symmetric: True or False is needed, got {symmetric!r}")
        one_of("order", order, ("ascending", "printed"))
        pairs = range(n - 1) if order == "ascending" else range(n - 2, -1, -1)
        init: dict[str, Any] = {"std": std, "bias_std": bias_std, "generator": generator, "dtype": dtype}
        layers = [
            GradientModule.local(n, k, move, width, activation, **init)
            for _ in range(K)
            for k in pairs
            for move in ("up", "low")
        ]
        once = tuple(range(len(layers)))
        visits = [(i, 0.5) for i in once + once[::-1]] if symmetric else [(i, 1.0) for i in once]
        super().__init__(n, layers, visits)
        self.K, self.width, self.symmetric, self.order = K, width, symmetric, order
        self.activation = layers[0].activation

    @staticmethod
    def count(n: int, K: int, width: int, activation: str | Activation | Function = "sigmoid", **_: Any) -> int:
        """Return the number of weights: 2(n−1)K modules of m(n−1) + m + m, the last m only with a bias.

        Args:
            n: The dimension.
            K: The number of repetitions.
            width: The number m of hidden units.
            activation: The activation; ``"linear"`` has no bias.

        Returns:
            The number of weights.

        Raises:
            TypeError, ValueError: If an argument is not allowed. The message names it.
        """
        n, K, width = integer("n", n, 2), integer("K", K, 1), integer("width", width, 1)
        return 2 * (n - 1) * K * width * (n + activation_of(activation).has_bias)
