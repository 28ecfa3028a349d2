"""What the build tells a notebook's process through environment variables; nothing else passes between them."""

from __future__ import annotations

import os
from pathlib import Path

STATUS = "COMPANION_STATUS"  # the file in which a training tells how far it is
TRAININGS = "COMPANION_TRAININGS"  # the folder of the trainings; a user may set it to keep them elsewhere
KEPT = "COMPANION_KEPT"  # the folder of the kept trainings
ASKED = "COMPANION_ASKED"  # the folder in which a notebook leaves which of them it asked for
REQUIRED = "COMPANION_KEPT_REQUIRED"  # set where a training that should be kept and is not is an error

ROOT = Path(__file__).parents[2]
ROOT = ROOT if (ROOT / "_config.yml").exists() else Path()  # of the book; for an installed companion, where one works

# Trainings are named by their content there: a finished one loads, an interrupted one resumes.
trainings = Path(os.environ.get(TRAININGS) or ROOT / "_build" / "trainings")
