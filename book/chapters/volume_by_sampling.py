r"""Regions of phase space, and the volume of their images under a flow map, eq. (12), by random sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from locsym.flow import FlowMap, inverse
from locsym.guards import finite_states, integer, number, positive


@dataclass(frozen=True, eq=False)
class Box:
    """The box low <= y <= high: two tensors ``(n,)``."""

    low: Tensor
    high: Tensor

    def __post_init__(self) -> None:
        finite_states("low", self.low)
        finite_states("high", self.high, self.low.shape[-1])
        if self.low.ndim != 1 or self.high.ndim != 1 or not bool((self.low < self.high).all()):
            raise ValueError("low, high: shape (n,) with low < high is needed")

    @property
    def volume(self) -> float:
        """The product of the sides. Raises ValueError if it overflows."""
        return _finite(float((self.high - self.low).prod()))

    def contains(self, y: Tensor) -> Tensor:
        """Return which states lie in the region: ``(*, n)`` to booleans ``(*)``."""
        return ((self.low <= y) & (y <= self.high)).all(-1)

    def sample(self, N: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw N states uniformly: ``(N, n)``; N >= 1."""
        share = torch.rand(integer("N", N, 1), len(self.low), generator=generator, dtype=torch.float64).to(self.low)
        return self.low + (self.high - self.low) * share


@dataclass(frozen=True, eq=False)
class Ball:
    """The ball of all states no farther than ``radius`` from ``centre`` ``(n,)``."""

    centre: Tensor
    radius: float

    def __post_init__(self) -> None:
        finite_states("centre", self.centre)
        if self.centre.ndim != 1:
            raise ValueError(f"centre: shape (n,) is needed, got {tuple(self.centre.shape)}")
        number("radius", self.radius, "a finite number > 0", positive)

    @property
    def volume(self) -> float:
        r""":math:`\pi^{n/2} r^n / \Gamma(n/2 + 1)`. Raises ValueError if it overflows."""
        n, radius = len(self.centre), torch.tensor(self.radius, dtype=torch.float64)
        return _finite(math.pi ** (n / 2) * float(radius**n) / math.gamma(n / 2 + 1))

    def contains(self, y: Tensor) -> Tensor:
        """Return which states lie in the region: ``(*, n)`` to booleans ``(*)``."""
        return (y - self.centre).norm(dim=-1) <= self.radius

    def sample(self, N: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw N states uniformly, ``(N, n)``, N >= 1: random directions; radii are n-th roots of uniform numbers."""
        N, n = integer("N", N, 1), len(self.centre)
        direction = torch.randn(N, n, generator=generator, dtype=torch.float64)
        share = torch.rand(N, 1, generator=generator, dtype=torch.float64)
        offset = self.radius * share ** (1 / n) * torch.nn.functional.normalize(direction, dim=-1)
        return self.centre + offset.to(self.centre)


def _finite(volume: float) -> float:
    if not math.isfinite(volume):
        raise ValueError("region: its volume is larger than a floating-point number")
    return volume


@dataclass(frozen=True)
class Estimate:
    """A random estimate of a number: its value and standard error."""

    value: float
    error: float


def volume(
    flow: FlowMap,
    region: Box | Ball,
    h: float,
    samples: int = 100_000,
    generator: torch.Generator | None = None,
    box: Box | None = None,
) -> Estimate:
    r"""Estimate the volume of :math:`\Phi_h(U)`, eq. (12), without a determinant, for an invertible flow map.

    A point of a box around the image belongs to the image exactly when its preimage lies in U. With the share p of
    ``samples`` uniform points that do, the volume is p times that of the box, with the standard error
    :math:`\sqrt{p (1 - p) / (\text{samples} - 1)}` of p.

    region: U. box: must hold the image; None takes the box around the images of ``samples`` points of U and widens it
    by a tenth on each side. Raises ValueError where an image leaves the box, TypeError where the map has no inverse.
    """
    integer("samples", samples, 2)
    undo = inverse(flow)
    with torch.no_grad():
        image = flow(region.sample(samples, generator), h)
        finite_states("flow", image)
        if box is None:
            low, high = image.amin(0), image.amax(0)
            if not bool((low < high).all()):
                raise ValueError("region: its image is thinner than floating-point numbers lie apart there")
            box = Box(low - 0.1 * (high - low), high + 0.1 * (high - low))
        elif not bool((inside := box.contains(image)).all()):
            raise ValueError(f"box: the image leaves it, for one at {image[~inside][0].tolist()}")
        share = float(region.contains(undo(box.sample(samples, generator), h)).double().mean())
    return Estimate(box.volume * share, box.volume * math.sqrt(share * (1 - share) / (samples - 1)))
