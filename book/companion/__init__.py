"""The road from notebooks to a book: ``python -m companion build``.

Notebooks need three names of it: ``record`` glues and keeps a number, ``progress`` shows how far a long training is,
``trainings`` is the folder in which finished trainings are found again.
"""

from .progress import progress
from .record import record
from .trainings import trainings

__all__ = ["progress", "record", "trainings"]
