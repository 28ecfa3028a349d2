"""What the splitting refuses: divergence, singularities, quadratures that do not converge, arguments."""

import math
from types import SimpleNamespace

import pytest
import sympy as sp
import torch
from chapters.magnetic_field import MagneticField, loop

from locsym.splitting import NumericSplitting, potential_field, split, split_numerically
from locsym.systems import RigidBody, Volterra, coordinates


def random_states(n: int, count: int = 12) -> torch.Tensor:
    return 0.2 + torch.rand(count, n, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_formulas_with_a_divergence_are_refused():
    q, p = coordinates(2)
    with pytest.raises(ValueError, match=r"div f = 2\*y1, which is 2 at y = \(1, 1/2\)"):
        split(SimpleNamespace(symbols=(q, p), field=(q**2, -sp.sin(q))))


def test_callable_with_a_divergence_is_refused_with_value_and_point():
    """f = (y1²/2, y2²/2) has div f = y1 + y2; relative to |y1| + |y2| the middle point is worst, though −0.5 < 1."""
    points = torch.tensor([[0.0, 0.0], [-0.5, 0.0], [100.0, -99.0]], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"div f = -0\.5 at y = \(-0\.5, 0\)"):
        split_numerically(lambda y: y**2 / 2, points)


@pytest.mark.parametrize(("a", "b", "refused"), [(9e-9, 0, False), (2e-8, 0, True), (100, 1.9e-6 - 100, False)])
def test_a_divergence_is_rounding_below_1e_minus_8_of_its_terms(a, b, refused):
    def call():
        return split_numerically(lambda y: y * torch.tensor([a, b]).double(), random_states(2), tolerance=1e-3)

    if not refused:
        assert call().nodes == 16
        return
    with pytest.raises(ValueError, match="not divergence-free"):
        call()


def wavy(y):
    """Two components below −0.2 with divergence 0, whose quadrature has much left to do after 8 nodes."""
    u, v = 9 * y[..., 0], 30 * y[..., 1]
    return torch.stack([-0.3 + 0.01 * u.cos() * v.sin(), -0.3 - 0.003 * u.sin() * v.cos()], -1)


@pytest.mark.parametrize("scale", [1, 1e7])
@pytest.mark.parametrize(("factor", "nodes"), [(1.01, 16), (0.99, 32)])
def test_nodes_are_enough_where_no_local_field_moves_by_more_than_the_tolerance(scale, factor, nodes):
    y, base = random_states(2), torch.zeros(2, dtype=torch.float64)
    coarse, fine = (NumericSplitting(lambda s: scale * wavy(s), base, m, "autograd").local_fields(y) for m in (8, 16))
    change = float((fine - coarse).abs().max()) / max(1, float(fine.abs().max()))
    assert split_numerically(lambda s: scale * wavy(s), y, tolerance=factor * change).nodes == nodes
    assert split_numerically(lambda s: scale * wavy(s), y).nodes == 64, "large fields are compared with their size"


@pytest.mark.parametrize(("factor", "refused"), [(1.01, False), (0.99, True)])
def test_the_local_fields_must_add_up_to_f_within_the_tolerance(factor, refused):
    def constant(s):  # its derivatives are zero to torch, but not in truth
        return Volterra().rhs(s.detach())

    y = random_states(3)
    splitting = NumericSplitting(constant, torch.zeros(3, dtype=torch.float64), 8, "autograd")
    residual = float(splitting.residual(y).abs().max()) / max(1, float(splitting.local_fields(y).abs().max()))
    if not refused:
        assert split_numerically(constant, y, tolerance=factor * residual).nodes == 16
        return
    with pytest.raises(ValueError, match=r"local fields miss f by .* pass derivative='differences'"):
        split_numerically(constant, y, tolerance=factor * residual)


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


@pytest.mark.parametrize("y", [[[1.0, 2.0], [math.inf, 3.0], [math.inf, 4.0]], [math.inf, 3.0]])
def test_an_integral_that_is_not_finite_names_the_first_state(y):
    numeric = split_numerically(lambda s: s * torch.tensor([1.0, -1.0]).double(), random_states(2))
    with pytest.raises(ValueError, match=r"base: an integral from \[0.0, 0.0\] is not finite at y = \[inf, 3.0\]"):
        numeric.local_fields(torch.tensor(y, dtype=torch.float64))


def test_path_across_a_singularity_does_not_converge():
    y = random_states(2)
    with pytest.raises(ValueError, match=r"with 256 nodes the quadrature still moves .* choose another base point"):
        split_numerically(lambda s: torch.stack([s[..., 0] / s[..., 1] ** 2, 1 / s[..., 1]], -1), y, base=[0.0, -1.0])


Y2 = coordinates(2)[1]


@pytest.mark.parametrize("formula", [sp.sin(sp.exp(sp.exp(Y2))), Y2**Y2], ids=str)
def test_integral_without_a_formula_is_refused(formula):
    with pytest.raises(ValueError, match=r"finds no antiderivative of .* in y2; use split_numerically"):
        split(SimpleNamespace(symbols=coordinates(2), field=(formula, 0)))


y1, y2, y3 = coordinates(3)
BAD_CALLS = {
    "base: one number": lambda: split(RigidBody(), base=(0, 0)),
    "constants: the free functions": lambda: split(RigidBody(), constants={1: y1}),
    "constants: c_0 .* must not depend on y2": lambda: split(RigidBody(), constants={0: y2}),
    "A: an antisymmetric": lambda: potential_field(sp.eye(3), (y1, y2, y3)),
    r"A: an antisymmetric matrix of shape \(3, 3\)": lambda: potential_field(sp.zeros(2, 2), (y1, y2, y3)),
    "k: a whole number 0 … 1": lambda: split(RigidBody()).pair(2),
    "k: a whole number 0 … 1 ": lambda: split_numerically(RigidBody().rhs, random_states(3)).pair(2),
    "points: a floating": lambda: split_numerically(RigidBody().rhs, [[0.0, 0.0, 1.0]]),
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
