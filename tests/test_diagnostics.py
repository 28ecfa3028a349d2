"""Checks: each against a flow map whose answer is known by hand, and every way to a Jacobian against the others."""

import math

import pytest
import torch

from locsym.diagnostics import (
    determinant_defect,
    drift,
    growth_power,
    inverse_defect,
    jacobian,
    observed_order,
    symmetry_defect,
    symplecticity_defect,
    worst_drift,
    zero_pattern,
)
from locsym.diagnostics.jacobians import METHODS
from locsym.flow import column, compose
from locsym.splitting import split, strang
from locsym.systems import LinearSystem, Pendulum, RigidBody, sphere

FLOAT64 = torch.float64
OSCILLATOR = LinearSystem(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))


def quadratic(y, h):
    """(q, p) → (q + h p², p + h q): Jacobian [[1, 2hp], [h, 1]], determinant 1 − 2h²p."""
    return torch.stack([y[..., 0] + h * y[..., 1] ** 2, y[..., 1] + h * y[..., 0]], dim=-1)


def euler(y, h):
    """Explicit Euler for the oscillator: order 1, determinant 1 + h²."""
    return y + column(h) * OSCILLATOR.rhs(y)


def through_numpy(y, h):
    """What no gradient passes."""
    return torch.from_numpy(quadratic(y, h).numpy())


class Squeeze:
    """(y_0, …) → (e^h y_0, e^−h y_1, …) on each pair; symplectic on pairs (k, k+1), not on (q_1, q_2, p_1, p_2)."""

    def __call__(self, y, h):
        return y * torch.exp(column(h) * torch.tensor([1.0, -1.0] * (y.shape[-1] // 2), dtype=y.dtype))

    def inverse(self, y, h):
        return self(y, -h)


def numbers(*values):
    return torch.tensor(values, dtype=FLOAT64)


# ---- the Jacobian


@pytest.mark.parametrize("method", METHODS)
def test_jacobian_by_hand(method):
    """At p = 3, h = 0.1: [[1, 0.6], [0.1, 1]]."""
    J = jacobian(quadratic, numbers(2.0, 3.0), 0.1, method)
    torch.testing.assert_close(J, numbers([1.0, 0.6], [0.1, 1.0]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("batch", [(), (4,), (2, 3), (0,)])
@pytest.mark.parametrize("method", METHODS)
def test_jacobian_of_a_batch_with_a_step_for_each_sample(method, batch):
    generator = torch.Generator().manual_seed(0)
    y, h = torch.randn(*batch, 2, generator=generator, dtype=FLOAT64), torch.rand(batch, generator=generator).double()
    one = torch.ones(batch, dtype=FLOAT64)
    expected = torch.stack([torch.stack([one, 2 * h * y[..., 1]], -1), torch.stack([h, one], -1)], -2)
    torch.testing.assert_close(jacobian(quadratic, y, h, method), expected, rtol=0, atol=1e-12)


def test_jacobian_of_float32_states():
    J = jacobian(quadratic, numbers(2.0, 3.0).float(), 0.1, "difference")
    torch.testing.assert_close(J, torch.tensor([[1.0, 0.6], [0.1, 1.0]]), rtol=0, atol=1e-4)


def test_jacobian_falls_back_to_differences_where_no_gradient_passes():
    y = numbers(2.0, 3.0)
    torch.testing.assert_close(jacobian(through_numpy, y, 0.1), jacobian(quadratic, y, 0.1), rtol=0, atol=1e-12)
    with pytest.raises(RuntimeError):
        jacobian(through_numpy, y, 0.1, "autograd")


@pytest.mark.parametrize("system", [RigidBody(), OSCILLATOR], ids=lambda s: s.name)
def test_jacobian_of_an_exact_flow_is_its_own(system):
    y = torch.ones(3, system.n, dtype=FLOAT64)
    own = jacobian(system.flow, y, 0.3)
    torch.testing.assert_close(own, jacobian(system.flow, y, 0.3, "difference"), rtol=0, atol=1e-11)


def test_jacobian_leaves_gradients_of_weights_alone():
    weight = torch.ones(2, dtype=FLOAT64, requires_grad=True)
    J = jacobian(lambda y, h: y * weight, numbers(1.0, 2.0), 0.1)
    assert weight.grad is None
    assert not J.requires_grad


def test_zero_pattern_holds_for_every_state():
    J = jacobian(quadratic, numbers([1.0, 0.0], [1.0, 2.0]), -0.1)
    assert zero_pattern(J).tolist() == [[False, False], [False, False]]
    assert zero_pattern(J[:1]).tolist() == [[False, True], [False, False]]


def test_a_map_that_wants_one_step_a_sample_gets_one_for_every_copy():
    """Autograd takes n copies of the batch; a splitting integrator refuses steps of any shape but the batch's."""
    flow, y, h = strang(split(Pendulum())), numbers([0.1, 0.2], [0.3, 0.4], [0.5, 0.6]), numbers(0.1, 0.2, 0.3)
    alone = torch.stack([jacobian(flow, state, float(step), "autograd") for state, step in zip(y, h, strict=True)])
    torch.testing.assert_close(jacobian(flow, y, h, "autograd"), alone)


# ---- defects by hand


def test_determinant_defect_by_hand():
    """|det − 1| = 2h²p: 0.06 at h = 0.1, p = 3; 0.08 at h = 0.2, p = 1."""
    defect = determinant_defect(quadratic, numbers([2.0, 3.0], [5.0, 1.0]), numbers(0.1, 0.2))
    torch.testing.assert_close(defect, numbers(0.06, 0.08))


def test_a_reflection_keeps_neither_orientation_nor_symplecticity():
    """det J = −1 and AᵀΩA = −Ω: both are 2 away from what they should be."""

    def reflection(y, h):
        return y * numbers(-1.0, 1.0)

    assert float(determinant_defect(reflection, numbers(1.0, 2.0), 0.1)) == 2
    assert float(symplecticity_defect(reflection, numbers(1.0, 2.0), 0.1)) == 2


@pytest.mark.parametrize(("factor", "defect"), [(-2.0, 3 / 4), (0.5, 3 / 4), (3.0, 8 / 9)])
def test_symplecticity_defect_of_a_scaling(factor, defect):
    """AᵀΩA = det A · Ω for n = 2, so that A = a·1 gives |a² − 1| / max(1, a²)."""
    found = symplecticity_defect(lambda y, h: factor * y, numbers(1.0, 2.0), 0.1)
    assert float(found) == pytest.approx(defect, rel=1e-14)


def test_symplecticity_defect_of_euler():
    """Euler's step for the oscillator has the determinant 1 + h²."""
    torch.testing.assert_close(symplecticity_defect(euler, numbers(1.0, 2.0), 0.1), numbers(0.01).squeeze())


@pytest.mark.parametrize(("pair", "symplectic"), [(0, True), (1, True), (2, True), (None, False)])
def test_symplectic_on_pairs_but_not_on_the_whole(pair, symplectic):
    defect = symplecticity_defect(Squeeze(), torch.ones(3, 4, dtype=FLOAT64), 0.2, pair)
    assert ((defect < 1e-15) == symplectic).all()
    if not symplectic:  # q_1 and p_1 both grow: (e^0.4 − 1) / e^0.4
        torch.testing.assert_close(defect, torch.full((3,), 1 - math.exp(-0.4), dtype=FLOAT64))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_hamiltonian_flow_is_symplectic(d):
    zero, one = torch.zeros(d, d), torch.eye(d)
    K = torch.randn(d, d, generator=torch.Generator().manual_seed(d))
    flow = LinearSystem(torch.cat([torch.cat([zero, one], 1), torch.cat([-K - K.T, zero], 1)])).flow
    assert float(symplecticity_defect(flow, torch.ones(2 * d, dtype=FLOAT64), 0.5)) < 1e-14


def test_inverse_and_symmetry_defects_by_hand():
    """Euler there and back multiplies by 1 + h² = 1.01: it is off by 0.01 of the larger coordinate."""
    y = numbers([1.0, 2.0], [3.0, -1.0])
    torch.testing.assert_close(symmetry_defect(euler, y, 0.1), numbers(0.02, 0.03))
    assert (inverse_defect(Squeeze(), y, numbers(0.1, 0.2)) < 1e-15).all()
    assert (symmetry_defect(RigidBody().flow, sphere(3), 0.5) < 1e-13).all()


class Shifted:
    """y → (1 + h) y with the wrong inverse Y → Y − h: there and back, y is off by h (y − 1)."""

    def __call__(self, y, h):
        return y * (1 + column(h))

    def inverse(self, y, h):
        return y - column(h)


def test_a_wrong_inverse_by_hand():
    """At (−1, 2) with h = 0.1 the components are off by −0.2 and 0.1; the other way round by −0.21 and 0.09."""
    assert float(inverse_defect(Shifted(), numbers(-1.0, 2.0), 0.1)) == pytest.approx(0.2, abs=1e-14)


def test_inverse_defect_needs_an_inverse():
    with pytest.raises(TypeError, match="inverse"):
        inverse_defect(euler, numbers(1.0, 2.0), 0.1)


def test_composed_exact_flows_fall_back_to_differences():
    flow = compose(RigidBody().flow, RigidBody().flow, weights=(0.5, 0.5))
    assert (determinant_defect(flow, sphere(3), 0.4) < 1e-11).all()


# ---- along an orbit


def test_drift_by_hand():
    """I goes from 2 to 3 and back to 2; and from −2 by way of −3 to 0."""
    orbit = numbers([[2.0, 0.0], [-1.0, -1.0]], [[2.0, 1.0], [0.0, -3.0]], [[0.0, 2.0], [4.0, -4.0]])
    relative = drift(lambda y: y.sum(-1), orbit)
    torch.testing.assert_close(relative, numbers([0.0, 0.0], [0.5, 0.5], [0.0, 1.0]))


def test_drift_of_the_exact_orbit_is_rounding():
    system = RigidBody()
    orbit = system.trajectory(sphere(4), torch.linspace(0, 10, 11))
    assert float(drift(system.invariants["H"], orbit).max()) < 1e-12


STEPS = [0.1, 0.05, 0.025, 0.0125]


@pytest.mark.parametrize("time", [None, 1.0])
def test_order_of_euler(time):
    found = observed_order(euler, OSCILLATOR.flow, numbers([1.0, 0.0], [0.5, 1.0]), STEPS, time)
    assert found.order == pytest.approx(1, abs=0.05)
    assert found.errors.shape == found.h.shape == (4,)


@pytest.mark.parametrize("time", [None, 1.0])
def test_order_of_rk4(time):
    f = Pendulum().rhs

    def rk4(y, h):
        k1 = f(y)
        k2 = f(y + h / 2 * k1)
        k3 = f(y + h / 2 * k2)
        return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(y + h * k3))

    assert observed_order(rk4, Pendulum().flow, numbers(1.0, 0.5), STEPS, time).order == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize(("time", "order", "errors"), [(None, 2, [5.0, 0.625]), (2.0, 2, [10.0, 2.5])])
def test_order_and_errors_by_hand(time, order, errors):
    """Each step is off by h³ y, at most 5 h³ for ‖(3, 4)‖; 2 / h steps add up to 10 h², and the mean would be less."""
    y = numbers([3.0, 4.0], [0.0, 1.0])
    found = observed_order(lambda s, h: s + h**3 * y, lambda s, h: s, y, [1.0, 0.5], time)
    assert found.order == pytest.approx(order, abs=1e-12)
    torch.testing.assert_close(found.errors, numbers(*errors))
    assert found.h.tolist() == [1.0, 0.5]


def test_the_order_of_float32_states_is_a_regression_in_float64():
    found = observed_order(lambda y, h: y + h**3, lambda y, h: y, torch.zeros(1), [1.0, 0.5])
    assert found.errors.dtype == FLOAT64


# ---- what is refused

Y = torch.ones(2, 3, dtype=FLOAT64)
REFUSED = {
    "method": (lambda: jacobian(quadratic, Y, 0.1, "forward"), ValueError, "method: one of"),
    "NaN": (lambda: jacobian(quadratic, Y * math.nan, 0.1), ValueError, "y: finite"),
    "integers": (lambda: determinant_defect(quadratic, Y.long(), 0.1), TypeError, "y: .*int64"),
    "not a flow map": (lambda: jacobian(lambda y, h: y[..., :2], Y, 0.1), ValueError, "the shape must stay"),
    "method of a determinant": (lambda: determinant_defect(euler, Y[:, :2], 0.1, "forward"), ValueError, "method: one"),
    "method of Ω": (lambda: symplecticity_defect(euler, Y[:, :2], 0.1, None, "forward"), ValueError, "method: one of"),
    "pair": (lambda: symplecticity_defect(lambda y, h: y, Y, 0.1, 2), ValueError, "pair: .* 0 … 1"),
    "odd n": (lambda: symplecticity_defect(lambda y, h: y, Y, 0.1), ValueError, "even"),
    "orbit": (lambda: drift(lambda y: y, torch.ones(3)), ValueError, "orbit"),
    "invariant 0": (lambda: drift(lambda y: y[..., 0], numbers([0.0], [1.0])), ValueError, "0 at the start"),
    "invariant NaN": (lambda: drift(lambda y: y[..., 0], numbers([math.nan], [1.0])), ValueError, "at the start"),
    "one step": (lambda: observed_order(euler, euler, Y, [0.1]), ValueError, "h: two or more"),
    "negative step": (lambda: observed_order(euler, euler, Y, [0.1, -0.1]), ValueError, "h: two or more"),
    "no multiple": (lambda: observed_order(euler, euler, Y[:, :2], [0.1, 0.3], 1.0), ValueError, "time: a multiple"),
    "nearly a multiple": (
        lambda: observed_order(euler, euler, Y[:, :2], [0.1, 0.05], 1.0001),
        ValueError,
        "time: a multiple",
    ),
    "too many steps": (
        lambda: observed_order(euler, euler, Y[:, :2], [1e-8, 2e-8], 1.5),
        ValueError,
        r"1e\+08 steps of a rollout at most are taken, 1.5 asks for 1.5e\+08",
    ),
    "no time": (lambda: observed_order(euler, euler, Y[:, :2], [0.1, 0.2], -1.0), ValueError, "time: a multiple"),
    "no states": (lambda: observed_order(euler, euler, Y[:0], [0.1, 0.2]), ValueError, "y: one state"),
    "shape of h": (lambda: jacobian(quadratic, Y, torch.ones(3).double()), ValueError, r"h: .*\(2,\), one value"),
    "text for h": (lambda: jacobian(quadratic, Y, "0.1"), TypeError, "h: a finite number or a tensor"),
    "no error": (lambda: observed_order(euler, euler, Y[:, :2], [0.1, 0.2]), ValueError, "not 0 for a slope"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    make, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message):
        make()


def test_worst_drift_of_each_orbit_and_of_one_that_is_lost():
    orbit = numbers(
        [[1.0], [2.0], [2.0], [1.0]], [[1.5], [2.0], [2.0], [1.0]], [[1.1], [math.nan], [-math.inf], [1.0]]
    )
    torch.testing.assert_close(worst_drift(lambda y: y[..., 0], orbit), numbers(0.5, math.inf, math.inf, 0.0))


@pytest.mark.parametrize("power", [0.0, 1.0, 1.7, 2.0])
def test_growth_of_a_power_of_t(power):
    t = torch.linspace(0, 1000, 10_001, dtype=torch.float64)
    assert growth_power(t, 3e-5 * t**power, 100) == pytest.approx(power, abs=1e-12)


def test_growth_looks_at_the_largest_error_so_far():
    t = torch.linspace(0, 1000, 10_001, dtype=torch.float64)
    error = t * (0.6 + 0.4 * (6.28 * t).cos())  # it comes back every unit of time
    assert growth_power(t.numpy(), error, 100) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("error", "start", "message"),
    [
        (torch.zeros(10), 2.0, "error: it must be finite and not 0"),
        (torch.full((10,), math.inf), 2.0, "error: it must be finite and not 0"),
        (torch.tensor([0.0] * 5 + [1.0] * 5), 2.0, "error: it must be finite and not 0"),
        (torch.ones(10), 9.0, "start: at least two"),
        (torch.ones(10), 0.0, "start: at least two"),
    ],
)
def test_growth_of_nothing_is_refused(error, start, message):
    with pytest.raises(ValueError, match=message):
        growth_power(torch.arange(10.0), error, start)
