r"""Divergence-free systems dy/dt = f(y), eqs. (1)–(2), each written once, as formulas.

A system knows its vector field symbolically (sympy) and as a function of tensors made from the same formula,
its invariants, and its exact flow, which is a flow map like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import sympy as sp
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from .flow import column

TORCH_FUNCTIONS = {name: getattr(torch, name) for name in ("sin", "cos", "tan", "exp", "log", "sqrt", "sinh", "cosh", "tanh")}


def tensor_function(expressions: Sequence[sp.Expr], symbols: Sequence[sp.Symbol]) -> Callable[[Tensor], Tensor]:
    """Turn formulas into a function of states: ``(*, n)`` to ``(*, len(expressions))``."""
    compiled = sp.lambdify(symbols, list(expressions), modules=[TORCH_FUNCTIONS, "math"], cse=True)

    def evaluate(y: Tensor) -> Tensor:
        parts = compiled(*y.unbind(-1))
        zero = torch.zeros_like(y[..., 0])
        return torch.stack([zero + part for part in parts], dim=-1)

    return evaluate


class System:
    r"""A divergence-free system given by formulas: dy/dt = f(y) with :math:`\nabla \cdot f = 0`.

    name: for messages and captions. symbols: the n coordinates. field: the n formulas of f.
    invariants: name → formula that stays constant along solutions.
    Raises ValueError where the divergence does not simplify to zero, or an invariant is not one.
    """

    def __init__(
        self,
        name: str,
        symbols: Sequence[sp.Symbol],
        field: Sequence[sp.Expr],
        invariants: Mapping[str, sp.Expr] | None = None,
    ):
        symbols, field = tuple(symbols), tuple(sp.sympify(e) for e in field)
        if len(symbols) != len(field) or len(symbols) < 2:
            raise ValueError(f"field: one formula a coordinate is needed, n >= 2; got {len(field)} for {len(symbols)}")
        divergence = sp.simplify(sum(sp.diff(f, y) for f, y in zip(field, symbols, strict=True)))
        if divergence != 0:
            raise ValueError(f"field: {name} is not divergence-free, its divergence is {divergence}")
        self.name, self.symbols, self.field = name, symbols, field
        self.invariant_formulas = dict(invariants or {})
        for key, formula in self.invariant_formulas.items():
            rate = sp.simplify(sum(sp.diff(formula, y) * f for f, y in zip(field, symbols, strict=True)))
            if rate != 0:
                raise ValueError(f"invariants: {key!r} of {name} changes at the rate {rate}")
        self._rhs = tensor_function(field, symbols)
        self.invariants: dict[str, Callable[[Tensor], Tensor]] = {
            key: _scalar(formula, symbols) for key, formula in self.invariant_formulas.items()
        }

    @property
    def n(self) -> int:
        """Dimension of phase space."""
        return len(self.symbols)

    def rhs(self, y: Tensor) -> Tensor:
        """Return f(y): ``(*, n)`` to ``(*, n)``."""
        return self._rhs(y)

    def divergence(self, y: Tensor) -> Tensor:
        """Return the divergence of f at ``y`` by automatic differentiation: ``(*, n)`` to ``(*)``; rounding only."""
        flat = y.reshape(-1, self.n)
        jacobian = torch.func.vmap(torch.func.jacrev(self.rhs))(flat)
        return jacobian.diagonal(dim1=-2, dim2=-1).sum(-1).reshape(y.shape[:-1])

    def trajectory(self, y0: Tensor, t: Tensor | np.ndarray, **solver) -> Tensor:
        """Return the exact solution at the times ``t`` (increasing or decreasing; t[0] is the start): ``(len(t), *, n)``."""
        return solve(self.rhs, y0, t, **solver)

    def flow(self, y: Tensor, h: Tensor | float) -> Tensor:
        r"""The exact flow map :math:`\varphi_h(y)`, solved to rounding: ``(*, n)`` to ``(*, n)``."""
        h = torch.as_tensor(h, dtype=y.dtype, device=y.device)
        return solve(lambda x: column(h) * self.rhs(x), y, np.array([0.0, 1.0]))[-1]  # time in units of h: one value a sample

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, n={self.n}, invariants={list(self.invariants)})"


def _scalar(formula: sp.Expr, symbols: Sequence[sp.Symbol]) -> Callable[[Tensor], Tensor]:
    evaluate = tensor_function([formula], symbols)
    return lambda y: evaluate(y)[..., 0]


def solve(
    rhs: Callable[[Tensor], Tensor],
    y0: Tensor,
    t: Tensor | np.ndarray,
    method: str = "DOP853",
    rtol: float = 1e-12,
    atol: float = 1e-12,
) -> Tensor:
    """Solve dy/dt = rhs(y) with SciPy's ``solve_ivp`` at the times ``t``: ``(len(t), *, n)``, in float64 inside.

    Raises RuntimeError where the solver gives up, with its message.
    """
    times = np.asarray(t, dtype=float)
    shape = y0.shape

    def function(_, flat):
        return rhs(torch.from_numpy(flat).reshape(shape)).reshape(-1).numpy()

    start = y0.detach().to("cpu", torch.float64).reshape(-1).numpy()
    result = solve_ivp(function, (times[0], times[-1]), start, method=method, t_eval=times, rtol=rtol, atol=atol)
    if not result.success:
        raise RuntimeError(f"solve_ivp stopped at t = {result.t[-1] if result.t.size else times[0]}: {result.message}")
    return torch.from_numpy(result.y.T.copy()).reshape(len(times), *shape).to(y0)


def coordinates(n: int) -> tuple[sp.Symbol, ...]:
    """The symbols y_1, …, y_n: real, counted from 1 as in the paper."""
    return sp.symbols(f"y1:{n + 1}", real=True)


def RigidBody(inertia: tuple = (2, 1, sp.Rational(2, 3))) -> System:
    """Euler's equations of a free rigid body, eqs. (35)–(37): angular momentum in the body frame, n = 3."""
    i1, i2, i3 = (sp.nsimplify(i) for i in inertia)
    y1, y2, y3 = y = coordinates(3)
    field = ((i2 - i3) / (i2 * i3) * y2 * y3, (i3 - i1) / (i3 * i1) * y3 * y1, (i1 - i2) / (i1 * i2) * y1 * y2)
    energy = (y1**2 / i1 + y2**2 / i2 + y3**2 / i3) / 2
    return System("rigid body", y, field, {"H": energy, "I": y1**2 + y2**2 + y3**2})
