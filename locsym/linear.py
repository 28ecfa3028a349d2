r"""Linear flows: the regression (33) that needs no network, and the spectrum of a learned matrix."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .flow import check_finite


def normal_equations(X: Tensor, Y: Tensor) -> Tensor:
    r"""Fit :math:`Y_i = M X_i` by eq. (33) as printed: :math:`M = (\sum Y_i X_i^\top)(\sum X_i X_i^\top)^{-1}`.

    X, Y: ``(N, n)``, one sample a row. Returns M ``(n, n)``. The sums square the condition number of X: in float32
    prefer ``torch.linalg.lstsq(X, Y, driver="gels").solution.T``, the same fit by QR.
    Raises ValueError where the shapes differ or the second sum is singular (N < n, say).
    """
    if X.ndim != 2 or X.shape != Y.shape:
        raise ValueError(f"X, Y: two arrays of one shape (N, n) are needed, got {tuple(X.shape)} and {tuple(Y.shape)}")
    for name, sums in (("X", X.T @ X), ("X, Y", Y.T @ X)):
        check_finite(f"{name}: the sums of products", sums)
    inverse, info = torch.linalg.inv_ex(X.T @ X)
    if info or not bool(torch.isfinite(inverse).all()):
        raise ValueError(
            f"X: the sum of X_i X_iᵀ is singular; {len(X)} samples do not span the {X.shape[1]} dimensions"
        )
    check_finite("X, Y: the fitted matrix", M := (Y.T @ X) @ inverse)
    return M


def growth_rates(M: Tensor, tau: float) -> Tensor:
    r"""Return :math:`\lambda_k = \log(\mu_k) / \tau` for the eigenvalues :math:`\mu_k` of a flow's matrix M ``(n, n)``.

    Re λ is a rate of growth, Im λ a frequency, both per unit time; frequencies beyond :math:`\pi / \tau` alias.
    Sorted by frequency: ``(n)``, complex. Raises ValueError for an M that is not square or not finite, and for tau = 0.
    """
    if M.ndim != 2 or M.shape[0] != M.shape[1]:
        raise ValueError(f"M: a square matrix is needed, got shape {tuple(M.shape)}")
    check_finite("M", M)  # LAPACK may crash on NaN
    if not tau or not math.isfinite(tau):
        raise ValueError(f"tau: the time step must not be zero, and be finite; got {tau}")
    rates = torch.log(torch.linalg.eigvals(M)) / tau
    check_finite("M, tau: the rates", torch.view_as_real(rates))  # an eigenvalue of 0 has none
    return rates[rates.imag.argsort()]
