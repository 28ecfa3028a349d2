"""Training: one function, :func:`fit`, for Levenberg–Marquardt, Adam, baselines, and your own methods."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .fit import METHODS, fit
from .objective import mean_squared_error
from .record import History, Method, Optimiser, Run

if TYPE_CHECKING:
    from .adam import Adam
    from .baselines import LBFGS, LeastSquares
    from .levenberg_marquardt import LevenbergMarquardt

__all__ = [
    "LBFGS",
    "Adam",
    "History",
    "LeastSquares",
    "LevenbergMarquardt",
    "Method",
    "Optimiser",
    "Run",
    "fit",
    "mean_squared_error",
]
_FROM = {name: module for module, name in METHODS.values()}


def __getattr__(name: str) -> Any:
    """Import a method when it is first asked for: the baselines bring SciPy with them."""
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_FROM[name]}", __name__), name)
