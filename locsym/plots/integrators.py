"""Splitting integrators beside Runge–Kutta: clouds of states, volume, order, invariants over long times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb

from . import sphere
from .style import COLOURS, KEEP, attach, legend_outside

#: What the integrators are called in every legend; their colours are those of ``style.COLOURS``.
METHODS = {
    "exact": "exact flow",
    "euler": "symplectic Euler",
    "strang": "Strang",
    "fourth": "fourth order",
    "rk4": "RK4",
}
VIEW = (58.0, -20.0)
LIGHT = np.array([-0.42, 0.52, 0.74])  # from the upper left, before the page


def clouds(
    images: Mapping[str, np.ndarray],
    faces: np.ndarray,
    times: Sequence[float],
    volumes: Mapping[str, Sequence[float]],
    orbit: np.ndarray,
) -> np.ndarray:
    """Draw a solid cloud of states under several maps, with its volume: a row for each map, a column for each time.

    Args:
        images: The surface of the cloud at the times, by map, ``(T, V, 3)``. The maps are keys of ``METHODS``.
        faces: The triangles of the surface, three numbers of vertices each, ``(F, 3)``.
        times: The times, ``(T,)``.
        volumes: The volume at the times relative to the first, by map, ``(T,)``.
        orbit: The exact orbit of the centre on the unit sphere, ``(N, 3)``.

    Returns:
        The panels, ``(maps, T)``.
    """
    size = (1.85 * len(times), 1.45 * len(images) + 0.3)
    _, axes = plt.subplots(len(images), len(times), figsize=size, squeeze=False)
    for row, (name, surfaces) in zip(axes, images.items(), strict=True):
        colour = "#6e6e6e" if name == "exact" else COLOURS[name]
        for ax, vertices, volume in zip(row, surfaces, volumes[name], strict=True):
            sphere.ball(ax, VIEW)
            sphere.curve(ax, orbit, VIEW, color=COLOURS["exact"], lw=0.7)
            solid(ax, vertices, faces, colour)
            ax.set(xlim=(-1.05, 1.05), ylim=(-0.5, 1.1))
            ax.annotate(
                f"volume {volume:.0%}", (0.5, 0.03), xycoords="axes fraction", ha="center", weight="bold", color=colour
            )
        row[0].annotate(METHODS[name], (0, 0.93), xycoords="axes fraction", color=colour, weight="bold")
    for ax, t in zip(axes[0], times, strict=True):
        ax.annotate(f"t = {t:.3g}", (0.5, 1.02), xycoords="axes fraction", ha="center")
    return axes


def solid(ax: Axes, vertices: np.ndarray, faces: np.ndarray, colour: str, view: tuple[float, float] = VIEW) -> None:
    """Draw a closed triangulated surface, lit and opaque: the faces turned to the eye, the far ones first.

    Args:
        ax: The panel to draw into.
        vertices: The vertices, ``(V, 3)``.
        faces: The triangles, three numbers of vertices each, ``(F, 3)``, seen counter-clockwise from outside.
        colour: The colour of the surface.
        view: Elevation and azimuth of the eye in degrees.
    """
    triangles = sphere.project(vertices, view)[faces]
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    order = np.argsort(triangles[:, :, 2].mean(axis=1))
    order = order[normals[order, 2] > 0]
    light = np.clip(normals[order] @ LIGHT, 0, 1)[:, None]
    shade = np.clip(np.array(to_rgb(colour)) * (0.4 + 0.6 * light) + 0.3 * light**12, 0, 1)
    look = {"facecolors": shade, "edgecolors": shade, "linewidths": 0.3, "zorder": 6, "gid": KEEP}
    surface = PolyCollection(triangles[order, :, :2], rasterized=True, **look)  # tens of thousands of facets
    every = max(1, len(vertices) // 2000)
    attach(surface, f"surface (one vertex in {every})", **sphere.coordinates(vertices[::every]))
    ax.add_collection(surface)


def volumes(
    series: Mapping[str, tuple[np.ndarray, np.ndarray]], meshes: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> Axes:
    """Draw the volume of a cloud over time: lines from determinants, rings from the surfaces.

    Args:
        series: Times and volumes relative to the start, by map, from determinants. The maps are keys of ``METHODS``.
        meshes: The same from the surfaces.

    Returns:
        The panel.
    """
    _, ax = plt.subplots(figsize=(6.4, 3.2))
    styles = {"euler": (3.2, "-"), "strang": (2.2, "-"), "fourth": (1.4, (0, (4, 3))), "rk4": (1.8, "-")}
    for name, (t, volume) in series.items():
        width, dashes = styles[name]
        ax.plot(t, volume, color=COLOURS[name], lw=width, ls=dashes, label=METHODS[name])
    for name, (t, volume) in meshes.items():
        ax.plot(t, volume, "o", mfc="none", ms=5, color=COLOURS[name])
    ax.set(xlabel="t", ylabel="volume / volume at the start", ylim=(0, 1.12))
    legend_outside(ax.figure, ax)
    return ax


def defects(h: np.ndarray, series: Mapping[str, np.ndarray]) -> Axes:
    r"""Draw how far det J is from 1 after one step, at most, against the step size, log–log.

    Args:
        h: The step sizes, ``(S,)``.
        series: The largest :math:`|\det J - 1|` by map, ``(S,)``. The maps are keys of ``METHODS``.

    Returns:
        The panel.

    Example:
        >>> import numpy as np
        >>> from locsym.plots.integrators import defects
        >>> h = np.array([0.1, 0.2])
        >>> ax = defects(h, {"strang": np.array([1e-16, 2e-16]), "rk4": h**5})
        >>> [line.get_label() for line in ax.lines]
        ['Strang', 'RK4']
    """
    _, ax = plt.subplots(figsize=(6.4, 3.2))
    for name, defect in series.items():
        ax.loglog(h, np.maximum(defect, 1e-17), "o-", ms=4, lw=1, color=COLOURS[name], label=METHODS[name])
    ax.set(xlabel="h", ylabel="largest |det J − 1|", ylim=(1e-17, 10))
    legend_outside(ax.figure, ax)
    return ax


def orders(h: Sequence[float], fits: Mapping[str, tuple[Sequence[float], float]]) -> Axes:
    """Draw errors against the step size, log–log, with a line of the fitted slope through them.

    Args:
        h: The step sizes, ``(S,)``.
        fits: Errors ``(S,)`` and the slope of the line, by map. The maps are keys of ``METHODS``.

    Returns:
        The panel.
    """
    _, ax = plt.subplots(figsize=(6.4, 3.8))
    log_h = np.log(h)
    for name, (error, slope) in fits.items():
        colour = COLOURS[name]
        middle = np.exp(np.log(error).mean() + slope * (log_h - log_h.mean()))
        ax.loglog(h, middle, lw=1, color=colour)
        ax.loglog(h, error, "o", ms=5, color=colour, label=f"{METHODS[name]}: slope {slope:.2f}")
    ax.set(xlabel="h", ylabel="largest error")
    ax.set_xticks(h, [f"{x:.3g}" for x in h])
    ax.minorticks_off()
    legend_outside(ax.figure, ax, columns=2)
    return ax


def long_run(panels: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]]) -> np.ndarray:
    """Draw relative errors of invariants over a long time, log–log, one panel for each invariant.

    Each line is the largest error within every one of some 150 windows that are even in log t.

    Args:
        panels: Times and errors ``(T,)``, by invariant and then by map. The maps are keys of ``METHODS``.

    Returns:
        The panels, ``(1, invariants)``.
    """
    _, axes = plt.subplots(1, len(panels), figsize=(3.65 * len(panels), 3.3), sharey=True, squeeze=False)
    for ax, (name, runs) in zip(axes[0], panels.items(), strict=True):
        for method, (t, error) in runs.items():
            ax.loglog(*windows(t, error), color=COLOURS[method], lw=1.3, label=METHODS[method])
        ax.set(xlabel="t", ylabel=f"relative error of {name}", ylim=(1e-9, 30))
        ax.tick_params(labelleft=True)
    legend_outside(axes[0, 0].figure, axes[0, 0], place="upper")
    return axes


def energy_errors(t: np.ndarray, panels: Mapping[str, Mapping[str, np.ndarray]]) -> np.ndarray:
    """Draw relative errors of the energy, in percent, over linear axes.

    Args:
        t: Times, ``(T,)``.
        panels: Relative errors ``(T,)``, by panel and then by variant of a method, three at most.

    Returns:
        The panels, ``(1, P)``.
    """
    _, axes = plt.subplots(1, len(panels), figsize=(3.65 * len(panels), 3.2), sharey=True, squeeze=False)
    for ax, (name, variants) in zip(axes[0], panels.items(), strict=True):
        for (label, error), colour in zip(variants.items(), ("strang", "pair 1", "adam"), strict=False):
            ax.plot(t, 100 * error, color=COLOURS[colour], lw=1, label=label)
        ax.annotate(name, (0.5, 1.02), xycoords="axes fraction", ha="center")
        ax.set_xlabel("t")
    axes[0, 0].set_ylabel("relative error of H [%]")
    legend_outside(axes[0, 0].figure, axes[0, 0])
    return axes


def windows(t: np.ndarray, error: np.ndarray, count: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest error in each of some windows that are even in log t.

    Args:
        t: The times, ``(T,)``, increasing.
        error: The errors, ``(T,)``.
        count: About how many windows there are.

    Returns:
        The ends of the windows and the largest errors in them, NaN where an error is not finite.
    """
    edges = np.unique(np.geomspace(1, len(t), count + 1).astype(int))
    largest = np.maximum.reduceat(np.nan_to_num(error, nan=np.inf), edges[:-1])
    return t[edges[1:] - 1], np.where(np.isfinite(largest), largest, np.nan)


def cell(
    ax: Axes, exact: np.ndarray, states: np.ndarray, method: str, view: tuple[float, float] = (20.0, -62.0)
) -> Axes:
    """Draw orbits in the cube [−π/2, π/2]³: the exact ones as lines, the states of a method as dots.

    Args:
        ax: The panel to draw into.
        exact: The exact orbits, ``(T, S, 3)``.
        states: States of the method, ``(*, 3)``.
        method: The method, a key of ``METHODS``.
        view: Elevation and azimuth of the eye in degrees.

    Returns:
        The panel.
    """
    half = np.pi / 2
    for a, b in product(product((-half, half), repeat=3), repeat=2):
        if sum(p != q for p, q in zip(a, b, strict=True)) == 1 and a < b:
            (edge,) = ax.plot(*sphere.project(np.array([a, b]), view).T[:2], color=COLOURS["grey"], lw=0.7)
            attach(edge)
    for s in range(exact.shape[1]):
        (line,) = ax.plot(*sphere.project(exact[:, s], view).T[:2], color=COLOURS["exact"], lw=0.8)
        attach(line, f"exact {s}", **sphere.coordinates(exact[:, s]))
    x, y, depth = sphere.project(states.reshape(-1, 3), view).T
    dots = ax.scatter(x, y, s=4 + 4 * (depth - depth.min()) / np.ptp(depth), color=COLOURS[method], lw=0, zorder=3)
    attach(dots, METHODS[method], **sphere.coordinates(states))
    ax.annotate(METHODS[method], (0.02, 0.95), xycoords="axes fraction", color=COLOURS[method], weight="bold")
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax
