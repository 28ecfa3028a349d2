"""Linear flows: the regression (33) against the matrix exponential, and growth rates against A's eigenvalues."""

import pytest
import torch

from locsym.linear import growth_rates, normal_equations

TAU = 0.1


def traceless(n: int) -> torch.Tensor:
    A = torch.randn(n, n, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    return A - A.trace() / n * torch.eye(n, dtype=torch.float64)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_regression_finds_the_exponential(n):
    flow = torch.linalg.matrix_exp(TAU * traceless(n))
    X = torch.randn(3 * n, n, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(normal_equations(X, X @ flow.T), flow, rtol=0, atol=1e-11)


def test_regression_by_hand():
    X = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    Y = torch.tensor([[0.0, 1.0], [-2.0, 0.0]])  # a quarter turn
    assert normal_equations(X, Y).tolist() == [[0.0, -1.0], [1.0, 0.0]]


def test_too_few_samples_are_refused():
    X = torch.eye(2, 3)
    with pytest.raises(ValueError, match="2 samples do not span the 3 dimensions"):
        normal_equations(X, X)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_growth_rates_are_the_eigenvalues(n):
    A = traceless(n)
    rates = growth_rates(torch.linalg.matrix_exp(TAU * A), TAU)
    expected = torch.linalg.eigvals(A)
    assert (rates[:, None] - expected).abs().min(0).values.max() < 1e-11
    assert abs(rates.sum()) < 1e-11, "the trace is zero"
