"""What the splitting refuses: divergence, singularities, quadratures that do not converge, arguments."""

from types import SimpleNamespace

import pytest
import sympy as sp
import torch
from chapters.magnetic_field import MagneticField, loop

from locsym.splitting import potential_field, split, split_numerically
from locsym.systems import RigidBody, Volterra, coordinates


def random_states(n: int, count: int = 12) -> torch.Tensor:
    return 0.2 + torch.rand(count, n, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_formulas_with_a_divergence_are_refused():
    q, p = coordinates(2)
    with pytest.raises(ValueError, match=r"div f = 2\*y1, which is 2 at y = \(1, 1/2\)"):
        split(SimpleNamespace(symbols=(q, p), field=(q**2, -sp.sin(q))))


def test_callable_with_a_divergence_is_refused_with_value_and_point():
    points = torch.tensor([[0.0, 1.0], [0.5, 2.0], [0.25, 3.0]], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"div f = 1 at y = \(0\.5, 2\)"):
        split_numerically(lambda y: torch.stack([y[..., 0] ** 2, y[..., 0]], -1), points)


def test_derivatives_that_do_not_belong_to_the_values_are_refused():
    y = random_states(3)
    with pytest.raises(ValueError, match="derivative='differences'"):
        split_numerically(lambda s: Volterra().rhs(s.detach()), y)


def test_singular_base_point_of_formulas():
    y1, y2 = coordinates(2)
    system = SimpleNamespace(symbols=(y1, y2), field=(y1 / y2**2, 1 / y2))
    assert split(system).hamiltonians == (-y1 / y2,)
    with pytest.raises(ValueError, match=r"base: .* is not finite at y2 = 0"):
        split(system, base=(0, 0))


def test_singular_base_point_of_a_callable():
    y = random_states(2)
    with pytest.raises(ValueError, match="base: an integral from"):
        split_numerically(lambda s: torch.stack([s[..., 0] / s[..., 1] ** 2, 1 / s[..., 1]], -1), y)


def test_path_across_a_singularity_does_not_converge():
    y = random_states(2)
    with pytest.raises(ValueError, match="choose another base point"):
        split_numerically(lambda s: torch.stack([s[..., 0] / s[..., 1] ** 2, 1 / s[..., 1]], -1), y, base=[0.0, -1.0])


def test_integral_without_a_formula_is_refused():
    y1, y2 = coordinates(2)
    with pytest.raises(ValueError, match="use split_numerically"):
        split(SimpleNamespace(symbols=(y1, y2), field=(sp.sin(sp.exp(sp.exp(y2))), 0)))


y1, y2, y3 = coordinates(3)
BAD_CALLS = {
    "base: one number": lambda: split(RigidBody(), base=(0, 0)),
    "constants: the free functions": lambda: split(RigidBody(), constants={1: y1}),
    "constants: c_0 .* must not depend on y2": lambda: split(RigidBody(), constants={0: y2}),
    "A: an antisymmetric": lambda: potential_field(sp.eye(3), (y1, y2, y3)),
    "k: a whole number 0 … 1": lambda: split(RigidBody()).pair(2),
    "points: ": lambda: split_numerically(RigidBody().rhs, torch.zeros(3)),
    "points: one state at least": lambda: split_numerically(RigidBody().rhs, torch.zeros(0, 3)),
    "field: shape": lambda: split_numerically(lambda y: y[..., :1], random_states(3)),
    "base: 3 finite": lambda: split_numerically(RigidBody().rhs, random_states(3), base=[0, 0]),
    "derivative: ": lambda: split_numerically(RigidBody().rhs, random_states(3), derivative="magic"),
    "wires: ": lambda: MagneticField(),
    "axis, radius, segments": lambda: loop((0, 0, 0), (0, 0, 0)),
}


@pytest.mark.parametrize("message", BAD_CALLS)
def test_messages_name_the_argument(message):
    with pytest.raises(ValueError, match=message):
        BAD_CALLS[message]()
