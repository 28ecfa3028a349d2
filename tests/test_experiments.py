"""The paper's experiments, as their text and code fix them, and that a training is done once."""

import dataclasses
import json
import math
from dataclasses import replace

import pytest
import torch

from locsym.experiments import (
    ADVECTION,
    ADVECTION_LM,
    ONE_ORBIT,
    ONE_ORBIT_K1,
    ONE_ORBIT_K1_LM,
    ONE_ORBIT_LM,
    ORBIT_START,
    WHOLE_FLOW,
    WHOLE_FLOW_LM,
    Data,
    Experiment,
    Training,
)

PAPER = {  # system, n, N, M, tau, K, width, activation, epochs, rate
    "advection": (ADVECTION, "advection", 35, 60, 20, 0.01, 2, 35, "linear", 20_000, 1e-3),
    "one orbit": (ONE_ORBIT, "rigid body", 3, 120, 40, 0.1, 2, 16, "sigmoid", 200_000, 1e-3),
    "one orbit, K = 1": (ONE_ORBIT_K1, "rigid body", 3, 120, 40, 0.1, 1, 16, "sigmoid", 200_000, 1e-3),
    "whole flow": (WHOLE_FLOW, "rigid body", 3, 300, 100, 0.1, 3, 60, "sigmoid", 1_000_000, (1e-2, 1e-6)),
}
OURS = {
    "advection": ADVECTION_LM,
    "one orbit": ONE_ORBIT_LM,
    "one orbit, K = 1": ONE_ORBIT_K1_LM,
    "whole flow": WHOLE_FLOW_LM,
}


@pytest.mark.parametrize("name", PAPER)
def test_the_experiment_is_the_papers(name):
    experiment, system, n, N, M, tau, K, width, activation, epochs, rate = PAPER[name]
    train, validation = experiment.make_pairs()
    network, training = experiment.make_network(), experiment.training
    assert (experiment.make_system().name, train.n, len(train), len(validation)) == (system, n, N, M)
    assert bool((train.h == tau).all())
    assert bool((validation.h == tau).all())
    assert (network.n, network.K, network.width, network.activation.name) == (n, K, width, activation)
    assert (training.method, training.iterations, training.rate) == ("adam", epochs, rate)
    assert len(network.layers) == 2 * (n - 1) * K
    weights = torch.cat([p.detach().flatten() for layer in network.layers for p in (layer.W, layer.w)])
    assert float(weights.std()) == pytest.approx(0.1, rel=0.1)
    assert activation == "linear" or all(bool((layer.b == 0).all()) for layer in network.layers)


@pytest.mark.parametrize("name", PAPER)
def test_ours_differs_in_training_and_start_alone(name):
    paper, ours = PAPER[name][0], OURS[name]
    start = {"std": paper.network.std, "bias_std": paper.network.bias_std}
    assert ours.training.method == "lm"
    assert replace(ours, training=paper.training, network=replace(ours.network, **start)) == paper


def test_pairs_of_the_orbit_follow_each_other():
    train, validation = ONE_ORBIT.make_pairs()
    torch.testing.assert_close(train.y[0], torch.tensor(ORBIT_START, dtype=torch.float64))
    assert torch.equal(train.target[:-1], train.y[1:])
    assert torch.equal(train.target[-1], validation.y[0])
    exact = ONE_ORBIT.make_system().trajectory(train.y[0], [0.0, 12.0])[-1]
    torch.testing.assert_close(train.target[-1], exact, rtol=0, atol=1e-11)


def test_pairs_of_advection_are_exact():
    train, _ = ADVECTION.make_pairs()
    exact = train.y @ torch.linalg.matrix_exp(0.01 * ADVECTION.make_system().A).T
    torch.testing.assert_close(train.target, exact, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("sampling", "mean"), [("angles", 2 / math.pi), ("area", 0.5)])
def test_both_samplings_of_the_sphere(sampling, mean):
    """The mean of \\|z\\|: 2/π uniform in the angles, 1/2 uniform by area."""
    data = Data(sampling, tau=0.1, N=5_000, M=1)
    states = replace(WHOLE_FLOW, data=data).make_pairs()[0].y
    torch.testing.assert_close(states.norm(dim=1), torch.ones(len(states), dtype=torch.float64))
    assert float(states[:, 2].abs().mean()) == pytest.approx(mean, abs=0.02)


def test_everything_that_decides_is_in_the_key():
    changed = [
        replace(ONE_ORBIT, seed=1),
        replace(ONE_ORBIT, data=replace(ONE_ORBIT.data, seed=1)),
        replace(ONE_ORBIT, network=replace(ONE_ORBIT.network, bias_std=0.1)),
        replace(ONE_ORBIT, training=replace(ONE_ORBIT.training, iterations=1)),
    ]
    assert len({e.key for e in (ONE_ORBIT, *changed)}) == 5
    assert replace(ONE_ORBIT).key == ONE_ORBIT.key


def test_experiments_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ONE_ORBIT.seed = 1


def test_an_unknown_system_is_refused():
    with pytest.raises(ValueError, match="system: one of"):
        Experiment("pendulum", ONE_ORBIT.data, ONE_ORBIT.network, ONE_ORBIT.training)


def test_the_same_experiment_is_trained_once(tmp_path):
    short = replace(ONE_ORBIT_LM, training=Training("lm", 5))
    first, seen = short.run(tmp_path), []
    again = short.run(tmp_path, progress=lambda *said: seen.append(said))
    assert not seen, "nothing is trained again"
    assert again.seconds == first.seconds
    (folder,) = tmp_path.iterdir()
    assert folder.name.startswith(short.key)
    for a, b in zip(first.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(a, b)


VARIANTS = {
    "advection": ADVECTION,
    "a falling rate": WHOLE_FLOW,
    "other choices": replace(
        ONE_ORBIT_LM,
        network=replace(ONE_ORBIT.network, order="printed", dtype="float32"),
        data=replace(ONE_ORBIT.data, told=0.125),
        seed=3,
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_an_experiment_comes_back_from_json(name):
    held = json.loads(json.dumps(dataclasses.asdict(VARIANTS[name])))
    again = Experiment.from_dict(held)
    assert again == VARIANTS[name]
    assert again.key == VARIANTS[name].key


def test_the_network_is_told_a_fraction_of_the_step():
    told = replace(ONE_ORBIT, data=replace(ONE_ORBIT.data, told=0.125)).make_pairs()[0]
    plain = ONE_ORBIT.make_pairs()[0]
    torch.testing.assert_close(told.h, plain.h / 8)
    assert torch.equal(told.target, plain.target), "what is observed is the same"


def test_order_and_number_format_are_the_networks():
    network = VARIANTS["other choices"].make_network()
    assert network.order == "printed"
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    with pytest.raises(ValueError, match="dtype: one of 'float32', 'float64' is needed"):
        replace(ONE_ORBIT.network, dtype="half")
