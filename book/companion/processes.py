"""Runs notebooks in parallel, each in its own process; a failure does not stop the others."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .environment import ASKED, KEPT, REQUIRED, STATUS, TRAININGS
from .execute import Job
from .status import read
from .terminal import Board


@dataclass(frozen=True)
class Outcome:
    """The outcome of a notebook; ``report`` says what failed, and where."""

    name: str
    good: bool
    report: str = ""


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(jobs: Sequence[Job], root: Path, limit: int, held: Sequence[int], board: Board) -> dict[str, Outcome]:
    """Execute ``jobs``, at most ``limit`` at a time, in the given order; return the outcome of each.

    Failures are reported at once. held: descriptors of locks, which the processes keep as long as they live.
    On KeyboardInterrupt it interrupts the processes, waits for their trainings to be saved, and raises it again.
    """
    waiting = list(jobs)
    running: dict[Job, subprocess.Popen] = {}
    outcomes: dict[str, Outcome] = {}
    try:
        while waiting or running:
            while waiting and len(running) < limit:
                job = waiting.pop(0)
                running[job] = start(job, root, held)
                board.start(job.name)
            for job, process in list(running.items()):
                board.told(job.name, read(root / job.work / "cell.json"), read(root / job.work / "training.json"))
                if process.poll() is not None:
                    del running[job]
                    outcomes[job.name] = outcome(job, root)
                    board.end(job.name, outcomes[job.name].good)
                    if not outcomes[job.name].good:
                        board.say(f"\n{outcomes[job.name].report}\n")
            board.draw()
            time.sleep(0.1)
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
    return outcomes


def start(job: Job, root: Path, held: Sequence[int]) -> subprocess.Popen:
    """Start the process that executes one notebook, in its own session, so that Ctrl-C reaches it only through us."""
    work = root / job.work
    shutil.rmtree(work, ignore_errors=True)
    (work / "tmp").mkdir(parents=True)
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "IPYTHONDIR": str(work / "ipython"),  # nothing of the user's own start-up files
        "JUPYTER_CONFIG_DIR": str(work / "config"),
        "JUPYTER_RUNTIME_DIR": str(work / "runtime"),
        "TMPDIR": str(work / "tmp"),  # a kill leaves nothing outside the work folder
        "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel named python3 is this environment's
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        STATUS: str(work / "training.json"),
        ASKED: str(work / "asked"),
        KEPT: str(root / "book" / "kept"),
        REQUIRED: "1" if job.gate else "",
        TRAININGS: os.environ.get(TRAININGS) or str(root / "_build" / "trainings"),
    }
    path = job.save(root)
    with open(work / "log", "w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "companion.execute", str(path)],
            cwd=root, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            start_new_session=True, pass_fds=tuple(held),
        )


def outcome(job: Job, root: Path) -> Outcome:
    """Read the outcome from the files that the process left."""
    work = root / job.work
    try:
        result = json.loads((work / "result.json").read_text())
    except (OSError, ValueError):
        log = (work / "log").read_text(errors="replace")[-4000:]
        return Outcome(job.name, False, f"{job.name}: its process ended early.\n{log}")
    return Outcome(job.name, result["good"], "" if result["good"] else report(job, result, read(work / "cell.json")))


def report(job: Job, result: dict, cell: dict) -> str:
    """Name the notebook and the cell, and give the cell's source and the traceback."""
    where = f"cell {cell['cell']} of {cell['cells']}" if cell else "before its first cell"
    lines = [f"{job.name} failed in {where}" + (f", line {result['line']} of {job.source}" if result["line"] else "")]
    if result["source"]:
        lines += ["", *(f"    {line}" for line in result["source"].splitlines())]
    return "\n".join([*lines, "", plain(result["traceback"]), "", f"As it stopped: {job.work}/{job.name}.ipynb"])


def plain(text: str) -> str:
    """Return ``text`` without terminal colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
