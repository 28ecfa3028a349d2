"""Lie–Poisson networks: bracket, Casimirs and volume for random weights, the exact flows behind them, and training."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from locsym import LiePoissonNet, Network, rollout
from locsym.data import Pairs
from locsym.diagnostics import determinant_defect, inverse_defect, jacobian, symmetry_defect
from locsym.networks import LIE_ALGEBRAS, BracketModule
from locsym.networks.lie_algebras import poisson_matrix, structure_constants
from locsym.systems import RigidBody
from locsym.training import fit

SLANTED = {"so3": [0.6, 0.0, 0.8], "e3": [0.5, 0.0, 0.0, 0.3, 0.2, 0.0]}
CASIMIRS = {
    "so3": [lambda y: y.square().sum(-1)],
    "e3": [lambda y: y[..., 3:].square().sum(-1), lambda y: (y[..., :3] * y[..., 3:]).sum(-1)],
    "sl2": [lambda y: y[..., 0] ** 2 + y[..., 1] ** 2 - y[..., 2] ** 2],
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def states(algebra, N=5, seed=1):
    return torch.randn(N, len(LIE_ALGEBRAS[algebra]), generator=generator(seed), dtype=torch.float64)


def network(algebra, **options):
    return LiePoissonNet(2, 5, algebra, std=0.8, bias_std=0.8, generator=generator(), **options).requires_grad_(False)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("algebra", LIE_ALGEBRAS)
def test_the_bracket_is_preserved_for_random_weights(algebra, symmetric):
    """A Poisson map has J B(y) Jᵀ = B(Φ(y))."""
    net, C = network(algebra, symmetric=symmetric), LIE_ALGEBRAS[algebra]
    for y in states(algebra):
        J, Y = jacobian(net, y, 0.3), net(y, 0.3)
        B = poisson_matrix(C, Y)
        torch.testing.assert_close(J @ poisson_matrix(C, y) @ J.T, B, rtol=0, atol=1e-12 * float(B.abs().max() + 1))
        assert float((Y - y).abs().max()) > 0.01, "the map must do something"


@pytest.mark.parametrize(("algebra", "which"), [(name, i) for name, all_ in CASIMIRS.items() for i in range(len(all_))])
def test_casimirs_stay_along_an_orbit(algebra, which):
    casimir, y = CASIMIRS[algebra][which], 0.3 * states(algebra)
    orbit = rollout(network(algebra), y, 0.05, 300)
    size = float(orbit.square().sum(-1).max())
    assert float((casimir(orbit) - casimir(y)).abs().max()) < 1e-12 * max(1.0, size)
    assert float((orbit[-1] - y).abs().max()) > 0.1


@pytest.mark.parametrize("algebra", LIE_ALGEBRAS)
def test_volume_and_inverse(algebra):
    net, y = network(algebra), states(algebra)
    assert float(determinant_defect(net, y, 0.3).max()) < 1e-12
    assert float(inverse_defect(net, y, 0.3).max()) < 1e-12


def test_a_symmetric_network_is_its_own_adjoint():
    y = states("so3")
    assert float(symmetry_defect(network("so3", symmetric=True), y, 0.3).max()) < 1e-14
    assert float(symmetry_defect(network("so3"), y, 0.3).max()) > 1e-3


def test_a_module_rotates_about_its_axis_by_hand():
    """so(3), axis e_3, F' = 2 (w = 2, σ(0 x + large) = 1), h = π/4: a quarter turn, e_1 to ± e_2."""
    module = BracketModule(LIE_ALGEBRAS["so3"], torch.tensor([0.0, 0.0, 1.0]), 1)
    with torch.no_grad():
        for p, value in ((module.W, 0.0), (module.w, 2.0), (module.b, 50.0)):
            p.fill_(value)
    turned = module(torch.tensor([1.0, 0.0, 0.5], dtype=torch.float64), math.pi / 4)
    assert turned.tolist() == pytest.approx([0.0, 1.0, 0.5], abs=1e-15)


@pytest.mark.parametrize("algebra", LIE_ALGEBRAS)
def test_a_module_is_the_flow_of_its_hamiltonian(algebra):
    """Against solve_ivp on ẏ = B(y) ∇H, with ∇H = F'(c·y) c."""
    C = LIE_ALGEBRAS[algebra]
    c = torch.eye(len(C), dtype=torch.float64)[1]
    module, y = BracketModule(C, c, 4, generator=generator(3)).requires_grad_(False), states(algebra)[0]

    def field(_, y):
        y = torch.from_numpy(y)
        return (poisson_matrix(C, y) @ (module.angle(y) * c)).numpy()

    exact = solve_ivp(field, (0, 1.3), y.numpy(), rtol=1e-12, atol=1e-13).y[:, -1]
    np.testing.assert_allclose(module(y, 1.3).numpy(), exact, rtol=0, atol=1e-9 * (1 + abs(exact).max()))


@pytest.mark.parametrize("algebra", SLANTED)
def test_other_directions_are_exact_flows_too(algebra):
    """A slanted axis of e(3) has no M³ = λ M; the matrix exponential serves it."""
    c = torch.tensor(SLANTED[algebra], dtype=torch.float64)
    module = BracketModule(LIE_ALGEBRAS[algebra], c, 4, generator=generator(3)).requires_grad_(False)
    assert (module.rate is None) == (algebra == "e3")
    y = states(algebra)
    exact = torch.stack([torch.linalg.matrix_exp(0.4 * module.angle(x) * module.M) @ x for x in y])
    torch.testing.assert_close(module(y, 0.4), exact, rtol=1e-10, atol=1e-11)


def test_constants_of_ones_own_are_taken():
    """The Heisenberg algebra [e_1, e_2] = e_3: its third coordinate is a Casimir, and has no module."""
    C = torch.zeros(3, 3, 3)
    C[0, 1, 2], C[1, 0, 2] = 1.0, -1.0
    net = LiePoissonNet(2, 4, C, generator=generator()).requires_grad_(False)
    assert len(net.layers) == 4
    y = states("so3")
    assert torch.equal(net(y, 0.3)[:, 2], y[:, 2])


@pytest.mark.parametrize("algebra", [*LIE_ALGEBRAS, "own"])
def test_it_is_saved_and_loaded(algebra, tmp_path):
    C = 2 * LIE_ALGEBRAS["so3"] if algebra == "own" else algebra
    net = LiePoissonNet(2, 3, C, "sigmoid", symmetric=True, generator=generator())
    net.save(tmp_path / "net")
    loaded, y = Network.load(tmp_path / "net"), torch.randn(4, net.n, dtype=torch.float64)
    assert isinstance(loaded, LiePoissonNet)
    assert torch.equal(loaded(y, 0.1), net(y, 0.1))


@pytest.mark.parametrize("method", ["lm", "adam"])
def test_few_weights_learn_the_rigid_body(method):
    y = states("so3", 40)
    pairs = Pairs.from_states(RigidBody(), y / y.norm(dim=1, keepdim=True), 0.1)
    net = LiePoissonNet(2, 6, generator=generator())
    run = fit(net, pairs, method, iterations={"lm": 60, "adam": 150}[method])
    assert run.loss < {"lm": 1e-9, "adam": 1e-2}[method]
    assert sum(p.numel() for p in run.network.parameters()) == LiePoissonNet.count(2, 6) == 108


CENTRAL = torch.zeros(4, 4, 4, dtype=torch.float64)
CENTRAL[:3, :3, :3] = LIE_ALGEBRAS["so3"]
ANY = torch.randn(4, 4, 4, generator=generator())
REFUSED = {
    "algebra: one of": lambda: structure_constants("su2"),
    "algebra: a name or": lambda: structure_constants(object()),
    r"algebra: finite constants of shape \(n, n, n\)": lambda: structure_constants(torch.zeros(3, 3)),
    "algebra: the bracket must be antisymmetric": lambda: structure_constants(torch.ones(2, 2, 2)),
    "algebra: the bracket must be of a Lie algebra": lambda: structure_constants(ANY - ANY.transpose(0, 1)),
    "direction: .* is in the centre": lambda: BracketModule(CENTRAL, torch.tensor([0.0, 0, 0, 1]), 3),
    r"direction: shape \(3,\)": lambda: BracketModule(LIE_ALGEBRAS["so3"], torch.ones(2), 3),
    "K: a whole number": lambda: LiePoissonNet(0, 3),
    "width: a whole number": lambda: LiePoissonNet(1, 0),
    "symmetric: True or False": lambda: LiePoissonNet(1, 2, symmetric=1),
    "activation: one of": lambda: LiePoissonNet(1, 2, activation="relu6"),
}


@pytest.mark.parametrize("message", REFUSED)
def test_bad_arguments_are_refused_by_name(message):
    with pytest.raises((TypeError, ValueError), match=message):
        REFUSED[message]()
