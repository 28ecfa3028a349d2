"""Steering: a hyperbolic learned orbit becomes elliptic and fits its data as before."""

from dataclasses import replace

import pytest
import torch

from locsym import LocSympNet
from locsym.diagnostics import return_map, trace_range
from locsym.experiments import ONE_ORBIT_LM, Steered, run_steered
from locsym.training import mean_squared_error
from locsym.training.steering import steer, trace_and_gradient

pytestmark = pytest.mark.slow

TRAIN, VALIDATION = ONE_ORBIT_LM.make_pairs()
STATES = torch.cat([TRAIN.y, VALIDATION.y, VALIDATION.target[-1:]])
SHORT = replace(ONE_ORBIT_LM, seed=7, training=replace(ONE_ORBIT_LM.training, iterations=60))
ELLIPTIC = 0  # a seed whose orbit is elliptic after this training, and so needs no steering


@pytest.fixture(scope="module")
def trained():
    """A short training of a seed whose orbit is far from elliptic."""
    return SHORT.run()


def test_the_gradient_of_the_trace_is_that_of_differences():
    network = LocSympNet(3, 2, 5, std=0.7, bias_std=0.5, generator=torch.Generator().manual_seed(3))
    trace, gradient = trace_and_gradient(network, STATES, 0.1)
    assert trace == pytest.approx(float(return_map(network, STATES, 0.1).trace().detach()), rel=1e-12)
    theta = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
    direction = torch.randn(len(theta), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ends = []
    for d in (1e-5, -1e-5):
        torch.nn.utils.vector_to_parameters(theta + d * direction, network.parameters())
        ends.append(float(return_map(network, STATES, 0.1).trace().detach()))
    assert float(gradient @ direction) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6)


def test_steering_reaches_the_trace_and_keeps_the_fit(trained):
    before = trace_range(trained.network, STATES, 0.1)
    assert before.kind == "hyperbolic", "the case must need steering"
    network = steer(trained.network, TRAIN, STATES, goal=1.5)
    assert float(return_map(network, STATES, 0.1).trace().detach()) == pytest.approx(1.5, abs=0.01)
    assert mean_squared_error(network, TRAIN) < max(1e-11, 10 * trained.loss)
    assert trace_range(trained.network, STATES, 0.1) == before, "the network given is not changed"


def test_an_experiment_is_steered_only_where_it_must_be(trained):
    result = run_steered(SHORT)
    assert isinstance(result, Steered)
    assert result.steered
    assert result.before.kind == "hyperbolic"
    assert result.after.kind == "elliptic"
    assert result.run.loss == mean_squared_error(result.run.network, TRAIN)
    untouched = run_steered(replace(SHORT, seed=ELLIPTIC))
    assert not untouched.steered
    assert untouched.before == untouched.after
    assert untouched.after.kind == "elliptic"
    assert "steered" not in untouched.run.note


@pytest.mark.parametrize("goal", [2.0, -2.5, float("nan")])
def test_a_goal_that_is_not_elliptic_is_refused(trained, goal):
    with pytest.raises(ValueError, match="goal: a trace between -2 and 2"):
        steer(trained.network, TRAIN, STATES, goal)


def test_other_dimensions_are_refused():
    with pytest.raises(ValueError, match="network: states of dimension 3"):
        steer(LocSympNet(2, 1, 4), TRAIN, STATES)


def test_a_network_with_too_few_weights_is_refused():
    network = LocSympNet(3, 1, 16, symmetric=True)
    with pytest.raises(ValueError, match=r"network: more weights than residuals .* 120 \* 3 = 360; it has 256 weights"):
        steer(network, TRAIN, STATES)
    few = LocSympNet(3, 1, 15)  # 240 weights
    with pytest.raises(ValueError, match="it has 240 weights"):
        steer(few, TRAIN[:80], STATES)  # as many residuals
    with pytest.raises(RuntimeError, match="was not reached in 1 steps"):
        steer(few, TRAIN[:79], STATES, steps=1)


def test_a_goal_out_of_reach_is_said(trained):
    with pytest.raises(RuntimeError, match="was not reached in 1 steps"):
        steer(trained.network, TRAIN, STATES, steps=1)
