"""Splitting: a divergence-free field as a sum of local Hamiltonian fields, and integrators made from them."""

from .integrators import RK4, SplittingIntegrator, fourth_order, strang, symplectic_euler
from .numeric import NumericSplitting, Pair, split_numerically
from .symbolic import Splitting, potential_field, split

__all__ = [
    "RK4",
    "NumericSplitting",
    "Pair",
    "Splitting",
    "SplittingIntegrator",
    "fourth_order",
    "potential_field",
    "split",
    "split_numerically",
    "strang",
    "symplectic_euler",
]
