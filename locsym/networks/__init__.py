"""Networks: flow maps made of shears, their linearisation in the weights, and a compiled kernel for them."""

from .activations import ACTIVATIONS, Activation
from .linearisation import Linearisation
from .locsympnet import LocSympNet
from .network import Network
from .reversible import Reversible
from .shears import ActivationModule, GradientModule, LinearModule, Shear
from .sympnets import LASympNet, SympNet

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "ActivationModule",
    "GradientModule",
    "LASympNet",
    "LinearModule",
    "Linearisation",
    "LocSympNet",
    "Network",
    "Reversible",
    "Shear",
    "SympNet",
]
