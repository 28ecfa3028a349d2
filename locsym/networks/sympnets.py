r"""SympNets (Jin et al. 2020): symplectic networks of gradient modules, or of linear and activation modules."""

from __future__ import annotations

from typing import Any

from ..guards import integer
from .activations import Activation, Function, activation_of
from .network import Network
from .shears import ActivationModule, GradientModule, LinearModule


class SympNet(Network):
    """The symplectic network G-SympNet, eq. (23), on (q, p) of R^2d: L layers, each Up (20) then Low (21), with h = τ.

    Args:
        n: The dimension 2d, even.
        L: The number of layers, at least 1, each of two modules.
        width: The number m of hidden units, at least 1.
        activation: A name of ``ACTIVATIONS``, an :class:`~locsym.networks.Activation`, or a callable that acts
            elementwise.
        **init: std, bias_std, generator and dtype, see :class:`~locsym.networks.GradientModule`.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> from locsym import SympNet
        >>> len(SympNet(n=2, L=3, width=8).layers)
        6
    """

    CONFIG = ("n", "L", "width", "activation")

    def __init__(self, n: int, L: int, width: int, activation: str | Activation | Function = "sigmoid", **init: Any):
        L = integer("L", L, 1)
        layers = [
            GradientModule.symplectic(n, move, width, activation, **init) for _ in range(L) for move in ("up", "low")
        ]
        super().__init__(n, layers, ((i, 1.0) for i in range(len(layers))))
        self.L, self.width, self.activation = L, layers[0].W.shape[0], layers[0].activation

    @staticmethod
    def count(n: int, L: int, width: int, activation: str | Activation | Function = "sigmoid", **_: Any) -> int:
        """Return the number of weights: 2L modules of md + m + m, the last m only with a bias.

        Args:
            n: The dimension 2d.
            L: The number of layers.
            width: The number m of hidden units.
            activation: The activation; ``"linear"`` has no bias.

        Returns:
            The number of weights.

        Raises:
            TypeError, ValueError: If an argument is not allowed. The message names it.
        """
        n, L, width = integer("n", n, 2), integer("L", L, 1), integer("width", width, 1)
        return 2 * L * width * (n // 2 + 1 + activation_of(activation).has_bias)


class LASympNet(Network):
    """The symplectic network LA-SympNet (paper's [9]) on (q, p) of R^2d; with h, so that h = 0 is the identity.

    Linear blocks of symmetric shears with bias alternate with activation modules: L layers are 2L activation modules,
    Up and Low in turn, between 2L + 1 linear blocks.

    Args:
        n: The dimension 2d, even.
        L: The number of layers, at least 1.
        sublayers: The number of shears in a linear block, at least 1.
        activation: A name of ``ACTIVATIONS``, an :class:`~locsym.networks.Activation`, or a callable that acts
            elementwise.
        **init: std, generator and dtype, see :class:`~locsym.networks.ActivationModule`.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> from locsym import LASympNet
        >>> len(LASympNet(n=2, L=1, sublayers=2).layers)  # 3 · 2 linear, 2 activation
        8
    """

    CONFIG = ("n", "L", "sublayers", "activation")

    def __init__(
        self, n: int, L: int, sublayers: int = 2, activation: str | Activation | Function = "sigmoid", **init: Any
    ):
        n, L, sublayers = integer("n", n, 2), integer("L", L, 1), integer("sublayers", sublayers, 1)
        moves = ("up", "low")
        layers: list[LinearModule | ActivationModule] = []
        for block in range(2 * L + 1):
            layers += [LinearModule(n, moves[(block + i) % 2], **init) for i in range(sublayers)]
            if block < 2 * L:
                layers.append(ActivationModule(n, moves[block % 2], activation, **init))
        super().__init__(n, layers, ((i, 1.0) for i in range(len(layers))))
        self.L, self.sublayers, self.activation = L, sublayers, next(self._activations())

    @staticmethod
    def count(n: int, L: int, sublayers: int = 2, **_: Any) -> int:
        """Return the number of weights: (2L+1)·sublayers shears of d² + d, and 2L activation modules of d.

        Args:
            n: The dimension 2d.
            L: The number of layers.
            sublayers: The number of shears in a linear block.

        Returns:
            The number of weights.

        Raises:
            TypeError, ValueError: If an argument is not allowed. The message names it.
        """
        d, L, sublayers = integer("n", n, 2) // 2, integer("L", L, 1), integer("sublayers", sublayers, 1)
        return (2 * L + 1) * sublayers * (d * d + d) + 2 * L * d
