"""A full disk, a folder that cannot be written, a damaged checkpoint: said by name, and never a wrong number."""

import os
import random
import resource
import tempfile
from pathlib import Path

import pytest
import torch
import trainings

from locsym import LocSympNet
from locsym.data import Pairs
from locsym.training import fit
from locsym.training.record import FILE

LIMITS = (0, 1, 7, 8, 9, 100, 1000)  # bytes that fit on the disk; no checkpoint has so few
SPOILT = 40  # files each


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A network, its pairs, its training, and the file that the training left."""
    place, generator = tmp_path_factory.mktemp("whole"), torch.Generator().manual_seed(0)
    y = torch.randn(10, 3, generator=generator, dtype=torch.float64)
    problem = LocSympNet(3, 1, 4, std=0.5, generator=generator), Pairs(y, 0.1, y + 0.1 * y.roll(1, 1).sin())
    return problem, trainings.bits(fit(*problem, iterations=3, folder=place)), (place / FILE).read_bytes()


def spoil_and_train(content, whole, place):
    """Put ``content`` where the checkpoint was: what is trained must be the same, and said to be new."""
    (place / FILE).write_bytes(content)
    with pytest.warns(RuntimeWarning, match=rf"folder: {place / FILE}: .*; moved to {FILE}\.damaged, training starts"):
        run = fit(*whole[0], iterations=3, folder=place)
    assert trainings.bits(run) == whole[1]
    assert str(place / FILE) in run.note
    assert (place / f"{FILE}.damaged").read_bytes() == content


@pytest.mark.parametrize("part", range(4))
def test_a_truncated_checkpoint_is_trained_again(part, whole, fault, tmp_path):
    content, chance = whole[2], random.Random(part)
    lengths = [part, *(chance.randrange(len(content)) for _ in range(SPOILT // 4 - 2)), len(content) - 1 - part]
    for length in lengths:
        with fault("disk", "checkpoint truncated"):
            spoil_and_train(content[:length], whole, tmp_path)


@pytest.mark.parametrize("part", range(4))
def test_a_checkpoint_with_flipped_bits_is_trained_again(part, whole, fault, tmp_path):
    chance = random.Random(part)
    for _ in range(SPOILT // 4):
        content = bytearray(whole[2])
        for _ in range(part + 1):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        with fault("disk", "checkpoint with flipped bits"):
            spoil_and_train(content, whole, tmp_path)


@pytest.mark.parametrize("limit", LIMITS)
def test_a_full_disk_is_said_before_any_work(limit, fault, tmp_path):
    with fault("disk", "full from the start"):
        told = trainings.result(*trainings.start(trainings.train, "lm", tmp_path, limit))
        assert isinstance(told, OSError)
        assert f"File too large: '{trainings.folder(tmp_path) / FILE}'" in str(told)
        assert {path.name for path in trainings.folder(tmp_path).iterdir()} == {".lock"}


def first_size(method, root):
    """Return the size of a checkpoint without rows, with some room for numbers that become longer."""
    run = trainings.EXPERIMENTS[method].run
    try:
        run(root, progress=stop)
    except StopIteration:
        return (trainings.folder(root) / FILE).stat().st_size + 64


def stop(*_):
    raise StopIteration


@pytest.fixture(scope="module")
def adam(tmp_path_factory):
    """What Adam's training gives, and the size of its first checkpoint."""
    places = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("first")
    whole, _ = trainings.result(*trainings.start(trainings.train, "adam", places[0]))
    return whole, trainings.result(*trainings.start(first_size, "adam", places[1]))


@pytest.mark.parametrize("rows", [2, 500, 3000])
def test_a_disk_that_fills_up_costs_nothing(rows, adam, fault, tmp_path):
    """The history grows: at some row the checkpoint no longer fits."""
    whole, first = adam
    with fault("disk", "full on the way"):
        told, note = trainings.result(*trainings.start(trainings.train, "adam", tmp_path / "run", first + 32 * rows))
        assert told == whole, "the training goes on in memory"
        assert f"could not be written: [Errno 27] File too large: '{trainings.folder(tmp_path / 'run') / FILE}'" in note
        kept = trainings.checkpoint(tmp_path / "run")
        assert len(kept.rows) <= rows
        assert kept.reason is None, "the last one that was whole"
        assert trainings.result(*trainings.start(trainings.train, "adam", tmp_path / "run"))[0] == whole


PLACES = {"below a file": "file/run", "where a file is": "file", "in a folder that does not let": "closed/run"}


def in_place(place, user):
    """Train in a folder that cannot be; a superuser, whom no folder keeps out, becomes another user first."""
    if os.geteuid() == 0 and user:
        os.setuid(user)
    network = LocSympNet(3, 1, 4)
    y = torch.ones(2, 3, dtype=torch.float64)
    fit(network, Pairs(y, 0.1, y), folder=place)


@pytest.mark.parametrize("name", PLACES)
def test_a_folder_that_cannot_be_written_is_named_before_any_work(name, fault):
    with tempfile.TemporaryDirectory() as top, fault("disk", "no place to write"):
        os.chmod(top, 0o755)
        Path(top, "file").touch()
        Path(top, "closed").mkdir(mode=0o555)
        place = Path(top, PLACES[name])
        told = trainings.result(*trainings.start(in_place, place, 65534 if "closed" in str(place) else 0))
        assert isinstance(told, OSError)
        assert str(place) in str(told)


def save_network(path):
    LocSympNet(3, 1, 4).save(path)


def save_pairs(path):
    y = torch.ones(2, 3, dtype=torch.float64)
    Pairs(y, 0.1, y).save(path)


def limited(work, path):
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
    work(path)


@pytest.mark.parametrize("save", [save_network, save_pairs])
def test_a_file_that_does_not_fit_keeps_the_old_one(save, fault, tmp_path):
    save(tmp_path / "kept")
    before = (tmp_path / "kept").read_bytes()
    with fault("disk", "full while a file is saved"):
        told = trainings.result(*trainings.start(limited, save, tmp_path / "kept"))
        assert str(told) == f"[Errno 27] File too large: '{tmp_path / 'kept'}'"
        assert (tmp_path / "kept").read_bytes() == before
        assert os.listdir(tmp_path) == ["kept"]


@pytest.mark.parametrize("save", [save_network, save_pairs])
def test_a_missing_folder_is_missing(save, fault, tmp_path):
    with fault("disk", "no place to write"), pytest.raises(FileNotFoundError, match="none/kept"):
        save(tmp_path / "none" / "kept")
