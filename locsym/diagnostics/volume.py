r"""Volume preservation: the determinant of the Jacobian, eq. (11)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..flow import FlowMap
from .jacobians import finite_result, jacobian


def determinant_defect(flow: FlowMap, y: Tensor, h: Tensor | float, method: str = "auto") -> Tensor:
    r"""Return :math:`|\det J - 1|`, which is zero if the flow map preserves volume, eq. (11).

    Args:
        flow: The flow map.
        y: The states, ``(*, n)``, floating-point and finite.
        h: The time step, a number or ``(*)``.
        method: How the Jacobian J is computed, see :func:`~locsym.diagnostics.jacobian`.

    Returns:
        The defects, ``(*)``.

    Raises:
        TypeError, ValueError: If an argument is not allowed, or if the determinant overflows.

    Example:
        >>> import torch
        >>> from locsym.diagnostics import determinant_defect
        >>> y = torch.tensor([1.0, 2.0])
        >>> determinant_defect(lambda y, h: y * (1 + h), y, 1.0)  # areas grow 4 times
        tensor(3.)
    """
    return finite_result("det J", torch.linalg.det(jacobian(flow, y, h, method)) - 1).abs()
