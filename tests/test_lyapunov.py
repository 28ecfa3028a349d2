"""Lyapunov exponents and Floquet multipliers of linear maps, of equilibria and of orbits, all known in closed form."""

import math

import pytest
import torch
from scipy.special import ellipk

from locsym.diagnostics import floquet_multipliers, lyapunov_exponents
from locsym.diagnostics.jacobians import BLOCK, jacobians_along
from locsym.systems import LinearSystem, Pendulum, RigidBody

FLOAT64 = torch.float64
SADDLE = LinearSystem(torch.tensor([[0.5, 3.0, 1.0], [0.0, 0.2, -2.0], [0.0, 0.0, -0.7]]))
CAT = torch.tensor([[2.0, 1.0], [1.0, 1.0]], dtype=FLOAT64)  # eigenvalues (3 ± √5) / 2


def linear(y, h):
    return y @ CAT.T


def rigid_body_period(c: float) -> tuple[torch.Tensor, float]:
    """A start (cos c, 0, sin c) of the rigid body and the period of its orbit."""
    A, C = math.cos(c), math.sin(c)
    return torch.tensor([A, 0.0, C], dtype=FLOAT64), 4 * ellipk((A / C) ** 2) / (C / math.sqrt(2))


def test_lyapunov_exponents_by_hand():
    """λ = log((3 ± √5) / 2) / h = ±0.9624 / 0.5."""
    exponents = lyapunov_exponents(linear, torch.zeros(2, dtype=FLOAT64), 0.5, 200)
    rate = math.log((3 + math.sqrt(5)) / 2) / 0.5
    torch.testing.assert_close(exponents, torch.tensor([rate, -rate], dtype=FLOAT64), rtol=2e-3, atol=0)


def test_lyapunov_exponents_of_a_linear_system_are_real_parts_of_eigenvalues():
    exponents = lyapunov_exponents(SADDLE.flow, torch.zeros(4, 3, dtype=FLOAT64), 0.5, 2000)
    expected = torch.tensor([0.5, 0.2, -0.7], dtype=FLOAT64).expand(4, 3)
    torch.testing.assert_close(exponents, expected, rtol=0, atol=0.01)


@pytest.mark.parametrize("h", [0.5, -0.5])
def test_exponents_of_the_upper_equilibrium_either_way_in_time(h):
    """At the upper equilibrium of the pendulum the rates are ±1."""
    top = torch.tensor([math.pi, 0.0], dtype=FLOAT64)
    exponents = lyapunov_exponents(Pendulum().flow, top, h, 20)
    torch.testing.assert_close(exponents, torch.tensor([1.0, -1.0], dtype=FLOAT64), rtol=0, atol=0.05)


def test_exponents_add_up_to_zero_where_volume_is_kept():
    y, _ = rigid_body_period(1.1)
    exponents = lyapunov_exponents(RigidBody().flow, y, 0.1, 300)
    assert abs(float(exponents.sum())) < 1e-12
    assert float(exponents[0]) < 0.05, "periodic orbits stretch linearly, not exponentially"


def squares(y, h):
    """y ↦ y² for each coordinate: the Jacobian at y is diag(2y), and differs from state to state."""
    return y**2


def test_the_jacobians_are_those_at_the_first_states_by_hand():
    """2, 4, 16 and 3, 9, 81: three steps multiply to 2³·2⁷ = 2¹⁰ and 2³·3⁷, the larger one first in either order."""
    y, h = torch.tensor([[[2.0, 3.0], [3.0, 2.0]]], dtype=FLOAT64), torch.tensor([[0.5, 0.25]], dtype=FLOAT64)
    large, small = 3 * math.log(2) + 7 * math.log(3), 10 * math.log(2)
    expected = torch.tensor([[[large, small], [2 * large, 2 * small]]], dtype=FLOAT64) / 1.5
    torch.testing.assert_close(lyapunov_exponents(squares, y, h, 3), expected)
    multipliers = torch.tensor([8 * 3.0**7, 2.0**10], dtype=torch.complex128).expand(1, 2, 2)
    torch.testing.assert_close(floquet_multipliers(squares, y, 1.0, 3), multipliers)


def test_a_step_for_each_orbit():
    y = torch.zeros(2, 3, dtype=FLOAT64)
    h = torch.tensor([0.2, 0.4], dtype=FLOAT64)
    both = lyapunov_exponents(SADDLE.flow, y, h, 50)
    alone = torch.stack([lyapunov_exponents(SADDLE.flow, y[0], float(step), 50) for step in h])
    torch.testing.assert_close(both, alone)


def test_floquet_multipliers_by_hand():
    """Two steps of the cat map: ((3 ± √5) / 2)² = (7 ± 3√5) / 2."""
    multipliers = floquet_multipliers(linear, torch.ones(2, dtype=FLOAT64), 0.5, 2)
    expected = torch.tensor([7 + 3 * math.sqrt(5), 7 - 3 * math.sqrt(5)], dtype=torch.complex128) / 2
    torch.testing.assert_close(multipliers, expected)


def test_floquet_multipliers_of_the_lower_equilibrium():
    """One step of 1/8 of the period 2π turns by 45°; steps of other lengths add up."""
    bottom = torch.zeros(3, 2, dtype=FLOAT64)
    multipliers = floquet_multipliers(Pendulum().flow, bottom, math.pi / 12, 3)
    torch.testing.assert_close(multipliers.angle().abs(), torch.full((3, 2), math.pi / 4, dtype=FLOAT64))
    torch.testing.assert_close(multipliers.abs(), torch.ones(3, 2, dtype=FLOAT64))


@pytest.mark.parametrize("steps", [7, 50])
def test_floquet_multipliers_of_a_periodic_orbit_are_one(steps):
    """A periodic orbit in a family of others: all three are 1, a Jordan block, known to the root of rounding."""
    y, period = rigid_body_period(1.1)
    multipliers = floquet_multipliers(RigidBody().flow, y, period / steps, steps)
    torch.testing.assert_close(multipliers, torch.ones(3, dtype=torch.complex128), rtol=0, atol=1e-4)


@pytest.mark.parametrize("count", [0, BLOCK + 1])
def test_a_batch_larger_than_a_block_or_empty_has_its_jacobians_too(count):
    assert jacobians_along(squares, torch.ones(count, 1), 0.1, 2).shape == (2, count, 1, 1)


def test_jacobians_along_a_long_orbit_come_in_blocks():
    y = torch.ones(3, dtype=FLOAT64)
    jacobians = jacobians_along(SADDLE.flow, y * 1e-300, 0.01, BLOCK + 5)
    torch.testing.assert_close(jacobians[-1], torch.linalg.matrix_exp(0.01 * SADDLE.A))
    assert jacobians.shape == (BLOCK + 5, 3, 3)


class Lost:
    """A flow map with a rollout of its own, which does not see that the orbit is lost."""

    def __call__(self, y, h):
        return y

    def rollout(self, y0, h, steps):
        return torch.stack([y0] + [math.inf * y0] * steps)


REFUSED = {
    "method": (lambda: lyapunov_exponents(squares, torch.ones(2), 0.1, 5, "forward"), "method: one of"),
    "method of multipliers": (lambda: floquet_multipliers(squares, torch.ones(2), 0.1, 5, "forward"), "method: one of"),
    "a lost orbit": (lambda: lyapunov_exponents(Lost(), torch.ones(2), 0.1, 5), "the orbit is not finite from step 1"),
    "a singular Jacobian": (lambda: lyapunov_exponents(squares, torch.zeros(2), 0.1, 5), "flow, h: the exponents"),
    "no steps": (lambda: floquet_multipliers(linear, torch.ones(2), 0.1, 0), "steps"),
    "no time": (lambda: lyapunov_exponents(linear, torch.ones(2).double(), 0.0, 5), "h: the time step must not be 0"),
    "overflow": (lambda: floquet_multipliers(lambda y, h: 1e30 * y, torch.ones(2), 1.0, 5), "from step 2 on"),
    "product that overflows": (
        lambda: floquet_multipliers(lambda y, h: 1e30 * y, torch.zeros(2).double(), 1.0, 20),
        "steps: the product of 20 Jacobians overflows",
    ),
    "NaN": (lambda: floquet_multipliers(linear, torch.full((2,), math.nan), 0.1, 5), "y0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    make, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        make()
