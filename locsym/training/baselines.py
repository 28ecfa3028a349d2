"""Baselines for comparison, by the same function ``fit``: torch's L-BFGS and SciPy's least squares."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy.optimize import least_squares
from scipy.sparse.linalg import LinearOperator
from torch import Tensor, nn

from ..data import Pairs
from ..guards import integer, number, one_of, positive
from ..networks.linearisation import Linearisation, why_no_closed_form
from .autodiff_linearisation import AutodiffLinearisation, AutodiffTangent
from .objective import Objective
from .record import Row


@dataclass(frozen=True)
class LBFGS:
    """The limited-memory method L-BFGS of torch, with a strong Wolfe line search.

    A row of the history is one iteration; its step is the step length.

    Args:
        scale: The factor of the mean squared error, > 0. torch's L-BFGS ignores curvatures below 1e-10 and stops at
            slopes below 1e-9, in absolute numbers. Without a scale, the error would soon be too small for it.
        history: The number of steps that the method remembers, at least 1.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> from locsym.training import LBFGS
        >>> LBFGS(history=20)
        LBFGS(scale=100000000.0, history=20)
    """

    scale: float = 1e8
    history: int = 100

    name: ClassVar[str] = "lbfgs"
    iterations: ClassVar[int] = 2000

    def __post_init__(self) -> None:
        number("scale", self.scale, "a positive number", positive)
        integer("history", self.history, 1)

    def start(
        self, network: nn.Module, pairs: Pairs, validation: Pairs | None = None, iterations: int = iterations
    ) -> LBFGSOptimiser:
        """Return the optimiser that trains a network.

        Args:
            network: The network, which the optimiser owns and may change.
            pairs: The training pairs, with the dtype and device of the weights.
            validation: Pairs whose loss is recorded, but not minimised; None for none.
            iterations: The number of iterations of the whole training.

        Returns:
            The optimiser, ready to begin.

        Raises:
            ValueError: If the network or the pairs are not what the method needs. The message names the argument.
        """
        return LBFGSOptimiser(self, Objective(network, pairs, validation))


class LBFGSOptimiser:
    """L-BFGS under way; an :class:`~locsym.training.record.Optimiser`.

    Args:
        method: The options.
        objective: The loss.
    """

    _NUMBERS = ("func_evals", "n_iter", "t", "prev_loss")
    _TENSORS = ("d", "prev_flat_grad", "H_diag")
    _LISTS = ("old_dirs", "old_stps", "ro")

    def __init__(self, method: LBFGS, objective: Objective):
        self.scale, self.history, self.objective = method.scale, method.history, objective
        self.note = self.objective.note
        self.reason: str | None = None
        self._start(self.objective.start)

    def _start(self, theta: Tensor) -> None:
        self.theta = nn.Parameter(theta)
        self._at: tuple[Tensor, float, Tensor] | None = None
        self.search = torch.optim.LBFGS(
            [self.theta], max_iter=1, max_eval=26, history_size=self.history, line_search_fn="strong_wolfe"
        )

    def _evaluate(self) -> tuple[float, Tensor]:
        """Return the loss and its gradient at θ, evaluated only once at the same θ."""
        theta = self.theta.detach()
        if self._at is None or not torch.equal(self._at[0], theta):
            self._at = (theta.clone(), *self.objective(theta))
        return self._at[1:]

    def _closure(self) -> Tensor:
        loss, gradient = self._evaluate()
        self.theta.grad = self.scale * gradient
        return torch.tensor(self.scale * loss, dtype=torch.float64)

    def advance(self, rows: int, target: float | None, deadline: float) -> Tensor:
        """Take up to ``rows`` iterations, and return a row for each.

        Args:
            rows: The largest number of iterations.
            target: The loss at which to stop; None for none.
            deadline: The time of ``time.perf_counter()`` after which it may return early, after any row.

        Returns:
            Loss, validation loss, step and seconds since the call, float64, ``(R, 4)``.
        """
        begin, loss = time.perf_counter(), self._evaluate()[0]
        taken: list[Row] = []
        while len(taken) < rows and self.reason is None:
            before = loss
            self.search.step(self._closure)
            loss = self._evaluate()[0]
            step = float(self.search.state[self.theta].get("t", 0.0))
            validation = self.objective.validation(self.theta.detach())
            taken.append((loss, validation, step, time.perf_counter() - begin))
            if target is not None and loss <= target:
                self.reason = "target"
            elif not loss < before:
                self.reason = "stagnation"
            if time.perf_counter() > deadline:
                break
        return torch.tensor(taken, dtype=torch.float64).view(-1, 4)

    def weights(self) -> Tensor:
        """Return the weights with which the training would end now.

        Returns:
            The weights θ, ``(P,)``, in the order of ``network.parameters()``.
        """
        return self.theta.detach().clone()

    def state_dict(self) -> dict[str, Tensor]:
        """Return θ and everything that L-BFGS remembers.

        Returns:
            Copies of tensors by name; numbers are tensors without dimension.
        """
        state, found = self.search.state[self.theta], {"theta": self.weights()}
        for name in state.keys() & {*self._NUMBERS, *self._TENSORS}:
            value = state[name]  # numbers in double: torch would round a float to single
            found[name] = value.clone() if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
        for name in state.keys() & {*self._LISTS}:
            found[name] = torch.stack(state[name]) if state[name] else torch.empty(0)
        return found

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a state.

        Args:
            state: What :meth:`state_dict` has returned.
        """
        self._start(state["theta"].clone())
        memory = self.search.state[self.theta]
        for name in state.keys() - {"theta"}:
            value = state[name].clone()
            memory[name] = list(value) if name in self._LISTS else value.item() if name in self._NUMBERS else value


@dataclass(frozen=True)
class LeastSquares:
    """The trust-region least squares of SciPy, ``least_squares(method="trf")``.

    A row of the history is one call with a few evaluations; its step is the number of Jacobians it took. Every row
    starts with a new trust region.

    Args:
        evaluations: The number of evaluations of the residual in each row, at least 2.
        solver: ``"exact"`` takes the singular values of the explicit Jacobian, ``"lsmr"`` only J·v and Jᵀ·v. ``"auto"``
            is exact if the Jacobian fits into the memory.
        memory: The bytes that the Jacobian may take.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> from locsym.training import LeastSquares
        >>> LeastSquares(solver="lsmr").evaluations
        10
    """

    evaluations: int = 10
    solver: str = "auto"
    memory: int = 2**28

    name: ClassVar[str] = "scipy"
    iterations: ClassVar[int] = 100

    def __post_init__(self) -> None:
        integer("evaluations", self.evaluations, 2)
        number("memory", self.memory)
        one_of("solver", self.solver, ("auto", "exact", "lsmr"))

    def start(
        self, network: nn.Module, pairs: Pairs, validation: Pairs | None = None, iterations: int = iterations
    ) -> LeastSquaresOptimiser:
        """Return the optimiser that trains a network.

        Args:
            network: The network, which the optimiser owns and may change.
            pairs: The training pairs, with the dtype and device of the weights.
            validation: Pairs whose loss is recorded, but not minimised; None for none.
            iterations: The number of iterations of the whole training.

        Returns:
            The optimiser, ready to begin.

        Raises:
            ValueError: If the network or the pairs are not what the method needs. The message names the argument.
        """
        return LeastSquaresOptimiser(self, network, pairs, validation)


class LeastSquaresOptimiser:
    """SciPy's least squares under way; an :class:`~locsym.training.record.Optimiser`.

    Args:
        method: The options.
        network: The network, in float64.
        pairs: The training pairs.
        validation: The validation pairs; None for none.

    Raises:
        ValueError: If the network is not in float64, or if none of its weights asks for a gradient.
    """

    def __init__(self, method: LeastSquares, network: nn.Module, pairs: Pairs, validation: Pairs | None):
        self.evaluations = method.evaluations
        if pairs.y.dtype != torch.float64:
            raise ValueError(f"network: SciPy works in float64, got {pairs.y.dtype}")
        self.objective = Objective(network, pairs, validation)
        self.theta = self.objective.start
        self.reason: str | None = None
        self.free = torch.cat([torch.arange(*span) for span in self.objective.trained])
        size = 8 * pairs.y.numel() * len(self.free)
        cheap = size <= method.memory or why_no_closed_form(network) is not None
        self.solver = method.solver if method.solver != "auto" else "exact" if cheap else "lsmr"
        self.note = f"{self.solver}, a Jacobian of {size / 2**20:.0f} MiB"
        linearise = AutodiffLinearisation if self.solver == "exact" else Linearisation
        self.problem = linearise(network, pairs.y, pairs.h, pairs.target)

    def _full(self, x: np.ndarray) -> Tensor:
        theta = self.theta.clone()
        theta[self.free] = torch.from_numpy(x)
        return theta

    def _residual(self, x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return self.problem.residual(self._full(x)).flatten().numpy()

    def _jacobian(self, x: np.ndarray) -> np.ndarray | LinearOperator:
        tangent, free = self.problem.at(self._full(x)), self.free
        if isinstance(tangent, AutodiffTangent):  # of the solver "exact"
            return tangent.J[:, free].numpy()

        def forward(u: np.ndarray) -> np.ndarray:
            delta = torch.zeros_like(self.theta)
            delta[free] = torch.from_numpy(np.ravel(u))
            return tangent.jvp(delta).numpy()

        def backward(v: np.ndarray) -> np.ndarray:
            return tangent.vjp(torch.from_numpy(np.ravel(v)))[free].numpy()

        shape = (tangent.residual.numel(), len(free))
        return LinearOperator(shape, matvec=forward, rmatvec=backward, dtype=np.float64)

    def advance(self, rows: int, target: float | None, deadline: float) -> Tensor:
        """Take up to ``rows`` calls, and return a row for each.

        Args:
            rows: The largest number of calls.
            target: The loss at which to stop; None for none.
            deadline: The time of ``time.perf_counter()`` after which it may return early, after any row.

        Returns:
            Loss, validation loss, step and seconds since the call, float64, ``(R, 4)``.
        """
        begin = time.perf_counter()
        taken: list[Row] = []
        while len(taken) < rows and self.reason is None:
            x = self.theta[self.free].numpy().copy()
            found = least_squares(
                self._residual,
                x,
                self._jacobian,
                method="trf",
                tr_solver=self.solver,
                max_nfev=self.evaluations,
                ftol=1e-15,
                xtol=1e-15,
                gtol=None,
            )
            self.theta = self._full(found.x)
            loss = 2 * found.cost / len(found.fun)
            taken.append((loss, self.objective.validation(self.theta), found.njev, time.perf_counter() - begin))
            if target is not None and loss <= target:
                self.reason = "target"
            elif found.status > 0 or np.array_equal(found.x, x):
                self.reason = "stagnation"
            if time.perf_counter() > deadline:
                break
        return torch.tensor(taken, dtype=torch.float64).view(-1, 4)

    def weights(self) -> Tensor:
        """Return the weights with which the training would end now.

        Returns:
            The weights θ, ``(P,)``, in the order of ``network.parameters()``.
        """
        return self.theta.clone()

    def state_dict(self) -> dict[str, Tensor]:
        """Return θ; rows do not depend on earlier rows otherwise.

        Returns:
            Copies of tensors by name; numbers are tensors without dimension.
        """
        return {"theta": self.theta.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a state.

        Args:
            state: What :meth:`state_dict` has returned.
        """
        self.theta = state["theta"].clone()
