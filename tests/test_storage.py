"""Files of networks: nothing in them is executed, and what is not sound is refused with a reason."""

import json
import os
import pickle
import struct
import threading
import zipfile
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save, save_file

from locsym import LASympNet, LocSympNet, Network, SympNet
from locsym.data import storage

NETWORKS = {
    "plain": lambda **init: LocSympNet(3, 2, 5, **init),
    "symmetric tanh": lambda **init: LocSympNet(4, 1, 3, "tanh", symmetric=True, **init),
    "printed linear": lambda **init: LocSympNet(3, 2, 5, "linear", order="printed", **init),
    "G-SympNet": lambda **init: SympNet(4, 2, 3, "swish", **init),
    "LA-SympNet": lambda **init: LASympNet(4, 2, 3, **init),
}
HEADER = {"architecture": "LocSympNet", "dtype": "float64", **LocSympNet(3, 1, 4).config}


def network(seed=0, **init):
    return LocSympNet(3, 1, 4, generator=torch.Generator().manual_seed(seed), **init)


def tensors():
    return {key: value.detach().clone() for key, value in network().state_dict().items()}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_a_network_comes_back_as_it_was(make, dtype, tmp_path):
    net, path = make(dtype=dtype), tmp_path / "net.safetensors"
    net.save(path)
    back, y = Network.load(path), torch.randn(5, net.n, dtype=dtype)
    assert type(back) is type(net)
    assert back.config == net.config
    assert repr(back) == repr(net)
    assert torch.equal(back(y, 0.1), net(y, 0.1))
    assert back.state_dict().keys() == net.state_dict().keys()


def test_loading_leaves_the_global_random_state_alone(tmp_path):
    network().save(tmp_path / "net")
    before = torch.get_rng_state()
    Network.load(tmp_path / "net")
    assert torch.equal(before, torch.get_rng_state())


def test_the_configuration_is_in_the_header(tmp_path):
    network().save(tmp_path / "net")
    with safe_open(tmp_path / "net", framework="pt") as file:
        header = file.metadata()
    assert (header["format"], header["kind"]) == ("locsym 2", "network")
    assert json.loads(header["config"]) == HEADER


def test_a_file_is_replaced_whole_and_nothing_is_left_beside(tmp_path):
    path = tmp_path / "net"
    network(0).save(path)
    network(1).save(path)
    assert torch.equal(Network.load(path).layers[0].W, network(1).layers[0].W)
    assert list(tmp_path.iterdir()) == [path]


def test_the_remains_of_a_killed_writer_are_written_over(tmp_path):
    (tmp_path / ".file.part").write_bytes(b"what another had begun to write")
    storage.replace(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


def test_who_finds_a_lock_taken_says_so_and_waits(tmp_path):
    path, waits, inside = tmp_path / "lock", threading.Event(), threading.Event()

    def second():
        with storage.locked(path, waits.set):
            inside.set()

    thread = threading.Thread(target=second)
    with storage.locked(path, lambda: pytest.fail("nobody held it")):
        thread.start()
        assert waits.wait(10)
        assert not inside.wait(0.1), "the first still holds it"
    thread.join(10)
    assert inside.is_set()


def test_who_waited_for_a_file_that_is_gone_locks_the_new_one(tmp_path):
    path, waits, found = tmp_path / "lock", threading.Event(), []

    def second():
        with storage.locked(path, waits.set) as file:
            found.append(os.path.samestat(path.stat(), os.fstat(file.fileno())))

    thread = threading.Thread(target=second)
    with storage.locked(path):
        thread.start()
        assert waits.wait(10)
        path.unlink()
    thread.join(10)
    assert found == [True]


def test_a_configuration_may_be_any_mapping(tmp_path):
    storage.write(tmp_path / "file", "table", {}, MappingProxyType({"n": 3}))
    assert storage.read(tmp_path / "file", "table") == ({}, {"n": 3})


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "net"
    network(0).save(path)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            network(1).save(path)
    assert torch.equal(Network.load(path).layers[0].W, network(0).layers[0].W)
    assert list(tmp_path.iterdir()) == [path]


def test_an_activation_without_a_name_is_not_written(tmp_path):
    with pytest.raises(TypeError, match=r"activation: .* cannot be written"):
        LocSympNet(3, 1, 4, torch.sin).save(tmp_path / "net")
    assert not list(tmp_path.iterdir())


def test_a_network_built_by_hand_is_not_written(tmp_path):
    with pytest.raises(TypeError, match="save: one of"):
        Network(3, network().layers, ((i, 1.0) for i in range(4))).save(tmp_path / "net")


def test_weights_that_are_not_finite_are_not_written(tmp_path):
    net = network()
    with torch.no_grad():
        net.layers[1].w[2] = torch.nan
    with pytest.raises(ValueError, match=r"layers\.1\.w holds NaN or infinity"):
        net.save(tmp_path / "net")
    assert not list(tmp_path.iterdir())


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        Network.load(tmp_path / "net")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="not a file"):
        Network.load(tmp_path)


def test_another_architecture_is_refused(tmp_path):
    SympNet(4, 1, 2).save(tmp_path / "net")
    with pytest.raises(ValueError, match=r"net: holds no network of the architectures .*'LocSympNet'"):
        LocSympNet.load(tmp_path / "net")


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def as_pickle(path):
    path.write_bytes(pickle.dumps(Bomb()))


def as_torch_zip(path):
    torch.save({"bomb": Bomb()}, path)


def as_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights", "x" * 100)


def as_numbers(path):
    path.write_bytes(os.urandom(1000))


def as_truncated(path):
    network().save(path)
    path.write_bytes(path.read_bytes()[:-7])


def as_longer(path):
    network().save(path)
    path.write_bytes(path.read_bytes() + b"tail")


def as_huge_header(path):
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")


def as_list_for_a_header(path):
    path.write_bytes(struct.pack("<Q", 2) + b"[]")


def as_padded_header(path):
    path.write_bytes(struct.pack("<Q", 200_000_000) + b" " * 1000)


def forge(path, config):
    """A file whose digest is right, whatever its configuration is."""
    about = {"format": storage.FORMAT, "kind": "network", "config": config}
    file = BytesIO(save(tensors(), about))
    about["sha256"] = storage._digest(storage._header(file), file)
    path.write_bytes(save(tensors(), about))


def as_deep_configuration(path):
    forge(path, "[" * 100_000)


def as_list(path):
    forge(path, "[1, 2]")


def as_foreign(path):
    save_file(tensors(), path, {"format": "pt"})


def as_empty(path):
    path.touch()


def as_another_configuration(path):
    network().save(path)
    content = path.read_bytes()
    assert b"sigmoid" in content
    path.write_bytes(content.replace(b"sigmoid", b"swish  "))


def as_without_digest(path):
    save_file(tensors(), path, {"format": storage.FORMAT, "kind": "network", "config": json.dumps(HEADER)})


def as_flipped(path):
    network().save(path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1  # a low bit of a weight
    path.write_bytes(content)


def as_another_kind(path):
    storage.write(path, "training", tensors(), HEADER)


DAMAGED = [
    as_pickle, as_torch_zip, as_zip, as_numbers, as_truncated, as_longer, as_huge_header, as_padded_header,
    as_list_for_a_header, as_deep_configuration, as_list, as_foreign, as_empty, as_without_digest, as_flipped,
    as_another_kind, as_another_configuration,
]  # fmt: skip


@pytest.mark.parametrize("make", DAMAGED, ids=lambda make: make.__name__)
def test_a_damaged_file_is_refused_and_nothing_executed(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.safetensors"
    make(path)
    with pytest.raises(ValueError, match=r"net\.safetensors: (not a file written by locsym|the configuration is no)"):
        Network.load(path)
    assert not Path("executed").exists()


BAD_HEADERS = {
    "unknown class": ({"architecture": "Exploit"}, "holds no network of the architectures"),
    "class is a list": ({"architecture": ["LocSympNet"]}, "holds no network"),
    "another class": ({"architecture": "SympNet"}, "the configuration of a SympNet is"),
    "dtype": ({"dtype": "float32"}, "of the one dtype it states"),
    "unknown dtype": ({"dtype": "object"}, "of the one dtype it states"),
    "another width": ({"width": 5}, "asks for another number of weights than it holds"),
    "a gigantic network": ({"n": 10**9, "K": 10**9, "width": 10**9}, "asks for another number of weights"),
    "other shapes of the same size": ({"K": 2, "width": 2}, "the weights layers.0.W have shape"),
    "n is text": ({"n": "3"}, "n: a whole number"),
    "K is negative": ({"K": -1}, "K: a whole number >= 1"),
    "activation": ({"activation": "eval"}, "activation: one of"),
    "activation is no name": ({"activation": None}, "activation: a name"),
    "symmetric": ({"symmetric": 1}, "symmetric: True or False"),
    "order": ({"order": "backwards"}, "order: one of 'ascending', 'printed' is needed"),
    "an extra argument": ({"generator": 0}, "the configuration of a LocSympNet is"),
}


@pytest.mark.parametrize(("change", "message"), BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_a_configuration_that_does_not_fit_is_refused(change, message, tmp_path):
    path = tmp_path / "net.safetensors"
    storage.write(path, "network", tensors(), {**HEADER, **change})
    with pytest.raises(ValueError, match=rf"net\.safetensors: .*{message}"):
        Network.load(path)


BAD_WEIGHTS = {
    "NaN": (lambda t: t["layers.0.w"].fill_(torch.nan), "layers.0.w holds NaN or infinity"),
    "infinity": (lambda t: t["layers.3.b"].fill_(torch.inf), "layers.3.b holds NaN or infinity"),
    "one missing": (lambda t: t.pop("layers.0.w"), "asks for another number of weights"),
    "one renamed": (lambda t: t.update(other=t.pop("layers.0.w")), "the weights layers.0.w have shape None"),
    "one transposed": (lambda t: t.update({"layers.0.W": t["layers.0.W"].mT.contiguous()}), "the weights layers.0.W"),
    "another dtype": (lambda t: t.update({"layers.0.w": t["layers.0.w"].float()}), "of the one dtype it states"),
    "half precision": (lambda t: t.update({"layers.0.w": t["layers.0.w"].half()}), "of the one dtype it states"),
}


@pytest.mark.parametrize(("spoil", "message"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
def test_weights_that_do_not_fit_are_refused(spoil, message, tmp_path):
    path, spoilt = tmp_path / "net.safetensors", tensors()
    spoil(spoilt)
    storage.write(path, "network", spoilt, HEADER)
    with pytest.raises(ValueError, match=rf"net\.safetensors: .*{message}"):
        Network.load(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.binary(min_size=1, max_size=4))
def test_a_file_with_any_bytes_overwritten_loads_or_is_refused(tmp_path, place, spoilt):
    path = tmp_path / "net"
    network().save(path)
    content = bytearray(path.read_bytes())
    place %= len(content)
    content[place : place + len(spoilt)] = spoilt
    path.write_bytes(content)
    try:
        found = Network.load(path).state_dict()
    except ValueError as error:
        message = str(error)
        assert message.startswith(str(path))
    else:
        assert all(torch.equal(found[name], value) for name, value in tensors().items()), "a number has changed"
