r"""The volume (12) of a set of states that a flow map carries along, by its surface or by determinants inside it."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from locsym.diagnostics import jacobian
from locsym.flow import FlowMap, rollout
from locsym.guards import check_finite


def sphere_mesh(centre: Tensor, radius: float, subdivisions: int = 5) -> tuple[Tensor, Tensor]:
    """Return a triangulated sphere in R^3: vertices ``(V, 3)`` and faces ``(F, 3)``, F = 8 · 4^subdivisions.

    Each subdivision cuts every triangle of an octahedron into four. Faces are counter-clockwise, seen from outside.
    Raises ValueError for a centre that is not ``(3,)`` and floating, a radius <= 0 or subdivisions outside 0, …, 7.
    """
    if not centre.is_floating_point() or not 0 < radius < float("inf"):
        got = f"{centre.dtype} and {radius}"
        raise ValueError(f"centre, radius: a floating-point dtype and a number > 0 are needed, got {got}")
    if centre.shape != (3,) or subdivisions not in range(8):
        got = f"{tuple(centre.shape)} and {subdivisions}"
        raise ValueError(f"centre, subdivisions: shape (3,) and one of 0, …, 7 are needed, got {got}")
    axes = torch.eye(3, dtype=centre.dtype)
    vertices = torch.cat([axes, -axes])
    octants = [(i, j + 1, k + 2)[:: -1 if (i + j + k) % 2 else 1] for i, j, k in product((0, 3), repeat=3)]
    faces = torch.tensor(octants)
    for _ in range(subdivisions):
        corners = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).sort(dim=-1).values
        edges, middle = corners.unique(dim=0, return_inverse=True)
        ab, bc, ca = (middle.reshape(-1, 3) + len(vertices)).unbind(-1)
        a, b, c = faces.unbind(-1)
        faces = torch.stack([a, ab, ca, b, bc, ab, c, ca, bc, ab, bc, ca], dim=-1).reshape(-1, 3)
        vertices = torch.cat([vertices, torch.nn.functional.normalize(vertices[edges].sum(1), dim=-1)])
    return centre + radius * vertices, faces


def enclosed_volume(vertices: Tensor, faces: Tensor) -> Tensor:
    r"""Return the volume inside a closed triangulated surface, by the divergence theorem: ``(*, V, 3)`` to ``(*)``.

    .. math:: \int_U dy = \tfrac13 \oint_{\partial U} y \cdot dS = \tfrac16 \sum_{abc} \det(a, b, c)
    """
    corners = vertices - vertices.mean(dim=-2, keepdim=True)  # fewer digits lost to cancellation
    return torch.linalg.det(corners[..., faces, :]).sum(-1) / 6


def polygon_area(corners: Tensor) -> Tensor:
    """Return the area of a simple polygon: corners ``(*, N, 2)`` in order, to ``(*)``."""
    x, y = corners.unbind(-1)
    return ((x * y.roll(-1, -1) - y * x.roll(-1, -1)).sum(-1) / 2).abs()


def volume_growth(flow: FlowMap, points: Tensor, h: float, steps: int) -> Tensor:
    r"""Return the volume of the image of a set after 0, …, ``steps`` steps, relative to the start: ``(steps + 1)``.

    points: ``(N, n)``, uniform in the set. By the change of variables in eq. (12) the volume is the mean over them of
    :math:`|\det \partial y_i / \partial y_0|`, a product of the determinants of single steps.
    """
    orbits = rollout(flow, points, h, steps)
    determinants = torch.ones_like(orbits[..., 0])
    if steps:
        determinants[1:] = torch.linalg.det(jacobian(flow, orbits[:-1], h)).abs().cumprod(0)
    check_finite("flow: the volume growth", growth := determinants.mean(-1))
    return growth
