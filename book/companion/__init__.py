"""The road from notebooks to a book. Notebooks need one name of it: ``record``."""

from .record import record

__all__ = ["record"]
