"""Pairs: what they hold, where they come from, how they are kept, and what is refused."""

import contextlib
import math
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors.torch import save_file

from locsym import LocSympNet
from locsym.data import Pairs, storage
from locsym.data.pairs import KIND
from locsym.systems import Advection, LinearSystem, Pendulum, RigidBody, sphere

FLOAT64 = torch.float64
ROTATION = LinearSystem(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))


def random_pairs(N: int = 7, n: int = 3, dtype: torch.dtype = FLOAT64, seed: int = 0) -> Pairs:
    y, target = torch.randn(2, N, n, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return Pairs(y, torch.linspace(0.1, 0.2, N, dtype=dtype), target)


def assert_same(a: Pairs, b: Pairs) -> None:
    for name in ("y", "h", "target"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), rtol=0, atol=0)


# ---- what they hold


STEPS = [0.1, [0.1, 0.1], np.float64(0.1), np.array([0.1, 0.1]), torch.tensor(0.1, dtype=FLOAT64)]


@pytest.mark.parametrize("h", STEPS, ids=repr)
def test_step_is_kept_for_each_pair_in_full_precision(h):
    pairs = Pairs(torch.zeros(2, 3, dtype=FLOAT64), h, torch.ones(2, 3, dtype=FLOAT64))
    assert (len(pairs), pairs.n, pairs.h.tolist()) == (2, 3, [0.1, 0.1])


def test_arrays_become_tensors_of_their_dtype():
    y = np.arange(6, dtype=np.float32).reshape(2, 3)
    pairs = Pairs(y, 0.5, y[::-1])
    y[:] = 0
    assert pairs.y.dtype == pairs.h.dtype == torch.float32
    assert pairs.target[0].tolist() == [3.0, 4.0, 5.0]


def test_repr():
    assert repr(random_pairs()) == "Pairs(N=7, n=3, h=0.1…0.2, dtype=float64)"
    assert repr(random_pairs().to(torch.float32)[:1]) == "Pairs(N=1, n=3, h=0.1, dtype=float32)"


def test_frozen():
    with pytest.raises(AttributeError):
        random_pairs().h = 1.0


INDICES = [2, -1, slice(1, 5), slice(None, None, 2), [0, 0, 6], torch.tensor([5, 1]), torch.arange(7) > 3]


@pytest.mark.parametrize("rows", INDICES, ids=str)
def test_indexing(rows):
    pairs = random_pairs()
    chosen = pairs[rows]
    assert isinstance(chosen, Pairs)
    assert torch.equal(chosen.target, pairs.target[[rows] if isinstance(rows, int) else rows])
    assert len(chosen.h) == len(chosen)


@pytest.mark.parametrize(("size", "counts"), [(0.75, (6, 2)), (3, (3, 5)), (0.5, (4, 4)), (1, (1, 7)), (0.7, (6, 2))])
def test_split_in_order(size, counts):
    pairs = random_pairs(8)
    first, rest = pairs.split(size)
    assert (len(first), len(rest)) == counts
    assert_same(Pairs.concat(first, rest), pairs)


def test_split_shuffled_loses_none():
    pairs = random_pairs(50)
    first, rest = pairs.split(40, torch.Generator().manual_seed(1))
    both = Pairs.concat(first, rest)
    assert not torch.equal(both.y, pairs.y)
    assert_same(both[both.h.argsort()], pairs)


def test_to_converts_all_three():
    pairs = random_pairs().to(torch.float32)
    assert {pairs.y.dtype, pairs.h.dtype, pairs.target.dtype} == {torch.float32}


# ---- where they come from


def test_one_orbit_by_hand():
    """A quarter turn of the rotation: (1, 0) → (0, −1) → (−1, 0)."""
    pairs = Pairs.from_orbit(ROTATION, torch.tensor([1.0, 0.0], dtype=FLOAT64), math.pi / 2, 2)
    torch.testing.assert_close(pairs.y, torch.tensor([[1.0, 0.0], [0.0, -1.0]], dtype=FLOAT64))
    torch.testing.assert_close(pairs.target, torch.tensor([[0.0, -1.0], [-1.0, 0.0]], dtype=FLOAT64))


@pytest.mark.parametrize("batch", [(2,), (2, 3)])
def test_orbits_one_after_the_other(batch):
    y0 = torch.randn(*batch, 2, generator=torch.Generator().manual_seed(0), dtype=FLOAT64)
    together = Pairs.from_orbit(ROTATION, y0, 0.1, 4)
    alone = Pairs.concat(*(Pairs.from_orbit(ROTATION, y, 0.1, 4) for y in y0.reshape(-1, 2)))
    torch.testing.assert_close(together.y, alone.y, rtol=0, atol=1e-13)
    torch.testing.assert_close(together.target, alone.target, rtol=0, atol=1e-13)


IDENTITY = [  # the mean squared error of the identity map, which any network must beat
    (RigidBody(), lambda g: sphere(400, "angles", g), 0.1, 2.8e-4),
    (Advection(), lambda g: torch.randn(80, 35, generator=g, dtype=FLOAT64), 0.01, 1.5e-2),
]


@pytest.mark.parametrize(("system", "draw", "h", "floor"), IDENTITY, ids=["rigid body", "advection"])
def test_random_states_move_as_far_as_in_the_paper(system, draw, h, floor):
    pairs = Pairs.from_states(system, draw(torch.Generator().manual_seed(0)), h)
    assert float(((pairs.y - pairs.target) ** 2).mean()) == pytest.approx(floor, rel=0.1)


def test_a_step_for_each_state():
    h = torch.tensor([0.1, 0.2, 0.3], dtype=FLOAT64)
    pairs = Pairs.from_states(ROTATION, torch.tensor([[1.0, 0.0]], dtype=FLOAT64).expand(3, 2), h)
    torch.testing.assert_close(pairs.target, torch.stack([h.cos(), -h.sin()], dim=-1))


@pytest.mark.parametrize("direction", [1, -1])
def test_uneven_trajectory(direction):
    t = direction * np.array([0.0, 0.1, 0.4, 0.45])
    y = np.stack([np.cos(t), -np.sin(t)], axis=-1)
    pairs = Pairs.from_trajectory(t, y)
    np.testing.assert_allclose(pairs.h, direction * np.array([0.1, 0.3, 0.05]), rtol=1e-14)
    torch.testing.assert_close(ROTATION.flow(pairs.y, pairs.h), pairs.target)


# ---- how they are kept


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_saved_and_loaded_to_the_last_bit(dtype, tmp_path):
    pairs = random_pairs(dtype=dtype)
    pairs.save(tmp_path / "pairs.safetensors")
    loaded = Pairs.load(tmp_path / "pairs.safetensors")
    assert_same(loaded, pairs)
    assert loaded.fingerprint() == pairs.fingerprint()
    assert os.listdir(tmp_path) == ["pairs.safetensors"], "nothing is left beside it"


def test_npz(tmp_path):
    pairs = random_pairs()
    np.savez(tmp_path / "pairs.npz", y=pairs.y, h=0.1, target=pairs.target)
    loaded = Pairs.load(tmp_path / "pairs.npz")
    assert torch.equal(loaded.target, pairs.target)
    assert loaded.h.tolist() == [0.1] * 7


def test_a_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "pairs.safetensors"
    random_pairs().save(path)
    before = path.read_bytes()

    def fail(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        random_pairs(9).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["pairs.safetensors"]


def truncated(path: Path) -> None:
    random_pairs().save(path)
    path.write_bytes(path.read_bytes()[:-40])


def flipped(path: Path) -> None:
    random_pairs().save(path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def without_y(path: Path) -> None:
    storage.write(path, KIND, {"h": torch.ones(1)}, {})


DAMAGED = {
    "truncated": ("p.safetensors", truncated, "damaged"),
    "a bit flipped": ("p.safetensors", flipped, "damaged"),
    "another kind": ("p.safetensors", lambda p: save_file({"y": torch.ones(1)}, p), "without metadata"),
    "a network": ("p.safetensors", LocSympNet(3, 1, 2).save, "kind 'network', needed 'locsym.Pairs'"),
    "an array missing": ("p.safetensors", without_y, "target, y missing"),
    "noise": ("p.safetensors", lambda p: p.write_bytes(b"noise" * 20), "not a file written by locsym"),
    "empty": ("p.npz", lambda p: p.write_bytes(b""), "cannot be read"),
    "pickle": ("p.npz", lambda p: np.savez(p, y=np.array([{}]), h=1.0, target=1.0), "holds a pickle"),
    "one array": ("p.npz", lambda p: p.write_bytes(npy_bytes()), "not a zip file"),
    "npz without target": ("p.npz", lambda p: np.savez(p, y=np.ones((1, 2)), h=1.0), "target missing"),
    "npz packed otherwise in part": ("p.npz", lambda p: as_bzip2(p), "packed in another way"),
    "npz without h": ("p.npz", lambda p: np.savez(p, y=np.ones((1, 2)), target=np.ones((1, 2))), "h missing"),
}


def as_bzip2(path: Path) -> None:
    np.savez(path, y=np.ones((1, 2)), target=np.ones((1, 2)))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("h.npy", npy_bytes())


def npy_bytes() -> bytes:
    from io import BytesIO

    np.save(file := BytesIO(), np.ones(3))
    return file.getvalue()


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_refused_with_the_reason(case, tmp_path):
    name, make, message = DAMAGED[case]
    make(tmp_path / name)
    with pytest.raises(ValueError, match=f"{name}: .*{message}"):
        Pairs.load(tmp_path / name)


def test_fingerprint_depends_on_content_alone():
    pairs = random_pairs()
    same = Pairs(pairs.y.clone(), pairs.h.clone(), pairs.target.mT.contiguous().mT)
    assert same.fingerprint() == pairs.fingerprint()
    moved = pairs.target.clone()
    moved[3, 1] = torch.nextafter(moved[3, 1], torch.tensor(2.0, dtype=FLOAT64))
    assert Pairs(pairs.y, pairs.h, moved).fingerprint() != pairs.fingerprint()
    assert pairs.to(torch.float32).fingerprint() != pairs.fingerprint()


# ---- what is refused

class Plain:
    """What a user may write as a system: its flow map takes states of any dimension."""

    n = 2

    def flow(self, y, h):
        return y


GOOD_Y = torch.zeros(3, 2)
BROKEN = torch.tensor([[0.0, 0.0], [0.0, math.nan], [math.inf, 0.0]])
REFUSED = {
    "row of y": (lambda: Pairs(BROKEN, 0.1, GOOD_Y), ValueError, "y: states must be finite, row 1"),
    "row of target": (lambda: Pairs(GOOD_Y, 0.1, BROKEN), ValueError, "target: states must be finite, row 1"),
    "row of h": (lambda: Pairs(GOOD_Y, [1.0, 0.0, math.nan], GOOD_Y), ValueError, "h: .*row 1 is 0"),
    "h lost in float32": (lambda: Pairs(GOOD_Y, 1e-60, GOOD_Y), ValueError, "h: .*row 0 is 0"),
    "shape of y": (lambda: Pairs(torch.zeros(3), 0.1, torch.zeros(3)), ValueError, r"y: shape \(N, n\)"),
    "no pairs": (lambda: Pairs(torch.zeros(0, 2), 0.1, torch.zeros(0, 2)), ValueError, "N >= 1"),
    "shape of target": (lambda: Pairs(GOOD_Y, 0.1, torch.zeros(3, 3)), ValueError, "target: the shape"),
    "shape of h": (lambda: Pairs(GOOD_Y, torch.ones(2), GOOD_Y), ValueError, r"h: a number or shape \(3,\)"),
    "integers": (lambda: Pairs(GOOD_Y.long(), 0.1, GOOD_Y), TypeError, "y: a floating-point .* got torch.int64"),
    "a list": (lambda: Pairs([[0.0, 1.0]], 0.1, GOOD_Y), TypeError, "y: .* got list"),
    "two dtypes": (lambda: Pairs(GOOD_Y, 0.1, GOOD_Y.double()), TypeError, "target: torch.float32"),
    "h as text": (lambda: Pairs(GOOD_Y, "0.1", GOOD_Y), TypeError, "h: real numbers"),
    "h as truth": (lambda: Pairs(GOOD_Y, True, GOOD_Y), TypeError, "h: real numbers"),
    "empty choice": (lambda: random_pairs()[7:], ValueError, "N >= 1"),
    "split of all": (lambda: random_pairs().split(7), ValueError, "size: 1 to 6 pairs"),
    "split in none": (lambda: random_pairs().split(0.01), ValueError, "size"),
    "split at a half": (lambda: random_pairs().split(1.5), ValueError, "size: 1 to 6 pairs"),
    "split by text": (lambda: random_pairs().split("half"), TypeError, "size"),
    "concat of none": (Pairs.concat, ValueError, "parts"),
    "concat of two n": (lambda: Pairs.concat(random_pairs(), random_pairs(n=2)), ValueError, "parts"),
    "no steps": (lambda: Pairs.from_orbit(ROTATION, torch.ones(2), 0.1, 0), ValueError, "steps"),
    "n of y0": (lambda: Pairs.from_orbit(ROTATION, torch.ones(3), 0.1, 2), ValueError, r"y0: shape \(\*, 2\)"),
    "n of y0, without checks": (lambda: Pairs.from_orbit(Plain(), torch.ones(3), 0.1, 2), ValueError, "y0: "),
    "n of states": (lambda: Pairs.from_states(ROTATION, torch.ones(4, 3), 0.1), ValueError, "states"),
    "one time": (lambda: Pairs.from_trajectory([0.0], torch.ones(1, 2)), ValueError, "two at least"),
    "times and rows": (lambda: Pairs.from_trajectory([0.0, 1.0], torch.ones(3, 2)), ValueError, "got 3 for 2"),
    "turning times": (lambda: Pairs.from_trajectory([0.0, 1.0, 1.0], torch.ones(3, 2)), ValueError, "strictly"),
    "columns as text": (lambda: Pairs.from_csv(__file__, columns="a"), TypeError, "columns: a list"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    make, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message):
        make()


shapes = array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
dtypes = st.sampled_from([np.float64, np.float32, np.int64, np.complex128, np.bool_, "U2", "O"])
anything = st.one_of(arrays(dtypes, shapes, fill=st.nothing()), st.floats(), st.none(), st.text(max_size=2))


@settings(max_examples=200, deadline=None)
@given(anything, anything, anything)
def test_bad_arguments_raise_value_or_type_errors_only(y, h, target):
    with contextlib.suppress(ValueError, TypeError):
        Pairs(y, h, target)


@pytest.mark.parametrize("how", ["normal", "angles", "area"])
def test_random_states_are_those_of_the_generator_and_lie_where_they_should(how):
    body = RigidBody()
    pairs = Pairs.from_random(body, 7, 0.1, how, torch.Generator().manual_seed(3))
    again = Pairs.from_random(body, 7, 0.1, how, torch.Generator().manual_seed(3))
    assert pairs.fingerprint() == again.fingerprint()
    assert pairs.y.dtype == FLOAT64
    torch.testing.assert_close(pairs.target, body.flow(pairs.y, 0.1))
    on_sphere = bool(((pairs.y.norm(dim=1) - 1).abs() < 1e-12).all())
    assert on_sphere == (how != "normal")


@pytest.mark.parametrize(("system", "how"), [(Pendulum(), "area"), (RigidBody(), "uniform")])
def test_a_sampling_that_is_not_there_is_refused(system, how):
    with pytest.raises(ValueError, match="how: "):
        Pairs.from_random(system, 5, 0.1, how)
