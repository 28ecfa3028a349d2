r"""The Feng–Shang splitting by quadrature, eqs. (13)–(14), for a field given as a Python callable.

Differentiating under the integrals of the proof (:mod:`locsym.splitting.symbolic`) leaves one integral for each pair,
along one line:

.. math::

    \frac{\partial H_{k,k+1}}{\partial y_k} = \int_{b_{k+1}}^{y_{k+1}} d_k \, dy_{k+1}, \qquad
    \frac{\partial H_{k,k+1}}{\partial y_{k+1}} = f_k + \frac{\partial H_{k-1,k}}{\partial y_{k-1}}, \qquad
    d_k = \sum_{i \le k} \frac{\partial f_i}{\partial y_i},

and :math:`-f_n` at :math:`y_n = b_n` is added to the first of them for the last pair. Only the diagonal of the
Jacobian of f is needed. In code, k counts from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from ..guards import check_finite, integer, one_of

Scalar = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Pair:
    """One local Hamiltonian :math:`H_{k,k+1}` and its derivatives in its own two variables.

    Each is a function of states, ``(*, n)`` to ``(*)``. By eq. (14), y_k moves at the rate ``dH_dk1`` and y_k+1 at the
    rate ``-dH_dk``. Newton's method uses the second derivatives.

    Args:
        k: The pair (y_k, y_k+1), counted from 0.
        H: The local Hamiltonian.
        dH_dk, dH_dk1: Its derivatives in y_k and in y_k+1.
        d2H_dk_dk, d2H_dk_dk1, d2H_dk1_dk1: Its second derivatives.

    Example:
        >>> import torch
        >>> from locsym import Pendulum
        >>> from locsym.splitting import split
        >>> pair = split(Pendulum()).pair(0)  # H = p²/2 − cos q
        >>> pair.dH_dk1(torch.tensor([0.0, 2.0]))  # dq/dt = p
        tensor(2.)
    """

    k: int
    H: Scalar
    dH_dk: Scalar
    dH_dk1: Scalar
    d2H_dk_dk: Scalar
    d2H_dk_dk1: Scalar
    d2H_dk1_dk1: Scalar


def local_fields(pairs: Sequence[Pair], y: Tensor) -> Tensor:
    """Return the local Hamiltonian field of each pair, eq. (14).

    Args:
        pairs: The local Hamiltonians.
        y: The states, ``(*, n)``.

    Returns:
        The fields, ``(*, n − 1, n)``.
    """
    fields = y.new_zeros(*y.shape[:-1], len(pairs), y.shape[-1])
    for pair in pairs:
        fields[..., pair.k, pair.k] = pair.dH_dk1(y)
        fields[..., pair.k, pair.k + 1] = -pair.dH_dk(y)
    return fields


@dataclass(frozen=True)
class NumericSplitting:
    """The Feng–Shang splitting of a field without a formula, made by :func:`split_numerically`.

    All integrals run along one coordinate, by Gauss–Legendre quadrature.

    Args:
        field: The vector field, ``(*, n)`` to ``(*, n)``.
        base: The lower limits of the integrals, ``(n,)``.
        nodes: The number of nodes of the quadrature.
        derivative: ``"autograd"`` or ``"differences"``, how the field is differentiated.

    Example:
        >>> import torch
        >>> from locsym.splitting import NumericSplitting
        >>> field, base = lambda y: y.flip(-1), torch.zeros(2)
        >>> numeric = NumericSplitting(field, base, nodes=8, derivative="autograd")
        >>> numeric.local_fields(torch.tensor([1.0, 2.0]))  # the only one is f itself
        tensor([[2., 1.]])
    """

    field: Callable[[Tensor], Tensor]
    base: Tensor
    nodes: int
    derivative: str

    @property
    def n(self) -> int:
        """Dimension of phase space."""
        return len(self.base)

    @property
    def separable(self) -> tuple[bool, ...]:
        """False for every pair: evaluating a callable cannot prove that a pair is separable."""
        return (False,) * (self.n - 1)

    def partial_divergence(self, y: Tensor, k: int) -> Tensor:
        r"""Return the partial divergence :math:`d_k = \sum_{i \le k} \partial f_i / \partial y_i`.

        Args:
            y: The states, ``(*, n)``.
            k: The last coordinate of the sum, counted from 0.

        Returns:
            The partial divergence at each state, ``(*)``.
        """
        return reduce(torch.add, (self._partial(i)(y) for i in range(k + 1)))

    def pair(self, k: int) -> Pair:
        """Return one local Hamiltonian and its derivatives as functions of states.

        Args:
            k: The pair (y_k, y_k+1); k = 0, …, n − 2.

        Returns:
            The local Hamiltonian with its derivatives.

        Raises:
            TypeError, ValueError: If ``k`` is not allowed.
        """
        k = integer("k", k, 0, self.n - 2)
        last = k == self.n - 2

        def dk_partial(y: Tensor) -> Tensor:
            return self.partial_divergence(y, k)

        def dH_dk1(y: Tensor) -> Tensor:
            rate = self.field(y)[..., k]
            return rate + self._integral(lambda s: self.partial_divergence(s, k - 1), k)(y) if k else rate

        def end(y: Tensor) -> Tensor:
            return self.field(_put(y, self.n - 1, self.base[-1]))[..., -1]

        def dH_dk(y: Tensor) -> Tensor:
            return self._integral(dk_partial, k + 1)(y) - (end(y) if last else 0.0)

        def H(y: Tensor) -> Tensor:
            return self._integral(dH_dk1, k + 1)(y) - (self._integral(end, k)(y) if last else 0.0)

        return Pair(k, H, dH_dk, dH_dk1, self._diff(dH_dk, k), dk_partial, self._diff(dH_dk1, k + 1))

    def local_fields(self, y: Tensor) -> Tensor:
        """Return the local Hamiltonian fields, eq. (14), which add up to f.

        Args:
            y: The states, ``(*, n)``.

        Returns:
            The fields, ``(*, n − 1, n)``.

        Raises:
            ValueError: If a value is not finite because the path from the base point meets a singularity.
        """
        fields = local_fields([self.pair(k) for k in range(self.n - 1)], y)
        finite = torch.isfinite(fields).flatten(-2).all(-1)
        if not bool(finite.all()):
            state = y[~finite][0] if y.ndim > 1 else y
            raise ValueError(
                f"base: an integral from {self.base.tolist()} is not finite at y = {state.tolist()}; "
                "choose a base point whose coordinates avoid the singularities of the field"
            )
        return fields

    def residual(self, y: Tensor) -> Tensor:
        """Return the sum of the local fields minus f: the error of the quadrature in eq. (13).

        It shows only in the last component; in the others, neighbouring pairs cancel each other's errors, as in the
        proof. The sum converges before the local fields do, so that :func:`split_numerically` checks these as well.

        Args:
            y: The states, ``(*, n)``.

        Returns:
            The residual, ``(*, n)``.

        Raises:
            ValueError: If a value is not finite because the path from the base point meets a singularity.
        """
        return self.local_fields(y).sum(-2) - self.field(y)

    def _integral(self, function: Scalar, j: int) -> Scalar:
        x, w = (torch.as_tensor(a, dtype=self.base.dtype) for a in np.polynomial.legendre.leggauss(self.nodes))

        def evaluate(y: Tensor) -> Tensor:
            half = (y[..., j] - self.base[j]) / 2
            shape = (-1,) + (1,) * half.ndim
            path = _put(y.expand(self.nodes, *y.shape), j, self.base[j] + half * (1 + x.reshape(shape)))
            return half * (w.reshape(shape) * function(path)).sum(0)

        return evaluate

    def _partial(self, i: int) -> Scalar:
        """Return the derivative of f_i in y_i."""
        return self._diff(lambda s: self.field(s)[..., i], i)

    def _diff(self, function: Scalar, i: int) -> Scalar:
        if self.derivative == "autograd":  # the states of a batch do not know of each other: one sum serves them all
            return lambda y: torch.func.grad(lambda s: function(s).sum())(y)[..., i]
        weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}  # central differences of order eight
        h = 2.0**-7

        def evaluate(y: Tensor) -> Tensor:
            step = h * torch.eye(y.shape[-1], dtype=y.dtype)[i]
            terms = (c * (function(y + m * step) - function(y - m * step)) for m, c in weights.items())
            return reduce(torch.add, terms) / h

        return evaluate


def _put(y: Tensor, j: int, value: Tensor) -> Tensor:
    """Return ``y`` with coordinate j replaced, without writing in place."""
    mask = torch.arange(y.shape[-1]) == j
    return torch.where(mask, value.unsqueeze(-1), y)


def split_numerically(
    field: Callable[[Tensor], Tensor],
    points: Tensor,
    base: Tensor | Sequence[float] | None = None,
    *,
    derivative: str = "autograd",
    tolerance: float = 1e-11,
) -> NumericSplitting:
    """Split a divergence-free field given as a callable, by quadrature of its partial divergences.

    The number of nodes, 16, 32, …, 256, is chosen such that halving it changes no local field at the given points by
    more than ``tolerance`` times the largest of them, and that eq. (13) holds there.

    Args:
        field: The vector field, ``(*, n)`` to ``(*, n)``, state by state, in float64.
        points: Typical states, ``(N, n)`` with N >= 1 and n >= 2. The field must be divergence-free at them.
        base: The n lower limits of the integrals; None for the origin.
        derivative: ``"autograd"``, or ``"differences"`` (of order eight) for a callable that torch cannot
            differentiate.
        tolerance: The error that the quadrature may have.

    Returns:
        The splitting, with its local Hamiltonians as functions of states.

    Raises:
        ValueError: If the field is not divergence-free, if a quadrature does not converge or meets a singularity, or if
            an argument is not allowed.

    Example:
        >>> import torch
        >>> from locsym.splitting import split_numerically
        >>> points = torch.tensor([[1.0, 2.0, 3.0], [0.5, -1.0, 0.0]])
        >>> numeric = split_numerically(lambda y: y.roll(1, -1) ** 2, points)
        >>> bool(numeric.residual(points).abs().max() < 1e-12)
        True
    """
    one_of("derivative", derivative, ("autograd", "differences"))
    if not isinstance(points, Tensor) or points.ndim != 2 or points.shape[-1] < 2 or not points.is_floating_point():
        raise ValueError("points: a floating-point tensor of shape (N, n) with n >= 2 is needed")
    if not len(points):
        raise ValueError("points: one state at least is needed, got none")
    check_finite("points", points)
    points, n = points.detach().double(), points.shape[-1]
    if field(points).shape != points.shape:
        raise ValueError(f"field: shape {tuple(points.shape)} must stay, it became {tuple(field(points).shape)}")
    base = torch.zeros(n, dtype=points.dtype) if base is None else torch.as_tensor(base, dtype=points.dtype)
    if base.shape != (n,) or not bool(torch.isfinite(base).all()):
        raise ValueError(f"base: {n} finite numbers are needed, got {base.tolist()}")
    coarse = NumericSplitting(field, base, 8, derivative)
    _refuse_divergence(coarse, points)
    fields = coarse.local_fields(points)
    while coarse.nodes < 256:
        fine = NumericSplitting(field, base, 2 * coarse.nodes, derivative)
        before, fields = fields, fine.local_fields(points)
        allowed = tolerance * max(1.0, float(fields.abs().max()))
        change, residual = (fields - before).abs().max(), (fields.sum(-2) - field(points)).abs().max()
        if change <= allowed:
            break
        coarse = fine
    if change > allowed:
        raise ValueError(
            f"field: with {fine.nodes} nodes the quadrature still moves by {change:.1e}; choose another base point"
        )
    if residual > allowed:
        raise ValueError(
            f"field: the local fields miss f by {residual:.1e}, so torch's derivatives do not belong to its values; "
            "pass derivative='differences'"
        )
    return fine


def _refuse_divergence(splitting: NumericSplitting, points: Tensor) -> None:
    n = splitting.n
    size = reduce(torch.add, (splitting._partial(i)(points).abs() for i in range(n)))
    divergence = splitting.partial_divergence(points, n - 1)
    worst = int((divergence.abs() / (1 + size)).argmax())
    if not bool(divergence[worst].abs() <= 1e-8 * (1 + size[worst])):
        where = ", ".join(f"{x:.6g}" for x in points[worst].tolist())
        raise ValueError(f"field: not divergence-free: div f = {float(divergence[worst]):.4g} at y = ({where})")
