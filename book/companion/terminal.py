"""What the build shows while it works: a live line for each notebook on a terminal, a quiet log elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

EVERY = 60.0  # seconds between the lines of one notebook in a log


@dataclass
class Line:
    """The state of one notebook."""

    name: str
    state: str = "waiting"  # waiting, running, done, failed
    began: float = 0.0
    seconds: float = 0.0
    cell: int = 0
    cells: int = 0
    training: dict = field(default_factory=dict)
    logged: float = 0.0

    def text(self) -> str:
        """Return the line as words: ``cell 7 of 23, 1:05, epoch 4000 of 20000, 2:10 left``."""
        if self.state == "waiting":
            return self.state
        elapsed = clock(self.seconds if self.state != "running" else time.monotonic() - self.began)
        if self.state == "done":
            return f"done in {elapsed}"
        parts = [f"cell {self.cell} of {self.cells}" if self.cells else "starting", elapsed]
        if self.state == "failed":
            return f"FAILED, {', '.join(parts)}"
        if told := self.training:
            parts.append(f"{told['text']} {told['done']}/{told['total']}".strip())
            if told.get("left") is not None:
                parts.append(f"{clock(told['left'])} left")
        return ", ".join(parts)


class Board:
    """The lines of all running notebooks. ``live`` redraws them in place; it is the default on a terminal."""

    def __init__(self, names: list[str], stream: TextIO | None = None, live: bool | None = None):
        self.stream = stream or sys.stdout
        self.live = self.stream.isatty() if live is None else live
        self.lines = {name: Line(name) for name in names}
        self.width = max(map(len, names), default=0)
        self._drawn = 0

    def start(self, name: str) -> None:
        """Mark a notebook as running."""
        line = self.lines[name]
        line.state, line.began = "running", time.monotonic()
        line.logged = line.began
        self._log(line, "started")

    def told(self, name: str, cell: dict, training: dict) -> None:
        """Update a notebook with what its process reported."""
        line = self.lines[name]
        line.cell, line.cells = cell.get("cell", line.cell), cell.get("cells", line.cells)
        line.training = training
        if time.monotonic() - line.logged >= EVERY:
            line.logged = time.monotonic()
            self._log(line)

    def end(self, name: str, good: bool) -> None:
        """Mark a notebook as done or failed."""
        line = self.lines[name]
        line.state, line.seconds = "done" if good else "failed", time.monotonic() - line.began
        self._log(line)

    def say(self, text: str) -> None:
        """Print ``text``; the live lines move below it."""
        if self.live and self._drawn:
            self.stream.write(f"\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0
        print(text, file=self.stream, flush=True)
        self.draw()

    def draw(self) -> None:
        """Draw all lines over those drawn before."""
        if not self.live:
            return
        columns = shutil.get_terminal_size().columns - 1
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        rows = [f"  {line.name:{self.width}}  {line.text()}"[:columns] for line in self.lines.values()]
        self.stream.write(up + "".join(f"\r\x1b[K{row}\n" for row in rows))
        self.stream.flush()
        self._drawn = len(rows)

    def _log(self, line: Line, text: str | None = None) -> None:
        if not self.live:
            print(f"  {line.name:{self.width}}  {text or line.text()}", file=self.stream, flush=True)


def clock(seconds: float) -> str:
    """Return ``4 s``, ``1:05`` (minutes) or ``2:03:07`` (hours)."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
