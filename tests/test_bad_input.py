"""Whatever is handed to an integrator or a check: an answer, or a TypeError or ValueError that names the argument."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locsym import LocSympNet, diagnostics
from locsym.splitting import RK4, fourth_order, split, strang, symplectic_euler
from locsym.systems import RigidBody

BODY = RigidBody()
PARTS = split(BODY)
FLOWS = {
    "euler": symplectic_euler(PARTS),
    "strang": strang(PARTS),
    "fourth": fourth_order(PARTS),
    "rk4": RK4(BODY.rhs),
    "exact": BODY.flow,
    "network": LocSympNet(3, 1, 4, std=1.0, generator=torch.Generator().manual_seed(0)),
}
CHECKS = {
    "jacobian": diagnostics.jacobian,
    "determinant": diagnostics.determinant_defect,
    "inverse": diagnostics.inverse_defect,
    "symmetry": diagnostics.symmetry_defect,
    "lyapunov": lambda flow, y, h: diagnostics.lyapunov_exponents(flow, y, h, 2),
    "floquet": lambda flow, y, h: diagnostics.floquet_multipliers(flow, y, h, 2),
}
good_or_not = st.sampled_from([0.5, -1.0, 0.0, 1e150, -1e150, float("nan"), float("inf")])
dtypes = st.sampled_from([torch.float64, torch.float32, torch.int64, torch.bool, torch.complex128])


@st.composite
def states(draw):
    """Tensors of all kinds, and things that are none."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from([None, "y", 1.0, [0.1, 0.2, 0.3], np.zeros(3)]))
    shape = draw(st.sampled_from([(), (3,), (2, 3), (0, 3), (2,), (4,), (2, 1, 3)]))
    value, dtype = draw(good_or_not), draw(dtypes)
    return torch.full(shape, value if dtype.is_floating_point else 1.0, dtype=torch.float64).to(dtype)


@st.composite
def steps(draw):
    """Numbers and tensors of all kinds."""
    if draw(st.booleans()):
        return draw(st.one_of(good_or_not, st.sampled_from([None, "h", True, 1, [0.1]])))
    return torch.full(draw(st.sampled_from([(), (2,), (3,), (2, 1), (0,)])), draw(good_or_not), dtype=torch.float64)


def outcome(call, *arguments):
    """What the call gives, and the error of a kind that it may raise."""
    try:
        return call(*arguments), None
    except (TypeError, ValueError, RuntimeError) as error:
        return None, error


@pytest.mark.parametrize("name", FLOWS)
@settings(max_examples=60, deadline=None)
@given(y=states(), h=steps())
def test_flow_maps_answer_or_refuse_by_name(name, y, h):
    moved, error = outcome(FLOWS[name], y, h)
    if isinstance(error, RuntimeError):
        assert "solve_ivp" in str(error) or "Newton" in str(error), error
    elif error is not None:
        assert str(error).startswith(("y", "h")), error
    else:
        assert moved.shape == y.shape


@pytest.mark.parametrize("name", CHECKS)
@settings(max_examples=40, deadline=None)
@given(y=states(), h=steps())
def test_checks_answer_or_refuse_by_name(name, y, h):
    found, error = outcome(CHECKS[name], FLOWS["network"], y, h)
    if error is not None:
        assert not isinstance(error, RuntimeError), error
        assert ":" in str(error), error
    else:
        assert isinstance(found, torch.Tensor)
