"""The transverse return map of a closed orbit, against maps whose multipliers are known in closed form."""

import math

import pytest
import torch

from locsym.diagnostics import (
    TraceRange,
    floquet,
    lap,
    return_map,
    return_maps,
    trace_range,
    transverse_multipliers,
)
from locsym.splitting import RK4
from locsym.systems import RigidBody

TAU = 2 * math.pi / 50
t = torch.arange(80, dtype=torch.float64) * TAU
CIRCLE = torch.stack([t.cos(), t.sin(), torch.zeros_like(t)], dim=1)


def round_the_circle(matrix):
    """Turn about the z axis while (r − 1, z) moves by ``matrix(h)``: the unit circle is an orbit of period 2π."""

    def flow(y, h):
        phi = torch.atan2(y[..., 1], y[..., 0]) + h
        side = torch.stack([torch.hypot(y[..., 0], y[..., 1]) - 1, y[..., 2]], dim=-1) @ matrix(h).T
        return torch.stack([(1 + side[..., 0]) * phi.cos(), (1 + side[..., 0]) * phi.sin(), side[..., 1]], dim=-1)

    return flow


def hyperbolic(rate):
    return round_the_circle(
        lambda h: torch.tensor([math.exp(rate * h), math.exp(-rate * h)], dtype=torch.float64).diag()
    )


def elliptic(rate):
    c, s = (lambda h: math.cos(rate * h)), (lambda h: math.sin(rate * h))
    return round_the_circle(lambda h: torch.tensor([[c(h), -s(h)], [s(h), c(h)]], dtype=torch.float64))


def test_lap_of_a_circle():
    assert lap(CIRCLE) == 50


def test_lap_of_the_papers_orbit():
    """The period is 10.69…: 107 steps of 0.1 come nearest."""
    y0 = torch.tensor([math.cos(1.1), 0.0, math.sin(1.1)], dtype=torch.float64)
    assert lap(RigidBody().trajectory(y0, torch.arange(161) * 0.1)) == 107


BY_HAND = [  # distances from the start on a line; the largest is 1
    ([0, 1, 0.3, 1, 0.1, 1, 0.2, 1], 4),  # only a quarter of the largest distance is a return
    ([0, 1, 0.24, 1, 0.1, 1], 2),  # the first return counts, not the closest
    ([0, 0.45, 0.2, 1, 0.3, 0.2, 0.45, 0.1, 0.6, 0, 1], 7),  # half of it is away, and the return lasts until there
]


@pytest.mark.parametrize(("distances", "steps"), BY_HAND)
def test_lap_by_hand(distances, steps):
    assert lap(torch.tensor(distances).unsqueeze(1)) == steps


@pytest.mark.parametrize("count", [30, 51])
def test_an_orbit_that_does_not_come_back_and_pass_is_refused(count):
    with pytest.raises(ValueError, match=f"states: the orbit does not come back within its {count} states"):
        lap(CIRCLE[:count])
    assert lap(CIRCLE[:52]) == 50


@pytest.mark.parametrize("states", [torch.zeros(5), torch.zeros(0, 3)], ids=lambda states: str(tuple(states.shape)))
def test_states_of_another_shape_are_refused(states):
    with pytest.raises(ValueError, match=r"states: shape \(T, n\)"):
        lap(states)


def test_a_return_map_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="flow: the return map: finite values"):
        transverse_multipliers(lambda y, h: math.nan * y, CIRCLE, TAU)


def test_too_few_states_beyond_the_lap_are_refused():
    with pytest.raises(ValueError, match="states: 53 are needed"):
        return_map(elliptic(0.1), CIRCLE[:52], TAU)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.3])
def test_hyperbolic_multipliers(rate):
    values = transverse_multipliers(hyperbolic(rate), CIRCLE, TAU)
    expected = torch.tensor([math.exp(2 * math.pi * rate), math.exp(-2 * math.pi * rate)], dtype=torch.float64)
    torch.testing.assert_close(values.real, expected)
    torch.testing.assert_close(values.imag, torch.zeros(2, dtype=torch.float64))


@pytest.mark.parametrize("rate", [0.05, 0.13, 0.4])
def test_elliptic_multipliers(rate):
    values = transverse_multipliers(elliptic(rate), CIRCLE, TAU)
    torch.testing.assert_close(values.abs(), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(values.real, math.cos(2 * math.pi * rate) * torch.ones(2, dtype=torch.float64))


def test_the_true_rigid_body_is_on_the_border():
    """H and I are kept, so no transverse direction grows or turns: S is the identity and its trace 2."""
    body, y0 = RigidBody(), torch.tensor([math.cos(1.1), 0.0, math.sin(1.1)], dtype=torch.float64)
    states = body.trajectory(y0, torch.arange(161) * 0.1)

    def rk4(y, h):  # differentiable, and exact enough: 16 substeps leave 1e-9
        for _ in range(16):
            k1 = body.rhs(y)
            k2 = body.rhs(y + h / 32 * k1)
            k3 = body.rhs(y + h / 32 * k2)
            k4 = body.rhs(y + h / 16 * k3)
            y = y + h / 96 * (k1 + 2 * k2 + 2 * k3 + k4)
        return y

    S = return_map(rk4, states, 0.1)
    assert abs(float(S.trace()) - 2) < 1e-3, "the lap ends a hundredth of a time unit beside its start"
    assert abs(float(torch.linalg.det(S)) - 1) < 1e-12


def test_the_bases_at_both_ends_do_not_matter(monkeypatch):
    basis, generator = floquet._transverse, torch.Generator().manual_seed(0)
    expected = return_map(elliptic(0.13), CIRCLE, TAU).trace()

    def turned(tangent):
        return basis(tangent) @ torch.linalg.qr(torch.randn(2, 2, generator=generator, dtype=torch.float64)).Q

    monkeypatch.setattr(floquet, "_transverse", turned)
    torch.testing.assert_close(return_map(elliptic(0.13), CIRCLE, TAU).trace(), expected)


def test_the_trace_is_differentiable():
    rate = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    flow = round_the_circle(lambda h: torch.stack([torch.exp(rate * h), torch.exp(-rate * h)]).diag())
    return_map(flow, CIRCLE, TAU).trace().backward()
    expected = 2 * math.pi * 2 * math.sinh(2 * math.pi * 0.1)  # d/dε (e^{2πε} + e^{−2πε})
    assert abs(float(rate.grad) - expected) < 1e-9 * expected


def test_there_is_a_return_map_for_every_whole_lap_and_return_map_is_the_first():
    flow = elliptic(0.13)
    maps = return_maps(flow, CIRCLE, TAU)
    assert maps.shape == (80 - 50 - 2, 2, 2)
    torch.testing.assert_close(maps[0], return_map(flow, CIRCLE, TAU))
    last = return_map(flow, CIRCLE[len(maps) - 1 :], TAU)
    torch.testing.assert_close(maps[-1].trace(), last.trace())


def test_a_lap_that_closes_has_one_trace_and_needs_no_scaling():
    expected = 2 * math.cos(2 * math.pi * 0.13)
    found = trace_range(elliptic(0.13), CIRCLE, TAU)
    assert found.low == pytest.approx(expected, abs=1e-12)
    assert found.high == pytest.approx(expected, abs=1e-12)
    assert found.kind == "elliptic"
    determinants = torch.linalg.det(return_maps(elliptic(0.13), CIRCLE, TAU, scaled=False))
    torch.testing.assert_close(determinants, torch.ones_like(determinants))


def test_the_range_of_a_lap_that_does_not_close_by_hand():
    """At the angle φ, r − 1 grows by exp(ε h cos φ), z shrinks by it; 50.5 steps make a round, so the sum is not 0."""
    tau, rate = 2 * math.pi / 50.5, 0.3
    turn = torch.arange(90, dtype=torch.float64) * tau
    states = torch.stack([turn.cos(), turn.sin(), torch.zeros_like(turn)], dim=1)

    def flow(y, h):
        phi, r = torch.atan2(y[..., 1], y[..., 0]), torch.hypot(y[..., 0], y[..., 1])
        grown = torch.exp(rate * h * phi.cos())
        phi, r = phi + h, 1 + (r - 1) * grown
        return torch.stack([r * phi.cos(), r * phi.sin(), y[..., 2] / grown], dim=-1)

    steps, found = lap(states), trace_range(flow, states, tau)
    sums = [float(turn[s : s + steps].cos().sum()) for s in range(1, len(states) - steps - 1)]
    expected = [2 * math.cosh(rate * tau * total) for total in sums]
    assert found.low == pytest.approx(min(expected), abs=1e-12)
    assert found.high == pytest.approx(max(expected), abs=1e-12)
    assert {type(found.low), type(found.high)} == {float}
    assert found.uncertainty > 1e-4, "the case must have one"


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (-1.9, 1.9, "elliptic"),
        (2.1, 2.2, "hyperbolic"),
        (-2.2, -2.1, "hyperbolic"),
        (1.99, 2.01, "undecided"),
        (-2.01, -1.99, "undecided"),
        (2.0, 2.0, "undecided"),
        (1.9, 2.0, "undecided"),
        (-2.0, 1.9, "undecided"),
        (2.0, 2.1, "undecided"),
        (-2.1, -2.0, "undecided"),
        (-3.0, 3.0, "undecided"),
    ],
)
def test_a_trace_is_decided_where_its_whole_range_is(low, high, kind):
    found = TraceRange(low, high)
    assert found.kind == kind
    assert found.value == pytest.approx((low + high) / 2)
    assert found.uncertainty == pytest.approx((high - low) / 2)


def test_the_trace_of_the_papers_orbit_is_two_wherever_the_lap_begins():
    """Each lap misses its start by about 0.01: det S is off by up to one per cent, the scaled trace is not."""
    body, y0 = RigidBody(), torch.tensor([math.cos(1.1), 0.0, math.sin(1.1)], dtype=torch.float64)
    states, flow = body.trajectory(y0, torch.arange(161) * 0.1), RK4(body.rhs)
    determinants = torch.linalg.det(return_maps(flow, states, 0.1, scaled=False))
    assert len(determinants) == 161 - 107 - 2
    assert 0.005 < float((determinants - 1).abs().max()) < 0.02
    speeds = body.rhs(states).norm(dim=1)
    ratio = speeds[1:53] / speeds[108:160]  # it would be that, were the tangents exact
    torch.testing.assert_close(determinants, ratio, rtol=0, atol=2e-3)
    found = trace_range(flow, states, 0.1)
    assert found.uncertainty < 1e-4
    assert abs(found.value - 2) < 1e-3


def test_the_range_of_a_trace_is_for_three_dimensions():
    with pytest.raises(ValueError, match=r"states: shape \(\*, 3\)"):
        trace_range(lambda y, h: y, torch.rand(20, 2, dtype=torch.float64), 0.1)
