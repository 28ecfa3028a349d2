r"""The regression (33), which fits a linear flow without a network."""

from __future__ import annotations

import torch
from torch import Tensor

from ..guards import check_finite


def normal_equations(X: Tensor, Y: Tensor) -> Tensor:
    r"""Fit a linear flow, :math:`Y_i = M X_i`, by the normal equations (33) as printed.

    .. math:: M = \Bigl( \sum_i Y_i X_i^\top \Bigr) \Bigl( \sum_i X_i X_i^\top \Bigr)^{-1}

    The sums square the condition number of X. In float32, prefer
    ``torch.linalg.lstsq(X, Y, driver="gels").solution.T``, the same fit by QR.

    Args:
        X, Y: The states before and after the step, ``(N, n)``, one sample in each row.

    Returns:
        M, ``(n, n)``.

    Raises:
        ValueError: If the shapes differ, or if the second sum is singular, as for N < n.

    Example:
        >>> import torch
        >>> from locsym.training.regression import normal_equations
        >>> X = torch.eye(2)
        >>> normal_equations(X, 3 * X)
        tensor([[3., 0.],
                [0., 3.]])
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
