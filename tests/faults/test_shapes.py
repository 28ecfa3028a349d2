"""Hostile shapes and sizes: states of 1e±150, steps of zero and below, no rows: finite answers, or errors that name.

A step that overflows is such an error, see :mod:`locsym.flow`; what hangs is ended by the time limit.
"""

import re

import pytest
import torch
from chapters import volume_by_sampling
from chapters.magnetic_field import loop
from chapters.material_surface import volume_growth
from chapters.structure_defects import module_defects, network_defects
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils import parameters_to_vector

from locsym import LASympNet, LocSympNet, Pairs, SympNet, diagnostics, rollout
from locsym.diagnostics import transverse_multipliers
from locsym.networks import ACTIVATIONS
from locsym.networks.linearisation import Linearisation, why_no_closed_form
from locsym.splitting import RK4, fourth_order, split, split_numerically, strang, symplectic_euler
from locsym.systems import (
    ABCFlow,
    Advection,
    ChargedParticle,
    LinearSystem,
    Pendulum,
    RigidBody,
    System,
    Volterra,
    exact,
)
from locsym.training.regression import normal_equations

pytestmark = pytest.mark.timeout(240)  # seconds a test: all of them together take a fraction of that

NAMED = re.compile(r"(y0|y|h|t|flow|states|steps|time|invariant|X|M|tau|target|N|how|region|samples)(, \w+)*: ")
SOLVER = re.compile("solve_ivp|Newton's method")
SIZES = [0.0, 1e-150, 1e-8, 1.0, 1e8, 1e150, 1e300]
STEPS = [0.0, 0.1, -0.1, 1e-150, -1e-150, 1e8, -1e8, 1e150, -1e150, 1e300]
BATCHES = [(), (1,), (3,), (2, 2), (0,)]
scales, steps, batches = st.sampled_from(SIZES), st.sampled_from(STEPS), st.sampled_from(BATCHES)
dtypes, seeds = st.sampled_from([torch.float64, torch.float32]), st.integers(0, 99)
examples = settings(max_examples=60, deadline=None)
few = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="module", autouse=True)
def few_evaluations():
    """What would be given up after a minute is given up after a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "EVALUATIONS", 20_000)
        yield


def drawn(*shape, scale, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(*shape, generator=generator, dtype=torch.float64)).to(dtype)


def answer(call, *arguments, **options):
    """What the call gives, all of it finite; None where it refuses by name."""
    try:
        found = call(*arguments, **options)
    except (RuntimeError, TypeError, ValueError) as error:
        found, said, names = None, str(error), SOLVER if isinstance(error, RuntimeError) else NAMED
    if found is None:
        assert names.match(said), said
        return None
    parts = (found.y, found.h, found.target) if isinstance(found, Pairs) else (found,)
    assert all(bool(torch.isfinite(torch.as_tensor(part)).all()) for part in parts)
    return found


def one_each(h, y, each):
    return torch.full(y.shape[:-1], h, dtype=torch.float64).to(y) if each else h


def harmless(scale, h):
    """Nothing can overflow: an answer is due."""
    return scale <= 1 and abs(h) <= 0.1


# ---- flow maps


@st.composite
def networks(draw):
    d, K, width = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 8))
    init = {"std": draw(st.sampled_from([0.0, 0.1, 1.0, 1e10])), "dtype": draw(dtypes)}
    init |= {"activation": draw(st.sampled_from(list(ACTIVATIONS)))}
    init |= {"generator": torch.Generator().manual_seed(draw(seeds))}
    kind = draw(st.sampled_from(["local", "symmetric", "sympnet", "la-sympnet"]))
    if kind == "sympnet":
        return SympNet(2 * d, K, width, **init)
    if kind == "la-sympnet":
        return LASympNet(2 * d, K, **init)
    return LocSympNet(d + draw(st.integers(1, 3)), K, width, symmetric=kind == "symmetric", **init)


@examples
@given(networks(), batches, scales, steps, st.booleans(), st.integers(0, 3), seeds)
def test_networks(fault, net, batch, scale, h, each, count, seed):
    y = drawn(*batch, net.n, scale=scale, dtype=next(net.parameters()).dtype, seed=seed)
    with fault("shapes", "network"):
        step = one_each(h, y, each)
        moved, back, orbit = answer(net, y, step), answer(net.inverse, y, step), answer(rollout, net, y, step, count)
        assert moved is None or moved.shape == y.shape
        assert back is None or back.shape == y.shape
        assert orbit is None or orbit.shape == (count + 1, *y.shape)
        if h == 0 and moved is not None:
            assert torch.equal(moved, y)
        if harmless(scale, h) and next(net.parameters()).abs().max() < 100:
            assert not any(x is None for x in (moved, back, orbit))


SYSTEMS = {
    "rigid body": RigidBody(),
    "Volterra": Volterra(),
    "ABC": ABCFlow(),
    "pendulum": Pendulum(),
    "particle": ChargedParticle(),
    "advection": Advection(5),
    "linear": LinearSystem(torch.tensor([[1.0, 2.0], [3.0, -1.0]], dtype=torch.float64)),
}
METHODS = {
    f"{name}, {method.__name__}": method(split(SYSTEMS[name]))
    for name in ("rigid body", "Volterra", "ABC", "pendulum", "linear")
    for method in (symplectic_euler, strang, fourth_order)
} | {f"{name}, RK4": RK4(SYSTEMS[name].rhs) for name in ("rigid body", "ABC", "advection")}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(METHODS)), batches, scales, steps, st.booleans(), dtypes, seeds)
def test_integrators(fault, name, batch, scale, h, each, dtype, seed):
    method = METHODS[name]
    y = drawn(*batch, SYSTEMS[name.split(",")[0]].n, scale=scale, dtype=dtype, seed=seed)
    with fault("shapes", "splitting integrator"):
        step = one_each(h, y, each)
        found = [answer(method, y, step), answer(rollout, method, y, step, 3)]
        if not isinstance(method, RK4):
            found.append(answer(method.inverse, y, step))
        assert all(x is None or x.shape[-y.ndim :] == y.shape for x in found)
        assert not harmless(scale, h) or all(x is not None for x in found)


@pytest.mark.parametrize("name", SYSTEMS)
@few
@given(batches, scales, steps, st.booleans(), dtypes, seeds)
def test_exact_flows(fault, name, batch, scale, h, each, dtype, seed):
    flow, y = SYSTEMS[name].flow, drawn(*batch, SYSTEMS[name].n, scale=scale, dtype=dtype, seed=seed)
    with fault("shapes", "exact flow"):
        moved = answer(flow, y, one_each(h, y, each))
        orbit = answer(flow.rollout, y, h, 2)
        assert moved is None or moved.shape == y.shape
        assert orbit is None or orbit.shape == (3, *y.shape)
        assert name == "particle" or not harmless(scale, h) or (moved is not None and orbit is not None)


# ---- what is measured on them

MEASURED = {
    "jacobian": diagnostics.jacobian,
    "jacobian by differences": lambda *call: diagnostics.jacobian(*call, method="difference"),
    "determinant": diagnostics.determinant_defect,
    "pair area": lambda *call: diagnostics.symplecticity_defect(*call, pair=0),
    "inverse": diagnostics.inverse_defect,
    "symmetry": diagnostics.symmetry_defect,
    "Lyapunov": lambda *call: diagnostics.lyapunov_exponents(*call, 3),
    "Floquet": lambda *call: torch.view_as_real(diagnostics.floquet_multipliers(*call, 3)),
    "order": lambda flow, y, h: diagnostics.observed_order(flow, flow.inverse, y, [h, h / 2]).order,
    "volume growth": lambda flow, y, h: volume_growth(flow, y, h, 2),
    "drift": lambda flow, y, h: diagnostics.drift(lambda y: y.square().sum(-1), flow.rollout(y, h, 2)),
    "volume": lambda flow, y, h: volume_by_sampling.volume(flow, volume_by_sampling.Ball(y[0], 1.0), h, 20).value,
    "multipliers": lambda *call: torch.view_as_real(transverse_multipliers(*call)),
}
FLOWS = {
    "sigmoid": LocSympNet(3, 1, 4, std=1.0, generator=torch.Generator().manual_seed(0)),
    "linear": LocSympNet(3, 2, 4, "linear", std=1.0, generator=torch.Generator().manual_seed(1)),
    "Strang": strang(split(RigidBody())),
}


@pytest.mark.parametrize("what", MEASURED)
@few
@given(st.sampled_from(list(FLOWS)), st.sampled_from([1, 4]), scales, steps, seeds)
def test_measurements(fault, what, name, N, scale, h, seed):
    with fault("shapes", "measurement"):
        answer(MEASURED[what], FLOWS[name], drawn(N, 3, scale=scale, seed=seed), h)


@few
@given(st.integers(2, 4), steps, st.integers(1, 4), st.integers(1, 3), dtypes)
def test_tables_of_defects(fault, n, h, width, count, dtype):
    with fault("shapes", "measurement"):
        options = {"h": h, "width": width, "states": count, "dtype": dtype}
        answer(lambda: module_defects(n, **options).worst)
        answer(lambda: network_defects(n, **options).worst)


@examples
@given(st.integers(1, 5), st.integers(1, 3), scales, scales, steps)
def test_linear_maps(fault, N, n, scale, other, tau):
    X, Y = drawn(N, n, scale=scale), drawn(N, n, scale=other, seed=1)
    with fault("shapes", "measurement"):
        M = answer(normal_equations, X, Y)
        if M is not None:
            answer(lambda: torch.view_as_real(diagnostics.growth_rates(M, tau)))


# ---- derivatives


@examples
@given(networks(), st.integers(1, 6), st.sampled_from([0.0, 1e-150, 1e-8, 1.0, 1e8]), st.sampled_from(STEPS[:5]), seeds)
def test_linearisation(fault, net, N, scale, h, seed):
    theta = parameters_to_vector(net.parameters()).detach()
    y, target = (drawn(N, net.n, scale=scale, dtype=theta.dtype, seed=seed + i) for i in (0, 100))
    with fault("shapes", "linearisation"):
        if reason := why_no_closed_form(net):
            assert isinstance(net, LASympNet), reason
            return
        tangent = Linearisation(net, y, torch.full((N,), h).to(y), target).at(theta)
        along, back, gram = tangent.jvp(theta), tangent.vjp(tangent.residual), tangent.gram()
        shapes = [x.shape for x in (tangent.residual, along, back, gram)]
        assert shapes == [(N, net.n), (N * net.n,), theta.shape, (N * net.n, N * net.n)]
        if bool(torch.isfinite(tangent.residual).all()) and theta.abs().max() < 100:  # else what training rejects
            assert all(bool(torch.isfinite(x).all()) for x in (along, back, gram))


MISFITS = {
    "a row too many": (lambda y, h: (y, h, torch.cat([y, y])), "y, h, target: shapes"),
    "a column too many": (lambda y, h: (torch.cat([y, y], 1), h, y), r"y: shape \(\*, 3\)"),
    "one step alone": (lambda y, h: (y, h[0], y), "y, h, target: shapes"),
    "steps in a column": (lambda y, h: (y, h[:, None], y), "y, h, target: shapes"),
    "half as many digits": (lambda y, h: (y.float(), h, y), "y: dtype"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_linearisation_names_what_does_not_fit(fault, case):
    make, message = MISFITS[case]
    with fault("shapes", "linearisation"), pytest.raises((TypeError, ValueError), match=message):
        Linearisation(FLOWS["sigmoid"], *make(drawn(4, 3, scale=1.0), torch.ones(4).double()))


# ---- data

MADE = {
    "pairs": lambda system, y, h: Pairs(y, h, y.flip(0)),
    "states": Pairs.from_states,
    "orbit": lambda system, y, h: Pairs.from_orbit(system, y, h, 2),
    "random": lambda system, y, h: Pairs.from_random(system, len(y), h),
    "trajectory": lambda system, y, h: Pairs.from_trajectory(h * torch.arange(len(y)).double(), y),
}


@pytest.mark.parametrize("how", MADE)
@few
@given(st.sampled_from(["rigid body", "pendulum", "advection"]), st.integers(0, 4), scales, steps, dtypes, seeds)
def test_pairs(fault, how, name, N, scale, h, dtype, seed):
    system = SYSTEMS[name]
    y = drawn(N, system.n, scale=scale, dtype=dtype, seed=seed)
    with fault("shapes", "pairs"):
        pairs = answer(MADE[how], system, y, h)
        assert pairs is None or pairs.n == system.n


# ---- refusals, one by one

BODY, Z = RigidBody(), torch.ones(3, dtype=torch.float64)
REFUSED = {
    "inertia: three": lambda: RigidBody(3),
    "inertia: three numbers": lambda: RigidBody([1, 2]),
    "inertia: a real number": lambda: RigidBody(("1", "2", "3")),
    "field: formulas": lambda: System("s", (), ("__import__('os').abort()",)),
    "radius: a finite number > 0": lambda: volume_by_sampling.Ball(Z, "1"),
    "radius: a finite number": lambda: volume_by_sampling.Ball(Z, float("nan")),
    "centre: shape": lambda: volume_by_sampling.Ball(torch.ones(2, 3), 1.0),
    r"low: a tensor of shape \(\*, n\)": lambda: volume_by_sampling.Box(None, Z),
    "region: its volume": lambda: volume_by_sampling.Ball(Z, 1e150).volume,
    "region: its volume is": lambda: volume_by_sampling.Box(-1e150 * Z, 1e150 * Z).volume,
    "centre, axis: three": lambda: loop((0, 0), (0, 0, 1)),
    "centre, axis: three finite": lambda: loop((0, 0, 0), (1, 0)),
    r"y0: shape \(\*, 3\)": lambda: rollout(BODY.flow, Z[:2], 0.1, 2),
    "steps: a whole number >= 0": lambda: BODY.flow.rollout(Z, 0.1, -1),
    "steps: a whole number >= 0 is needed, got 2.5": lambda: BODY.flow.rollout(Z, 0.1, 2.5),
    "steps: a whole number >= 0 is needed, got 'a'": lambda: SYSTEMS["linear"].flow.rollout(Z[:2], 0.1, "a"),
    "solve_ivp: after": lambda: BODY.flow(Z * torch.tensor([1.0, 2.0, 3.0]), 1e150),
    "solve_ivp: .* of the time lies behind": lambda: BODY.flow(1e150 * Z * torch.tensor([1.0, 2.0, 3.0]), 0.1),
    "h: a norm of hA": lambda: SYSTEMS["linear"].flow(Z[:2], 1e150),
    "h: the matrix exponential": lambda: SYSTEMS["linear"].flow(Z[:2], 1e4),
    "y, h: the states after the step": lambda: LocSympNet(3, 1, 4, "linear", std=1e60)(1e150 * Z, 1.0),
    "t: times must not span": lambda: BODY.trajectory(Z, [-1.7e308, 1.7e308]),
    "rtol: a number > 0": lambda: BODY.trajectory(Z, [0.0, 1.0], rtol=float("nan")),
    "time: 1e.08 steps": lambda: diagnostics.observed_order(FLOWS["Strang"], BODY.flow, Z, [1e-150, 2e-150], time=1.0),
    "invariant: its values": lambda: diagnostics.drift(BODY.invariants["I"], 1e200 * torch.stack([Z, Z])),
    "flow: the orbit is not finite from step 2 on": lambda: rollout(lambda y, h: 1e200 * y, Z, 0.1, 5),
    "points: finite": lambda: split_numerically(BODY.rhs, torch.full((2, 3), torch.nan)),
    "tau: the time step": lambda: diagnostics.growth_rates(torch.eye(2), float("inf")),
    "states: finite": lambda: transverse_multipliers(BODY.flow, torch.full((9, 3), torch.inf), 0.1),
}


@pytest.mark.parametrize("message", REFUSED)
def test_refusal_names_the_argument(fault, message):
    with fault("shapes", "argument"), pytest.raises((TypeError, ValueError, RuntimeError), match=f"^{message}"):
        REFUSED[message]()
