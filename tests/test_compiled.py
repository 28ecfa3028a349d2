"""The kernel against plain torch: steps, losses, gradients and Adam, for every activation, form and awkward size."""

import math
import os
import platform
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locsym import flow
from locsym.data import Pairs
from locsym.networks import GradientModule, LASympNet, LocSympNet, Network, SympNet
from locsym.networks.native import compiled
from locsym.training import fit

ACTIVATIONS = ("sigmoid", "tanh", "swish", "linear")
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5}

pytestmark = pytest.mark.skipif(isinstance(compiled.load_kernel(torch.float64), str), reason="no C++ compiler")


def make(n=3, K=1, width=5, activation="sigmoid", N=7, dtype=torch.float64, seed=0, **options):
    """A network with weights that matter, and N pairs, each with its own step."""
    generator = torch.Generator().manual_seed(seed)
    init = {"std": 0.7 / math.sqrt(n), "bias_std": 0.5, "generator": generator, "dtype": dtype}
    network = LocSympNet(n, K, width, activation, **init, **options)
    y, target = (torch.randn(N, n, generator=generator, dtype=dtype) for _ in range(2))
    h = 0.05 + 0.2 * torch.rand(N, generator=generator, dtype=dtype)
    return network, y, h, target


def autograd(network, y, h, target):
    loss = (network(y, h) - target).square().mean()
    parts = torch.autograd.grad(loss, list(network.parameters()))
    return loss.item(), torch.cat([part.flatten() for part in parts])


def close(found, expected, tolerance=1e-12):
    assert (found - expected).norm() <= tolerance * expected.norm().clamp_min(1e-300)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(2, 6),
    K=st.integers(1, 2),
    width=st.integers(1, 19),
    N=st.integers(1, 150),
    activation=st.sampled_from(ACTIVATIONS),
    symmetric=st.booleans(),
    dtype=st.sampled_from(list(TOLERANCE)),
    seed=st.integers(0, 99),
)
def test_loss_and_gradient_are_autograds(n, K, width, N, activation, symmetric, dtype, seed):
    network, *data = make(n, K, width, activation, N, dtype, seed, symmetric=symmetric)
    loss, gradient = compiled.Compiled(network).gradient(compiled.flat(network), *data)
    expected = autograd(network, *data)
    assert loss == pytest.approx(expected[0], rel=TOLERANCE[dtype])
    close(gradient, expected[1], TOLERANCE[dtype])
    assert compiled.Compiled(network).loss(compiled.flat(network), *data) == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize("order", ["ascending", "printed"])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_orbit_is_the_module_loops(activation, symmetric, order):
    network, y, h, _ = make(4, 2, 9, activation, symmetric=symmetric, order=order)
    found, expected = flow.rollout(network, y, h, 20), flow.iterate(network, y, h, 20)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(), (1,), (8,), (9,), (65,), (3, 4), (0,), (2, 0)])
def test_orbit_keeps_the_shape_of_the_states(shape):
    network = make()[0]
    y0 = torch.randn(*shape, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = flow.rollout(network, y0, 0.1, 3)
    assert found.shape == (4, *shape, 3)
    torch.testing.assert_close(found, flow.iterate(network, y0, 0.1, 3), rtol=1e-12, atol=1e-12)


def test_one_module_by_hand():
    """One unit, y = (0.5, 2): z = W y_2 + b = 1, so y_1 moves by h W w σ(1) = 0.1 · 0.4 · 3 · 0.7310585786300049."""
    module = GradientModule(2, (0,), (1,), (0,), 1, 1)
    with torch.no_grad():
        module.W.fill_(0.4)
        module.w.fill_(3.0)
        module.b.fill_(0.2)
    orbit = flow.rollout(Network(2, [module], [(0, 1.0)]), torch.tensor([0.5, 2.0], dtype=torch.float64), 0.1, 1)
    assert orbit[1, 0].item() == pytest.approx(0.5 + 0.12 * 0.7310585786300049, abs=1e-16)
    assert orbit[1, 1].item() == 2.0


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "swish"])
def test_activations_are_accurate_from_tiny_to_huge_arguments(activation, dtype):
    sizes = torch.logspace(-30, 30, 4001, dtype=dtype)
    z = torch.cat([-sizes, torch.zeros(1, dtype=dtype), sizes])
    module = GradientModule(2, (0,), (1,), (0,), 1, 1, activation, dtype=dtype)
    with torch.no_grad():
        for p, value in ((module.W, 1.0), (module.w, 1.0), (module.b, 0.0)):
            p.fill_(value)
    y = torch.stack([torch.zeros_like(z), z], 1)
    found = compiled.Compiled(Network(2, [module], [(0, 1.0)])).rollout(compiled.flat(module), y, 1.0, 1)[1, :, 0]
    expected = module.activation(z.double()).to(dtype)
    eps = torch.finfo(dtype).eps
    assert ((found - expected).abs() <= 4 * eps * expected.abs() + 1e-36 * (1 + z.abs())).all()


@pytest.mark.parametrize("spoilt", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["W", "w", "b"])
def test_spoilt_weights_are_not_hidden(name, spoilt):
    network, *data = make(N=3)
    with torch.no_grad():
        getattr(network.layers[0], name).view(-1)[0] = spoilt
    loss, _ = compiled.Compiled(network).gradient(compiled.flat(network), *data)
    assert math.isfinite(loss) == math.isfinite((network.step(data[0], data[1]) - data[2]).square().mean().item())


def test_orbit_that_leaves_the_numbers_is_refused_as_by_the_module_loop():
    network = LocSympNet(2, 1, 1, "linear", std=1e60)
    y0 = torch.ones(2, dtype=torch.float64)
    with pytest.raises(ValueError, match="flow: the orbit is not finite from step 1 on") as plain:
        flow.iterate(network, y0, 1.0, 9)
    with pytest.raises(ValueError, match="flow: the orbit is not finite from step 1 on") as fast:
        flow.rollout(network, y0, 1.0, 9)
    assert str(fast.value) == str(plain.value)


SHARED = GradientModule.local(2, 0, "up", 3)
OBSTACLES = {
    "module 0 moves 2 coordinates": SympNet(4, 1, 3),
    "module 0 is a LinearModule": LASympNet(2, 1),
    "the activation sin is not in the kernel": LocSympNet(2, 1, 3, torch.sin),
    "its modules share weights": Network(2, [SHARED, SHARED], [(0, 1.0), (1, 1.0)]),
    "Linear is no network of modules": torch.nn.Linear(2, 2),
    "no kernel for torch.bfloat16": LocSympNet(2, 1, 3).to(torch.bfloat16),
    "its weights are torch.float64 on meta": LocSympNet(2, 1, 3).to("meta"),
}


@pytest.mark.parametrize("reason", OBSTACLES)
def test_what_is_not_compiled_is_said(reason):
    assert compiled.why_not_compiled(OBSTACLES[reason]).startswith(reason)
    with pytest.raises(ValueError, match=f"network: cannot be compiled, {reason}"):
        compiled.Compiled(OBSTACLES[reason])


def test_symplectic_nets_in_the_plane_are_compiled():
    network = SympNet(2, 2, 4, generator=torch.Generator().manual_seed(0))
    y = torch.tensor([0.3, -0.8], dtype=torch.float64)
    assert compiled.why_not_compiled(network) is None
    torch.testing.assert_close(flow.rollout(network, y, 0.1, 9), flow.iterate(network, y, 0.1, 9), rtol=0, atol=1e-14)


def test_forward_of_ones_own_is_not_bypassed():
    class Backwards(LocSympNet):
        def forward(self, y, h):
            return super().forward(y, -h)

    network, y = Backwards(2, 1, 3), torch.ones(2, dtype=torch.float64)
    torch.testing.assert_close(flow.rollout(network, y, 0.1, 2)[1], network(y, 0.1))


@pytest.mark.parametrize("which", range(4))
def test_tensors_that_do_not_fit_are_refused(which):
    network, *data = make()
    arguments = [compiled.flat(network), *data]
    arguments[which] = arguments[which][:-1] if which else arguments[which].float()
    with pytest.raises(ValueError, match=r"a contiguous torch\.float64 tensor"):
        compiled.Compiled(network).gradient(*arguments)


PROGRAM = """
import torch
from locsym.networks.native import compiled
from locsym.networks import LocSympNet
from locsym.flow import rollout
network = LocSympNet(2, 1, 3, generator=torch.Generator().manual_seed(0))
print(compiled.why_not_compiled(network))
print(rollout(network, torch.ones(2, dtype=torch.float64), 0.1, 3)[-1].tolist())
"""


def program(**environment):
    started = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    return started


@pytest.mark.slow
def test_two_processes_may_compile_at_once_and_leave_one_file(tmp_path):
    first, second = (program(XDG_CACHE_HOME=str(tmp_path)) for _ in range(2))
    (one, _), (two, _) = first.communicate(), second.communicate()
    assert (first.returncode, second.returncode) == (0, 0)
    assert one == two
    assert one.startswith("None\n")
    assert [path.suffix for path in (tmp_path / "locsym").iterdir()] == [".so"]


CLOSED = {
    "no C++ compiler found": {"PATH": "/nowhere", "CXX": ""},
    "the kernel could not be compiled": {"CXX": "false"},
}


@pytest.mark.slow
@pytest.mark.parametrize("reason", CLOSED)
def test_without_a_compiler_the_plain_path_gives_the_same(reason, tmp_path):
    started = program(XDG_CACHE_HOME=str(tmp_path), **CLOSED[reason])
    said, orbit = started.communicate()[0].splitlines()
    assert started.returncode == 0
    assert said.startswith(reason)
    network = LocSympNet(2, 1, 3, generator=torch.Generator().manual_seed(0))
    expected = flow.rollout(network, torch.ones(2, dtype=torch.float64), 0.1, 3)[-1]
    torch.testing.assert_close(torch.tensor(eval(orbit), dtype=torch.float64), expected, rtol=0, atol=1e-14)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="only there does the kernel set the mode")
def test_subnormal_numbers_count_as_zero_in_adam_and_nowhere_else():
    """Units that have died decay through the subnormal range, where arithmetic is a hundred times as slow."""
    network = LocSympNet(3, 1, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.layers[0].W[0] = network.layers[0].w[0] = 1e-310
    y = torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    run = fit(network, Pairs(y, 0.1, y + 0.1), "adam", iterations=3)
    assert "compiled" in run.note
    trained = run.network.layers[0]
    assert bool((trained.W[0] == 0).all())
    assert trained.w[0].item() == 0
    assert bool((trained.W[1:] != 0).all())
    assert float(torch.tensor(1e-310, dtype=torch.float64) * 0.5) != 0, "the mode is set back"
