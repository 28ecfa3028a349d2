"""``make adopt``: after a change of the training code that should change no bit, take its long trainings over.

A training is named by its code, so after any change of code the full build trains again. Where the new code repeats the
first iterations of a finished training to the last bit, the finished one may be taken for its own, and says so in its
note. This is meant for moved or rewritten code; after a change of the method the full build is the only way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from locsym.data.storage import Damaged
from locsym.experiments import Experiment
from locsym.training import Run
from locsym.training.record import UNFINISHED, Checkpoint

from . import results
from .environment import trainings
from .kept import Kept
from .profiles import names
from .project import Project
from .status import progress

REPEATED = 20_000  # iterations that the new code must repeat
say = partial(print, flush=True)


def adopt(project: Project, repeated: int = REPEATED, say: Callable[[str], None] = say) -> int:
    """Take over every long training of the book that was finished by other code; return 1 where one differs."""
    differing = 0
    for experiment in sorted(known(project), key=lambda one: one.key):
        if finished(experiment.folder(trainings)) or (old := by_other_code(experiment)) is None:
            continue
        run = experiment.run(trainings, progress, pause=min(repeated, len(old.rows)))
        if same(run, old):
            note = f"{old.note}; finished by earlier code, whose first {run.iterations} iterations this code repeats"
            own = Checkpoint.read(experiment.folder(trainings))
            assert own is not None, "the repeated iterations have just been written there"
            taken = replace(old, note=note, fingerprint=own.fingerprint, configuration=own.configuration)
            taken.write(experiment.folder(trainings))  # under the name that this code gives it
            say(f"{experiment.key}: adopted, its first {run.iterations} of {len(old.rows)} iterations are the same")
        else:
            differing += 1
            say(f"{experiment.key}: not adopted, this code computes something else; make book trains it again")
    return 1 if differing else 0


def known(project: Project) -> set[Experiment]:
    """Return the experiments that the executed notebooks asked for, in any profile, and those that are kept."""
    found = {Kept.read(place).experiment for place in project.kept.glob("*.safetensors")}
    for profile in names(project):
        for name in project.notebooks():
            told = results.made(project.executed(profile, name))[0].get("companion", {}).get("trainings", ())
            found |= {Experiment.from_dict(one["experiment"]) for one in told}
    return found


def by_other_code(experiment: Experiment) -> Checkpoint | None:
    """Return the youngest finished training of the same experiment and data by other code; None without any."""
    own = experiment.folder(trainings)
    key, _, data = own.name.split("-")
    others = sorted(trainings.glob(f"{key}-*-{data}"), key=lambda folder: -folder.stat().st_mtime)
    return next(filter(None, (finished(folder) for folder in others if folder != own)), None)


def finished(folder: Path) -> Checkpoint | None:
    """Return the checkpoint of a finished training; None where there is none, or it is not finished."""
    try:
        found = Checkpoint.read(folder)
    except Damaged:
        return None
    return None if found is None or found.reason in UNFINISHED else found


def same(run: Run, old: Checkpoint) -> bool:
    """Tell whether losses, validation errors and steps of the repeated iterations are the same bits."""
    history = run.history
    now = torch.stack([history.loss, history.validation, history.step], 1)
    return torch.equal(now.nan_to_num(-1.0), old.rows[: len(now), :3].nan_to_num(-1.0))

