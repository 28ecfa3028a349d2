r"""How a flow map stretches along an orbit: Lyapunov exponents and Floquet multipliers.

Both come from the product :math:`J_{T-1} \cdots J_1 J_0` of the Jacobians along the orbit. They need no data beyond
the map: a learned orbit that is hyperbolic shows here and not in the loss.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .checks import jacobian
from .exact import precise_step
from .flow import FlowMap, check_finite, finite_orbit, rollout, whole

BLOCK = 1024  # states differentiated at a time


def lyapunov_exponents(flow: FlowMap, y0: Tensor, h: Tensor | float, steps: int, method: str = "auto") -> Tensor:
    r"""Return the n Lyapunov exponents along an orbit, per unit time, the largest first: ``(*, n)``.

    The QR method (Benettin et al. 1980): with :math:`J_i Q_i = Q_{i+1} R_{i+1}`, the means of
    :math:`\log |\operatorname{diag} R_i| / h` over ``steps`` steps. Their sum is 0 where volume is kept.
    y0: ``(*, n)``; h: number or ``(*)``, not 0; method: of :func:`~locsym.checks.jacobian`.
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


def floquet_multipliers(flow: FlowMap, y0: Tensor, h: Tensor | float, steps: int, method: str = "auto") -> Tensor:
    r"""Return the eigenvalues of the product of the Jacobians over ``steps`` steps: ``(*, n)``, complex.

    The largest comes first. On a periodic orbit whose period is ``steps`` steps they are its Floquet multipliers:
    one is 1, along the orbit; their product is 1 where volume is kept; one off the unit circle makes the orbit
    hyperbolic. Once the product has grown past 1/eps its small eigenvalues are lost to rounding: take fewer steps,
    or :func:`lyapunov_exponents`. Raises ValueError where it overflows.
    y0: ``(*, n)``; h: number or ``(*)``; method: of :func:`~locsym.checks.jacobian`.
    """
    jacobians = jacobians_along(flow, y0, h, steps, method)
    product = torch.eye(y0.shape[-1]).to(y0)
    for J in jacobians:
        product = J @ product
    if not bool(torch.isfinite(product).all()):  # LAPACK may crash on it
        raise ValueError(f"steps: the product of {steps} Jacobians overflows; take fewer, or lyapunov_exponents")
    values = torch.linalg.eigvals(product)
    return values.gather(-1, values.abs().argsort(-1, descending=True))


def jacobians_along(flow: FlowMap, y0: Tensor, h: Tensor | float, steps: int, method: str = "auto") -> Tensor:
    """Return the Jacobians at the states y_0, …, y_{steps−1} of an orbit: ``(steps, *, n, n)``; steps >= 1."""
    orbit = finite_orbit(rollout(flow, y0, h, whole("steps", steps, 1)))
    blocks = orbit[:-1].split(max(1, BLOCK // max(1, y0[..., 0].numel())))
    return torch.cat([jacobian(flow, y, _one_each(h, y), method) for y in blocks])


def _one_each(h: Tensor | float, y: Tensor) -> Tensor | float:
    return h.expand(y.shape[:-1]) if isinstance(h, Tensor) and h.ndim else h
