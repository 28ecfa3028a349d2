r"""The base of all networks: a sequence of modules, their exact inverse, and files of weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..data import storage
from ..flow import Guarded, finite_step, iterate
from ..guards import integer
from .activations import ACTIVATIONS, Activation
from .modules import FlowModule, ModuleSequence
from .native.compiled import Compiled, flat, why_not_compiled

ARCHITECTURES: dict[str, type[Network]] = {}
MIRROR = -1  # in the place of a module's index: reflect the states
DTYPES = {"float32": torch.float32, "float64": torch.float64}


class Network(Guarded, ModuleSequence):
    """A flow map that applies modules in turn, so that its inverse is exact.

    Args:
        n: The dimension, at least 2.
        layers: The modules, each a :class:`~locsym.networks.modules.FlowModule` of that dimension.
        visits: The order in which modules act, as pairs (index of a module, fraction of the step h that it takes). A
            module that is visited twice has tied weights.
        mirror: A linear involution R, ``(n, n)``, which the visit ``(MIRROR, 0.0)`` applies to the states; None for
            none.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it.

    Example:
        >>> from locsym import GradientModule, Network
        >>> up = GradientModule.local(n=2, k=0, move="up", width=4)
        >>> low = GradientModule.local(n=2, k=0, move="low", width=4)
        >>> Network(2, [up, low], visits=[(0, 0.5), (1, 1.0), (0, 0.5)])
        Network(n=2): L = 2 modules visited 3 times, 24 parameters
    """

    CONFIG: tuple[str, ...] = ()  #: the arguments that determine the architecture; each is an attribute

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        ARCHITECTURES[cls.__name__] = cls

    def __init__(
        self,
        n: int,
        layers: Iterable[FlowModule],
        visits: Iterable[tuple[int, float]],
        mirror: Tensor | None = None,
    ):
        super().__init__()
        self.n, self.visits = integer("n", n, 2), tuple(visits)
        self.layers = cast(Sequence[FlowModule], nn.ModuleList(layers))  # torch does not say what a list holds
        for layer in self.layers:
            if not isinstance(layer, FlowModule) or layer.n != self.n:
                raise ValueError(f"layers: modules of dimension n = {n} are needed, got {layer}")
        visited = {i for i, _ in self.visits} - ({MIRROR} if mirror is not None else set())
        if not self.layers or visited != set(range(len(self.layers))):
            raise ValueError(f"visits: each of the {len(self.layers)} layers must be visited, got {self.visits}")
        self.register_buffer("mirror", mirror, persistent=False)

    def forward(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Advance the states by one step.

        Args:
            y: The states, ``(*, n)``, floating-point and finite, with the dtype and device of the weights.
            h: The time step, a number or ``(*)``.

        Returns:
            The states after the step, ``(*, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed, or if the step overflows. The message names the
                argument.
        """
        return finite_step(self.step(y, self.checked(y, h)))

    def step(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Return the states after one step without a check of arguments or result; training checks the loss.

        Args:
            y: The states, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states after the step, ``(*, n)``.
        """
        layers, mirror = list(self.layers), self.mirror
        for i, c in self.visits:
            y = y @ mirror.mT if i == MIRROR and mirror is not None else layers[i].step(y, c * h)
        return y

    def inverse(self, y: Tensor, h: Tensor | float) -> Tensor:
        """Undo one step, exactly up to rounding: apply modules and reflections in reverse order, with −h.

        Args:
            y: The states after the step, ``(*, n)``.
            h: The time step, a number or ``(*)``.

        Returns:
            The states before the step, ``(*, n)``.

        Raises:
            TypeError, ValueError: If an argument is not allowed, or if the step overflows. The message names the
                argument.
        """
        h = self.checked(y, h)
        layers, mirror = list(self.layers), self.mirror
        for i, c in reversed(self.visits):
            y = y @ mirror.mT if i == MIRROR and mirror is not None else layers[i].step(y, -c * h)
        return finite_step(y)

    def iterate(self, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
        """Return the orbit of checked arguments, by the compiled kernel if there is one and all states are finite.

        Args:
            y0: The start, ``(*, n)``.
            h: The time step, a number or ``(*)``.
            steps: How many steps to take, at least 0.

        Returns:
            The orbit, ``(steps + 1, *, n)``, with the start first and without gradients.

        Raises:
            Escaped: If the orbit overflows.
        """
        if why_not_compiled(self) is None:
            orbit = Compiled(self).rollout(flat(self), y0, h, steps)
            if bool(torch.isfinite(orbit).all()):
                return orbit
        return iterate(self, y0, h, steps)

    def checked(self, y: Tensor, h: Tensor | float, name: str = "y") -> Tensor | float:
        """Check the states and the step, and return the step.

        Args:
            y: The states, ``(*, n)``, floating-point and finite.
            h: The time step, a number or ``(*)``, finite.
            name: What error messages call the states.

        Returns:
            The step, a float or a tensor.

        Raises:
            TypeError, ValueError: If the states or the step are not allowed. The message names the argument.
        """
        return self.layers[0].checked(y, h, name)

    @property
    def is_sequential(self) -> bool:
        """Whether the network applies its modules in turn; False where a subclass steps in its own way."""
        return type(self).forward is Network.forward and type(self).step is Network.step

    @property
    def config(self) -> dict[str, Any]:
        """The arguments that determine the architecture; an activation of ``ACTIVATIONS`` by its name."""
        found = {name: getattr(self, name) for name in self.CONFIG}
        if isinstance(sigma := found.get("activation"), Activation) and ACTIVATIONS.get(sigma.name) == sigma:
            found["activation"] = sigma.name
        return found

    def save(self, path: str | PathLike) -> None:
        """Write weights and configuration to one safetensors file; an existing file is replaced in one step.

        Args:
            path: The file to write.

        Raises:
            TypeError: If the architecture is not of this library, or if the activation is not in ``ACTIVATIONS``.
            ValueError: If weights are not finite.
            OSError: If the file cannot be written. The old file remains.
        """
        if type(self).__name__ not in ARCHITECTURES or not self.CONFIG:
            raise TypeError(f"save: one of {sorted(ARCHITECTURES)} is needed, got {type(self).__name__}")
        for sigma in self._activations():
            if ACTIVATIONS.get(sigma.name) != sigma:
                raise TypeError(f"activation: {sigma.name} cannot be written to a file; needed is one of ACTIVATIONS")
        tensors = {key: value.detach() for key, value in self.state_dict().items()}
        dtype = str(next(self.parameters()).dtype).removeprefix("torch.")
        storage.require_finite(path, tensors)
        storage.write(path, "network", tensors, {"architecture": type(self).__name__, "dtype": dtype, **self.config})

    @classmethod
    def load(cls, path: str | PathLike) -> Network:
        """Read a network written by :meth:`save`: ``Network.load`` reads any architecture, a subclass only its own.

        Nothing in the file is executed, and a network larger than the file's weights is never built.

        Args:
            path: The file to read.

        Returns:
            The network with its weights.

        Raises:
            ValueError: If the file is damaged, not finite, or of another architecture or shape. The message names the
                file.
            FileNotFoundError: If there is no such file.
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
            network = kind.of_config(dtype, **config)
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

    @classmethod
    def of_config(cls, dtype: torch.dtype, **config: Any) -> Network:
        """Build a network of a configuration, with weights of its own.

        Args:
            dtype: The dtype of the weights.
            **config: The arguments that determine the architecture; see :attr:`config`.

        Returns:
            The network.

        Raises:
            TypeError, ValueError: If the configuration is not allowed. The message names the argument.
        """
        make: Callable[..., Network] = cls  # a subclass has other arguments than this class
        return make(**config, generator=torch.Generator(), dtype=dtype)

    @staticmethod
    def count(*_: Any, **config: Any) -> int:
        """Return the number of weights of an architecture, without building it.

        Args:
            **config: The arguments that determine the architecture; see :attr:`config`.

        Returns:
            The number of weights.
        """
        raise NotImplementedError

    def _activations(self) -> Iterator[Activation]:
        found = (getattr(layer, "activation", None) for layer in self.layers)
        return (sigma for sigma in found if isinstance(sigma, Activation))

    def __repr__(self) -> str:
        name, config = type(self).__name__, ", ".join(f"{key}={value!r}" for key, value in self.config.items())
        visited = f" visited {len(self.visits)} times" if len(self.visits) > len(self.layers) else ""
        size = sum(p.numel() for p in self.parameters())
        return f"{name}({config or f'n={self.n}'}): L = {len(self.layers)} modules{visited}, {size} parameters"
