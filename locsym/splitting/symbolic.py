r"""The Feng–Shang splitting, eqs. (13)–(15): a divergence-free field as a sum of n − 1 local Hamiltonian fields.

There are two ways to the local Hamiltonians :math:`H_{k,k+1}`. :func:`split` returns formulas;
:func:`~locsym.splitting.split_numerically` evaluates them for a field that is only a Python callable. Both follow
the constructive proof of Feng & Shang (1995): with :math:`g_1 = f_1`, for k = 1, …, n − 1,

.. math::

    H_{k,k+1} = \int g_k \, dy_{k+1} + c_k, \qquad g_{k+1} = f_{k+1} + \frac{\partial H_{k,k+1}}{\partial y_k},

where :math:`c_k` does not depend on :math:`y_{k+1}`. All :math:`c_k` are free except the last, which :math:`f_n`
determines. For every choice,

.. math::

    \frac{\partial^2 H_{k,k+1}}{\partial y_k \, \partial y_{k+1}} =
    \sum_{i \le k} \frac{\partial f_i}{\partial y_i} =: d_k ,

so that a pair is separable exactly if the partial divergence :math:`d_k` vanishes. In code, k counts from 0.

In other words, f has an antisymmetric potential A, :math:`f_i = \sum_j \partial A_{ij} / \partial y_j`, that is
tridiagonal, with :math:`A_{k,k+1} = H_{k,k+1}`; choosing the :math:`c_k` is choosing a gauge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
from torch import Tensor

from ..guards import integer
from ..systems.formulas import tensor_function, vanishes
from ..systems.system import System
from .numeric import Pair, Scalar


@dataclass(frozen=True)
class Splitting:
    r"""The local Hamiltonians of a field as formulas, made by :func:`split`.

    Args:
        symbols: The n coordinates.
        field: The n formulas of f.
        hamiltonians: The n − 1 formulas :math:`H_{k,k+1}`.
        separable: For each pair, whether :math:`\partial^2 H_{k,k+1} / \partial y_k \partial y_{k+1} \equiv 0`, eq.
            (6).

    Example:
        >>> from locsym import RigidBody
        >>> from locsym.splitting import split
        >>> splitting = split(RigidBody())
        >>> splitting.residual()  # the local fields add up to f, eq. (13)
        (0, 0, 0)
    """

    symbols: tuple[sp.Symbol, ...]
    field: tuple[sp.Expr, ...]
    hamiltonians: tuple[sp.Expr, ...]
    separable: tuple[bool, ...]

    @property
    def n(self) -> int:
        """Dimension of phase space."""
        return len(self.symbols)

    @property
    def fields(self) -> tuple[tuple[sp.Expr, ...], ...]:
        """The n − 1 local fields of eq. (14), each of n formulas, by differentiating the Hamiltonians."""
        rows = []
        for k, H in enumerate(self.hamiltonians):
            row = [sp.Integer(0)] * self.n
            row[k], row[k + 1] = sp.diff(H, self.symbols[k + 1]), -sp.diff(H, self.symbols[k])
            rows.append(tuple(row))
        return tuple(rows)

    def residual(self) -> tuple[sp.Expr, ...]:
        """Return the sum of the local fields minus f, which is zero by eq. (13).

        Returns:
            The n simplified formulas.
        """
        columns = zip(*self.fields, strict=True)
        return tuple(_simplify(sum(column) - f) for column, f in zip(columns, self.field, strict=True))

    @property
    def potential(self) -> sp.Matrix:
        """The tridiagonal antisymmetric potential with the local Hamiltonians beside its diagonal."""
        upper = sp.zeros(self.n, self.n)
        for k, H in enumerate(self.hamiltonians):
            upper[k, k + 1] = H
        return upper - upper.T

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
        H, (a, b) = self.hamiltonians[k], self.symbols[k : k + 2]
        formulas = (H, H.diff(a), H.diff(b), H.diff(a, 2), H.diff(a, b), H.diff(b, 2))
        return Pair(k, *(_scalar(formula, self.symbols) for formula in formulas))

    def local_fields(self, y: Tensor) -> Tensor:
        """Return the local Hamiltonian fields, eq. (14), which add up to f.

        Args:
            y: The states, ``(*, n)``.

        Returns:
            The fields, ``(*, n − 1, n)``.
        """
        entries = [row[k + side] for k, row in enumerate(self.fields) for side in (0, 1)]
        values = _function(tuple(entries), self.symbols)(y)
        fields = y.new_zeros(*y.shape[:-1], self.n - 1, self.n)
        for k in range(self.n - 1):
            fields[..., k, k : k + 2] = values[..., 2 * k : 2 * k + 2]
        return fields

    def _repr_latex_(self) -> str:
        rows = (f"H_{{{k},{k + 1}}} &= {sp.latex(H)}" for k, H in enumerate(self.hamiltonians, start=1))
        return "$$\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}$$"


def potential_field(A: sp.Matrix, symbols: Sequence[sp.Symbol]) -> tuple[sp.Expr, ...]:
    r"""Return the divergence-free field of an antisymmetric potential.

    .. math:: f_i = \sum_j \frac{\partial A_{ij}}{\partial y_j}

    Args:
        A: The potential, ``(n, n)`` formulas.
        symbols: The n coordinates.

    Returns:
        The n formulas of f.

    Raises:
        ValueError: If ``A`` is not antisymmetric, or not of the size of ``symbols``.

    Example:
        >>> import sympy as sp
        >>> from locsym.splitting import potential_field
        >>> from locsym.systems import coordinates
        >>> q, p = coordinates(2)
        >>> H = (q**2 + p**2) / 2
        >>> potential_field(sp.Matrix([[0, H], [-H, 0]]), (q, p))
        (y2, -y1)
    """
    n = len(symbols)
    if A.shape != (n, n) or not all(vanishes(entry) for entry in A + A.T):
        raise ValueError(f"A: an antisymmetric matrix of shape {(n, n)} is needed, got {A.shape}: {A.tolist()}")
    return tuple(sp.Add(*(sp.diff(A[i, j], y) for j, y in enumerate(symbols))) for i in range(n))


def split(
    system: System,
    base: Sequence | None = None,
    constants: Mapping[int, sp.Expr] | None = None,
) -> Splitting:
    """Split a divergence-free field into n − 1 local Hamiltonian fields by the proof of Feng & Shang.

    Args:
        system: A system, or anything else with ``symbols`` and ``field``.
        base: The n lower limits of the integrals; None takes the antiderivatives without a constant.
        constants: The free functions :math:`c_k` of the proof, for k = 0, …, n − 3, each independent of y_k+1; 0 by
            default.

    Returns:
        The splitting, with its local Hamiltonians as formulas.

    Raises:
        ValueError: If the field is not divergence-free, if sympy cannot find an integral (use
            :func:`~locsym.splitting.split_numerically` then), if an integral is not finite at the base point, or if a
            constant or the base is not allowed.

    Example:
        >>> from locsym import RigidBody
        >>> from locsym.splitting import split
        >>> split(RigidBody()).hamiltonians
        (y2**2*y3/4, -y1*y2**2/4 - y1*y3**2/2)
    """
    symbols, field = tuple(system.symbols), tuple(_exact(sp.sympify(f)) for f in system.field)
    n = len(symbols)
    if base is not None and len(base) != n:
        raise ValueError(f"base: one number a coordinate is needed, n = {n}, got {len(base)}")
    limits = (None,) * n if base is None else tuple(sp.sympify(b) for b in base)
    constants = _check_constants(constants, symbols)
    partial = _partial_divergences(symbols, field)
    hamiltonians, g = [], field[0]
    for k in range(n - 1):
        H = _integral(g, symbols[k + 1], limits[k + 1]) + constants.get(k, 0)
        if k == n - 2:  # what is left of the last component does not depend on the last coordinate: freeze that
            rest = _freeze(-field[-1] - H.diff(symbols[k]), symbols[-1], limits[-1])
            H += _integral(rest, symbols[k], limits[k])
        hamiltonians.append(H)
        g = field[k + 1] + H.diff(symbols[k])
    return Splitting(symbols, field, tuple(hamiltonians), tuple(d == 0 for d in partial[:-1]))


def _partial_divergences(symbols: Sequence[sp.Symbol], field: Sequence[sp.Expr]) -> list[sp.Expr]:
    partial, total = [], sp.Integer(0)
    for f, y in zip(field, symbols, strict=True):
        total = _simplify(total + sp.diff(f, y))
        partial.append(total)
    if total != 0:
        point = {y: sp.Rational(1, i) for i, y in enumerate(symbols, start=1)}
        raise ValueError(
            f"system: not divergence-free: div f = {total}, "
            f"which is {total.subs(point)} at y = ({', '.join(map(str, point.values()))})"
        )
    return partial


def _check_constants(constants: Mapping[int, sp.Expr] | None, symbols: Sequence[sp.Symbol]) -> dict[int, sp.Expr]:
    constants = {k: sp.sympify(c) for k, c in (constants or {}).items()}
    for k, c in constants.items():
        if k not in range(len(symbols) - 2):
            raise ValueError(f"constants: the free functions are k = 0, …, {len(symbols) - 3}, got k = {k!r}")
        if c.has(symbols[k + 1]):
            raise ValueError(f"constants: c_{k} = {c} must not depend on {symbols[k + 1]}")
    return constants


def _exact(formula: sp.Expr) -> sp.Expr:
    """Write floats that are short binary fractions, such as 8.75, as fractions; leave others as they are."""
    numbers = {x: sp.Rational(x) for x in formula.atoms(sp.Float)}
    return formula.xreplace({x: fraction for x, fraction in numbers.items() if fraction.q <= 1024})


def _expand(formula: sp.Expr) -> sp.Expr:
    return sp.expand(formula) if formula.is_polynomial() else sp.expand_mul(formula)  # leaves r³ = (y1² + y2²)^(3/2)


def _simplify(formula: sp.Expr) -> sp.Expr:
    """Simplify; a float below 1e-12 is rounding and counts as zero."""
    formula = sp.expand(formula) if formula.is_polynomial() else sp.simplify(formula)
    return formula.xreplace({x: sp.Integer(0) for x in formula.atoms(sp.Float) if abs(x) < 1e-12})


def _integral(formula: sp.Expr, symbol: sp.Symbol, lower: sp.Expr | None) -> sp.Expr:
    """Integrate term by term in ``symbol``: the antiderivative, or from ``lower`` to ``symbol``."""
    total = sp.Integer(0)
    for term in sp.Add.make_args(_expand(formula)):
        factor, rest = term.as_independent(symbol, as_Add=False)
        total += factor * _antiderivative(rest, symbol)
    return total if lower is None else _expand(total - _freeze(total, symbol, lower))


@lru_cache(maxsize=1024)
def _antiderivative(term: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    if not term.has(symbol):
        return term * symbol
    root, power = term.as_base_exp()
    if root == symbol and power.is_number and power != -1:
        return symbol ** (power + 1) / (power + 1)
    result = sp.integrate(term, symbol)
    if result.has(sp.Integral):
        raise ValueError(f"system: sympy finds no antiderivative of {term} in {symbol}; use split_numerically")
    return result


def _freeze(formula: sp.Expr, symbol: sp.Symbol, value: sp.Expr | None) -> sp.Expr:
    """Substitute ``value`` for ``symbol``; None takes the first of a few numbers at which the formula is finite."""
    for number in (0, 1, -1, 2) if value is None else (value,):
        frozen = formula.subs(symbol, number)
        if not frozen.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
            return frozen
    raise ValueError(f"base: {formula} is not finite at {symbol} = {number}; choose another base point")


@lru_cache(maxsize=1024)
def _function(formulas: tuple[sp.Expr, ...], symbols: tuple[sp.Symbol, ...]) -> Scalar:
    numbers = {p: p.evalf(17) for formula in formulas for p in formula.atoms(sp.Function) if p.is_number}  # sin(1), say
    return tensor_function([formula.xreplace(numbers) for formula in formulas], symbols)


def _scalar(formula: sp.Expr, symbols: tuple[sp.Symbol, ...]) -> Scalar:
    return lambda y: _function((formula,), symbols)(y)[..., 0]
