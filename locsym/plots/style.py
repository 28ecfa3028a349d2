"""One style for every figure, one colour for one thing on every page (Okabe–Ito: safe for colour-blind readers)."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

COLOURS = {
    "exact": "#000000",  # the true flow, data
    "loss": "#B2182B",  # training loss: solid
    "validation": "#4D4DA8",  # validation error: dashed
    "lm": "#0072B2",  # trained by Levenberg–Marquardt
    "adam": "#D55E00",  # trained by Adam, as in the paper
    "rk4": "#CC79A7",  # Runge–Kutta: does not preserve volume
    "euler": "#E69F00",  # splitting integrators by order: 1
    "strang": "#009E73",  # 2
    "fourth": "#56B4E9",  # 4
    "pair 1": "#0072B2",  # local fields: of (y_1, y_2)
    "pair 2": "#E69F00",  # of (y_2, y_3)
    "grey": "#999999",
}

#: How the two trainings are called wherever both are shown.
LABELS = {"adam": "as in the paper (Adam)", "lm": "as we train (Levenberg–Marquardt)"}

RC = {
    "figure.dpi": 110,
    "savefig.dpi": 160,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "image.cmap": "cividis",
}


#: The gid of what keeps its colours on a dark page: lit surfaces, filled levels and their scale.
KEEP = "keeps its colours"


def legend_outside(figure: Any, *axes: Any, place: str = "lower", columns: int = 4, **look: Any) -> None:
    """Put one legend for several panels below or above all of them, where it hides nothing.

    Args:
        figure: The figure.
        *axes: The panels whose labels are shown. A label stands there only once.
        place: ``"lower"`` for below, ``"upper"`` for above.
        columns: The largest number of columns of the legend.
        **look: Properties of the legend.
    """
    found = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(found.values(), found.keys(), loc=f"outside {place} center", ncols=min(columns, len(found)), **look)


def attach(artist: Any, series: str = "", **columns: ArrayLike) -> None:
    """Tell what an artist shows where its own coordinates do not.

    A projected curve, for instance, keeps its three coordinates. The export of a figure's data reads them.

    Args:
        artist: A line, a collection or another artist of matplotlib.
        series: The name of the data.
        **columns: The data, columns of one length by name; none for a decoration.
    """
    artist.shows, artist.series = columns, series


def use() -> None:
    """Apply the style to matplotlib, for every figure made from here on."""
    import matplotlib.style

    matplotlib.style.use(RC)
