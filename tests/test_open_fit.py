"""``fit`` is open: methods as values and of one's own, activations of one's own, and any module that is a flow map."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector

from locsym import LocSympNet, Network
from locsym.data import Pairs
from locsym.experiments import PAPER_START
from locsym.networks import ACTIVATIONS, Activation
from locsym.systems import RigidBody
from locsym.training import Adam, LevenbergMarquardt, fit
from locsym.training.autodiff_linearisation import AutodiffLinearisation
from locsym.training.objective import Objective

METHODS = {"lm": 20, "adam": 200, "lbfgs": 40, "scipy": 4}


def pairs(N=24, seed=1):
    y = torch.randn(N, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Pairs.from_states(RigidBody(), y, 0.1)


def network(activation="sigmoid", seed=0):
    return LocSympNet(3, 1, 6, activation, generator=torch.Generator().manual_seed(seed))


def flat(module):
    return parameters_to_vector(module.parameters()).detach()


class Euler(nn.Module):
    """The flow map y + h f(y) of a small perceptron f, or of a linear f."""

    def __init__(self, width=8, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        f = [nn.Linear(3, width), nn.Tanh(), nn.Linear(width, 3)] if width else [nn.Linear(3, 3, bias=False)]
        self.f, self.drop = nn.Sequential(*f).double(), nn.Dropout(0.5)

    def forward(self, y, h):
        return y + torch.as_tensor(h, dtype=y.dtype).unsqueeze(-1) * self.drop(self.f(y))


class Careful(Euler):
    """The same, with a check that depends on values, which ``vmap`` cannot follow."""

    def forward(self, y, h):
        if not bool(torch.isfinite(y).all()):
            raise ValueError("y: finite numbers are needed")
        return super().forward(y, h)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("make", [Euler, Careful])
def test_every_method_trains_any_flow_map(make, method):
    given, data = make(), pairs()
    start, before = fit(given, data, method, iterations=0).loss, flat(given)
    run = fit(given, data, method, iterations=METHODS[method])
    assert run.loss < 0.8 * start
    assert isinstance(run.network, make)
    assert torch.equal(flat(given), before), "the network given is left as it is"


def test_levenberg_marquardt_finds_the_linear_map_of_a_linear_flow():
    A = torch.tensor([[0.0, 2.0, 1.0], [-1.0, 0.5, 0.0], [3.0, 0.0, -0.5]], dtype=torch.float64)
    data = pairs()
    data = Pairs(data.y, 0.1, data.y @ torch.linalg.matrix_exp(0.1 * A).T)
    learned = fit(Euler(width=0), data, iterations=30).network.f[0].weight
    expected = (torch.linalg.matrix_exp(0.1 * A) - torch.eye(3, dtype=torch.float64)) / 0.1
    torch.testing.assert_close(learned.detach(), expected, rtol=0, atol=1e-10)


def test_both_ways_to_a_jacobian_agree():
    data, (fast, slow) = pairs(), (make().eval() for make in (Euler, Careful))
    at = [AutodiffLinearisation(net, data.y, data.h, data.target) for net in (fast, slow)]
    assert [linearisation.by_sample for linearisation in at] == [True, False]
    one, two = (linearisation.at(flat(fast)) for linearisation in at)
    torch.testing.assert_close(one.J, two.J, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(one.residual, two.residual, rtol=1e-13, atol=1e-15)


class Doubled(LocSympNet):
    def forward(self, y, h):
        return super().forward(super().forward(y, h), h)


@pytest.mark.parametrize("method", METHODS)
def test_a_forward_of_ones_own_is_what_is_trained(method):
    net = Doubled(3, 1, 6, generator=torch.Generator().manual_seed(0))
    run = fit(net, pairs(), method, iterations=METHODS[method])
    twice = run.network(pairs().y, pairs().h)
    assert run.loss == pytest.approx(float((twice - pairs().target).square().mean().detach()), rel=1e-9)
    assert run.loss < 0.8 * fit(net, pairs(), method, iterations=0).loss


class Halved(Network):
    """A network with a step of its own, which its modules do not show."""

    def __init__(self):
        super().__init__(3, network().layers, ((i, 1.0) for i in range(4)))

    def step(self, y, h):
        return super().step(y, 0.5 * h)


def test_neither_the_kernel_nor_the_closed_form_overlooks_a_step_of_ones_own():
    net, data = Halved(), pairs()
    loss = float((net(data.y, data.h) - data.target).square().mean().detach())
    assert Objective(net, data)(flat(net))[0] == pytest.approx(loss, rel=1e-12)
    assert LevenbergMarquardt().start(net, data).loss == pytest.approx(loss, rel=1e-12)
    torch.testing.assert_close(net.rollout(data.y, 0.1, 2)[1], net(data.y, 0.1).detach(), rtol=1e-14, atol=1e-15)


def test_a_method_as_a_value_is_the_method_by_name(tmp_path):
    by_name = fit(network(), pairs(), "lm", iterations=5, ridge=1e-3, folder=tmp_path)
    value = fit(network(), pairs(), LevenbergMarquardt(ridge=1e-3), iterations=5)
    assert torch.equal(flat(by_name.network), flat(value.network))
    loaded = fit(network(), pairs(), LevenbergMarquardt(ridge=1e-3), iterations=5, folder=tmp_path)
    assert (loaded.configuration, loaded.seconds) == (by_name.configuration, by_name.seconds)
    with pytest.raises(ValueError, match=r"folder: .*ridge 0.001, not 0.0"):
        fit(network(), pairs(), LevenbergMarquardt(), iterations=5, folder=tmp_path)


def test_methods_are_frozen_values():
    assert Adam(rate=1e-2) == Adam(rate=1e-2)
    with pytest.raises(AttributeError):
        Adam().rate = 0.1


@dataclass(frozen=True)
class Descent:
    """Plain gradient descent: the least that a method needs."""

    rate: float = 0.1
    iterations: ClassVar[int] = 50

    def start(self, network, pairs, validation, iterations):
        return Descending(self, Objective(network, pairs, validation))


class Descending:
    reason, note = None, "by hand"

    def __init__(self, method, objective):
        self.rate, self.objective, self.theta = method.rate, objective, objective.start

    def advance(self, rows, target, deadline):
        history = []
        for _ in range(rows):
            loss, gradient = self.objective(self.theta)
            self.theta = self.theta - self.rate * gradient
            history.append((loss, self.objective.validation(self.theta), self.rate, 0.0))
        return torch.tensor(history, dtype=torch.float64).view(-1, 4)

    def weights(self):
        return self.theta.clone()

    def state_dict(self):
        return {"theta": self.theta.clone()}

    def load_state_dict(self, state):
        self.theta = state["theta"].clone()


def test_a_method_of_ones_own_is_trained_stopped_and_resumed(tmp_path):
    net, data = network(), pairs()
    whole = fit(net, data, Descent())
    assert (whole.method, whole.iterations, whole.configuration["rate"]) == ("Descent", 50, 0.1)
    theta = flat(net)
    for _ in range(50):
        theta = theta - 0.1 * Objective(net, data)(theta)[1]
    torch.testing.assert_close(flat(whole.network), theta, rtol=1e-12, atol=1e-14)
    fit(net, data, Descent(), pause=20, folder=tmp_path)
    resumed = fit(net, data, Descent(), folder=tmp_path)
    assert torch.equal(flat(resumed.network), flat(whole.network))


@pytest.fixture
def sine(monkeypatch):
    """An activation with nothing but a name and a value."""
    monkeypatch.setitem(ACTIVATIONS, "sin", found := Activation("sin", torch.sin))
    return found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("given", ["sin", torch.sin])
def test_every_method_trains_a_new_activation(sine, method, given):
    start = fit(network(given), pairs(), method, iterations=0).loss
    run = fit(network(given), pairs(), method, iterations=METHODS[method])
    assert run.loss < 0.8 * start
    assert "automatic" not in run.note, "the closed form serves it as well"


def test_a_new_activation_is_saved_and_loaded(sine, tmp_path):
    net, y = network("sin"), pairs().y
    net.save(tmp_path / "net.safetensors")
    loaded = LocSympNet.load(tmp_path / "net.safetensors")
    assert loaded.activation == sine
    assert torch.equal(loaded(y, 0.1), net(y, 0.1))


def test_an_activation_that_only_has_the_name_of_another_is_not_saved(tmp_path):
    with pytest.raises(TypeError, match="activation: tanh cannot be written"):
        network(Activation("tanh", torch.sin)).save(tmp_path / "net.safetensors")


def test_silu_is_swish(tmp_path):
    assert ACTIVATIONS["silu"] is ACTIVATIONS["swish"]
    net = network("silu")
    net.save(tmp_path / "net.safetensors")
    assert "swish" in repr(LocSympNet.load(tmp_path / "net.safetensors"))
    assert Objective(net, pairs()).note == Objective(network("swish"), pairs()).note


def test_the_default_start_is_better_than_the_papers():
    data = pairs(60)

    def losses(**start):
        nets = (LocSympNet(3, 2, 12, generator=torch.Generator().manual_seed(s), **start) for s in range(3))
        return sorted(fit(net, data, iterations=25).loss for net in nets)

    assert losses()[1] < 0.1 * losses(**PAPER_START)[1]
