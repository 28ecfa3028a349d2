r"""The spectrum of a linear flow: its growth rates and frequencies."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..guards import check_finite


def growth_rates(M: Tensor, tau: float) -> Tensor:
    r"""Return :math:`\lambda_k = \log(\mu_k) / \tau` for the eigenvalues :math:`\mu_k` of a flow's matrix M ``(n, n)``.

    Re λ is a growth rate and Im λ a frequency, both per unit time; frequencies beyond :math:`\pi / \tau` are aliased.
    Returns them sorted by frequency: ``(n)``, complex. Raises ValueError if M is not square or not finite, or tau is 0.
    """
    if M.ndim != 2 or M.shape[0] != M.shape[1]:
        raise ValueError(f"M: a square matrix is needed, got shape {tuple(M.shape)}")
    check_finite("M", M)  # LAPACK may crash on NaN
    if not tau or not math.isfinite(tau):
        raise ValueError(f"tau: the time step must not be zero, and be finite; got {tau}")
    rates = torch.log(torch.linalg.eigvals(M)) / tau
    check_finite("M, tau: the rates", torch.view_as_real(rates))  # an eigenvalue of 0 has none
    return rates[rates.imag.argsort()]
