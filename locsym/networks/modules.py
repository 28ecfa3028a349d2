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
    """Return weights ~ N(0, std²), drawn from ``generator`` (None: torch's own)."""
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
        """Return the moved states. Neither the arguments nor the result are checked; networks call this method."""
        raise NotImplementedError

    def forward(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Return the moved states, ``(*, n)``; h: number or ``(*)``.

        Raises TypeError or ValueError, naming the argument, for other input, also if it is not finite, and for an
        overflow.
        """
        return finite_step(self.step(y, self.checked(y, h)))

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo :meth:`forward` by a step of −h."""
        return finite_step(self.step(y, -self.checked(y, h)))

    def checked(self, y: Tensor, h: Tensor | float, name: str = "y") -> Tensor | float:
        """Return the step h after checking it and the states ``y``. Raises TypeError or ValueError."""
        return states_and_step(y, h, self.n, next(self.parameters(), None), name)


class ModuleSequence(nn.Module):
    """Modules and the order in which they act; see :class:`~locsym.networks.Network`."""

    n: int
    layers: Sequence[FlowModule]
    visits: tuple[tuple[int, float], ...]
    mirror: Tensor | None
