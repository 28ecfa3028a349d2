"""Networks: volume, the symplectic form and exact inverses, for random weights of order one."""

import math
import subprocess
import sys

import pytest
import torch

from locsym import GradientModule, LASympNet, LocSympNet, Network, SympNet, rollout

PRECISION = {torch.float64: 1e-12, torch.float32: 1e-5}
H = 0.1


@pytest.fixture(autouse=True)
def no_grad():
    with torch.no_grad():
        yield


def weights(dtype=torch.float64):
    return {"std": 1.0, "generator": torch.Generator().manual_seed(1), "dtype": dtype}


def states(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(7), dtype=dtype)


def jacobian(flow, y, h=H):
    return torch.func.jacrev(lambda state: flow(state, h))(y)


def form(n, dtype=torch.float64):
    one, zero = torch.eye(n // 2, dtype=dtype), torch.zeros(n // 2, n // 2, dtype=dtype)
    return torch.cat([torch.cat([zero, -one], 1), torch.cat([one, zero], 1)])


def symplecticity(J):
    return float((J.mT @ form(len(J), J.dtype) @ J - form(len(J), J.dtype)).abs().max())


KEEPS = [
    pytest.param(n, symmetric, dtype, id=f"n{n}-{'symmetric' if symmetric else 'plain'}-{str(dtype)[6:]}")
    for n in (2, 3, 4, 5, 6, 7, 8, 35)
    for symmetric in (False, True)
    for dtype in PRECISION
]


@pytest.mark.parametrize(("n", "symmetric", "dtype"), KEEPS)
def test_network_keeps_volume(n, symmetric, dtype):
    net, y = LocSympNet(n, 2, 5, symmetric=symmetric, bias_std=1.0, **weights(dtype)), states(n, dtype=dtype)
    J = jacobian(net, y)
    assert abs(float(torch.linalg.det(J)) - 1) <= PRECISION[dtype] * float(J.abs().max())
    assert float((J - torch.eye(n, dtype=dtype)).abs().max()) > 0.01, "the map must do something"


@pytest.mark.parametrize(("n", "symmetric", "dtype"), KEEPS)
def test_inverse_of_a_network_keeps_volume_and_undoes_it(n, symmetric, dtype):
    net, y = LocSympNet(n, 2, 5, symmetric=symmetric, bias_std=1.0, **weights(dtype)), states(n, dtype=dtype)
    J, back = jacobian(net, y), jacobian(net.inverse, net(y, H))
    size = float(J.abs().max()) * float(back.abs().max())
    assert abs(float(torch.linalg.det(back)) - 1) <= PRECISION[dtype] * size
    assert float((net.inverse(net(y, H), H) - y).abs().max()) <= PRECISION[dtype] * size
    assert float((back @ J - torch.eye(n, dtype=dtype)).abs().max()) <= PRECISION[dtype] * size


@pytest.mark.parametrize(("n", "symmetric", "dtype"), [case for case in KEEPS if case.values[1]])
def test_symmetric_network_is_undone_by_a_step_back(n, symmetric, dtype):
    net, y = LocSympNet(n, 2, 5, symmetric=symmetric, bias_std=1.0, **weights(dtype)), states(n, dtype=dtype)
    size = float(jacobian(net, y).abs().max())
    assert float((net(net(y, H), -H) - y).abs().max()) <= PRECISION[dtype] * size


@pytest.mark.parametrize("n", [2, 3, 5])
def test_plain_network_is_not_symmetric(n):
    net, y = LocSympNet(n, 2, 5, **weights()), states(n)
    assert float((net(net(y, H), -H) - y).abs().max()) > 1e-4


def test_symmetric_network_is_half_a_step_and_its_adjoint():
    """(V_{−h/2})⁻¹ ∘ V_{h/2}, of the plain network V with the same weights."""
    net, half, y = LocSympNet(3, 2, 5, symmetric=True, **weights()), LocSympNet(3, 2, 5, **weights()), states(6, 3)
    torch.testing.assert_close(net(y, H), half.inverse(half(y, H / 2), -H / 2), rtol=1e-15, atol=1e-15)


def test_modules_act_in_the_documented_order():
    """V_1 first, Up before Low; eq. (31) as printed: V_{n−1} first."""
    ascending, printed = (LocSympNet(4, 2, 3, order=order) for order in ("ascending", "printed"))
    assert [(m.columns[0], m.sign) for m in ascending.layers] == [(k, s) for k in (0, 1, 2) for s in (1, -1)] * 2
    assert [(m.columns[0], m.sign) for m in printed.layers] == [(k, s) for k in (2, 1, 0) for s in (1, -1)] * 2


def test_one_layer_pair_by_hand():
    """n = 2, m = 1, W = w = 1, linear, h = 0.5 at (1, 2): Y_1 = 1 + 0.5 · 2 = 2, then Y_2 = 2 − 0.5 · 2 = 1."""
    net = LocSympNet(2, 1, 1, "linear")
    for p in net.parameters():
        p.fill_(1.0)
    assert net(torch.tensor([1.0, 2.0], dtype=torch.float64), 0.5).tolist() == [2.0, 1.0]


def test_locsympnet_in_the_plane_is_the_sympnet():
    local, symplectic, y = LocSympNet(2, 3, 5, **weights()), SympNet(2, 3, 5, **weights()), states(9, 2)
    symplectic.load_state_dict(local.state_dict())
    assert torch.equal(local(y, H), symplectic(y, H)), "to the last bit"


def test_locsympnet_in_four_dimensions_is_not_symplectic():
    J = jacobian(LocSympNet(4, 2, 5, **weights()), states(4))
    assert abs(float(torch.linalg.det(J)) - 1) < 1e-12
    assert symplecticity(J) > 1e-2


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("n", [2, 4, 6, 8])
@pytest.mark.parametrize("kind", [SympNet, LASympNet])
def test_sympnets_are_symplectic_and_invertible(kind, n, dtype):
    net, y = kind(n, 2, 3, **weights(dtype)), states(n, dtype=dtype)
    J, bound = jacobian(net, y), PRECISION[dtype]
    assert symplecticity(J) <= bound * float(J.abs().max()) ** 2
    assert float((net.inverse(net(y, H), H) - y).abs().max()) <= bound * float(J.abs().max())
    assert float((net(y, H) - y).abs().max()) > 1e-3, "the map must do something"


@pytest.mark.parametrize("net", [LocSympNet(4, 1, 3), SympNet(4, 1, 3), LASympNet(4, 1)], ids=type)
def test_no_step_is_the_identity(net):
    assert torch.equal(net(states(5, 4), 0.0), states(5, 4))


@pytest.mark.parametrize("activation", ["sigmoid", "linear"])
@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        (LocSympNet, {"n": 5, "K": 3, "width": 7}),
        (SympNet, {"n": 6, "L": 3, "width": 7}),
        (LASympNet, {"n": 6, "L": 2, "sublayers": 3}),
    ],
)
def test_number_of_weights_in_closed_form(kind, sizes, activation):
    net = kind(**sizes, activation=activation)
    assert kind.count(**net.config) == sum(p.numel() for p in net.parameters())


def test_number_of_weights_with_the_default_of_sublayers():
    assert LASympNet.count(4, 2) == sum(p.numel() for p in LASympNet(4, 2).parameters())


def test_number_of_weights_of_the_papers_whole_flow_network():
    """n = 3, K = 3, m = 60: 12 modules of 60 · (2 + 1 + 1) = 240 weights."""
    net = LocSympNet(3, 3, 60)
    assert LocSympNet.count(3, 3, 60) == 2880
    assert repr(net).endswith("L = 12 modules, 2880 parameters")


def test_repr_says_how_to_make_it_again():
    net = LocSympNet(3, 1, 4, symmetric=True)
    assert repr(net) == (
        "LocSympNet(n=3, K=1, width=4, activation='sigmoid', symmetric=True, order='ascending'): "
        "L = 4 modules visited 8 times, 64 parameters"
    )
    assert repr(eval(repr(net).split(": L")[0])) == repr(net)


@pytest.mark.parametrize("shape", [(3,), (0, 3), (4, 3), (2, 4, 3)], ids=str)
def test_any_batch_shape_with_one_step_a_sample(shape):
    net, y = LocSympNet(3, 2, 5, symmetric=True, **weights()), states(*shape)
    h = 0.1 + 0.05 * torch.arange(math.prod(shape[:-1]), dtype=y.dtype).reshape(shape[:-1])
    together = net(y, h)
    assert together.shape == y.shape
    for a, s, b in zip(y.reshape(-1, 3), h.reshape(-1), together.reshape(-1, 3), strict=True):
        torch.testing.assert_close(net(a, float(s)), b, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(net.inverse(together, h), y, rtol=0, atol=1e-12)


def test_a_network_moves_to_another_dtype():
    net = LocSympNet(3, 1, 4, **weights())
    net.to(torch.float32)
    assert net(states(3, dtype=torch.float32), H).dtype == torch.float32
    with pytest.raises(TypeError, match=r"y: dtype torch.float64, but the weights have torch.float32"):
        net(states(3), H)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", [LocSympNet, SympNet])
def test_a_network_moves_to_another_device(kind):
    net, y, h = kind(4, 2, 5, **weights()), states(6, 4), torch.full((6,), H, dtype=torch.float64)
    expected = net(y, h)
    net.to("cuda")
    there = net(y.cuda(), h.cuda())
    torch.testing.assert_close(there.cpu(), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(net.inverse(there, h.cuda()).cpu(), y, rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="y: on cpu, but the weights are on cuda"):
        net(y, H)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch's own, on its first forward-mode use
@pytest.mark.parametrize("transform", [torch.func.jacrev, torch.func.jacfwd, torch.func.hessian])
def test_transforms_see_the_same_map_and_the_same_errors(transform):
    net, y = LocSympNet(3, 1, 4, **weights()), states(5, 3)
    derivative = torch.func.vmap(transform(lambda state: net(state, H)))
    together = derivative(y)
    for state, expected in zip(y, together, strict=True):
        torch.testing.assert_close(transform(lambda x: net(x, H))(state), expected, rtol=1e-13, atol=1e-13)
    y[3, 1] = math.nan
    with pytest.raises(ValueError, match="y: finite values are needed"):
        derivative(y)


def test_gradient_with_respect_to_weights_and_steps_agrees_with_differences():
    net, y, h = LocSympNet(3, 1, 2, **weights()), states(2, 3), torch.tensor([0.3, -0.2], dtype=torch.float64)
    with torch.enable_grad():
        names, values = zip(*net.named_parameters(), strict=True)
        flow = lambda y, h, *p: torch.func.functional_call(net, dict(zip(names, p, strict=True)), (y, h))  # noqa: E731, a flow map of one line
        assert torch.autograd.gradcheck(flow, (y.requires_grad_(), h.requires_grad_(), *values))


def test_custom_visits_tie_weights():
    layers = [GradientModule.local(3, 0, "up", 4, **weights()), GradientModule.local(3, 1, "low", 4, **weights())]
    net, y = Network(3, layers, ((0, 0.5), (1, 1.0), (0, 0.5))), states(3)
    expected = layers[0](layers[1](layers[0](y, H / 2), H), H / 2)
    assert torch.equal(net(y, H), expected)
    torch.testing.assert_close(net.inverse(net(y, H), H), y, rtol=0, atol=1e-14)


FIVE_LINES = """
import torch, locsym
y = torch.randn(100, 3, dtype=torch.float64)
net = locsym.LocSympNet(n=3, K=2, width=16)
Y = net(y, 0.1)
assert (net.inverse(Y, 0.1) - y).abs().max() < 1e-12
"""


@pytest.mark.slow
def test_five_lines_in_a_fresh_interpreter():
    subprocess.run([sys.executable, "-W", "error", "-c", FIVE_LINES], check=True, timeout=120)


def test_rollout_of_a_network_and_back():
    net, y = LocSympNet(3, 2, 5, std=0.3, generator=torch.Generator().manual_seed(0)), states(4, 3)
    orbit = rollout(net, y, H, 50)
    step = y
    for state in orbit:
        torch.testing.assert_close(state, step, rtol=1e-12, atol=1e-12)
        step = net(step, H)
    back = orbit[-1]
    for _ in range(50):
        back = net.inverse(back, H)
    torch.testing.assert_close(back, y, rtol=0, atol=1e-11)
