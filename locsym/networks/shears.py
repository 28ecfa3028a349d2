r"""Shears: the modules that all networks here are made of. Each moves some coordinates by a function of others.

Gradient modules, eqs. (20)–(21) and (26)–(27), move along the gradient of a local Hamiltonian
:math:`h \sum_i w_i S(W_i \cdot \hat y + b_i)`, :math:`S' = \sigma`. A shear does not read the coordinates that it
moves. Its Jacobian is therefore unit triangular: it preserves volume for all weights, and a step of −h is its inverse.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ..flow import column
from ..guards import integer
from .activations import Activation, Function, elementwise
from .modules import FlowModule, normal

SIGNS = {"up": 1, "low": -1}


def direction(move: str) -> int:
    """Return the sign of a shear.

    Args:
        move: ``"up"`` or ``"low"``.

    Returns:
        +1 for up, −1 for low.

    Raises:
        ValueError: If ``move`` is neither.
    """
    if not isinstance(move, str) or move not in SIGNS:
        raise ValueError(f"move: 'up' or 'low' is needed, got {move!r}")
    return SIGNS[move]


def halves(n: int, move: str) -> tuple[int, tuple[int, ...], tuple[int, ...], int]:
    """Return the coordinates of a shear on (q, p) of R^2d: up moves q by p, low moves p by q.

    Args:
        n: The dimension 2d, even.
        move: ``"up"`` or ``"low"``.

    Returns:
        The arguments ``n, moved, read, sign`` of :class:`Shear`.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.
    """
    sign, d = direction(move), integer("n", n, 2) // 2
    if n != 2 * d:
        raise ValueError(f"n: an even number is needed, the coordinates are (q, p) of R^2d; got {n}")
    q, p = tuple(range(d)), tuple(range(d, n))
    return (n, q, p, sign) if move == "up" else (n, p, q, sign)


class Shear(FlowModule):
    r"""The flow map :math:`Y_\text{moved} = y_\text{moved} \pm h \, s(y_\text{read})`; a subclass gives the shift s.

    Args:
        n: The dimension, at least 2.
        moved, read: The coordinates that move and those that are read, disjoint and counted from 0.
        sign: +1 (up) or −1 (low).

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> import torch
        >>> from locsym.networks import Shear
        >>> class Square(Shear):
        ...     def shift(self, x):
        ...         return x**2
        >>> Square(n=2, moved=(0,), read=(1,), sign=1)(torch.tensor([1.0, 3.0]), 0.5)
        tensor([5.5000, 3.0000])
    """

    _to: Tensor
    _from: Tensor

    def __init__(self, n: int, moved: tuple[int, ...], read: tuple[int, ...], sign: int):
        super().__init__()
        self.n, self.moved, self.read, self.sign = integer("n", n, 2), tuple(moved), tuple(read), sign
        both = self.moved + self.read
        if not self.moved or not self.read or len(set(both)) < len(both) or not set(both) <= set(range(self.n)):
            raise ValueError(f"moved, read: disjoint coordinates 0 … {n - 1} are needed, got {self.moved}, {self.read}")
        if sign not in (1, -1):
            raise ValueError(f"sign: 1 (up) or -1 (low) is needed, got {sign!r}")
        self.register_buffer("_to", torch.tensor(self.moved), persistent=False)
        self.register_buffer("_from", torch.tensor(self.read), persistent=False)

    def shift(self, x: Tensor) -> Tensor:
        """Return the shift s(x) of the coordinates that move.

        Args:
            x: The coordinates that are read, ``(*, len(read))``.

        Returns:
            The shift, ``(*, len(moved))``.
        """
        raise NotImplementedError

    def step(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Return the moved states without a check of arguments or result; networks call this method.

        Args:
            y: The states, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states after the step, ``(*, n)``.
        """
        return y.index_add(-1, self._to, (self.sign * column(h)) * self.shift(y.index_select(-1, self._from)))

    def extra_repr(self) -> str:
        """Return what a printed module shows.

        Returns:
            Dimension, coordinates and sign in words.
        """
        return f"n={self.n}, moved={self.moved}, read={self.read}, sign={self.sign:+d}"


class GradientModule(Shear):
    r"""The shear that moves the coordinates ``moved`` along a gradient that depends on the coordinates ``read``.

    .. math:: Y_\text{moved} = y_\text{moved} \pm h \, W_\text{columns}^\top \mathrm{diag}(w)\, \sigma(W \hat y + b)

    with :math:`\hat y = y_\text{read}`. Use :meth:`local` for eqs. (26)–(27) and :meth:`symplectic` for eqs. (20)–(21).
    The weights are W ``(m, len(read))``, w ``(m,)`` and b ``(m,)``; a linear module has no b. They start as
    W, w ~ N(0, std²) and b ~ N(0, bias_std²). Levenberg–Marquardt starts well from the default, one half; the paper's
    start is ``std=0.1, bias_std=0.0``.

    Args:
        n: The dimension, at least 2.
        moved, read: The coordinates that move and those that are read, disjoint and counted from 0.
        columns: For each moved coordinate, the column of W that moves it.
        sign: +1 (up) or −1 (low).
        width: The number m of hidden units, at least 1.
        activation: A name of ``ACTIVATIONS``, an :class:`~locsym.networks.Activation`, or a callable that acts
            elementwise.
        std, bias_std: The standard deviations of the starting weights and of the starting biases, at least 0.
        generator: The source of random numbers; None for torch's own.
        dtype: The dtype of the weights, ``torch.float32`` or ``torch.float64``.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> import torch
        >>> from locsym import GradientModule
        >>> module = GradientModule.local(n=3, k=0, move="up", width=4)
        >>> y = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
        >>> (module(y, 0.1) != y).tolist()  # only the first coordinate moves
        [True, False, False]
    """

    _partner: Tensor

    def __init__(
        self,
        n: int,
        moved: tuple[int, ...],
        read: tuple[int, ...],
        columns: tuple[int, ...],
        sign: int,
        width: int,
        activation: str | Activation | Function = "sigmoid",
        *,
        std: float = 0.5,
        bias_std: float = 0.5,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__(n, moved, read, sign)
        self.columns, width = tuple(columns), integer("width", width, 1)
        if len(self.columns) != len(self.moved) or not set(self.columns) <= set(range(len(self.read))):
            raise ValueError(f"columns: {len(self.moved)} of the {len(self.read)} columns of W, got {self.columns}")
        self.activation = elementwise(activation, dtype)
        self.W = normal(width, len(self.read), std=std, generator=generator, dtype=dtype)
        self.w = normal(width, std=std, generator=generator, dtype=dtype)
        bias = normal(width, std=bias_std, generator=generator, dtype=dtype, name="bias_std")
        self.b = bias if self.activation.has_bias else None
        self.register_buffer("_partner", torch.tensor(self.columns), persistent=False)

    @classmethod
    def local(
        cls, n: int, k: int, move: str, width: int, activation: str | Activation | Function = "sigmoid", **init: Any
    ) -> GradientModule:
        """Return the module on the pair (y_k, y_k+1): eq. (26) ``"up"`` moves y_k, eq. (27) ``"low"`` moves y_k+1.

        Column k of W weighs the *partner* of the moved coordinate.

        Args:
            n: The dimension, at least 2.
            k: The pair, counted from 0 (the paper counts from 1); k = 0, …, n − 2.
            move: ``"up"`` or ``"low"``.
            width: The number m of hidden units, at least 1.
            activation: A name of ``ACTIVATIONS``, an :class:`~locsym.networks.Activation`, or a callable that acts
                elementwise.
            **init: std, bias_std, generator and dtype, see :class:`GradientModule`.

        Returns:
            The module.

        Raises:
            TypeError, ValueError: If an argument is not allowed. The message names it.
        """
        n, sign = integer("n", n, 2), direction(move)
        k = integer("k", k, 0, n - 2)
        j = k if move == "up" else k + 1
        return cls(n, (j,), tuple(i for i in range(n) if i != j), (k,), sign, width, activation, **init)

    @classmethod
    def symplectic(
        cls, n: int, move: str, width: int, activation: str | Activation | Function = "sigmoid", **init: Any
    ) -> GradientModule:
        """Return the module on (q, p) of R^2d: eq. (20) ``"up"`` moves q by p, eq. (21) ``"low"`` moves p by q.

        Args:
            n: The dimension 2d, even.
            move: ``"up"`` or ``"low"``.
            width: The number m of hidden units, at least 1.
            activation: A name of ``ACTIVATIONS``, an :class:`~locsym.networks.Activation`, or a callable that acts
                elementwise.
            **init: std, bias_std, generator and dtype, see :class:`GradientModule`.

        Returns:
            The module.

        Raises:
            TypeError, ValueError: If an argument is not allowed. The message names it.
        """
        n, moved, read, sign = halves(n, move)
        return cls(n, moved, read, tuple(range(len(read))), sign, width, activation, **init)

    def shift(self, x: Tensor) -> Tensor:
        hidden = self.activation(nn.functional.linear(x, self.W, self.b))
        return hidden @ (self.w.unsqueeze(1) * self.W.index_select(1, self._partner))


def gradient_modules(layers: Iterable[nn.Module]) -> list[GradientModule]:
    """Return those of the modules that are gradient modules.

    Args:
        layers: The modules.

    Returns:
        The gradient modules, in their order.
    """
    return [layer for layer in layers if isinstance(layer, GradientModule)]


class LinearModule(Shear):
    r"""The linear shear of LA-SympNets on (q, p): :math:`q + h(Sp + b)` (up) or :math:`p - h(Sq + b)` (low).

    :math:`S = A + A^\top` is symmetric, hence the map symplectic. The weights A ``(d, d)`` start as N(0, std²), and b
    ``(d,)`` as 0.

    Args:
        n: The dimension 2d, even.
        move: ``"up"`` or ``"low"``.
        std: The standard deviation of the starting weights, at least 0.
        generator: The source of random numbers; None for torch's own.
        dtype: The dtype of the weights, ``torch.float32`` or ``torch.float64``.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> import torch
        >>> from locsym import LinearModule
        >>> y = torch.tensor([1.0, 2.0], dtype=torch.float64)
        >>> (LinearModule(n=2, move="low")(y, 0.1) != y).tolist()  # q moves p
        [False, True]
    """

    def __init__(
        self,
        n: int,
        move: str,
        *,
        std: float = 0.1,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__(*halves(n, move))
        d = self.n // 2
        self.A = normal(d, d, std=std, generator=generator, dtype=dtype)
        self.b = nn.Parameter(torch.zeros(d, dtype=dtype))

    def shift(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.A + self.A.mT, self.b)


class ActivationModule(Shear):
    r"""The activation shear of LA-SympNets on (q, p): :math:`q + h\,a\,\sigma(p)` or :math:`p - h\,a\,\sigma(q)`.

    The weights a ``(d,)`` start as N(0, std²).

    Args:
        n: The dimension 2d, even.
        move: ``"up"`` or ``"low"``.
        activation: A name of ``ACTIVATIONS``, an :class:`~locsym.networks.Activation`, or a callable that acts
            elementwise.
        std: The standard deviation of the starting weights, at least 0.
        generator: The source of random numbers; None for torch's own.
        dtype: The dtype of the weights, ``torch.float32`` or ``torch.float64``.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> import torch
        >>> from locsym import ActivationModule
        >>> y = torch.tensor([1.0, 2.0], dtype=torch.float64)
        >>> module = ActivationModule(n=2, move="up")
        >>> (module(y, 0.1) != y).tolist()  # p moves q
        [True, False]
    """

    def __init__(
        self,
        n: int,
        move: str,
        activation: str | Activation | Function = "sigmoid",
        *,
        std: float = 0.1,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__(*halves(n, move))
        self.activation = elementwise(activation, dtype)
        self.a = normal(self.n // 2, std=std, generator=generator, dtype=dtype)

    def shift(self, x: Tensor) -> Tensor:
        return self.a * self.activation(x)
