"""Trainings of every shape and size: a finite result, or an error that names what was wrong."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locsym import LocSympNet
from locsym.data import Pairs
from locsym.training import fit

NAMED = ("y:", "h:", "target:", "pairs:", "network:", "lm:", "adam:", "lbfgs:")
sizes = st.sampled_from([0.0, 1e-310, 1e-150, 1e-8, 1.0, 1e8, 1e38, 1e150, 1e308])


@st.composite
def problems(draw):
    """A network, states, steps and targets; the pairs are made of them within the test."""
    n, N, K, width = (draw(st.integers(least, most)) for least, most in ((2, 5), (1, 12), (1, 2), (1, 5)))
    dtype = draw(st.sampled_from([torch.float64, torch.float32]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 9)))
    init = {"generator": generator, "dtype": dtype, "std": draw(st.sampled_from([0.1, 1.0, 1e3, 1e20]))}
    activation, symmetric = draw(st.sampled_from(["sigmoid", "tanh", "swish", "linear"])), draw(st.booleans())
    network = LocSympNet(n, K, width, activation, symmetric=symmetric, **init)
    y, target = torch.randn(2, N, n, generator=generator, dtype=torch.float64)
    h = draw(st.sampled_from([0.1, -0.1, 0.0, 1e-300, 1e-12, 1e6, -1e150, 1e300]))
    return network, draw(sizes) * y, h, draw(sizes) * target


def outcome(work):
    """What the work gives, and what is said where it is refused."""
    try:
        return work(), None
    except (ValueError, FloatingPointError) as error:
        return None, str(error)


@pytest.mark.parametrize("method", ["lm", "adam", "lbfgs"])
@settings(max_examples=60, deadline=None)
@given(problem=problems())
def test_a_training_ends_finite_or_refuses_by_name(method, problem, fault):
    network, y, h, target = problem
    with fault("shapes", f"training, {method}"):
        run, error = outcome(lambda: fit(network, Pairs(y, h, target), method, iterations=8))
        if error is None:
            assert math.isfinite(run.loss)
            assert all(bool(torch.isfinite(p).all()) for p in run.network.parameters())
        else:
            assert error.startswith(NAMED)
