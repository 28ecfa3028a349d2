r"""Sympy formulas as functions of tensors, so that a system is written only once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import sympy as sp
import torch
from sympy.core.function import Application
from torch import Tensor

FUNCTIONS: tuple[str, ...] = ("sin", "cos", "tan", "asin", "acos", "atan", "exp", "log", "sinh", "cosh", "tanh")
FUNCTIONS += ("asinh", "acosh", "atanh")  # integrals of square roots have them
TORCH_FUNCTIONS = {name: getattr(torch, name) for name in (*FUNCTIONS, "sqrt")} | {"pi": math.pi, "E": math.e}


def coordinates(n: int) -> tuple[sp.Symbol, ...]:
    """Return the symbols y_1, …, y_n, counted from 1 as in the paper.

    Args:
        n: The number of coordinates.

    Returns:
        The n real symbols of sympy.

    Example:
        >>> from locsym.systems import coordinates
        >>> coordinates(3)
        (y1, y2, y3)
    """
    return sp.symbols(f"y1:{n + 1}", real=True)


def tensor_function(expressions: Sequence[sp.Expr], symbols: Sequence[sp.Symbol]) -> Callable[[Tensor], Tensor]:
    """Turn formulas into a function of states.

    Args:
        expressions: The formulas. They may have the functions of ``TORCH_FUNCTIONS``.
        symbols: The coordinates y_1, …, y_n.

    Returns:
        A function ``(*, n)`` to ``(*, len(expressions))``, which can be differentiated by torch.

    Raises:
        ValueError: If a formula is not real, or has a symbol or a function that is not allowed.

    Example:
        >>> import torch
        >>> from locsym.systems import coordinates, tensor_function
        >>> q, p = coordinates(2)
        >>> field = tensor_function([p, -q], (q, p))
        >>> field(torch.tensor([1.0, 2.0]))
        tensor([ 2., -1.])
    """
    for expression in expressions:
        if not isinstance(expression, sp.Expr) or expression.has(sp.oo, -sp.oo, sp.zoo, sp.nan, sp.I):
            raise ValueError(f"{expression} is no formula with real, finite values")
        if unknown := expression.free_symbols - set(symbols):
            raise ValueError(f"{expression} has unknown symbols {sorted(map(str, unknown))}; allowed: {list(symbols)}")
        if strange := {type(f).__name__ for f in expression.atoms(Application)} - set(FUNCTIONS):
            raise ValueError(f"{expression} has functions {sorted(strange)}; allowed: {', '.join(FUNCTIONS)}")
    compiled = sp.lambdify(symbols, list(expressions), modules=[TORCH_FUNCTIONS], cse=True)

    def evaluate(y: Tensor) -> Tensor:
        if not y.ndim or y.shape[-1] != len(symbols):
            raise ValueError(f"y: shape (*, {len(symbols)}) is needed, got {tuple(y.shape)}")
        parts = compiled(*y.unbind(-1))
        zero = torch.zeros_like(y[..., 0])  # a constant formula becomes a number: it takes the shape of the batch
        return torch.stack([zero + part for part in parts], dim=-1)

    return evaluate


def vanishes(formula: sp.Expr) -> bool:
    """Return whether a formula is zero everywhere, by expansion if that is enough and by ``simplify`` otherwise.

    Args:
        formula: A formula of sympy.

    Returns:
        True if the formula has been found to be zero.
    """
    exact = sp.nsimplify(formula, rational=True)
    return sp.expand(exact) == 0 or sp.simplify(exact) == 0
