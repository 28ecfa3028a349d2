"""Splitting integrators: by hand, order by regression, determinants, inverses, adjoints, Newton and its limits."""

import math
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
import torch

from locsym.diagnostics import (
    determinant_defect,
    inverse_defect,
    jacobian,
    observed_order,
    symmetry_defect,
)
from locsym.flow import Composition, FlowMap, adjoint, compose, rollout
from locsym.splitting import (
    RK4,
    SplittingIntegrator,
    fourth_order,
    split,
    split_numerically,
    strang,
    symplectic_euler,
)
from locsym.splitting.integrators import FOURTH_ORDER
from locsym.splitting.moves import Move
from locsym.systems import ABCFlow, ChargedParticle, Pendulum, RigidBody, System, Volterra, coordinates

EXACT = {"rtol": 0.0, "atol": 1e-12}
X, Y, Z = coordinates(3)


def taylor_green():
    """A field whose local Hamiltonians are not separable and whose eq. (16) is not linear."""
    field = (
        sp.cos(X) * sp.sin(Y) * sp.sin(Z),
        sp.sin(X) * sp.cos(Y) * sp.sin(Z),
        -2 * sp.sin(X) * sp.sin(Y) * sp.cos(Z),
    )
    return System("Taylor–Green", (X, Y, Z), field)


SYSTEMS = {
    "rigid body": RigidBody(),
    "ABC flow": ABCFlow(),
    "pendulum": Pendulum(),
    "charged particle": ChargedParticle(),
    "Volterra": Volterra(),  # Newton, linear
    "Taylor–Green": taylor_green(),  # Newton
}
METHODS = {
    "Euler": symplectic_euler,
    "Euler as printed": lambda parts: symplectic_euler(parts, order="printed"),
    "Strang": strang,
    "Yoshida": fourth_order,
    "Suzuki": lambda parts: fourth_order(parts, scheme="suzuki"),
}
CASES = [(system, method) for system in SYSTEMS for method in METHODS]


def vector(*values):
    return torch.tensor(values, dtype=torch.float64)


def states(system, count=20, seed=0):
    """Random states away from the particle's singular origin."""
    draw = torch.rand(count, SYSTEMS[system].n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return 0.3 + 0.7 * draw


# ------------------------------------------------------------------------------------------------ by hand


def test_euler_by_hand():
    # H12 = y2² y3 / 4, H23 = −y1 y3² / 2 − y1 y2² / 4: y1 += h y2 y3 / 2, then y2 −= h y1 y3, then y3 += h y1 y2 / 2
    moved = symplectic_euler(split(RigidBody()))(torch.ones(3, dtype=torch.float64), 0.1)
    torch.testing.assert_close(moved, vector(1.05, 0.895, 1.0469875), **EXACT)


def test_printed_order_by_hand():
    # the same three shears with the pair (y2, y3) first: y2 = 1 − 0.1, y3 = 1 + 0.05 · 0.9, y1 = 1 + 0.05 · 0.9 · 1.045
    moved = symplectic_euler(split(RigidBody()), order="printed")(torch.ones(3, dtype=torch.float64), 0.1)
    torch.testing.assert_close(moved, vector(1.047025, 0.9, 1.045), **EXACT)


def test_newton_by_hand():
    # first pair of the Volterra ring: Y = y1 + h Y (y3 − y2), so Y = 1 / (1 − 0.1 (3 − 2)) = 1 / 0.9
    euler = symplectic_euler(split(Volterra()))
    first = euler.moves[0]
    assert first.implicit
    torch.testing.assert_close(first(vector(1, 2, 3).unbind(), 0.1), vector(1 / 0.9)[0], **EXACT)


def test_pendulum_is_the_textbook_method():
    q, p, h = 0.3, 0.4, 0.1  # q += h p, then p −= h sin q
    moved = symplectic_euler(split(Pendulum()))(vector(q, p), h)
    torch.testing.assert_close(moved, vector(q + h * p, p - h * math.sin(q + h * p)), **EXACT)


def test_rk4_by_hand():
    moved = RK4(lambda y: y)(vector(1.0, 2.0), 0.5)  # 1 + h + h²/2 + h³/6 + h⁴/24
    torch.testing.assert_close(moved, vector(1.0, 2.0) * (1 + 0.5 + 0.125 + 0.125 / 6 + 0.0625 / 24), **EXACT)


# --------------------------------------------------------------------------------------- volume and symmetry


@pytest.mark.parametrize(("system", "method"), CASES)
def test_determinant_is_one(system, method):
    flow, y = METHODS[method](split(SYSTEMS[system])), states(system)
    assert determinant_defect(flow, y, 0.2, "autograd").max() < 1e-12
    assert (flow(y, 0.2) - y).abs().max() > 1e-2, "the map must do something"


@pytest.mark.parametrize(("system", "method"), CASES)
def test_inverse_undoes(system, method):
    flow = METHODS[method](split(SYSTEMS[system]))
    assert inverse_defect(flow, states(system), 0.2).max() < 1e-12


@pytest.mark.parametrize(("system", "method"), [c for c in CASES if "Euler" not in c[1]])
def test_symmetric_methods_are_their_own_adjoint(system, method):
    flow, y = METHODS[method](split(SYSTEMS[system])), states(system)
    assert symmetry_defect(flow, y, 0.2).max() < 1e-12
    torch.testing.assert_close(adjoint(flow)(y, 0.2), flow(y, 0.2), **EXACT)


@pytest.mark.parametrize("system", SYSTEMS)
def test_strang_is_half_a_step_and_half_its_adjoint(system):
    parts, y = split(SYSTEMS[system]), states(system)
    euler = symplectic_euler(parts)
    halves = Composition(euler, adjoint(euler), weights=(0.5, 0.5))
    torch.testing.assert_close(strang(parts)(y, 0.2), halves(y, 0.2), **EXACT)


@pytest.mark.parametrize("scheme", FOURTH_ORDER)
def test_fourth_order_is_strang_composed(scheme):
    parts, y, weights = split(SYSTEMS["Taylor–Green"]), states("Taylor–Green"), FOURTH_ORDER[scheme]
    composed = compose(*[strang(parts)] * len(weights), weights=weights)
    torch.testing.assert_close(fourth_order(parts, scheme=scheme)(y, 0.2), composed(y, 0.2), **EXACT)


@pytest.mark.parametrize("scheme", FOURTH_ORDER)
def test_weights_meet_the_order_conditions(scheme):
    gamma = np.array(FOURTH_ORDER[scheme])
    assert abs(gamma.sum() - 1) < 1e-14
    assert abs((gamma**3).sum()) < 1e-14
    assert (gamma == gamma[::-1]).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_adjoint_of_the_adjoint_is_the_method(method):
    flow, y = METHODS[method](split(RigidBody())), states("rigid body")
    torch.testing.assert_close(adjoint(adjoint(flow))(y, 0.3), flow(y, 0.3), **EXACT)


def test_rk4_loses_volume():
    assert determinant_defect(RK4(RigidBody().rhs), states("rigid body"), 1.0, "autograd").min() > 1e-6


@pytest.mark.parametrize("how", ["formulas", "quadrature"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_slope_of_a_move_is_the_derivative_of_its_shift(system, how):
    """Newton's method also converges with a wrong slope, only slowly: the slope is compared with autograd."""
    body, y = SYSTEMS[system], states(system, 5)
    parts = split(body) if how == "formulas" else split_numerically(body.rhs, y, base=[0.5] * body.n)
    for move in symplectic_euler(parts).moves:
        at = [x.clone().requires_grad_() for x in y.unbind(-1)]
        (expected,) = torch.autograd.grad((move.shift(0.2, *at) + 0 * at[move.j]).sum(), at[move.j])
        slope = move.slope(0.2, *y.unbind(-1)) if move.slope else 0.0
        torch.testing.assert_close(expected, torch.zeros(5, dtype=torch.float64) + slope)
        assert move.slope is not None or how == "formulas", "no rate known by quadrature is known to be zero"


def test_only_pairs_that_are_not_separable_need_slopes():
    """f = (y2 y3, y1 y2, −y1 y3): H12 = y2² y3 / 2 moves y1 alone, H23 = y1 y2 y3 is not separable."""
    parts = split(System("mixed", (X, Y, Z), (Y * Z, X * Y, -X * Z)))
    assert parts.separable == (True, False)
    moves = symplectic_euler(parts).moves
    assert [(move.j, move.implicit, move.slope is None) for move in moves] == [
        (0, True, True),
        (1, True, False),
        (2, False, False),
    ]


def test_numeric_moves_are_implicit_and_explicit_in_turn():
    parts = split_numerically(RigidBody().rhs, states("rigid body"))
    moves = symplectic_euler(parts, tolerance=1e-3, iterations=7).moves
    assert [(move.j, move.implicit) for move in moves] == [(0, True), (1, False), (1, True), (2, False)]
    assert {(move.tolerance, move.iterations, move.fraction) for move in moves} == {(1e-3, 7, 1.0)}


@pytest.mark.parametrize("method", METHODS)
def test_jacobian_through_newton(method):
    """The derivative by one last Newton step, against differences that see the iteration as a whole."""
    flow, y = METHODS[method](split(SYSTEMS["Taylor–Green"])), states("Taylor–Green")
    J, differences = (jacobian(flow, y, 0.3, how) for how in ("autograd", "difference"))
    torch.testing.assert_close(J, differences, rtol=0, atol=1e-10)


# ---------------------------------------------------------------------------------------------------- order

ORDERS = {"Euler": 1, "Euler as printed": 1, "Strang": 2, "Yoshida": 4, "Suzuki": 4}


@pytest.mark.parametrize(
    ("system", "method"), [(s, m) for s in ("rigid body", "ABC flow", "Taylor–Green") for m in METHODS]
)
def test_order_by_regression(system, method):
    flow, exact = METHODS[method](split(SYSTEMS[system])), SYSTEMS[system].flow
    # small steps where the error is large, large steps where it would meet rounding
    steps = [1.0 / m for m in ((32, 48, 64) if ORDERS[method] == 1 else (8, 12, 16))]
    assert abs(observed_order(flow, exact, states(system, 5), steps, time=1.0).order - ORDERS[method]) < 0.1
    assert flow.order == ORDERS[method]


def test_order_of_rk4():
    body = RigidBody()
    steps = [1.0 / m for m in (8, 12, 16)]
    assert abs(observed_order(RK4(body.rhs), body.flow, states("rigid body", 5), steps, time=1.0).order - 4) < 0.1


# -------------------------------------------------------------------------------------- what a flow map is


@pytest.mark.parametrize("system", ["rigid body", "Taylor–Green"])
@pytest.mark.parametrize("method", [*METHODS, "RK4"])
def test_one_step_size_a_sample(system, method):
    body = SYSTEMS[system]
    flow = RK4(body.rhs) if method == "RK4" else METHODS[method](split(body))
    y, h = states(system, 3), vector(0.1, -0.2, 0.3)
    alone = torch.stack([flow(s, x) for s, x in zip(y, h.tolist(), strict=True)])
    torch.testing.assert_close(flow(y, h), alone, **EXACT)
    assert isinstance(flow, FlowMap)


@pytest.mark.parametrize("method", METHODS)
def test_rollout_is_the_step_again_and_again(method):
    flow, y = METHODS[method](split(RigidBody())), states("rigid body", 4)
    orbit = rollout(flow, y, 0.1, 3)
    assert torch.equal(orbit[0], y)
    assert torch.equal(orbit[3], flow(flow(flow(y, 0.1), 0.1), 0.1))


def test_moves_are_shared_and_zero_rates_left_out():
    parts = split(RigidBody())  # H12 does not depend on y1: one move for it, two for H23
    counts = [len(method(parts).moves) for method in (symplectic_euler, strang, fourth_order)]
    assert counts == [3, 2 * 3 - 1, 3 * 5 - 2]


def test_float32_states_stay_float32():
    moved = strang(split(taylor_green()))(states("Taylor–Green").float(), 0.2)
    assert moved.dtype == torch.float32


def test_a_field_without_a_formula():
    """Quadrature of the rigid body, exact for polynomials, gives the integrator of the formulas."""
    body, y = RigidBody(), states("rigid body")
    numeric = strang(split_numerically(body.rhs, y))
    torch.testing.assert_close(numeric(y, 0.2), strang(split(body))(y, 0.2), rtol=0, atol=1e-11)
    assert determinant_defect(numeric, y, 0.2).max() < 1e-10


# -------------------------------------------------------------------------------------------------- mistakes


def test_newton_says_when_it_does_not_converge():
    euler = symplectic_euler(split(Volterra()))
    with pytest.raises(RuntimeError, match=r"y_1 did not converge in 50 iterations.*smaller step"):
        euler(vector(1, 2, 3), 1.0)  # 1 − h (y3 − y2) = 0: eq. (16) has no solution


@pytest.mark.parametrize("y", [1e6, -1e6])
def test_the_tolerance_is_relative_to_the_coordinate(y):
    """Y = y + h Y is linear: one step moves y = ±10⁶ by 500 with h = 5e-4, and 10⁻³ of it is 1000."""
    move = Move(0, lambda h, a: h * a, lambda h, a: h, implicit=True, tolerance=1e-3, iterations=1)
    torch.testing.assert_close(move([vector(y)], 5e-4), vector(y / (1 - 5e-4)))
    with pytest.raises(RuntimeError, match=r"its last update is 5\.0e\+02, allowed is 1e-04"):
        replace(move, tolerance=1e-4)([vector(y)], 5e-4)


@pytest.mark.parametrize(("y", "h", "worst"), [((0, 1), 0.1, "1.2e-01"), ((0, 1), 0.5, "inf"), ((1, -1), 1.0, "inf")])
def test_newton_names_the_largest_last_update(y, h, worst):
    """Y = y + h Y²: the first update is h y² / (1 − 2 h y), here 0 and 0.125; then 0.5 / 0. The last case is 0 / 0."""
    square = (lambda h, a: h * a**2), (lambda h, a: 2 * h * a)
    singular = (lambda h, a: h * (a - 1)), (lambda h, a: h + 0 * a)
    move = Move(0, *(singular if h == 1 else square), implicit=True, iterations=1)
    with pytest.raises(RuntimeError, match=f"y_1 did not converge in 1 iterations: its last update is {worst},"):
        move([vector(*y)], h)


def test_newton_says_when_it_may_not_iterate_long_enough():
    euler = symplectic_euler(split(taylor_green()), iterations=1)
    with pytest.raises(RuntimeError, match="1 iterations: its last update is"):
        euler(states("Taylor–Green"), 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: symplectic_euler(p, order="backwards"), "order: one of 'ascending', 'printed' is needed"),
        (lambda p: symplectic_euler(p, iterations=0), "iterations: a whole number >= 1"),
        (lambda p: fourth_order(p, scheme="forest"), r"scheme: one of .yoshida., .suzuki."),
        (lambda p: strang(p)(torch.ones(4, dtype=torch.float64), 0.1), r"y: shape \(\*, 3\) is needed, got \(4,\)"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(split(RigidBody()))


BAD_STEPS = {
    "list": (([1.0, 2.0, 3.0], 0.1), TypeError, r"y: a tensor of shape \(\*, 3\)"),
    "integers": ((torch.ones(3, dtype=torch.int64), 0.1), TypeError, "y: a floating-point"),
    "NaN": ((vector(1, 2, math.nan), 0.1), ValueError, "y: finite values"),
    "h shape": ((torch.ones(4, 3).double(), torch.ones(3).double()), ValueError, r"h: .*\(4,\), one value a sample"),
    "h column": ((torch.ones(4, 3).double(), torch.ones(4, 1).double()), ValueError, r"h: .*got \(4, 1\)"),
    "h NaN": ((torch.ones(3).double(), math.nan), ValueError, "h: a finite number"),
    "h text": ((torch.ones(3).double(), "0.1"), TypeError, "h: a finite number or a tensor"),
}


@pytest.mark.parametrize("direction", ["__call__", "inverse"])
@pytest.mark.parametrize(("arguments", "error", "message"), BAD_STEPS.values(), ids=BAD_STEPS)
def test_a_bad_step_is_refused(arguments, error, message, direction):
    flow = strang(split(Volterra()))
    with pytest.raises(error, match=message):
        getattr(flow, direction)(*arguments)


def test_rk4_refuses_a_step_of_the_wrong_shape():
    with pytest.raises(ValueError, match=r"h: .*\(4,\), one value a sample"):
        RK4(RigidBody().rhs)(torch.ones(4, 3).double(), torch.ones(4, 1).double())


def test_a_system_must_be_split_first():
    with pytest.raises(TypeError, match="splitting: what split or split_numerically returns is needed, got RigidBody"):
        strang(RigidBody())


def test_rk4_has_no_inverse():
    with pytest.raises(TypeError, match="RK4 has no method inverse"):
        adjoint(RK4(RigidBody().rhs))


def test_a_move_alone_changes_volume():
    """The claim behind the pairs: y_0' = y_0 + h y_0 stretches by 1 + h, the implicit move by 1 / (1 − h)."""
    move = Move(0, lambda h, a, b: h * a, lambda h, a, b: h)
    y = vector(1.0, 2.0)
    for chosen, factor in ((move, 1.25), (move.undone(), 1 / 1.25)):
        J = jacobian(SplittingIntegrator("one move", 2, [chosen], order=1), y, 0.25, "autograd")
        torch.testing.assert_close(torch.linalg.det(J), vector(factor)[0], **EXACT)


# --------------------------------------------------------------------------------------------------- figures


def test_windows_keep_every_maximum():
    from locsym.plots.integrators import windows

    t, error = np.arange(1000.0), np.random.default_rng(0).random(1000)
    ends, largest = windows(t, error)
    assert largest.max() == error[1:].max()
    assert (np.diff(ends) > 0).all()
