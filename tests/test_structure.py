"""The table of Proposition 3.1: it finds rounding where the proposition holds, and the defect where it does not."""

import math

import pytest
import torch

from locsym.modules import GradientModule
from locsym.structure import Defects, Table, module_defects, network_defects

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


def test_table_shows_itself():
    table = Table([Defects("modules", 3, torch.float64, 4, 2.5, 1e-16, 2e-16, area=0.0)])
    assert table.texts()[1] == ["modules", "3", "float64", "4", "2.5", "1.0e-16", "2.0e-16", "0", "–", "–"]
    assert repr(table).splitlines()[0].split()[:3] == ["what", "n", "dtype"]
    assert "<td>1.0e-16</td>" in table._repr_html_()
