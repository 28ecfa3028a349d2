r"""Pairs of states one time step apart: the data that a flow map is trained on."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..flow import FlowMap, rollout
from ..guards import check_states, check_times, integer, number, one_of
from . import storage
from .sphere import sphere
from .tables import read_trajectory

KIND = "locsym.Pairs"
SAMPLINGS = ("normal", "angles", "area")
LARGEST = 2**32  # bytes in the arrays of an .npz file


class Observed(Protocol):
    """What observing a system needs: its dimension and its exact flow map. Every ``System`` has both."""

    @property
    def n(self) -> int: ...

    @property
    def flow(self) -> FlowMap: ...


@dataclass(frozen=True, eq=False, repr=False)
class Pairs:
    r"""N observed pairs :math:`(y, \varphi_h(y))`, the data that a flow map is trained on.

    Indexing, as in ``pairs[:60]``, returns Pairs again.

    Args:
        y: The states before the step, ``(N, n)`` with N >= 1, floating-point and finite; a tensor or an array.
        h: The time steps, a number or ``(N,)``, finite and not 0. They are stored as ``(N,)``.
        target: The states after the step, of the shape, dtype and device of ``y``.

    Raises:
        TypeError, ValueError: If an argument is not allowed. The message names it, and the first wrong row.

    Example:
        >>> import torch
        >>> from locsym import Pairs
        >>> pairs = Pairs(y=torch.zeros(4, 3), h=0.1, target=torch.ones(4, 3))
        >>> pairs
        Pairs(N=4, n=3, h=0.1, dtype=float32)
        >>> len(pairs[:2])
        2
    """

    y: Tensor
    h: Tensor
    target: Tensor

    def __init__(self, y: Tensor | np.ndarray, h: Tensor | np.ndarray | float, target: Tensor | np.ndarray):
        y, target = _states(y, "y"), _states(target, "target")
        if target.shape != y.shape:
            raise ValueError(f"target: the shape {tuple(y.shape)} of y is needed, got {tuple(target.shape)}")
        if target.dtype != y.dtype or target.device != y.device:
            raise TypeError(f"target: {y.dtype} on {y.device} as y is needed, got {target.dtype} on {target.device}")
        for name, value in (("y", y), ("h", _steps(h, y)), ("target", target)):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n(self) -> int:
        """Dimension of the states."""
        return self.y.shape[1]

    def __repr__(self) -> str:
        low, high = float(self.h.min()), float(self.h.max())
        h = f"{low:g}" if low == high else f"{low:g}…{high:g}"
        return f"Pairs(N={len(self)}, n={self.n}, h={h}, dtype={str(self.y.dtype).removeprefix('torch.')})"

    def __getitem__(self, rows: int | slice | Sequence[int] | Tensor) -> Pairs:
        """Return the chosen pairs.

        Args:
            rows: An index, a slice, a list of indices or a boolean mask, which chooses at least one pair.

        Returns:
            The chosen pairs, in the order of ``rows``.
        """
        if isinstance(rows, Integral) and not isinstance(rows, bool):
            rows = [int(rows)]
        return Pairs(self.y[rows], self.h[rows], self.target[rows])

    def split(self, size: int | float, generator: torch.Generator | None = None) -> tuple[Pairs, Pairs]:
        """Split the pairs in two.

        Args:
            size: The size of the first part, a whole number from 1 to N − 1 or a fraction of N between 0 and 1.
            generator: The source of random numbers that shuffles the pairs first; None keeps their order.

        Returns:
            The first part and the rest.

        Raises:
            TypeError, ValueError: If ``size`` is not allowed.

        Example:
            >>> import torch
            >>> from locsym import Pairs
            >>> pairs = Pairs(y=torch.zeros(10, 3), h=0.1, target=torch.ones(10, 3))
            >>> training, validation = pairs.split(0.8, torch.Generator().manual_seed(0))
            >>> len(training), len(validation)
            (8, 2)
        """
        allowed = f"1 to {len(self) - 1} pairs, or a fraction in (0, 1),"
        number("size", size, allowed)
        count = round(size * len(self)) if 0 < size < 1 else size
        if not isinstance(count, Integral) or not 0 < count < len(self):
            raise ValueError(f"size: {allowed} is needed, got {size!r}")
        order = torch.arange(len(self)) if generator is None else torch.randperm(len(self), generator=generator)
        return self[order[:count].to(self.y.device)], self[order[count:].to(self.y.device)]

    def to(self, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> Pairs:
        """Return the same pairs in another floating-point dtype, or on another device.

        Args:
            dtype: The new dtype; None keeps the old one.
            device: The new device; None keeps the old one.

        Returns:
            The pairs, converted.
        """
        return Pairs(*(value.to(device=device, dtype=dtype) for value in (self.y, self.h, self.target)))

    def fingerprint(self) -> str:
        """Return a digest of the content: equal pairs have equal fingerprints on every device.

        Returns:
            The SHA-256 of values and dtype, in hex.
        """
        digest = hashlib.sha256(KIND.encode())
        for name, value in self._tensors().items():
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.view(torch.uint8).numpy().data)
        return digest.hexdigest()

    def save(self, path: Path | str) -> None:
        """Write the pairs to one safetensors file. An existing file is replaced only once the new one is complete.

        Args:
            path: The file to write.

        Raises:
            OSError: If the file cannot be written. The old file remains.
        """
        storage.write(path, KIND, self._tensors(), {})

    @classmethod
    def load(cls, path: Path | str) -> Pairs:
        """Read pairs from a file. Pickles are never opened.

        Args:
            path: A file written by :meth:`save`, or a NumPy ``.npz`` file with the arrays y, h and target, or with the
                times t and states y of a trajectory, see :meth:`from_trajectory`.

        Returns:
            The pairs in the file.

        Raises:
            ValueError: If the file is damaged or holds something else. The message gives the reason.
        """
        path = Path(path)
        found = _read_npz(path) if path.suffix == ".npz" else storage.read(path, KIND)[0]
        try:
            if "t" in found and "y" in found and "target" not in found:
                return cls.from_trajectory(found["t"], found["y"])
            if missing := {field.name for field in fields(cls)} - found.keys():
                raise ValueError(f"{', '.join(sorted(missing))} missing")
            return cls(*(found[field.name] for field in fields(cls)))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path.name}: not a file of pairs: {error}") from error

    @classmethod
    def concat(cls, *parts: Pairs) -> Pairs:
        """Join pairs, one part after the other.

        Args:
            *parts: At least one set of pairs. Their n, dtype and device must agree.

        Returns:
            The pairs of all parts.

        Raises:
            ValueError: If there is no part, or if the parts do not agree.
        """
        if not parts or len({(part.n, part.y.dtype, part.y.device) for part in parts}) != 1:
            raise ValueError(f"parts: Pairs of one n, dtype and device are needed, got {list(parts)}")
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    @classmethod
    def from_orbit(cls, system: Observed, y0: Tensor, h: float, steps: int) -> Pairs:
        """Return consecutive pairs of the exact orbits of a system.

        Args:
            system: The system, with a dimension ``n`` and an exact flow map ``flow``.
            y0: The start of one orbit, ``(n,)``, or of several, ``(*, n)``.
            h: The time step, a number.
            steps: The number of pairs from each orbit, at least 1.

        Returns:
            The pairs, one orbit after the other.

        Raises:
            TypeError, ValueError: If an argument is not allowed. The message names it.

        Example:
            >>> import torch
            >>> from locsym import Pairs, Pendulum
            >>> y0 = torch.tensor([1.0, 0.0], dtype=torch.float64)
            >>> Pairs.from_orbit(Pendulum(), y0, h=0.1, steps=50)
            Pairs(N=50, n=2, h=0.1, dtype=float64)
        """
        check_states("y0", y0, system.n)
        orbit = rollout(system.flow, y0, h, integer("steps", steps, 1))
        y, target = (part.movedim(0, -2).reshape(-1, system.n) for part in (orbit[:-1], orbit[1:]))
        return cls(y, h, target)

    @classmethod
    def from_states(cls, system: Observed, states: Tensor, h: Tensor | float) -> Pairs:
        """Pair given states with their images under the exact flow.

        Args:
            system: The system, with a dimension ``n`` and an exact flow map ``flow``.
            states: The states before the step, ``(N, n)``; a tensor or an array.
            h: The time steps, a number or ``(N,)``.

        Returns:
            N pairs.

        Raises:
            TypeError, ValueError: If an argument is not allowed. The message names it.
        """
        states = _states(states, "states")
        check_states("states", states, system.n)
        return cls(states, h, system.flow(states, h))

    @classmethod
    def from_random(
        cls,
        system: Observed,
        N: int,
        h: Tensor | float,
        how: str = "normal",
        generator: torch.Generator | None = None,
    ) -> Pairs:
        """Pair random states with their images under the exact flow.

        Args:
            system: The system, with a dimension ``n`` and an exact flow map ``flow``.
            N: The number of pairs, at least 1.
            h: The time steps, a number or ``(N,)``.
            how: ``"normal"`` draws every coordinate from N(0, 1). ``"angles"`` and ``"area"`` draw states on the unit
                sphere, for n = 3; see :func:`~locsym.data.sphere.sphere`.
            generator: The source of random numbers; None for torch's own.

        Returns:
            N pairs in float64.

        Raises:
            TypeError, ValueError: If an argument is not allowed. The message names it.

        Example:
            >>> import torch
            >>> from locsym import Pairs, RigidBody
            >>> seed = torch.Generator().manual_seed(0)
            >>> Pairs.from_random(RigidBody(), N=20, h=0.1, how="area", generator=seed)
            Pairs(N=20, n=3, h=0.1, dtype=float64)
        """
        integer("N", N, 1)
        one_of("how", how, SAMPLINGS)
        if how == "normal":
            states = torch.randn(N, system.n, generator=generator, dtype=torch.float64)
        elif system.n == 3:
            states = sphere(N, how, generator)
        else:
            raise ValueError(f"how: {how!r} is for systems with n = 3, got n = {system.n}")
        return cls.from_states(system, states, h)

    @classmethod
    def from_trajectory(cls, t: Tensor | np.ndarray | Sequence[float], y: Tensor | np.ndarray) -> Pairs:
        """Return the consecutive pairs of a trajectory.

        Args:
            t: The times, ``(T,)`` with T >= 2, strictly increasing or strictly decreasing.
            y: The states at these times, ``(T, n)``.

        Returns:
            T − 1 pairs. Their time steps are the differences of the times.

        Raises:
            TypeError, ValueError: If an argument is not allowed. The message names it.

        Example:
            >>> import numpy as np
            >>> from locsym import Pairs
            >>> y = np.array([[1.0, 0.0], [2.0, 0.0], [4.0, 0.0]])
            >>> Pairs.from_trajectory([0.0, 1.0, 3.0], y)
            Pairs(N=2, n=2, h=1…2, dtype=float64)
        """
        times, y = check_times(t), _states(y, "y")
        if len(times) != len(y) or len(times) < 2:
            raise ValueError(f"y: one row a time and two at least are needed, got {len(y)} for {len(times)} times")
        return cls(y[:-1], np.diff(times), y[1:])

    @classmethod
    def from_csv(cls, path: Path | str, time: str = "t", columns: Sequence[str] | None = None) -> Pairs:
        """Return the consecutive pairs of a trajectory in a text file.

        Args:
            path: UTF-8 text with a header, see :func:`~locsym.data.tables.read_trajectory`.
            time: The name of the time column.
            columns: The names of the columns that form the state, in that order; None takes all but the time.

        Returns:
            The pairs, in float64.

        Raises:
            ValueError: If the file is not such a table. The message names the line and the column.
        """
        return cls.from_trajectory(*read_trajectory(path, time, columns))

    def _tensors(self) -> dict[str, Tensor]:
        return {field.name: getattr(self, field.name).cpu().contiguous() for field in fields(self)}


def _states(value: Tensor | np.ndarray, name: str) -> Tensor:
    """Return the states as a tensor ``(N, n)``. Raises unless they are floating-point and finite, N >= 1."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        value = torch.from_numpy(np.array(value, dtype=value.dtype.newbyteorder("="), order="C"))
    if not isinstance(value, Tensor) or not value.is_floating_point():
        kind = getattr(value, "dtype", type(value).__name__)
        raise TypeError(f"{name}: a floating-point tensor or array is needed, got {kind}")
    if value.ndim != 2 or 0 in value.shape:
        raise ValueError(f"{name}: shape (N, n) with N >= 1 and n >= 1 is needed, got {tuple(value.shape)}")
    if not bool((finite := torch.isfinite(value).all(-1)).all()):
        raise ValueError(f"{name}: states must be finite, row {int((~finite).nonzero()[0])} is not")
    return value.detach()


def _steps(h: Tensor | np.ndarray | float, y: Tensor) -> Tensor:
    """Return the time steps as a tensor ``(N,)`` like the states ``y``. Raises TypeError or ValueError for NaN or 0."""
    if not isinstance(h, Tensor):
        array = np.asarray(h)  # by way of NumPy: torch would make a number float32
        h = torch.from_numpy(array.astype(np.float64)) if array.dtype.kind in "fiu" else array
    if not isinstance(h, Tensor) or h.dtype == torch.bool or h.is_complex():
        raise TypeError(f"h: real numbers are needed, got {h.dtype}")
    if h.shape not in {(), (len(y),)}:
        raise ValueError(f"h: a number or shape ({len(y)},) is needed, got {tuple(h.shape)}")
    steps = h.detach().to(y).expand(len(y)).contiguous()
    wrong = ~torch.isfinite(steps) | (steps == 0)
    if bool(wrong.any()):
        i = int(wrong.nonzero()[0])
        raise ValueError(f"h: time steps must be finite and not 0, row {i} is {float(steps[i])}")
    return steps


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of the file. Raises ValueError with the reason if it cannot be read without a pickle."""
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:  # a small file may unfold to a large one: its list says how large
                parts = archive.infolist()
            if (size := sum(part.file_size for part in parts)) > LARGEST:
                raise ValueError(f"it unfolds to {size} bytes, {LARGEST} are allowed")
            if any(part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for part in parts):
                raise ValueError("it is packed in another way than NumPy packs its files")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in ("t", "y", "h", "target") if name in arrays}
        except Exception as error:  # libraries fail in many ways on what others have packed
            reason = "it holds a pickle, which is never opened" if "allow_pickle" in str(error) else error
            raise ValueError(f"{path.name}: cannot be read as pairs: {reason}") from error
