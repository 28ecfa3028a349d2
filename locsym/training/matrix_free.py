r"""Damped Gauss–Newton steps without a matrix: conjugate gradients on products J·v and Jᵀ·v only."""

from __future__ import annotations

import torch
from torch import Tensor

from ..networks.linearisation import Tangent
from .autodiff_linearisation import AutodiffTangent


def conjugate_gradients(
    tangent: Tangent | AutodiffTangent, gradient: Tensor, nu: float, *, tolerance: float = 1e-3, limit: int = 400
) -> Tensor:
    r"""Solve the damped normal equations by conjugate gradients (Hestenes & Stiefel 1952).

    .. math:: (J^\top J + \nu I) \, \delta \approx -\text{gradient}

    An inexact Newton step is good enough, since every iterate lowers the linear model.

    Args:
        tangent: The linearisation, with the products J·v and Jᵀ·v.
        gradient: The right-hand side, ``(P,)``.
        nu: The damping ν.
        tolerance: The iteration stops once the residual of this system has shrunk by this factor.
        limit: The largest number of iterations.

    Returns:
        The change δ of the weights, ``(P,)``.
    """
    delta, residual = torch.zeros_like(gradient), -gradient
    direction, square = residual.clone(), residual.square().sum()
    enough = tolerance**2 * square
    for _ in range(limit):
        if square <= enough:
            break
        curved = tangent.vjp(tangent.jvp(direction)) + nu * direction
        length = square / (direction @ curved)
        delta += length * direction
        residual = residual - length * curved
        before, square = square, residual.square().sum()
        direction = residual + (square / before) * direction
    return delta
