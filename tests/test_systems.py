"""Systems: divergence, invariants, exact flows against closed forms, and what is refused."""

import math
import re

import numpy as np
import pytest
import sympy as sp
import torch
from scipy.linalg import expm
from scipy.special import ellipj, ellipk

from locsym.data.sphere import angles, on_sphere
from locsym.flow import FlowMap, rollout
from locsym.systems import (
    ABCFlow,
    Advection,
    ChargedParticle,
    LinearFlow,
    LinearSystem,
    Pendulum,
    RigidBody,
    Volterra,
    exact,
    solve,
    sphere,
    starts,
)
from locsym.systems.formulas import tensor_function

FLOAT64 = torch.float64


def traceless(n: int) -> torch.Tensor:
    A = torch.randn(n, n, generator=torch.Generator().manual_seed(n), dtype=FLOAT64)
    return A - A.trace() / n * torch.eye(n, dtype=FLOAT64)


MADE = (RigidBody, ABCFlow, ChargedParticle, Volterra, Pendulum, Advection, lambda: LinearSystem(traceless(4)))
SYSTEMS = {system.name: system for system in (make() for make in MADE)}
NAMES = sorted(SYSTEMS)
INVARIANTS = [(name, key) for name in NAMES for key in SYSTEMS[name].invariants]


def states(n: int, *batch: int) -> torch.Tensor:
    return 0.3 + torch.rand(*batch, n, generator=torch.Generator().manual_seed(n), dtype=FLOAT64)


def rigid_body_orbit(t) -> np.ndarray:
    """The orbit of Sec. 4.2.1 in closed form: y = (A cn, −√2 A sn, C dn)(C t / √2), parameter A²/C²."""
    A, C = math.cos(1.1), math.sin(1.1)
    sn, cn, dn, _ = ellipj(C * np.asarray(t) / math.sqrt(2), (A / C) ** 2)
    return np.stack([A * cn, -math.sqrt(2) * A * sn, C * dn], axis=-1)


START = torch.from_numpy(rigid_body_orbit(0.0))


# ---- by hand


def test_rigid_body_by_hand():
    """I = (2, 1, 2/3) gives f = (y2 y3 / 2, −y3 y1, y1 y2 / 2); H(2, 3, 4) = (4/2 + 9 + 16·3/2) / 2."""
    y, body = torch.tensor([2.0, 3.0, 4.0]), RigidBody()
    torch.testing.assert_close(body.rhs(y), torch.tensor([6.0, -8.0, 3.0]))
    torch.testing.assert_close(body.invariants["H"](y), torch.tensor(17.5))
    torch.testing.assert_close(body.invariants["I"](y), torch.tensor(29.0))


BY_HAND = [
    (RigidBody((2, 4, 5)), [1.0, 2.0, 3.0], [-0.3, 0.9, -0.5]),  # −1/20 · 6, 3/10 · 3, −2/8 · 2
    (ABCFlow(1, 2, 3), [0.0, math.pi / 2, 0.0], [0.0, 1.0, 5.0]),
    (ChargedParticle(), [3.0, 4.0, 1.0, 2.0], [1.0, 2.0, 10 + 3 / 12500, -5 + 4 / 12500]),
    (Volterra(), [1.0, 2.0, 4.0], [2.0, -6.0, 4.0]),
    (Pendulum(), [math.pi / 6, 2.0], [2.0, -0.5]),
    (Advection(4, 2.0), [1.0, 2.0, 4.0, 8.0], [12.0, -6.0, -12.0, 6.0]),  # c / 2Δx = 2
]


@pytest.mark.parametrize(("system", "y", "f"), BY_HAND, ids=lambda v: getattr(v, "name", None))
def test_field_by_hand(system, y, f):
    torch.testing.assert_close(system.rhs(torch.tensor(y, dtype=FLOAT64)), torch.tensor(f, dtype=FLOAT64))


def test_advection_grid_wave_and_norm():
    system = Advection()
    assert (system.n, system.dx) == (35, 2 / 35)
    torch.testing.assert_close(system.x[[0, 34]], torch.tensor([-1.0, 1 - 2 / 35], dtype=FLOAT64))
    torch.testing.assert_close(system.wave()[0], torch.tensor(math.exp(-10), dtype=FLOAT64))
    assert float(system.norm(torch.full((35,), 3.0, dtype=FLOAT64))) == pytest.approx(math.sqrt(18))


# ---- structure


@pytest.mark.parametrize("name", NAMES)
def test_formulas_and_tensor_function_agree(name):
    system = SYSTEMS[name]
    y = states(system.n, 5)
    numbers = [[float(f.subs(dict(zip(system.symbols, row, strict=True)))) for f in system.field] for row in y.tolist()]
    torch.testing.assert_close(system.rhs(y), torch.tensor(numbers, dtype=FLOAT64), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_divergence_is_zero(name):
    system = SYSTEMS[name]
    divergence = system.divergence(states(system.n, 2, 3))
    torch.testing.assert_close(divergence, torch.zeros(2, 3, dtype=FLOAT64), rtol=0, atol=1e-12)


def test_divergence_by_hand():
    class Squares(RigidBody):
        def rhs(self, y):
            return y**2

    found = Squares().divergence(torch.tensor([[1.0, 2.0, 3.0], [0.0, -1.0, 0.5]]))
    assert found.tolist() == [12, -1]  # 2 (y1 + y2 + y3)


def test_moments_of_inertia_are_exact():
    assert RigidBody((0.1, 0.2, 0.3)).inertia == (sp.Rational(1, 10), sp.Rational(1, 5), sp.Rational(3, 10))


def test_divergence_of_no_states():
    assert RigidBody().divergence(torch.zeros(0, 3)).shape == (0,)


@pytest.mark.parametrize(("name", "key"), INVARIANTS)
def test_invariant_as_formula_and_along_the_flow(name, key):
    system = SYSTEMS[name]
    y, value = states(system.n, 6), system.invariants[key]
    formula = tensor_function([system.invariant_formulas[key]], system.symbols)
    torch.testing.assert_close(value(y), formula(y)[..., 0])
    torch.testing.assert_close(value(system.flow(y, 0.5)), value(y), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_flow_is_a_group_and_keeps_volume(name):
    system = SYSTEMS[name]
    y, h = states(system.n, 4), torch.tensor([0.1, 0.2, -0.3, 0.4], dtype=FLOAT64)
    flow = system.flow
    assert isinstance(flow, FlowMap)
    torch.testing.assert_close(flow(flow(y, h), 2 * h), flow(y, 3 * h), rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(flow.inverse(flow(y, h), h), y, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(torch.linalg.det(flow.jacobian(y, h)), torch.ones(4).double(), rtol=1e-11, atol=0)
    assert not torch.allclose(flow(y, h), y), "the map must do something"


@pytest.mark.parametrize("name", NAMES)
def test_a_step_for_each_sample_is_that_sample_alone(name):
    system = SYSTEMS[name]
    y, h = states(system.n, 3), torch.tensor([0.1, 0.7, 0.1], dtype=FLOAT64)
    alone = torch.stack([system.flow(one, float(step)) for one, step in zip(y, h, strict=True)])
    torch.testing.assert_close(system.flow(y, h), alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_rollout_and_trajectory_agree(name):
    system = SYSTEMS[name]
    y = states(system.n, 2)
    orbit = rollout(system.flow, y, -0.2, 5)
    torch.testing.assert_close(orbit, system.trajectory(y, -0.2 * np.arange(6)), rtol=1e-11, atol=1e-12)
    assert torch.equal(orbit[0], y)


# ---- independent oracles


@pytest.mark.parametrize(("rtol", "bound"), [(3e-14, 2e-12), (1e-12, 1e-10)])
def test_rigid_body_against_jacobi_elliptic_functions(rtol, bound):
    t = np.linspace(0, 200, 401)
    error = RigidBody().trajectory(START, t, rtol=rtol, atol=rtol) - torch.from_numpy(rigid_body_orbit(t))
    assert float(error.norm(dim=-1).max()) < bound


def test_rigid_body_closes_after_its_period():
    A, C = math.cos(1.1), math.sin(1.1)
    period = 4 * ellipk((A / C) ** 2) / (C / math.sqrt(2))
    torch.testing.assert_close(RigidBody().flow(START, period), START, rtol=0, atol=1e-13)


def test_a_large_batch_is_as_accurate_as_one_state():
    t = torch.linspace(0.01, 10, 2000, dtype=FLOAT64)
    error = RigidBody().flow(START.expand(2000, 3), t) - torch.from_numpy(rigid_body_orbit(t))
    assert float(error.abs().max()) < 5e-13


def test_one_moving_state_among_many_at_rest_is_as_accurate_as_alone():
    """The mean over a batch of a thousand would hide it: tolerances are divided by the root of that."""
    y = torch.cat([START[None], torch.zeros(999, 3, dtype=FLOAT64)])
    found = solve(RigidBody().rhs, y, (0, 10), rtol=1e-6, atol=1e-6)[1, 0]
    alone = solve(RigidBody().rhs, START, (0, 10), rtol=1e-6, atol=1e-6)[1]
    exact = torch.from_numpy(rigid_body_orbit(10.0))
    assert float((found - exact).norm()) < 2 * float((alone - exact).norm())


def test_the_solver_gets_the_method_and_both_tolerances_divided_by_the_root_of_the_batch(monkeypatch):
    asked = {}

    def solve_ivp(function, span, start, method, **options):
        asked.update(options, method=method)
        return scipy_solve_ivp(function, span, start, method, **options)

    scipy_solve_ivp = exact.solve_ivp
    monkeypatch.setattr(exact, "solve_ivp", solve_ivp)
    solve(RigidBody().rhs, states(3, 2, 2), (0, 0.1), "RK45", 1e-5, 1e-7)
    assert (asked["method"], asked["rtol"], asked["atol"]) == ("RK45", 1e-5 / 2, 1e-7 / 2)
    solve(RigidBody().rhs, states(3, 2, 2), (0, 0.1), rtol=1e-16)
    assert (asked["method"], asked["rtol"]) == ("DOP853", 100 * np.finfo(float).eps), "SciPy takes no smaller one"
    assert asked["atol"] == 1.5e-14


@pytest.mark.parametrize("times", [(1000, 1100), (-1000, -1100)])
def test_a_hopeless_solution_ends_where_the_share_of_time_lags_behind(times, monkeypatch):
    """Of an even orbit that needs M evaluations the share count / M is done: less than (count / E)² from E² / M on."""
    count = 0

    def rhs(y):
        nonlocal count
        count += 1
        return 20 * y @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=FLOAT64)

    y = torch.tensor([1.0, 0.0], dtype=FLOAT64)
    solve(rhs, y, (times[0], times[0] + (times[1] - times[0]) / 100))
    needed, count = 100 * count, 0
    monkeypatch.setattr(exact, "EVALUATIONS", 10_000)
    monkeypatch.setattr(exact, "PROBE", 10)
    with pytest.raises(RuntimeError, match=r"solve_ivp: after \d+ evaluations .* at most 10000 are made") as error:
        solve(rhs, y, times)
    said, share = re.search(r"after (\d+) evaluations of the field (\S+) of the time", str(error.value)).groups()
    assert int(said) == count + 1, "the one that is not made"
    assert float(share) == pytest.approx(count / needed, rel=0.2)
    assert count == pytest.approx(10_000**2 / needed, rel=0.2)


@pytest.mark.parametrize("n", [2, 5, 35])
def test_linear_flow_against_scipy(n):
    A, y = traceless(n), states(n, 3)
    expected = y @ torch.from_numpy(expm(0.3 * A.numpy())).T
    torch.testing.assert_close(LinearSystem(A).flow(y, 0.3), expected, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(solve(LinearSystem(A).rhs, y, (0, 0.3))[1], expected, rtol=1e-11, atol=1e-12)


def test_linear_rotation_by_hand():
    rotation = LinearSystem(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]), {"r2": torch.eye(2)})
    moved = rotation.flow(torch.tensor([1.0, 0.0], dtype=FLOAT64), math.pi / 2)
    torch.testing.assert_close(moved, torch.tensor([0.0, -1.0], dtype=FLOAT64))
    y1, y2 = rotation.symbols
    assert sp.expand(rotation.invariant_formulas["r2"] - y1**2 - y2**2) == 0


def test_an_invariant_form_need_not_be_symmetric():
    """y1' = y2, y2' = −y1 / 4 keeps y1² + 4 y2², and the cross terms of this Q cancel each other."""
    A, Q = torch.tensor([[0.0, 1.0], [-0.25, 0.0]]), torch.tensor([[1.0, 2.0], [-2.0, 4.0]])
    system = LinearSystem(A, {"Q": Q})
    assert float(system.invariants["Q"](torch.tensor([3.0, 5.0]))) == 109
    y1, y2 = system.symbols
    assert sp.expand(system.invariant_formulas["Q"] - y1**2 - 4 * y2**2) == 0


def test_pendulum_on_its_separatrix():
    """q = 4 arctan(e^t) − π, p = 2 / cosh t joins the upper equilibrium to itself."""
    t = np.linspace(0, 5, 11)
    expected = torch.from_numpy(np.stack([4 * np.arctan(np.exp(t)) - math.pi, 2 / np.cosh(t)], axis=-1))
    orbit = Pendulum().trajectory(torch.tensor([0.0, 2.0], dtype=FLOAT64), t)
    torch.testing.assert_close(orbit, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_flow_jacobian_against_differences(name):
    system, d = SYSTEMS[name], 1e-5
    y = states(system.n)
    shift = d * torch.eye(system.n, dtype=FLOAT64)
    differences = (system.flow(y + shift, 0.4) - system.flow(y - shift, 0.4)).mT / (2 * d)
    torch.testing.assert_close(system.flow.jacobian(y, 0.4), differences, rtol=1e-7, atol=1e-7)


# ---- starts and the sphere


def test_starts_by_hand():
    """J = 2: Δ = π/2, so that φ = π/4, 3π/4 and θ = −π/8, −3π/8; sin φ = √½ for both."""
    root, (s, c) = math.sqrt(0.5), (math.sin(math.pi / 8), math.cos(math.pi / 8))
    expected = torch.tensor([[-s * root, -s * root, c], [c * root, -c * root, s]], dtype=FLOAT64)
    torch.testing.assert_close(starts(2), expected)
    assert starts().shape == (12, 3)


def test_angles_by_hand_and_back():
    """(1, 1, √2) stands at φ = π/4, θ = π/4; (0, −2, 0) at −π/2, π/2; (−1, 0, −√3) at π, 5π/6."""
    y = torch.tensor([[[1, 1, math.sqrt(2)], [0, -2, 0], [-1, 0, -math.sqrt(3)]]], dtype=FLOAT64)
    phi, theta = angles(y)
    torch.testing.assert_close(phi, torch.tensor([[0.25, -0.5, 1]], dtype=FLOAT64) * math.pi)
    torch.testing.assert_close(theta, torch.tensor([[0.25, 0.5, 5 / 6]], dtype=FLOAT64) * math.pi)
    torch.testing.assert_close(on_sphere(phi, theta), y / 2)


def test_a_state_on_the_sphere_takes_two_uniform_numbers():
    phi, share = torch.rand(2, 5, generator=torch.Generator().manual_seed(3), dtype=FLOAT64)
    for how, theta in (("angles", math.pi * share), ("area", (1 - 2 * share).acos())):
        expected = on_sphere(2 * math.pi * phi, theta)
        torch.testing.assert_close(sphere(5, how, torch.Generator().manual_seed(3)), expected)
    assert sphere(5, dtype=torch.float32).dtype == torch.float32


@pytest.mark.parametrize(("how", "mean", "uniform"), [("angles", 0.5, "theta"), ("area", 1 / 3, "z")])
def test_sphere_is_uniform_in_its_measure(how, mean, uniform):
    """The mean of z² is ½ for a uniform angle and ⅓ for a uniform area."""
    y = sphere(40_000, how, torch.Generator().manual_seed(0))
    torch.testing.assert_close(y.norm(dim=-1), torch.ones(40_000, dtype=FLOAT64))
    assert abs(float((y[:, 2] ** 2).mean()) - mean) < 0.01
    value = angles(y)[1] / math.pi if uniform == "theta" else (y[:, 2] + 1) / 2
    counts = torch.histc(value, 10, 0, 1)
    assert float((counts - 4000).abs().max()) < 5 * math.sqrt(4000)


# ---- dtypes and shapes


@pytest.mark.parametrize("name", NAMES)
def test_float32_states_are_solved_in_float64(name):
    system = SYSTEMS[name]
    y = states(system.n, 2).float()
    moved = system.flow(y, 0.3)
    assert moved.dtype == torch.float32
    torch.testing.assert_close(moved, system.flow(y.double(), 0.3).float(), rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(system.trajectory(y, (0, 0.3))[1], moved)
    assert {value(y).dtype for value in system.invariants.values()} <= {torch.float32}


def test_a_matrix_of_float32_has_a_flow_in_float64():
    turn, y = torch.tensor([[0.0, 1.0], [-1.0, 0.0]]), torch.tensor([1.0, 0.0], dtype=FLOAT64)
    expected = torch.tensor([math.cos(1), -math.sin(1)], dtype=FLOAT64)
    torch.testing.assert_close(LinearFlow(turn)(y, 1.0), expected, rtol=0, atol=1e-15)


def test_what_is_solved_for_no_time_is_a_copy():
    y = torch.zeros(3, dtype=FLOAT64)
    solve(RigidBody().rhs, y, [0.0])[0] += 1
    assert y.tolist() == [0, 0, 0]


SHAPES = [((), (1,)), ((2,), (3,)), ((2, 3), (4,)), ((0,), (3,))]


@pytest.mark.parametrize(("batch", "times"), SHAPES)
def test_solve_shapes(batch, times):
    y = torch.zeros(*batch, 3, dtype=FLOAT64)
    assert solve(RigidBody().rhs, y, np.arange(float(times[0]))).shape == (*times, *batch, 3)
