r"""Levenberg–Marquardt: damped Gauss–Newton steps, made affordable by the closed form of J Jᵀ.

Training minimises :math:`F(\theta) = \tfrac12 \|r\|^2 + \tfrac\lambda2 \|\theta\|^2` (ridge λ, 0 by default). The step
solves :math:`(J^\top J + \nu I) \, \delta = -(J^\top r + \lambda \theta)` with :math:`\nu = \mu + \lambda`. There are
usually fewer residuals than weights, and by :math:`(J^\top J + \nu I)^{-1} J^\top = J^\top (J J^\top + \nu I)^{-1}`

.. math::
    \delta = -\tfrac\lambda\nu \, \theta - J^\top z, \qquad
    (J J^\top + \nu I) \, z = r - \tfrac\lambda\nu \, J \theta, \qquad r + J \delta = \nu z:

one Cholesky factor of an (N n) × (N n) matrix, and the last identity gives what the linear model promises for free.
"""

from __future__ import annotations

import math
import time
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..tangent import Linearisation
from .matrix_free import conjugate_gradients

SOLVERS = ("auto", "gram", "normal", "cg")
REJECTIONS = 12  # so many failed trials in a row raise μ by 2^78: no step, however short, lowers the loss
MATRICES = 3  # held at once by a dense solver: the matrix, its damped copy, its factor


class LevenbergMarquardt:
    r"""The damped Gauss–Newton method; μ follows the gain ratio by Nielsen's rule (Madsen, Nielsen & Tingleff 2004).

    A row of the history is one trial step, accepted or not; the loss never rises. A factor that fails or a trial that
    is not finite only raises μ.

    ridge: λ >= 0. damping: the first μ, in units of the Rayleigh quotient :math:`\|J^\top r\|^2 / \|r\|^2`.
    memory: bytes that the matrices of the linear solver may take. solver: ``"gram"`` factors J Jᵀ, ``"normal"``
    factors Jᵀ J, ``"cg"`` needs no matrix; ``"auto"`` takes the smaller matrix if it fits the memory, else ``"cg"``.
    Raises ValueError for any other argument.
    """

    iterations: ClassVar[int] = 1000

    def __init__(
        self,
        network: nn.Module,
        pairs,
        validation=None,
        *,
        iterations: int = iterations,
        ridge: float = 0.0,
        damping: float = 1e-3,
        memory: int = 2**30,
        solver: str = "auto",
    ):
        for name, value, least in (("ridge", ridge, 0.0), ("memory", memory, 0)):
            if not least <= value < math.inf:
                raise ValueError(f"{name}: a number >= {least} is needed, got {value!r}")
        if not 0 < damping < math.inf:
            raise ValueError(f"damping: a positive number is needed, got {damping!r}")
        if solver not in SOLVERS:
            raise ValueError(f"solver: one of {SOLVERS} is needed, got {solver!r}")
        self.problem = Linearisation(network, pairs.y, pairs.h, pairs.target)
        self.held_out = None
        if validation is not None:
            self.held_out = Linearisation(network, validation.y, validation.h, validation.target)
        self.ridge, self.damping, self.reason = ridge, damping, None
        residuals, P = pairs.y.numel(), self.problem.P
        self.solver, least = solver, min(residuals, P)
        if solver == "auto" and MATRICES * least**2 * pairs.y.element_size() > memory:
            self.solver = "cg"
        elif solver == "auto":
            self.solver = "gram" if residuals <= P else "normal"
        self.note = {
            "gram": f"J Jᵀ of size {residuals}",
            "normal": f"Jᵀ J of size {P}",
            "cg": f"matrix-free: a matrix of size {least} would not fit in {memory / 2**20:.0f} MiB"
            if solver == "auto"
            else "matrix-free",
        }[self.solver]
        self.growth, self.rejected = 2.0, 0
        self._move(torch.nn.utils.parameters_to_vector(network.parameters()).detach().clone())
        if not math.isfinite(self.cost):
            raise ValueError("network: the residual is not finite at the start")
        r = self.tangent.residual
        self.mu = damping * float(self.tangent.vjp(r).square().sum() / r.square().sum().clamp_min(1e-300))

    def _move(self, theta: Tensor) -> None:
        """Linearise at new weights."""
        self.theta, self.tangent, self.matrix = theta, self.problem.at(theta), None
        self.cost = self._cost(self.tangent.residual, theta)
        self.loss = float(self.tangent.residual.square().mean())
        self.validation = float(self.held_out.residual(theta).square().mean()) if self.held_out else math.nan

    def _cost(self, r: Tensor, theta: Tensor) -> float:
        """2 F, twice the cost that is minimised."""
        return float(r.square().sum() + self.ridge * theta.square().sum())

    def advance(self, rows: int, target: float | None, deadline: float) -> Tensor:
        """Take up to ``rows`` trial steps. See :class:`~locsym.training.record.Optimiser`."""
        start, history = time.perf_counter(), []
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
        step = self._step(self.mu + self.ridge)
        gain = -1.0
        if step is not None:
            delta, linear = step
            theta = self.theta + delta
            promised = self.cost - self._cost(linear, theta)
            cost = self._cost(self.problem.residual(theta), theta)
            if math.isfinite(cost) and cost < self.cost and promised > 0:
                gain = (self.cost - cost) / promised
        if gain > 0:
            self._move(theta)
            self.mu *= max(0.2, 1 - (2 * gain - 1) ** 3)
            self.growth, self.rejected = 2.0, 0
        else:
            self.mu, self.growth, self.rejected = self.mu * self.growth, 2 * self.growth, self.rejected + 1
            if self.rejected == REJECTIONS:
                self.reason = "stagnation"

    def _step(self, nu: float) -> tuple[Tensor, Tensor] | None:
        """Return the step δ and the residual r + J δ of the linear model; None where the factor fails."""
        tangent, theta = self.tangent, self.theta
        r = tangent.residual.flatten()
        if self.solver == "cg":
            delta = conjugate_gradients(tangent, tangent.vjp(r) + self.ridge * theta, nu)
            return delta, r + tangent.jvp(delta)
        if self.matrix is None:
            self.matrix = tangent.gram() if self.solver == "gram" else tangent.normal()
        damped = self.matrix.clone()
        damped.diagonal().add_(nu)
        factor, failed = torch.linalg.cholesky_ex(damped)
        if failed:
            return None
        if self.solver == "normal":
            delta = -_solve(factor, tangent.vjp(r) + self.ridge * theta)
            return delta, r + tangent.jvp(delta)
        shrink = self.ridge / nu
        z = _solve(factor, r - shrink * tangent.jvp(theta) if shrink else r)
        return -shrink * theta - tangent.vjp(z), nu * z

    def weights(self) -> Tensor:
        """The best weights seen: ``(P,)``."""
        return self.theta

    def state_dict(self) -> dict[str, Tensor]:
        """Weights, μ, and how the last trials went: all that decides the next step."""
        numbers = {"mu": self.mu, "growth": self.growth, "rejected": self.rejected}
        return {"theta": self.theta.clone()} | {k: torch.tensor(x, dtype=torch.float64) for k, x in numbers.items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from there."""
        self._move(state["theta"].clone())
        self.mu, self.growth, self.rejected = (float(state[name]) for name in ("mu", "growth", "rejected"))


def _solve(factor: Tensor, x: Tensor) -> Tensor:
    return torch.cholesky_solve(x.unsqueeze(1), factor).squeeze(1)
