"""Reversible networks: R Φ R Φ = 1 for all weights, by torch, kernel and closed form; and how R is found."""

import math

import pytest
import torch
from torch.nn.utils import parameters_to_vector

from locsym import LASympNet, LocSympNet, Network, Reversible, SympNet
from locsym.data import Pairs
from locsym.diagnostics import (
    determinant_defect,
    inverse_defect,
    reversibility_defect,
    reversing_signs,
    symmetry_defect,
)
from locsym.networks.linearisation import Linearisation, why_no_closed_form
from locsym.networks.native import compiled
from locsym.systems import ABCFlow, LinearSystem, RigidBody
from locsym.training import fit
from locsym.training.autodiff_linearisation import AutodiffLinearisation

HOUSEHOLDER = torch.eye(3, dtype=torch.float64) - 2 * torch.outer(*(2 * [torch.tensor([2.0, -1.0, 2.0]).double() / 3]))
SHEARED = torch.tensor([[1.0, 3.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]], dtype=torch.float64)  # R R = 1, R Rᵀ ≠ 1


def weights(seed=0, dtype=torch.float64):
    return {"std": 0.9, "bias_std": 0.9, "generator": torch.Generator().manual_seed(seed), "dtype": dtype}


def draw(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


NETWORKS = {
    "signs": lambda: Reversible(LocSympNet(3, 2, 7, **weights()), (1, -1, 1)),
    "all signs": lambda: Reversible(LocSympNet(3, 1, 7, "tanh", **weights()), [-1, -1, -1]),
    "swish": lambda: Reversible(LocSympNet(4, 1, 5, "swish", **weights()), (1, -1, -1, 1)),
    "linear": lambda: Reversible(LocSympNet(3, 2, 3, "linear", **weights()), (1, -1, 1)),
    "a plane": lambda: Reversible(LocSympNet(3, 2, 7, **weights()), HOUSEHOLDER),
    "not orthogonal": lambda: Reversible(LocSympNet(3, 2, 7, **weights()), SHEARED),
    "symmetric": lambda: Reversible(LocSympNet(3, 2, 7, symmetric=True, **weights()), (1, -1, 1)),
}
OTHERS = {
    "G-SympNet": lambda: Reversible(SympNet(4, 2, 5, **weights()), (1, 1, -1, -1)),
    "LA-SympNet": lambda: Reversible(LASympNet(4, 2, std=0.9, generator=weights()["generator"]), (1, 1, -1, -1)),
}


@pytest.mark.parametrize("name", NETWORKS | OTHERS)
def test_it_is_reversible_and_preserves_volume_for_random_weights(name):
    net = (NETWORKS | OTHERS)[name]().requires_grad_(False)
    y = draw(6, net.n)
    size = float(net(y, 0.3).abs().max()) * float(torch.linalg.cond(net.mirror))
    assert float(reversibility_defect(net, net.mirror, y, 0.3).max()) < 1e-12 * size
    assert float(determinant_defect(net, y, 0.3).max()) < 1e-12
    assert float(inverse_defect(net, y, 0.3).max()) < 1e-12 * size
    assert float((net(y, 0.3) - y).abs().max()) > 0.01, "the map must do something"
    assert float(reversibility_defect(net, torch.eye(net.n, dtype=torch.float64), y, 0.3).max()) > 1e-3


def test_a_symmetric_network_stays_symmetric_when_it_is_made_reversible():
    y = draw(6, 3)
    assert float(symmetry_defect(NETWORKS["symmetric"](), y, 0.3).max()) < 1e-13
    assert float(symmetry_defect(NETWORKS["signs"](), y, 0.3).max()) > 1e-3, "else this shows nothing"


def test_the_step_is_the_formula():
    """R Ψ⁻¹ R Ψ, each of half the step, written out with the inverse of Ψ."""
    inner, R, y = LocSympNet(3, 2, 7, **weights()), HOUSEHOLDER, draw(5, 3)
    there = inner(y, 0.15) @ R.T
    expected = inner.inverse(there, 0.15) @ R.T
    torch.testing.assert_close(Reversible(inner, R)(y, 0.3), expected, rtol=1e-14, atol=1e-14)


def test_its_weights_are_those_of_the_network_it_was_made_of():
    inner = LocSympNet(3, 2, 7, **weights())
    net = Reversible(inner, (1, -1, 1))
    assert [p is q for p, q in zip(net.parameters(), inner.parameters(), strict=True)] == [True] * 24
    assert set(net.state_dict()) == set(inner.state_dict())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_kernel_agrees_with_torch(name, dtype):
    net = NETWORKS[name]().to(dtype)
    if (reason := compiled.why_not_compiled(net)) is not None:
        assert "compiler" in reason
        pytest.skip(reason)
    y, h, target = draw(11, net.n).to(dtype), torch.full((11,), 0.2, dtype=dtype), draw(11, net.n, seed=2).to(dtype)
    kernel, theta = compiled.Compiled(net), compiled.flat(net)
    rtol = 1e-11 if dtype is torch.float64 else 1e-3
    loss = (net(y, h) - target).square().mean()
    expected = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])
    found, gradient = kernel.gradient(theta, y, h, target)
    assert found == pytest.approx(loss.item(), rel=rtol)
    torch.testing.assert_close(gradient, expected, rtol=rtol, atol=rtol * float(expected.abs().max()))
    orbit = kernel.rollout(theta, y, h, 2)
    torch.testing.assert_close(orbit[2], net(net(y, h), h).detach(), rtol=rtol, atol=rtol * float(orbit.abs().max()))


@pytest.mark.parametrize("name", [*NETWORKS, "G-SympNet"])
def test_the_closed_form_is_the_jacobian(name):
    net = (NETWORKS | OTHERS)[name]()
    assert why_no_closed_form(net) is None
    data = draw(5, net.n), torch.linspace(0.1, 0.3, 5, dtype=torch.float64), draw(5, net.n, seed=2)
    theta = parameters_to_vector(net.parameters()).detach()
    tangent, J = Linearisation(net, *data).at(theta), AutodiffLinearisation(net, *data).at(theta).J
    scale = {"rtol": 0, "atol": 1e-11 * float(J.abs().max())}
    torch.testing.assert_close(tangent.jacobian(), J, **scale)
    G = J @ J.T
    torch.testing.assert_close(tangent.gram().tril(), G.tril(), rtol=0, atol=1e-11 * float(G.abs().max()))
    torch.testing.assert_close(tangent.residual, net(*data[:2]).detach() - data[2], rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", ["lm", "adam"])
def test_it_is_trained(method):
    y = draw(40, 3)
    pairs = Pairs.from_states(RigidBody(), y / y.norm(dim=1, keepdim=True), 0.1)
    net = Reversible(LocSympNet(3, 1, 8, generator=torch.Generator().manual_seed(0)), (1, -1, 1))
    run = fit(net, pairs, method, iterations={"lm": 30, "adam": 500}[method])
    assert run.loss < {"lm": 1e-3, "adam": 0.5}[method] * fit(net, pairs, method, iterations=0).loss
    assert float(reversibility_defect(run.network.requires_grad_(False), (1, -1, 1), y, 0.1).max()) < 1e-13
    assert run.note.startswith({"lm": "J Jᵀ", "adam": "compiled kernel"}[method]) or "no C++ compiler" in run.note


@pytest.mark.parametrize("name", NETWORKS | OTHERS)
def test_it_is_saved_and_loaded(name, tmp_path):
    net = (NETWORKS | OTHERS)[name]()
    net.save(tmp_path / "net")
    loaded, y = Network.load(tmp_path / "net"), draw(3, net.n)
    assert isinstance(loaded, Reversible)
    assert torch.equal(loaded(y, 0.1), net(y, 0.1))
    assert repr(loaded) == repr(net)


REFUSED = {
    "network: a network of modules": (lambda: Reversible(torch.nn.Linear(3, 3), (1, -1, 1)), TypeError),
    "network: Reversible is reflected already": (lambda: Reversible(NETWORKS["signs"](), (1, -1, 1)), ValueError),
    "R: 3 signs": (lambda: Reversible(LocSympNet(3, 1, 2), (1, -1)), ValueError),
    r"R: .* R R differs from 1": (lambda: Reversible(LocSympNet(3, 1, 2), (1, -1, 2)), ValueError),
    "R: .*got 'xyz'": (lambda: Reversible(LocSympNet(3, 1, 2), "xyz"), TypeError),
    "R: a diagonal involution": (
        lambda: Reversible(LocSympNet(3, 1, 2, symmetric=True), HOUSEHOLDER),
        ValueError,
    ),
    r"R: .*\[nan": (lambda: Reversible(LocSympNet(3, 1, 2), [math.nan, 1, 1]), ValueError),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_made_reversible_is_refused(message):
    make, error = REFUSED[message]
    with pytest.raises(error, match=message):
        make()


def test_the_signs_of_the_rigid_body_are_found():
    found = reversing_signs(RigidBody().rhs, draw(4, 3))
    assert found == [(1, 1, -1), (1, -1, 1), (-1, 1, 1), (-1, -1, -1)]


def test_a_linear_field_is_reversible_where_its_matrix_says_so():
    """R A R = −A for R = diag(1, −1) means a zero diagonal."""
    zero, full = (LinearSystem(torch.tensor([[a, 2.0], [3.0, -a]], dtype=torch.float64)) for a in (0.0, 1.0))
    assert reversing_signs(zero.rhs, draw(4, 2)) == [(1, -1), (-1, 1)]
    assert reversing_signs(full.rhs, draw(4, 2)) == []


def test_the_flow_of_a_reversible_field_is_reversible():
    body, y = RigidBody(), draw(4, 3)
    assert float(reversibility_defect(body.flow, (1, -1, 1), y, 0.7).max()) < 1e-9
    assert float(reversibility_defect(body.flow, (1, 1, 1), y, 0.7).max()) > 1e-2


def test_the_abc_flow_has_no_diagonal_reversing_symmetry():
    assert reversing_signs(ABCFlow().rhs, draw(4, 3)) == []
