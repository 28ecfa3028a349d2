"""Inverse and symmetry: whether a step is undone by the inverse map, or by a step of −h."""

from __future__ import annotations

import torch
from torch import Tensor

from ..flow import FlowMap, inverse
from ..guards import finite_states
from .jacobians import finite_result, step_of_same_shape


def inverse_defect(flow: FlowMap, y: Tensor, h: Tensor | float) -> Tensor:
    r"""Return :math:`\max |\Phi_h^{-1}(\Phi_h(y)) - y|`, ``(*)``. Raises TypeError if there is no inverse."""
    return _distance(inverse(flow), flow, y, h, h)


def symmetry_defect(flow: FlowMap, y: Tensor, h: Tensor | float) -> Tensor:
    r"""Return :math:`\max |\Phi_{-h}(\Phi_h(y)) - y|`, ``(*)``: zero if the map is symmetric, as exact flows are."""
    return _distance(flow, flow, y, h, -h)


def _distance(second: FlowMap, first: FlowMap, y: Tensor, h: Tensor | float, back: Tensor | float) -> Tensor:
    finite_states("y", y)
    with torch.no_grad():
        return finite_result(
            "the way there and back", (second(step_of_same_shape(first, y, h), back) - y).abs().amax(-1)
        )
