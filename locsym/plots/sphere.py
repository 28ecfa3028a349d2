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
    """Rotate points ``(*, 3)`` into the eye's frame: right, up, towards the eye."""
    elevation, azimuth = np.deg2rad(view)
    towards = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    return points @ np.stack([right, np.cross(towards, right), towards], axis=1)


def coordinates(points: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns y1, y2, y3 of points ``(*, 3)``, to be attached to what shows them."""
    return {f"y{i + 1}": column for i, column in enumerate(np.asarray(points).reshape(-1, 3).T)}


def ball(ax: Axes, view: tuple[float, float] = VIEW) -> Axes:
    """Prepare ``ax``: a grey ball with its equator and two meridians, equal axes, no frame."""
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
    """Draw the curve ``(T, 3)``; what lies behind the ball is drawn faint. Returns the line of what lies before it."""
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
    """Mark a start on the sphere; hollow where it lies behind."""
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
    """Draw exact orbits (black) under learned ones (coloured), ``(T, S, 3)`` each, with a dot at every start."""
    ball(ax, view)
    shown: list[Any] = [colours] * learned.shape[1] if isinstance(colours, str) else list(colours)
    for s in range(learned.shape[1]):
        if exact is not None:
            curve(ax, exact[:, s], view, color=COLOURS["exact"], lw=0.9, zorder=3, series=f"exact {s}")
        curve(ax, learned[:, s], view, color=shown[s], lw=1.3, zorder=4, alpha=0.85, series=f"learned {s}")
        dot(ax, learned[0, s], view, color=shown[s])
    return ax


def cycle(count: int) -> list[tuple[float, float, float, float]]:
    """Return ``count`` distinguishable colours for orbits, in the order of their starts."""
    import matplotlib

    return list(matplotlib.colormaps["viridis"](np.linspace(0.05, 0.9, count)))
