"""How far a long training is: the notebook's process writes it to a small file, the build shows it in the terminal."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from .environment import STATUS
from .files import write

telling = threading.Lock()


class Progress(threading.local):
    """Called as ``progress(done, total, text)``: ``done`` of ``total`` steps are complete.

    Within a build it writes the status file, at most a few times a second; elsewhere it draws a bar on stderr.
    A call with a smaller ``done`` or another ``total`` starts a new training; a resumed one may start anywhere.
    Each thread reports its own training; if there are several, the file has the last report.
    """

    def __init__(self, every: float = 0.3):
        self.every = every
        self._total = self._done = -1
        self._first = self._began = 0.0
        self._written = float("-inf")
        self._bar: Any = None

    def __call__(self, done: int, total: int, text: str = "") -> None:
        now = time.monotonic()
        if total != self._total or done < self._done:
            self._total, self._first, self._began, self._written = total, done, now, float("-inf")
            self._close()
        self._done = done
        if done < total and now - self._written < self.every:
            return
        self._written = now
        if path := os.environ.get(STATUS):
            told = json.dumps({"done": done, "total": total, "text": text, "left": self.left(now)})
            with telling:
                write(Path(path), told)
        else:
            self._draw(done, total, text)

    def left(self, now: float) -> float | None:
        """Return the seconds that remain at the pace of this training so far; None before the pace is known."""
        gone = self._done - self._first
        return (now - self._began) / gone * (self._total - self._done) if gone > 0 else None

    def _draw(self, done: int, total: int, text: str) -> None:
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(total=total, initial=done, leave=False)
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(done - self._bar.n)
        if done >= total:
            self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


progress = Progress()


def read(path: Path) -> dict[str, Any]:
    """Return the last report; nothing if there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
