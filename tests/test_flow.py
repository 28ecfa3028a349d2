"""Flow maps: composition, inverse, adjoint and rollout, on maps whose answer is known by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locsym import FlowMap, LocSympNet, adjoint, compose, inverse, rollout
from locsym.flow import Escaped, column, finite_step
from locsym.guards import check_finite, check_states, check_step, integer


class Stretch:
    """y → (1 + a h) y: its inverse divides, its adjoint divides by 1 − a h."""

    def __init__(self, a):
        self.a = a

    def __call__(self, y, h):
        return (1 + self.a * column(h)) * y

    def inverse(self, y, h):
        return y / (1 + self.a * column(h))


class Shift:
    """y → y + a h, without an inverse of its own."""

    def __call__(self, y, h):
        return y + column(h)


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_the_first_map_acts_first():
    """(1 + 1) · 2 = 4, and not 1 · 2 + 1 = 3."""
    assert compose(Shift(), Stretch(1.0))(tensor(1.0), 1.0).item() == 4.0


def test_weights_are_fractions_of_the_step():
    """1 + 0.25 = 1.25, then times 1 + 2 · 0.5."""
    assert compose(Shift(), Stretch(2.0), weights=(0.25, 0.5))(tensor(1.0), 1.0).item() == 2.5


def test_composition_is_undone_last_map_first():
    flow, y = compose(Stretch(2.0), Stretch(-0.3), weights=(0.5, 1.0)), tensor(1.0, -2.0, 3.0)
    torch.testing.assert_close(flow.inverse(flow(y, 0.7), 0.7), y, rtol=1e-15, atol=0)


def test_adjoint_of_explicit_euler_is_implicit_euler():
    """y' = y: Φ_h = 1 + h, its adjoint 1 / (1 − h); at h = 0.2 that is 1.25."""
    euler = adjoint(Stretch(1.0))
    assert euler(tensor(1.0), 0.2).item() == pytest.approx(1.25, rel=1e-15)
    assert euler.inverse(euler(tensor(3.0), 0.2), 0.2).item() == pytest.approx(3.0, rel=1e-15)
    assert adjoint(euler)(tensor(1.0), 0.2).item() == pytest.approx(1.2, rel=1e-15)


def test_composition_with_the_adjoint_is_symmetric():
    flow, y = compose(Stretch(1.0), adjoint(Stretch(1.0)), weights=(0.5, 0.5)), tensor(1.0)
    assert flow(flow(y, 0.3), -0.3).item() == pytest.approx(1.0, rel=1e-15)


def test_an_inverse_is_asked_of_the_map():
    assert inverse(Stretch(1.0))(tensor(2.0), 1.0).item() == 1.0
    with pytest.raises(TypeError, match="Shift has no method inverse"):
        inverse(Shift())
    with pytest.raises(TypeError, match="Shift has no method inverse"):
        adjoint(Shift())


def test_rollout_is_the_geometric_series():
    orbit = rollout(Stretch(1.0), tensor(1.0, 2.0), 0.5, 4)
    expected = torch.stack([1.5**i * tensor(1.0, 2.0) for i in range(5)])
    torch.testing.assert_close(orbit, expected, rtol=1e-15, atol=0)


def test_rollout_takes_one_step_a_sample():
    orbit = rollout(Stretch(1.0), torch.ones(2, 3, 1, dtype=torch.float64), tensor(0.0, 1.0, 2.0).expand(2, 3), 3)
    assert orbit.shape == (4, 2, 3, 1)
    assert orbit[-1, 0, :, 0].tolist() == [1.0, 8.0, 27.0]


@pytest.mark.parametrize("shape", [(0, 3), (3,), (2, 0, 3)], ids=str)
def test_rollout_of_no_steps_or_no_states(shape):
    assert rollout(Stretch(1.0), torch.ones(shape), 0.1, 0).shape == (1, *shape)
    assert rollout(Stretch(1.0), torch.ones(shape), 0.1, 2).shape == (3, *shape)


class Refusing(Stretch):
    """A map that looks at what it has made, as ours do."""

    def __call__(self, y, h):
        return finite_step(super().__call__(y, h))


@pytest.mark.parametrize("kind", [Stretch, Refusing])
def test_an_orbit_that_escapes_is_kept_as_far_as_it_is_finite(kind):
    with pytest.raises(Escaped, match="not finite from step 3 on") as left:
        rollout(kind(1e120), tensor(1.0, 1e-200), 1.0, 9)
    torch.testing.assert_close(left.value.orbit, rollout(kind(1e120), tensor(1.0, 1e-200), 1.0, 2))


def test_rollout_asks_the_map_for_its_own():
    class Own(Shift):
        def rollout(self, y0, h, steps):
            return "its own", h, steps

    assert rollout(Own(), tensor(1.0), 1, 2) == ("its own", 1.0, 2)


def test_rollout_carries_no_gradients():
    assert not rollout(Stretch(1.0), tensor(1.0).requires_grad_(), 0.1, 2).requires_grad


def test_everything_here_is_a_flow_map():
    for flow in (Shift(), compose(Shift()), adjoint(Stretch(1.0)), LocSympNet(2, 1, 1)):
        assert isinstance(flow, FlowMap)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0], 0.1, 1), TypeError, "y0: a tensor of shape"),
        ((torch.ones(3, dtype=torch.int64), 0.1, 1), TypeError, "y0: a floating-point dtype"),
        ((torch.tensor(1.0), 0.1, 1), ValueError, "y0: shape"),
        ((tensor(1.0, math.nan), 0.1, 1), ValueError, "y0: finite values"),
        ((tensor(1.0), 0.1, -1), ValueError, "steps: a whole number >= 0"),
        ((tensor(1.0), 0.1, 2.0), TypeError, "steps: a whole number >= 0"),
        ((tensor(1.0), 0.1, True), TypeError, "steps: a whole number >= 0"),
        ((tensor(1.0), math.inf, 1), ValueError, "h: a finite number"),
        ((tensor(1.0), tensor(math.nan).squeeze(), 1), ValueError, "h: finite values"),
        ((tensor(1.0), "0.1", 1), TypeError, "h: a finite number or a tensor"),
    ],
)
def test_rollout_names_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        rollout(Stretch(1.0), *arguments)


@pytest.mark.parametrize(
    ("maps", "weights", "error", "message"),
    [
        ((), None, ValueError, "maps: compose needs at least one"),
        ((Shift(), 3), None, TypeError, "maps: callables"),
        ((Shift(),), (0.5, 0.5), ValueError, "weights: one number a map"),
    ],
)
def test_compose_names_bad_arguments(maps, weights, error, message):
    with pytest.raises(error, match=message):
        compose(*maps, weights=weights)


@pytest.mark.parametrize("h", [1, 0.5, True, 10**400, None, 1j, math.nan], ids=str)
def test_check_step_returns_a_float_or_says_why(h):
    if h in (1, 0.5) and h is not True:
        assert check_step(h, tensor(1.0)) == float(h)
    else:
        with pytest.raises((TypeError, ValueError), match=r"^h: "):
            check_step(h, tensor(1.0))


def test_steps_are_of_the_shape_and_dtype_of_the_samples():
    y = torch.zeros(4, 2, dtype=torch.float64)
    for h in (torch.zeros(4, dtype=torch.float64), torch.tensor(0.1), torch.tensor(0.1, dtype=torch.float64)):
        assert check_step(h, y) is h
    with pytest.raises(ValueError, match=r"h: .*shape \(\) or \(4,\).*got \(1,\)"):
        check_step(torch.zeros(1, dtype=torch.float64), y)
    with pytest.raises(TypeError, match=r"h: .*torch.float64 is needed, got torch.float32"):
        check_step(torch.zeros(4), y)
    with pytest.raises(TypeError, match=r"h: .*got torch.int64"):
        check_step(torch.tensor(1), y)


def test_states_and_weights_must_agree():
    y = torch.zeros(4, 2, dtype=torch.float64)
    check_states("y", y, 2, like=y)
    with pytest.raises(ValueError, match=r"y: shape \(\*, 3\) is needed, got \(4, 2\)"):
        check_states("y", y, 3)
    with pytest.raises(TypeError, match=r"y: dtype torch.float64, but the weights have torch.float32"):
        check_states("y", y, 2, like=torch.zeros(1))
    with pytest.raises(ValueError, match=r"y: on cpu, but the weights are on meta"):
        check_states("y", y, 2, like=torch.zeros(1, dtype=torch.float64, device="meta"))


def test_finite_values_whose_sum_is_not():
    check_finite("y", tensor(1e308, 1e308))
    with pytest.raises(ValueError, match="y: finite values"):
        check_finite("y", tensor(math.inf, -math.inf))


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.text(), st.none()), st.integers(-2, 2))
def test_integer_returns_an_int_or_raises(value, least):
    try:
        result = integer("n", value, least)
    except (TypeError, ValueError) as error:
        message = str(error)
        assert message.startswith("n: a whole number >=")
    else:
        assert result == value >= least
