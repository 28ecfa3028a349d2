"""The magnetic field of wires: by hand on the axis of a loop, and free of divergence."""

import numpy as np
import pytest
import torch
from chapters.magnetic_field import MagneticField, loop


@pytest.mark.parametrize("z", [0.0, 2.0])
def test_field_on_the_axis_of_a_loop(z):
    """By hand: the integral of dx × (y − x) / r³ around a unit circle is 2π / (1 + z²)^(3/2) along its axis."""
    field = MagneticField(loop((0, 0, 0), (0, 0, 2), segments=2000))
    expected = torch.tensor([0.0, 0.0, 2 * np.pi / (1 + z**2) ** 1.5], dtype=torch.float64)
    torch.testing.assert_close(field(torch.tensor([0.0, 0.0, z], dtype=torch.float64)), expected, rtol=1e-5, atol=1e-9)


def test_a_coarse_wire_is_divergence_free_too():
    field = MagneticField(loop((0.1, 0, 0), (1, 2, 3), segments=5))
    y = 0.2 + torch.rand(12, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    jacobian = torch.func.vmap(torch.func.jacrev(field))(y)
    assert jacobian.diagonal(dim1=-2, dim2=-1).sum(-1).abs().max() < 1e-11
