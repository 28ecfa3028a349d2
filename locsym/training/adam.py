r"""Adam as the paper trains (Kingma & Ba 2015): full batch, mean squared error, the method's defaults.

.. math::
    m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2,

.. math::
    \theta \leftarrow \theta - \frac{\eta_t}{1 - \beta_1^{t+1}} \, \frac{m}{\sqrt{v / (1 - \beta_2^{t+1})} + \epsilon}

with g the gradient at θ and t the epochs taken before. An epoch is one row: the loss before its step, as in the paper,
and the validation loss after it.
"""

from __future__ import annotations

import math
import time
from typing import ClassVar

import torch
from torch import Tensor

from ..data import Pairs
from ..guards import number, positive, two_numbers
from ..networks import Network
from .objective import Objective


class Adam:
    r"""Full-batch Adam; an :class:`~locsym.training.record.Optimiser`.

    rate: a number, constant; or ``(first, last)``, falling exponentially over the run,
    :math:`\eta_t = \eta_0 (\eta_1 / \eta_0)^{t / T}` with T = iterations. betas, eps: :math:`(\beta_1, \beta_2)`, ε.
    Parameters that do not ask for a gradient stay as they are. Raises TypeError or ValueError naming the argument.
    """

    iterations: ClassVar[int] = 20_000

    def __init__(
        self,
        network: Network,
        pairs: Pairs,
        validation: Pairs | None = None,
        *,
        iterations: int = iterations,
        rate: float | tuple[float, float] = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ):
        rates = rate if isinstance(rate, tuple | list) else (rate, rate)
        rates = two_numbers("rate", rates, "a positive number, or the first and the last,", positive)
        self.betas = two_numbers("betas", betas, "two numbers in [0, 1)", lambda beta: 0 <= beta < 1)
        self.eps = number("eps", eps)
        self.objective = Objective(network, pairs, validation)
        self.rate, self.decay = rates[0], (rates[1] / rates[0]) ** (1 / max(iterations, 1))
        self.theta = self.objective.start
        self.m, self.v = torch.zeros_like(self.theta), torch.zeros_like(self.theta)
        self.taken, self.reason, self.note = 0, None, self.objective.note

    def advance(self, rows: int, target: float | None, deadline: float) -> Tensor:
        """Take up to ``rows`` epochs; see :class:`~locsym.training.record.Optimiser`."""
        target = -math.inf if target is None else target
        seconds = max(0.0, deadline - time.perf_counter())
        taken = (self._compiled if self.objective.kernel is not None else self._plain)(rows, target, seconds)
        self.taken += len(taken)
        if len(taken) and not math.isfinite(taken[-1, 0]):
            self.reason, self.note = "stagnation", f"{self.note}; the loss is no longer finite"
        elif len(taken) and taken[-1, 0] <= target:
            self.reason = "target"
        return taken

    def _compiled(self, rows: int, target: float, seconds: float) -> Tensor:
        objective = self.objective
        return objective.kernel.adam(
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
        """The same in torch: what the kernel is checked against, and what runs where there is none."""
        begin, (beta1, beta2), taken = time.perf_counter(), self.betas, []
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
        """The weights as they are now, ``(P,)``."""
        return self.theta.clone()

    def state_dict(self) -> dict[str, Tensor]:
        """θ, m, v and the number of epochs taken."""
        numbers = {"theta": self.theta.clone(), "m": self.m.clone(), "v": self.v.clone()}
        return numbers | {"taken": torch.tensor(self.taken)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from that state."""
        self.theta, self.m, self.v = (state[name].clone() for name in ("theta", "m", "v"))
        self.taken = int(state["taken"])
