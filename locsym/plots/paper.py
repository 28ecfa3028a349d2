"""The panels of the paper's Figs. 1–6, each drawn for every training handed in, side by side.

``trained`` maps a training (``"adam"``: as in the paper, ``"lm"``: as we train) to its arrays, a column each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from . import sphere
from .style import COLOURS, LABELS, attach, legend_outside


class History(Protocol):
    """What a run records, one value for each iteration.

    Attributes:
        iteration: The numbers of the iterations, or epochs, from 1.
        loss: The training loss.
        validation: The validation error.
    """

    iteration: np.ndarray
    loss: np.ndarray
    validation: np.ndarray


def _columns(
    rows: int, trained: Mapping[str, object], width: float = 3.65, height: float = 2.4, **grid: Any
) -> np.ndarray:
    """Axes ``(rows, len(trained))``, each column headed by its training."""
    size = (width * len(trained), height * rows)
    _, axes = plt.subplots(rows, len(trained), figsize=size, squeeze=False, **grid)
    for ax, method in zip(axes[0], trained, strict=True):
        ax.annotate(
            LABELS[method],
            (0.5, 1.02),
            xycoords="axes fraction",
            ha="center",
            va="bottom",
            color=COLOURS[method],
            weight="bold",
        )
    return axes


def waves(x: np.ndarray, exact: np.ndarray, trained: Mapping[str, np.ndarray], start: np.ndarray) -> np.ndarray:
    """Draw Fig. 1(a): the wave u(x) at the end, exact and predicted, and below it the distance between the two.

    Args:
        x: The grid, ``(n,)``.
        exact: The exact wave, ``(n,)``.
        trained: The predicted waves by training, ``(n,)``.
        start: The wave at the start, ``(n,)``.

    Returns:
        The panels, ``(2, trainings)``.
    """
    axes = _columns(2, trained, sharex=True, sharey="row", gridspec_kw={"height_ratios": [3, 2]})
    for (top, bottom), (method, u) in zip(axes.T, trained.items(), strict=True):
        top.plot(x, start, color=COLOURS["grey"], lw=1, ls=":", label="start")
        top.plot(x, exact, color=COLOURS["exact"], label="exact")
        top.plot(x, u, "o", ms=4, mfc="none", color=COLOURS[method], label="predicted")
        bottom.semilogy(x, np.maximum(np.abs(u - exact), 1e-18), "o-", ms=3, lw=0.8, color=COLOURS[method])
        bottom.set_xlabel("x")
    axes[0, 0].set_ylabel("u")
    axes[1, 0].set_ylabel("|predicted − exact|")
    legend_outside(axes[0, 0].figure, axes[0, 0])
    return axes


def histories(trained: Mapping[str, Mapping[str, History]]) -> np.ndarray:
    """Draw Figs. 1(b), 3 and 5(b): the loss (solid) and the validation error (dashed), log–log.

    The paper calls the validation error "accuracy".

    Args:
        trained: Histories by training and then by row: ``""`` for a single row, else a label such as ``"K = 1"``.

    Returns:
        The panels, ``(rows, trainings)``.
    """
    rows = list(next(iter(trained.values())))
    axes = _columns(len(rows), trained, sharey=True)
    for column, (method, runs) in zip(axes.T, trained.items(), strict=True):
        for ax, row in zip(column, rows, strict=True):
            history = runs[row]
            shown = thin(len(history.loss))
            epoch = history.iteration[shown]
            ax.loglog(epoch, history.loss[shown], color=COLOURS["loss"], lw=1.1, label="loss")
            error = history.validation[shown]
            ax.loglog(epoch, error, color=COLOURS["validation"], ls="--", lw=1.1, label="validation error")
            if row:
                ax.annotate(row, (0.03, 0.06), xycoords="axes fraction", weight="bold")
        column[-1].set_xlabel("epoch" if method == "adam" else "iteration")
    for ax in axes[:, 0]:
        ax.set_ylabel("mean squared error")
    legend_outside(axes[0, 0].figure, axes[0, 0])
    return axes


def thin(rows: int, count: int = 2000) -> np.ndarray:
    """Return about ``count`` of the indices below ``rows``, even in the logarithm: all that a log axis can show.

    Args:
        rows: The number of indices.
        count: About how many of them are kept.

    Returns:
        The indices that are kept, increasing.
    """
    if rows <= count:
        return np.arange(rows)
    return np.unique(np.geomspace(1, rows, count).astype(int) - 1)


def components(t: np.ndarray, exact: np.ndarray, trained: Mapping[str, np.ndarray]) -> np.ndarray:
    """Draw Fig. 2: y_1, y_2, y_3 against t, exact and predicted.

    Args:
        t: The times, ``(T,)``.
        exact: The exact orbit, ``(T, 3)``.
        trained: The predicted orbits by training, ``(T, 3)``.

    Returns:
        The panels, ``(3, trainings)``.

    Example:
        >>> import numpy as np
        >>> from locsym.plots.paper import components
        >>> t = np.linspace(0, 1, 5)
        >>> orbit = np.stack([t, t**2, t**3], axis=1)
        >>> components(t, orbit, {"adam": 1.1 * orbit, "lm": orbit}).shape
        (3, 2)
    """
    axes = _columns(3, trained, height=1.4, sharex=True, sharey="row")
    for column, (method, y) in zip(axes.T, trained.items(), strict=True):
        for i, ax in enumerate(column):
            ax.plot(t, exact[:, i], color=COLOURS["exact"], lw=1.2, label="exact")
            ax.plot(t, y[:, i], color=COLOURS[method], ls=(0, (3, 3)), lw=2, label="predicted")
        column[-1].set_xlabel("t")
    for i, ax in enumerate(axes[:, 0]):
        ax.set_ylabel(f"$y_{i + 1}$")
    for ax in axes[0]:
        ax.margins(y=0.35)
        ax.legend(loc="upper right", ncols=2, fontsize=8, borderaxespad=0)
    return axes


def spheres(exact: np.ndarray | None, trained: Mapping[str, np.ndarray], height: float = 3.65) -> np.ndarray:
    """Draw Fig. 4(a): learned orbits on the sphere, over the exact ones. A dot marks each start.

    Args:
        exact: The exact orbits, ``(T, S, 3)``; None for none.
        trained: The learned orbits by training, ``(T, S, 3)``.
        height: The height of a panel in inches, and its width.

    Returns:
        The panels, ``(1, trainings)``.
    """
    axes = _columns(1, trained, width=height, height=height)
    for ax, (method, y) in zip(axes[0], trained.items(), strict=True):
        sphere.orbits(ax, exact, y, COLOURS[method])
    return axes


def errors(t: np.ndarray, panels: Mapping[str, Mapping[str, np.ndarray]]) -> np.ndarray:
    """Draw Fig. 4(b)–(d): a panel for each named error, with a curve for each training, logarithmic.

    Args:
        t: The times, ``(T,)``.
        panels: The errors ``(T,)``, by name and then by training.

    Returns:
        The panels, ``(names,)``.
    """
    _, axes = plt.subplots(len(panels), 1, figsize=(7.2, 1.75 * len(panels) + 0.4), sharex=True, squeeze=False)
    axes = axes[:, 0]
    for ax, (name, trained) in zip(axes, panels.items(), strict=True):
        for method, error in trained.items():
            ax.semilogy(t[1:], np.maximum(error[1:], 1e-17), color=COLOURS[method], lw=0.8, label=LABELS[method])
        ax.set_ylabel(name)
    axes[-1].set_xlabel("t")
    legend_outside(axes[0].figure, axes[0], place="upper")
    return axes


def samples(panels: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Draw Fig. 5(a): training states (dots) and validation states (diamonds) in (φ, θ), over the levels of z = cos θ.

    Args:
        panels: Training states ``(N, 3)`` and validation states ``(M, 3)``, by sampling.

    Returns:
        The panels, ``(1, samplings)``.
    """
    _, axes = plt.subplots(1, len(panels), figsize=(3.65 * len(panels), 3.0), sharey=True, squeeze=False)
    phi, theta = np.linspace(0, 2 * np.pi, 100), np.linspace(0, np.pi, 100)
    for ax, (name, (train, validation)) in zip(axes[0], panels.items(), strict=True):
        lines = ax.contour(
            phi, theta, np.cos(theta)[:, None] + 0 * phi, np.linspace(-0.8, 0.8, 9), colors="#aaaaaa", linewidths=0.7
        )
        ax.clabel(lines, fontsize=7, fmt="z = %.1f", levels=lines.levels[::2])
        for states, marker, label in ((train, "o", "training"), (validation, "D", "validation")):
            azimuth = np.mod(np.arctan2(states[:, 1], states[:, 0]), 2 * np.pi)
            ax.plot(
                azimuth,
                np.arccos(np.clip(states[:, 2], -1, 1)),
                marker,
                ms=3.2,
                ls="",
                alpha=0.8,
                label=label,
                color=COLOURS["exact"] if marker == "o" else COLOURS["validation"],
            )
        ax.set(xlabel=f"φ   ({name})", xlim=(0, 2 * np.pi), ylim=(np.pi, 0))
        ax.set_xticks(np.pi * np.arange(0, 2.5, 0.5), ["0", "π/2", "π", "3π/2", "2π"])
    axes[0, 0].set_yticks(np.pi * np.arange(0, 1.25, 0.25), ["0", "π/4", "π/2", "3π/4", "π"])
    axes[0, 0].set_ylabel("θ")
    legend_outside(axes[0, 0].figure, axes[0, 0], place="upper")
    return axes


def growing_orbits(exact: np.ndarray, trained: Mapping[str, np.ndarray], ends: Mapping[str, int]) -> np.ndarray:
    """Draw Fig. 6: learned orbits over the exact ones, up to several ends.

    There is a row for each training and a column for each end.

    Args:
        exact: The exact orbits, ``(T, S, 3)``.
        trained: The learned orbits by training, ``(T, S, 3)``.
        ends: The number of the last state by label.

    Returns:
        The panels, ``(trainings, ends)``.
    """
    _, axes = plt.subplots(len(trained), len(ends), figsize=(1.85 * len(ends), 2.1 * len(trained)), squeeze=False)
    for row, (method, y) in zip(axes, trained.items(), strict=True):
        colours = sphere.cycle(y.shape[1])
        for ax, (label, last) in zip(row, ends.items(), strict=True):
            sphere.orbits(ax, exact[: last + 1], y[: last + 1], colours)
            ax.annotate(label, (0.5, -0.02), xycoords="axes fraction", ha="center", va="top")
        again = [line for ax in row[:-1] for line in ax.lines]  # the beginnings of what the last panel shows
        again += [line for line in row[-1].lines if row[0] is not axes[-1, 0] and line.series.startswith("exact")]
        for line in again:
            attach(line)
        place = {"xy": (0, 1.02), "xycoords": "axes fraction", "va": "bottom", "weight": "bold"}
        name = row[0].annotate(LABELS[method], **place, color=COLOURS[method])
        name.set_in_layout(False)  # it is longer than its panel is wide
        row[0].annotate(" ", **place)  # keeps the line free for it
    return axes


def band(ax: Axes, low: float, high: float, label: str) -> None:
    """Shade the times [low, high], for example those of the training data.

    Args:
        ax: The panel to draw into.
        low, high: The first and the last time.
        label: The name in the legend.
    """
    ax.axvspan(low, high, color=COLOURS["grey"], alpha=0.15, lw=0, label=label)
