"""What systems, their flows and the solver refuse, and that the error names it."""

import contextlib
import math

import pytest
import sympy as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locsym.systems import (
    ABCFlow,
    Advection,
    ChargedParticle,
    LinearSystem,
    RigidBody,
    System,
    coordinates,
    solve,
    sphere,
    starts,
)

FLOAT64 = torch.float64
START = torch.ones(3, dtype=FLOAT64)


def traceless(n: int) -> torch.Tensor:
    A = torch.randn(n, n, generator=torch.Generator().manual_seed(n), dtype=FLOAT64)
    return A - A.trace() / n * torch.eye(n, dtype=FLOAT64)


y1, y2 = coordinates(2)
OSCILLATOR = LinearSystem(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
SADDLE = LinearSystem(torch.tensor([[1.0, 0.0], [0.0, -1.0]]))
REFUSED = {
    "divergence": (lambda: System("s", (y1, y2), (y1, y2)), "divergence is 2"),
    "invariant": (lambda: System("s", (y1, y2), (y2, -y1), {"I": y1}), "'I' of s changes at the rate y2"),
    "one formula short": (lambda: System("s", (y1, y2), (y2,)), "got 1 for 2"),
    "one coordinate": (lambda: System("s", (y1,), (0,)), "n >= 2; got 1 for 1"),
    "unknown symbol": (lambda: System("s", (y1, y2), (sp.Symbol("z"), y1)), "unknown symbols"),
    "maximum": (lambda: System("s", (y1, y2), (sp.Max(y2, 0), y1)), "Max"),
    "unknown function": (lambda: System("s", (y1, y2), (sp.gamma(y2), y1)), "gamma"),
    "trace": (lambda: LinearSystem(torch.eye(2)), "trace"),
    "not square": (lambda: LinearSystem(torch.ones(2, 3)), "A: shape"),
    "one dimension": (lambda: LinearSystem(torch.zeros(1, 1)), r"A: shape \(n, n\) with n >= 2"),
    "NaN in A": (lambda: LinearSystem(torch.full((2, 2), math.nan)), "A: finite values"),
    "quadratic invariant": (lambda: LinearSystem(SADDLE.A, {"r2": torch.eye(2)}), "'r2' of linear system is not const"),
    "linear invariant": (lambda: LinearSystem(traceless(3), {"c": torch.ones(3)}), "'c'"),
    "shape of a form": (lambda: LinearSystem(traceless(3), {"c": torch.ones(2)}), "'c' has shape"),
    "inertia": (lambda: RigidBody((1, 0, 2)), "inertia"),
    "two inertias": (lambda: RigidBody((1, 2)), "inertia"),
    "infinite A": (lambda: ABCFlow(A=math.inf), "A: a finite number"),
    "two points": (lambda: Advection(2), "n: a whole number >= 3"),
    "wave speed": (lambda: Advection(c=math.nan), "c: a finite number"),
    "n of y": (lambda: RigidBody().rhs(torch.zeros(4, 2)), r"y: shape \(\*, 3\) is needed, got \(4, 2\)"),
    "n of y, scalar": (lambda: RigidBody().invariants["H"](torch.tensor(0.0)), r"y: shape \(\*, 3\)"),
    "n of y0": (lambda: RigidBody().flow(torch.zeros(2), 0.1), r"y: shape \(\*, 3\)"),
    "NaN state": (lambda: RigidBody().flow(torch.full((3,), math.nan), 0.1), "finite"),
    "NaN step": (lambda: RigidBody().flow(torch.zeros(3), math.nan), "h: a finite number"),
    "shape of h": (lambda: RigidBody().flow(torch.zeros(4, 3), torch.ones(3)), r"\(4,\), one value a sample"),
    "NaN state of a linear system": (lambda: OSCILLATOR.flow(torch.full((2,), math.nan), 0.1), "y: finite values"),
    "a step too far": (lambda: OSCILLATOR.flow(torch.ones(2), 1e9), r"h: a norm of hA up to 1e\+08 is needed"),
    "one step too far": (lambda: OSCILLATOR.flow(torch.ones(2, 2), torch.tensor([0.1, 1e9])), "h: a norm of hA"),
    "overflow": (lambda: SADDLE.flow(torch.tensor([1e38, 0]), 5.0), "y, h: the states after the step: finite"),
    "overflow backwards": (lambda: SADDLE.flow.inverse(torch.tensor([0, 1e38]), 5.0), "y, h: the states after the st"),
    "overflow in an orbit": (lambda: SADDLE.flow.rollout(torch.tensor([1e38, 0]), 1.0, 3), "not finite from step 2 on"),
    "overflow of a solution": (lambda: solve(SADDLE.rhs, torch.tensor([1e38, 0]), (0, 1, 2)), "not finite from step 2"),
    "gradient of a solution": (lambda: solve(SADDLE.rhs, torch.ones(2, requires_grad=True), (0, 1)), "y0: no gradient"),
    "negative trace": (lambda: LinearSystem(-torch.eye(2)), "trace, which is the divergence, must be 0, got -2"),
    "gradient": (lambda: RigidBody().flow(torch.zeros(3, requires_grad=True), 0.1), "no gradient"),
    "singular start": (lambda: ChargedParticle().flow(torch.zeros(4), 0.1), "not finite"),
    "equal times": (lambda: RigidBody().trajectory(START, [0.0, 1.0, 1.0]), "strictly"),
    "turning times": (lambda: RigidBody().trajectory(START, [0.0, 1.0, 0.5]), "got 1 then 0.5 at 2"),
    "NaN time": (lambda: RigidBody().trajectory(START, [0.0, math.nan]), r"t\[1\]"),
    "no times": (lambda: RigidBody().trajectory(START, []), "T >= 1"),
    "no starts": (lambda: starts(0), "J: a whole number"),
    "no states on the sphere": (lambda: sphere(0), "N: a whole number >= 1"),
    "sampling": (lambda: sphere(3, "volume"), "how: one of 'angles', 'area'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    make, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(("excess", "refused"), [(3e-13, False), (4e-13, True), (-4e-13, True)])
def test_a_trace_is_rounding_below_100_n_eps_of_the_largest_entry(excess, refused):
    """100 · 2.2e-16 · 4 · |−4| = 3.55e-13."""
    A = torch.tensor([-4.0, 1.0, 1.0, 2.0 + excess], dtype=FLOAT64).diag()
    with pytest.raises(ValueError, match="trace") if refused else contextlib.nullcontext():
        LinearSystem(A)


@pytest.mark.parametrize(("rate", "refused"), [(4e-13, False), (6e-13, True), (-6e-13, True)])
def test_an_invariant_may_change_by_rounding_of_its_largest_entry(rate, refused):
    """The rate of c·y is Aᵀc = (rate, 0, 0); 100 · 2.2e-16 · 3 · |−8| = 5.33e-13 is allowed."""
    A, c = torch.tensor([1.0, -1.0, 0.0], dtype=FLOAT64).diag(), torch.tensor([rate, 0.0, -8.0], dtype=FLOAT64)
    with pytest.raises(ValueError, match="is not constant") if refused else contextlib.nullcontext():
        LinearSystem(A, {"c": c})


WRONG_TYPES = {
    "integer state": lambda: RigidBody().flow(torch.zeros(3, dtype=torch.int64), 0.1),
    "list for a state": lambda: RigidBody().flow([0.0, 0.0, 1.0], 0.1),
    "text for h": lambda: RigidBody().flow(START, "0.1"),
    "text for c": lambda: Advection(c="fast"),
    "text for times": lambda: RigidBody().trajectory(START, "now"),
}


@pytest.mark.parametrize("case", WRONG_TYPES)
def test_wrong_type(case):
    with pytest.raises(TypeError):
        WRONG_TYPES[case]()


def test_a_solution_that_blows_up_is_reported():
    with pytest.raises(RuntimeError, match="solve_ivp stopped between t = 0 and 2"):
        solve(lambda y: y**2, torch.ones(1, dtype=FLOAT64), (0, 2))


FORMULAS = [y1, y2, 1 / y2, sp.sin(y2), y2**y2, sp.oo, sp.zoo, sp.nan, sp.I, sp.pi, 2.5, True, None, "(", "z", ""]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(FORMULAS), min_size=2, max_size=2), st.sampled_from([None, *FORMULAS]))
def test_bad_formulas_raise_value_or_type_errors_only(field, invariant):
    with contextlib.suppress(ValueError, TypeError):
        system = System("s", (y1, y2), field, invariant and {"I": invariant})
        assert system.rhs(torch.ones(2)).shape == (2,)


number = st.one_of(st.floats(), st.integers(-3, 3), st.none(), st.text(max_size=2), st.booleans())


@settings(max_examples=60, deadline=None)
@given(st.lists(number, max_size=4), st.lists(number, max_size=4), number)
def test_bad_arguments_raise_value_or_type_errors_only(inertia, times, h):
    for attempt in (
        lambda: RigidBody(inertia),
        lambda: RigidBody().trajectory(START, times if all(abs(t) < 10 for t in times) else ["far"]),
        lambda: Advection().flow(torch.ones(35), h),
        lambda: Advection(h),
    ):
        with contextlib.suppress(ValueError, TypeError):
            attempt()
