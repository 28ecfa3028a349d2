"""Volumes of balls, boxes and their images, eq. (12), against closed forms within their standard errors."""

import math

import pytest
import torch
from chapters.volume_by_sampling import Ball, Box, volume

from locsym.networks import LocSympNet
from locsym.systems import RigidBody

FLOAT64 = torch.float64
BOX = Box(torch.tensor([0.0, -1.0, 2.0], dtype=FLOAT64), torch.tensor([1.0, 1.0, 5.0], dtype=FLOAT64))
BALL = Ball(torch.tensor([1.0, 0.0, 0.5], dtype=FLOAT64), 0.5)


class Stretch:
    """y → e^h y: multiplies volume by e^{nh}."""

    def __call__(self, y, h):
        return math.exp(h) * y

    def inverse(self, y, h):
        return math.exp(-h) * y


def generator():
    return torch.Generator().manual_seed(0)


def test_volumes_by_hand():
    """1 · 2 · 3 = 6; 4π/3 · ⅛ = π/6; a disc of radius 2 has 4π."""
    assert BOX.volume == pytest.approx(6)
    assert BALL.volume == pytest.approx(math.pi / 6)
    assert Ball(torch.zeros(2), 2.0).volume == pytest.approx(4 * math.pi)


@pytest.mark.parametrize("region", [BOX, BALL], ids=["box", "ball"])
def test_samples_are_uniform(region):
    """The mean is the centre, and the half of the samples with y_1 beyond it is a half."""
    y = region.sample(20_000, generator())
    centre = region.centre if isinstance(region, Ball) else (region.low + region.high) / 2
    assert region.contains(y).all()
    assert not region.contains(centre + 10)
    torch.testing.assert_close(y.mean(0), centre, rtol=0, atol=0.03)
    assert abs(float((y[:, 0] > centre[0]).double().mean()) - 0.5) < 0.02


def test_ball_samples_fill_the_inside():
    """A ball of half the radius holds an eighth of them."""
    inner = Ball(BALL.centre, 0.25).contains(BALL.sample(20_000, generator()))
    assert float(inner.double().mean()) == pytest.approx(1 / 8, abs=0.01)


@pytest.mark.parametrize("region", [BOX, BALL], ids=["box", "ball"])
@pytest.mark.parametrize("h", [0.0, 0.3, -0.3])
def test_volume_of_a_stretched_region(region, h):
    found = volume(Stretch(), region, h, 50_000, generator())
    assert abs(found.value - math.exp(3 * h) * region.volume) < 4 * found.error + 1e-12
    assert found.error < 0.01 * found.value


@pytest.mark.parametrize("symmetric", [False, True])
def test_network_keeps_the_volume_of_a_ball(symmetric):
    network = LocSympNet(3, 2, 16, symmetric=symmetric, std=1.0, generator=generator())
    found = volume(network, BALL, 0.5, 100_000, generator())
    assert abs(found.value - BALL.volume) < 4 * found.error
    assert found.error < 0.02 * found.value


def test_exact_flow_keeps_the_volume_of_a_ball():
    found = volume(RigidBody().flow, BALL, 1.0, 20_000, generator())
    assert abs(found.value - BALL.volume) < 4 * found.error


def test_standard_error_is_the_scatter_of_many_estimates():
    one = generator()
    found = [volume(Stretch(), BALL, 0.1, 400, one, Box(BALL.centre - 1, BALL.centre + 1)) for _ in range(300)]
    values = torch.tensor([estimate.value for estimate in found])
    assert float(values.std()) == pytest.approx(found[0].error, rel=0.15)


REFUSED = {
    "box too small": (lambda: volume(Stretch(), BALL, 0.5, box=BOX), ValueError, "box: the image leaves it"),
    "samples": (lambda: volume(Stretch(), BALL, 0.5, 1), ValueError, "samples"),
    "no points": (lambda: BALL.sample(0), ValueError, "N: a whole number >= 1"),
    "no inverse": (lambda: volume(lambda y, h: y, BALL, 0.5), TypeError, "inverse"),
    "radius": (lambda: Ball(torch.zeros(3), -1.0), ValueError, "radius: a finite number > 0"),
    "turned box": (lambda: Box(torch.ones(2), torch.zeros(2)), ValueError, "low < high"),
    "n of the box": (lambda: Box(torch.ones(2), torch.zeros(3)), ValueError, "high: shape"),
    "flow that overflows": (lambda: volume(Stretch(), BALL, 709.7), ValueError, "flow: finite"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    make, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message):
        make()
