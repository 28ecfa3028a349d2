r"""Levenberg–Marquardt: damped Gauss–Newton steps that are cheap because J Jᵀ has a closed form.

Training minimises :math:`\tfrac12 \|r\|^2 + \tfrac\lambda2 \|\theta\|^2` (ridge λ, 0 by default). The step solves
:math:`(J^\top J + \nu I) \, \delta = -(J^\top r + t)` with :math:`\nu = \mu + \lambda` and :math:`t = \lambda \theta`.
There are usually fewer residuals than weights, and
:math:`(J^\top J + \nu I)^{-1} J^\top = J^\top (J J^\top + \nu I)^{-1}` turns it into

.. math::
    \delta = -\tfrac1\nu t - J^\top z, \qquad (J J^\top + \nu I) \, z = r - \tfrac1\nu J t:

one Cholesky factor of an (N n) × (N n) matrix. The step follows a straight line while the residual bends: the *geodesic
acceleration* of Transtrum & Sethna (2012), a second solve with the same factor, follows the bend,

.. math::
    (J^\top J + \nu I) \, a = -J^\top \, \tfrac12 \partial_\delta^2 r, \qquad \theta \leftarrow \theta + \delta + a.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..data import Pairs
from ..guards import number, one_of, positive
from ..networks.linearisation import Linearisation, why_no_closed_form
from .autodiff_linearisation import AutodiffLinearisation
from .matrix_free import conjugate_gradients
from .record import Row

Solve = Callable[[Tensor, Tensor | None], Tensor]

SOLVERS = ("auto", "gram", "normal", "cg")
MATRICES = 3  # held at once by a dense solver: the matrix, its damped copy, its factor
REJECTIONS = 12  # so many failed trials in a row raise μ by 2^78: no step, however short, lowers the loss
PROBE = 0.1  # where along the step its bend is measured
BEND = 0.75  # the largest 2 ‖a‖ / ‖δ‖ at which the second-order model is believed


@dataclass(frozen=True)
class LevenbergMarquardt:
    r"""The damped Gauss–Newton method; μ follows the gain ratio by Nielsen's rule (Madsen, Nielsen & Tingleff 2004).

    A row of the history is one trial step, accepted or not. The loss never rises. If a factorisation fails, or a trial
    is not finite, μ is raised.

    Args:
        ridge: The ridge λ, at least 0.
        damping: The first μ, > 0, in units of the Rayleigh quotient :math:`\|J^\top r\|^2 / \|r\|^2`.
        acceleration: Whether steps are bent by the geodesic acceleration.
        memory: The bytes that the matrices of the linear solver may take.
        solver: ``"gram"`` factors J Jᵀ. ``"normal"`` factors Jᵀ J, which is cheaper if there are many more residuals
            than weights. ``"cg"`` needs no matrix. ``"auto"`` takes the cheaper matrix that fits into the memory, or
            else ``"cg"``.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> import torch
        >>> from locsym import LocSympNet, Pairs, RigidBody, fit
        >>> from locsym.training import LevenbergMarquardt
        >>> seed = torch.Generator().manual_seed(0)
        >>> pairs = Pairs.from_random(RigidBody(), 20, 0.1, "area", seed)
        >>> net = LocSympNet(n=3, K=1, width=8, generator=seed)
        >>> fit(net, pairs, LevenbergMarquardt(ridge=1e-10), iterations=5).method
        'lm'
    """

    ridge: float = 0.0
    damping: float = 1e-6
    acceleration: bool = True
    memory: int = 2**30
    solver: str = "auto"

    name: ClassVar[str] = "lm"
    iterations: ClassVar[int] = 1000

    def __post_init__(self) -> None:
        number("ridge", self.ridge)
        number("memory", self.memory)
        number("damping", self.damping, "a positive number", positive)
        one_of("acceleration", self.acceleration, (True, False))
        one_of("solver", self.solver, SOLVERS)

    def start(
        self, network: nn.Module, pairs: Pairs, validation: Pairs | None = None, iterations: int = iterations
    ) -> LevenbergMarquardtOptimiser:
        """Return the optimiser that trains a network.

        Args:
            network: The network, which the optimiser owns and may change.
            pairs: The training pairs, with the dtype and device of the weights.
            validation: Pairs whose loss is recorded, but not minimised; None for none.
            iterations: The number of iterations of the whole training.

        Returns:
            The optimiser, ready to begin.

        Raises:
            ValueError: If some weights ask for no gradient, or if the residual is not finite at the start.
        """
        return LevenbergMarquardtOptimiser(self, network, pairs, validation)


class LevenbergMarquardtOptimiser:
    """Levenberg–Marquardt under way; an :class:`~locsym.training.record.Optimiser`.

    Args:
        method: The options.
        network: The network.
        pairs: The training pairs.
        validation: The validation pairs; None for none.

    Raises:
        ValueError: If some weights ask for no gradient, or if the residual is not finite at the start.
    """

    def __init__(self, method: LevenbergMarquardt, network: nn.Module, pairs: Pairs, validation: Pairs | None):
        if not all(p.requires_grad for p in network.parameters()):
            raise ValueError('network: "lm" trains all weights, and some ask for no gradient; "adam" leaves them alone')
        reason = why_no_closed_form(network)
        linearise = AutodiffLinearisation if reason else Linearisation
        self.problem = linearise(network, pairs.y, pairs.h, pairs.target)
        self.held_out = None
        if validation is not None:
            self.held_out = linearise(network, validation.y, validation.h, validation.target)
        self.ridge, self.acceleration = method.ridge, method.acceleration
        self.reason: str | None = None
        numbers = int(method.memory) // pairs.y.element_size()
        self.solver, self.note = _choose(method.solver, pairs.y.numel(), self.problem.P, numbers)
        if reason:
            self.note += f", J by automatic differentiation, for {reason}"
        self.growth, self.rejected = 2.0, 0
        self.matrix: Tensor | None = None
        self.scratch: tuple[Tensor, tuple[Tensor, Tensor]] | None = None  # the damped matrix, its factor and a flag
        self._move(torch.nn.utils.parameters_to_vector(network.parameters()).detach().clone())
        if not math.isfinite(self.cost):
            raise ValueError("network: the residual is not finite at the start")
        r = self.tangent.residual
        self.mu = method.damping * float(self.tangent.vjp(r).square().sum() / r.square().sum().clamp_min(1e-300))

    def _move(self, theta: Tensor) -> None:
        """Linearise at new weights."""
        self.theta, self.tangent, self.stale = theta, self.problem.at(theta), True
        self.cost = self._cost(self.tangent.residual, theta)
        self.loss = float(self.tangent.residual.square().mean())
        self.validation = float(self.held_out.residual(theta).square().mean()) if self.held_out else math.nan

    def _cost(self, r: Tensor, theta: Tensor) -> float:
        """Return 2 F, twice the cost that is minimised."""
        return float(r.square().sum() + self.ridge * theta.square().sum())

    def advance(self, rows: int, target: float | None, deadline: float) -> Tensor:
        """Take up to ``rows`` trial steps, and return a row for each.

        Args:
            rows: The largest number of trial steps.
            target: The loss at which to stop; None for none.
            deadline: The time of ``time.perf_counter()`` after which it may return early, after any row.

        Returns:
            Loss, validation loss, step and seconds since the call, float64, ``(R, 4)``.
        """
        start = time.perf_counter()
        history: list[Row] = []
        if target is not None and self.loss <= target:
            self.reason = "target"
        while len(history) < rows and self.reason is None:
            mu = self.mu
            self._iterate()
            if target is not None and self.loss <= target:
                self.reason = "target"
            history.append((self.loss, self.validation, mu, time.perf_counter() - start))
            if time.perf_counter() > deadline:
                break
        return torch.tensor(history, dtype=torch.float64).reshape(-1, 4)

    def _iterate(self) -> None:
        """Try one step; accept it if it lowers the cost, and let the gain ratio set μ."""
        theta, gain = self.theta, 0.0
        solve = self._solver(self.mu + self.ridge)
        if solve is not None:
            r = self.tangent.residual.flatten()
            delta = solve(r, self.ridge * theta if self.ridge else None)
            change = self.tangent.jvp(delta)
            promised = self.cost - self._cost(r + change, theta + delta)
            if self.acceleration:
                delta = delta + self._bend(solve, r, delta, change)
            theta = theta + delta
            cost = self._cost(self.problem.residual(theta), theta)
            if cost < self.cost and promised > 0:  # never where the cost is NaN
                gain = (self.cost - cost) / promised
        if gain > 0:
            self._move(theta)
            self.mu *= max(0.2, 1 - (2 * gain - 1) ** 3)
            self.growth, self.rejected = 2.0, 0
        else:
            self.mu, self.growth, self.rejected = self.mu * self.growth, 2 * self.growth, self.rejected + 1
            if self.rejected == REJECTIONS:
                self.reason = "stagnation"

    def _bend(self, solve: Solve, r: Tensor, delta: Tensor, change: Tensor) -> Tensor | float:
        """Return the geodesic acceleration a, or 0.0 if it is too large for the second-order model to hold."""
        probe = self.problem.residual(self.theta + PROBE * delta).flatten()
        a = solve(((probe - r) / PROBE - change) / PROBE, None)
        return a if 2 * a.norm() <= BEND * delta.norm() else 0.0

    def _solver(self, nu: float) -> Solve | None:
        """Return (s, t) → δ with (JᵀJ + νI) δ = −(Jᵀ s + t), t may be None; or None if the factorisation fails."""
        tangent = self.tangent
        if self.solver == "cg":
            return lambda s, t: conjugate_gradients(tangent, _plus(tangent.vjp(s), t), nu)
        if self.matrix is None or self.stale:
            product = tangent.gram if self.solver == "gram" else tangent.normal
            self.matrix, self.stale = product(out=self.matrix), False
        if self.scratch is None:  # kept: fresh memory would cost as much as a third of the factor
            flag = torch.empty((), dtype=torch.int32, device=self.theta.device)
            self.scratch = torch.empty_like(self.matrix), (torch.empty_like(self.matrix).mT, flag)
        damped, out = self.scratch
        damped.copy_(self.matrix).diagonal().add_(nu)
        factor, failed = torch.linalg.cholesky_ex(damped, out=out)
        if failed:
            return None
        if self.solver == "normal":
            return lambda s, t: -_solve(factor, _plus(tangent.vjp(s), t))

        def dual(s: Tensor, t: Tensor | None) -> Tensor:
            if t is None:
                return -tangent.vjp(_solve(factor, s))
            return -t / nu - tangent.vjp(_solve(factor, s - tangent.jvp(t) / nu))

        return dual

    def weights(self) -> Tensor:
        """Return the best weights so far.

        Returns:
            The weights θ, ``(P,)``, in the order of ``network.parameters()``.
        """
        return self.theta

    def state_dict(self) -> dict[str, Tensor]:
        """Return the weights, μ and the outcome of the last trials: all that determines the next step.

        Returns:
            Copies of tensors by name; numbers are tensors without dimension.
        """
        numbers = {"mu": self.mu, "growth": self.growth, "rejected": self.rejected}
        return {"theta": self.theta.clone()} | {k: torch.tensor(x, dtype=torch.float64) for k, x in numbers.items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a state.

        Args:
            state: What :meth:`state_dict` has returned.
        """
        self._move(state["theta"].clone())
        self.mu, self.growth, self.rejected = float(state["mu"]), float(state["growth"]), int(state["rejected"])


def _choose(solver: str, residuals: int, P: int, numbers: int) -> tuple[str, str]:
    """Return the solver and a note on it. numbers: how many fit into the memory allowed."""
    cheapest = ["gram", "normal"] if residuals**2 <= 6 * P**2 else ["normal", "gram"]  # (N n)³/3 against 2 N n P²
    size = {"gram": residuals, "normal": P}
    fitting = [name for name in cheapest if MATRICES * size[name] ** 2 <= numbers]
    chosen = (fitting or ["cg"])[0] if solver == "auto" else solver
    if chosen in size:
        return chosen, f"{'J Jᵀ' if chosen == 'gram' else 'Jᵀ J'} of size {size[chosen]}"
    smallest = min(size.values())
    return chosen, f"matrix-free{f': a matrix of size {smallest} does not fit' if solver == 'auto' else ''}"


def _solve(factor: Tensor, x: Tensor) -> Tensor:
    """Solve with a Cholesky factor by two triangular solves; ``cholesky_solve`` would copy the factor first."""
    half = torch.linalg.solve_triangular(factor, x.unsqueeze(1), upper=False)
    return torch.linalg.solve_triangular(factor.mT, half, upper=True).squeeze(1)


def _plus(x: Tensor, t: Tensor | None) -> Tensor:
    return x if t is None else x + t
