r"""Activations σ: each is one value, which the modules, the linearisation and the compiled kernel all read.

To add one, write its :class:`Activation` and put it into ``ACTIVATIONS``; nothing else has to change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Activation:
    """An activation σ that acts elementwise.

    Args:
        name: What it is called in files, messages and ``ACTIVATIONS``.
        value: z ↦ σ(z), from a tensor to a tensor of the same shape and dtype.
        slope: (z, σ(z)) ↦ σ'(z). Without it, automatic differentiation gives the slope.
        native: Its number in the compiled kernel, ``networks/native/kernel.cpp``. Without one, torch evaluates it.

    Example:
        >>> import torch
        >>> from locsym.networks import Activation
        >>> sine = Activation("sin", torch.sin, lambda z, value: torch.cos(z))
        >>> value, slope = sine.with_slope(torch.zeros(1))
        >>> value.item(), slope.item()
        (0.0, 1.0)
    """

    name: str
    value: Function
    slope: Callable[[Tensor, Tensor], Tensor] | None = None
    native: int | None = None

    def __call__(self, z: Tensor) -> Tensor:
        """Return σ(z).

        Args:
            z: A tensor of any shape.

        Returns:
            The values, of the shape and dtype of z.
        """
        return self.value(z)

    def with_slope(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return σ(z) and σ'(z).

        Args:
            z: A tensor of any shape.

        Returns:
            The values and the slopes, of the shape and dtype of z, without gradients where torch finds the slope.
        """
        if self.slope is not None:
            return (value := self.value(z)), self.slope(z, value)
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            value = self.value(z)
            return value.detach(), torch.autograd.grad(value.sum(), z)[0]

    @property
    def has_bias(self) -> bool:
        """Whether modules of this activation have a bias; linear ones have none (Sec. 4.1)."""
        return self.name != "linear"


def _itself(z: Tensor) -> Tensor:
    return z


def _one(z: Tensor, value: Tensor) -> Tensor:
    return torch.ones_like(z)


def _sigmoid_slope(z: Tensor, value: Tensor) -> Tensor:
    return value * (1 - value)


def _tanh_slope(z: Tensor, value: Tensor) -> Tensor:
    return 1 - value * value


def _swish_slope(z: Tensor, value: Tensor) -> Tensor:
    s = torch.sigmoid(z)
    return s + value * (1 - s)


_SWISH = Activation("swish", nn.functional.silu, _swish_slope, native=3)
ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation("linear", _itself, _one, native=0),
    "sigmoid": Activation("sigmoid", torch.sigmoid, _sigmoid_slope, native=1),
    "tanh": Activation("tanh", torch.tanh, _tanh_slope, native=2),
    "swish": _SWISH,
    "silu": _SWISH,  # torch's name of it
}


def activation_of(given: str | Activation | Function) -> Activation:
    """Return the activation of a name, or wrap a callable that acts elementwise.

    Args:
        given: A name of ``ACTIVATIONS``, an :class:`~locsym.networks.Activation`, or a callable that acts elementwise.

    Returns:
        The activation.

    Raises:
        TypeError: If it is none of these, or a callable with weights of its own, which would not be trained.
        ValueError: If the name is unknown.
    """
    if isinstance(given, str):
        if given not in ACTIVATIONS:
            raise ValueError(f"activation: one of {sorted(ACTIVATIONS)} or a callable is needed, got {given!r}")
        return ACTIVATIONS[given]
    if isinstance(given, Activation):
        return given
    if not callable(given):
        raise TypeError(f"activation: a name or a callable is needed, got {type(given).__name__}")
    if isinstance(given, nn.Module) and next(given.parameters(), None) is not None:
        raise TypeError(f"activation: {type(given).__name__} has weights of its own, which are not trained here")
    return Activation(getattr(given, "__name__", type(given).__name__), given)


def elementwise(given: str | Activation | Function, dtype: torch.dtype) -> Activation:
    """Return an activation after a test that it keeps shape and dtype.

    Args:
        given: A name of ``ACTIVATIONS``, an :class:`~locsym.networks.Activation`, or a callable that acts elementwise.
        dtype: The dtype of the test.

    Returns:
        The activation.

    Raises:
        TypeError: If ``given`` is none of these, or a callable with weights of its own.
        ValueError: If the name is unknown, or if the shape or the dtype changes.
    """
    found = activation_of(given)
    if isinstance(given, str):
        return found
    probe = found(torch.zeros(2, 3, dtype=dtype))
    if not isinstance(probe, Tensor) or probe.shape != (2, 3) or probe.dtype != dtype:
        raise ValueError("activation: a callable must act elementwise, tensor to tensor of the same shape and dtype")
    return found
