r"""Lyapunov exponents: the rates at which a flow map stretches along an orbit, from the product of its Jacobians.

They need no data beyond the map. Chaotic learned orbits show here, but not in the loss.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..flow import FlowMap
from ..guards import check_finite, precise_step
from .jacobians import jacobians_along


def lyapunov_exponents(flow: FlowMap, y0: Tensor, h: Tensor | float, steps: int, method: str = "auto") -> Tensor:
    r"""Return the n Lyapunov exponents along an orbit, per unit time, the largest first.

    The QR method (Benettin et al. 1980): with :math:`J_i Q_i = Q_{i+1} R_{i+1}`, the means of
    :math:`\log |\operatorname{diag} R_i| / h` over ``steps`` steps. Their sum is 0 if the map preserves volume.

    Args:
        flow: The flow map.
        y0: The start of the orbit, ``(*, n)``.
        h: The time step, a number or ``(*)``, not 0.
        steps: The number of steps, at least 1.
        method: How a Jacobian is computed, see :func:`~locsym.diagnostics.jacobian`.

    Returns:
        The exponents, ``(*, n)``.

    Raises:
        TypeError, ValueError: If an argument is not allowed, or if the orbit or an exponent overflows.

    Example:
        >>> import torch
        >>> from locsym.diagnostics import lyapunov_exponents
        >>> from locsym.systems import LinearFlow
        >>> saddle = LinearFlow(torch.diag(torch.tensor([1.0, -1.0])))
        >>> y0 = torch.tensor([0.5, 0.5], dtype=torch.float64)
        >>> lyapunov_exponents(saddle, y0, h=0.1, steps=10)
        tensor([ 1.0000, -1.0000], dtype=torch.float64)
    """
    jacobians, step = jacobians_along(flow, y0, h, steps, method), precise_step(h, y0)
    if bool((step == 0).any()):
        raise ValueError("h: the time step must not be 0")
    frame, growth = torch.eye(y0.shape[-1]).to(y0), torch.zeros_like(y0)
    for J in jacobians:
        frame, stretch = torch.linalg.qr(J @ frame)
        growth = growth + stretch.diagonal(dim1=-2, dim2=-1).abs().log()
    time = (steps * step).to(y0)
    exponents = (growth / (time.unsqueeze(-1) if time.ndim else time)).sort(-1, descending=True).values
    check_finite("flow, h: the exponents", exponents)  # not where a Jacobian is singular to rounding, or h tiny
    return exponents
