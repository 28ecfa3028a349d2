"""Training: one function, :func:`fit`, for Levenberg–Marquardt, the paper's Adam, and two baselines."""

from .fit import fit
from .objective import mean_squared_error
from .record import History, Run

__all__ = ["History", "Run", "fit", "mean_squared_error"]
