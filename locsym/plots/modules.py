"""What modules do: a pair's plane sheared, Jacobians, worst defects, families of maps and turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Polygon, Rectangle

from .style import COLOURS, attach, legend_outside

ENTRIES = "PuOr"  # entries of a matrix, negative and positive


def grid_lines(half: float = 1.6, count: int = 17, points: int = 160) -> np.ndarray:
    """Return the lines of a square grid around the origin.

    Args:
        half: Half the side of the square.
        count: The number of lines in each direction.
        points: The number of points on a line.

    Returns:
        The lines, ``(2 count, points, 2)``.
    """
    t, fine = np.meshgrid(np.linspace(-half, half, count), np.linspace(-half, half, points), indexing="ij")
    return np.concatenate([np.stack([fine, t], -1), np.stack([t, fine], -1)])


def circle(radius: float = 0.8, points: int = 4000) -> np.ndarray:
    """Return a circle around the origin.

    Args:
        radius: The radius.
        points: The number of points on the circle.

    Returns:
        The points, ``(points, 2)``.
    """
    turn = 2 * np.pi * np.arange(points) / points
    return radius * np.stack([np.cos(turn), np.sin(turn)], -1)


def sheared_plane(ax: Axes, lines: np.ndarray, outline: np.ndarray, label: str, area: float, axes_of: tuple) -> Axes:
    """Draw the image of a grid in the plane of a pair, and of one patch, with the patch's area.

    Args:
        ax: The panel to draw into.
        lines: The grid lines, ``(L, P, 2)``.
        outline: The boundary of the patch, ``(N, 2)``.
        label: What stands above the panel.
        area: The area of the patch.
        axes_of: The names of the two coordinates.

    Returns:
        The panel.
    """
    ax.add_collection(LineCollection(list(lines), colors=COLOURS["grey"], linewidths=0.6))
    ax.add_patch(Polygon(outline, facecolor=COLOURS["pair 1"], edgecolor=COLOURS["exact"], alpha=0.45))
    ax.annotate(f"{label}\narea {area:.6f}", (0.5, 1.02), xycoords="axes fraction", ha="center")
    ax.set(xlabel=axes_of[0], ylabel=axes_of[1], aspect="equal")
    ax.grid(False)
    return ax


def matrix(ax: Axes, J: np.ndarray, label: str = "", pair: int | None = None, limit: float | None = None) -> Axes:
    """Draw a matrix entry by entry; exact zeros stay empty.

    Args:
        ax: The panel to draw into.
        J: The matrix, ``(n, n)``.
        label: What stands above the panel.
        pair: The number k, counted from 0, of a pair (y_k, y_k+1) whose block is outlined; None for no outline.
        limit: The absolute value at the end of the colour scale; None for the largest entry.

    Returns:
        The panel.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> import numpy as np
        >>> from locsym.plots.modules import matrix
        >>> ax = matrix(plt.figure().subplots(), np.array([[1.0, 0.5], [0.0, 1.0]]))
        >>> [text.get_text() for text in ax.texts[:3]]
        ['1', '0.5', '1']
    """
    limit = float(np.abs(J).max()) if limit is None else limit
    n = len(J)
    ax.imshow(np.where(J == 0, np.nan, J), cmap=ENTRIES, vmin=-limit, vmax=limit)
    for (i, j), value in np.ndenumerate(J):
        if value != 0:
            text = f"{value:.0f}" if value == round(value) else f"{value:.2g}".replace("-", "−")
            dark = abs(value) > 0.6 * limit
            ax.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    if pair is not None:
        ax.add_patch(Rectangle((pair - 0.5, pair - 0.5), 2, 2, fill=False, edgecolor=COLOURS["exact"], lw=2))
    names = [f"{i + 1}" for i in range(n)]
    ax.set(xticks=range(n), yticks=range(n), xticklabels=names, yticklabels=names)
    ax.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5))
    ax.annotate(label, (0.5, 1.04), xycoords="axes fraction", ha="center")
    ax.grid(False)
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(True)
    return ax


def worst_defects(ax: Axes, kinds: Mapping[str, Mapping[str, Sequence[float]]], roundings: Sequence[float]) -> Axes:
    """Draw the worst defect over the dimension, with one marker for each kind of map.

    Args:
        ax: The panel to draw into.
        kinds: Columns by label, with the dimensions ``"n"`` and the defects ``"worst"``; see
            ``chapters.structure_defects.columns``. All columns go into the figure's table.
        roundings: Unit roundoffs, which are drawn as dashed lines.

    Returns:
        The panel.
    """
    dimensions = sorted({n for columns in kinds.values() for n in columns["n"]})
    styles = zip("osD^vP", ("pair 1", "pair 2", "strang", "rk4", "adam", "exact"), strict=True)
    for (label, columns), (marker, colour) in zip(kinds.items(), styles, strict=False):
        places = [dimensions.index(n) for n in columns["n"]]
        line = ax.semilogy(places, columns["worst"], marker, ls=":", lw=0.8, color=COLOURS[colour], label=label, ms=5)
        attach(line[0], label, **columns)
    for unit in roundings:
        ax.axhline(unit, color=COLOURS["grey"], ls="--", lw=1)
        ax.annotate("unit roundoff", (1, unit), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    ax.set_xlim(-0.4, len(dimensions) + 0.6)  # with room for the words at the right
    ax.set(xticks=range(len(dimensions)), xticklabels=[f"{n:g}" for n in dimensions], xlabel="dimension n")
    ax.set(ylabel="worst defect, relative to |J|", ylim=(min(roundings) / 4, 1e-4))
    legend_outside(ax.figure, ax, columns=2)
    return ax


def family_errors(
    ax: Axes, h: Sequence[float], errors: Mapping[str, Sequence[float]], trained: Sequence[float], floor: float
) -> Axes:
    """Draw the error of one step, divided by h, over h.

    Args:
        ax: The panel to draw into.
        h: The steps, ``(S,)``.
        errors: The errors divided by h, by label, ``(S,)``.
        trained: The steps in the training data.
        floor: The bound for h → 0.

    Returns:
        The panel.
    """
    for (label, values), colour in zip(errors.items(), ("pair 1", "adam"), strict=True):
        ax.loglog(h, values, "o-", ms=3.5, color=COLOURS[colour], label=label)
    for step in trained:
        ax.axvline(step, color=COLOURS["grey"], lw=1, ls=":")
    ax.axhline(floor, color=COLOURS["exact"], lw=1, ls="--", label="bound for h → 0")
    ax.set(xlabel="step h", ylabel="error of one step / h")
    legend_outside(ax.figure, ax)
    return ax


def along_itself(ax: Axes, y: Sequence[float], exact: Sequence[float], learned: Sequence[float], names: tuple) -> Axes:
    """Draw a component of a field over its own coordinate: that of the exact field, and that of a learned generator.

    Args:
        ax: The panel to draw into.
        y: The coordinate, ``(T,)``.
        exact: The component of the exact field, ``(T,)``.
        learned: The component of the generator, ``(T,)``.
        names: The names of the coordinate and of the component.

    Returns:
        The panel.
    """
    ax.plot(y, exact, color=COLOURS["exact"], label="exact field")
    ax.plot(y, learned, color=COLOURS["adam"], label="learned generator")
    ax.set(xlabel=names[0], ylabel=names[1])
    ax.legend()
    return ax


def turns(ax: Axes, angles: Mapping[str, np.ndarray], exact: float) -> Axes:
    """Draw how far a tangent vector has turned after each module, in units of π.

    Args:
        ax: The panel to draw into.
        angles: The angles in radians by label, ``(modules + 1,)``.
        exact: The angle by which the exact flow turns the vector, in radians.

    Returns:
        The panel.
    """
    for (label, values), colour in zip(angles.items(), ("pair 1", "adam", "pair 2"), strict=False):
        ax.plot(values / np.pi, "o-", ms=3.5, color=COLOURS[colour], label=label)
    for level, label, x in ((exact / np.pi, "exact flow", 0.6), (exact / np.pi - 2, "exact flow − 2π", 0.05)):
        ax.axhline(level, color=COLOURS["exact"], lw=1, ls="--")
        ax.annotate(label, (x, level), xycoords=("axes fraction", "data"), va="bottom", fontsize=8)
    ax.set(xlabel="modules passed", ylabel="angle turned [π]", ylim=(-2.15, 0.5))
    legend_outside(ax.figure, ax)
    return ax
