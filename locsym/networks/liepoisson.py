r"""Lie–Poisson networks: they preserve a linear Poisson bracket, and all its Casimirs, for all weights."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..flow import column
from ..guards import integer
from .activations import Activation, Function, elementwise
from .lie_algebras import structure_constants
from .modules import FlowModule, normal
from .network import Network


class BracketModule(FlowModule):
    r"""The exact flow of a Hamiltonian :math:`F(c \cdot y)` of one linear coordinate in a Lie–Poisson bracket.

    The bracket of :math:`c \cdot y` with itself vanishes, so that the coordinate is constant along the flow
    :math:`\dot y = F'(c \cdot y) \, B(y) \, c`. With :math:`B(y) \, c = M y` this is linear, and its flow is

    .. math:: Y = \exp(\theta M) \, y, \qquad \theta = h \, F'(c \cdot y), \qquad F'(x) = w \cdot \sigma(W x + b).

    In so(3) it rotates y about the axis c, by an angle that depends on :math:`c \cdot y`. If :math:`M^3 = \lambda M`,
    as for the coordinates of so(3), e(3) and sl(2), the exponential is :math:`1 + s_1 M + s_2 M^2` in closed form
    (Rodrigues). The weights W, w and b ``(m,)`` start as W, w ~ N(0, std²) and b ~ N(0, bias_std²).

    Args:
        C: The structure constants, ``(n, n, n)``.
        direction: The vector c, ``(n,)``.
        width: The number m of hidden units, at least 1.
        activation: A name of ``ACTIVATIONS``, an :class:`~locsym.networks.Activation`, or a callable that acts
            elementwise.
        std, bias_std: The standard deviations of the starting weights and of the starting biases, at least 0.
        generator: The source of random numbers; None for torch's own.
        dtype: The dtype of the weights, ``torch.float32`` or ``torch.float64``.

    Raises:
        TypeError, ValueError: If an argument is not allowed, or if c is in the centre of the algebra, so that nothing
            moves. The message names the argument.

    Example:
        >>> import torch
        >>> from locsym.networks import LIE_ALGEBRAS, BracketModule
        >>> axis = torch.tensor([0.0, 0.0, 1.0])
        >>> module = BracketModule(LIE_ALGEBRAS["so3"], axis, width=4)
        >>> y = torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64)
        >>> round(module(y, 0.1)[2].item(), 12)  # a rotation about the axis
        0.8
    """

    direction: Tensor
    M: Tensor
    M2: Tensor

    def __init__(
        self,
        C: Tensor,
        direction: Tensor,
        width: int,
        activation: str | Activation | Function = "tanh",
        *,
        std: float = 0.5,
        bias_std: float = 0.5,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__()
        C = structure_constants(C)
        self.n, width, c = len(C), integer("width", width, 1), direction.to(torch.float64)
        if c.shape != (self.n,):
            raise ValueError(f"direction: shape ({self.n},) is needed, got {tuple(direction.shape)}")
        M = torch.einsum("ijk,j->ik", C, c)  # B(y) c = M y
        if not bool(M.any()):
            raise ValueError(f"direction: {c.tolist()} is in the centre of the algebra, its flow moves nothing")
        self.rate = _rate(M)
        self.activation = elementwise(activation, dtype)
        self.W = normal(width, std=std, generator=generator, dtype=dtype)
        self.w = normal(width, std=std, generator=generator, dtype=dtype)
        self.b = normal(width, std=bias_std, generator=generator, dtype=dtype, name="bias_std")
        for name, x in (("direction", c), ("M", M), ("M2", M @ M)):
            self.register_buffer(name, x.to(dtype), persistent=False)

    def angle(self, y: Tensor) -> Tensor:
        """Return how fast the states move, F'(c·y).

        Args:
            y: The states, ``(*, n)``.

        Returns:
            The angles per unit time, ``(*)``.
        """
        x = (y @ self.direction).unsqueeze(-1)
        return self.activation(x * self.W + self.b) @ self.w

    def step(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Return exp(h F'(c·y) M) y without a check of arguments or result; networks call this method.

        Args:
            y: The states, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states after the step, ``(*, n)``.
        """
        theta = h * self.angle(y)
        if self.rate is None:
            exp = torch.linalg.matrix_exp(theta[..., None, None] * self.M)
            return (exp @ y.unsqueeze(-1)).squeeze(-1)
        first, second = _coefficients(theta, self.rate)
        return y + column(first) * (y @ self.M.mT) + column(second) * (y @ self.M2.mT)

    def extra_repr(self) -> str:
        """Return what a printed module shows.

        Returns:
            Dimension and direction in words.
        """
        return f"n={self.n}, direction={self.direction.tolist()}"


def _rate(M: Tensor) -> float | None:
    """Return λ with M³ = λ M, or None if there is none."""
    M3 = M @ M @ M
    rate = float((M3 * M).sum() / (M * M).sum())
    return rate if float((M3 - rate * M).abs().max()) <= 1e-12 * max(1.0, float(M3.abs().max())) else None


def _coefficients(theta: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    """Return s₁ and s₂ of exp(θ M) = 1 + s₁ M + s₂ M², where M³ = λ M; s₂ as a square, without cancellation."""
    if rate == 0:
        return theta, theta.square() / 2
    omega = math.sqrt(abs(rate))
    sine = torch.sin if rate < 0 else torch.sinh
    return sine(omega * theta) / omega, 2 * (sine(omega * theta / 2) / omega).square()


class LiePoissonNet(Network):
    r"""A network that preserves a Lie–Poisson bracket: K times one :class:`BracketModule` for each coordinate.

    Every such map preserves all Casimirs exactly, :math:`|y|^2` in so(3). It preserves volume too if the algebra is
    unimodular, as so(3), e(3) and sl(2) are. Such compositions of exact flows are known as G-LPNets (Eldred et al.
    2024).

    Args:
        K: The number of repetitions, at least 1.
        width: The number m of hidden units of each module, at least 1.
        algebra: ``"so3"``, ``"e3"``, ``"sl2"``, or structure constants ``(n, n, n)``.
        activation: A name of ``ACTIVATIONS``, an :class:`~locsym.networks.Activation`, or a callable that acts
            elementwise.
        symmetric: Whether the modules are applied once forwards and once backwards, each with half the step, so that
            :math:`\Phi_{-h} \circ \Phi_h = \mathrm{id}`.
        **init: std, bias_std, generator and dtype, see :class:`BracketModule`.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> import torch
        >>> from locsym.networks import LiePoissonNet
        >>> net = LiePoissonNet(K=2, width=5)
        >>> y = torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64)
        >>> round(net(y, 0.1).norm().item(), 12)
        1.0
    """

    CONFIG = ("K", "width", "algebra", "activation", "symmetric")

    def __init__(
        self,
        K: int,
        width: int,
        algebra: str | Tensor | list = "so3",
        activation: str | Activation | Function = "tanh",
        *,
        symmetric: bool = False,
        **init: Any,
    ):
        K, C = integer("K", K, 1), structure_constants(algebra)
        if not isinstance(symmetric, bool):
            raise TypeError(f"symmetric: True or False is needed, got {symmetric!r}")
        axes = [c for c in torch.eye(len(C), dtype=torch.float64) if bool(torch.einsum("ijk,j->ik", C, c).any())]
        layers = [BracketModule(C, c, width, activation, **init) for _ in range(K) for c in axes]
        once = tuple(range(len(layers)))
        visits = [(i, 0.5) for i in once + once[::-1]] if symmetric else [(i, 1.0) for i in once]
        super().__init__(len(C), layers, visits)
        self.K, self.width, self.symmetric, self.activation = K, layers[0].W.numel(), symmetric, layers[0].activation
        self.algebra = algebra if isinstance(algebra, str) else C.tolist()

    @staticmethod
    def count(K: int, width: int, algebra: str | list = "so3", **_: Any) -> int:
        """Return the number of weights: K modules of 3 m for each coordinate outside the centre.

        Args:
            K: The number of repetitions.
            width: The number m of hidden units.
            algebra: The Lie algebra.

        Returns:
            The number of weights.

        Raises:
            TypeError, ValueError: If an argument is not allowed. The message names it.
        """
        C = structure_constants(algebra)
        return 3 * integer("K", K, 1) * integer("width", width, 1) * int(C.flatten(2).any(2).any(0).sum())
