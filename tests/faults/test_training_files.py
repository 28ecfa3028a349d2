"""Whatever lies under a checkpoint's name: refused by name, nothing executed, little memory taken."""

import json
import os
import pickle
import resource
import struct
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import trainings
from safetensors.torch import save_file

from locsym import LocSympNet
from locsym.data import Pairs, storage
from locsym.training import fit
from locsym.training.record import FILE, Checkpoint

MEMORY = 400  # MiB more than before: what the longest header may become


def problem():
    y = torch.randn(10, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    network = LocSympNet(3, 1, 4, std=0.5, generator=torch.Generator().manual_seed(1))
    return network, Pairs(y, 0.1, y + 0.1 * y.roll(1, 1).sin())


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def header(text, size=None):
    """The bytes of a safetensors file with that header."""
    return struct.pack("<Q", len(text) if size is None else size) + text


def sealed(text, metadata):
    """A file of ours, as far as its header says."""
    about = {"format": storage.FORMAT, "kind": "training", "sha256": "0" * 64} | metadata
    return header(json.dumps({"__metadata__": about} | text).encode())


def sparse(path):
    """A file of half a GiB that takes no place on the disk, and says that it is one tensor."""
    path.write_bytes(sealed({"rows": {"dtype": "U8", "shape": [2**29], "data_offsets": [0, 2**29]}}, {"config": "{}"}))
    os.truncate(path, 2**29)


FOREIGN = {
    "pickle": lambda path: path.write_bytes(pickle.dumps(Bomb())),
    "torch's zip": lambda path: torch.save({"bomb": Bomb()}, path),
    "a header of 2^60 bytes": lambda path: path.write_bytes(header(b"{}", 2**60)),
    "a header of 100 MB": lambda path: path.write_bytes(header(b" " * 100_000_000)),
    "brackets 8 million deep": lambda path: path.write_bytes(header(b"[" * 2**23)),
    "a million objects": lambda path: path.write_bytes(header(b'{"a":[' + b"{}," * 2**22 + b"{}]}")),
    "a number of a million digits": lambda path: path.write_bytes(header(b'{"a":' + b"9" * 10**6 + b"}")),
    "a configuration that is too deep": lambda path: path.write_bytes(sealed({}, {"config": "[" * 10**5})),
    "another's safetensors": lambda path: save_file({"rows": torch.ones(3, 4)}, path),
    "metadata that are no text": lambda path: path.write_bytes(sealed({}, {"config": [1], "sha256": {}})),
    "a network": lambda path: problem()[0].save(path),
    "pairs": lambda path: problem()[1].save(path),
    "a folder": lambda path: path.mkdir(),
    "an image": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000)),
    "empty": lambda path: path.touch(),
    "half a GiB of nothing": sparse,
}


def refused(place):
    """Train where the file is; return what was warned, and the MiB that were taken for it."""
    os.chdir(place)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        fit(*problem(), iterations=2, folder=place)
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return [str(warning.message) for warning in warned], taken / 2**10


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_refused_by_name_and_runs_nothing(name, fault, tmp_path):
    FOREIGN[name](tmp_path / FILE)
    with fault("files", "checkpoint, foreign or hostile"):
        (said,), taken = trainings.result(*trainings.start(refused, tmp_path))
        assert said.startswith(f"folder: {tmp_path / FILE}: not a file")
        assert taken < MEMORY
        assert not Path(tmp_path, "executed").exists()
        assert Checkpoint.read(tmp_path).reason == "iterations"


FORGED = {  # with the right name and digest
    "rows of three": lambda c: replace(c, rows=c.rows[:, :3]),
    "rows in float32": lambda c: replace(c, rows=c.rows.float()),
    "more rows than asked for": lambda c: replace(c, rows=c.rows.repeat(9, 1)),
    "rows without a shape": lambda c: replace(c, rows=torch.tensor(0.0)),
    "fewer weights": lambda c: replace(c, weights=c.weights[1:]),
    "a state of other weights": lambda c: replace(c, state=c.state | {"theta": c.weights.repeat(2)}),
    "a state in float32": lambda c: replace(c, state=c.state | {"theta": c.weights.float()}),
    "no state": lambda c: replace(c, state={}),
    "another reason": lambda c: replace(c, reason="because"),
    "a reason that is a list": lambda c: replace(c, reason=["iterations"]),
    "seconds in words": lambda c: replace(c, seconds="a while"),
    "a note that is none": lambda c: replace(c, note=None),
    "a configuration that is none": lambda c: replace(c, configuration=[]),
}


@pytest.mark.parametrize("reason", [None, "iterations"])
@pytest.mark.parametrize("name", FORGED)
def test_a_forged_checkpoint_is_refused_by_name(name, reason, fault, tmp_path):
    whole = fit(*problem(), iterations=4, folder=tmp_path)
    forged = FORGED[name](replace(Checkpoint.read(tmp_path), reason=reason))
    forged.write(tmp_path)
    with fault("files", "checkpoint, wrong shapes or types"):
        with pytest.warns(RuntimeWarning, match=rf"folder: {tmp_path / FILE}: .* training starts over"):
            run = fit(*problem(), iterations=4, folder=tmp_path)
        assert trainings.bits(run) == trainings.bits(whole)
