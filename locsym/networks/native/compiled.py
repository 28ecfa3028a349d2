r"""The compiled kernel: rollout, gradient and Adam of networks whose modules move one coordinate each (``kernel.cpp``).

The kernel is compiled on first use, by the machine's own compiler and for its own processor, into the user's cache
folder. The file's name is a hash of everything that went into it. Where there is no kernel, :func:`why_not_compiled`
gives the reason, and the plain torch code is used. The kernel runs on the calling thread and releases Python's lock.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from ctypes import POINTER, Structure, byref, c_double, c_int64, c_void_p
from pathlib import Path

import torch
from torch import Tensor, nn

from ...data import storage
from ..modules import ModuleSequence
from ..shears import GradientModule, gradient_modules

SOURCES = [Path(__file__).with_name(name) for name in ("kernel.cpp", "simd.hpp")]
COMPILERS = ("c++", "g++", "clang++")
TARGET = ("-std=c++17", "-O3", "-march=native")
FLAGS = (*TARGET, "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd", "-shared", "-fPIC")
REAL = {torch.float32: "float", torch.float64: "double"}


def _structure(name: str, **fields: type) -> type[Structure]:
    return type(name, (Structure,), {"_fields_": list(fields.items())})


# the structures of kernel.cpp
_Layer = _structure(
    "Layer",
    **dict.fromkeys(("moved", "column", "width", "reads", "offset", "activation"), c_int64),
    sign=c_double,
    read=POINTER(c_int64),
)
_Visit = _structure("Visit", layer=c_int64, fraction=c_double)
_Network = _structure(
    "Network",
    **dict.fromkeys(("n", "layers", "visits", "weights"), c_int64),
    layer=POINTER(_Layer),
    visit=POINTER(_Visit),
    mirror=c_void_p,
)
_Pairs = _structure("Pairs", N=c_int64, y=c_void_p, h=c_void_p, target=c_void_p)
_Segment = _structure("Segment", start=c_int64, stop=c_int64)
_Adam = _structure("Adam", **dict.fromkeys(("rate", "decay", "beta1", "beta2", "eps"), c_double))


def cache_folder() -> Path:
    """Return the folder of compiled kernels.

    Returns:
        ``$XDG_CACHE_HOME/locsym``, by default ``~/.cache/locsym``.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "locsym"


@functools.cache
def load_kernel(dtype: torch.dtype) -> ctypes.CDLL | str:
    """Return the kernel for a dtype, compiled if necessary.

    Args:
        dtype: ``torch.float32`` or ``torch.float64``.

    Returns:
        The kernel, or the reason in words why there is none.
    """
    if dtype not in REAL:
        return f"no kernel for {dtype}"
    compiler = next(filter(None, map(shutil.which, filter(None, (os.environ.get("CXX"), *COMPILERS)))), None)
    if compiler is None:
        return "no C++ compiler found"
    flags = (*FLAGS, f"-DREAL={REAL[dtype]}")
    try:
        # the macros a compiler defines tell its version and the instructions of this processor
        macros = _output(compiler, *TARGET, "-dM", "-E", "-x", "c++", os.devnull)
        content = [*(source.read_bytes() for source in SOURCES), macros, " ".join(flags).encode()]
        name = hashlib.sha256(b"\0".join(content)).hexdigest()[:20]
        path = cache_folder() / f"kernel-{name}.so"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory() as work:
                _output(compiler, *flags, str(SOURCES[0]), "-o", f"{work}/{path.name}")
                storage.replace(path, Path(work, path.name).read_bytes())
        return _declare(ctypes.CDLL(str(path)))
    except (OSError, subprocess.CalledProcessError) as error:
        return f"the kernel could not be compiled: {error}"


def _output(*command: str) -> bytes:
    return subprocess.run(command, check=True, capture_output=True, env={**os.environ, "LC_ALL": "C"}).stdout


def _declare(kernel: ctypes.CDLL) -> ctypes.CDLL:
    network, pairs = POINTER(_Network), POINTER(_Pairs)
    kernel.rollout.argtypes, kernel.rollout.restype = [network, c_void_p, pairs, c_int64, c_void_p], None
    kernel.gradient.argtypes, kernel.gradient.restype = [network, c_void_p, pairs, c_void_p], c_double
    state, options = (c_void_p, c_void_p, c_void_p), (POINTER(_Segment), c_int64, POINTER(_Adam), c_int64)
    kernel.adam.argtypes = [network, *state, *options, pairs, pairs, c_int64, c_double, c_double, c_void_p]
    kernel.adam.restype = c_int64
    return kernel


def why_not_compiled(network: nn.Module) -> str | None:
    """Return the reason why the kernel cannot run a network.

    Args:
        network: The network.

    Returns:
        The reason in words, or None if the kernel can run it.
    """
    weights = list(network.parameters())
    if not isinstance(network, ModuleSequence):
        return f"{type(network).__name__} is no network of modules"
    if not getattr(network, "is_sequential", True):
        return f"{type(network).__name__} has a step of its own"
    for i, layer in enumerate(network.layers):
        if type(layer) is not GradientModule:
            return f"module {i} is a {type(layer).__name__}"
        if len(layer.moved) != 1:
            return f"module {i} moves {len(layer.moved)} coordinates"
        if layer.activation.native is None or (layer.b is not None) != layer.activation.has_bias:
            return f"the activation {layer.activation.name} is not in the kernel"
    if len(weights) != sum(len(list(layer.parameters())) for layer in network.layers):
        return "its modules share weights, or are not all of it"
    kinds = {(p.device.type, p.dtype) for p in weights}
    if len(kinds) > 1 or weights[0].device.type != "cpu":
        return f"its weights are {', '.join(sorted(f'{dtype} on {device}' for device, dtype in kinds))}"
    kernel = load_kernel(weights[0].dtype)
    return kernel if isinstance(kernel, str) else None


class Compiled:
    """A network as the kernel takes it, with weights θ ``(P,)`` in the order of ``network.parameters()``.

    Args:
        network: The network.

    Raises:
        ValueError: If :func:`why_not_compiled` gives a reason.
    """

    def __init__(self, network: nn.Module):
        reason = why_not_compiled(network)
        if reason is not None or not isinstance(network, ModuleSequence):
            raise ValueError(f"network: cannot be compiled, {reason}")
        modules = gradient_modules(network.layers)
        self.n, self.dtype = network.n, modules[0].W.dtype
        kernel = load_kernel(self.dtype)
        assert isinstance(kernel, ctypes.CDLL), "else its reason has been raised above"
        self._kernel = kernel
        layers, self._reads, self.P = [], [], 0
        for layer in modules:
            width, reads = layer.W.shape
            read = (c_int64 * reads)(*layer.read)
            shape = (layer.moved[0], layer.columns[0], width, reads, self.P, layer.activation.native)
            layers.append(_Layer(*shape, layer.sign, read))
            self._reads.append(read)
            self.P += sum(p.numel() for p in layer.parameters())
        self._layers = (_Layer * len(layers))(*layers)
        self._visits = (_Visit * len(network.visits))(*(_Visit(*visit) for visit in network.visits))
        self._mirror = None if network.mirror is None else network.mirror.contiguous()
        mirror = None if self._mirror is None else self._pointer(self._mirror, self.n, self.n)
        self._network = _Network(self.n, len(layers), len(network.visits), self.P, self._layers, self._visits, mirror)

    def _pointer(self, x: Tensor, *shape: int) -> int:
        if x.shape != shape or x.dtype != self.dtype or x.device.type != "cpu" or not x.is_contiguous():
            raise ValueError(f"a contiguous {self.dtype} tensor {shape} is needed, got {x.dtype} {tuple(x.shape)}")
        return x.data_ptr()

    def _pairs(self, y: Tensor, h: Tensor, target: Tensor) -> Structure:
        shape = (len(y), self.n)
        return _Pairs(len(y), self._pointer(y, *shape), self._pointer(h, len(y)), self._pointer(target, *shape))

    def rollout(self, theta: Tensor, y0: Tensor, h: Tensor | float, steps: int) -> Tensor:
        """Return an orbit of the network.

        Args:
            theta: The weights θ, ``(P,)``.
            y0: The start, ``(*, n)``.
            h: The time step, a number or ``(*)``.
            steps: How many steps to take.

        Returns:
            The orbit, ``(steps + 1, *, n)``, with the start first.

        Raises:
            ValueError: If a tensor is not what the kernel needs.
        """
        y0 = y0.detach().contiguous()
        h = torch.as_tensor(h, dtype=self.dtype).expand(y0.shape[:-1]).contiguous()
        orbit = y0.new_empty((steps + 1, *y0.shape))
        start = _Pairs(h.numel(), self._pointer(y0, *h.shape, self.n), h.data_ptr(), None)
        self._kernel.rollout(byref(self._network), self._pointer(theta, self.P), byref(start), steps, orbit.data_ptr())
        return orbit

    def gradient(self, theta: Tensor, y: Tensor, h: Tensor, target: Tensor) -> tuple[float, Tensor]:
        """Return the mean squared error of the step and its gradient.

        Args:
            theta: The weights θ, ``(P,)``.
            y: The states before the step, ``(N, n)``.
            h: The time steps, ``(N,)``.
            target: The states after the step, ``(N, n)``.

        Returns:
            The error, and its gradient ``(P,)``.

        Raises:
            ValueError: If a tensor is not what the kernel needs.
        """
        gradient, pairs = torch.empty_like(theta), self._pairs(y, h, target)
        weights = self._pointer(theta, self.P)
        return self._kernel.gradient(byref(self._network), weights, byref(pairs), gradient.data_ptr()), gradient

    def loss(self, theta: Tensor, y: Tensor, h: Tensor, target: Tensor) -> float:
        """Return the mean squared error of the step.

        Args:
            theta: The weights θ, ``(P,)``.
            y: The states before the step, ``(N, n)``.
            h: The time steps, ``(N,)``.
            target: The states after the step, ``(N, n)``.

        Returns:
            The error.

        Raises:
            ValueError: If a tensor is not what the kernel needs.
        """
        pairs = self._pairs(y, h, target)
        return self._kernel.gradient(byref(self._network), self._pointer(theta, self.P), byref(pairs), None)

    def adam(
        self,
        state: tuple[Tensor, Tensor, Tensor],
        taken: int,
        train: tuple[Tensor, Tensor, Tensor],
        validation: tuple[Tensor, Tensor, Tensor] | None,
        epochs: int,
        *,
        trained: Sequence[tuple[int, int]],
        rate: float,
        decay: float,
        betas: tuple[float, float],
        eps: float,
        target: float = -math.inf,
        seconds: float = math.inf,
    ) -> Tensor:
        r"""Take up to ``epochs`` epochs of Adam in place.

        It stops after the epoch in which the loss reaches ``target`` or is not finite, or after ``seconds``.

        Args:
            state: θ and the means m of the gradients and v of their squares, ``(P,)`` each.
            taken: The number of epochs before.
            train, validation: y ``(N, n)``, h ``(N,)`` and target ``(N, n)``; validation may be None.
            epochs: The largest number of epochs.
            trained: The ranges of weights that are trained.
            rate, decay: Epoch t has the learning rate rate · decayᵗ.
            betas, eps: The parameters :math:`(\beta_1, \beta_2)` and ε of Adam.
            target: The loss at which to stop.
            seconds: The time after which to stop.

        Returns:
            For each epoch the loss before the step, the validation loss after it, the rate, and the seconds since the
            call, float64, ``(R, 4)``.

        Raises:
            ValueError: If a tensor is not what the kernel needs.
        """
        rows = torch.empty(epochs, 4, dtype=torch.float64)
        segments = (_Segment * len(trained))(*(_Segment(*segment) for segment in trained))
        none = _Pairs(0, None, None, None)
        done = self._kernel.adam(
            byref(self._network),
            *(self._pointer(x, self.P) for x in state),
            segments,
            len(segments),
            byref(_Adam(rate, decay, *betas, eps)),
            taken,
            byref(self._pairs(*train)),
            byref(none if validation is None else self._pairs(*validation)),
            epochs,
            target,
            seconds,
            rows.data_ptr(),
        )
        return rows[:done]


def flat(network: nn.Module) -> Tensor:
    """Return a copy of all weights in one vector.

    Args:
        network: The network.

    Returns:
        The weights, ``(P,)``, in the order of ``network.parameters()``.
    """
    return torch.cat([p.detach().flatten() for p in network.parameters()])
