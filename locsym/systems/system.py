r"""Divergence-free systems dy/dt = f(y), eqs. (1)–(2), given by formulas.

A system has its vector field as sympy formulas and as a function of tensors made from them, its invariants, and its
exact flow, which is a flow map like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
import torch
from torch import Tensor

from ..flow import FlowMap
from ..guards import check_states, finite_states
from .exact import ExactFlow, solve
from .formulas import tensor_function, vanishes

Invariant = Callable[[Tensor], Tensor]


class System:
    r"""A divergence-free system given by formulas: dy/dt = f(y) with :math:`\nabla \cdot f = 0`.

    Args:
        name: A name for messages and captions.
        symbols: The n coordinates, n >= 2.
        field: The n formulas of f.
        invariants: Formulas by name, each constant along solutions.

    Attributes:
        symbols, field, invariant_formulas: The coordinates and the formulas.
        invariants: The invariants as functions of states, ``(*, n)`` to ``(*)``, by name.

    Raises:
        TypeError: If a formula is no formula of sympy, such as text.
        ValueError: If the divergence is not zero, or if an invariant is not constant.

    Example:
        >>> from locsym import System
        >>> from locsym.systems import coordinates
        >>> q, p = coordinates(2)
        >>> oscillator = System("oscillator", (q, p), (p, -q), {"H": (q**2 + p**2) / 2})
        >>> oscillator
        System('oscillator', n=2, invariants=['H'])
    """

    name: str
    symbols: tuple[sp.Symbol, ...]
    field: tuple[sp.Expr, ...]
    invariant_formulas: dict[str, sp.Expr]
    invariants: dict[str, Invariant]

    def __init__(
        self,
        name: str,
        symbols: Sequence[sp.Symbol],
        field: Sequence[sp.Expr],
        invariants: Mapping[str, sp.Expr] | None = None,
    ):
        symbols, field = tuple(symbols), tuple(_formula(f, "field") for f in field)
        formulas = {key: _formula(formula, "invariants") for key, formula in dict(invariants or {}).items()}
        if len(symbols) != len(field) or len(symbols) < 2:
            raise ValueError(f"field: one formula a coordinate is needed, n >= 2; got {len(field)} for {len(symbols)}")
        rhs = tensor_function(field, symbols)  # first: it refuses unknown symbols and functions
        divergence = sum(sp.diff(f, y) for f, y in zip(field, symbols, strict=True))
        if not vanishes(divergence):
            raise ValueError(f"field: {name} is not divergence-free, its divergence is {sp.simplify(divergence)}")
        for key, formula in formulas.items():
            rate = sum(sp.diff(formula, y) * f for f, y in zip(field, symbols, strict=True))
            if not vanishes(rate):
                raise ValueError(f"invariants: {key!r} of {name} changes at the rate {sp.simplify(rate)}")
        self.name, self.symbols, self.field, self.invariant_formulas = name, symbols, field, formulas
        self.invariants = {key: _scalar(tensor_function([formula], symbols)) for key, formula in formulas.items()}
        self._rhs = rhs

    @property
    def n(self) -> int:
        """Dimension of phase space."""
        return len(self.symbols)

    def rhs(self, y: Tensor) -> Tensor:
        """Return the vector field f(y).

        Args:
            y: The states, ``(*, n)``.

        Returns:
            The field, ``(*, n)``.
        """
        return self._rhs(y)

    @cached_property
    def flow(self) -> FlowMap:
        r"""The exact flow map :math:`\varphi_h(y)`, which has an ``inverse``, a ``rollout`` and a ``jacobian``."""
        return ExactFlow(self.rhs, self.n)

    def divergence(self, y: Tensor) -> Tensor:
        """Return the divergence of f by automatic differentiation.

        Args:
            y: The states, ``(*, n)``.

        Returns:
            The divergence at each state, ``(*)``.

        Raises:
            TypeError, ValueError: If the states are not allowed.
        """
        finite_states("y", y, self.n)
        if not y.numel():
            return y.new_zeros(y.shape[:-1])
        jacobian = torch.func.vmap(torch.func.jacrev(self.rhs))(y.reshape(-1, self.n))
        return jacobian.diagonal(dim1=-2, dim2=-1).sum(-1).reshape(y.shape[:-1])

    def trajectory(self, y0: Tensor, t: Tensor | np.ndarray | Sequence[float], **solver: Any) -> Tensor:
        """Return the exact solution at given times.

        Args:
            y0: The states at ``t[0]``, ``(*, n)``.
            t: The times, ``(T,)`` with T >= 1, strictly increasing or strictly decreasing.
            **solver: Options of :func:`~locsym.systems.solve`.

        Returns:
            The states at the times, ``(T, *, n)``, beginning with ``y0``.

        Raises:
            TypeError, ValueError: If an argument is not allowed. The message names it.
            RuntimeError: If the solver gives up.
        """
        check_states("y0", y0, self.n)
        return solve(self.rhs, y0, t, **solver)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, n={self.n}, invariants={list(self.invariants)})"


def _formula(value: float | sp.Expr, name: str) -> sp.Expr:
    """Return a number or formula as a sympy expression. Raises TypeError for text, which sympy would execute."""
    try:
        return sp.sympify(value, strict=True)
    except sp.SympifyError as error:
        raise TypeError(f"{name}: formulas made of sympy's symbols, or numbers, are needed, got {value!r}") from error


def _scalar(evaluate: Callable[[Tensor], Tensor]) -> Invariant:
    return lambda y: evaluate(y)[..., 0]
