r"""Volume preservation: the determinant of the Jacobian, eq. (11)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..flow import FlowMap
from .jacobians import finite_result, jacobian


def determinant_defect(flow: FlowMap, y: Tensor, h: Tensor | float, method: str = "auto") -> Tensor:
    r"""Return :math:`|\det J - 1|`, ``(*)``: zero if the flow map preserves volume, eq. (11)."""
    return finite_result("det J", torch.linalg.det(jacobian(flow, y, h, method)) - 1).abs()
