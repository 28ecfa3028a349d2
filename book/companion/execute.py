"""Execute one notebook, in a process of its own: ``python -m companion.execute JOB.json``.

jupytext reads the source in memory, papermill sets the parameters and runs the cells. Only a notebook that ran to its
end replaces, in one step, the last good one. The outcome is written to ``result.json`` in the work folder.
"""

from __future__ import annotations

import datetime
import json
import logging
import os
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .files import write
from .record import recorded
from .seal import sealed_notebook


@dataclass(frozen=True)
class Job:
    """One notebook to execute. All paths are relative to the root of the project, where the process runs."""

    name: str
    source: str
    output: str
    work: str
    parameters: dict[str, Any] = field(hash=False)
    profile: str
    commit: str | None
    fingerprint: dict[str, Any] = field(hash=False, repr=False)
    gate: bool = False  # a long training that is not kept is an error

    def save(self, root: Path) -> Path:
        """Write the job into its work folder and return the file."""
        path = root / self.work / "job.json"
        write(path, json.dumps(asdict(self)))
        return path


def main(path: str) -> int:
    """Execute the job described in the file ``path``; return 0 when the notebook is good."""
    end_with_parent()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # papermill then interrupts the kernel: trainings save
    job = Job(**json.loads(Path(path).read_text(encoding="utf-8")))
    began = time.monotonic()
    result = attempt(job)
    try:
        write(Path(job.work, "result.json"), json.dumps(result | {"seconds": time.monotonic() - began}))
    except OSError as error:
        sys.exit(f"{result.get('traceback', '')}\n{error}")
    return 0 if result["good"] else 1


def attempt(job: Job) -> dict[str, Any]:
    """Execute the notebook, and on success put it in its place. Returns the outcome."""
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    began = time.monotonic()
    try:
        notebook = run(job)
    except PapermillExecutionError as error:
        return failure(job, error.source, "\n".join(error.traceback) or f"{error.ename}: {error.evalue}")
    except DeadKernelError:
        return failure(job, "", "the kernel died: too little memory, or a crash in compiled code")
    except KeyboardInterrupt:
        return failure(job, "", "interrupted")
    except OSError as error:  # no space, no permission
        return failure(job, "", str(error))
    try:
        recorded(notebook)
        finish(notebook, job, time.monotonic() - began)
        write(Path(job.output), sealed_notebook(notebook))
    except (OSError, ValueError) as error:
        return failure(job, "", str(error))
    return {"good": True}


def failure(job: Job, source: str, traceback: str) -> dict[str, Any]:
    """Describe a failure: the cell, the line of the source where it begins, the traceback."""
    text, line = Path(job.source).read_text(encoding="utf-8"), None
    if source and source in text:
        line = text[: text.index(source)].count("\n") + 1
    return {"good": False, "line": line, "source": source, "traceback": traceback}


def run(job: Job) -> Any:
    """Run the notebook with papermill and return it."""
    import jupytext
    import papermill
    from traitlets.config import Config

    logging.getLogger("papermill").setLevel(logging.ERROR)
    notebook = jupytext.read(job.source)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type != "code" or cell.source.strip()]
    training = Path(job.work, "training.json")
    tell = Path(job.work, "cell.json")
    done = 0

    def next_cell(cell: Any, cell_index: int) -> None:
        nonlocal done
        if cell.cell_type == "code":
            done += "injected-parameters" not in cell.metadata.get("tags", [])
            training.unlink(missing_ok=True)
            write(tell, json.dumps({"cell": done, "cells": len(cells)}))

    return papermill.execute_notebook(
        notebook,
        str(Path(job.work, f"{job.name}.ipynb")),  # the failed one is left here to be looked at
        parameters=job.parameters,
        progress_bar=False,
        request_save_on_cell_execute=False,
        on_cell_start=next_cell,
        # A socket a kernel: ports may be taken by another between choice and use. A relative name is short enough.
        extra_arguments=["--InteractiveShellApp.extra_extensions=companion.figures"],
        config=Config({"KernelManager": {"transport": "ipc", "ip": str(Path(job.work, "k"))}}),
    )


def finish(notebook: Any, job: Job, seconds: float) -> None:
    """Keep one parameters cell, with the values that ran; add how the notebook was made; drop papermill's metadata."""
    fold_parameters(notebook, job.parameters)
    notebook.metadata.pop("papermill", None)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # jupytext draws them at random
        for clockwork in ("papermill", "execution"):
            cell.metadata.pop(clockwork, None)
        if "figure" in cell.metadata.get("mystnb", {}):  # only the picture: not the "<Axes: …>" of the last line too
            cell.outputs = [output for output in cell.outputs if list(output.get("data", {})) != ["text/plain"]]
    notebook.metadata["companion"] = {
        "profile": job.profile,
        "commit": job.commit,
        "versions": job.fingerprint["versions"],
        "parameters": job.parameters,
        "seed": job.parameters.get("seed"),
        "seconds": round(seconds, 2),
        "trainings": [json.loads(told.read_text()) for told in sorted(Path(job.work, "asked").glob("*.json"))],
        "executed": datetime.date.today().isoformat(),
    }
    notebook.metadata["fingerprint"] = job.fingerprint


def fold_parameters(notebook: Any, parameters: dict[str, Any]) -> None:
    """Write the values that papermill injected into the lines of the ``parameters`` cell, beside their comments."""
    import ast

    tagged = {tag: cell for cell in notebook.cells for tag in cell.metadata.get("tags", [])}
    cell, injected = tagged.get("parameters"), tagged.get("injected-parameters")
    if cell is None or injected is None:
        return
    lines = [line.encode() for line in cell.source.splitlines()]  # ast counts bytes
    for statement in reversed(ast.parse(cell.source).body):
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        name = ast.unparse(target)
        old, new = statement.value, parameters[name]
        if ast.literal_eval(old) != new or type(ast.literal_eval(old)) is not type(new):
            start, stop = old.lineno - 1, old.end_lineno - 1
            after = lines[stop][old.end_col_offset :]
            lines[start : stop + 1] = [lines[start][: old.col_offset] + repr(new).encode() + after]
    cell.source = b"\n".join(lines).decode()
    cell.execution_count, cell.outputs = injected.execution_count, []
    notebook.cells.remove(injected)


def end_with_parent() -> None:
    """End this process, and with it the kernel, when the build is gone; a killed build cannot tell it to."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
