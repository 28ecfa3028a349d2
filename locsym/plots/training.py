"""Figures of how training goes: spectra, races against the clock, starts, costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Protocol

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from .paper import History, thin
from .style import COLOURS, LABELS, legend_outside

METHODS = {"lm": "Levenberg–Marquardt", "adam": "Adam", "lbfgs": "L-BFGS", "scipy": "SciPy"}
COLOUR = {"lm": COLOURS["lm"], "adam": COLOURS["adam"], "lbfgs": COLOURS["euler"], "scipy": COLOURS["rk4"]}


class Timed(History, Protocol):
    """A record of a run with the seconds after each iteration."""

    seconds: np.ndarray


def spectra(eigenvalues: Mapping[str, np.ndarray]) -> Axes:
    """Draw the eigenvalues of J Jᵀ of several problems, largest first, each over its largest, against their rank.

    Args:
        eigenvalues: The eigenvalues by problem.

    Returns:
        The panel.
    """
    _, ax = plt.subplots(figsize=(6.0, 3.2))
    for (name, found), style in zip(eigenvalues.items(), cycle(("-", "--", ":")), strict=False):
        found = np.sort(found)[::-1]
        ax.semilogy(np.linspace(0, 1, len(found)), np.maximum(found / found[0], 1e-18), style, color="k", label=name)
    ax.set(xlabel="rank over number of residuals", ylabel="eigenvalue over the largest")
    ax.legend()
    return ax


def race(problems: Mapping[str, Mapping[str, Timed]], marks: Mapping[str, float]) -> np.ndarray:
    """Draw the loss against seconds: a panel for each problem, a curve for each method.

    Args:
        problems: Histories by problem and then by method. The methods are keys of ``METHODS``.
        marks: The loss to beat by problem, a dotted line.

    Returns:
        The panels, ``(problems,)``.
    """
    _, axes = plt.subplots(1, len(problems), figsize=(2.45 * len(problems), 3.2), sharey=True)
    for ax, (problem, runs) in zip(np.atleast_1d(axes), problems.items(), strict=True):
        for method, history in runs.items():
            shown = thin(len(history.loss))
            loss = np.maximum(np.asarray(history.loss)[shown], 1e-34)
            seconds = np.asarray(history.seconds)[shown]
            ax.loglog(seconds, loss, color=COLOUR[method], lw=1.3, label=METHODS[method])
            ax.loglog(seconds[-1:], loss[-1:], "o", ms=4, color=COLOUR[method])
        ax.axhline(marks[problem], color=COLOURS["grey"], ls=":", lw=1.2)
        ax.annotate(problem, (0.5, 1.02), xycoords="axes fraction", ha="center", va="bottom", weight="bold")
        ax.set_xlabel("seconds")
    first = np.atleast_1d(axes)[0]
    first.set_ylabel("mean squared error")
    legend_outside(first.figure, *np.atleast_1d(axes))
    return axes


def iterations(runs: Mapping[str, History]) -> Axes:
    """Draw the loss against iterations, with a curve for each variant of one method.

    Args:
        runs: Histories by variant.

    Returns:
        The panel.

    Example:
        >>> import torch
        >>> from locsym.plots.training import iterations
        >>> from locsym.training.record import History
        >>> loss = torch.tensor([1.0, 0.1, 0.01])
        >>> ax = iterations({"ridge 1e-10": History(loss, loss, loss, loss)})
        >>> ax.lines[0].get_ydata().tolist() == loss.tolist()
        True
    """
    _, ax = plt.subplots(figsize=(6.0, 3.2))
    for (label, history), style in zip(runs.items(), cycle(("-", "--", "-.", ":")), strict=False):
        ax.loglog(history.iteration, history.loss, style, color=COLOURS["lm"], label=label)
    ax.set(xlabel="iteration", ylabel="mean squared error")
    ax.legend()
    return ax


def starts(stds: Sequence[float], losses: Mapping[tuple[str, str], np.ndarray]) -> Axes:
    """Draw the loss reached against the standard deviation of the starting weights.

    There is a dot for each seed, and a line through the medians.

    Args:
        stds: The standard deviations, ``(S,)``.
        losses: The losses ``(S, seeds)`` by method and biases, ``"b = 0"`` or ``"random b"``.

    Returns:
        The panel.
    """
    _, ax = plt.subplots(figsize=(6.0, 3.4))
    for (method, biases), found in losses.items():
        fill, style = ("white", "--") if biases == "b = 0" else (COLOUR[method], "-")
        label = f"{METHODS[method]}, {biases}"
        ax.semilogy(stds, np.median(found, axis=1), style, color=COLOUR[method], lw=1.2, label=label)
        ax.semilogy(stds, found, "o", ms=4.5, color=COLOUR[method], mfc=fill)
    ax.set(xlabel="std of the starting weights", ylabel="mean squared error reached")
    legend_outside(ax.figure, ax, columns=3 if len(losses) > 4 else 2, fontsize=9)
    return ax


def costs(growth: Mapping[str, tuple[Sequence[int], Mapping[str, Sequence[float]]]]) -> np.ndarray:
    """Draw the seconds of the parts of a step: a panel for each size that grows, a curve for each part.

    Args:
        growth: By the name of the size, its values, and the seconds for each of them by part.

    Returns:
        The panels, ``(sizes,)``, drawn two in a row.
    """
    rows = -(-len(growth) // 2)
    figure, axes = plt.subplots(rows, 2, figsize=(7.2, 2.3 * rows + 0.4), sharey=True, squeeze=False)
    axes, spare = axes.flat[: len(growth)], axes.flat[len(growth) :]
    for ax in spare:
        ax.remove()
    for ax, (name, (values, parts)) in zip(axes, growth.items(), strict=True):
        for (part, seconds), style in zip(parts.items(), ("o:", "s-", "^--"), strict=True):
            ax.loglog(values, seconds, style, ms=4, lw=1.2, color=COLOURS["lm"], label=part)
        ax.set_xlabel(name)
        ax.set_xticks(values, [str(value) for value in values], minor=False)
        ax.minorticks_off()
    for ax in axes[::2]:
        ax.set_ylabel("seconds")
    legend_outside(figure, axes[0])
    return axes


def choices(losses: Mapping[tuple[str, str], Sequence[float]]) -> Axes:
    """Draw the loss that each start reaches, a row for each choice: circles for Levenberg–Marquardt, crosses for Adam.

    Args:
        losses: The losses, one for each start, by method and choice. The first choice is on top.

    Returns:
        The panel.
    """
    rows = list(dict.fromkeys(name for _, name in losses))[::-1]
    _, ax = plt.subplots(figsize=(7.4, 3.8))
    for (method, name), values in losses.items():
        label = LABELS[method] if name == rows[-1] else None
        marker = {"lm": "o", "adam": "x"}[method]
        height = np.full(len(values), rows.index(name))
        ax.semilogx(values, height, marker, color=COLOURS[method], label=label)
    ax.set_xlabel("training error (MSE)")
    ax.set_yticks(range(len(rows)), rows)
    legend_outside(ax.figure, ax)
    return ax
