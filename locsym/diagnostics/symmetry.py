"""Inverse and symmetry: whether a step is undone by the inverse map, or by a step of −h."""

from __future__ import annotations

import torch
from torch import Tensor

from ..flow import FlowMap, inverse
from ..guards import finite_states
from .jacobians import finite_result, step_of_same_shape


def inverse_defect(flow: FlowMap, y: Tensor, h: Tensor | float) -> Tensor:
    r"""Return how far the inverse map misses the start: :math:`\max |\Phi_h^{-1}(\Phi_h(y)) - y|`.

    Args:
        flow: The flow map, with a method ``inverse(y, h)``.
        y: The states, ``(*, n)``, floating-point and finite.
        h: The time step, a number or ``(*)``.

    Returns:
        The largest difference over the components, ``(*)``.

    Raises:
        TypeError: If the flow map has no inverse.
        ValueError: If an argument is not allowed, or if the step overflows.

    Example:
        >>> import torch
        >>> from locsym import LocSympNet
        >>> from locsym.diagnostics import inverse_defect
        >>> net = LocSympNet(n=3, K=1, width=4)
        >>> bool(inverse_defect(net, torch.ones(3, dtype=torch.float64), 0.1) < 1e-15)
        True
    """
    return _distance(inverse(flow), flow, y, h, h)


def symmetry_defect(flow: FlowMap, y: Tensor, h: Tensor | float) -> Tensor:
    r"""Return how far a step of −h misses the start: :math:`\max |\Phi_{-h}(\Phi_h(y)) - y|`.

    It is zero if the map is symmetric, as exact flows are.

    Args:
        flow: The flow map.
        y: The states, ``(*, n)``, floating-point and finite.
        h: The time step, a number or ``(*)``.

    Returns:
        The largest difference over the components, ``(*)``.

    Raises:
        TypeError, ValueError: If an argument is not allowed, or if the step overflows.

    Example:
        >>> import torch
        >>> from locsym.diagnostics import symmetry_defect
        >>> y = torch.tensor([1.0])
        >>> symmetry_defect(lambda y, h: y * (1 + h), y, 0.5)  # 1.5 · 0.5 − 1
        tensor(0.2500)
    """
    return _distance(flow, flow, y, h, -h)


def _distance(second: FlowMap, first: FlowMap, y: Tensor, h: Tensor | float, back: Tensor | float) -> Tensor:
    finite_states("y", y)
    with torch.no_grad():
        return finite_result(
            "the way there and back", (second(step_of_same_shape(first, y, h), back) - y).abs().amax(-1)
        )
