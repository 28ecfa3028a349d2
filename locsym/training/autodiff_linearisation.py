"""The linearisation of networks that have no closed form: J itself, by automatic differentiation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from ..networks import Network


class AutodiffLinearisation:
    """A network and its data, ready to be linearised at any weights θ ``(P,)``; see ``Linearisation``."""

    def __init__(self, network: Network, y: Tensor, h: Tensor, target: Tensor):
        self.step, self.y, self.h, self.target = _Step(network), y, h, target
        self.shapes = {name: p.shape for name, p in self.step.named_parameters()}
        self.P = sum(shape.numel() for shape in self.shapes.values())

    def residual(self, theta: Tensor) -> Tensor:
        """Return r(θ), ``(N, n)``."""
        return self._step(theta, self.y, self.h) - self.target

    def at(self, theta: Tensor) -> AutodiffTangent:
        """Return the linearisation at θ, computed sample by sample."""
        J = vmap(jacrev(self._step), (None, 0, 0))(theta, self.y, self.h)
        return AutodiffTangent(self.residual(theta), J.flatten(0, 1))

    def _step(self, theta: Tensor, y: Tensor, h: Tensor) -> Tensor:
        parts = theta.split([shape.numel() for shape in self.shapes.values()])
        weights = {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}
        return functional_call(self.step, weights, (y, h))


class AutodiffTangent:
    """The matrix J ``(N n, P)`` and its products; see ``Tangent``."""

    def __init__(self, residual: Tensor, J: Tensor):
        self.residual, self.J = residual, J.detach()

    def jvp(self, delta: Tensor) -> Tensor:
        """Return J δ."""
        return self.J @ delta

    def vjp(self, v: Tensor) -> Tensor:
        """Return Jᵀ v."""
        return v.flatten() @ self.J

    def gram(self, out: Tensor | None = None) -> Tensor:
        """Return J Jᵀ."""
        return torch.mm(self.J, self.J.T, out=out)

    def normal(self, out: Tensor | None = None) -> Tensor:
        """Return Jᵀ J."""
        return torch.mm(self.J.T, self.J, out=out)


class _Step(nn.Module):
    """The network without the checks of its input, which would fail inside ``vmap``."""

    def __init__(self, network: Network):
        super().__init__()
        self.network = network

    def forward(self, y: Tensor, h: Tensor) -> Tensor:
        return self.network.step(y, h)
