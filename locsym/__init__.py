"""locsym: learn the flow map of a divergence-free system with networks that preserve volume exactly.

The one idea: a flow map is any callable ``(y, h) -> y``. Names and modules are loaded when they are first used, so that
``import locsym`` is quick.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "flow": ("FlowMap", "adjoint", "compose", "inverse", "rollout"),
    "networks": (
        "ActivationModule",
        "GradientModule",
        "LASympNet",
        "LiePoissonNet",
        "LinearModule",
        "LocSympNet",
        "Network",
        "Reversible",
        "SympNet",
    ),
    "systems": (
        "ABCFlow",
        "Advection",
        "ChargedParticle",
        "LinearSystem",
        "Pendulum",
        "RigidBody",
        "System",
        "Volterra",
    ),
    "data": ("Pairs",),
    "training": ("fit",),
}
_FROM = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_FROM)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return import_module(f".{name}", __name__)
    if name not in _FROM:
        raise AttributeError(f"module 'locsym' has no attribute {name!r}")
    return getattr(import_module(f".{_FROM[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *__all__})
