"""Waves on a grid: what central differences do to their speed, and what was learned of it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from .style import COLOURS, LABELS, legend_outside


def dispersion(n: int, c: float, learned: Mapping[str, np.ndarray]) -> Axes:
    """Frequency against wavenumber: the true wave, central differences on n points of [−1, 1], the learned maps.

    learned: training → the n frequencies Im λ of its matrix, sorted. A grid of n points carries two waves a
    frequency (one before and one after the top of the arch); only the frequencies are compared, placed by rank.
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
