r"""Divergence-free systems dy/dt = f(y), eqs. (1)–(2), each written once, as formulas.

A system knows its vector field symbolically (sympy) and as a function of tensors made from the same formulas,
its invariants, and its exact flow, which is a flow map like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
import sympy as sp
import torch
from torch import Tensor

from .exact import ExactFlow, LinearFlow, check_times, finite_states, solve
from .flow import FlowMap, whole
from .formulas import TORCH_FUNCTIONS, coordinates, tensor_function, vanishes
from .sphere import sphere, starts

__all__ = [
    "TORCH_FUNCTIONS",
    "ABCFlow",
    "Advection",
    "ChargedParticle",
    "LinearSystem",
    "Pendulum",
    "RigidBody",
    "System",
    "Volterra",
    "coordinates",
    "solve",
    "sphere",
    "starts",
    "tensor_function",
]

Invariant = Callable[[Tensor], Tensor]


class System:
    r"""A divergence-free system given by formulas: dy/dt = f(y) with :math:`\nabla \cdot f = 0`.

    name: for messages and captions. symbols: the n coordinates. field: the n formulas of f.
    invariants: name → formula that stays constant along solutions.
    Raises ValueError where the divergence does not simplify to zero, or an invariant is not one.
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
        """Return f(y): ``(*, n)`` to ``(*, n)``."""
        return self._rhs(y)

    @cached_property
    def flow(self) -> FlowMap:
        r"""The exact flow map :math:`\varphi_h(y)`, with its own ``inverse``, ``rollout`` and ``jacobian``."""
        return ExactFlow(self.rhs, self.n)

    def divergence(self, y: Tensor) -> Tensor:
        """Return the divergence of f at ``y`` by automatic differentiation: ``(*, n)`` to ``(*)``; rounding only."""
        finite_states(y, "y", self.n)
        if not y.numel():
            return y.new_zeros(y.shape[:-1])
        jacobian = torch.func.vmap(torch.func.jacrev(self.rhs))(y.reshape(-1, self.n))
        return jacobian.diagonal(dim1=-2, dim2=-1).sum(-1).reshape(y.shape[:-1])

    def trajectory(self, y0: Tensor, t: Tensor | np.ndarray | Sequence[float], **solver) -> Tensor:
        """Return the exact solution at the times ``t``, first the start: ``(len(t), *, n)``; see :func:`solve`."""
        finite_states(y0, "y0", self.n)
        return solve(self.rhs, y0, t, **solver)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, n={self.n}, invariants={list(self.invariants)})"


class LinearSystem(System):
    r"""dy/dt = A y with Tr A = 0, exact flow :math:`e^{hA}`; the formulas are made when asked for.

    A: ``(n, n)``, n >= 2. invariants: name → ``(n,)`` a linear form c·y with :math:`A^\top c = 0`, or ``(n, n)`` a
    quadratic form :math:`y^\top Q y` with :math:`QA + A^\top Q = 0`. Raises ValueError where one of these fails.
    """

    def __init__(self, A: Tensor, invariants: Mapping[str, Tensor] | None = None, name: str = "linear system"):
        finite_states(A, "A")
        if A.ndim != 2 or A.shape[0] != A.shape[1] or len(A) < 2:
            raise ValueError(f"A: shape (n, n) with n >= 2 is needed, got {tuple(A.shape)}")
        self.name, self.A = name, A.detach().to("cpu", torch.float64, copy=True)
        trace, scale = float(self.A.trace()), float(self.A.abs().max())
        rounding = 100 * torch.finfo(A.dtype).eps * len(A) * scale
        if abs(trace) > rounding:
            raise ValueError(f"A: the trace, which is the divergence, must be 0, got {trace:g}")
        self._forms = {}
        for key, form in dict(invariants or {}).items():
            finite_states(form, f"invariants: {key!r}")
            self._forms[key] = form = form.detach().to("cpu", torch.float64)
            if form.shape not in {A.shape[:1], A.shape}:
                raise ValueError(f"invariants: {key!r} has shape {tuple(form.shape)}; (n,) and (n, n) are allowed")
            rate = self.A.mT @ form if form.ndim == 1 else self.A.mT @ (form + form.mT) + (form + form.mT) @ self.A
            if not float(rate.abs().max()) <= rounding * float(form.abs().max()):
                raise ValueError(f"invariants: {key!r} of {name} is not constant along solutions")
        self.invariants = {key: _form(form) for key, form in self._forms.items()}

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The coordinates y_1, …, y_n."""
        return coordinates(self.n)

    @cached_property
    def field(self) -> tuple[sp.Expr, ...]:
        """The n formulas of A y."""
        return tuple(sp.Add(*(a * y for a, y in zip(row, self.symbols, strict=True))) for row in self.A.tolist())

    @cached_property
    def invariant_formulas(self) -> dict[str, sp.Expr]:
        """The invariants as formulas."""
        y = sp.Matrix(self.symbols)
        matrices = {key: sp.Matrix(form.tolist()) for key, form in self._forms.items()}
        return {key: sp.expand((y.T * form * (y if form.cols > 1 else sp.eye(1)))[0]) for key, form in matrices.items()}

    @property
    def n(self) -> int:
        """Dimension of phase space."""
        return len(self.A)

    def rhs(self, y: Tensor) -> Tensor:
        """Return A y: ``(*, n)`` to ``(*, n)``."""
        return y @ self.A.to(y).mT

    @cached_property
    def flow(self) -> LinearFlow:
        r"""The exact flow map :math:`e^{hA} y`."""
        return LinearFlow(self.A)

    def trajectory(self, y0: Tensor, t: Tensor | np.ndarray | Sequence[float], **solver) -> Tensor:
        """Return :math:`e^{(t - t_0) A} y_0` at the times ``t``: ``(len(t), *, n)``; tolerances have no say here."""
        finite_states(y0, "y0", self.n)
        elapsed = torch.from_numpy(check_times(t))
        propagators = self.flow.propagator(elapsed - elapsed[0]).to(y0.device)
        return torch.stack([y0.double() @ one.mT for one in propagators]).to(y0.dtype)


class Advection(LinearSystem):
    r"""Advection on [−1, 1], periodic, by central differences, eq. (34).

    .. math:: \dot u_i = -c \, \frac{u_{i+1} - u_{i-1}}{2 \Delta x}, \qquad u_n = u_0, \quad u_{-1} = u_{n-1}

    n: grid points, >= 3; Δx = 2/n. c: wave speed. Invariants: the sums of u and of u².
    """

    def __init__(self, n: int = 35, c: float = 1.0):
        n = whole("n", n, 3)
        self.c, self.dx = _finite(c, "c"), 2.0 / n
        ahead = torch.eye(n, dtype=torch.float64).roll(1, dims=1)  # row i picks u_{i+1}
        forms = {"mass": torch.ones(n, dtype=torch.float64), "energy": torch.eye(n, dtype=torch.float64)}
        super().__init__(-self.c / (2 * self.dx) * (ahead - ahead.mT), forms, name="advection")

    @property
    def x(self) -> Tensor:
        """The grid x_i = −1 + i Δx, ``(n,)``."""
        return -1.0 + self.dx * torch.arange(self.n, dtype=torch.float64)

    def wave(self) -> Tensor:
        """The Gaussian wave of Sec. 4.1, u_i(0) = exp(−10 x_i²), ``(n,)``."""
        return torch.exp(-10 * self.x**2)

    def norm(self, u: Tensor) -> Tensor:
        r"""The grid norm :math:`\sqrt{Δx \sum_i u_i^2}`: ``(*, n)`` to ``(*)``."""
        return torch.sqrt(self.dx * (u**2).sum(-1))


class RigidBody(System):
    """Euler's equations of a free rigid body, eqs. (35)–(37): angular momentum in the body frame, n = 3.

    inertia: the principal moments of inertia, > 0. Invariants: H, the energy (36), and I = ‖y‖² (37).
    """

    def __init__(self, inertia: Sequence[float | sp.Expr] = (2, 1, sp.Rational(2, 3))):
        if not isinstance(inertia, Iterable) or len(inertia := tuple(inertia)) != 3:
            raise ValueError(f"inertia: three numbers > 0 are needed, got {inertia!r}")
        if not all(_finite(i, "inertia") > 0 for i in inertia):
            raise ValueError(f"inertia: three numbers > 0 are needed, got {inertia!r}")
        i1, i2, i3 = self.inertia = tuple(sp.nsimplify(i, rational=True) for i in inertia)
        y1, y2, y3 = y = coordinates(3)
        field = ((i2 - i3) / (i2 * i3) * y2 * y3, (i3 - i1) / (i3 * i1) * y3 * y1, (i1 - i2) / (i1 * i2) * y1 * y2)
        energy = (y1**2 / i1 + y2**2 / i2 + y3**2 / i3) / 2
        super().__init__("rigid body", y, field, {"H": energy, "I": y1**2 + y2**2 + y3**2})


class ABCFlow(System):
    """The Arnold–Beltrami–Childress flow, n = 3: a steady flow of an ideal fluid, chaotic for most A, B, C."""

    def __init__(self, A: float = 1.0, B: float = 1.0, C: float = 1.0):
        self.parameters = tuple(_finite(value, name) for name, value in (("A", A), ("B", B), ("C", C)))
        a, b, c = (sp.nsimplify(value, rational=True) for value in self.parameters)
        x, y, z = coordinates(3)
        field = (
            a * sp.sin(z) + c * sp.cos(y),
            b * sp.sin(x) + a * sp.cos(z),
            c * sp.sin(y) + b * sp.cos(x),
        )
        super().__init__("ABC flow", (x, y, z), field)


class ChargedParticle(System):
    """A charged particle in the plane, state (y1, y2, p1, p2), with the energy H.

    The potential is 1 / (100 ‖y‖) and the magnetic field has the strength ‖y‖: not defined at y = 0.
    """

    def __init__(self):
        y1, y2, p1, p2 = state = coordinates(4)
        r = sp.sqrt(y1**2 + y2**2)
        field = (p1, p2, y1 / (100 * r**3) + r * p2, y2 / (100 * r**3) - r * p1)
        super().__init__("charged particle", state, field, {"H": (p1**2 + p2**2) / 2 + 1 / (100 * r)})


class Volterra(System):
    """Three species on a Volterra ring, n = 3; the sum and the product of the populations stay constant."""

    def __init__(self):
        y1, y2, y3 = y = coordinates(3)
        field = (y1 * (y3 - y2), y2 * (y1 - y3), y3 * (y2 - y1))
        super().__init__("Volterra ring", y, field, {"sum": y1 + y2 + y3, "product": y1 * y2 * y3})


class Pendulum(System):
    """The mathematical pendulum (q, p), n = 2, with the energy H = p²/2 − cos q."""

    def __init__(self):
        q, p = state = coordinates(2)
        super().__init__("pendulum", state, (p, -sp.sin(q)), {"H": p**2 / 2 - sp.cos(q)})


def _formula(value: float | sp.Expr, name: str) -> sp.Expr:
    """Return a number or formula as one of sympy's; TypeError for anything else: text would be run as a program."""
    try:
        return sp.sympify(value, strict=True)
    except sp.SympifyError as error:
        raise TypeError(f"{name}: formulas made of sympy's symbols, or numbers, are needed, got {value!r}") from error


def _finite(value: float | sp.Expr, name: str) -> float:
    """Return the number as a float; raise TypeError or ValueError unless it is real and finite."""
    if isinstance(value, str):
        raise TypeError(f"{name}: a real number is needed, got {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: a real number is needed, got {value!r}") from error
    if not np.isfinite(number):
        raise ValueError(f"{name}: a finite number is needed, got {value!r}")
    return number


def _scalar(evaluate: Callable[[Tensor], Tensor]) -> Invariant:
    return lambda y: evaluate(y)[..., 0]


def _form(form: Tensor) -> Invariant:
    if form.ndim == 1:
        return lambda y: y @ form.to(y)
    return lambda y: ((y @ form.to(y)) * y).sum(-1)
