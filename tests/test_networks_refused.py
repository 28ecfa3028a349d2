"""What networks and their steps refuse, and that the error names it."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locsym import GradientModule, LASympNet, LocSympNet, Network, SympNet

H = 0.1


@pytest.fixture(autouse=True)
def no_grad():
    with torch.no_grad():
        yield


def states(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)



BAD_NETWORKS = {
    "n": ({"n": 1}, ValueError, "n: a whole number >= 2"),
    "n float": ({"n": 3.0}, TypeError, "n: a whole number >= 2"),
    "K": ({"K": 0}, ValueError, "K: a whole number >= 1"),
    "K bool": ({"K": True}, TypeError, "K: a whole number >= 1"),
    "width": ({"width": -1}, ValueError, "width: a whole number >= 1"),
    "activation": ({"activation": "relu"}, ValueError, "activation: one of .*'sigmoid'.*got 'relu'"),
    "symmetric": ({"symmetric": "yes"}, TypeError, "symmetric: True or False"),
    "order": ({"order": "random"}, ValueError, "order: one of 'ascending', 'printed' is needed"),
    "std": ({"std": math.inf}, ValueError, "std: a finite number >= 0"),
    "bias_std": ({"bias_std": -1}, ValueError, "bias_std: a finite number >= 0"),
    "generator": ({"generator": 3}, TypeError, "generator: a torch.Generator or None"),
    "dtype": ({"dtype": torch.int32}, TypeError, "dtype: torch.float32 or torch.float64"),
}


@pytest.mark.parametrize(("change", "error", "message"), BAD_NETWORKS.values(), ids=BAD_NETWORKS)
def test_bad_arguments_are_named(change, error, message):
    with pytest.raises(error, match=message):
        LocSympNet(**{"n": 3, "K": 1, "width": 4, **change})


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (SympNet, (3, 1, 4), "n: an even number"),
        (SympNet, (4, 0, 4), "L: a whole number >= 1"),
        (SympNet, (4, 1, 0), "width: a whole number >= 1"),
        (LASympNet, (5, 1), "n: an even number"),
        (LASympNet, (4, 0), "L: a whole number >= 1"),
        (LASympNet, (4, 1, 0), "sublayers: a whole number >= 1"),
        (Network, (3, [GradientModule.local(4, 0, "up", 2)], ((0, 1.0),)), "layers: modules of dimension n = 3"),
        (Network, (3, [], ()), "visits: each of the 0 layers"),
        (Network, (3, [GradientModule.local(3, 0, "up", 2)], ((1, 1.0),)), "visits: each of the 1 layers"),
    ],
)
def test_bad_arguments_of_other_networks_are_named(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(*arguments)


BAD_STEPS = {
    "list": (([1.0, 2.0, 3.0], H), TypeError, r"y: a tensor of shape \(\*, 3\)"),
    "integers": ((torch.ones(3, dtype=torch.int64), H), TypeError, "y: a floating-point .*got torch.int64"),
    "complex": ((torch.ones(3, dtype=torch.complex128), H), TypeError, "y: a floating-point dtype"),
    "float32": ((torch.ones(3), H), TypeError, "y: dtype torch.float32, but the weights have torch.float64"),
    "n": ((states(5, 4), H), ValueError, r"y: shape \(\*, 3\) is needed, got \(5, 4\)"),
    "scalar": ((states(), H), ValueError, r"y: shape \(\*, 3\) is needed, got \(\)"),
    "NaN": ((torch.full((2, 3), math.nan, dtype=torch.float64), H), ValueError, "y: finite values are needed"),
    "infinity": ((torch.full((3,), math.inf, dtype=torch.float64), H), ValueError, "y: finite values are needed"),
    "h shape": ((states(5, 3), states(4)), ValueError, r"h: .*\(\) or \(5,\), one value a sample, .*got \(4,\)"),
    "h column": ((states(5, 3), states(5, 1)), ValueError, r"h: .*got \(5, 1\)"),
    "h integer": ((states(5, 3), torch.ones(5, dtype=torch.int64)), TypeError, "h: .*got torch.int64"),
    "h NaN": ((states(3), math.nan), ValueError, "h: a finite number or a tensor is needed, got nan"),
    "h NaNs": ((states(1, 3), torch.tensor([math.nan], dtype=torch.float64)), ValueError, "h: finite values"),
    "h text": ((states(3), "0.1"), TypeError, "h: a finite number or a tensor is needed, got '0.1'"),
}


@pytest.mark.parametrize("flow", [LocSympNet(3, 1, 4), GradientModule.local(3, 0, "up", 4)], ids=("network", "module"))
@pytest.mark.parametrize("direction", ["forward", "inverse"])
@pytest.mark.parametrize(("arguments", "error", "message"), BAD_STEPS.values(), ids=BAD_STEPS)
def test_a_bad_step_is_refused(arguments, error, message, direction, flow):
    with pytest.raises(error, match=message):
        getattr(flow, direction)(*arguments)


junk = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 5), st.floats(), st.text(max_size=3), st.lists(st.integers(), max_size=2)
)
shapes = st.lists(st.integers(0, 3), max_size=3)
dtypes = st.sampled_from([torch.float64, torch.float32, torch.int64, torch.bool, torch.complex64])
values = st.sampled_from([0.5, math.nan])
tensors = st.builds(lambda shape, dtype, value: torch.full(shape, value).to(dtype), shapes, dtypes, values)


@settings(max_examples=300, deadline=None)
@given(st.one_of(junk, tensors), st.one_of(junk, tensors))
def test_a_step_keeps_the_shape_or_refuses(y, h):
    net = LocSympNet(3, 1, 2, std=1.0)
    for flow in (net, net.inverse, net.layers[0], net.layers[0].inverse):
        try:
            Y = flow(y, h)
        except (TypeError, ValueError):
            continue
        assert Y.shape == y.shape


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["n", "K", "width", "activation", "symmetric", "order", "std", "dtype"]), junk))
def test_a_network_is_made_or_refused(change):
    try:
        net = LocSympNet(**{"n": 3, "K": 1, "width": 2, **change})
    except (TypeError, ValueError):
        return
    assert net.config.items() >= {key: value for key, value in change.items() if key in net.CONFIG}.items()
