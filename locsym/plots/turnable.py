"""Orbits on a sphere that the reader turns by hand (Plotly)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from .style import COLOURS


def turnable(
    orbits: Mapping[str, np.ndarray], colours: Mapping[str, str | Sequence[str]], decimals: int = 3
) -> go.Figure:
    """Draw named groups of orbits on a translucent unit sphere; a click in the legend hides a group.

    Args:
        orbits: The orbits by group, ``(T, S, 3)``.
        colours: By group, one colour or one for each orbit.
        decimals: To how many decimals coordinates are rounded. Three are what a screen shows, at a fraction of the
            page's weight.

    Returns:
        A figure of Plotly.

    Example:
        >>> import numpy as np
        >>> from locsym.plots.turnable import turnable
        >>> figure = turnable({"exact": np.zeros((5, 2, 3))}, {"exact": "black"})
        >>> len(figure.data)  # the sphere, two orbits, their starts
        4
    """
    u, v = np.meshgrid(np.linspace(0, 2 * np.pi, 40), np.linspace(0, np.pi, 20))
    grid = np.round(0.985 * np.stack([np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v)]), decimals)
    figure = go.Figure(
        go.Surface(
            x=grid[0],
            y=grid[1],
            z=grid[2],
            opacity=0.45,
            showscale=False,
            hoverinfo="skip",
            colorscale=[[0, "#dddddd"], [1, "#dddddd"]],
        )
    )
    for name, group in orbits.items():
        tones = colours[name]
        for s in range(group.shape[1]):
            x, y, z = np.round(group[:, s], decimals).T
            figure.add_scatter3d(
                x=x,
                y=y,
                z=z,
                mode="lines",
                name=name,
                legendgroup=name,
                showlegend=s == 0,
                hoverinfo="name",
                line={"color": tones if isinstance(tones, str) else tones[s], "width": 4},
            )
    starts = np.round(next(iter(orbits.values()))[0], decimals)
    figure.add_scatter3d(
        x=starts[:, 0],
        y=starts[:, 1],
        z=starts[:, 2],
        mode="markers",
        name="starts",
        hoverinfo="name",
        marker={"size": 4, "color": COLOURS["exact"]},
    )
    hidden = {"visible": False}
    figure.update_layout(
        scene={
            "xaxis": hidden,
            "yaxis": hidden,
            "zaxis": hidden,
            "aspectmode": "data",
            "camera": {"eye": {"x": 1.1, "y": -0.85, "z": 0.75}},
        },
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        height=460,
        paper_bgcolor="rgba(0,0,0,0)",  # the page's own
        font={"family": "DejaVu Sans, sans-serif", "size": 11, "color": "black"},
        legend={"orientation": "h", "y": 0, "bgcolor": "rgba(0,0,0,0)"},
    )
    return figure
