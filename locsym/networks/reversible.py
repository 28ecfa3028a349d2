r"""Reversible networks: any network, made reversible under a linear involution R, for all weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..guards import involution
from .activations import Activation
from .network import ARCHITECTURES, MIRROR, Network


class Reversible(Network):
    r"""The network :math:`\Phi_h = R \, \Psi_{h/2}^{-1} R \, \Psi_{h/2}`; then :math:`R \, \Phi_h R = \Phi_h^{-1}`.

    Ψ is any network of shears. Its modules are used twice, once forwards and once, reflected, backwards, so that Φ has
    as many weights as Ψ, and preserves volume or symplecticity where Ψ and R do. A field with R f(R y) = −f(y) has such
    a flow; see :func:`~locsym.diagnostics.reversing_signs` for finding R.

    If the visits of Ψ read the same in both directions, as those of a symmetric network do, each *module* S is replaced
    by :math:`R \, S_{h/2}^{-1} R \, S_{h/2}` instead. For a diagonal R this is a shear again, and Φ is symmetric as
    well: :math:`\Phi_{-h} = \Phi_h^{-1}`.

    Args:
        network: Ψ, a network that is not reversible yet. Its modules are shared, not copied.
        R: The involution: n signs, such as ``(1, -1, 1)``, or a matrix ``(n, n)`` with R R = 1.

    Raises:
        TypeError, ValueError: If an argument is not allowed, or if Ψ is symmetric and R is not diagonal. The message
            names the argument.

    Example:
        >>> import torch
        >>> from locsym import LocSympNet, Reversible
        >>> net = Reversible(LocSympNet(n=3, K=2, width=8), R=(1, -1, 1))
        >>> y = torch.tensor([0.1, 0.7, 0.2], dtype=torch.float64)
        >>> R = torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
        >>> torch.allclose(R * net(R * net(y, 0.1), 0.1), y)
        True
    """

    CONFIG = ("base", "arguments", "R")
    mirror: Tensor

    def __init__(self, network: Network, R: Tensor | tuple[float, ...] | list[float]):
        if not isinstance(network, Network) or not network.is_sequential:
            raise TypeError(f"network: a network of modules in turn is needed, got {type(network).__name__}")
        if network.mirror is not None:
            raise ValueError(f"network: {type(network).__name__} is reflected already")
        like = next(network.parameters())
        mirror = involution("R", R, network.n, like.dtype).to(like.device)
        visits = network.visits
        if visits == visits[::-1]:
            if bool((mirror != torch.diag(mirror.diagonal())).any()):
                raise ValueError("R: a diagonal involution is needed for a symmetric network, got another matrix")
            path = [step for i, c in visits for step in ((i, c / 2), (MIRROR, 0.0), (i, -c / 2), (MIRROR, 0.0))]
        else:
            back = [(i, -c / 2) for i, c in reversed(visits)]
            path = [*((i, c / 2) for i, c in visits), (MIRROR, 0.0), *back, (MIRROR, 0.0)]
        super().__init__(network.n, network.layers, path, mirror)
        self.base, self.arguments = type(network).__name__, network.config
        self._inner = repr(network)

    @property
    def R(self) -> list[list[float]]:
        """The involution, as rows of numbers."""
        return self.mirror.tolist()

    @property
    def activation(self) -> Activation | None:
        """The activation of the network that was made reversible; None if it has none."""
        return next(self._activations(), None)

    def __repr__(self) -> str:
        signs = self.mirror.diagonal()
        said = signs.tolist() if bool((self.mirror == torch.diag(signs)).all()) else self.R
        return f"Reversible({self._inner}, R={said})"

    @classmethod
    def of_config(cls, dtype: torch.dtype, **config: Any) -> Reversible:
        """Build the network of a configuration, with weights of its own.

        Args:
            dtype: The dtype of the weights.
            **config: The arguments that determine the architecture; see :attr:`config`.

        Returns:
            The network.

        Raises:
            TypeError, ValueError: If the configuration is not allowed. The message names the argument.
        """
        return cls(_base(config["base"]).of_config(dtype, **config["arguments"]), config["R"])

    @staticmethod
    def count(base: str, arguments: dict[str, Any], **_: Any) -> int:
        """Return the number of weights, which is that of the network that was made reversible.

        Args:
            base: The class of that network, by its name.
            arguments: Its configuration.

        Returns:
            The number of weights.

        Raises:
            TypeError, ValueError: If an argument is not allowed. The message names it.
        """
        return _base(base).count(**arguments)


def _base(name: str) -> type[Network]:
    if name not in ARCHITECTURES or name == Reversible.__name__:
        raise ValueError(f"base: one of {sorted(ARCHITECTURES)} is needed, got {name!r}")
    return ARCHITECTURES[name]
