"""Adam, in both of its forms, against torch.optim.Adam on plain modules; the baselines; all stopped and resumed."""

import math
import time
from functools import cache

import pytest
import torch

from locsym.data import Pairs
from locsym.networks import LASympNet, LocSympNet, SympNet
from locsym.networks.linearisation import Linearisation
from locsym.networks.native import compiled
from locsym.training.adam import Adam
from locsym.training.baselines import LBFGS, LeastSquares
from locsym.training.objective import Objective

LONG = math.inf  # no deadline


def network(activation="sigmoid", seed=0, **options):
    init = {"std": 0.4, "bias_std": 0.3, "generator": torch.Generator().manual_seed(seed)}
    return LocSympNet(3, 1, 6, activation, **init, **options)


def pairs(N=11, seed=1, n=3):
    """Pairs of a rotation by the angle h about an axis, h different for each."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randn(N, n, generator=generator, dtype=torch.float64)
    h = 0.05 + 0.3 * torch.rand(N, generator=generator, dtype=torch.float64)
    c, s = h.cos(), h.sin()
    return Pairs(y, h, torch.stack([c * y[:, 0] - s * y[:, 1], s * y[:, 0] + c * y[:, 1], *y.T[2:]], 1))


def frozen(net):
    """Keep every w and the first W as they are."""
    for layer in net.layers:
        layer.w.requires_grad_(False)
    net.layers[0].W.requires_grad_(False)
    return net


def reference(net, train, epochs, rates):
    """The losses of torch.optim.Adam on the modules: the oracle."""
    optimiser, losses = torch.optim.Adam([p for p in net.parameters() if p.requires_grad]), []
    for t in range(epochs):
        optimiser.param_groups[0]["lr"] = rates(t)
        optimiser.zero_grad()
        loss = (net(train.y, train.h) - train.target).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64), compiled.flat(net)


@pytest.fixture(params=["kernel", "torch"])
def backend(request, monkeypatch):
    if request.param == "torch":
        monkeypatch.setattr(compiled, "load_kernel", lambda dtype: "no C++ compiler found")
    elif isinstance(compiled.load_kernel(torch.float64), str):
        pytest.skip("no C++ compiler")
    return request.param


RATES = {"constant": (1e-3, lambda t: 1e-3), "falling": ((1e-2, 1e-6), lambda t: 1e-2 * 1e-4 ** (t / 200))}


@cache
def torchs(activation, symmetric, rate):
    return reference(network(activation, symmetric=symmetric), pairs(), 200, RATES[rate][1])


@pytest.mark.parametrize(("symmetric", "rate"), [(False, "constant"), (True, "falling")])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "swish", "linear"])
def test_adam_is_torchs(activation, symmetric, rate, backend):
    expected, weights = torchs(activation, symmetric, rate)
    given, rates = RATES[rate]
    optimiser = Adam(given).start(network(activation, symmetric=symmetric), pairs(), iterations=200)
    rows = optimiser.advance(200, None, LONG)
    torch.testing.assert_close(rows[:, 0], expected, rtol=1e-8, atol=0)
    torch.testing.assert_close(optimiser.weights(), weights, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(rows[:, 2], torch.tensor([rates(t) for t in range(200)], dtype=torch.float64))
    assert expected[-1] < 0.9 * expected[0]
    assert optimiser.note.startswith("compiled" if backend == "kernel" else "plain torch, no C++ compiler found")


@pytest.mark.parametrize("make", [SympNet, LASympNet])
def test_networks_without_a_kernel_are_trained_all_the_same(make):
    def fresh():
        return make(4, 1, **({"width": 3} if make is SympNet else {}), generator=torch.Generator().manual_seed(0))

    train = pairs(n=4)
    expected, _ = reference(fresh(), train, 50, lambda t: 1e-3)
    optimiser = Adam().start(fresh(), train, iterations=50)
    torch.testing.assert_close(optimiser.advance(50, None, LONG)[:, 0], expected, rtol=1e-8, atol=0)
    assert optimiser.note.startswith("plain torch, module 0 ")


def test_weights_that_ask_for_no_gradient_stay(backend):
    train = pairs()
    expected, weights = reference(frozen(network()), train, 100, lambda t: 1e-3)
    net = frozen(network())
    optimiser = Adam().start(net, train, iterations=100)
    torch.testing.assert_close(optimiser.advance(100, None, LONG)[:, 0], expected, rtol=1e-8, atol=0)
    torch.testing.assert_close(optimiser.weights(), weights, rtol=1e-8, atol=1e-10)
    moved = optimiser.weights() != compiled.flat(network())
    asked = torch.cat([torch.full((p.numel(),), p.requires_grad) for p in net.parameters()])
    assert torch.equal(moved, asked)


def test_first_epoch_by_hand(backend):
    """m / sqrt(v) is ±1 at first: every weight moves by the rate against its slope; the loss is the one before."""
    net, train, held_out = network(), pairs(), pairs(5, seed=2)
    loss, gradient = Objective(net, train)(compiled.flat(net))
    optimiser = Adam(rate=1e-5, eps=0.0).start(net, train, held_out, iterations=1)
    before = optimiser.weights()
    (row,) = optimiser.advance(1, None, LONG)
    torch.testing.assert_close(optimiser.weights() - before, -1e-5 * gradient.sign(), rtol=1e-9, atol=0)
    assert row[0] == pytest.approx(loss, rel=1e-12)
    optimiser.objective.load(optimiser.weights())
    after = (net(held_out.y, held_out.h) - held_out.target).square().mean()
    assert row[1] == pytest.approx(after.item(), rel=1e-12)
    assert row[2] == 1e-5


def test_gradient_is_the_linearisations(backend):
    net, train = network(symmetric=True), pairs()
    loss, gradient = Objective(net, train)(compiled.flat(net))
    tangent = Linearisation(net, train.y, train.h, train.target).at(compiled.flat(net))
    expected = tangent.vjp(2 / train.y.numel() * tangent.residual.flatten())
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-16)
    assert loss == pytest.approx(tangent.residual.square().mean().item(), rel=1e-13)


METHODS = {
    "adam": (Adam, {"rate": (1e-2, 1e-4)}, 60),
    "lbfgs": (LBFGS, {"history": 5}, 30),
    "scipy": (LeastSquares, {"evaluations": 10}, 4),
}


def rows_but_seconds(rows):
    return torch.nan_to_num(rows[:, :3])


@pytest.mark.parametrize("method", METHODS)
def test_broken_off_and_resumed_it_ends_with_the_same_bits(method, backend):
    make, options, rows = METHODS[method]
    whole = make(**options).start(network(), pairs(), pairs(5, seed=2), iterations=rows)
    expected = whole.advance(rows, None, LONG)
    assert len(expected) == rows
    found, state = [], None
    for asked in (0, 1, 2, rows - 3):
        part = make(**options).start(network(seed=7), pairs(), pairs(5, seed=2), iterations=rows)
        if state is None:
            part = make(**options).start(network(), pairs(), pairs(5, seed=2), iterations=rows)
        else:
            part.load_state_dict(state)
        found.append(part.advance(asked, None, LONG))
        state = {name: value.clone() for name, value in part.state_dict().items()}
    assert torch.equal(rows_but_seconds(torch.cat(found)), rows_but_seconds(expected))
    assert torch.equal(part.weights(), whole.weights())


@pytest.mark.parametrize("method", METHODS)
def test_state_is_a_copy(method):
    make, options, _ = METHODS[method]
    optimiser = make(**options).start(network(), pairs(), iterations=9)
    optimiser.advance(2, None, LONG)
    state, weights = optimiser.state_dict(), optimiser.weights()
    before = {name: value.clone() for name, value in state.items()}
    optimiser.advance(2, None, LONG)
    assert not torch.equal(optimiser.weights(), weights)
    assert all(torch.equal(state[name], before[name]) for name in before)


@pytest.mark.parametrize("method", METHODS)
def test_it_stops_at_the_first_row_that_reaches_the_target(method, backend):
    make, options, rows = METHODS[method]
    losses = make(**options).start(network(), pairs(), iterations=rows).advance(rows, None, LONG)[:, 0]
    target = losses.sort(descending=True).values[2].item()
    first = int((losses <= target).nonzero()[0])
    optimiser = make(**options).start(network(), pairs(), iterations=rows)
    assert torch.equal(optimiser.advance(rows, target, LONG)[:, 0], losses[: first + 1])
    assert optimiser.reason == "target"


@pytest.mark.parametrize("method", METHODS)
def test_it_returns_soon_after_the_deadline(method, backend):
    make, options, _ = METHODS[method]
    optimiser = make(**options).start(network(), pairs(), iterations=10**7)
    begin = time.perf_counter()
    rows = optimiser.advance(10**6, None, begin)
    assert len(rows) == 1
    assert 0 < rows[0, 3] <= time.perf_counter() - begin


@pytest.mark.parametrize("method", METHODS)
def test_frozen_weights_stay_in_every_method(method):
    make, options, rows = METHODS[method]
    net = frozen(network())
    optimiser = make(**options).start(net, pairs(), iterations=rows)
    before = optimiser.weights()
    loss = optimiser.advance(rows, None, LONG)[-1, 0]
    asked = torch.cat([torch.full((p.numel(),), p.requires_grad) for p in net.parameters()])
    assert torch.equal(optimiser.weights()[~asked], before[~asked])
    assert loss < 0.9 * Objective(net, pairs())(before)[0]


def test_adam_says_when_the_loss_is_no_longer_a_number(backend):
    optimiser = Adam().start(LocSympNet(3, 1, 3, "linear", std=1e160), pairs(), iterations=9)
    assert len(optimiser.advance(9, None, LONG)) == 1
    assert optimiser.reason == "stagnation"
    assert optimiser.note.endswith("; the loss is no longer finite")


def test_lbfgs_needs_the_scaled_loss():
    """The plain error is soon lost below torch's absolute tolerances; times 1e8 it is learned from."""
    slow = pairs()
    slow = Pairs(slow.y, slow.h, slow.y + 0.02 * (slow.target - slow.y))
    net = LocSympNet(3, 2, 16, std=0.4, bias_std=0.3, generator=torch.Generator().manual_seed(0))
    plain, scaled = (LBFGS(scale).start(net, slow) for scale in (1.0, 1e8))
    stalled, learned = (optimiser.advance(500, None, LONG)[-1, 0] for optimiser in (plain, scaled))
    assert plain.reason == "stagnation"
    assert learned < 0.1 * stalled


@pytest.mark.parametrize("make", [network, lambda: SympNet(4, 1, 3, bias_std=0.1)])
def test_scipy_gets_the_jacobian_of_the_linearisation(make):
    net = make()
    train = pairs(n=net.n)
    exact, products = (LeastSquares(solver=solver).start(net, train) for solver in ("exact", "lsmr"))
    x = exact.theta.numpy()
    J = torch.from_numpy(exact._jacobian(x))
    tangent = Linearisation(net, train.y, train.h, train.target).at(exact.theta)
    v = torch.linspace(-1, 1, J.shape[0], dtype=torch.float64)
    u = torch.linspace(-1, 1, J.shape[1], dtype=torch.float64)
    torch.testing.assert_close(J.T @ v, tangent.vjp(v), rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(torch.from_numpy(products._jacobian(x) @ u.numpy()), J @ u, rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(torch.from_numpy(products._jacobian(x).T @ v.numpy()), J.T @ v, rtol=1e-11, atol=1e-13)


def test_scipy_takes_the_products_where_the_jacobian_does_not_fit():
    assert LeastSquares().start(network(), pairs()).note.startswith("exact")
    assert LeastSquares(memory=1000).start(network(), pairs()).note.startswith("lsmr")


WRONG = [
    (Adam, {"rate": 0.0}, "rate: a positive number"),
    (Adam, {"rate": (1e-2, math.nan)}, "rate: a positive number"),
    (Adam, {"rate": (1e-2, 1e-3, 1e-4)}, "rate: a positive number"),
    (Adam, {"rate": "fast"}, "rate: a positive number"),
    (Adam, {"betas": (0.9, 1.0)}, "betas: two numbers"),
    (Adam, {"eps": -1.0}, "eps: a number"),
    (LBFGS, {"scale": 0.0}, "scale: a positive number"),
    (LBFGS, {"history": 0}, "history: a whole number"),
    (Adam, {"betas": 0.9}, "betas: two numbers"),
    (Adam, {"betas": (0.9, "a")}, "betas: two numbers"),
    (Adam, {"eps": "a"}, "eps: a number"),
    (LBFGS, {"scale": None}, "scale: a positive number"),
    (LeastSquares, {"solver": "qr"}, "solver: one of 'auto', 'exact', 'lsmr'"),
    (LeastSquares, {"evaluations": 1}, "evaluations: a whole number"),
    (LeastSquares, {"memory": -1}, "memory: a number >= 0"),
]


@pytest.mark.parametrize(("make", "options", "said"), WRONG)
def test_wrong_options_are_named(make, options, said):
    with pytest.raises((TypeError, ValueError), match=said):
        make(**options)


def test_scipy_refuses_float32():
    net = network().to(torch.float32)
    with pytest.raises(ValueError, match="network: SciPy works in float64"):
        LeastSquares().start(net, pairs().to(torch.float32))


@pytest.mark.parametrize("method", ["adam", "lbfgs"])
def test_float32_is_trained_in_float32(method, backend):
    make, options, rows = METHODS[method]
    optimiser = make(**options).start(network().to(torch.float32), pairs().to(torch.float32), iterations=rows)
    losses = optimiser.advance(rows, None, LONG)[:, 0]
    assert optimiser.weights().dtype == torch.float32
    assert losses[-1] < 0.9 * losses[0]
