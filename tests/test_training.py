"""Levenberg–Marquardt against the system its step solves, and the door: stops, checkpoints, resumption, refusals."""

import dataclasses
import importlib
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector

from locsym import LASympNet, LocSympNet
from locsym.data import Pairs
from locsym.networks.linearisation import Linearisation
from locsym.systems import LinearSystem, RigidBody
from locsym.training import fit, loop
from locsym.training.levenberg_marquardt import LevenbergMarquardt, LevenbergMarquardtOptimiser
from locsym.training.record import FILE

door = importlib.import_module("locsym.training.fit")
METHODS = ("lm", "adam", "lbfgs", "scipy")


def body(N=20, width=6, seed=0, dtype=torch.float64, **options):
    """A small network and pairs of the rigid body (35)."""
    generator = torch.Generator().manual_seed(seed)
    network = LocSympNet(3, 1, width, std=0.5, bias_std=0.5, generator=generator, dtype=dtype, **options)
    return network, Pairs.from_states(RigidBody(), torch.randn(N, 3, generator=generator, dtype=torch.float64), 0.1)


def flat(network):
    return parameters_to_vector(network.parameters()).detach()


@pytest.mark.parametrize("ridge", [0.0, 1e-3])
@pytest.mark.parametrize("solver", ["gram", "normal", "cg"])
def test_the_step_solves_the_damped_normal_equations(solver, ridge):
    network, pairs = body()
    method = LevenbergMarquardt(ridge=ridge, solver=solver).start(network, pairs)
    theta, nu = flat(network), 0.1 + ridge
    J, r = method.tangent.jacobian(), method.tangent.residual.flatten()
    exact = -torch.linalg.solve(J.T @ J + nu * torch.eye(len(theta), dtype=torch.float64), J.T @ r + ridge * theta)
    ours = method._solver(nu)(r, ridge * theta)
    torch.testing.assert_close(ours, exact, rtol=0, atol=float(exact.norm()) * (1e-2 if solver == "cg" else 1e-10))


def test_the_acceleration_is_half_the_second_derivative_along_the_step():
    network, pairs = body()
    method = LevenbergMarquardt().start(network, pairs)
    r, theta, J = method.tangent.residual.flatten(), flat(network), method.tangent.jacobian()
    delta = 0.01 * method._solver(0.1)(r, None)
    residual = Linearisation(network, pairs.y, pairs.h, pairs.target).residual
    second = (residual(theta + delta) - 2 * residual(theta) + residual(theta - delta)).flatten()
    exact = -torch.linalg.solve(J.T @ J + 0.1 * torch.eye(len(theta), dtype=torch.float64), J.T @ second / 2)
    ours = method._bend(method._solver(0.1), r, delta, method.tangent.jvp(delta))
    torch.testing.assert_close(ours, exact, rtol=0, atol=1e-2 * float(exact.norm()))


@pytest.mark.parametrize(("solver", "acceleration"), [("gram", True), ("gram", False), ("normal", True), ("cg", True)])
def test_the_loss_never_rises_and_becomes_small(solver, acceleration):
    network, pairs = body()
    run = fit(network, pairs[:15], validation=pairs[15:], iterations=60, solver=solver, acceleration=acceleration)
    assert bool((run.history.loss.diff() <= 0).all())
    assert run.loss < 1e-6 < float(run.history.loss[0])
    assert run.loss == pytest.approx(float(run.history.loss[-1]), rel=1e-6)
    assert run.validation == pytest.approx(float(run.history.validation[-1]), rel=1e-6)


def test_a_linear_flow_is_learned_to_rounding():
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    A = A - A.T  # divergence-free
    pairs = Pairs.from_states(LinearSystem(A), torch.randn(12, 4, generator=generator, dtype=torch.float64), 0.1)
    network = LocSympNet(4, 2, 4, "linear", std=0.5, generator=generator)
    assert fit(network, pairs, iterations=60, target=1e-28).reason == "target"


def test_more_residuals_than_memory_for_any_matrix():
    network, pairs = body(200)
    run = fit(network, pairs, iterations=20, memory=1000)
    assert run.note.startswith("matrix-free: a matrix of size")
    assert run.loss < float(run.history.loss[0])


MANY = """
import resource, sys
import torch
from locsym import LocSympNet
from locsym.data import Pairs
from locsym.training import fit, mean_squared_error
generator = torch.Generator().manual_seed(0)
y = torch.randn(10_000, 3, generator=generator, dtype=torch.float64)
network = LocSympNet(3, 3, int(sys.argv[2]), std=0.5, bias_std=0.5, generator=generator)
pairs = Pairs(y, 0.1, y + 0.1 * y.roll(1, 1).sin())
run = fit(network, pairs, iterations=2, damping=0.1, memory=int(sys.argv[1]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak, run.loss / mean_squared_error(network, pairs), run.note)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("memory", "width", "note"), [(2**30, 20, "Jᵀ J of size 960"), (2**20, 60, "matrix-free")])
def test_ten_thousand_samples_take_less_than_two_gigabytes(memory, width, note):
    command = [sys.executable, "-c", MANY, str(memory), str(width)]
    kilobytes, ratio, said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split(None, 2)
    assert said.startswith(note)
    assert float(ratio) < 1
    assert int(kilobytes) < 2 * 2**20


@pytest.mark.parametrize(("N", "note"), [(5, "J Jᵀ of size 15"), (500, "Jᵀ J of size 96")])
def test_the_cheaper_matrix_is_chosen(N, note):
    network, pairs = body(N)
    assert fit(network, pairs, iterations=1).note == note


def test_networks_without_a_closed_form_train_all_the_same():
    network = LASympNet(4, 2, std=0.5, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    y = torch.randn(10, 4, generator=generator, dtype=torch.float64)
    run = fit(network, Pairs(y, 0.1, 1.01 * y), iterations=10)
    assert "automatic differentiation" in run.note
    assert run.loss < 0.5 * float(run.history.loss[0])


def test_ridge_keeps_weights_smaller():
    network, pairs = body()
    free, kept = (fit(network, pairs, iterations=40, ridge=ridge) for ridge in (0.0, 1e-4))
    assert flat(kept.network).norm() < flat(free.network).norm()
    assert kept.loss > free.loss


def fail_once(monkeypatch, owner, name, broken):
    """Let ``owner.name`` give ``broken(its result)`` at its first call only."""
    real, calls = getattr(owner, name), []

    def sometimes(*args, **kwargs):
        calls.append(1)
        result = real(*args, **kwargs)
        return broken(result) if len(calls) == 1 else result

    monkeypatch.setattr(owner, name, sometimes)


@pytest.mark.parametrize("what", ["factor", "trial"])
def test_a_failed_factor_or_trial_only_raises_the_damping(monkeypatch, what):
    network, pairs = body()
    method = LevenbergMarquardt(acceleration=False, damping=0.1).start(network, pairs)
    if what == "factor":
        fail_once(monkeypatch, torch.linalg, "cholesky_ex", lambda found: (found[0], torch.tensor(3)))
    else:
        fail_once(monkeypatch, method.problem, "residual", lambda r: r * math.nan)
    mu, loss = method.mu, method.loss
    first, second = method.advance(2, None, math.inf)
    assert (method.reason, float(first[0]), float(first[2])) == (None, loss, mu)
    assert float(second[2]) == 2 * mu
    assert float(second[0]) < loss


# The door


def test_the_network_given_is_left_alone_and_the_record_is_frozen():
    network, pairs = body()
    before = flat(network).clone()
    run = fit(network, pairs, iterations=3, damping=0.1)
    assert torch.equal(flat(network), before)
    assert not torch.equal(flat(run.network), before)
    assert run.history.iteration.tolist() == [1, 2, 3]
    assert bool((run.history.seconds.diff() > 0).all())
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.loss = 0.0


@pytest.mark.parametrize(
    ("reason", "options"),
    [
        ("iterations", {"iterations": 4}),
        ("iterations", {"iterations": 0}),
        ("target", {"target": 1e-3}),
        ("seconds", {"seconds": 0.05, "iterations": 10**6}),
        ("seconds", {"seconds": 0.0}),
    ],
)
@pytest.mark.parametrize("method", ["lm", "adam"])
def test_training_says_why_it_stops(method, reason, options):
    network, pairs = body()
    run = fit(network, pairs, method, **options)
    assert run.reason == reason
    assert run.method == run.configuration["method"] == method


def test_where_nothing_lowers_the_loss_it_stagnates():
    network, pairs = body()
    with torch.no_grad():
        perfect = Pairs(pairs.y, pairs.h, network(pairs.y, pairs.h) + 1e-16)
    assert fit(network, perfect).reason == "stagnation"


@pytest.mark.parametrize("method", METHODS)
def test_ctrl_c_ends_with_what_is_reached_and_the_next_call_goes_on(method, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHUNK", 0.01)
    network, pairs = body()
    iterations = {"adam": 3000, "scipy": 4}.get(method, 30)
    whole = fit(network, pairs, method, iterations=iterations)

    def press(done, total, text):
        if done > 1:
            raise KeyboardInterrupt

    broken = fit(network, pairs, method, iterations=iterations, folder=tmp_path, progress=press)
    assert broken.reason == "interrupted"
    assert 0 < len(broken.history) < len(whole.history)
    resumed = fit(network, pairs, method, iterations=iterations, folder=tmp_path)
    assert resumed.reason == whole.reason
    assert torch.equal(flat(resumed.network), flat(whole.network))
    assert torch.equal(resumed.history.loss, whole.history.loss)


@pytest.mark.parametrize("method", METHODS)
def test_a_paused_training_is_the_beginning_of_the_whole_one(method, tmp_path):
    network, pairs = body()
    iterations = {"adam": 300, "scipy": 4}.get(method, 6)
    whole = fit(network, pairs, method, iterations=iterations)
    paused = fit(network, pairs, method, iterations=iterations, pause=2, folder=tmp_path)
    assert (paused.reason, paused.iterations) == ("paused", 2)
    assert torch.equal(paused.history.loss, whole.history.loss[:2])
    assert torch.equal(paused.history.step, whole.history.step[:2]), "the schedule is that of the whole training"
    again = fit(network, pairs, method, iterations=iterations, pause=1, folder=tmp_path)
    assert again.iterations == 2, "what was done is not undone"
    resumed = fit(network, pairs, method, iterations=iterations, folder=tmp_path)
    assert resumed.reason == whole.reason
    assert torch.equal(flat(resumed.network), flat(whole.network))


def test_pause_is_a_whole_number():
    network, pairs = body()
    with pytest.raises(ValueError, match="pause: "):
        fit(network, pairs, pause=-1)


def test_a_complete_training_is_loaded(tmp_path, monkeypatch):
    network, pairs = body()
    first = fit(network, pairs, iterations=5, folder=tmp_path)
    monkeypatch.setattr(LevenbergMarquardtOptimiser, "advance", None)
    again = fit(network, pairs, iterations=5, folder=tmp_path)
    assert torch.equal(flat(again.network), flat(first.network))
    assert (again.reason, again.seconds, again.loss) == (first.reason, first.seconds, first.loss)
    assert torch.equal(again.history.seconds, first.history.seconds)


OTHERS = {
    "iterations": lambda network, pairs: fit(network, pairs, iterations=6),
    "ridge 0.0, not 0.1": lambda network, pairs: fit(network, pairs, iterations=5, ridge=0.1),
    "another network or other data": lambda network, pairs: fit(network, pairs[1:], iterations=5),
    "another network": lambda network, pairs: fit(body(seed=1)[0], pairs, iterations=5),
}


@pytest.mark.parametrize("why", OTHERS)
def test_a_folder_of_another_training_is_refused(why, tmp_path, monkeypatch):
    network, pairs = body()
    fit(network, pairs, iterations=5, folder=tmp_path)
    monkeypatch.setitem(globals(), "fit", lambda *args, **options: door.fit(*args, folder=tmp_path, **options))
    with pytest.raises(ValueError, match=f"folder: .*{why}"):
        OTHERS[why](network, pairs)


def test_a_file_that_is_no_checkpoint_goes_aside(tmp_path):
    (tmp_path / FILE).write_bytes(b"not ours")
    with pytest.warns(RuntimeWarning, match=r"folder: .*run\.safetensors: not a file .* moved to run.safetensors.dam"):
        run = fit(*body(), iterations=2, folder=tmp_path)
    assert "training starts over" in run.note
    assert (tmp_path / f"{FILE}.damaged").read_bytes() == b"not ours"
    assert fit(*body(), iterations=2, folder=tmp_path).loss == run.loss


def test_progress_is_told(capsys):
    told = []
    fit(*body(), iterations=5, progress=lambda *news: told.append(news))
    done, total, text = told[-1]
    assert (done, total) == (5, 5)
    assert text.startswith("loss ")
    fit(*body(), iterations=5, progress=True)
    assert "5/5" in capsys.readouterr().err


def test_numbers_of_numpy_are_numbers(tmp_path):
    options = {"iterations": np.int64(5), "ridge": np.float32(0.5), "target": np.float64(0.0)}
    runs = [fit(*body(), **options, folder=tmp_path) for _ in range(2)]
    assert runs[0].configuration == runs[1].configuration
    assert runs[0].configuration["ridge"] == 0.5


def test_single_precision():
    network, pairs = body(dtype=torch.float32)
    run = fit(network, pairs, iterations=30)
    assert flat(run.network).dtype is torch.float32
    assert run.loss < 1e-5


class Doubled(LocSympNet):
    def forward(self, y, h):
        return super().forward(super().forward(y, h), h)


class Narrow(torch.nn.Linear):
    """No flow map: it forgets two coordinates."""

    def __init__(self):
        super().__init__(3, 1, dtype=torch.float64)

    def forward(self, y, h):
        return super().forward(y)


class Both(Narrow):
    def forward(self, y, h):
        return y, h


def spoilt(network, value):
    with torch.no_grad():
        network.layers[0].W[0, 0] = value
    return network


BAD = {
    "network: a torch.nn.Module": lambda n, p: fit(n.step, p),
    "network: Identity has no weights": lambda n, p: fit(torch.nn.Identity(), p),
    r"network: \(y, h\) -> y must keep torch.float64 \(20, 3\), it returns torch.float64 \(20, 1\)": (
        lambda n, p: fit(Narrow(), p)
    ),
    r"network: \(y, h\) -> y must keep .*returns tuple": lambda n, p: fit(Both(), p),
    "network: .*trains all weights": lambda n, p: fit(n.requires_grad_(False), p),
    "pairs: Pairs": lambda n, p: fit(n, p.y),
    "pairs: states of dimension 3": lambda n, p: fit(n, Pairs(p.y[:, :2], 0.1, p.y[:, :2])),
    "validation: Pairs": lambda n, p: fit(n, p, validation=p.y),
    "network: .*layers.0.W holds NaN": lambda n, p: fit(spoilt(n, math.nan), p, "adam"),
    "network: .*layers.0.W holds .* infinity": lambda n, p: fit(spoilt(n, math.inf), p, "lbfgs"),
    "network: none of its weights": lambda n, p: fit(n.requires_grad_(False), p, "scipy"),
    "network: Doubled has a step of its own": lambda n, p: fit(Doubled(3, 1, 2), p, "scipy", solver="lsmr"),
    "method: .*LevenbergMarquardt": lambda n, p: fit(n, p, LevenbergMarquardt),
    r"ridge: options go into the method itself, LevenbergMarquardt\(ridge=": (
        lambda n, p: fit(n, p, LevenbergMarquardt(), ridge=0.1)
    ),
    "pairs: in the network's torch.float32, y": lambda n, p: fit(n.float(), Pairs(1e150 * p.y, 0.1, p.target)),
    "pairs: .* no finite loss": lambda n, p: fit(n, Pairs(p.y, 0.1, 1e200 * p.target), "adam"),
    "validation: .* no finite loss": lambda n, p: fit(n, p, validation=Pairs(1e200 * p.y, 0.1, p.y)),
    "adam: the loss is no longer finite": lambda n, p: fit(n, p, "adam", rate=1e300, iterations=9),
    "method: one of 'lm', 'adam'": lambda n, p: fit(n, p, "sgd"),
    "method: .*got \\['lm'\\]": lambda n, p: fit(n, p, ["lm"]),
    "folder: a path": lambda n, p: fit(n, p, folder=3),
    "iterations: a whole number": lambda n, p: fit(n, p, iterations=-1),
    "iterations: .*2.5": lambda n, p: fit(n, p, iterations=2.5),
    "seconds: a number >= 0": lambda n, p: fit(n, p, seconds=-1.0),
    "target: a number >= 0": lambda n, p: fit(n, p, target=math.nan),
    "rate: no option of method 'lm'": lambda n, p: fit(n, p, rate=0.1),
    "ridge: a number >= 0": lambda n, p: fit(n, p, ridge=-1.0),
    "ridge: .*got 'a'": lambda n, p: fit(n, p, ridge="a"),
    "ridge: .*got \\[": lambda n, p: fit(n, p, ridge=[0.1]),
    "acceleration: one of True, False": lambda n, p: fit(n, p, acceleration="no"),
    "damping: a positive number": lambda n, p: fit(n, p, damping=0.0),
    "memory: a number >= 0": lambda n, p: fit(n, p, memory=-1),
    "solver: one of": lambda n, p: fit(n, p, solver="qr"),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_arguments_are_refused_by_name(message):
    with pytest.raises((TypeError, ValueError, FloatingPointError), match=message):
        BAD[message](*body())
