"""Networks: flow maps made of exact modules, their linearisation in the weights, and a compiled kernel for them."""

from .activations import ACTIVATIONS, Activation
from .lie_algebras import LIE_ALGEBRAS
from .liepoisson import BracketModule, LiePoissonNet
from .linearisation import Linearisation
from .locsympnet import LocSympNet
from .network import Network
from .residual import ResidualNet
from .reversible import Reversible
from .shears import ActivationModule, GradientModule, LinearModule, Shear
from .sympnets import LASympNet, SympNet

__all__ = [
    "ACTIVATIONS",
    "LIE_ALGEBRAS",
    "Activation",
    "ActivationModule",
    "BracketModule",
    "GradientModule",
    "LASympNet",
    "LiePoissonNet",
    "LinearModule",
    "Linearisation",
    "LocSympNet",
    "Network",
    "ResidualNet",
    "Reversible",
    "Shear",
    "SympNet",
]
