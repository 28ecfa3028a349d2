"""The linearisation of networks that have no closed form: J itself, by automatic differentiation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap
from torch.nn.utils import parameters_to_vector

from .objective import unchecked


class AutodiffLinearisation:
    """Any flow map that is a ``torch.nn.Module``, and its data, ready to be linearised at any weights θ ``(P,)``.

    It offers what :class:`~locsym.networks.Linearisation` offers. Derivatives are taken for all samples at once where
    torch can do that (``vmap``), else for one residual after the other, which is slower by far.

    Args:
        network: The flow map.
        y: The states before the step, ``(N, n)``, with the dtype of the weights.
        h: The time steps, ``(N,)``.
        target: The states after the step, ``(N, n)``.
    """

    def __init__(self, network: nn.Module, y: Tensor, h: Tensor, target: Tensor):
        self.step, self.y, self.h, self.target = _Step(network), y, h, target
        self.shapes = {name: p.shape for name, p in self.step.named_parameters()}
        self.P = sum(shape.numel() for shape in self.shapes.values())
        self.by_sample = self._works_by_sample(parameters_to_vector(network.parameters()).detach())

    def residual(self, theta: Tensor) -> Tensor:
        """Return the residual r(θ).

        Args:
            theta: The weights θ, ``(P,)``.

        Returns:
            The residual, ``(N, n)``.
        """
        return self._step(theta, self.y, self.h) - self.target

    def at(self, theta: Tensor) -> AutodiffTangent:
        """Return the linearisation at θ.

        Args:
            theta: The weights θ, ``(P,)``.

        Returns:
            The residual, J and its products.
        """
        if self.by_sample:
            return AutodiffTangent(self.residual(theta), self._jacobian(theta, self.y, self.h).flatten(0, 1))
        theta = theta.detach().requires_grad_()
        r = self.residual(theta)
        rows = [torch.autograd.grad(x, theta, retain_graph=True, materialize_grads=True)[0] for x in r.flatten()]
        return AutodiffTangent(r.detach(), torch.stack(rows))

    def _jacobian(self, theta: Tensor, y: Tensor, h: Tensor) -> Tensor:
        return vmap(jacrev(self._step), (None, 0, 0))(theta, y, h)

    def _works_by_sample(self, theta: Tensor) -> bool:
        """Return whether ``vmap`` can take the network: it must accept one state, and not decide by values."""
        y, h = self.y[:1], self.h[:1]
        try:
            return self._jacobian(theta, y, h).shape == (*y.shape, self.P)
        except (RuntimeError, TypeError, ValueError, IndexError):
            return False

    def _step(self, theta: Tensor, y: Tensor, h: Tensor) -> Tensor:
        parts = theta.split([shape.numel() for shape in self.shapes.values()])
        weights = {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}
        return functional_call(self.step, weights, (y, h))


class AutodiffTangent:
    """The matrix J ``(N n, P)`` and its products; see :class:`~locsym.networks.linearisation.Tangent`.

    Args:
        residual: The residual r, ``(N, n)``.
        J: The matrix, ``(N n, P)``.
    """

    def __init__(self, residual: Tensor, J: Tensor):
        self.residual, self.J = residual, J.detach()

    def jvp(self, delta: Tensor) -> Tensor:
        """Return J δ.

        Args:
            delta: The change δ of the weights, ``(P,)``.

        Returns:
            The change of the residual to first order, ``(N n,)``.
        """
        return self.J @ delta

    def vjp(self, v: Tensor) -> Tensor:
        """Return Jᵀ v; with v = 2 r / (N n) it is the gradient of the mean squared error.

        Args:
            v: A vector of residuals, ``(N, n)`` or ``(N n,)``.

        Returns:
            The product, ``(P,)``.
        """
        return v.flatten() @ self.J

    def gram(self, out: Tensor | None = None) -> Tensor:
        """Return J Jᵀ.

        Args:
            out: A matrix ``(N n, N n)`` to write over; None for a new one.

        Returns:
            The matrix, ``(N n, N n)``.
        """
        return torch.mm(self.J, self.J.T, out=out)

    def normal(self, out: Tensor | None = None) -> Tensor:
        """Return Jᵀ J.

        Args:
            out: A matrix ``(P, P)`` to write over; None for a new one.

        Returns:
            The matrix, ``(P, P)``.
        """
        return torch.mm(self.J.T, self.J, out=out)


class _Step(nn.Module):
    """The network without the checks of its input, where it has such a step: they would fail inside ``vmap``."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, y: Tensor, h: Tensor) -> Tensor:
        return unchecked(self.network)(y, h)
