"""Local Hamiltonian fields: their level lines, their sum along an orbit, areas that move, the error of a quadrature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from . import sphere
from .style import COLOURS, attach, legend_outside


def sum_along_orbit(
    ax: Axes, orbit: np.ndarray, fields: np.ndarray, every: int, scale: float = 0.9, view: tuple = (70.0, -38.0)
) -> Axes:
    """Draw two local fields head to tail along an orbit on the unit sphere, and their sum.

    Args:
        ax: The panel to draw into.
        orbit: The orbit, ``(T, 3)``.
        fields: The two local fields on the orbit, ``(T, 2, 3)``.
        every: Arrows are drawn at every so many states.
        scale: The length of an arrow for a field of length 1.
        view: Elevation and azimuth of the eye in degrees.

    Returns:
        The panel.
    """
    sphere.ball(ax, view)
    sphere.curve(ax, orbit, view, color=COLOURS["exact"], lw=1.0)
    start, arrows = orbit[::every], scale * fields[::every]
    visible = sphere.project(start, view)[:, 2] > -0.15
    start, (first, second) = start[visible], arrows[visible].swapaxes(0, 1)
    for colour, label, tail, arrow in (
        (COLOURS["exact"], "$f$", start, first + second),
        (COLOURS["pair 1"], "$f_{1,2}$", start, first),
        (COLOURS["pair 2"], "$f_{2,3}$", start + first, second),
    ):
        (x, y, _), (u, v, _) = sphere.project(tail, view).T, sphere.project(arrow, view).T
        drawn = ax.quiver(
            x, y, u, v, color=colour, angles="xy", scale_units="xy", scale=1, width=0.009, headwidth=4, zorder=6
        )
        attach(drawn, label, **sphere.coordinates(tail), **{f"v{i + 1}": v for i, v in enumerate(arrow.T)})
        (sample,) = ax.plot([], [], color=colour, lw=2.5, label=label)
        attach(sample)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.04), ncols=3, handlelength=1.2, columnspacing=1.2)
    return ax


def local_field(
    ax: Axes, x: np.ndarray, y: np.ndarray, H: np.ndarray, field: np.ndarray, colour: str, labels: tuple[str, str]
) -> Axes:
    """Draw level lines of a local Hamiltonian in the plane of its pair, with its field on top.

    Args:
        ax: The panel to draw into.
        x, y: The grid lines, ``(N,)``.
        H: The Hamiltonian, ``(N, N)``, with ``H[i, j]`` at (x[j], y[i]).
        field: The field at the same places, ``(N, N, 2)``.
        colour: The colour of the field.
        labels: The names of the two axes.

    Returns:
        The panel.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> import numpy as np
        >>> from locsym.plots.splitting import local_field
        >>> x = np.linspace(-1, 1, 20)
        >>> q, p = np.meshgrid(x, x)
        >>> ax = plt.figure().subplots()
        >>> H, field = (q**2 + p**2) / 2, np.stack([p, -q], axis=-1)
        >>> local_field(ax, x, x, H, field, "black", ("q", "p")).get_xlabel()
        'q'
    """
    ax.contour(x, y, H, levels=15, colors=COLOURS["grey"], linewidths=0.7, linestyles="solid")
    few = slice(len(x) // 14, None, max(1, len(x) // 7))
    ax.quiver(x[few], y[few], *field[few, few].transpose(2, 0, 1), color=colour, angles="xy", pivot="mid", width=0.008)
    ax.set(xlabel=labels[0], ylabel=labels[1], aspect="equal")
    ax.grid(False)
    return ax


def moving_areas(
    ax: Axes, boundaries: np.ndarray, times: Sequence[float], q: np.ndarray, p: np.ndarray, H: np.ndarray
) -> Axes:
    """Draw a set of states at several times, over the level lines of the Hamiltonian.

    Args:
        ax: The panel to draw into.
        boundaries: The closed curve around the set at each time, ``(T, N, 2)``.
        times: The times, ``(T,)``.
        q, p: Grid lines, ``(M,)``.
        H: The Hamiltonian, ``(M, M)``, with ``H[i, j]`` at (q[j], p[i]).

    Returns:
        The panel.
    """
    import matplotlib

    ax.contour(q, p, H, levels=12, colors=COLOURS["grey"], linewidths=0.6, linestyles="solid")
    colours = matplotlib.colormaps["viridis"](np.linspace(0.1, 0.85, len(times)))
    for boundary, time, colour in zip(boundaries, times, colours, strict=True):
        ax.fill(*boundary.T, facecolor=(*colour[:3], 0.55), edgecolor=colour, lw=1.0, label=f"$t = {time:g}$", zorder=3)
    ax.set(xlabel="angle $q$ [rad]", ylabel="momentum $p$")
    ax.grid(False)
    legend_outside(ax.figure, ax)
    return ax


def field_lines(ax: Axes, lines: np.ndarray, wires: Sequence[np.ndarray], view: tuple = (18.0, -62.0)) -> Axes:
    """Draw field lines and the wires around which they close.

    Args:
        ax: The panel to draw into.
        lines: The field lines, ``(T, S, 3)``.
        wires: The points of each wire, ``(N, 3)``.
        view: Elevation and azimuth of the eye in degrees.

    Returns:
        The panel.
    """
    for s, colour in enumerate(sphere.cycle(lines.shape[1])):
        (line,) = ax.plot(*sphere.project(lines[:, s], view)[:, :2].T, color=colour, lw=0.8)
        attach(line, f"field line {s}", **sphere.coordinates(lines[:, s]))
    for i, wire in enumerate(wires):
        (line,) = ax.plot(*sphere.project(np.concatenate([wire, wire[:1]]), view)[:, :2].T, color=COLOURS["loss"], lw=3)
        attach(line, f"wire {i}", **sphere.coordinates(wire))
    ax.set(aspect="equal", xlim=(-2.3, 2.3), ylim=(-2.0, 2.0))
    ax.set_axis_off()
    return ax


def quadrature_error(ax: Axes, nodes: Sequence[int], errors: Mapping[str, Sequence[float]], allowed: float) -> Axes:
    """Draw how far the local fields are from adding up to f against the number of nodes.

    Args:
        ax: The panel to draw into.
        nodes: The numbers of nodes.
        errors: The errors by label, one for each number of nodes.
        allowed: The error that is allowed, a dotted line.

    Returns:
        The panel.
    """
    for (label, values), colour, style in zip(
        errors.items(), (COLOURS["pair 1"], COLOURS["pair 2"]), ("o-", "s--"), strict=False
    ):
        ax.semilogy(nodes, values, style, color=colour, ms=4, label=label)
    ax.axhline(allowed, color=COLOURS["grey"], lw=1, ls=":")
    ax.set(xlabel="Gauss–Legendre nodes", ylabel=r"largest $|\sum_k f_{k,k+1} - f|$")
    ax.legend()
    return ax
