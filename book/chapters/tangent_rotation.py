r"""The rotation of tangent vectors by the modules of a network in the plane."""

from __future__ import annotations

import torch
from torch import Tensor

from locsym.diagnostics import jacobian
from locsym.guards import check_states
from locsym.networks import Network


def turning(network: Network, y: Tensor, h: float, v: Tensor) -> Tensor:
    """Return how far a tangent vector has turned after each visit of a module, n = 2: ``(visits + 1, *)``, in radians.

    y, v: ``(*, 2)``. Counter-clockwise counts as positive, and whole turns are kept: a shear turns by less than π.
    """
    if network.n != 2:
        raise ValueError(f"network: tangent vectors turn in the plane, n = 2 is needed, got {network.n}")
    check_states("y", y, 2)
    check_states("v", v, 2, like=y)
    angles = [torch.zeros_like(y[..., 0])]
    for i, c in network.visits:
        layer = network.layers[i]
        turned = (jacobian(layer, y, c * h) @ v.unsqueeze(-1)).squeeze(-1)
        cross, dot = v[..., 0] * turned[..., 1] - v[..., 1] * turned[..., 0], (v * turned).sum(-1)
        angles.append(angles[-1] + torch.atan2(cross, dot))
        with torch.no_grad():
            y, v = layer(y, c * h), turned
    return torch.stack(angles)
