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


def killed(method, root, seconds):
    """Start a training and kill it so many seconds later; False where it had ended by then."""
    process, told = trainings.start(trainings.train, method, root)
    time.sleep(seconds)
    process.kill()
    process.join()
    told.close()
    return process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("moment", range(KILLS))
def test_a_killed_training_ends_with_the_same_bits(undisturbed, moment, fault, tmp_path):
    method, whole, seconds = undisturbed
    fraction = random.Random(moment).uniform(moment / KILLS, (moment + 1) / KILLS)
    with fault("killed", f"training, {method}"):
        tries = ((tmp_path / str(i), 0.9**i * fraction * seconds) for i in itertools.count())
        root = next(root for root, moment in tries if killed(method, root, moment))
        trainings.checkpoint(root)  # raises where a half-written file is in use
        assert trainings.result(*trainings.start(trainings.train, method, root)) == whole
        assert {path.name for path in trainings.folder(root).iterdir()} == trainings.LEFT


def test_killed_again_and_again_it_gathers_nothing_and_ends_the_same(undisturbed, fault, tmp_path):
    method, whole, seconds = undisturbed
    root, chance, kills = tmp_path / "run", random.Random(0), 0
    while kills < AGAIN:
        if not killed(method, root, chance.uniform(0.05, 0.2) * seconds):  # the machine is faster than it was
            root, seconds, kills = root.with_name(f"{root.name}, again"), seconds / 2, 0
            continue
        with fault("killed", f"training, {method}, again and again"):
            trainings.checkpoint(root)
            left = {path.name for path in root.rglob("*") if path.is_file()}
            assert left <= trainings.LEFT | {f".{FILE}.part"}
            kills += 1
    assert trainings.result(*trainings.start(trainings.train, method, root)) == whole
