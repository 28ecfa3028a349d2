"""Whether a learned orbit stays: the trace of its return map against how far it drifts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any, Protocol

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from .style import COLOURS, attach, legend_outside


class Trace(Protocol):
    """A trace with its range; see :class:`~locsym.diagnostics.floquet.TraceRange`.

    Attributes:
        low, high: The ends of the range.
        value: Its middle.
        kind: ``"elliptic"``, ``"hyperbolic"`` or ``"undecided"``.
    """

    low: float
    high: float
    value: float
    kind: str


def trace_against_drift(groups: Mapping[str, tuple[Sequence[Trace], np.ndarray]], bound: float = 0.01) -> Axes:
    """Draw each trained seed by tr S, known from the training data, and its largest error of H, known only afterwards.

    A bar shows the range of a trace; a mark is hollow where the trace is undecided. An error beyond 1000 is drawn
    there, a trace beyond the axis at its end.

    Args:
        groups: S traces and their errors ``(S,)``, by name.
        bound: The error up to which an orbit counts as staying.

    Returns:
        The panel.

    Example:
        >>> import numpy as np
        >>> from locsym.diagnostics import TraceRange
        >>> from locsym.plots.stability import trace_against_drift
        >>> traces = [TraceRange(0.9, 1.1), TraceRange(2.9, 3.1)]
        >>> errors = np.array([1e-4, 10.0])
        >>> trace_against_drift({"K = 2": (traces, errors)}).get_xlabel()
        'tr S of the learned lap'
    """
    _, ax = plt.subplots(figsize=(7.0, 3.6))
    ax.axvspan(-2, 2, color=COLOURS["strang"], alpha=0.12, lw=0)
    ax.annotate("elliptic: −2 < tr S < 2", (0, 0.94), xycoords=("data", "axes fraction"), ha="center", color="#006b4f")
    ax.axhline(bound, color=COLOURS["grey"], lw=0.8, ls="--")
    ax.annotate(
        "the paper's 1 %", (1.0, bound), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8
    )
    looks = (("X", "#777777"), ("o", COLOURS["lm"]), ("s", COLOURS["fourth"]), ("^", COLOURS["exact"]))
    for (name, (traces, errors)), (marker, colour) in zip(groups.items(), cycle(looks), strict=False):
        low, high, value = (
            np.clip([getattr(trace, end) for trace in traces], -2.4, 4.1) for end in ("low", "high", "value")
        )
        up, open_ = np.clip(errors, 3e-9, 1e3), np.array([trace.kind == "undecided" for trace in traces])
        look: dict[str, Any] = {"ls": "", "ms": 7, "alpha": 0.85, "color": colour}
        gap = np.full(len(up), np.nan)
        (bars,) = ax.plot(np.stack([low, high, gap], 1).ravel(), np.repeat(up, 3), color=colour, lw=1.4, alpha=0.85)
        attach(bars, f"{name}, range of the trace", x=np.r_[low, high], y=np.r_[up, up])
        ax.plot(value[~open_], up[~open_], marker, label=name, **look)
        if open_.any():
            ax.plot(value[open_], up[open_], marker, mfc="none", label=f"{name}, undecided", **look)
    ax.set(
        xlabel="tr S of the learned lap",
        ylabel="largest error of H, t ≤ 1000",
        yscale="log",
        ylim=(1e-9, 5e3),
        xlim=(-2.5, 4.2),
    )
    ax.annotate(
        "…and further", (4.1, 1e3), ha="right", va="top", fontsize=8, xytext=(0, -7), textcoords="offset points"
    )
    legend_outside(ax.figure, ax, fontsize=9)
    return ax
