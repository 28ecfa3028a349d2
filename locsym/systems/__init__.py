"""Systems: divergence-free vector fields dy/dt = f(y), one file each, with their invariants and exact flows."""

from ..data.sphere import sphere, starts
from .abc_flow import ABCFlow
from .advection import Advection
from .charged_particle import ChargedParticle
from .exact import ExactFlow, LinearFlow, solve
from .formulas import TORCH_FUNCTIONS, coordinates, tensor_function
from .linear_system import LinearSystem
from .pendulum import Pendulum
from .rigid_body import RigidBody
from .system import Invariant, System
from .volterra import Volterra

__all__ = [
    "TORCH_FUNCTIONS",
    "ABCFlow",
    "Advection",
    "ChargedParticle",
    "ExactFlow",
    "Invariant",
    "LinearFlow",
    "LinearSystem",
    "Pendulum",
    "RigidBody",
    "System",
    "Volterra",
    "coordinates",
    "solve",
    "sphere",
    "starts",
    "tensor_function",
]
