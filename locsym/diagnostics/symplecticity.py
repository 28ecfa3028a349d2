r"""Symplecticity: eq. (10), for a pair of coordinates or for all of them."""

from __future__ import annotations

import torch
from torch import Tensor

from ..flow import FlowMap
from ..guards import integer
from .jacobians import finite_result, jacobian


def symplecticity_defect(
    flow: FlowMap, y: Tensor, h: Tensor | float, pair: int | None = None, method: str = "auto"
) -> Tensor:
    r"""Return the defect of eq. (10), which is zero for a symplectic map.

    .. math:: \max |A^\top \Omega A - \Omega| \, / \, \max(1, \max|A|^2)

    Args:
        flow: The flow map.
        y: The states, ``(*, n)``, floating-point and finite.
        h: The time step, a number or ``(*)``.
        pair: The number k, counted from 0, for which A is the 2 × 2 block of the Jacobian for (y_k, y_k+1). None takes
            the whole Jacobian, n = 2d, with the coordinates in the order (q_1, …, q_d, p_1, …, p_d).
        method: How the Jacobian is computed, see :func:`~locsym.diagnostics.jacobian`.

    Returns:
        The defects, ``(*)``.

    Raises:
        TypeError, ValueError: If an argument is not allowed, or if the defect overflows.

    Example:
        >>> import torch
        >>> from locsym.diagnostics import symplecticity_defect
        >>> y = torch.tensor([1.0, 2.0])
        >>> symplecticity_defect(lambda y, h: y * (1 + h), y, 1.0)  # areas grow 4 times
        tensor(0.7500)
    """
    A, n = jacobian(flow, y, h, method), y.shape[-1]
    if pair is not None:
        pair = integer("pair", pair, 0, n - 2)
        A, n = A[..., pair : pair + 2, pair : pair + 2], 2
    if n % 2:
        raise ValueError(f"y: an even number of coordinates is needed without a pair, got n = {n}")
    identity = torch.eye(n // 2).to(A)
    omega = torch.block_diag(identity, -identity).roll(n // 2, dims=1)
    defect = (A.mT @ omega @ A - omega).abs().amax((-2, -1))
    return finite_result("its defect", defect / (A.abs().amax((-2, -1)) ** 2).clamp(min=1.0))
