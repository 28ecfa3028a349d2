r"""Networks: compositions of gradient modules that keep volume, or the symplectic form, for every weight."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .modules import Activation, GradientModule


class Network(nn.Module):
    """A flow map that visits its modules in turn.

    layers: the modules. visits: pairs (index of a module, fraction of the step h that it takes); a module that is
    visited twice has tied weights.
    """

    def __init__(self, n: int, layers: list[nn.Module], visits: tuple[tuple[int, float], ...]):
        super().__init__()
        self.n, self.layers, self.visits = n, nn.ModuleList(layers), visits

    def forward(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance states ``(*, n)`` by one step; h: number or ``(*)``."""
        for i, c in self.visits:
            y = self.layers[i](y, c * h)
        return y

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo one step exactly (to rounding): the modules backwards, each with −h."""
        for i, c in reversed(self.visits):
            y = self.layers[i].inverse(y, c * h)
        return y


class LocSympNet(Network):
    r"""The locally-symplectic network (31): K times the pairs (V_1, …, V_{n−1}), each Up then Low, eqs. (29)–(30).

    n: dimension, >= 2. K: repetitions, >= 1. width: hidden units m. symmetric: the published SymLocSympNet
    :math:`(V_{-h/2})^{-1} \circ V_{h/2}` with tied weights, for which :math:`\Phi_{-h} \circ \Phi_h = \mathrm{id}`.
    order: ``"ascending"`` applies V_1 first, ``"printed"`` V_{n−1} first, as eq. (31) reads.
    """

    def __init__(
        self,
        n: int,
        K: int,
        width: int,
        activation: str | Activation = "sigmoid",
        *,
        symmetric: bool = False,
        order: str = "ascending",
        std: float = 0.1,
        bias_std: float = 0.0,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float64,
    ):
        pairs = range(n - 1) if order == "ascending" else range(n - 2, -1, -1)
        init = dict(std=std, bias_std=bias_std, generator=generator, dtype=dtype)
        layers = [
            GradientModule.local(n, k, move, width, activation, **init)
            for _ in range(K)
            for k in pairs
            for move in ("up", "low")
        ]
        once = tuple(range(len(layers)))
        visits = [(i, 0.5) for i in once + once[::-1]] if symmetric else [(i, 1.0) for i in once]
        super().__init__(n, layers, tuple(visits))
        self.K, self.width, self.activation, self.symmetric, self.order = K, width, activation, symmetric, order
