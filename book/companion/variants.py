"""A figure as other readers see it: in dark mode (``Dark``), and on a phone (``narrow``).

The dark picture is drawn, not filtered: each colour is exchanged on its way to the canvas. Light and dark greys change
places, so black on white becomes light grey on the page's dark. Strong colours stay; the deep ones are lightened.
"""

from __future__ import annotations

import pickle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg

from locsym.plots.style import KEEP

PAGE = np.array([0x12, 0x12, 0x12]) / 255  # the theme's dark page
INK, STRONG = 0.92, 0.66  # lightness of what was black, and the least of a strong colour
NARROW = 4.0  # inches: a phone's page, at which ten points can be read
LINEAR = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                   [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Return colours ``(*, 3)``, sRGB from 0 to 1, as lightness and two chroma coordinates (OKLab)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ LINEAR.T) @ LAB.T


def srgb(lab: np.ndarray) -> np.ndarray:
    """The inverse of ``oklab``; what a screen cannot show is cut off."""
    linear = np.clip((lab @ np.linalg.inv(LAB).T) ** 3 @ np.linalg.inv(LINEAR).T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


FLOOR = float(oklab(PAGE)[0])


def darkened(colours: np.ndarray, turn_all: bool = False) -> np.ndarray:
    """Return colours ``(*, 3 or 4)`` for a dark page. turn_all: light and dark change places for strong ones too."""
    colours = np.array(colours, float)
    lab = oklab(np.clip(colours[..., :3], 0, 1))
    light = lab[..., 0]
    turned = FLOOR + np.clip(1 - light, 0, 1) ** 0.75 * (INK - FLOOR)
    strength = 0.0 if turn_all else np.clip(np.hypot(lab[..., 1], lab[..., 2]) / 0.08, 0, 1)
    lab[..., 0] = (1 - strength) * turned + strength * np.maximum(light, STRONG)
    colours[..., :3] = srgb(lab)
    return colours


class _Ink(GraphicsContextBase):
    _rgb: Any

    def __init__(self, renderer: _Renderer) -> None:
        super().__init__()
        self.renderer = renderer
        self._rgb = renderer.exchanged(self._rgb)

    def set_foreground(self, fg: Any, isRGBA: bool = False) -> None:
        exchanged = fg is self._rgb  # a change of alpha only
        super().set_foreground(fg, isRGBA)
        if not exchanged:
            self._rgb = self.renderer.exchanged(self._rgb)


class _Renderer(RendererAgg):
    kept = 0  # how many groups that keep their colours are open

    def exchanged(self, colour: Any) -> Any:
        return colour if colour is None or self.kept else tuple(map(float, darkened(np.asarray(colour))))

    def new_gc(self) -> _Ink:
        return _Ink(self)

    def open_group(self, s: str, gid: str | None = None) -> None:
        self.kept += bool(self.kept) or gid == KEEP

    def close_group(self, s: str) -> None:
        self.kept -= bool(self.kept)

    def draw_path(self, gc: Any, path: Any, transform: Any, rgbFace: Any = None) -> None:
        super().draw_path(gc, path, transform, self.exchanged(rgbFace))

    def _update_methods(self) -> None:
        super()._update_methods()
        markers, paths, image = self.draw_markers, self.draw_path_collection, self.draw_image

        def draw_markers(gc: Any, marker: Any, m: Any, path: Any, transform: Any, face: Any = None) -> None:
            markers(gc, marker, m, path, transform, self.exchanged(face))

        def draw_path_collection(
            gc: Any, m: Any, p: Any, a: Any, offsets: Any, o: Any, faces: Any, edges: Any, *rest: Any, **more: Any
        ) -> None:
            both = (np.asarray(c, float) for c in (faces, edges))
            faces, edges = (c if self.kept or not c.size else darkened(c) for c in both)
            paths(gc, m, p, a, offsets, o, faces, edges, *rest, **more)

        def draw_image(gc: Any, x: Any, y: Any, pixels: Any, *rest: Any) -> None:
            if not self.kept:
                turned = darkened(np.asarray(pixels) / 255, turn_all=True)
                pixels = np.ascontiguousarray((255 * turned + 0.5).astype(np.uint8))
            image(gc, x, y, pixels, *rest)

        vars(self).update(
            draw_markers=draw_markers, draw_path_collection=draw_path_collection, draw_image=draw_image
        )


class Dark(FigureCanvasAgg):
    """A canvas that draws a figure for dark mode: ``Dark(figure).print_figure(file)``."""

    def get_renderer(self) -> _Renderer:
        size = (*self.get_width_height(physical=True), self.figure.dpi)
        if getattr(self, "_lastKey", None) != size:
            self.renderer, self._lastKey = _Renderer(*size), size
        return self.renderer


def narrow(figure: Any) -> Any:
    """Return a copy of a figure for a phone, its panels below one another; None where the figure is narrow already.

    What belongs to one column stays together. Small pictures without axes stand two in a row.
    """
    if figure.get_figwidth() <= 1.1 * NARROW:
        return None
    copy = pickle.loads(pickle.dumps(figure))
    plt.close(copy)  # pyplot adopts what it unpickles
    panels = [ax for ax in copy.axes if ax.get_subplotspec() is not None]
    grid = panels[0].get_gridspec()
    rows, columns = grid.nrows, grid.ncols
    small = figure.get_figwidth() < 3.2 * columns
    most = 2 if small and all(_plain(ax) for ax in panels) else 1
    places, shape = arranged(rows, columns, most)
    width, height = copy.get_size_inches()
    own = [_size(ax, width, height) for ax in panels]
    new = NARROW / shape[1]
    tall: dict[int, float] = {}
    for ax, (w, h) in zip(panels, own, strict=True):
        spec = ax.get_subplotspec()
        row = places[spec.rowspan.start, spec.colspan.start][0]
        tall[row] = max(tall.get(row, 0.0), _height(ax, w, h, new, len(panels)))
    heights = [tall.get(row, 1.0) for row in range(shape[0])]
    fresh = copy.add_gridspec(*shape, height_ratios=heights)
    for ax in panels:
        spec = ax.get_subplotspec()
        ax.set_subplotspec(fresh[places[spec.rowspan.start, spec.colspan.start]])
        _labelled(ax)
    copy.set_size_inches(NARROW, sum(heights))
    _legends_below(copy)
    return copy


def arranged(rows: int, columns: int, most: int) -> tuple[dict[tuple[int, int], tuple[int, int]], tuple[int, int]]:
    """Return where each place of a grid goes in one of at most ``most`` columns, and the shape of that one."""
    every = [(i, j) for i in range(rows) for j in range(columns)]
    if columns <= most:
        return {place: place for place in every}, (rows, columns)
    if most == 1:
        return {(i, j): (j * rows + i, 0) for i, j in every}, (rows * columns, 1)
    lines = -(-columns // most)
    return {(i, j): (i * lines + j // most, j % most) for i, j in every}, (rows * lines, most)


def _plain(ax: Any) -> bool:
    return not ax.axison or bool(ax.images and not ax.get_xlabel() and not ax.get_ylabel())


def _size(ax: Any, width: float, height: float) -> tuple[float, float]:
    """The part of the figure that is a panel's, in inches, margins included."""
    spec = ax.get_subplotspec()
    grid = spec.get_gridspec()
    across, down = grid.get_width_ratios(), grid.get_height_ratios()
    return width * across[spec.colspan.start] / sum(across), height * down[spec.rowspan.start] / sum(down)


def _height(ax: Any, w: float, h: float, new: float, panels: int) -> float:
    """The height of a panel, now ``w`` by ``h`` inches, when its width is ``new``, margins included."""
    if ax.get_aspect() == "auto":
        return max(0.8 * new, 2.8) if panels == 1 else min(h, 0.75 * new)
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    margin = 0.6 if ax.axison else 0.1
    words = 0.2 * sum(text.get_text().count("\n") + 1 for text in ax.texts if text.get_transform() != ax.transData)
    return (new - margin) * abs((high - low) / (right - left)) + margin + min(words, 0.4)


def _labelled(ax: Any) -> None:
    """Give a panel the scale and the label that its neighbour on the left showed for both."""
    if not ax.axison:
        return
    ax.tick_params(axis="y", which="both", labelleft=True)
    if not ax.get_ylabel():
        shared = ax.get_shared_y_axes().get_siblings(ax)
        left = [other.get_ylabel() for other in shared if other.get_subplotspec() is not None and other.get_ylabel()]
        ax.set_ylabel(left[0] if left else "")


def _legends_below(figure: Any) -> None:
    """Put the legends that stood beside or around the panels below them, in as many columns as find room."""
    figure.draw_without_rendering()
    for ax in figure.axes:
        legend = ax.get_legend()
        if legend is not None and legend.get_window_extent().x0 >= ax.get_window_extent().x1:
            _below(figure, legend, *ax.get_legend_handles_labels())
    handles = {n: h for ax in figure.axes for h, n in zip(*ax.get_legend_handles_labels(), strict=True)}
    for legend in list(figure.legends):
        if getattr(legend, "_ncols", 1) > 1:
            names = [text.get_text() for text in legend.get_texts() if text.get_text() in handles]
            _below(figure, legend, [handles[name] for name in names], names)


def _below(figure: Any, legend: Any, handles: list, labels: list) -> None:
    size = legend._fontsize
    legend.remove()
    for columns in range(min(4, len(labels)), 0, -1):
        new = figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=size, frameon=False)
        figure.draw_without_rendering()
        box = new.get_window_extent()
        if columns == 1 or box.width <= figure.bbox.width:
            figure.set_figheight(figure.get_figheight() + box.height / figure.dpi)
            return
        new.remove()
