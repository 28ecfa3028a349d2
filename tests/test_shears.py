"""Modules: Proposition 3.1 for random weights of order one, before anything is trained."""

import contextlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locsym.networks import (
    ActivationModule,
    GradientModule,
    LinearModule,
    Shear,
)

PAIRS = [(n, k) for n in range(2, 9) for k in range(n - 1)] + [(35, k) for k in (0, 17, 33)]
PRECISION = {torch.float64: 1e-12, torch.float32: 1e-5}
DTYPES = tuple(PRECISION)
CASES = [
    pytest.param(n, k, move, dtype, id=f"n{n}-k{k}-{move}-{str(dtype)[6:]}")
    for n, k in PAIRS
    for move in ("up", "low")
    for dtype in DTYPES
]
H = 0.3


@pytest.fixture(autouse=True)
def no_grad():
    with torch.no_grad():
        yield


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def local(n, k, move, dtype=torch.float64, activation="sigmoid", width=7):
    init = {"std": 1.0, "bias_std": 1.0, "generator": generator(100 * n + k), "dtype": dtype}
    return GradientModule.local(n, k, move, width, activation, **init)


def states(*shape, dtype=torch.float64):
    return torch.randn(*shape, generator=generator(7), dtype=dtype)


def jacobian(flow, y, h=H):
    return torch.func.jacrev(lambda state: flow(state, h))(y)


def omega(n, dtype=torch.float64):
    d = n // 2
    zero, one = torch.zeros(d, d, dtype=dtype), torch.eye(d, dtype=dtype)
    return torch.cat([torch.cat([zero, -one], 1), torch.cat([one, zero], 1)])


@pytest.mark.parametrize(("n", "k", "move", "dtype"), CASES)
def test_module_keeps_volume_and_the_area_of_its_pair(n, k, move, dtype):
    module, y = local(n, k, move, dtype), states(n, dtype=dtype)
    J, bound = jacobian(module, y), PRECISION[dtype]
    size = float(J.abs().max())
    assert abs(float(torch.linalg.det(J)) - 1) <= bound * size, "volume"
    pair = J[k : k + 2, k : k + 2]
    J_pair = omega(2, dtype)
    assert float((pair.mT @ J_pair @ pair - J_pair).abs().max()) <= bound * size, "eq. (10) on (y_k, y_k+1)"
    row = k if move == "up" else k + 1
    others = torch.arange(n) != row
    torch.testing.assert_close(J[others], torch.eye(n, dtype=dtype)[others], rtol=0, atol=0)
    assert float(J[row, row]) == 1, "what is moved is not read"
    assert bool((J[row, others] != 0).all()), "every other coordinate is read"


def test_another_column_keeps_volume_and_area_but_not_the_sign():
    """The proof of Prop. 3.1 uses no particular column; that A >= 0 for w = 1 does use the partner's."""
    shape = {"moved": (1,), "read": (0, 2, 3), "columns": (2,), "sign": 1, "width": 16}
    module = GradientModule(4, **shape, std=1.0, bias_std=1.0, generator=generator())
    torch.nn.init.ones_(module.w)
    found = torch.stack([jacobian(module, y) for y in states(50, 4)])
    torch.testing.assert_close(torch.linalg.det(found), torch.ones(50).double(), rtol=0, atol=1e-13)
    assert float((torch.linalg.det(found[:, 1:3, 1:3]) - 1).abs().max()) < 1e-13
    assert float(found[:, 1, 2].min()) < 0


@pytest.mark.parametrize(("n", "k", "move", "dtype"), CASES)
def test_inverse_undoes_a_step(n, k, move, dtype):
    module, y = local(n, k, move, dtype), states(4, n, dtype=dtype)
    there = module(y, H)
    assert float((module.inverse(there, H) - y).abs().max()) <= PRECISION[dtype] * float(there.abs().max())
    assert not torch.equal(there, y), "the map must do something"


FORMULAS = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "swish": lambda z: z / (1 + np.exp(-z)),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "linear": lambda z: z,
}


@pytest.mark.parametrize("activation", FORMULAS)
@pytest.mark.parametrize(("move", "sign"), [("up", 1), ("low", -1)])
def test_module_is_the_printed_formula(move, sign, activation):
    """Eqs. (26)–(27), 1-based k = 2 of n = 4, written once more with NumPy, a coordinate at a time."""
    module, y = local(4, 1, move, activation=activation), states(4).numpy()
    W, w = module.W.numpy(), module.w.numpy()
    b = 0 if module.b is None else module.b.numpy()
    moved = 1 if move == "up" else 2
    expected = y.copy()
    expected[moved] += sign * H * W[:, 1] @ np.diag(w) @ FORMULAS[activation](W @ np.delete(y, moved) + b)
    np.testing.assert_allclose(module(torch.from_numpy(y), H).numpy(), expected, rtol=1e-14, atol=1e-14)


def test_module_by_hand():
    """n = 2, m = 1, W = 2, w = 3, b = 0, h = 0.1 at (1, 0): Y_1 = 1 + 0.1 · 2 · 3 · σ(0) = 1.3."""
    module = GradientModule.local(2, 0, "up", 1, bias_std=0.0)
    module.W.fill_(2.0)
    module.w.fill_(3.0)
    Y = module(torch.tensor([1.0, 0.0], dtype=torch.float64), 0.1)
    assert Y.tolist() == pytest.approx([1.3, 0.0], abs=1e-15)


@pytest.mark.parametrize("n", [2, 3, 8])
def test_entry_A_of_the_proof(n):
    """A = h Σ w_i σ'(W ŷ + b)_i W_ik², the paper's scalar, is the Jacobian's entry (k, k+1)."""
    module, y = local(n, 0, "up"), states(n)
    s = torch.sigmoid(module.W @ y[1:] + module.b)
    A = H * (module.w * s * (1 - s) * module.W[:, 0] ** 2).sum()
    torch.testing.assert_close(jacobian(module, y)[0, 1], A, rtol=1e-13, atol=0)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "linear"])
def test_with_w_equal_to_one_A_has_one_sign(activation):
    """The paper's remark on w: with diag(w) = 1 and a monotone σ, A >= 0 at every state."""
    module = local(3, 0, "up", activation=activation)
    entry = torch.func.vmap(torch.func.jacrev(lambda y: module(y, H)[0]))(3 * states(500, 3))[:, 1]
    module.w.fill_(1.0)
    positive = torch.func.vmap(torch.func.jacrev(lambda y: module(y, H)[0]))(3 * states(500, 3))[:, 1]
    assert float(positive.min()) >= 0
    assert float(entry.min()) < 0, "a free w takes the other sign too"


@pytest.mark.parametrize("move", ["up", "low"])
def test_local_module_in_the_plane_is_the_symplectic_module(move):
    one, two = local(2, 0, move), GradientModule.symplectic(2, move, 7)
    two.load_state_dict(one.state_dict())
    assert torch.equal(one(states(9, 2), H), two(states(9, 2), H))


@pytest.mark.parametrize("move", ["up", "low"])
@pytest.mark.parametrize("n", [2, 4, 8])
@pytest.mark.parametrize(
    "make",
    [
        lambda n, move: GradientModule.symplectic(n, move, 5, std=1.0, bias_std=1.0, generator=generator()),
        lambda n, move: LinearModule(n, move, std=1.0, generator=generator()),
        lambda n, move: ActivationModule(n, move, std=1.0, generator=generator()),
    ],
    ids=("gradient", "linear", "activation"),
)
def test_modules_on_q_and_p_are_symplectic(make, n, move):
    module = make(n, move)
    J, form = jacobian(module, states(n)), omega(n)
    assert float((J.mT @ form @ J - form).abs().max()) <= 1e-12 * float(J.abs().max())
    assert not torch.equal(J, torch.eye(n, dtype=J.dtype)), "the map must do something"


def test_local_module_in_four_dimensions_is_not_symplectic():
    """The paper's warning: for n = 4 the pair keeps its area, the whole (q, p) does not keep the form."""
    J, form = jacobian(local(4, 1, "up"), states(4)), omega(4)
    assert float((J.mT @ form @ J - form).abs().max()) > 1e-2


@pytest.mark.parametrize("n", [3, 5])
@pytest.mark.parametrize("move", ["up", "low"])
def test_every_shear_of_one_coordinate_is_a_module(n, move):
    """Σ c_i σ(v_i·ŷ + β_i) with v_ik ≠ 0 is the module with W = v, b = β, w_i = c_i / v_ik."""
    c, v, beta, y = states(6), states(6, n - 1), states(6), states(20, n)
    module = local(n, 1, move, width=6)
    module.W.copy_(v)
    module.w.copy_(c / v[:, 1])
    module.b.copy_(beta)
    j, sign = (1, 1) if move == "up" else (2, -1)
    others = [i for i in range(n) if i != j]
    shift = torch.sigmoid(y[:, others] @ v.mT + beta) @ c
    torch.testing.assert_close(module(y, H)[:, j], y[:, j] + sign * H * shift, rtol=1e-13, atol=1e-13)


def test_a_shear_that_ignores_the_partner_is_a_limit_of_modules():
    """With v_ik = 0 replaced by δ, the difference falls in proportion to δ."""
    c, v, beta, y = states(6), states(6, 2), states(6), states(20, 3)
    shift = torch.sigmoid(y[:, 2:] @ v[:, 1:].mT + beta) @ c  # it ignores y_2
    module, errors, deltas = local(3, 0, "up", width=6), [], torch.tensor([1e-2, 1e-4, 1e-6], dtype=y.dtype)
    for delta in deltas:
        module.W.copy_(torch.cat([delta.expand(6, 1), v[:, 1:]], 1))
        module.w.copy_(c / delta)
        module.b.copy_(beta)
        errors.append((module(y, H)[:, 0] - y[:, 0] - H * shift).abs().max())
    ratios = torch.stack(errors) / deltas
    assert ratios[0] > 1e-3
    torch.testing.assert_close(ratios / ratios[-1], torch.ones_like(ratios), rtol=0.1, atol=0)


@pytest.mark.parametrize("shape", [(3,), (1, 3), (0, 3), (5, 3), (2, 4, 3)], ids=str)
def test_any_batch_shape_with_a_number_or_one_step_a_sample(shape):
    module, y = local(3, 1, "low"), states(*shape)
    h = torch.linspace(0.1, 0.5, max(1, math.prod(shape[:-1])), dtype=y.dtype)[: math.prod(shape[:-1])]
    h = h.reshape(shape[:-1])
    together = module(y, h)
    assert together.shape == y.shape
    for a, s, b in zip(y.reshape(-1, 3), h.reshape(-1), together.reshape(-1, 3), strict=True):
        torch.testing.assert_close(module(a, float(s)), b, rtol=1e-14, atol=1e-14)


def test_any_callable_is_an_activation():
    named = local(3, 0, "up", activation="tanh")
    module = local(3, 0, "up", activation=lambda z: torch.tanh(z))
    assert torch.equal(module(states(3), H), named(states(3), H))


@pytest.mark.parametrize("std", [0.1, 2.0])
def test_weights_are_drawn_from_the_generator(std):
    init = {"std": std, "bias_std": 3 * std}
    a, b = (GradientModule.local(5, 1, "up", 2000, **init, generator=generator(3)) for _ in range(2))
    assert torch.equal(a.W, b.W)
    assert float(a.W.std()) == pytest.approx(std, rel=0.05)
    assert float(a.w.std()) == pytest.approx(std, rel=0.05)
    assert float(a.b.std()) == pytest.approx(3 * std, rel=0.05)
    assert not GradientModule.local(5, 1, "up", 2000, bias_std=0.0).b.any()
    other = GradientModule.local(5, 1, "up", 2000, **init, generator=generator(4))
    assert not torch.equal(a.W, other.W)


def test_weights_do_not_depend_on_the_global_seed_when_a_generator_is_given():
    before = torch.get_rng_state()
    GradientModule.local(3, 0, "up", 4, generator=generator())
    assert torch.equal(before, torch.get_rng_state())


def test_shear_leaves_its_shift_to_subclasses():
    shear = Shear(3, (0,), (1, 2), 1)
    with pytest.raises(NotImplementedError):
        shear(states(3), H)


BAD_MODULES = {
    "n is no dimension": ({"n": 1}, ValueError, "n: a whole number >= 2"),
    "n is a float": ({"n": 3.0}, TypeError, "n: a whole number"),
    "n is a bool": ({"n": True}, TypeError, "n: a whole number"),
    "k is too large": ({"k": 2}, ValueError, r"k: a whole number 0 … 1"),
    "k is negative": ({"k": -1}, ValueError, "k: a whole number 0 … 1"),
    "move is unknown": ({"move": "down"}, ValueError, "move: 'up' or 'low'"),
    "move is no word": ({"move": ["up"]}, ValueError, "move: 'up' or 'low'"),
    "width is zero": ({"width": 0}, ValueError, "width: a whole number >= 1"),
    "width is a float": ({"width": 2.5}, TypeError, "width: a whole number"),
    "activation is unknown": ({"activation": "relu6"}, ValueError, "activation: one of"),
    "activation is a number": ({"activation": 3}, TypeError, "activation: a name or a callable"),
    "activation has weights": ({"activation": torch.nn.PReLU()}, TypeError, "activation: PReLU has weights of its own"),
    "activation mixes": ({"activation": torch.sum}, ValueError, "activation: a callable must act elementwise"),
    "std is negative": ({"std": -1.0}, ValueError, "std: a finite number >= 0"),
    "std is NaN": ({"std": math.nan}, ValueError, "std: a finite number >= 0"),
    "std is text": ({"std": "0.1"}, TypeError, "std: a finite number >= 0"),
    "bias_std is infinite": ({"bias_std": math.inf}, ValueError, "bias_std: a finite number"),
    "generator is a seed": ({"generator": 0}, TypeError, "generator: a torch.Generator"),
    "dtype is an integer's": ({"dtype": torch.int64}, TypeError, "dtype: torch.float32 or torch.float64"),
    "dtype is a name": ({"dtype": "float64"}, TypeError, "dtype: torch.float32 or torch.float64"),
}


@pytest.mark.parametrize(("change", "error", "message"), BAD_MODULES.values(), ids=BAD_MODULES)
def test_bad_arguments_are_named(change, error, message):
    good = {"n": 3, "k": 0, "move": "up", "width": 4, "activation": "sigmoid"}
    with pytest.raises(error, match=message):
        GradientModule.local(**{**good, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"moved": ()}, "moved, read"),
        ({"moved": (0, 0)}, "moved, read"),
        ({"read": (0, 1)}, "moved, read"),
        ({"read": (1, 3)}, "moved, read"),
        ({"columns": (2,)}, "columns"),
        ({"columns": (0, 1)}, "columns"),
        ({"sign": 2}, "sign"),
    ],
)
def test_a_module_must_not_read_what_it_moves(change, message):
    good = {"n": 3, "moved": (0,), "read": (1, 2), "columns": (0,), "sign": 1, "width": 4}
    with pytest.raises(ValueError, match=message):
        GradientModule(**{**good, **change})


@pytest.mark.parametrize("kind", [GradientModule.symplectic, LinearModule, ActivationModule])
def test_modules_on_q_and_p_need_an_even_dimension(kind):
    with pytest.raises(ValueError, match="n: an even number"):
        kind(3, "up", *((4,) if kind == GradientModule.symplectic else ()))


junk = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 6), st.floats(), st.text(max_size=3), st.lists(st.integers(), max_size=2)
)


@settings(max_examples=150, deadline=None)
@given(junk, junk, junk, junk, junk, junk)
def test_no_other_error_than_value_and_type(n, k, move, width, activation, std):
    good = (3, 0, "up", 4, "sigmoid", 0.1)
    for place, value in enumerate((n, k, move, width, activation, std)):
        changed = list(good)
        changed[place] = value
        with contextlib.suppress(TypeError, ValueError):
            GradientModule.local(*changed[:5], std=changed[5])
