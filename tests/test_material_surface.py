"""A ball carried along: its mesh is closed, its volume known by hand, by the divergence theorem and by determinants."""

import math

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import torch
from chapters.material_surface import (
    enclosed_volume,
    sphere_mesh,
    volume_growth,
)
from chapters.volume_by_sampling import Ball

from locsym.flow import rollout
from locsym.plots.integrators import solid
from locsym.splitting import RK4, split, strang
from locsym.systems import RigidBody

mpl.use("Agg")
EXACT = {"rtol": 0.0, "atol": 1e-12}


def vector(*values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("subdivisions", [0, 1, 3])
def test_mesh_is_a_closed_sphere(subdivisions):
    centre = vector(1.0, -2.0, 0.5)
    vertices, faces = sphere_mesh(centre, 0.5, subdivisions)
    torch.testing.assert_close((vertices - centre).norm(dim=-1), torch.full((len(vertices),), 0.5).double(), **EXACT)
    assert len(faces) == 8 * 4**subdivisions
    assert len(vertices) - len(faces) // 2 == 2, "Euler: V − E + F = 2 with E = 3F / 2"
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    assert len(edges.unique(dim=0)) == len(edges), "every edge once in each direction: closed and oriented"


def test_volume_of_the_octahedron_by_hand():
    vertices, faces = sphere_mesh(vector(3.0, 4.0, 5.0), 1.0, 0)
    torch.testing.assert_close(enclosed_volume(vertices, faces), vector(4 / 3)[0], **EXACT)


def test_volume_of_a_fine_mesh_under_a_linear_map():
    vertices, faces = sphere_mesh(torch.zeros(3).double(), 1.0, 5)
    A = vector(1, 2, 0, 0, 3, 1, 0, 0, -0.5).reshape(3, 3)  # det = −1.5: the orientation turns
    volume = enclosed_volume(vertices @ A.T, faces)
    assert abs(volume.item() / (-1.5 * 4 / 3 * math.pi) - 1) < 2e-3


def test_strang_keeps_the_volume_of_a_mesh():
    body = RigidBody()
    surface, faces = sphere_mesh(vector(0.45, 0.0, 0.9), 0.1, 4)
    moved = rollout(strang(split(body)), surface, 0.1, 50)[-1]
    assert abs((enclosed_volume(moved, faces) / enclosed_volume(surface, faces)).item() - 1) < 1e-3


def test_volume_growth_by_hand():
    """y ↦ (1 + h) y stretches a set in R² by (1 + h)² a step."""
    growth = volume_growth(lambda y, h: (1 + h) * y, torch.ones(5, 2).double(), 0.5, 3)
    torch.testing.assert_close(growth, vector(1, 1.5**2, 1.5**4, 1.5**6), **EXACT)


def test_volume_growth_is_that_of_the_mesh():
    body, centre = RigidBody(), vector(0.45, 0.0, 0.9)
    surface, faces = sphere_mesh(centre, 0.2, 4)
    inside = Ball(centre, 0.2).sample(2000, torch.Generator().manual_seed(0))
    moved = rollout(RK4(body.rhs), surface, 2.0, 6)
    mesh = enclosed_volume(moved, faces) / enclosed_volume(surface, faces)
    torch.testing.assert_close(volume_growth(RK4(body.rhs), inside, 2.0, 6), mesh, rtol=0, atol=0.01)
    assert mesh[-1] < 0.9, "RK4 loses volume"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(2).double(), 1.0, 1), r"shape \(3,\)"),
        ((torch.zeros(3).double(), 1.0, 9), "subdivisions"),
        ((torch.zeros(3).double(), -1.0, 1), "centre, radius: .* got torch.float64 and -1"),
        ((torch.zeros(3).long(), 1.0, 1), "centre, radius: a floating-point .* got torch.int64"),
    ],
)
def test_mesh_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        sphere_mesh(*arguments)


def test_solid_draws_the_half_that_is_seen():
    vertices, faces = sphere_mesh(torch.zeros(3).double(), 0.5, 3)
    ax = plt.figure().add_subplot()
    solid(ax, vertices.numpy(), faces.numpy(), "#009E73")
    assert len(ax.collections[0].get_paths()) == pytest.approx(len(faces) / 2, rel=0.1)
    plt.close("all")
