"""The work that is timed: what the library does, and beside it the plain way of doing the same."""

import functools
import math

import torch
from torch.func import functional_call, jacrev

from locsym import flow
from locsym.experiments import ADVECTION, ONE_ORBIT, WHOLE_FLOW
from locsym.training.adam import Adam
from locsym.training.levenberg_marquardt import LevenbergMarquardt

PROBLEMS = {"one orbit": ONE_ORBIT, "whole flow": WHOLE_FLOW, "advection": ADVECTION}
EPOCHS = {"one orbit": 50, "whole flow": 10, "advection": 10}  # in one piece of work
STEPS = 10_000  # of a rollout


@functools.cache
def problem(name):
    """The network at its start and the training and validation pairs."""
    return PROBLEMS[name].make_network(), *PROBLEMS[name].make_pairs()


def forward(network, y, h):
    """Module after module, without the checks a network makes of its input."""
    for i, c in network.visits:
        y = network.layers[i].step(y, c * h)
    return y


def kernel_epochs(name, dtype=torch.float64):
    """Epochs of Adam in the kernel, through the optimiser that ``fit`` uses."""
    _, pairs, validation = problem(name)
    network = PROBLEMS[name].make_network().to(dtype)
    optimiser = Adam(rate=1e-3).start(network, pairs.to(dtype), validation.to(dtype))
    assert optimiser.note == "compiled kernel"
    return lambda: optimiser.advance(EPOCHS[name], None, math.inf)


def autograd_epochs(name):
    """Epochs of torch.optim.Adam with automatic differentiation of the modules; the same rows are recorded."""
    (_, pairs, validation), network = problem(name), PROBLEMS[name].make_network()
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)

    def epochs():
        rows = []
        for _ in range(EPOCHS[name]):
            optimiser.zero_grad()
            loss = (forward(network, pairs.y, pairs.h) - pairs.target).square().mean()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                error = (forward(network, validation.y, validation.h) - validation.target).square().mean()
            rows.append((loss.item(), error.item()))
        return rows

    return epochs


def sigmoids(name):
    """Only the sigmoids of the training pairs in those epochs."""
    network, pairs, _ = problem(name)
    z = torch.randn(len(pairs), network.width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def evaluate():
        for _ in range(EPOCHS[name] * len(network.visits)):
            torch.sigmoid(z)

    return evaluate


def gram_steps(name):
    """One step of Levenberg–Marquardt with the closed form of J Jᵀ, as ``fit`` takes it."""
    network, pairs, validation = problem(name)
    optimiser = LevenbergMarquardt().start(network, pairs, validation)
    return lambda: optimiser.advance(1, None, math.inf)


def jacobian_steps(name):
    """One step of Levenberg–Marquardt with the explicit Jacobian from ``torch.func.jacrev``."""
    network, pairs, validation = problem(name)
    weights = {key: p.detach() for key, p in network.named_parameters()}
    sizes = [p.numel() for p in weights.values()]

    def residual(weights, data=pairs):
        return (functional_call(network, weights, (data.y, data.h)) - data.target).flatten()

    def step():
        r, parts = residual(weights), jacrev(residual)(weights)
        J = torch.cat([part.flatten(1) for part in parts.values()], 1)
        G = J @ J.T
        G.diagonal().add_(1e-3 * G.diagonal().mean())
        delta = -J.T @ torch.cholesky_solve(r.unsqueeze(1), torch.linalg.cholesky(G)).squeeze(1)
        moved = zip(weights.items(), delta.split(sizes), strict=True)
        trial = {key: p + part.view_as(p) for (key, p), part in moved}
        return residual(trial).square().mean(), residual(trial, validation).square().mean()

    return step


def kernel_orbit(name):
    """A rollout, as ``locsym.rollout`` does it."""
    network, pairs, _ = problem(name)
    return lambda: flow.rollout(network, pairs.y[0], PROBLEMS[name].data.tau, STEPS)


def module_orbit(name):
    """A rollout, module by module."""
    (network, pairs, _), tau = problem(name), PROBLEMS[name].data.tau

    @torch.no_grad()
    def roll():
        orbit = pairs.y.new_empty(STEPS + 1, network.n)
        orbit[0] = pairs.y[0]
        for i in range(STEPS):
            orbit[i + 1] = forward(network, orbit[i], tau)
        return orbit

    return roll
