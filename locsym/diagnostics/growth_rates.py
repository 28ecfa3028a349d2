r"""The spectrum of a linear flow: its growth rates and frequencies."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..guards import check_finite


def growth_rates(M: Tensor, tau: float) -> Tensor:
    r"""Return the growth rates and frequencies of a linear flow, sorted by frequency.

    .. math:: \lambda_k = \log(\mu_k) / \tau

    where :math:`\mu_k` are the eigenvalues of M. Re λ is a growth rate and Im λ a frequency, both per unit time.
    Frequencies beyond :math:`\pi / \tau` are aliased.

    Args:
        M: The matrix of the flow over the time ``tau``, ``(n, n)``.
        tau: The time step, finite and not 0.

    Returns:
        The rates, complex, ``(n,)``.

    Raises:
        ValueError: If M is not square, not finite or singular, or if ``tau`` is not allowed.

    Example:
        >>> import math, torch
        >>> from locsym.diagnostics import growth_rates
        >>> quarter = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])  # a quarter of a turn
        >>> growth_rates(quarter, tau=math.pi / 2).imag
        tensor([-1.,  1.])
    """
    if M.ndim != 2 or M.shape[0] != M.shape[1]:
        raise ValueError(f"M: a square matrix is needed, got shape {tuple(M.shape)}")
    check_finite("M", M)  # LAPACK may crash on NaN
    if not tau or not math.isfinite(tau):
        raise ValueError(f"tau: the time step must not be zero, and be finite; got {tau}")
    rates = torch.log(torch.linalg.eigvals(M)) / tau
    check_finite("M, tau: the rates", torch.view_as_real(rates))  # an eigenvalue of 0 has none
    return rates[rates.imag.argsort()]
