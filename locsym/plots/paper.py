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
    """What a run records, one value an iteration: epochs counted from 1, training loss, validation error."""

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
    """Fig. 1(a): the wave u(x) at the end, exact and predicted, and under it the distance between the two."""
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
    """Figs. 1(b), 3, 5(b): loss (solid) and validation error (dashed; the paper calls it "accuracy"), log–log.

    trained: training → row (``""`` for one row, else a label such as ``"K = 1"``) → its history.
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
    """Return at most about ``count`` of the indices below ``rows``, even in the logarithm: all a log axis can show."""
    if rows <= count:
        return np.arange(rows)
    return np.unique(np.geomspace(1, rows, count).astype(int) - 1)


def components(t: np.ndarray, exact: np.ndarray, trained: Mapping[str, np.ndarray]) -> np.ndarray:
    """Fig. 2: y_1, y_2, y_3 against t, exact and predicted, ``(T, 3)`` each."""
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
    """Fig. 4(a): orbits ``(T, S, 3)`` on the sphere, the learned over the exact; the dot is the start."""
    axes = _columns(1, trained, width=height, height=height)
    for ax, (method, y) in zip(axes[0], trained.items(), strict=True):
        sphere.orbits(ax, exact, y, COLOURS[method])
    return axes


def errors(t: np.ndarray, panels: Mapping[str, Mapping[str, np.ndarray]]) -> np.ndarray:
    """Fig. 4(b)–(d): for each named error, one panel with a curve a training, logarithmic: ``(T)`` each."""
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
    """Fig. 5(a): training states (dots) and validation states (diamonds) in (φ, θ), over the levels of z = cos θ.

    panels: sampling → (training states ``(N, 3)``, validation states ``(M, 3)``).
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
    """Fig. 6: learned orbits ``(T, S, 3)`` over the exact ones up to each end; a row a training, a column an end."""
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
    """Shade the times [low, high], e.g. those of the training data."""
    ax.axvspan(low, high, color=COLOURS["grey"], alpha=0.15, lw=0, label=label)
