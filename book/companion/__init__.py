"""The road from notebooks to a book: ``python -m companion build``.

Notebooks use five names from it: ``record`` glues and keeps a number, ``percent`` formats one, ``progress`` shows how
far a long training is, ``trainings`` is the folder with the trainings of this machine, and ``trained`` returns a
long training that may have been kept in the project.
"""

from typing import Any

from .environment import trainings
from .record import percent, record
from .status import progress

__all__ = ["percent", "progress", "record", "trained", "trainings"]


def __getattr__(name: str) -> Any:
    if name == "trained":  # loaded when asked for: it needs torch, which a build does not
        from .kept import trained

        return trained
    raise AttributeError(f"module 'companion' has no attribute {name!r}")
