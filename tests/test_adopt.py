"""Long trainings of earlier code are taken over where the new code repeats their beginning to the last bit."""

from dataclasses import replace

import pytest
import torch
from companion import adopt, kept
from companion.project import Project

from locsym.experiments import ONE_ORBIT, experiment
from locsym.training.adam import AdamOptimiser
from locsym.training.record import Checkpoint

SMALL = replace(
    ONE_ORBIT, data=replace(ONE_ORBIT.data, N=8, M=4), training=replace(ONE_ORBIT.training, iterations=400)
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a training that earlier code has finished, and that its notebooks ask for."""
    monkeypatch.setattr(adopt, "trainings", tmp_path / "trainings")
    monkeypatch.setattr(adopt, "known", lambda project: {SMALL})
    with monkeypatch.context() as earlier:
        earlier.setattr(experiment, "digest", lambda: "0123456789abcdef")
        SMALL.run(tmp_path / "trainings")
    return Project(tmp_path)


def test_a_training_of_earlier_code_is_adopted(project, capsys):
    old = adopt.by_other_code(SMALL)
    assert adopt.adopt(project, repeated=50) == 0
    assert "adopted, its first 50 of 400 iterations are the same" in capsys.readouterr().out
    taken = Checkpoint.read(SMALL.folder(adopt.trainings))
    assert torch.equal(taken.weights, old.weights)
    assert "finished by earlier code, whose first 50 iterations this code repeats" in taken.note
    run = SMALL.run(adopt.trainings)
    assert (run.reason, run.iterations) == ("iterations", 400), "loaded, not trained again"


def test_a_training_that_earlier_code_named_otherwise_is_adopted_under_its_new_name(project):
    old = adopt.by_other_code(SMALL)
    other = next(folder for folder in adopt.trainings.iterdir() if folder != SMALL.folder(adopt.trainings))
    replace(old, fingerprint="0" * 64).write(other)
    assert adopt.adopt(project, repeated=50) == 0
    assert SMALL.run(adopt.trainings).iterations == 400, "its own code takes it for its own"


def test_what_is_finished_is_left_alone(project, capsys):
    SMALL.run(adopt.trainings)
    capsys.readouterr()
    assert adopt.adopt(project, repeated=50) == 0
    assert capsys.readouterr().out == ""


def test_code_that_computes_something_else_adopts_nothing(project, capsys, monkeypatch):
    plain = AdamOptimiser.advance

    def advance(self, rows, target, deadline):
        taken = plain(self, rows, target, deadline)
        taken[:, 0] *= 1 + 2.0**-52
        return taken

    monkeypatch.setattr(AdamOptimiser, "advance", advance)
    assert adopt.adopt(project, repeated=50) == 1
    assert "not adopted" in capsys.readouterr().out
    assert adopt.finished(SMALL.folder(adopt.trainings)) is None


def test_the_kept_trainings_are_known(tmp_path, monkeypatch):
    finished = replace(SMALL, training=replace(SMALL.training, iterations=20))
    project = Project(tmp_path)
    kept.Kept.of(finished, finished.run(tmp_path / "trainings")).write(project.kept)
    monkeypatch.setattr(adopt, "names", lambda project: [])
    assert adopt.known(project) == {finished}
