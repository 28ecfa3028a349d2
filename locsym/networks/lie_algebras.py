r"""Lie–Poisson brackets, given by the structure constants of a Lie algebra.

With :math:`[e_i, e_j] = \sum_k C_{ij}^k e_k` the bracket on the dual space is
:math:`\{F, G\}(y) = \nabla F(y)^\top B(y) \, \nabla G(y)`, :math:`B_{ij}(y) = \sum_k C_{ij}^k y_k`. A Hamiltonian H
gives :math:`\dot y = B(y) \nabla H(y)`. A Casimir is constant along all these flows (Marsden & Ratiu 1999, Ch. 13).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def _constants(n: int, *brackets: tuple[int, int, int, float]) -> Tensor:
    """Return C ``(n, n, n)`` with [e_i, e_j] = c e_k for each (i, j, k, c), and its negative for (j, i)."""
    C = torch.zeros(n, n, n, dtype=torch.float64)
    for i, j, k, c in brackets:
        C[i, j, k], C[j, i, k] = c, -c
    return C


_TURNS = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
_ROTATIONS = [(i, j, k, 1.0) for i, j, k in _TURNS]
_CARRIED = [(i, j + 3, k + 3, s) for i, j, k in _TURNS for i, j, s in ((i, j, 1.0), (j, i, -1.0))]

#: so(3): the rigid body, Casimir ‖y‖². e(3): (μ, γ) of the heavy top, Casimirs ‖γ‖² and μ·γ. sl(2): Casimir
#: y₁² + y₂² − y₃².
LIE_ALGEBRAS: dict[str, Tensor] = {
    "so3": _constants(3, *_ROTATIONS),
    "e3": _constants(6, *_ROTATIONS, *_CARRIED),
    "sl2": _constants(3, (0, 1, 2, -1.0), (1, 2, 0, 1.0), (2, 0, 1, 1.0)),
}


def structure_constants(algebra: str | Tensor | Sequence) -> Tensor:
    """Return the structure constants C of a Lie algebra, where C[i, j, k] is :math:`C_{ij}^k`.

    Args:
        algebra: A name in ``LIE_ALGEBRAS``, or the constants themselves, ``(n, n, n)`` with n >= 2.

    Returns:
        The constants in float64, ``(n, n, n)``.

    Raises:
        TypeError: If ``algebra`` is neither a name nor numbers.
        ValueError: If the name or the shape is another one, or if the bracket is not antisymmetric or violates Jacobi's
            identity.

    Example:
        >>> from locsym.networks.lie_algebras import structure_constants
        >>> structure_constants("so3")[0, 1].tolist()  # [e_0, e_1] = e_2
        [0.0, 0.0, 1.0]
    """
    if isinstance(algebra, str):
        if algebra not in LIE_ALGEBRAS:
            raise ValueError(f"algebra: one of {sorted(LIE_ALGEBRAS)} or (n, n, n) constants, got {algebra!r}")
        return LIE_ALGEBRAS[algebra]
    try:
        C = torch.as_tensor(algebra, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"algebra: a name or (n, n, n) numbers are needed, got {type(algebra).__name__}") from error
    if C.ndim != 3 or len(set(C.shape)) != 1 or len(C) < 2 or not bool(torch.isfinite(C).all()):
        raise ValueError(f"algebra: finite constants of shape (n, n, n), n >= 2, are needed, got {tuple(C.shape)}")
    nested = torch.einsum("ijm,mkl->ijkl", C, C)  # [[e_i, e_j], e_k]
    jacobi = nested + nested.permute(2, 0, 1, 3) + nested.permute(1, 2, 0, 3)
    for law, defect in (("antisymmetric", C + C.transpose(0, 1)), ("of a Lie algebra, by Jacobi's identity", jacobi)):
        if float(defect.abs().max()) > 1e-12 * max(1.0, float(C.abs().max()) ** 2):
            raise ValueError(f"algebra: the bracket must be {law}, it is off by {float(defect.abs().max()):.1e}")
    return C


def poisson_matrix(C: Tensor, y: Tensor) -> Tensor:
    """Return the matrix B(y) of the bracket with given structure constants.

    Args:
        C: The structure constants, ``(n, n, n)``.
        y: The states, ``(*, n)``.

    Returns:
        The matrices, ``(*, n, n)``.
    """
    return torch.einsum("ijk,...k->...ij", C.to(y), y)
