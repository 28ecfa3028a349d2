r"""States on the unit sphere, by azimuth φ and polar angle θ from +z: y = (cos φ sin θ, sin φ sin θ, cos θ)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..guards import integer, one_of


def on_sphere(phi: Tensor, theta: Tensor) -> Tensor:
    """Return the points of the unit sphere with given angles.

    Args:
        phi: The azimuth φ, ``(*)``.
        theta: The polar angle θ from +z, ``(*)``.

    Returns:
        The points, ``(*, 3)``.
    """
    return torch.stack([phi.cos() * theta.sin(), phi.sin() * theta.sin(), theta.cos()], dim=-1)


def angles(y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the angles of states of any length.

    Args:
        y: The states, ``(*, 3)``.

    Returns:
        The azimuth in (−π, π] and the polar angle in [0, π], two tensors ``(*)``.
    """
    return torch.atan2(y[..., 1], y[..., 0]), torch.atan2(torch.hypot(y[..., 0], y[..., 1]), y[..., 2])


def starts(J: int = 12) -> Tensor:
    r"""Return the starts of eq. (38), which lie on the unit sphere.

    .. math:: φ_j = (1 + 2j) Δ / 2, \qquad θ_j = -(1 + 2j) Δ / 4, \qquad Δ = π / J

    Args:
        J: The number of starts, at least 1.

    Returns:
        The starts for j = 0, …, J − 1, float64, ``(J, 3)``.

    Raises:
        TypeError, ValueError: If ``J`` is not allowed.

    Example:
        >>> from locsym.systems import starts
        >>> starts(12).shape
        torch.Size([12, 3])
    """
    integer("J", J, 1)
    odd = 1 + 2 * torch.arange(J, dtype=torch.float64)
    return on_sphere(odd * math.pi / (2 * J), -odd * math.pi / (4 * J))


def sphere(
    N: int, how: str = "angles", generator: torch.Generator | None = None, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Draw random states on the unit sphere.

    Args:
        N: The number of states, at least 1.
        how: ``"angles"`` draws φ and θ uniformly, as in the paper, so that states are denser at the poles. ``"area"``
            draws uniformly on the sphere.
        generator: The source of random numbers; None for torch's own.
        dtype: The dtype of the states.

    Returns:
        The states, ``(N, 3)``.

    Raises:
        TypeError, ValueError: If ``N`` or ``how`` is not allowed.

    Example:
        >>> import torch
        >>> from locsym.systems import sphere
        >>> y = sphere(5, how="area", generator=torch.Generator().manual_seed(0))
        >>> torch.allclose(y.norm(dim=-1), torch.ones(5, dtype=torch.float64))
        True
    """
    integer("N", N, 1)
    one_of("how", how, ("angles", "area"))
    phi, share = torch.rand(2, N, generator=generator, dtype=torch.float64)
    theta = math.pi * share if how == "angles" else torch.acos(1 - 2 * share)
    return on_sphere(2 * math.pi * phi, theta).to(dtype)
