r"""Does a flow map keep volume? The determinant of its Jacobian, eq. (11)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..flow import FlowMap
from .jacobians import finite_result, jacobian


def determinant_defect(flow: FlowMap, y: Tensor, h: Tensor | float, method: str = "auto") -> Tensor:
    r"""Return :math:`|\det J - 1|`, ``(*)``: zero where the flow map keeps volume, eq. (11)."""
    return finite_result("det J", torch.linalg.det(jacobian(flow, y, h, method)) - 1).abs()
