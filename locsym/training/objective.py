"""The loss of first-order methods: the mean squared error of one step, and its gradient, at flat weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..data import Pairs
from ..flow import FlowMap
from ..networks import Network
from ..networks.native.compiled import Compiled, flat, why_not_compiled


class Objective:
    """The mean squared error of one step of a network and its gradient, as functions of the weights θ ``(P,)``.

    θ is in the order of ``network.parameters()``; the gradient is zero for parameters without ``requires_grad``. The
    kernel evaluates both if it can, otherwise torch does; the attribute ``note`` says which, and why. The attribute
    ``start`` holds the weights of the network.

    Args:
        network: The network, which is given other weights when torch evaluates it.
        pairs: The training pairs.
        validation: The validation pairs; None for none.

    Raises:
        ValueError: If none of the weights asks for a gradient.
    """

    def __init__(self, network: nn.Module, pairs: Pairs, validation: Pairs | None = None):
        if not any(p.requires_grad for p in network.parameters()):
            raise ValueError("network: none of its weights asks for a gradient, there is nothing to train")
        self.parameters, self.start = list(network.parameters()), flat(network)
        self.step = unchecked(network)
        self.train = _contiguous(pairs)
        self.held_out = None if validation is None else _contiguous(validation)
        reason = why_not_compiled(network)
        self.kernel = None if reason else Compiled(network)
        self.note = f"plain torch, {reason}" if reason else "compiled kernel"

    @property
    def trained(self) -> list[tuple[int, int]]:
        """The ranges of θ whose parameters have ``requires_grad``; neighbours are joined."""
        ranges: list[tuple[int, int]] = []
        start = 0
        for p in self.parameters:
            stop = start + p.numel()
            if p.requires_grad:
                ranges.append((ranges.pop()[0] if ranges and ranges[-1][1] == start else start, stop))
            start = stop
        return ranges

    def __call__(self, theta: Tensor) -> tuple[float, Tensor]:
        """Return the loss at θ and its gradient.

        Args:
            theta: The weights θ, ``(P,)``.

        Returns:
            The loss, and its gradient ``(P,)``.
        """
        if self.kernel is not None:
            loss, gradient = self.kernel.gradient(theta, *self.train)
            return loss, self._masked(gradient)
        self.load(theta)
        error = self._error(self.train)
        asked = [p for p in self.parameters if p.requires_grad]
        found = iter(torch.autograd.grad(error, asked, materialize_grads=True))
        parts = [next(found) if p.requires_grad else torch.zeros_like(p) for p in self.parameters]
        return error.item(), torch.cat([part.flatten() for part in parts])

    def validation(self, theta: Tensor) -> float:
        """Return the loss at θ on the validation pairs.

        Args:
            theta: The weights θ, ``(P,)``.

        Returns:
            The loss; NaN if there are no validation pairs.
        """
        if self.held_out is None:
            return math.nan
        if self.kernel is not None:
            return self.kernel.loss(theta, *self.held_out)
        self.load(theta)
        with torch.no_grad():
            return self._error(self.held_out).item()

    def load(self, theta: Tensor) -> None:
        """Give the network the weights θ.

        Args:
            theta: The weights θ, ``(P,)``.
        """
        with torch.no_grad():
            for p, part in zip(self.parameters, theta.split([p.numel() for p in self.parameters]), strict=True):
                p.copy_(part.view_as(p))

    def _error(self, data: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        y, h, target = data
        return (self.step(y, h) - target).square().mean()

    def _masked(self, gradient: Tensor) -> Tensor:
        kept = torch.zeros_like(gradient)
        for start, stop in self.trained:
            kept[start:stop] = gradient[start:stop]
        return kept


def _contiguous(pairs: Pairs) -> tuple[Tensor, Tensor, Tensor]:
    return pairs.y.contiguous(), pairs.h.contiguous(), pairs.target.contiguous()


def unchecked(network: nn.Module) -> FlowMap:
    """Return the network's step without a check of its result: if it overflows, the loss shows it.

    Args:
        network: A flow map.

    Returns:
        The flow map ``network.step`` of a network of this library, else ``network`` itself.
    """
    if isinstance(network, Network) and type(network).forward is Network.forward:
        return network.step
    return network


def mean_squared_error(network: nn.Module, pairs: Pairs) -> float:
    """Return the mean of (Φ_h(y) − target)² over samples and components.

    Args:
        network: The flow map Φ.
        pairs: The pairs (y, target), with the dtype and device of the weights.

    Returns:
        The error; infinity or NaN if the step overflows.

    Example:
        >>> import torch
        >>> from locsym import LocSympNet, Pairs
        >>> from locsym.training import mean_squared_error
        >>> y = torch.zeros(4, 3, dtype=torch.float64)
        >>> net = LocSympNet(n=3, K=1, width=8, std=0.0)  # the identity
        >>> mean_squared_error(net, Pairs(y, h=0.1, target=y + 2))
        4.0
    """
    with torch.no_grad():
        return float((unchecked(network)(pairs.y, pairs.h) - pairs.target).square().mean())
