"""The folder of the trainings: named by their content, so that a finished one loads and an interrupted one resumes."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = "COMPANION_TRAININGS"  # the environment variable that puts them elsewhere

trainings = Path(os.environ.get(FOLDER) or Path(__file__).parents[2] / "_build" / "trainings")
