"""Regression (33) and the spectrum of a learned matrix, against matrices that are known."""

import math

import pytest
import torch

from locsym.diagnostics import growth_rates
from locsym.networks import LocSympNet
from locsym.systems import Advection
from locsym.training.regression import normal_equations

SYSTEM = Advection(9)
M = torch.linalg.matrix_exp(0.1 * SYSTEM.A)


def test_regression_finds_the_matrix_exponential():
    X = torch.randn(20, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(normal_equations(X, X @ M.T), M, rtol=0, atol=1e-12)


def test_regression_by_hand():
    """Two samples in the plane: M takes (1, 0) to (2, 3) and (1, 1) to (2, 4), so (0, 1) to (0, 1)."""
    X, Y = torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.tensor([[2.0, 3.0], [2.0, 4.0]])
    torch.testing.assert_close(normal_equations(X, Y), torch.tensor([[2.0, 0.0], [3.0, 1.0]]))


def test_too_few_samples_are_refused():
    X = torch.zeros(3, 9, dtype=torch.float64)
    with pytest.raises(ValueError, match="X: the sum of X_i X_iᵀ is singular; 3 samples"):
        normal_equations(X, X)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="one shape"):
        normal_equations(torch.zeros(3, 2), torch.zeros(4, 2))


def test_frequencies_of_central_differences():
    """The scheme's frequencies are −c sin(κ Δx) / Δx, κ = π k, and none grows."""
    rates = growth_rates(M, 0.1)
    kappa = math.pi * torch.arange(-4, 5, dtype=torch.float64)
    expected = (-torch.sin(kappa * SYSTEM.dx) / SYSTEM.dx).sort().values
    torch.testing.assert_close(rates.imag, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(rates.real, torch.zeros(9, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("symmetric", [False, True])
def test_first_order_of_a_linear_network_has_no_diagonal(symmetric):
    """Φ_τ = I + τ B₁ + …: the paper states tr B₁ = 0; each module adds the others' values to one, so diag B₁ = 0."""
    generator = torch.Generator().manual_seed(0)
    net = LocSympNet(5, 3, 4, "linear", std=1.0, symmetric=symmetric, generator=generator)
    identity, zero = torch.eye(5, dtype=torch.float64), torch.tensor(0.0, dtype=torch.float64)
    first = torch.func.jacrev(lambda h: net(identity, h).T)(zero).detach()
    assert first.norm() > 1, "the map must do something"
    torch.testing.assert_close(first.diagonal(), torch.zeros(5, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("matrix", "tau", "message"),
    [
        (torch.zeros(2, 3), 0.1, "M: a square matrix"),
        (torch.full((3, 3), math.nan), 0.1, "M: finite values"),
        (torch.eye(2), 0.0, "tau: the time step must not be zero"),
        (torch.eye(2), math.inf, "tau: the time step must not be zero, and be finite"),
        (torch.zeros(2, 2), 0.1, "M, tau: the rates"),
    ],
)
def test_growth_rates_refuse(matrix, tau, message):
    with pytest.raises(ValueError, match=message):
        growth_rates(matrix, tau)
