"""Small trainings in processes of their own, which can be killed: forked from one that has loaded torch already."""

import multiprocessing
import os
import resource
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from locsym.experiments import ONE_ORBIT_LM, Architecture, Data, Training
from locsym.training import Run, loop
from locsym.training.record import FILE, Checkpoint

SMALL = replace(
    ONE_ORBIT_LM,
    data=Data("orbit", tau=0.1, N=24, M=6),
    network=Architecture(K=1, width=8, std=0.5, bias_std=0.5),
)
EXPERIMENTS = {
    "lm": replace(SMALL, training=Training("lm", 50)),
    "adam": replace(SMALL, training=Training("adam", 8_000, rate=1e-3)),
}
LEFT = {".lock", FILE}  # what a training leaves in its folder, and nothing else

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["locsym.experiments", "locsym.training.levenberg_marquardt", "locsym.training.adam"])


def start(work: Callable[..., Any], *arguments: Any) -> tuple[BaseProcess, Connection]:
    """Start ``work`` in a process; what it gives, or says on failing, comes through the connection."""
    ours, theirs = forks.Pipe(duplex=False)
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        process = forks.Process(target=_tell, args=(theirs, work, *arguments), daemon=True)
        process.start()
    finally:
        os.environ.pop("OMP_NUM_THREADS") if before is None else os.environ.update(OMP_NUM_THREADS=before)
    theirs.close()
    return process, ours


def _tell(connection: Connection, work: Callable[..., Any], *arguments: Any) -> None:
    try:
        connection.send(work(*arguments))
    except Exception as error:  # whatever it is, the parent raises it
        connection.send(error)


def result(process: BaseProcess, connection: Connection) -> Any:
    """Wait for the end of the process and return what it told."""
    told = connection.recv() if connection.poll(60) else None
    process.join(60)
    return told


def train(method: str, root: Path, limit: int | None = None) -> tuple[list[str], str]:
    """Train in chunks of 10 ms with a checkpoint after each; return the bits of the result, and its note.

    limit: of the size of a file, as if the disk were full beyond it.
    """
    loop.CHUNK, loop.EVERY = 0.01, 0.0
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    run = EXPERIMENTS[method].run(root)
    return bits(run), run.note


def bits(run: Run) -> list[str]:
    """All that must come out the same, the seconds apart; NaN too."""
    tensors = (run.history.loss, run.history.validation, run.history.step, *run.network.parameters())
    return [run.reason, run.loss.hex(), run.validation.hex(), *(x.detach().numpy().tobytes().hex() for x in tensors)]


def folder(root: Path) -> Path | None:
    """The folder of the one training below ``root``; None where there is none yet."""
    found = list(root.iterdir()) if root.exists() else []
    assert len(found) <= 1
    return found[0] if found else None


def checkpoint(root: Path) -> Checkpoint | None:
    """What would be resumed. Raises where it is damaged."""
    place = folder(root)
    return place and Checkpoint.read(place)
