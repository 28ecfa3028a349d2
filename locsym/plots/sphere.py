"""Orbits on the unit sphere, drawn flat: an orthographic view with the far side faint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from .style import COLOURS, attach

VIEW = (28.0, -38.0)  # elevation and azimuth of the eye [degrees]


def project(points: np.ndarray, view: tuple[float, float] = VIEW) -> np.ndarray:
    """Rotate points into the eye's frame.

    Args:
        points: The points, ``(*, 3)``.
        view: Elevation and azimuth of the eye in degrees.

    Returns:
        The coordinates to the right, upwards and towards the eye, ``(*, 3)``.

    Example:
        >>> import numpy as np
        >>> from locsym.plots.sphere import project
        >>> point = np.array([1.0, 2.0, 3.0])
        >>> project(point, view=(0.0, 0.0)).tolist()  # the eye is on the first axis
        [2.0, 3.0, 1.0]
    """
    elevation, azimuth = np.deg2rad(view)
    towards = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    return points @ np.stack([right, np.cross(towards, right), towards], axis=1)


def coordinates(points: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of points, to be attached to what shows them.

    Args:
        points: The points, ``(*, 3)``.

    Returns:
        The columns y1, y2, y3 by name.
    """
    return {f"y{i + 1}": column for i, column in enumerate(np.asarray(points).reshape(-1, 3).T)}


def ball(ax: Axes, view: tuple[float, float] = VIEW) -> Axes:
    """Draw a grey ball with its equator and two meridians, equal axes and no frame.

    Args:
        ax: The panel to draw into.
        view: Elevation and azimuth of the eye in degrees.

    Returns:
        The panel.
    """
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set(xlim=(-1.12, 1.12), ylim=(-1.12, 1.12))
    ax.add_patch(Circle((0, 0), 1, facecolor="#eeeeee", edgecolor="#bbbbbb", lw=0.8, zorder=0))
    s = np.linspace(0, 2 * np.pi, 181)
    zero = np.zeros_like(s)
    for circle in (
        np.stack([np.cos(s), np.sin(s), zero], -1),
        np.stack([np.cos(s), zero, np.sin(s)], -1),
        np.stack([zero, np.cos(s), np.sin(s)], -1),
    ):
        attach(curve(ax, circle, view=view, color="#bbbbbb", lw=0.6, zorder=1))
    return ax


def curve(ax: Axes, points: np.ndarray, view: tuple[float, float] = VIEW, faint: float = 0.25, **style: Any) -> Line2D:
    """Draw a curve; what lies behind the ball is drawn faint.

    Args:
        ax: The panel to draw into.
        points: The points of the curve, ``(T, 3)``.
        view: Elevation and azimuth of the eye in degrees.
        faint: The opacity of what lies behind, relative to the rest.
        **style: Properties of the line. ``series`` is the name of its data, see :func:`~locsym.plots.style.attach`.

    Returns:
        The line of what lies before the ball.
    """
    x, y, depth = project(np.asarray(points), view).T
    front = depth >= 0
    shared = front.copy()  # neighbours of a crossing belong to both pieces, so that no gap opens
    shared[1:] |= front[:-1]
    shared[:-1] |= front[1:]
    label, series = style.pop("label", None), style.pop("series", "")
    zorder = style.pop("zorder", 3)
    alpha = style.pop("alpha", 1.0)
    (far,) = ax.plot(x, np.where(~front, y, np.nan), alpha=faint * alpha, zorder=zorder - 0.5, **style)
    (near,) = ax.plot(x, np.where(shared, y, np.nan), alpha=alpha, zorder=zorder, label=label, **style)
    attach(far)
    attach(near, series, **coordinates(points))
    return near


def dot(ax: Axes, point: np.ndarray, view: tuple[float, float] = VIEW, **style: Any) -> None:
    """Mark a point on the sphere; the mark is hollow where the point lies behind.

    Args:
        ax: The panel to draw into.
        point: The point, ``(3,)``.
        view: Elevation and azimuth of the eye in degrees.
        **style: Properties of the mark.
    """
    x, y, depth = project(np.asarray(point), view)
    colour = style.pop("color", COLOURS["exact"])
    (mark,) = ax.plot(
        x, y, "o", ms=style.pop("ms", 4), mec=colour, mfc=colour if depth >= 0 else "white", zorder=5, **style
    )
    attach(mark)


def orbits(
    ax: Axes,
    exact: np.ndarray | None,
    learned: np.ndarray,
    colours: Sequence[str] | Sequence[tuple[float, ...]] | str,
    view: tuple[float, float] = VIEW,
) -> Axes:
    """Draw exact orbits (black) under learned ones (coloured), with a dot at every start.

    Args:
        ax: The panel to draw into.
        exact: The exact orbits, ``(T, S, 3)``; None for none.
        learned: The learned orbits, ``(T, S, 3)``.
        colours: One colour, or one for each learned orbit.
        view: Elevation and azimuth of the eye in degrees.

    Returns:
        The panel.
    """
    ball(ax, view)
    shown: list[Any] = [colours] * learned.shape[1] if isinstance(colours, str) else list(colours)
    for s in range(learned.shape[1]):
        if exact is not None:
            curve(ax, exact[:, s], view, color=COLOURS["exact"], lw=0.9, zorder=3, series=f"exact {s}")
        curve(ax, learned[:, s], view, color=shown[s], lw=1.3, zorder=4, alpha=0.85, series=f"learned {s}")
        dot(ax, learned[0, s], view, color=shown[s])
    return ax


def cycle(count: int) -> list[tuple[float, float, float, float]]:
    """Return distinguishable colours for orbits, in the order of their starts.

    Args:
        count: The number of colours.

    Returns:
        The colours, as red, green, blue and opacity.
    """
    import matplotlib

    return list(matplotlib.colormaps["viridis"](np.linspace(0.05, 0.9, count)))
