r"""Activations σ and their derivatives σ', by formula or by automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Activation = Callable[[Tensor], Tensor]
ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "swish": nn.functional.silu,
    "linear": lambda z: z,
}


def elementwise(activation: str | Activation, dtype: torch.dtype) -> Activation:
    """Return the function of a named activation, or a callable after a test that it keeps shape and dtype."""
    if isinstance(activation, str):
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation: one of {sorted(ACTIVATIONS)} or a callable is needed, got {activation!r}")
        return ACTIVATIONS[activation]
    if not callable(activation):
        raise TypeError(f"activation: a name or a callable is needed, got {type(activation).__name__}")
    probe = activation(torch.zeros(2, 3, dtype=dtype))
    if not isinstance(probe, Tensor) or probe.shape != (2, 3) or probe.dtype != dtype:
        raise ValueError("activation: a callable must act elementwise, tensor to tensor of the same shape and dtype")
    return activation


def _sigmoid(z: Tensor) -> tuple[Tensor, Tensor]:
    s = torch.sigmoid(z)
    return s, s * (1 - s)


def _tanh(z: Tensor) -> tuple[Tensor, Tensor]:
    s = torch.tanh(z)
    return s, 1 - s * s


def _swish(z: Tensor) -> tuple[Tensor, Tensor]:
    s = torch.sigmoid(z)
    return z * s, s * (1 + z * (1 - s))


ANALYTIC = {"sigmoid": _sigmoid, "tanh": _tanh, "swish": _swish, "linear": lambda z: (z, torch.ones_like(z))}


def with_derivative(activation: str | Activation) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """Return z → (σ(z), σ'(z)): by formula if the activation has a name, else by automatic differentiation."""
    if isinstance(activation, str):
        return ANALYTIC[activation]

    def differentiated(z: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            value = activation(z)
            return value.detach(), torch.autograd.grad(value.sum(), z)[0]

    return differentiated
