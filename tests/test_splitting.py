"""The Feng–Shang splitting: formulas proved by simplification, numbers checked against formulas and autograd."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp
import torch
from chapters.magnetic_field import MagneticField, loop

from locsym.splitting import NumericSplitting, potential_field, split, split_numerically
from locsym.systems import (
    ABCFlow,
    Advection,
    ChargedParticle,
    LinearSystem,
    Pendulum,
    RigidBody,
    System,
    Volterra,
    coordinates,
)
from locsym.systems.formulas import vanishes


def random_states(n: int, count: int = 12, seed: int = 1) -> torch.Tensor:
    return 0.2 + torch.rand(count, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_matrix(n: int) -> torch.Tensor:
    A = torch.randn(n, n, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    return A - A.trace() / n * torch.eye(n, dtype=torch.float64)


def symbolic_traceless() -> SimpleNamespace:
    y = coordinates(3)
    A = sp.Matrix(3, 3, sp.symbols("a:9"))
    A[2, 2] = -A[0, 0] - A[1, 1]
    return SimpleNamespace(symbols=y, field=tuple(A * sp.Matrix(y)))


def polynomial(n: int, seed: int) -> System:
    """A random field of degree three in n dimensions, from a random antisymmetric potential of degree four."""
    rng, y = np.random.default_rng(seed), coordinates(n)
    A = sp.zeros(n, n)
    for i in range(n):
        for j in range(i):
            A[i, j] = sum(int(rng.integers(-5, 6)) * sp.prod(rng.choice(y, rng.integers(1, 5))) for _ in range(3))
            A[j, i] = -A[i, j]
    return System(f"polynomial {seed}", y, potential_field(A, y))


def vortex() -> System:
    y1, y2 = y = coordinates(2)
    return System("vortex", y, (-y2 / (y1**2 + y2**2), y1 / (y1**2 + y2**2)))


SYSTEMS = {
    "rigid body": RigidBody(),
    "other body": RigidBody((3, 2, sp.Rational(5, 4))),
    "ABC flow": ABCFlow(3, 2, 1),
    "charged particle": ChargedParticle(),
    "Volterra ring": Volterra(),
    "pendulum": Pendulum(),
    "vortex": vortex(),
    "linear 4": LinearSystem(random_matrix(4)),
    "advection 5": Advection(5),
    "advection 35": Advection(35),
    "polynomial 3": polynomial(3, 0),
    "polynomial 5": polynomial(5, 1),
    "polynomial 5 again": polynomial(5, 2),
}
SMALL = [name for name in SYSTEMS if name != "advection 35"]


@pytest.fixture(scope="module")
def splittings():
    return {name: split(system) for name, system in SYSTEMS.items()}


# ------------------------------------------------------------------------------------------------ formulas


def test_rigid_body_by_hand():
    y1, y2, y3 = RigidBody().symbols
    splitting = split(RigidBody())
    assert splitting.hamiltonians == (y2**2 * y3 / 4, -y1 * y2**2 / 4 - y1 * y3**2 / 2)
    assert splitting.fields == ((y2 * y3 / 2, 0, 0), (0, -y1 * y3, y1 * y2 / 2))


def test_abc_flow_by_hand():
    x, y, z = coordinates(3)
    expected = (
        3 * y * sp.sin(z) + sp.sin(y),
        2 * z * sp.sin(x) + 3 * sp.sin(z) + sp.cos(y) - 2 * y * sp.cos(x),
    )
    found = split(ABCFlow(3, 2, 1)).hamiltonians
    assert all(vanishes(a - b) for a, b in zip(found, expected, strict=True))


def test_charged_particle_by_hand():
    y1, y2, p1, p2 = coordinates(4)
    r = sp.sqrt(y1**2 + y2**2)
    expected = (p1 * y2, p1 * p2, r * (p1**2 + p2**2) / 2 + (y1 * p2 - y2 * p1) / (100 * r**3))
    found = split(ChargedParticle()).hamiltonians
    assert all(vanishes(a - b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize(("number", "kept"), [(2.0**-10, sp.Rational(1, 1024)), (2.0**-11, 2.0**-11), (0.1, 0.1)])
def test_short_binary_fractions_are_exact(number, kept):
    q, p = coordinates(2)
    (found,) = split(SimpleNamespace(symbols=(q, p), field=(number * p, 0))).hamiltonians
    assert found == kept * p**2 / 2
    assert found.has(sp.Float) == isinstance(kept, float)


def test_a_planar_hamiltonian_is_found_again():
    q, p = coordinates(2)
    assert split(Pendulum()).hamiltonians == (p**2 / 2 - sp.cos(q),)


@pytest.mark.parametrize("name", SYSTEMS)
def test_local_fields_add_up_to_f(splittings, name):
    splitting = splittings[name]
    assert len(splitting.hamiltonians) == splitting.n - 1
    assert splitting.residual() == (0,) * splitting.n


def test_residual_of_symbolic_traceless_matrix():
    splitting = split(symbolic_traceless())
    assert splitting.residual() == (0, 0, 0)
    assert splitting.separable == (False, False)


@pytest.mark.parametrize("name", SMALL)
def test_residual_sees_a_wrong_hamiltonian(splittings, name):
    good = splittings[name]
    wrong = (good.hamiltonians[0] + good.symbols[1] ** 3, *good.hamiltonians[1:])
    assert type(good)(good.symbols, good.field, wrong, good.separable).residual() != (0,) * good.n


@pytest.mark.parametrize("name", SMALL)
def test_local_fields_are_hamiltonian_in_their_pair(splittings, name):
    splitting = splittings[name]
    for k, row in enumerate(splitting.fields):
        a, b = splitting.symbols[k : k + 2]
        assert vanishes(row[k].diff(a) + row[k + 1].diff(b))
        assert all(entry == 0 for i, entry in enumerate(row) if i not in (k, k + 1))


@pytest.mark.parametrize("name", SMALL)
def test_separable_means_no_mixed_derivative(splittings, name):
    splitting = splittings[name]
    pairs = zip(splitting.symbols, splitting.symbols[1:], splitting.hamiltonians, strict=False)
    assert splitting.separable == tuple(vanishes(H.diff(a, b)) for a, b, H in pairs)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("rigid body", True), ("ABC flow", True), ("charged particle", True), ("advection 35", True), ("linear 4", False),
     ("Volterra ring", False)],
)  # fmt: skip
def test_which_systems_are_separable(splittings, name, expected):
    assert set(splittings[name].separable) == {expected}


@pytest.mark.parametrize("name", SYSTEMS)
def test_tensor_functions_agree_with_the_field(splittings, name):
    system, y = SYSTEMS[name], random_states(SYSTEMS[name].n)
    fields = splittings[name].local_fields(y)
    assert fields.shape == (*y.shape[:-1], system.n - 1, system.n)
    torch.testing.assert_close(fields.sum(-2), system.rhs(y), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SMALL)
def test_pair_derivatives_agree_with_autograd(splittings, name):
    splitting, y = splittings[name], random_states(SYSTEMS[name].n, 3)
    for k in range(splitting.n - 1):
        check_pair_against_autograd(splitting.pair(k), y)


def check_pair_against_autograd(pair, y):
    k = pair.k
    gradient = torch.func.vmap(torch.func.grad(pair.H))(y)
    hessian = torch.func.vmap(torch.func.jacrev(torch.func.jacrev(pair.H)))(y)
    for found, expected in (
        (pair.dH_dk, gradient[:, k]),
        (pair.dH_dk1, gradient[:, k + 1]),
        (pair.d2H_dk_dk, hessian[:, k, k]),
        (pair.d2H_dk_dk1, hessian[:, k, k + 1]),
        (pair.d2H_dk1_dk1, hessian[:, k + 1, k + 1]),
    ):
        torch.testing.assert_close(found(y), expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", ["rigid body", "ABC flow", "charged particle", "Volterra ring", "polynomial 5"])
def test_potential_gives_the_field_back(splittings, name):
    splitting = splittings[name]
    assert splitting.potential.is_anti_symmetric()
    again = potential_field(splitting.potential, splitting.symbols)
    assert all(vanishes(a - b) for a, b in zip(again, splitting.field, strict=True))


def test_constants_move_the_field_but_not_the_mixed_derivatives():
    y1, y2, y3 = coordinates(3)
    plain, turned = split(Volterra()), split(Volterra(), constants={0: y1**2 * y3})
    assert turned.residual() == (0, 0, 0)
    assert turned.hamiltonians[0] - plain.hamiltonians[0] == y1**2 * y3
    assert turned.hamiltonians[1] != plain.hamiltonians[1]
    for a, b, H, G in zip((y1, y2), (y2, y3), plain.hamiltonians, turned.hamiltonians, strict=True):
        assert vanishes((H - G).diff(a, b))


def test_base_point_is_the_zero_of_the_integrals():
    y1, y2, _ = coordinates(3)
    H12, H23 = split(RigidBody(), base=(1, 2, 3)).hamiltonians
    assert H12.subs(y2, 2) == 0
    assert H23.subs({coordinates(3)[2]: 3, y2: 2}) == 0
    assert not H12.has(y1)


def test_latex_names_every_hamiltonian():
    latex = split(ChargedParticle())._repr_latex_()
    assert all(f"H_{{{k},{k + 1}}} &=" in latex for k in (1, 2, 3))
    assert latex.startswith("$$\\begin{aligned}")


# ---------------------------------------------------------------------------------------------- quadrature


@pytest.mark.parametrize("name", SMALL)
def test_quadrature_agrees_with_formulas(name):
    """Same base point, same local fields and Hamiltonians: the two ways share nothing but the proof."""
    system, base = SYSTEMS[name], [sp.Rational(3, 10)] * SYSTEMS[name].n
    y = random_states(system.n, seed=2)
    exact, numeric = split(system, base=base), split_numerically(system.rhs, y, base=[0.3] * system.n)
    fresh = random_states(system.n, seed=3)
    torch.testing.assert_close(numeric.local_fields(fresh), exact.local_fields(fresh), rtol=1e-10, atol=1e-10)
    for k in range(system.n - 1):
        torch.testing.assert_close(numeric.pair(k).H(fresh), exact.pair(k).H(fresh), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("derivative", ["autograd", "differences"])
def test_residual_of_a_field_without_a_formula(derivative):
    field = MagneticField(loop((0, 0, -0.6), (0, 0, 1)), loop((0, 0, 0.6), (0.5, 0.2, 1)))
    numeric = split_numerically(field, 0.3 * random_states(3), derivative=derivative)
    assert numeric.residual(0.3 * random_states(3, seed=5)).abs().max() < 1e-10


@pytest.mark.parametrize("k", [0, 1])
def test_quadrature_pair_is_hamiltonian(k):
    field = MagneticField(loop((0, 0, -1), (0, 0, 1)), loop((0, 0, 1), (0.5, 0.2, 1)))
    y = 0.3 * random_states(3, 3)
    check_pair_against_autograd(split_numerically(field, y).pair(k), y)


@pytest.mark.parametrize("k", [0, 1, 2])
def test_pair_divergence_vanishes(k):
    """The divergence of f_k,k+1 in its pair, by autograd through the quadrature."""
    system, y = ChargedParticle(), random_states(4, 3)
    numeric = split_numerically(system.rhs, y, base=[0.5] * 4)
    pair = numeric.pair(k)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda s: torch.stack([pair.dH_dk1(s), -pair.dH_dk(s)])))(y)
    assert (jacobian[:, 0, k] + jacobian[:, 1, k + 1]).abs().max() < 1e-10


def test_differences_split_what_torch_cannot_differentiate():
    def field(s):  # through numpy: a black box
        a, b, c = np.moveaxis(s.numpy(), -1, 0)
        return torch.from_numpy(np.stack([a * np.sin(b), np.cos(b) - np.exp(c) * b, np.exp(c)], -1))

    a, b, c = coordinates(3)
    system = System("the same", (a, b, c), (a * sp.sin(b), sp.cos(b) - b * sp.exp(c), sp.exp(c)))
    y, exact = random_states(3), split(system, base=(0, 0, 0))
    numeric = split_numerically(field, y, derivative="differences")
    torch.testing.assert_close(numeric.local_fields(y), exact.local_fields(y), rtol=1e-10, atol=1e-10)


def test_numeric_pairs_are_never_called_separable():
    assert split_numerically(RigidBody().rhs, random_states(3)).separable == (False, False)


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3)])
def test_shapes(shape):
    numeric, exact = split_numerically(RigidBody().rhs, random_states(3)), split(RigidBody())
    y = random_states(3, 24)[: int(np.prod(shape[:-1]))].reshape(shape)
    for splitting in (numeric, exact):
        assert splitting.local_fields(y).shape == (*shape[:-1], 2, 3)
        assert splitting.pair(1).H(y).shape == shape[:-1]


def test_quadrature_record_can_be_made_directly():
    numeric = NumericSplitting(RigidBody().rhs, torch.zeros(3, dtype=torch.float64), 4, "autograd")
    assert numeric.residual(random_states(3)).abs().max() < 1e-14
