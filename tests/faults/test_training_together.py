"""Two trainings at once: of one experiment they share one result, of two they keep apart; no file is mixed."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
import trainings

from locsym import LocSympNet, Network
from locsym.training import fit, loop

KIND = "two at once"


def seconds(root):
    """The seconds of each iteration, which no second training gives again."""
    return trainings.checkpoint(root).rows[:, 3].tolist()


def share(method, root):
    """Return the bits of the training, and the seconds, which no second training would give again."""
    run = trainings.EXPERIMENTS[method].run(root)
    return trainings.bits(run), run.history.seconds.tolist()


@pytest.mark.parametrize("method", ["lm", "adam"])
def test_two_processes_share_one_training(method, fault, tmp_path):
    with fault(KIND, "one experiment, processes"):
        first, second = (trainings.start(share, method, tmp_path) for _ in range(2))
        told = trainings.result(*first)
        assert told == trainings.result(*second)
        assert told[1] == seconds(tmp_path)
        assert {path.name for path in trainings.folder(tmp_path).iterdir()} == trainings.LEFT


def test_two_threads_share_one_training(fault, tmp_path):
    experiment, told = trainings.EXPERIMENTS["lm"], []

    def run(_):
        return experiment.run(tmp_path, progress=lambda *news: told.append(news))

    with fault(KIND, "one experiment, threads"), ThreadPoolExecutor(2) as pool:
        first, second = pool.map(run, range(2))
        assert trainings.bits(first) == trainings.bits(second)
        assert first.history.seconds.tolist() == second.history.seconds.tolist() == seconds(tmp_path)
        assert any(text.startswith("waiting for another training") for _, _, text in told)


def test_threads_train_several_seeds(fault, tmp_path):
    experiments = [replace(trainings.EXPERIMENTS["adam"], seed=seed) for seed in range(4)]
    with fault(KIND, "several seeds, threads"), ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda experiment: trainings.bits(experiment.run(tmp_path)), experiments))
        assert together == [trainings.bits(experiment.run()) for experiment in experiments]


def test_where_the_first_is_killed_the_second_goes_on(fault, tmp_path):
    whole = trainings.result(*trainings.start(trainings.train, "adam", tmp_path / "whole"))
    with fault(KIND, "the first of two is killed"):
        first, said = trainings.start(trainings.train, "adam", tmp_path / "both")
        while not (tmp_path / "both").exists() or trainings.checkpoint(tmp_path / "both") is None:
            time.sleep(0.002)
        second = trainings.start(trainings.train, "adam", tmp_path / "both")
        time.sleep(0.05)
        first.kill()
        said.close()
        assert trainings.result(*second) == whole


def test_another_training_waits_and_is_refused(fault, tmp_path, monkeypatch):
    experiment, begun = trainings.EXPERIMENTS["adam"], threading.Event()
    monkeypatch.setattr(loop, "CHUNK", 0.01)
    pairs, _ = experiment.make_pairs()

    def first():
        return fit(experiment.make_network(), pairs, "adam", folder=tmp_path, progress=lambda *_: begun.set())

    with fault(KIND, "two experiments, one folder"), ThreadPoolExecutor(1) as pool:
        running = pool.submit(first)
        assert begun.wait(60)
        with pytest.raises(ValueError, match=r"folder: .* holds another training"):
            fit(experiment.make_network(), pairs, "lm", folder=tmp_path)
        assert len(running.result().history) == 20_000


def save_often(path, seed):
    network = LocSympNet(3, 2, 30, generator=torch.Generator().manual_seed(seed))
    for _ in range(40):
        network.save(path)


def test_a_file_written_by_several_is_always_whole(fault, tmp_path):
    path, seeds = tmp_path / "net", range(3)
    save_often(path, 0)
    known = [LocSympNet(3, 2, 30, generator=torch.Generator().manual_seed(seed)).layers[0].W for seed in seeds]
    with fault(KIND, "one file, several writers"):
        writers = [trainings.start(save_often, path, seed) for seed in seeds]
        while any(process.is_alive() for process, _ in writers):
            found = Network.load(path).layers[0].W
            assert any(torch.equal(found, W) for W in known)
        assert [trainings.result(*writer) for writer in writers] == [None] * 3
        assert list(tmp_path.iterdir()) == [path]
