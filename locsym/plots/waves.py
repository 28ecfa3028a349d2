"""Waves on a grid: what central differences do to their speed, and what was learned of it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from .style import COLOURS, LABELS, legend_outside


def dispersion(n: int, c: float, learned: Mapping[str, np.ndarray]) -> Axes:
    """Draw the frequency against the wavenumber: the true wave, central differences, and the learned maps.

    A grid of n points carries two waves of each frequency, one before and one after the top of the arch. Only the
    frequencies are compared, placed by rank.

    Args:
        n: The number of grid points on [−1, 1].
        c: The wave speed.
        learned: The n frequencies Im λ of the matrix, sorted, by training.

    Returns:
        The panel.

    Example:
        >>> import numpy as np
        >>> from locsym.plots.waves import dispersion
        >>> ax = dispersion(5, 1.0, {"lm": np.linspace(-2, 2, 5)})
        >>> [line.get_label() for line in ax.lines[:2]]
        ['true wave, ω = −cκ', 'central differences']
    """
    dx = 2 / n
    modes = np.arange(-(n // 2), n - n // 2)
    kappa = np.pi * modes
    grid = -c * np.sin(kappa * dx) / dx
    fine = np.linspace(kappa.min(), kappa.max(), 400)
    _, ax = plt.subplots(figsize=(6.4, 3.4))
    ax.plot(fine, -c * fine, color=COLOURS["grey"], label="true wave, ω = −cκ")
    ax.plot(fine, -c * np.sin(fine * dx) / dx, color=COLOURS["exact"], lw=1.2, label="central differences")
    place = kappa[np.argsort(grid, kind="stable")]
    for size, (method, omega) in zip(cycle((8, 4)), learned.items(), strict=False):
        ax.plot(place, omega, "o", ms=size, mfc="none", color=COLOURS[method], label=LABELS[method])
    ax.set(xlabel="wavenumber κ", ylabel="frequency ω", ylim=(1.6 * grid.min(), 1.6 * grid.max()))
    legend_outside(ax.figure, ax, columns=2)
    return ax
