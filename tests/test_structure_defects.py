"""The table of Proposition 3.1: it finds rounding where the proposition holds, and the defect where it does not."""

import math

import pytest
import torch
from chapters.material_surface import polygon_area
from chapters.structure_defects import (
    Defects,
    columns,
    module_defects,
    network_defects,
)
from chapters.tangent_rotation import turning

from locsym.diagnostics import generator_field, jacobian
from locsym.networks import GradientModule, LocSympNet

LIMITS = {torch.float64: 1e-12, torch.float32: 1e-5}


@pytest.mark.parametrize("dtype", LIMITS, ids=str)
@pytest.mark.parametrize("n", [2, 3, 8])
def test_modules_are_found_to_keep_everything(n, dtype):
    found = module_defects(n, dtype=dtype)
    assert found.maps == 2 * (n - 1)
    assert found.worst < LIMITS[dtype]
    assert found.size > 1, "the maps must do something"


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("n", [2, 3, 8])
def test_networks_are_found_to_keep_volume(n, symmetric):
    found = network_defects(n, symmetric=symmetric)
    assert found.worst < 1e-12
    assert math.isnan(found.symmetry) is not symmetric


def test_a_module_that_scales_is_found_out(monkeypatch):
    """Y_j = (1 + 0.01) y_j: the volume is off by 0.01, the pattern by 0.01, the pair's area with it."""
    step = GradientModule.step

    def scaled(self, y, h):
        return step(self, y, h).index_add(-1, self._to, 0.01 * y.index_select(-1, self._to))

    monkeypatch.setattr(GradientModule, "step", scaled)
    found = module_defects(3, h=1e-6)
    assert found.volume == pytest.approx(0.01, rel=1e-2)
    assert found.pattern == pytest.approx(0.01, rel=1e-2)
    assert found.area == pytest.approx(0.01, rel=5e-2)
    assert found.worst == max(found.volume, found.pattern, found.area, found.inverse)


def test_a_network_with_a_wrong_inverse_is_found_out(monkeypatch):
    monkeypatch.setattr(LocSympNet, "inverse", lambda self, y, h: 2 * y)
    found = network_defects(3, networks=2)
    assert found.maps == 4, "each network and its inverse"
    assert found.inverse > 1e-2
    assert found.volume > 1, "the inverse is measured too: its determinant is 8"


def test_a_plain_network_is_not_taken_for_a_symmetric_one(monkeypatch):
    plain = lambda n, K, width, symmetric, **init: LocSympNet(n, K, width, **init)  # noqa: E731
    monkeypatch.setattr("chapters.structure_defects.LocSympNet", plain)
    assert network_defects(3, symmetric=True).symmetry > 1e-2


def test_defects_are_relative_to_the_size_of_the_jacobian(monkeypatch):
    """Y_j = y_j + 1000 h ŷ, and 0.01 y_j on top: J has entries near 1000 h, and the pair's area is off by 0.01 of 1."""
    monkeypatch.setattr(
        GradientModule,
        "step",
        lambda self, y, h: y.index_add(
            -1,
            self._to,
            1000 * h * y.index_select(-1, self._from).sum(-1, True) + 0.01 * y.index_select(-1, self._to),
        ),
    )
    found = module_defects(3, h=0.1)
    assert found.size == pytest.approx(100)
    assert found.volume == pytest.approx(0.01 / 100)
    assert found.area == pytest.approx(0.01 / 100**2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: module_defects(1), "n: a whole number >= 2"),
        (lambda: module_defects(3, states=0), "states: a whole number >= 1"),
        (lambda: network_defects(3, K=0), "K: a whole number >= 1"),
        (lambda: network_defects(3, networks=0), "networks: a whole number >= 1"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_columns_hold_every_number_that_applies():
    rows = [Defects("modules", n, torch.float64, 4, 2.5, 1e-16, 2e-16, area=0.0) for n in (3, 5)]
    found = columns(rows)
    assert list(found) == ["n", "maps", "size", "volume", "inverse", "area", "worst"], "the others apply to no row"
    assert found["n"] == [3, 5]
    assert found["worst"] == [2e-16, 2e-16]


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("n", [2, 3, 5])
def test_generator_of_a_network_has_no_diagonal(n, symmetric):
    """Plain and symmetric, for random weights: exactly zero, though the other entries are of order one."""
    init = {"std": 1.0, "bias_std": 1.0, "generator": torch.Generator().manual_seed(n)}
    net = LocSympNet(n, 2, 8, symmetric=symmetric, **init)
    y = torch.randn(6, n, generator=init["generator"], dtype=torch.float64)
    J = jacobian(lambda y, h: generator_field(net, y), y, 0.0, method="autograd")
    assert bool((J.diagonal(dim1=-2, dim2=-1) == 0).all())
    assert float(J.abs().max()) > 0.1
    layers = list(net.layers)
    shifts = sum(c * (layers[i](y, 1.0) - y) for i, c in net.visits)  # each shear moves by its own field
    torch.testing.assert_close(generator_field(net, y), shifts, rtol=0, atol=1e-13)


def test_generator_of_a_linear_flow_is_its_field():
    A = torch.tensor([[0.5, 2.0], [1.0, -0.5]], dtype=torch.float64)
    y = torch.tensor([[1.0, 3.0], [2.0, -1.0]], dtype=torch.float64)
    flow = lambda y, h: (torch.linalg.matrix_exp(h[..., None, None] * A) @ y[..., None])[..., 0]  # noqa: E731
    found = generator_field(flow, y)
    torch.testing.assert_close(found, torch.tensor([[6.5, -0.5], [-1.0, 2.5]], dtype=torch.float64))


def test_generator_needs_finite_states_and_a_map_that_keeps_their_shape():
    y = torch.tensor([1.0, math.nan])
    with pytest.raises(ValueError, match="y: "):
        generator_field(lambda y, h: y, y)
    with pytest.raises(ValueError, match="the shape must stay"):
        generator_field(lambda y, h: y[..., :1] * h[..., None], torch.ones(2))


def test_area_of_a_triangle():
    """Corners (0, 0), (3, 0), (0, 4): 6; either way round."""
    corners = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    assert polygon_area(torch.stack([corners, corners.flip(0)])).tolist() == [6.0, 6.0]


def test_turning_by_hand():
    """Linear, W = w = 1, h = 1: (0, 1) becomes (1, 1), turned by −π/4, then (1, 0), turned by −π/2."""
    net = LocSympNet(2, 1, 1, "linear")
    for p in net.parameters():
        torch.nn.init.ones_(p)
    angles = turning(net, torch.zeros(2, dtype=torch.float64), 1.0, torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert angles.tolist() == pytest.approx([0, -math.pi / 4, -math.pi / 2], rel=1e-15)


def test_whole_turns_are_kept():
    """Six such pairs are the identity: each is a rotation by −π/3 in a skew basis."""
    net = LocSympNet(2, 6, 1, "linear")
    for p in net.parameters():
        torch.nn.init.ones_(p)
    v = torch.randn(5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    angles = turning(net, torch.zeros(5, 2, dtype=torch.float64), 1.0, v)
    assert angles[-1].tolist() == pytest.approx([-2 * math.pi] * 5, rel=1e-14)
    assert bool((angles.diff(dim=0) <= 0).all()), "with w = 1 and a monotone σ every shear turns clockwise"


def test_turning_is_of_the_plane():
    with pytest.raises(ValueError, match=r"network: .*n = 2 is needed, got 3"):
        turning(LocSympNet(3, 1, 1), torch.zeros(3), 1.0, torch.zeros(3))
