"""The table of Proposition 3.1: it finds rounding where the proposition holds, and the defect where it does not."""

import math

import pytest
import torch
from chapters.material_surface import polygon_area
from chapters.structure_defects import (
    Defects,
    Table,
    module_defects,
    network_defects,
)
from chapters.tangent_rotation import turning

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


def test_table_shows_itself():
    table = Table([Defects("modules", 3, torch.float64, 4, 2.5, 1e-16, 2e-16, area=0.0)])
    assert table.texts()[1] == ["modules", "3", "float64", "4", "2.5", "1.0e-16", "2.0e-16", "0"]
    assert repr(table).splitlines()[0].split()[:3] == ["what", "n", "dtype"]
    assert table.texts()[0][-1] == "area", "the columns behind it apply to no row"
    assert "<td>1.0e-16</td>" in table._repr_html_()


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
