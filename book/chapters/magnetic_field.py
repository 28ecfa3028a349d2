r"""The magnetic field of wires: a divergence-free field that is given by a program and not by a formula.

Its field lines, dy/dt = B(y), are a volume-preserving flow in three dimensions that is chaotic for most sets of coils.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from locsym.guards import integer


def loop(centre: Sequence[float], axis: Sequence[float], radius: float = 1.0, segments: int = 32) -> Tensor:
    """Return the corners of a regular polygon on a circle, ``(segments, 3)``; ``axis`` is normal to the circle.

    Raises ValueError unless centre and axis have three coordinates, the axis is not zero, the radius is > 0 and there
    are at least 3 segments.
    """
    middle, normal = (torch.as_tensor(x, dtype=torch.float64) for x in (centre, axis))
    if not middle.shape == normal.shape == (3,) or not bool(torch.isfinite(torch.cat([middle, normal])).all()):
        raise ValueError(f"centre, axis: three finite coordinates each are needed, got {centre} and {axis}")
    if not 0 < float(normal.norm()) < math.inf or not 0 < radius < math.inf or integer("segments", segments, 0) < 3:
        raise ValueError(f"axis, radius, segments: not zero, > 0 and >= 3 are needed, got {axis}, {radius}, {segments}")
    frame = torch.linalg.svd(normal[None] / normal.norm()).Vh  # its last two rows span the plane of the circle
    u, v = frame[1], torch.linalg.cross(normal / normal.norm(), frame[1])
    s = 2 * math.pi * torch.arange(segments, dtype=torch.float64)[:, None] / segments
    return middle + radius * (torch.cos(s) * u + torch.sin(s) * v)


class MagneticField:
    r"""The field of closed wires by the law of Biot & Savart, summed over segments dx with midpoints x:

    .. math:: B(y) = \sum_{\text{segments}} \frac{dx \times (y - x)}{|y - x|^3}

    Each term is the curl of :math:`dx / |y - x|`, so that the sum is divergence-free to rounding for any number of
    segments. The field is a function of states, ``(*, 3)`` to ``(*, 3)``, in units in which the factor is one.

    wires: corners of closed polygons, ``(N, 3)`` each, as :func:`loop` makes them.
    """

    def __init__(self, *wires: Tensor):
        if not wires or any(wire.ndim != 2 or wire.shape[-1] != 3 for wire in wires):
            raise ValueError("wires: at least one wire is needed, each with corners of shape (N, 3)")
        self.wires = wires
        ahead = [wire.roll(-1, 0) for wire in wires]
        self.x = torch.cat([(a + b) / 2 for a, b in zip(wires, ahead, strict=True)])
        self.dx = torch.cat([b - a for a, b in zip(wires, ahead, strict=True)])

    def __call__(self, y: Tensor) -> Tensor:
        """Return B(y): ``(*, 3)`` to ``(*, 3)``."""
        away = y.unsqueeze(-2) - self.x
        distance = away.square().sum(-1, keepdim=True).sqrt()
        return (torch.linalg.cross(self.dx.expand_as(away), away) / distance**3).sum(-2)
