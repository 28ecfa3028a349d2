r"""The regression (33), which fits a linear flow without a network."""

from __future__ import annotations

import torch
from torch import Tensor

from ..guards import check_finite


def normal_equations(X: Tensor, Y: Tensor) -> Tensor:
    r"""Fit :math:`Y_i = M X_i` by eq. (33) as printed: :math:`M = (\sum Y_i X_i^\top)(\sum X_i X_i^\top)^{-1}`.

    X, Y: ``(N, n)``, one sample a row. Returns M ``(n, n)``. The sums square the condition number of X. In float32,
    prefer ``torch.linalg.lstsq(X, Y, driver="gels").solution.T``, the same fit by QR.
    Raises ValueError if the shapes differ or the second sum is singular, as for N < n.
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
