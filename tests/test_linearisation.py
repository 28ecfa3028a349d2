"""The closed forms of Jv, Jᵀv, J Jᵀ and Jᵀ J against automatic differentiation and a case worked by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call, jacrev
from torch.nn.utils import parameters_to_vector

from locsym import GradientModule, LASympNet, LocSympNet, Network, SympNet
from locsym.networks.activations import ACTIVATIONS, activation_of
from locsym.networks.linearisation import (
    Linearisation,
    why_no_closed_form,
)
from locsym.training.autodiff_linearisation import AutodiffLinearisation


def random_data(n, N, generator, dtype=torch.float64):
    y, target = (torch.randn(N, n, generator=generator, dtype=dtype) for _ in range(2))
    return y, 0.1 + torch.rand(N, generator=generator, dtype=dtype), target


def jacobian(network, y, h, target):
    """The oracle: residual and J by reverse-mode automatic differentiation of the module list itself."""
    names, shapes = zip(*((name, p.shape) for name, p in network.named_parameters()), strict=True)
    theta = parameters_to_vector(network.parameters()).detach()

    def residual(theta):
        parts = theta.split([shape.numel() for shape in shapes])
        weights = {name: part.view(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
        return (functional_call(network, weights, (y, h)) - target).flatten()

    return theta, residual(theta), jacrev(residual)(theta)


def check(network, N, generator, tolerance=1e-12):
    data = random_data(network.n, N, generator, next(network.parameters()).dtype)
    theta, r, J = jacobian(network, *data)
    problem = Linearisation(network, *data)
    tangent = problem.at(theta)
    delta, v = (torch.randn(size, generator=generator, dtype=theta.dtype) for size in (len(theta), len(r)))
    pairs = {
        "residual": (problem.residual(theta).flatten(), r),
        "residual of the tangent": (tangent.residual.flatten(), r),
        "J v": (tangent.jvp(delta), J @ delta),
        "Jᵀ v": (tangent.vjp(v), v @ J),
        "J": (tangent.jacobian(), J),
        "J Jᵀ": (tangent.gram().tril(), (J @ J.T).tril()),
        "Jᵀ J": (tangent.normal(), J.T @ J),
    }
    for name, (ours, oracle) in pairs.items():
        worst = float((ours - oracle).abs().max() / oracle.abs().max())
        assert worst < tolerance, f"{name} is off by {worst:.1e}"


KINDS = (*ACTIVATIONS, torch.sin)


@pytest.mark.parametrize("activation", KINDS)
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("n", [2, 3, 5])
def test_closed_forms_are_those_of_automatic_differentiation(n, symmetric, activation):
    generator = torch.Generator().manual_seed(n)
    network = LocSympNet(n, 2, 4, activation, symmetric=symmetric, std=0.7, bias_std=0.5, generator=generator)
    check(network, 6, generator)


@pytest.mark.parametrize("n", [2, 4, 6])
def test_modules_that_move_several_coordinates(n):
    generator = torch.Generator().manual_seed(n)
    check(SympNet(n, 3, 4, std=0.7, bias_std=0.5, generator=generator), 5, generator)


def test_tied_modules_that_move_several_coordinates():
    generator = torch.Generator().manual_seed(0)
    layers = [GradientModule.symplectic(4, move, 3, std=0.7, generator=generator) for move in ("up", "low")]
    check(Network(4, layers, [(0, 0.5), (1, 0.3), (1, 0.7), (0, 0.5)]), 5, generator)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    n=st.integers(2, 4),
    K=st.integers(1, 2),
    width=st.integers(1, 5),
    N=st.integers(1, 12),
    activation=st.sampled_from(KINDS),
    symmetric=st.booleans(),
    order=st.sampled_from(["ascending", "printed"]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    seed=st.integers(0, 99),
)
def test_closed_forms_for_any_size_and_dtype(n, K, width, N, activation, symmetric, order, dtype, seed):
    generator = torch.Generator().manual_seed(seed)
    init = {"std": 0.5, "bias_std": 0.5, "generator": generator, "dtype": dtype}
    network = LocSympNet(n, K, width, activation, symmetric=symmetric, order=order, **init)
    check(network, N, generator, 1e-10 if dtype is torch.float64 else 1e-3)


def test_the_gram_matrix_does_not_depend_on_its_blocks(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    network = LocSympNet(3, 2, 5, std=0.5, generator=generator)
    tangent = Linearisation(network, *random_data(3, 13, generator)).at(parameters_to_vector(network.parameters()))
    whole = tangent.gram()
    monkeypatch.setattr("locsym.networks.gram_matrix.BLOCK", 300)
    torch.testing.assert_close(tangent.gram().tril(), whole.tril(), rtol=1e-13, atol=1e-15)


def test_one_module_by_hand():
    """n = 2, one linear module, W = 2, w = 3: Y_0 = y_0 + h W w W y_1, so ∂Y_0/∂W = 2 h w W y_1, ∂Y_0/∂w = h W² y_1."""
    module = GradientModule.local(2, 0, "up", 1, "linear")
    with torch.no_grad():
        module.W.fill_(2.0)
        module.w.fill_(3.0)
    y = torch.tensor([[1.0, 5.0]], dtype=torch.float64)
    h = torch.tensor([0.1], dtype=torch.float64)
    tangent = Linearisation(Network(2, [module], [(0, 1.0)]), y, h, y).at(torch.tensor([2.0, 3.0], dtype=torch.float64))
    assert tangent.residual.tolist() == [[pytest.approx(6.0), 0.0]]
    assert tangent.jacobian()[0].tolist() == pytest.approx([6.0, 2.0])
    assert float(tangent.gram()[0, 0]) == pytest.approx(40.0)


@pytest.mark.parametrize("activation", KINDS)
def test_activations_know_their_derivatives(activation):
    z = torch.linspace(-3, 3, 13, dtype=torch.float64, requires_grad=True)
    sigma = activation_of(activation)
    value, slope = sigma.with_slope(z)
    torch.testing.assert_close(value, sigma(z), rtol=0, atol=0)
    torch.testing.assert_close(slope, torch.autograd.grad(sigma(z).sum(), z)[0])


UNEVEN = [GradientModule.local(3, 0, "up", 4), GradientModule.local(3, 1, "low", 5)]
EQUAL = [GradientModule.local(3, 0, "up", 4), GradientModule.local(3, 1, "low", 4)]


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (LASympNet(4, 2), "not all of its modules are gradient modules"),
        (Network(3, UNEVEN, [(0, 1.0), (1, 1.0)]), "differ in width"),
        (Network(3, EQUAL, [(0, 0.5), (1, 1.0), (0, 0.5)]), "not visited equally often"),
    ],
)
def test_networks_without_a_closed_form_are_refused_and_have_an_explicit_one(network, reason):
    data = random_data(network.n, 4, torch.Generator().manual_seed(0))
    assert reason in why_no_closed_form(network)
    with pytest.raises(ValueError, match=f"network: .*{reason}"):
        Linearisation(network, *data)
    theta, r, J = jacobian(network, *data)
    tangent = AutodiffLinearisation(network, *data).at(theta)
    torch.testing.assert_close(tangent.residual.flatten(), r)
    torch.testing.assert_close(tangent.J, J)
    assert math.isclose(float(tangent.jvp(theta) @ r), float(tangent.vjp(r) @ theta), rel_tol=1e-10)
