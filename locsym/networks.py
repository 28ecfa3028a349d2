r"""Networks: chains of shears that keep volume, or the symplectic form, for every weight."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike

import torch
from torch import Tensor, nn

from . import compiled, storage
from .flow import finite_step, iterate, whole
from .modules import Activation, ActivationModule, GradientModule, LinearModule, Shear

ARCHITECTURES: dict[str, type[Network]] = {}
DTYPES = {"float32": torch.float32, "float64": torch.float64}


class Network(nn.Module):
    """A flow map that visits its modules in turn; each is a shear, so the chain is undone exactly.

    n: dimension. layers: the modules. visits: pairs (index of a module, fraction of the step h that it takes); a module
    that is visited twice has tied weights.
    """

    CONFIG: tuple[str, ...] = ()  #: the arguments that make the same architecture again; each is an attribute

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        ARCHITECTURES[cls.__name__] = cls

    def __init__(self, n: int, layers: Iterable[Shear], visits: Iterable[tuple[int, float]]):
        super().__init__()
        self.n, self.layers, self.visits = whole("n", n, 2), nn.ModuleList(layers), tuple(visits)
        for layer in self.layers:
            if not isinstance(layer, Shear) or layer.n != self.n:
                raise ValueError(f"layers: shears of dimension n = {n} are needed, got {layer}")
        if not self.layers or {i for i, _ in self.visits} != set(range(len(self.layers))):
            raise ValueError(f"visits: each of the {len(self.layers)} layers must be visited, got {self.visits}")

    def forward(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance states ``(*, n)`` by one step; h: number or ``(*)``.

        Raises TypeError or ValueError, naming the argument, for any other, or non-finite, input, and for an overflow.
        """
        return finite_step(self.step(y, self.layers[0].checked(y, h)))

    def step(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Return :meth:`forward` of arguments that have been checked, the outcome not: training looks at the loss."""
        layers = list(self.layers)
        for i, c in self.visits:
            y = layers[i].step(y, c * h)
        return y

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo one step exactly (to rounding): the modules backwards, each with −h."""
        h = self.layers[0].checked(y, h)
        layers = list(self.layers)
        for i, c in reversed(self.visits):
            y = layers[i].step(y, -c * h)
        return finite_step(y)

    def rollout(self, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
        """Iterate, see :func:`locsym.flow.rollout`: by the compiled kernel where it can, and all stays finite."""
        h, steps = self.layers[0].checked(y0, h), whole("steps", steps, 0)
        if type(self).forward is Network.forward and compiled.obstacle(self) is None:
            orbit = compiled.Compiled(self).rollout(compiled.flat(self), y0, h, steps)
            if bool(torch.isfinite(orbit).all()):
                return orbit
        return iterate(self, y0, h, steps)

    @property
    def config(self) -> dict[str, int | bool | str | Activation]:
        """The arguments that make the same architecture again."""
        return {name: getattr(self, name) for name in self.CONFIG}

    def save(self, path: str | PathLike) -> None:
        """Write weights and configuration to one safetensors file: beside it first, then renamed over it.

        Raises ValueError for weights that are not finite, TypeError for an activation that has no name, and OSError.
        """
        if type(self).__name__ not in ARCHITECTURES or not self.CONFIG:
            raise TypeError(f"save: one of {sorted(ARCHITECTURES)} is needed, got {type(self).__name__}")
        if not isinstance(self.config.get("activation", ""), str):
            raise TypeError("activation: a callable cannot be written to a file; needed is a name of ACTIVATIONS")
        tensors = {key: value.detach() for key, value in self.state_dict().items()}
        dtype = str(next(self.parameters()).dtype).removeprefix("torch.")
        storage.require_finite(path, tensors)
        storage.write(path, "network", tensors, {"architecture": type(self).__name__, "dtype": dtype, **self.config})

    @classmethod
    def load(cls, path: str | PathLike) -> Network:
        """Read a network written by :meth:`save`: any from ``Network``, else only its own architecture.

        Nothing in the file is executed, and no more memory is taken than the file has weights. Raises ValueError,
        naming the file and the reason, for a file that is damaged, of another architecture or shape, or not finite.
        """
        tensors, config = storage.read(path, "network")
        kind = ARCHITECTURES.get(str(config.pop("architecture", None)))
        if kind is None or not issubclass(kind, cls):
            expected = sorted(name for name, known in ARCHITECTURES.items() if issubclass(known, cls))
            raise ValueError(f"{path}: holds no network of the architectures {expected}")
        dtype = DTYPES.get(str(config.pop("dtype", None)))
        if dtype is None or any(tensor.dtype != dtype for tensor in tensors.values()):
            raise ValueError(f"{path}: weights must all be of the one dtype it states, float32 or float64")
        storage.require_finite(path, tensors)
        if set(config) != set(kind.CONFIG):
            raise ValueError(f"{path}: the configuration of a {kind.__name__} is {kind.CONFIG}, found {tuple(config)}")
        try:
            if kind.count(**config) != sum(tensor.numel() for tensor in tensors.values()):
                raise ValueError("its configuration asks for another number of weights than it holds")
            network = kind(**config, generator=torch.Generator(), dtype=dtype)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error
        shapes = {key: value.shape for key, value in network.state_dict().items()}
        for key in sorted(shapes.keys() | tensors.keys()):
            if key not in tensors or key not in shapes or tensors[key].shape != shapes[key]:
                found = tuple(tensors[key].shape) if key in tensors else None
                wanted = tuple(shapes[key]) if key in shapes else None
                raise ValueError(f"{path}: the weights {key} have shape {found}, needed {wanted}")
        network.load_state_dict(tensors)
        return network

    @staticmethod
    def count(**config) -> int:
        """Return the number of weights of an architecture in closed form, before any of them is made."""
        raise NotImplementedError

    def __repr__(self) -> str:
        name, config = type(self).__name__, ", ".join(f"{key}={value!r}" for key, value in self.config.items())
        visited = f" visited {len(self.visits)} times" if len(self.visits) > len(self.layers) else ""
        size = sum(p.numel() for p in self.parameters())
        return f"{name}({config or f'n={self.n}'}): L = {len(self.layers)} modules{visited}, {size} parameters"


class LocSympNet(Network):
    r"""The locally-symplectic network (31): K times the pairs (V_1, …, V_{n−1}), each Up then Low, eqs. (29)–(30).

    n: dimension, >= 2. K: repetitions, >= 1. width: hidden units m. symmetric: the published SymLocSympNet
    :math:`(V_{-h/2})^{-1} \circ V_{h/2}` with tied weights, for which :math:`\Phi_{-h} \circ \Phi_h = \mathrm{id}`.
    order: ``"ascending"`` applies V_1 first, ``"printed"`` V_{n−1} first, as eq. (31) reads.
    activation, std, bias_std, generator, dtype: see :class:`~locsym.modules.GradientModule`.
    """

    CONFIG = ("n", "K", "width", "activation", "symmetric", "order")

    def __init__(
        self,
        n: int,
        K: int,
        width: int,
        activation: str | Activation = "sigmoid",
        *,
        symmetric: bool = False,
        order: str = "ascending",
        std: float = 0.1,
        bias_std: float = 0.0,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float64,
    ):
        n, K, width = whole("n", n, 2), whole("K", K, 1), whole("width", width, 1)
        if not isinstance(symmetric, bool):
            raise TypeError(f"symmetric: True or False is needed, got {symmetric!r}")
        if order not in ("ascending", "printed"):
            raise ValueError(f"order: 'ascending' or 'printed' is needed, got {order!r}")
        pairs = range(n - 1) if order == "ascending" else range(n - 2, -1, -1)
        init = {"std": std, "bias_std": bias_std, "generator": generator, "dtype": dtype}
        layers = [
            GradientModule.local(n, k, move, width, activation, **init)
            for _ in range(K)
            for k in pairs
            for move in ("up", "low")
        ]
        once = tuple(range(len(layers)))
        visits = [(i, 0.5) for i in once + once[::-1]] if symmetric else [(i, 1.0) for i in once]
        super().__init__(n, layers, visits)
        self.K, self.width, self.activation, self.symmetric, self.order = K, width, activation, symmetric, order

    @staticmethod
    def count(n: int, K: int, width: int, activation: str | Activation = "sigmoid", **_) -> int:
        """Return the number of weights: 2(n−1)K modules of m(n−1) + m + m, the last m only with a bias."""
        n, K, width = whole("n", n, 2), whole("K", K, 1), whole("width", width, 1)
        return 2 * (n - 1) * K * width * (n + (activation != "linear"))


class SympNet(Network):
    r"""The symplectic network G-SympNet, eq. (23), on (q, p) of R^2d: L layers, each Up (20) then Low (21); h = τ.

    n: dimension 2d, even. L: layers, so 2L modules. The rest: see :class:`~locsym.modules.GradientModule`.
    """

    CONFIG = ("n", "L", "width", "activation")

    def __init__(self, n: int, L: int, width: int, activation: str | Activation = "sigmoid", **init):
        L = whole("L", L, 1)
        layers = [
            GradientModule.symplectic(n, move, width, activation, **init) for _ in range(L) for move in ("up", "low")
        ]
        super().__init__(n, layers, ((i, 1.0) for i in range(len(layers))))
        self.L, self.width, self.activation = L, layers[0].W.shape[0], activation

    @staticmethod
    def count(n: int, L: int, width: int, activation: str | Activation = "sigmoid", **_) -> int:
        """Return the number of weights: 2L modules of md + m + m, the last m only with a bias."""
        n, L, width = whole("n", n, 2), whole("L", L, 1), whole("width", width, 1)
        return 2 * L * width * (n // 2 + 1 + (activation != "linear"))


class LASympNet(Network):
    r"""The symplectic network LA-SympNet (paper's [9]) on (q, p) of R^2d; with h, so that h = 0 is the identity.

    Linear blocks of ``sublayers`` symmetric shears with bias alternate with activation modules; L layers are
    2L activation modules, Up and Low in turn, between 2L + 1 linear blocks.
    n: dimension 2d, even. L, sublayers: >= 1. The rest: see :class:`~locsym.modules.ActivationModule`.
    """

    CONFIG = ("n", "L", "sublayers", "activation")

    def __init__(self, n: int, L: int, sublayers: int = 2, activation: str | Activation = "sigmoid", **init):
        n, L, sublayers = whole("n", n, 2), whole("L", L, 1), whole("sublayers", sublayers, 1)
        moves, layers = ("up", "low"), []
        for block in range(2 * L + 1):
            layers += [LinearModule(n, moves[(block + i) % 2], **init) for i in range(sublayers)]
            if block < 2 * L:
                layers.append(ActivationModule(n, moves[block % 2], activation, **init))
        super().__init__(n, layers, ((i, 1.0) for i in range(len(layers))))
        self.L, self.sublayers, self.activation = L, sublayers, activation

    @staticmethod
    def count(n: int, L: int, sublayers: int = 2, **_) -> int:
        """Return the number of weights: (2L+1)·sublayers shears of d² + d, and 2L activation modules of d."""
        d, L, sublayers = whole("n", n, 2) // 2, whole("L", L, 1), whole("sublayers", sublayers, 1)
        return (2 * L + 1) * sublayers * (d * d + d) + 2 * L * d
