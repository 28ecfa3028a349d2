r"""Measurements of Proposition 3.1: the largest defects of modules and of networks with random weights.

Every defect is relative to the size of the Jacobian, :math:`\max(1, \max|J|)`, which determines the rounding errors.
The area is quadratic in the Jacobian and is relative to its square, see
:func:`~locsym.diagnostics.symplecticity_defect`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from locsym.diagnostics import (
    inverse_defect,
    jacobian,
    symmetry_defect,
    symplecticity_defect,
)
from locsym.flow import FlowMap, inverse
from locsym.guards import check_finite, integer
from locsym.networks import GradientModule, LocSympNet
from locsym.networks.shears import SIGNS


@dataclass(frozen=True)
class Defects:
    r"""The largest defects of a number of maps and states; NaN if a defect does not apply.

    volume: :math:`|\det J - 1|`. area: eq. (10) on the pair (y_k, y_k+1). pattern: deviation of J from a unit matrix
    with one more row. inverse: :math:`|\Phi_h^{-1}(\Phi_h(y)) - y|`. symmetry: :math:`|\Phi_{-h}(\Phi_h(y)) - y|`.
    size: the largest Jacobian, :math:`\max|J|`.
    """

    what: str
    n: int
    dtype: torch.dtype
    maps: int
    size: float
    volume: float
    inverse: float
    area: float = math.nan
    pattern: float = math.nan
    symmetry: float = math.nan

    @property
    def worst(self) -> float:
        """The largest of the defects."""
        return max(x for x in (self.volume, self.inverse, self.area, self.pattern, self.symmetry) if not math.isnan(x))


def columns(rows: Sequence[Defects]) -> dict[str, list[float]]:
    """Return the numbers of some rows column by column, ``worst`` the last; what applies to no row is left out."""
    names = [field.name for field in fields(Defects) if field.name not in ("what", "dtype")] + ["worst"]
    found = {name: [float(getattr(row, name)) for row in rows] for name in names}
    return {name: values for name, values in found.items() if not all(map(math.isnan, values))}


def module_defects(
    n: int, h: float = 1.0, width: int = 16, states: int = 8, dtype: torch.dtype = torch.float64, seed: int = 0
) -> Defects:
    """Measure the modules (26) and (27) of every pair k, with weights, biases and states ~ N(0, 1)."""
    integer("n", n, 2), integer("states", states, 1)
    generator = torch.Generator().manual_seed(seed)
    init: dict[str, Any] = {"std": 1.0, "bias_std": 1.0, "generator": generator, "dtype": dtype}
    found = []
    for k in range(n - 1):
        for move in SIGNS:
            module = GradientModule.local(n, k, move, width, **init)
            y = torch.randn(states, n, generator=generator, dtype=dtype)
            pattern, (j,) = jacobian(module, y, h) - torch.eye(n, dtype=dtype), module.moved
            pattern[:, j, :j] = pattern[:, j, j + 1 :] = 0.0  # the one row where a module may act
            area = symplecticity_defect(module, y, h, pair=k)
            found.append(_measure(module, y, h, pattern=pattern.abs().amax((-2, -1))) | {"area": float(area.max())})
    return _worst("modules", n, dtype, found)


def network_defects(
    n: int,
    K: int = 2,
    h: float = 1.0,
    width: int = 16,
    states: int = 8,
    dtype: torch.dtype = torch.float64,
    symmetric: bool = False,
    networks: int = 3,
    seed: int = 0,
) -> Defects:
    """Measure some networks (31), or symmetric ones, and their inverses, with weights, biases and states ~ N(0, 1)."""
    integer("states", states, 1), integer("networks", networks, 1)
    generator = torch.Generator().manual_seed(seed)
    init: dict[str, Any] = {"std": 1.0, "bias_std": 1.0, "generator": generator, "dtype": dtype}
    found = []
    for _ in range(networks):
        network = LocSympNet(n, K, width, symmetric=symmetric, **init)
        y = torch.randn(states, n, generator=generator, dtype=dtype)
        more = {"symmetry": symmetry_defect(network, y, h)} if symmetric else {}
        found.append(_measure(network, y, h, **more))
        found.append(_measure(_Backwards(network), y, h))
    return _worst("symmetric networks" if symmetric else "networks", n, dtype, found)


class _Backwards:
    """The inverse of a flow map, as a flow map with an inverse of its own."""

    def __init__(self, flow: FlowMap):
        self.flow, self.undo = flow, inverse(flow)

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        return self.undo(y, h)

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        return self.flow(y, h)


def _measure(flow: FlowMap, y: Tensor, h: float, **defects: Tensor) -> dict[str, float]:
    """Return the largest of each defect over the states, relative to the size of the Jacobian there."""
    J = jacobian(flow, y, h)
    size = J.abs().amax((-2, -1)).clamp(min=1.0)
    defects |= {"volume": (torch.linalg.det(J) - 1).abs(), "inverse": inverse_defect(flow, y, h)}
    check_finite("h: the volume of the image", defects["volume"])
    return {"size": float(size.max())} | {name: float((x / size).max()) for name, x in defects.items()}


def _worst(what: str, n: int, dtype: torch.dtype, found: list[dict[str, float]]) -> Defects:
    names = {name for one in found for name in one}
    return Defects(what, n, dtype, len(found), **{name: max(one.get(name, 0.0) for one in found) for name in names})
