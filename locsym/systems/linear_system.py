r"""Linear divergence-free systems dy/dt = A y, Tr A = 0: the flow is the matrix exponential."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
import torch
from torch import Tensor

from ..guards import check_times, finite_states
from .exact import LinearFlow
from .formulas import coordinates
from .system import Invariant, System


class LinearSystem(System):
    r"""The linear system dy/dt = A y with Tr A = 0 and the exact flow :math:`e^{hA}`.

    Its formulas are made when they are first used.

    Args:
        A: The matrix, ``(n, n)`` with n >= 2, floating-point, finite and of trace zero.
        invariants: Invariants by name. A linear form c·y with :math:`A^\top c = 0` is given as ``(n,)``, and a
            quadratic form :math:`y^\top Q y` with :math:`QA + A^\top Q = 0` as ``(n, n)``.
        name: A name for messages and captions.

    Raises:
        TypeError, ValueError: If the trace is not zero, an invariant is not constant, or an argument is of another
            kind.

    Example:
        >>> import torch
        >>> from locsym import LinearSystem
        >>> A = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
        >>> LinearSystem(A, {"energy": torch.eye(2)}, name="oscillator")
        LinearSystem('oscillator', n=2, invariants=['energy'])
    """

    def __init__(self, A: Tensor, invariants: Mapping[str, Tensor] | None = None, name: str = "linear system"):
        finite_states("A", A)
        if A.ndim != 2 or A.shape[0] != A.shape[1] or len(A) < 2:
            raise ValueError(f"A: shape (n, n) with n >= 2 is needed, got {tuple(A.shape)}")
        self.name, self.A = name, A.detach().to("cpu", torch.float64, copy=True)
        trace, scale = float(self.A.trace()), float(self.A.abs().max())
        rounding = 100 * torch.finfo(A.dtype).eps * len(A) * scale
        if abs(trace) > rounding:
            raise ValueError(f"A: the trace, which is the divergence, must be 0, got {trace:g}")
        self._forms = {}
        for key, form in dict(invariants or {}).items():
            finite_states(f"invariants: {key!r}", form)
            self._forms[key] = form = form.detach().to("cpu", torch.float64)
            if form.shape not in {A.shape[:1], A.shape}:
                raise ValueError(f"invariants: {key!r} has shape {tuple(form.shape)}; (n,) and (n, n) are allowed")
            rate = self.A.mT @ form if form.ndim == 1 else self.A.mT @ (form + form.mT) + (form + form.mT) @ self.A
            if not float(rate.abs().max()) <= rounding * float(form.abs().max()):
                raise ValueError(f"invariants: {key!r} of {name} is not constant along solutions")
        self.invariants = {key: _form(form) for key, form in self._forms.items()}

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:  # type: ignore[override]  # made on first use: read, never assigned
        """The coordinates y_1, …, y_n."""
        return coordinates(self.n)

    @cached_property
    def field(self) -> tuple[sp.Expr, ...]:  # type: ignore[override]  # the same
        """The n formulas of A y."""
        return tuple(sp.Add(*(a * y for a, y in zip(row, self.symbols, strict=True))) for row in self.A.tolist())

    @cached_property
    def invariant_formulas(self) -> dict[str, sp.Expr]:  # type: ignore[override]  # the same
        """The invariants as formulas."""
        y = sp.Matrix(self.symbols)
        matrices = {key: sp.Matrix(form.tolist()) for key, form in self._forms.items()}
        return {key: sp.expand((y.T * form * (y if form.cols > 1 else sp.eye(1)))[0]) for key, form in matrices.items()}

    @property
    def n(self) -> int:
        """Dimension of phase space."""
        return len(self.A)

    def rhs(self, y: Tensor) -> Tensor:
        """Return the vector field A y.

        Args:
            y: The states, ``(*, n)``.

        Returns:
            The field, ``(*, n)``.
        """
        return y @ self.A.to(y).mT

    @cached_property
    def flow(self) -> LinearFlow:
        r"""The exact flow map :math:`e^{hA} y`."""
        return LinearFlow(self.A)

    def trajectory(self, y0: Tensor, t: Tensor | np.ndarray | Sequence[float], **solver: Any) -> Tensor:
        """Return the exact solution :math:`e^{(t - t_0) A} y_0` at given times.

        Args:
            y0: The states at ``t[0]``, ``(*, n)``.
            t: The times, ``(T,)`` with T >= 1, strictly increasing or strictly decreasing.
            **solver: Options of :func:`~locsym.systems.solve`, which are not needed here and are ignored.

        Returns:
            The states at the times, ``(T, *, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed. The message names it.
        """
        finite_states("y0", y0, self.n)
        elapsed = torch.from_numpy(check_times(t))
        propagators = self.flow.propagator(elapsed - elapsed[0]).to(y0.device)
        return torch.stack([y0.double() @ one.mT for one in propagators]).to(y0.dtype)


def _form(form: Tensor) -> Invariant:
    if form.ndim == 1:
        return lambda y: y @ form.to(y)
    return lambda y: ((y @ form.to(y)) * y).sum(-1)
