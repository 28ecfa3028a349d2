"""SIGKILL at any moment of a training: the next run ends with the same bits, and nothing has to be cleaned up."""

import itertools
import random
import signal
import time

import pytest
import trainings

from locsym.training.record import FILE

KILLS = 10  # of each method
AGAIN = 4  # of one training


@pytest.fixture(scope="module", params=["lm", "adam"])
def undisturbed(request, tmp_path_factory):
    """A method, what its training gives, and how many seconds it takes in a process of its own."""
    seconds = []
    for i in range(2):
        root, begin = tmp_path_factory.mktemp("whole") / str(i), time.perf_counter()
        told = trainings.result(*trainings.start(trainings.train, request.param, root))
        seconds.append(time.perf_counter() - begin)
    return request.param, told, min(seconds)


def killed(method, place, seconds):
    """Return where a training was killed so many seconds after its start; earlier, where it had ended by then."""
    for attempt in itertools.count():
        root = place / str(attempt)
        process, told = trainings.start(trainings.train, method, root)
        time.sleep(seconds * 0.9**attempt)
        process.kill()
        process.join()
        told.close()
        if process.exitcode == -signal.SIGKILL:
            return root


@pytest.mark.parametrize("moment", range(KILLS))
def test_a_killed_training_ends_with_the_same_bits(undisturbed, moment, fault, tmp_path):
    method, whole, seconds = undisturbed
    fraction = random.Random(moment).uniform(moment / KILLS, (moment + 1) / KILLS)
    with fault("killed", f"training, {method}"):
        root = killed(method, tmp_path, fraction * seconds)
        trainings.checkpoint(root)  # raises where a half-written file is in use
        assert trainings.result(*trainings.start(trainings.train, method, root)) == whole
        assert {path.name for path in trainings.folder(root).iterdir()} == trainings.LEFT


def test_killed_again_and_again_it_gathers_nothing_and_ends_the_same(undisturbed, fault, tmp_path):
    method, whole, seconds = undisturbed
    root, chance = tmp_path / "run", random.Random(0)
    for _ in range(AGAIN):
        with fault("killed", f"training, {method}, again and again"):
            process, told = trainings.start(trainings.train, method, root)
            time.sleep(chance.uniform(0.05, 0.2) * seconds)
            process.kill()
            process.join()
            told.close()
            assert process.exitcode == -signal.SIGKILL, "it was killed on its way"
            trainings.checkpoint(root)
            left = {path.name for path in root.rglob("*") if path.is_file()}
            assert left <= trainings.LEFT | {f".{FILE}.part"}
    assert trainings.result(*trainings.start(trainings.train, method, root)) == whole
