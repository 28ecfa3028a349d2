"""The flow map without structure: its formula, and that it preserves nothing."""

import pytest
import torch

from locsym.data import Pairs
from locsym.diagnostics import determinant_defect
from locsym.networks import ResidualNet
from locsym.training import fit


def network(**options):
    return ResidualNet(3, 6, generator=torch.Generator().manual_seed(0), **options).requires_grad_(False)


def test_it_is_the_formula():
    net, y = network(), torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    h = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    expected = torch.stack([a + s * net.V @ torch.tanh(net.W @ a + net.b) for a, s in zip(y, h, strict=True)])
    torch.testing.assert_close(net(y, h), expected, rtol=1e-14, atol=1e-15)


def test_it_preserves_no_volume():
    y = torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert float(determinant_defect(network(), y, 0.3).min()) > 1e-3


def test_it_learns_a_linear_map_with_a_linear_activation():
    y = torch.randn(20, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    A = torch.tensor([[0.5, 1.0, 0.0], [0.0, -1.0, 2.0], [1.0, 0.0, 0.3]], dtype=torch.float64)
    run = fit(ResidualNet(3, 3, "linear", generator=torch.Generator().manual_seed(0)), Pairs(y, 0.1, y @ A.T))
    assert run.loss < 1e-24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 3), "n: a whole number"), ((3, 0), "width: a whole number"), ((3, 2, "no"), "activation")],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ResidualNet(*arguments)
