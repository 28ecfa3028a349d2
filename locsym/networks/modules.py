"""The base of all modules: exact maps that a step of −h undoes. Networks apply them in turn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..flow import finite_step
from ..guards import number, states_and_step


def normal(
    *shape: int, std: float, generator: torch.Generator | None, dtype: torch.dtype, name: str = "std"
) -> nn.Parameter:
    """Return starting weights from N(0, std²).

    Args:
        *shape: The shape of the weights.
        std: The standard deviation, at least 0.
        generator: The source of random numbers; None for torch's own.
        dtype: ``torch.float32`` or ``torch.float64``.
        name: What errors call ``std``.

    Returns:
        The weights.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.
    """
    if dtype not in (torch.float32, torch.float64):
        raise TypeError(f"dtype: torch.float32 or torch.float64 is needed, got {dtype!r}")
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(f"generator: a torch.Generator or None is needed, got {type(generator).__name__}")
    std = number(name, std, "a finite number >= 0")
    return nn.Parameter(std * torch.randn(*shape, generator=generator, dtype=dtype))


class FlowModule(nn.Module):
    r"""A flow map with :math:`\Phi_h^{-1} = \Phi_{-h}`; a subclass sets its dimension n and defines :meth:`step`."""

    n: int

    def step(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Return the moved states without a check of arguments or result; networks call this method.

        Args:
            y: The states, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states after the step, ``(*, n)``.
        """
        raise NotImplementedError

    def forward(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Return the moved states.

        Args:
            y: The states, ``(*, n)``, floating-point and finite, with the dtype and device of the weights.
            h: The time step, a number or ``(*)``.

        Returns:
            The states after the step, ``(*, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed, or if the step overflows. The message names the
                argument.
        """
        return finite_step(self.step(y, self.checked(y, h)))

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo :meth:`forward` by a step of −h.

        Args:
            y: The states after the step, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states before the step, ``(*, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed, or if the step overflows. The message names the
                argument.
        """
        return finite_step(self.step(y, -self.checked(y, h)))

    def checked(self, y: Tensor, h: Tensor | float, name: str = "y") -> Tensor | float:
        """Check the states and the step, and return the step.

        Args:
            y: The states, ``(*, n)``, floating-point and finite.
            h: The time step, a number or ``(*)``, finite.
            name: What error messages call the states.

        Returns:
            The step, a float or a tensor.

        Raises:
            TypeError, ValueError: If the states or the step are not allowed. The message names the argument.
        """
        return states_and_step(y, h, self.n, next(self.parameters(), None), name)


class ModuleSequence(nn.Module):
    """Modules and the order in which they act; see :class:`~locsym.networks.Network`."""

    n: int
    layers: Sequence[FlowModule]
    visits: tuple[tuple[int, float], ...]
    mirror: Tensor | None
