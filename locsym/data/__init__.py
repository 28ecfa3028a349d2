"""Data: pairs of states one time step apart, tables to read them from, and files to keep them in."""

from .pairs import Pairs
from .tables import read_trajectory

__all__ = ["Pairs", "read_trajectory"]
