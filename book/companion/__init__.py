"""The road from notebooks to a book: ``python -m companion build``.

Notebooks need three names of it: ``record`` glues and keeps a number, ``progress`` shows how far a long training is,
``trainings`` is the folder in which finished trainings are found again.
"""

from .environment import trainings
from .record import record
from .status import progress

__all__ = ["progress", "record", "trainings"]
