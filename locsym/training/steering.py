r"""Steering makes a hyperbolic learned orbit elliptic, in the directions of weight space that the data leave free.

If there are more weights than residuals, many networks have the same loss. Steering is the Gauss–Newton method with
one more equation. It takes the shortest change δ of the weights with

.. math:: J \delta = -r, \qquad \nabla \operatorname{tr} S \cdot \delta = g - \operatorname{tr} S,

where S is the transverse return map of one lap (:mod:`locsym.diagnostics.floquet`) and g a goal in (−2, 2). It uses no
states beyond the training data.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ..data import Pairs
from ..diagnostics import return_map
from ..networks import Network
from ..networks.linearisation import Linearisation, Tangent

STRIDE = 0.3  # largest change of the trace in one step: the linear model holds no further
CLOSE = 0.01  # a trace this near its goal has reached it
DAMPING = 1e-10  # on the diagonal of the Gram matrix: the residuals of one orbit are far from independent


def trace_and_gradient(network: Network, states: Tensor, h: float) -> tuple[float, Tensor]:
    """Return tr S of the learned lap through given states, and its gradient in the weights.

    Args:
        network: The network.
        states: Consecutive states of the orbit, at least one lap, ``(T, n)``.
        h: The time step between the states.

    Returns:
        The trace, and its gradient ``(P,)``.

    Raises:
        TypeError, ValueError: If the states are not allowed, or make no whole lap.
    """

    def trace(weights: dict[str, Tensor]) -> Tensor:
        return return_map(lambda y, h: torch.func.functional_call(network, weights, (y, h)), states, h).trace()

    weights = {name: p.detach() for name, p in network.named_parameters()}
    gradient, value = torch.func.grad_and_value(trace)(weights)
    return float(value), torch.cat([part.flatten() for part in gradient.values()])


def steer(network: Network, pairs: Pairs, states: Tensor, goal: float = 1.5, steps: int = 40) -> Network:
    """Return a copy of a network whose learned lap has a given trace, and which fits the pairs as before.

    Args:
        network: The network, of dimension 3 and with a closed form.
        pairs: The training data.
        states: Their orbit, at least one lap, ``(T, 3)``.
        goal: The trace of S to reach, between −2 and 2.
        steps: The number of Gauss–Newton steps. Of those that meet the goal, the one with the smallest loss is
            returned.

    Returns:
        The copy.

    Raises:
        ValueError: If the goal or the dimension is not allowed.
        RuntimeError: If the goal is not reached.
    """
    if network.n != 3:
        raise ValueError(f"network: states of dimension 3 are needed, tr S decides only there; got n = {network.n}")
    if not -2 < goal < 2:
        raise ValueError(f"goal: a trace between -2 and 2 is needed, an elliptic orbit; got {goal!r}")
    weights, residuals = sum(p.numel() for p in network.parameters()), pairs.target.numel()
    if weights <= residuals:
        N, n = pairs.target.shape
        raise ValueError(
            f"network: more weights than residuals are needed, N n = {N} * {n} = {residuals}; it has {weights} weights"
        )
    network, h = copy.deepcopy(network), float(pairs.h[0])
    problem = Linearisation(network, pairs.y, pairs.h, pairs.target)
    theta = parameters_to_vector(network.parameters()).detach().clone()
    best, least = None, math.inf
    for _ in range(steps):
        trace, gradient = trace_and_gradient(network, states, h)
        tangent, length = problem.at(theta), float(gradient.norm())
        loss = float(tangent.residual.square().mean())
        if abs(trace - goal) < CLOSE and loss < least:
            best, least = theta, loss
        stride = max(-STRIDE, min(STRIDE, goal - trace))
        theta = theta + _shortest(tangent, gradient / length, stride / length)
        vector_to_parameters(theta, network.parameters())
        if not bool(torch.isfinite(theta).all()):
            break
    if best is None:
        raise RuntimeError(f"steer: tr S = {goal} was not reached in {steps} steps; it is {trace:.3f}")
    vector_to_parameters(best, network.parameters())
    return network


def _shortest(tangent: Tangent, direction: Tensor, amount: float) -> Tensor:
    """Return the shortest δ ``(P,)`` with J δ = −r and direction·δ = amount, by a Gram matrix with one more row."""
    lower = tangent.gram().tril()
    across = tangent.jvp(direction)
    size = len(across)
    G = lower.new_empty(size + 1, size + 1)
    G[:size, :size] = lower + lower.tril(-1).T
    G[size, :size] = G[:size, size] = across
    G[size, size] = 1.0
    G.diagonal().add_(DAMPING)
    wanted = torch.cat([-tangent.residual.flatten(), lower.new_tensor([amount])])
    z = torch.linalg.solve(G, wanted)
    return tangent.vjp(z[:size]) + direction * z[size]
