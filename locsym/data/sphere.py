r"""States on the unit sphere, by azimuth φ and polar angle θ from +z: y = (cos φ sin θ, sin φ sin θ, cos θ)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..guards import integer, one_of


def on_sphere(phi: Tensor, theta: Tensor) -> Tensor:
    """Return the points with azimuth ``phi`` and polar angle ``theta``: two ``(*)`` to ``(*, 3)``."""
    return torch.stack([phi.cos() * theta.sin(), phi.sin() * theta.sin(), theta.cos()], dim=-1)


def angles(y: Tensor) -> tuple[Tensor, Tensor]:
    """Return azimuth in (−π, π] and polar angle in [0, π] of states ``(*, 3)`` of any length: two ``(*)``."""
    return torch.atan2(y[..., 1], y[..., 0]), torch.atan2(torch.hypot(y[..., 0], y[..., 1]), y[..., 2])


def starts(J: int = 12) -> Tensor:
    r"""The J starts of eq. (38), ``(J, 3)``: :math:`φ_j = (1 + 2j) Δ / 2`, :math:`θ_j = -(1 + 2j) Δ / 4`, Δ = π/J."""
    integer("J", J, 1)
    odd = 1 + 2 * torch.arange(J, dtype=torch.float64)
    return on_sphere(odd * math.pi / (2 * J), -odd * math.pi / (4 * J))


def sphere(
    N: int, how: str = "angles", generator: torch.Generator | None = None, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Draw N random states on the unit sphere, ``(N, 3)``.

    how: ``"angles"`` draws φ and θ uniformly, as in the paper, so that states are denser at the poles; ``"area"`` draws
    uniformly on the sphere.
    """
    integer("N", N, 1)
    one_of("how", how, ("angles", "area"))
    phi, share = torch.rand(2, N, generator=generator, dtype=torch.float64)
    theta = math.pi * share if how == "angles" else torch.acos(1 - 2 * share)
    return on_sphere(2 * math.pi * phi, theta).to(dtype)
