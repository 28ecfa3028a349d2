"""Diagnostics: measurements of what a flow map ``(y, h) -> y`` preserves and of how its orbits behave.

Every check takes a flow map and a batch of states ``(*, n)`` and returns one number for each state, ``(*)``. It raises
ValueError if that number, or the Jacobian behind it, overflows.
"""

from .floquet import (
    TraceRange,
    floquet_multipliers,
    lap,
    return_map,
    return_maps,
    trace_range,
    transverse_multipliers,
)
from .growth_rates import growth_rates
from .invariants import drift, worst_drift
from .jacobians import generator_field, jacobian, jacobians_along, zero_pattern
from .lyapunov import lyapunov_exponents
from .order import Order, growth_power, observed_order
from .reversibility import reversibility_defect, reversing_signs
from .symmetry import inverse_defect, symmetry_defect
from .symplecticity import symplecticity_defect
from .volume import determinant_defect

__all__ = [
    "Order",
    "TraceRange",
    "determinant_defect",
    "drift",
    "floquet_multipliers",
    "generator_field",
    "growth_power",
    "growth_rates",
    "inverse_defect",
    "jacobian",
    "jacobians_along",
    "lap",
    "lyapunov_exponents",
    "observed_order",
    "return_map",
    "return_maps",
    "reversibility_defect",
    "reversing_signs",
    "symmetry_defect",
    "symplecticity_defect",
    "trace_range",
    "transverse_multipliers",
    "worst_drift",
    "zero_pattern",
]
