"""Other forms of each figure, stored with its picture: for dark mode, for a phone, its vector file and its numbers.

The build loads this into the notebook's kernel (``load_ipython_extension``). A displayed figure's output then carries,
in its metadata, ``companion_files: {"svg": …, "csv": …, "dark.png": …}``, the pictures in base64; a Plotly figure has
only its numbers. See ``variants`` for dark mode and phones.

The CSV is one table for each figure: ``panel`` (counted from 1), ``series``, and the columns that the series have. A
column that a series does not have is empty. Numbers have six digits. A comment line for each panel names its axes.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

FILES = "companion_files"
DPI = 160  # of the picture on the page: sharp on a phone
SHADED = 110  # of one with more colours than a palette holds: it is five times as large, and pages stay below 3 MB
KINDS = {"QuadContourSet": "level lines", "Quiver": "arrows", "AxesImage": "matrix"}  # what has no label
Rows = tuple[int, str, dict[str, np.ndarray]]  # panel, series, columns of equal length


def load_ipython_extension(shell: Any) -> None:
    """Make the figures of this kernel carry their files."""
    display = shell.display_formatter
    display.mimebundle_formatter.for_type_by_name("matplotlib.figure", "Figure", partial(_bundle, display))
    display.ipython_display_formatter.for_type_by_name("plotly.graph_objs._figure", "Figure", _show_plotly)


def _bundle(display: Any, figure: Any, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
    display.formatters["image/png"].type_printers.pop(type(figure), None)  # matplotlib's own would win over this one
    shown = base64.b64encode(picture(figure)).decode()
    pictures = {name: base64.b64encode(data).decode() for name, data in others(figure).items()}
    numbers = csv(list(drawn(figure)), panels(figure))
    return {"image/png": shown}, {FILES: {"svg": svg(figure), "csv": numbers, **pictures}}


def others(figure: Any) -> dict[str, bytes]:
    """Return the figure's pictures for dark mode and, unless it is narrow already, for a phone in both modes."""
    from .variants import narrow

    found = {"dark.png": picture(figure, dark=True)}
    if (small := narrow(figure)) is not None:
        found |= {"narrow.png": picture(small), "narrow-dark.png": picture(small, dark=True)}
    return found


def _show_plotly(figure: Any) -> None:
    from IPython.display import display

    page = figure.to_html(full_html=False, include_plotlyjs=False)
    display({"text/html": page}, raw=True, metadata={FILES: {"csv": csv(list(traces(figure)), [])}})


def picture(figure: Any, dark: bool = False) -> bytes:
    """Return the figure as PNG that knows its resolution, in 256 colours if the difference cannot be seen."""
    from PIL import Image

    from .variants import Dark

    def pixels(dpi: int) -> Image.Image:
        buffer, canvas = io.BytesIO(), figure.canvas
        (Dark(figure) if dark else canvas).print_figure(buffer, format="png", dpi=dpi, bbox_inches="tight")
        figure.set_canvas(canvas)
        return Image.open(buffer).convert("RGB")

    dpi, drawn = DPI, pixels(DPI)
    kept = drawn.quantize(256, dither=Image.Dither.NONE)
    difference = np.asarray(kept.convert("RGB"), int) - np.asarray(drawn, int)
    if np.abs(difference).max(-1).mean() >= 0.2:  # of 255
        dpi, kept = SHADED, pixels(SHADED)
    kept.save(file := io.BytesIO(), "PNG", optimize=True, dpi=(dpi, dpi))
    return file.getvalue()


def svg(figure: Any) -> str:
    """Return the figure as SVG, paths rounded to a hundredth of a point; the same figure gives the same text."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "companion"}):
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    return re.sub(r'(?<= d=")[^"]*', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), buffer.getvalue())


def csv(rows: list[Rows], comments: list[str]) -> str:
    """Return comments and rows as text."""
    names = list(dict.fromkeys(name for _, _, columns in rows for name in columns))
    lines = [f"# {comment}" for comment in comments] + [",".join(("panel", "series", *names))]
    for panel, series, columns in rows:
        head = f"{panel},{_quoted(series)}"
        length = max(map(len, columns.values()))
        texts = [list(map(_number, columns[name])) if name in columns else [""] * length for name in names]
        lines += [f"{head},{','.join(values)}" for values in zip(*texts, strict=True)]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return "" if value != value else f"{value:.6g}"  # NaN: no value, a gap in a line


def _quoted(text: str) -> str:
    text = text.replace("$", "")  # of formulas
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if set(text) & set(',"\n') else text


def panels(figure: Any) -> list[str]:
    """Describe each panel in words: the texts around it and its axes."""
    lines = []
    for number, ax in enumerate(_panels(figure), 1):
        texts = [t.get_text() for t in ax.texts if _beside(ax, t)]
        labels = {"x": _label(ax, "x"), "y": _label(ax, "y")}
        axes = [f"{name}: {label}" for name, label in labels.items() if label]
        if texts + axes:
            lines.append(f"panel {number}: " + " ".join("; ".join(filter(None, texts + axes)).replace("$", "").split()))
    return lines


def _label(ax: Any, name: str) -> str:
    """An axis' label, or that of the panel it shares the axis with."""
    shared = getattr(ax, f"get_shared_{name}_axes")().get_siblings(ax)
    labels = [getattr(other, f"get_{name}label")() for other in (ax, *shared)]
    return next(filter(None, labels), "")


def _beside(ax: Any, text: Any) -> bool:
    return getattr(text, "xycoords", None) == "axes fraction" or text.get_transform() == ax.transAxes


def _panels(figure: Any) -> list[Any]:
    return [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]


def traces(figure: Any) -> Iterator[Rows]:
    """Yield the lines and points of a Plotly figure; surfaces are decoration."""
    count: dict[str, int] = {}
    for trace in figure.data:
        if trace.type == "scatter3d":
            number = count[trace.name] = count.get(trace.name, -1) + 1
            columns = {name: np.asarray(trace[name], float) for name in "xyz"}
            yield 1, f"{trace.name} {number}", columns


def drawn(figure: Any) -> Iterator[Rows]:
    """Yield what a matplotlib figure shows, series by series.

    An artist with the attribute ``shows`` (``locsym.plots.style.attach``) says what it shows. Otherwise these are read:
    lines, points, bars, filled outlines, level lines (z: the level), arrows (u, v) and images (x, y: column and row).
    """
    labelled = [line for ax in figure.axes for line in ax.lines if _labelled(line)]
    labels = {_look(line): line.get_label() for line in labelled}
    again = {str(line.get_color()): f"{line.get_label()}, again" for line in labelled}  # drawn in other ways too
    for number, ax in enumerate(_panels(figure), 1):
        bars = {id(bar) for group in ax.containers for bar in group}
        for group in ax.containers:
            if isinstance(group, tuple) and len(group) and hasattr(group[0], "get_height"):
                x = [bar.get_x() + bar.get_width() / 2 for bar in group]
                named: list[Any] = [group, group[0]]
                name = next((a.get_label() for a in named if _labelled(a)), "bars")
                yield number, name, {"x": np.array(x), "y": np.array([b.get_height() for b in group])}
        unnamed = 0
        for artist in (*ax.lines, *ax.collections, *ax.patches, *ax.images):
            shows = getattr(artist, "shows", None)
            columns = shows if shows is not None else {} if id(artist) in bars else read(ax, artist)
            if not columns:
                continue
            look = _look(artist)
            given = artist.get_label() if _labelled(artist) else look and (labels.get(look) or again.get(look[0]))
            name = getattr(artist, "series", None) or given or KINDS.get(type(artist).__name__)
            unnamed += not name
            values = {key: np.asarray(value, float).ravel() for key, value in columns.items()}
            yield number, name or f"series {unnamed}", values


def _labelled(artist: Any) -> bool:
    return bool(artist.get_label()) and not str(artist.get_label()).startswith("_")


def _look(artist: Any) -> tuple | None:
    """What distinguishes lines in the legend: an unlabelled line is named like its twin in another panel."""
    if not hasattr(artist, "get_marker"):
        return None
    return str(artist.get_color()), artist.get_linestyle(), artist.get_marker(), artist.get_linewidth()


def read(ax: Any, artist: Any) -> dict[str, np.ndarray]:
    """Return an artist's coordinates, column by column; nothing for decoration."""
    from matplotlib import collections, contour, image, lines, patches, quiver

    match artist:
        case lines.Line2D():
            columns = dict(zip("xy", np.ma.filled(np.ma.asarray(artist.get_xydata(), float).T, np.nan), strict=True))
            tied = artist.get_transform().contains_branch_seperately(ax.transData)
            if not all(tied):  # a level or a time marked across the panel: one number
                return {name: v[:1] for (name, v), data in zip(columns.items(), tied, strict=True) if data}
            return columns
        case contour.ContourSet():
            levels = zip(artist.get_paths(), artist.levels, strict=False)
            parts = [(np.asarray(path.vertices), level) for path, level in levels]
            xy = np.concatenate([vertices for vertices, _ in parts])
            return {"x": xy[:, 0], "y": xy[:, 1], "z": np.repeat([z for _, z in parts], [len(v) for v, _ in parts])}
        case quiver.Quiver():
            return {name: np.asarray(getattr(artist, name.upper())) for name in "xyuv"}
        case collections.PathCollection():
            return dict(zip("xy", np.ma.filled(np.ma.asarray(artist.get_offsets()).T, np.nan), strict=True))
        case collections.LineCollection() | collections.PolyCollection():
            gap = np.full((1, 2), np.nan)
            xy = np.concatenate([part for path in artist.get_paths() for part in (path.vertices, gap)])
            return {"x": xy[:, 0], "y": xy[:, 1]}
        case patches.Polygon():
            return dict(zip("xy", np.asarray(artist.get_xy()).T, strict=True))
        case image.AxesImage():
            values: np.ndarray = np.ma.filled(np.ma.asarray(artist.get_array(), float), np.nan)
            position = np.indices(values.shape)
            return {"x": position[1], "y": position[0], "z": values}
    return {}
