r"""Exact flow maps :math:`\varphi_h` of dy/dt = f(y): solved to rounding, or the matrix exponential."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from ..flow import Guarded, column, finite_orbit, finite_step
from ..guards import check_finite, check_times, finite_states, number, positive, precise_step

VectorField = Callable[[Tensor], Tensor]
TOLERANCE = 3e-14  # close to the smallest that SciPy accepts; costs less than twice the steps of 1e-12
SMALLEST_RTOL = 100 * np.finfo(float).eps
EVALUATIONS = 1_000_000  # of the field in one solution: a minute, some thousand turns of an orbit
PROBE = 1_000  # every so many it is seen whether the end can be reached
FARTHEST = 1e8  # largest norm of hA: the matrix exponential loses about as many digits as this has


def solve(
    rhs: VectorField,
    y0: Tensor,
    t: Tensor | np.ndarray | Sequence[float],
    method: str = "DOP853",
    rtol: float = TOLERANCE,
    atol: float = TOLERANCE,
) -> Tensor:
    r"""Solve dy/dt = rhs(y) to rounding, and return the states at given times.

    The solution is computed in float64. The solver bounds the mean error over a batch of B states; the tolerances are
    divided by :math:`\sqrt B`, so that each state meets them. Solve long intervals in pieces: at most EVALUATIONS of
    the vector field are made.

    Args:
        rhs: The vector field, ``(*, n)`` to ``(*, n)``.
        y0: The states at ``t[0]``, ``(*, n)``, floating-point, finite, and without gradients.
        t: The times, ``(T,)`` with T >= 1, strictly increasing or strictly decreasing.
        method: A method of ``scipy.integrate.solve_ivp``.
        rtol, atol: The relative and the absolute tolerance, > 0.

    Returns:
        The states at the times, ``(T, *, n)``, with the dtype and device of ``y0`` and without gradients.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.
        RuntimeError: If the solver gives up, or would need more evaluations.

    Example:
        >>> import torch
        >>> from locsym.systems import solve
        >>> y = solve(lambda y: -y, torch.ones(1, dtype=torch.float64), t=[0.0, 1.0])
        >>> round(float(y[-1]), 12)  # exp(-1)
        0.367879441171
    """
    for name, value in (("rtol", rtol), ("atol", atol)):
        number(name, value, "a number > 0", positive)
    finite_states("y0", y0)
    _refuse_gradient("y0", y0)
    return _solve(rhs, y0, check_times(t), method, rtol, atol)


def _solve(
    rhs: VectorField,
    y0: Tensor,
    times: np.ndarray,
    method: str = "DOP853",
    rtol: float = TOLERANCE,
    atol: float = TOLERANCE,
) -> Tensor:
    """Return what :func:`solve` does, for arguments that have been checked."""
    if len(times) == 1 or y0.numel() == 0:
        return y0.detach().expand(len(times), *y0.shape).clone()
    shape, batch, count = y0.shape, math.sqrt(math.prod(y0.shape[:-1])), 0

    def function(t: float, flat: np.ndarray) -> np.ndarray:
        nonlocal count
        count += 1
        if count % PROBE == 0:
            share = (t - times[0]) / (times[-1] - times[0])
            if share < (count / EVALUATIONS) ** 2:  # slow starts are forgiven, hopeless ones end in a second
                raise RuntimeError(
                    f"solve_ivp: after {count} evaluations of the field {share:.1e} of the time lies behind, and at "
                    f"most {EVALUATIONS} are made; take a smaller step h, or a shorter time"
                )
        return rhs(torch.from_numpy(flat).reshape(shape)).reshape(-1).numpy()

    start = y0.detach().to("cpu", torch.float64).reshape(-1).numpy()
    with torch.no_grad():
        if not np.isfinite(function(times[0], start)).all():
            raise ValueError("y0: the vector field is not finite there")
        tolerances = {"rtol": max(rtol / batch, SMALLEST_RTOL), "atol": atol / batch}
        with np.errstate(all="ignore"):  # what overflows is said below, once, by the solver's own verdict
            result = solve_ivp(function, (times[0], times[-1]), start, method, t_eval=times, **tolerances)
    if not result.success:
        raise RuntimeError(f"solve_ivp stopped between t = {times[0]:g} and {times[-1]:g}: {result.message}")
    return finite_orbit(torch.from_numpy(np.ascontiguousarray(result.y.T)).reshape(len(times), *shape).to(y0))


class ExactFlow(Guarded):
    """The exact flow map of a vector field, computed by :func:`solve`, without gradients.

    Args:
        rhs: The vector field, ``(*, n)`` to ``(*, n)``.
        n: The dimension that states must have; None for any.

    Example:
        >>> import torch
        >>> from locsym.systems import ExactFlow
        >>> flow = ExactFlow(lambda y: -y, n=1)
        >>> y = torch.ones(1, dtype=torch.float64)
        >>> torch.allclose(flow.inverse(flow(y, 0.5), 0.5), y)
        True
    """

    def __init__(self, rhs: VectorField, n: int | None = None):
        self.rhs, self.n = rhs, n

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance the states by the time h.

        Args:
            y: The states, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states at the later time, ``(*, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed, or if the step overflows.
            RuntimeError: If the solver gives up.
        """
        return self.iterate(y, self.checked(y, h), 1)[-1]

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        r"""Undo the step: :math:`\varphi_h^{-1} = \varphi_{-h}`.

        Args:
            y: The states after the step, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states before the step, ``(*, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed, or if the step overflows.
            RuntimeError: If the solver gives up.
        """
        return self.iterate(y, -self.checked(y, h), 1)[-1]

    def iterate(self, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
        """Return the orbit of checked arguments, in one solution.

        Args:
            y0: The start, ``(*, n)``.
            h: The time step, ``()`` or ``(*)``, float64.
            steps: How many steps to take, at least 0.

        Returns:
            The orbit, ``(steps + 1, *, n)``, with the start first.

        Raises:
            Escaped: If the orbit overflows.
            RuntimeError: If the solver gives up.
        """
        h = column(h)  # time counts steps: one h a sample is then a factor of the vector field
        return _solve(lambda y: h * self.rhs(y), y0, np.arange(steps + 1.0))

    def checked(self, y: Tensor, h: Tensor | float, name: str = "y") -> Tensor:
        """Check the states and the step, and return the step in float64.

        Args:
            y: The states, ``(*, n)``, floating-point, finite, and without gradients.
            h: The time step, a number or ``(*)``, finite.
            name: What error messages call the states.

        Returns:
            The step, ``()`` or ``(*)``.

        Raises:
            TypeError, ValueError: If the states or the step are not allowed. The message names the argument.
        """
        finite_states(name, y, self.n)
        _refuse_gradient(name, y)
        return precise_step(h, y)

    def jacobian(self, y: Tensor, h: Tensor | float) -> Tensor:
        r"""Return the Jacobian :math:`\partial\varphi_h / \partial y`.

        .. math:: \dot J = f'(y) \, J, \qquad J(0) = 1

        Args:
            y: The states, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The Jacobians, ``(*, n, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed, or if the step overflows.
            RuntimeError: If the solver gives up.
        """
        finite_states("y", y, self.n)
        y, n = y.detach(), y.shape[-1]
        h, df = column(precise_step(h, y)), torch.func.jacrev(self.rhs)

        def variational(z: Tensor) -> Tensor:  # rows of z: the state, then the columns of J
            slope = torch.func.vmap(df)(z[..., 0, :].reshape(-1, n)).reshape(*z.shape[:-2], n, n)
            rate = torch.cat([self.rhs(z[..., 0, :]).unsqueeze(-2), z[..., 1:, :] @ slope.mT], dim=-2)
            return column(h) * rate

        start = torch.cat([y.unsqueeze(-2), torch.eye(n).to(y).expand(*y.shape, n)], dim=-2)
        return _solve(variational, start, np.array([0.0, 1.0]))[-1][..., 1:, :].mT


class LinearFlow(Guarded):
    r"""The exact flow map of dy/dt = A y, :math:`\varphi_h(y) = e^{hA} y`.

    Its relative error is about 1e-16 :math:`\|hA\|`. Steps for which that norm exceeds FARTHEST are refused.

    Args:
        A: The matrix, ``(n, n)``.

    Example:
        >>> import math, torch
        >>> from locsym.systems import LinearFlow
        >>> rotation = LinearFlow(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
        >>> turned = rotation(torch.tensor([1.0, 0.0], dtype=torch.float64), math.pi)
        >>> torch.allclose(turned, torch.tensor([-1.0, 0.0], dtype=torch.float64))
        True
    """

    def __init__(self, A: Tensor):
        self.A = A.detach().to("cpu", torch.float64)

    def __call__(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance the states by the time h.

        Args:
            y: The states, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states at the later time, ``(*, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed, or if the step overflows.
        """
        return finite_step(_apply(self.propagator(self.checked(y, h)), y))

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo the step: :math:`e^{-hA} y`.

        Args:
            y: The states after the step, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states before the step, ``(*, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed, or if the step overflows.
        """
        return finite_step(_apply(self.propagator(-self.checked(y, h)), y))

    def iterate(self, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
        """Return the orbit of checked arguments, with one matrix exponential for each value of h.

        Args:
            y0: The start, ``(*, n)``.
            h: The time step, ``()`` or ``(*)``, float64.
            steps: How many steps to take, at least 0.

        Returns:
            The orbit, ``(steps + 1, *, n)``, with the start first.

        Raises:
            Escaped: If the orbit overflows.
        """
        one_step, orbit = self.propagator(h), [y0.double()]
        for _ in range(steps):
            orbit.append(_apply(one_step, orbit[-1]))
        return finite_orbit(torch.stack(orbit).to(y0))

    def jacobian(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Return the Jacobian :math:`e^{hA}` for each state.

        Args:
            y: The states, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The Jacobians, ``(*, n, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed, or if the exponential overflows.
        """
        return self.propagator(self.checked(y, h)).to(y).expand(*y.shape, y.shape[-1])

    def checked(self, y: Tensor, h: Tensor | float, name: str = "y") -> Tensor:
        """Check the states and the step, and return the step in float64.

        Args:
            y: The states, ``(*, n)``, floating-point and finite.
            h: The time step, a number or ``(*)``, finite.
            name: What error messages call the states.

        Returns:
            The step, ``()`` or ``(*)``.

        Raises:
            TypeError, ValueError: If the states or the step are not allowed. The message names the argument.
        """
        finite_states(name, y, len(self.A))
        return precise_step(h, y)

    def propagator(self, h: Tensor | float) -> Tensor:
        """Return the matrix exponential :math:`e^{hA}`, computed once for equal steps.

        Args:
            h: The time step, a number or a tensor ``(*)``.

        Returns:
            The exponentials in float64, ``(*, n, n)``.

        Raises:
            ValueError: If the norm of hA exceeds FARTHEST, or if the exponential overflows.
        """
        values, where = torch.unique(torch.as_tensor(h, dtype=torch.float64), return_inverse=True)
        exponents = values[:, None, None] * self.A
        if not bool((torch.linalg.matrix_norm(exponents, 1) <= FARTHEST).all()):
            raise ValueError(f"h: a norm of hA up to {FARTHEST:g} is needed, got more; beyond, the phase is lost")
        check_finite("h: the matrix exponential of hA", exponential := torch.linalg.matrix_exp(exponents))
        return exponential[where]


def _refuse_gradient(name: str, y: Tensor) -> None:
    if y.requires_grad and torch.is_grad_enabled():
        raise ValueError(f"{name}: no gradient passes through the exact solution; hand over {name}.detach()")


def _apply(matrix: Tensor, y: Tensor) -> Tensor:
    matrix, z = matrix.to(y.device), y.double()
    moved = z @ matrix.mT if matrix.ndim == 2 else (matrix @ z.unsqueeze(-1)).squeeze(-1)
    return moved.to(y.dtype)
