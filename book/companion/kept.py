"""Long trainings that have been finished once are kept in ``book/kept/``, so that every edition of the book shows them.

The full build trains them in full, and ``make keep`` writes them. A build of another profile runs only the first
iterations of each, compares these with the kept history, and goes on with the kept network. On the kind of machine that
made the kept training the two agree bit for bit. Elsewhere roundings differ. Adam amplifies them, without harm to its
result: after 4000 epochs on one orbit two kernels that round differently are 2 % apart, after 2000 still 1e-14. So
there only the first :data:`COMPARED` iterations are compared, within :data:`TOLERANCE`.
"""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from locsym.data import storage
from locsym.experiments import Experiment
from locsym.experiments.code_digest import digest as code_digest
from locsym.networks.native.compiled import load_kernel
from locsym.networks.network import DTYPES
from locsym.plots.paper import thin
from locsym.training import History, Run, mean_squared_error
from locsym.training.record import UNFINISHED, versions

from .environment import ASKED, KEPT, REQUIRED, ROOT, trainings
from .files import write as write_text
from .fingerprint import digest
from .status import progress

KIND = "kept training"
COMPARED = 200  # iterations that another processor or compiler must reproduce within the tolerance
#: The relative difference of two errors that roundings may cause in so many iterations: measured 2e-15 and 3e-6.
TOLERANCE = {"float64": 1e-10, "float32": 1e-3}

ROUNDING = {"float64": 1e-6, "float32": 1e-2}  # of the error of a trained network, evaluated on another machine


class Differs(AssertionError):
    """A training that does not go as the kept one went: the code, or the machine, computes something else."""


@dataclass(frozen=True)
class Kept:
    """A finished training. weights: ``(P,)``. rows: some of its history, ``(R, 4)``. numbers: their iterations, from 1.

    about: what else is known of it: reason, seconds, note, configuration, versions, and what decides its bits.
    """

    experiment: Experiment
    weights: Tensor
    rows: Tensor
    numbers: Tensor
    about: Mapping[str, Any]

    @classmethod
    def of(cls, experiment: Experiment, run: Run) -> Kept:
        """Keep a finished training. Raises ValueError for one that was broken off or paused."""
        if run.reason in UNFINISHED:
            raise ValueError(f"run: a finished training is needed, this one is {run.reason}")
        history, shown = run.history, torch.from_numpy(thin(len(run.history)))
        rows = torch.stack([history.loss, history.validation, history.step, history.seconds], 1)[shown]
        about = {name: getattr(run, name) for name in ("reason", "seconds", "note", "loss", "validation")}
        about |= {"configuration": dict(run.configuration), "versions": dict(run.versions), "code": code_digest()}
        weights = parameters_to_vector(run.network.parameters()).detach()
        return cls(experiment, weights, rows, history.iteration[shown], about | {"bits": bits(experiment)})

    def write(self, folder: Path) -> Path:
        """Write it into ``folder`` under the name of its experiment; return the file."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"weights": self.weights, "rows": self.rows, "numbers": self.numbers}
        place = path(folder, self.experiment)
        storage.write(place, KIND, tensors, {"experiment": asdict(self.experiment), **self.about})
        return place

    @classmethod
    def read(cls, place: Path) -> Kept:
        """Read the file ``place``. Raises :class:`~locsym.data.storage.Damaged` where it is not as it was written."""
        tensors, about = storage.read(place, KIND)
        return cls(Experiment.from_dict(about.pop("experiment")), **tensors, about=about)

    def check(self, first: Run) -> None:
        """Compare the first iterations of the same training, run again. Raises Differs where they do not agree."""
        same = self.about["bits"] == bits(self.experiment)
        both = self.numbers <= (first.iterations if same else min(first.iterations, COMPARED))
        was, now = self.rows[both, :2], torch.stack([first.history.loss, first.history.validation], 1)
        now = now[self.numbers[both] - 1]
        far = (now - was).abs() / was.abs()
        allowed = 0.0 if same else TOLERANCE[self.experiment.network.dtype]
        if bool((far > allowed).any()):
            at = int(self.numbers[both][(far > allowed).any(1)][0])
            raise Differs(
                f"the training {self.experiment.key} is not the kept one: at iteration {at} its errors are "
                f"{now[self.numbers[both] == at].tolist()[0]}, kept are {was[self.numbers[both] == at].tolist()[0]}; "
                f"allowed is {'no difference' if same else f'a relative difference of {allowed:g}'}. "
                "After a change of the training code: make book, then make keep"
            )

    def pace(self, first: Run) -> float:
        """Return how many times as long as in the kept training the same iterations took when they were run again."""
        both = self.numbers <= first.iterations
        if not bool(both.any()):
            return 1.0
        last = int(self.numbers[both][-1])
        return float(first.history.seconds[last - 1] / self.rows[both, 3][-1])

    def run(self, first: Run) -> Run:
        """Return the training as :func:`~locsym.training.fit` returned it, its history thinned.

        first: its first iterations, run again. All seconds are scaled to their pace, so that they are those that the
        whole training would take here. Raises Differs where the network has not the error it had.
        """
        network = self.experiment.make_network()
        vector_to_parameters(self.weights, network.parameters())
        network.eval()
        pairs = [p.to(self.weights.dtype) for p in self.experiment.make_pairs()]
        loss, validation = (mean_squared_error(network, p) for p in pairs)
        for name, value in (("loss", loss), ("validation", validation)):
            if not math.isclose(value, self.about[name], rel_tol=ROUNDING[self.experiment.network.dtype]):
                was = f"the {name} of the kept network is {value}, it was {self.about[name]}"
                raise Differs(f"the training {self.experiment.key}: {was}")
        about: dict[str, Any] = {name: self.about[name] for name in ("reason", "configuration", "versions")}
        again = f"kept; its first {first.iterations} iterations were run again, and all seconds follow their pace"
        pace, rows = self.pace(first), self.rows.clone()
        rows[:, 3] *= pace
        about |= {"seconds": pace * self.about["seconds"], "note": "; ".join(filter(None, (self.about["note"], again)))}
        errors, checks, steps, seconds = rows.unbind(1)
        history = History(errors, checks, steps, seconds, self.numbers)
        method = self.experiment.training.method
        return Run(network, loss=loss, validation=validation, history=history, method=method, **about)


def trained(experiment: Experiment, here: int | None = None) -> Run:
    """Return the finished training of ``experiment``: from here, or kept.

    here: how many of its iterations to run. Where these are fewer than the training has, and the training is kept, the
    first ``here`` are run again and compared with it, and the kept one is returned. One that is not kept is trained in
    full. Raises Differs where the two do not agree, and, in a build of the book, where a training should be kept and
    is not.
    """
    kept, place = None, path(Path(os.environ.get(KEPT) or ROOT / "book" / "kept"), experiment)
    if here is not None and here < experiment.training.iterations:
        if place.exists():
            kept = Kept.read(place)
        elif os.environ.get(REQUIRED):
            raise Differs(f"the training {experiment.key} is not kept: {experiment}; make book, then make keep")
    if here is not None and ASKED in os.environ:
        told = {"key": experiment.key, "experiment": asdict(experiment), "kept": digest(place) if kept else None}
        write_text(Path(os.environ[ASKED], f"{experiment.key}.json"), json.dumps(told))
    if kept is None or here is None:
        return experiment.run(trainings, progress)
    first = experiment.run(trainings, progress, pause=here)
    kept.check(first)
    return kept.run(first)


def path(folder: Path, experiment: Experiment) -> Path:
    """Return the file in ``folder`` that keeps, or would keep, the training of ``experiment``."""
    return folder / f"{experiment.key}.safetensors"


@functools.cache
def bits(experiment: Experiment) -> dict[str, str]:
    """Return what decides the bits of a training beside its code: versions, compiled kernel, data."""
    kernel = load_kernel(DTYPES[experiment.network.dtype])
    data = "".join(pairs.fingerprint() for pairs in experiment.make_pairs())
    decided = {"kernel": kernel if isinstance(kernel, str) else Path(kernel._name).stem}
    decided |= {name: version for name, version in versions().items() if name != "python"}
    return decided | {"data": sha256(data.encode()).hexdigest()[:16]}


def keep(folder: Path, experiments: Iterable[Experiment]) -> list[Path]:
    """Write the finished training of each experiment into ``folder``, and remove all others from it."""
    written = [Kept.of(experiment, experiment.run(trainings, progress)).write(folder) for experiment in experiments]
    for other in set(folder.glob("*.safetensors")) - set(written):
        other.unlink()
    return written
