r"""Adam as in the paper (Kingma & Ba 2015): full batch, mean squared error, default parameters.

.. math::
    m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2,

.. math::
    \theta \leftarrow \theta - \frac{\eta_t}{1 - \beta_1^{t+1}} \, \frac{m}{\sqrt{v / (1 - \beta_2^{t+1})} + \epsilon}

with g the gradient at θ and t the number of earlier epochs. Each epoch gives one row: the loss before its step, as in
the paper, and the validation loss after it.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..data import Pairs
from ..guards import number, positive, two_numbers
from ..networks.native.compiled import Compiled
from .objective import Objective
from .record import Row


@dataclass(frozen=True)
class Adam:
    r"""Full-batch Adam, as in the paper.

    Parameters without ``requires_grad`` are not trained.

    Args:
        rate: The learning rate: a constant number, or ``(first, last)`` for an exponential decay over the run,
            :math:`\eta_t = \eta_0 (\eta_1 / \eta_0)^{t / T}` with T = iterations.
        betas, eps: The parameters :math:`(\beta_1, \beta_2)` and ε.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> from locsym.training import Adam
        >>> Adam(rate=(1e-2, 1e-6)).rates()
        (0.01, 1e-06)
    """

    rate: float | tuple[float, float] = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    name: ClassVar[str] = "adam"
    iterations: ClassVar[int] = 20_000

    def __post_init__(self) -> None:
        self.rates()
        two_numbers("betas", self.betas, "two numbers in [0, 1)", lambda beta: 0 <= beta < 1)
        number("eps", self.eps)

    def rates(self) -> tuple[float, float]:
        """Return the first and the last learning rate.

        Returns:
            The two rates; equal for a constant rate.

        Raises:
            TypeError, ValueError: If the rate is not allowed.
        """
        rates = self.rate if isinstance(self.rate, tuple | list) else (self.rate, self.rate)
        return two_numbers("rate", rates, "a positive number, or the first and the last,", positive)

    def start(
        self, network: nn.Module, pairs: Pairs, validation: Pairs | None = None, iterations: int = iterations
    ) -> AdamOptimiser:
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
        return AdamOptimiser(self, Objective(network, pairs, validation), iterations)


class AdamOptimiser:
    """Adam under way; an :class:`~locsym.training.record.Optimiser`.

    Args:
        method: The options.
        objective: The loss.
        iterations: The number of epochs of the whole training.
    """

    def __init__(self, method: Adam, objective: Objective, iterations: int):
        self.rate, last = method.rates()
        self.decay = (last / self.rate) ** (1 / max(iterations, 1))
        beta1, beta2 = method.betas
        self.betas, self.eps = (float(beta1), float(beta2)), float(method.eps)
        self.objective = objective
        self.theta = self.objective.start
        self.m, self.v = torch.zeros_like(self.theta), torch.zeros_like(self.theta)
        self.taken, self.note = 0, self.objective.note
        self.reason: str | None = None

    def advance(self, rows: int, target: float | None, deadline: float) -> Tensor:
        """Take up to ``rows`` epochs, and return a row for each.

        Args:
            rows: The largest number of epochs.
            target: The loss at which to stop; None for none.
            deadline: The time of ``time.perf_counter()`` after which it may return early, after any row.

        Returns:
            Loss, validation loss, step and seconds since the call, float64, ``(R, 4)``.
        """
        target = -math.inf if target is None else target
        seconds = max(0.0, deadline - time.perf_counter())
        kernel = self.objective.kernel
        taken = self._plain(rows, target, seconds) if kernel is None else self._compiled(kernel, rows, target, seconds)
        self.taken += len(taken)
        if len(taken) and not math.isfinite(taken[-1, 0]):
            self.reason, self.note = "stagnation", f"{self.note}; the loss is no longer finite"
        elif len(taken) and taken[-1, 0] <= target:
            self.reason = "target"
        return taken

    def _compiled(self, kernel: Compiled, rows: int, target: float, seconds: float) -> Tensor:
        objective = self.objective
        return kernel.adam(
            (self.theta, self.m, self.v),
            self.taken,
            objective.train,
            objective.held_out,
            rows,
            trained=objective.trained,
            rate=self.rate,
            decay=self.decay,
            betas=self.betas,
            eps=self.eps,
            target=target,
            seconds=seconds,
        )

    def _plain(self, rows: int, target: float, seconds: float) -> Tensor:
        """Do the same in torch: the kernel is checked against this, and this runs if there is no kernel."""
        begin, (beta1, beta2) = time.perf_counter(), self.betas
        taken: list[Row] = []
        for t in range(self.taken, self.taken + rows):
            loss, gradient = self.objective(self.theta)
            rate = self.rate * self.decay**t
            self.m.lerp_(gradient, 1 - beta1)
            self.v.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            root = (self.v.sqrt() / math.sqrt(1 - beta2 ** (t + 1))).add_(self.eps)
            self.theta.addcdiv_(self.m, root, value=-rate / (1 - beta1 ** (t + 1)))
            taken.append((loss, self.objective.validation(self.theta), rate, time.perf_counter() - begin))
            if loss <= target or not math.isfinite(loss) or taken[-1][-1] >= seconds:
                break
        return torch.tensor(taken, dtype=torch.float64).view(-1, 4)

    def weights(self) -> Tensor:
        """Return the weights with which the training would end now.

        Returns:
            The weights θ, ``(P,)``, in the order of ``network.parameters()``.
        """
        return self.theta.clone()

    def state_dict(self) -> dict[str, Tensor]:
        """Return θ, both means and the number of epochs: all that determines the next step.

        Returns:
            Copies of tensors by name; numbers are tensors without dimension.
        """
        numbers = {"theta": self.theta.clone(), "m": self.m.clone(), "v": self.v.clone()}
        return numbers | {"taken": torch.tensor(self.taken)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a state.

        Args:
            state: What :meth:`state_dict` has returned.
        """
        self.theta, self.m, self.v = (state[name].clone() for name in ("theta", "m", "v"))
        self.taken = int(state["taken"])
