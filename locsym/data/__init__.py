"""Data: pairs of states one time step apart, read from tables, kept in files that are whole or refused."""

from .pairs import Pairs
from .tables import read_trajectory

__all__ = ["Pairs", "read_trajectory"]
