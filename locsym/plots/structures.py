"""What a network preserves, and what that does to invariants over a long time."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np

from .integrators import windows
from .style import COLOURS, legend_outside

#: What the structures are called in every legend, and their colours.
STRUCTURES = {"none": "nothing", "volume": "volume", "reversible": "volume, reversible", "bracket": "Poisson bracket"}
COLOUR = {"none": COLOURS["rk4"], "volume": COLOURS["lm"], "reversible": COLOURS["strang"], "bracket": COLOURS["euler"]}


def drifts(t: np.ndarray, panels: Mapping[str, Mapping[str, np.ndarray]]) -> np.ndarray:
    """Draw errors of invariants over a long time, log–log, a panel for each invariant.

    A line is the median of several networks, in windows that are even in log t; a band goes from the smallest to the
    largest.

    Args:
        t: The times, ``(T,)``, > 0.
        panels: The errors ``(S, T)`` of S networks, by invariant and then by structure, a key of ``STRUCTURES``.

    Returns:
        The panels, ``(invariants,)``.
    """
    _, axes = plt.subplots(1, len(panels), figsize=(3.65 * len(panels), 3.3), squeeze=False)
    for ax, (name, structures) in zip(axes[0], panels.items(), strict=True):
        for structure, errors in structures.items():
            ends = windows(t, errors[0])[0]
            seeds = np.stack([windows(t, error)[1] for error in errors])
            colour = COLOUR[structure]
            ax.fill_between(ends, seeds.min(0), seeds.max(0), color=colour, alpha=0.2, lw=0)
            ax.loglog(ends, np.median(seeds, 0), color=colour, lw=1.5, label=STRUCTURES[structure])
        ax.set(xlabel="t", ylabel=f"relative error of {name}", ylim=(1e-16, 1e4))
    legend_outside(axes[0, 0].figure, axes[0, 0], place="upper")
    return axes[0]
