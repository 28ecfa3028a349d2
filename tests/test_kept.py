"""Kept trainings: every edition shows what the full build trained, and notices when it is no longer the same."""

import dataclasses
import json
import math
from dataclasses import replace

import pytest
import torch
from companion import environment, kept
from companion.fingerprint import digest, kept_changes
from companion.kept import COMPARED, Differs, Kept, trained
from companion.project import Project
from torch.nn.utils import parameters_to_vector

from locsym.data.storage import Damaged
from locsym.experiments import ONE_ORBIT, Experiment
from locsym.experiments.code_digest import digest as code_digest
from locsym.training import Run

TRAINING = replace(ONE_ORBIT.training, iterations=3000, rate=(1e-2, 1e-4))
SMALL = replace(ONE_ORBIT, data=replace(ONE_ORBIT.data, N=8, M=4), training=TRAINING)
PROJECT = Project(environment.ROOT)
FILES = sorted(PROJECT.kept.glob("*.safetensors"))


def flat(network):
    return parameters_to_vector(network.parameters()).detach()


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Run:
    return SMALL.run(tmp_path_factory.mktemp("trainings"))


@pytest.fixture
def folder(finished, tmp_path, monkeypatch):
    """A project that keeps the finished training, and whose folder of trainings is empty."""
    monkeypatch.setattr(kept, "trainings", tmp_path / "trainings")
    monkeypatch.setenv(environment.KEPT, str(tmp_path / "kept"))
    monkeypatch.setenv(environment.ASKED, str(tmp_path / "asked"))
    monkeypatch.delenv(environment.REQUIRED, raising=False)
    Kept.of(SMALL, finished).write(tmp_path / "kept")
    return tmp_path / "kept"


def test_a_kept_training_is_the_finished_one(folder, finished):
    run = trained(SMALL, here=500)
    assert torch.equal(flat(run.network), flat(finished.network))
    assert (run.iterations, run.loss, run.validation) == (3000, finished.loss, finished.validation)
    assert (run.reason, run.method) == ("iterations", "adam")
    at = run.history.iteration - 1
    assert {90, 240} <= set(run.history.iteration.tolist()), "they are changed below"
    for name in ("loss", "validation", "step"):
        assert torch.equal(getattr(run.history, name), getattr(finished.history, name)[at])
    assert at[0] == 0
    assert at[-1] == 2999, "a log axis shows it from end to end"
    assert "its first 500 iterations were run again" in run.note


def test_its_seconds_follow_the_pace_of_the_iterations_run_here(folder, finished):
    """They would compare machines otherwise: one that made the kept training, and one that runs everything else."""
    run, first = trained(SMALL, here=500), SMALL.run(kept.trainings, pause=0)
    last = int(run.history.iteration[run.history.iteration <= 500][-1])
    pace = first.history.seconds[last - 1] / finished.history.seconds[last - 1]
    assert run.seconds == pytest.approx(float(pace * finished.seconds))
    at = run.history.iteration - 1
    torch.testing.assert_close(run.history.seconds, pace * finished.history.seconds[at])


def test_only_the_beginning_is_run(folder):
    trained(SMALL, here=500)
    again = SMALL.run(kept.trainings, pause=0)
    assert (again.reason, again.iterations) == ("paused", 500)


@pytest.mark.parametrize("here", [None, 3000, 10**9])
def test_a_full_edition_trains_it_itself(folder, finished, here):
    (folder / f"{SMALL.key}.safetensors").unlink()
    run = trained(SMALL, here)
    assert len(run.history) == 3000, "nothing is left out"
    assert torch.equal(flat(run.network), flat(finished.network))


def test_what_is_not_kept_is_trained_in_full_but_refused_by_a_build(folder, monkeypatch):
    other = replace(SMALL, seed=1, training=replace(SMALL.training, iterations=50))
    assert trained(other, here=10).reason == "iterations"
    monkeypatch.setenv(environment.REQUIRED, "1")
    with pytest.raises(Differs, match=f"{other.key} is not kept.*make keep"):
        trained(other, here=10)


def edited(folder, change):
    """Replace the kept training by one with something else in it."""
    place = folder / f"{SMALL.key}.safetensors"
    held = Kept.read(place)
    change(held)
    held.write(folder)


def nudge(held, at, relative):
    """Change the loss of iteration ``at``."""
    held.rows[held.numbers == at, 0] *= 1 + relative


def test_another_history_is_noticed_to_the_last_bit(folder):
    edited(folder, lambda held: nudge(held, 90, 3e-16))
    with pytest.raises(Differs, match=r"at iteration \d+ its errors are .* allowed is no difference"):
        trained(SMALL, here=500)


@pytest.mark.parametrize(("at", "relative", "good"), [(90, 1e-12, True), (90, 1e-8, False), (240, 0.1, True)])
def test_another_machine_may_round_otherwise(folder, at, relative, good):
    def moved(held):
        held.about["bits"]["kernel"] = "another"
        nudge(held, at, relative)

    edited(folder, moved)
    if good:
        assert trained(SMALL, here=500).iterations == 3000
    else:
        with pytest.raises(Differs, match="a relative difference of 1e-10"):
            trained(SMALL, here=500)


def test_two_kernels_differ_less_than_the_tolerance(finished):
    """The compiled kernel and torch round differently: the measure of what another machine may do."""
    from locsym.training.adam import Adam

    pairs, validation = SMALL.make_pairs()
    plain = Adam(SMALL.training.rate).start(SMALL.make_network(), pairs, validation, iterations=3000)
    rows = plain._plain(kept.COMPARED, -math.inf, math.inf)
    compiled = torch.stack([finished.history.loss, finished.history.validation], 1)[: kept.COMPARED]
    far = ((rows[:, :2] - compiled).abs() / compiled).max()
    assert far < 0.01 * kept.TOLERANCE["float64"]


def test_a_network_that_is_not_the_kept_one_is_noticed(folder):
    edited(folder, lambda held: held.weights.mul_(1.001))
    with pytest.raises(Differs, match="the loss of the kept network is"):
        trained(SMALL, here=100)


def test_a_damaged_file_is_refused(folder):
    place = folder / f"{SMALL.key}.safetensors"
    content = bytearray(place.read_bytes())
    content[-5] ^= 1
    place.write_bytes(content)
    with pytest.raises(Damaged, match=SMALL.key):
        trained(SMALL, here=100)


def test_an_unfinished_training_is_not_kept(tmp_path):
    with pytest.raises(ValueError, match="this one is paused"):
        Kept.of(SMALL, SMALL.run(tmp_path, pause=5))


def test_a_notebook_leaves_what_it_asked_for(folder, tmp_path):
    trained(SMALL, here=100)
    trained(SMALL, here=3000)
    (note,) = (tmp_path / "asked").iterdir()
    told = json.loads(note.read_text())
    assert Experiment.from_dict(told["experiment"]) == SMALL
    assert told["kept"] is None, "the last one was trained here"
    trained(SMALL, here=100)
    assert json.loads(note.read_text())["kept"] == digest(folder / f"{SMALL.key}.safetensors")


def test_a_page_is_stale_when_a_kept_training_changed(tmp_path):
    project = Project(tmp_path)
    place = project.kept / "abc.safetensors"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"1")
    made = {"companion": {"trainings": [{"key": "abc", "kept": digest(place)}, {"key": "own", "kept": None}]}}
    assert kept_changes(project, made) == []
    place.write_bytes(b"2")
    assert kept_changes(project, made) == ["the kept training abc changed"]
    place.unlink()
    assert kept_changes(project, made) == ["the kept training abc is gone"]


def test_keep_writes_what_is_asked_and_removes_the_rest(folder, finished, monkeypatch):
    other = replace(SMALL, training=replace(SMALL.training, iterations=20))
    (written,) = kept.keep(folder, [other])
    assert sorted(folder.iterdir()) == [written]
    assert Kept.read(written).experiment == other


@pytest.mark.parametrize("place", FILES, ids=lambda place: place.stem)
def test_the_project_keeps_trainings_of_its_own_code(place, tmp_path):
    held = Kept.read(place)
    assert place.stem == held.experiment.key, "the experiment has changed: make book, then make keep"
    if held.about["code"] != code_digest():  # an addition repeats the kept beginning; a change of a method does not
        held.check(held.experiment.run(tmp_path, pause=COMPARED))
    assert held.about["configuration"]["iterations"] == held.experiment.training.iterations


def test_the_project_keeps_every_long_training_that_its_record_knows():
    recorded = json.loads(PROJECT.record.read_text(encoding="utf-8"))
    assert sorted(place.stem for place in FILES) == recorded["trainings"]
    assert dataclasses.asdict(ONE_ORBIT) in [dataclasses.asdict(Kept.read(place).experiment) for place in FILES]
