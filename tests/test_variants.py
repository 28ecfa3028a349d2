"""Figures for dark pages and for phones show the same numbers, in colours and in places where they can be seen."""

import io

import matplotlib as mpl
import numpy as np
import pytest
from companion import figures, variants
from PIL import Image

mpl.use("agg")

import matplotlib.pyplot as plt
from matplotlib.colors import to_hex, to_rgb

from locsym.plots.style import COLOURS, KEEP, legend_outside


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def luminance(rgb):
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(a, b):
    dark, light = sorted([luminance(np.asarray(a)), luminance(np.asarray(b))])
    return (light + 0.05) / (dark + 0.05)


def pixel(figure, dark, x=0.5, y=0.5):
    """The colour of a figure's picture at a place, from 0 to 1."""
    image = Image.open(io.BytesIO(figures.picture(figure, dark=dark))).convert("RGB")
    return np.array(image.getpixel((int(x * image.width), int(y * image.height)))) / 255


def test_lightness_and_back():
    colours = np.random.default_rng(0).random((50, 3))
    np.testing.assert_allclose(variants.srgb(variants.oklab(colours)), colours, atol=1e-6)
    np.testing.assert_allclose(variants.oklab(np.ones(3)), [1, 0, 0], atol=1e-4)


def test_white_becomes_the_page_and_black_is_read_on_it():
    np.testing.assert_allclose(variants.darkened(np.ones(3)), variants.PAGE, atol=0.005)
    assert contrast(variants.darkened(np.zeros(3)), variants.PAGE) > 12


@pytest.mark.parametrize("name", COLOURS)
def test_colours_stay_themselves_and_are_seen_on_dark(name):
    light = np.array(to_rgb(COLOURS[name]))
    dark = variants.darkened(light)
    if name != "grey":  # of what is beside the matter
        assert contrast(dark, variants.PAGE) >= 4.5
    (_, *before), (_, *after) = variants.oklab(light), variants.oklab(dark)
    if np.hypot(*before) > 0.05:
        assert abs(np.angle(complex(*before) / complex(*after))) < 0.2, "the hue is kept"


def test_colours_that_differ_still_differ_on_dark():
    found = [tuple(np.round(variants.darkened(np.array(to_rgb(c))), 2)) for c in set(COLOURS.values())]
    assert len(set(found)) == len(found)


def filled(colour, draw="axvspan", **look):
    figure, ax = plt.subplots(layout="none")
    ax.set_position([0, 0, 1, 1])
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.set_axis_off()
    if draw == "axvspan":
        ax.axvspan(0, 1, facecolor=colour, lw=0, **look)
    elif draw == "line":
        ax.plot([0, 1], [0.5, 0.5], color=colour, lw=40, **look)
    elif draw == "markers":
        ax.plot([0.5], [0.5], "o", ms=60, color=colour, **look)
    elif draw == "collection":
        ax.scatter([0.5], [0.5], s=6000, color=colour, **look)
    elif draw == "image":
        ax.imshow(np.tile(to_rgb(colour), (2, 2, 1)), extent=(0, 1, 0, 1), aspect="auto")
    return figure


@pytest.mark.parametrize("draw", ["axvspan", "line", "markers", "collection"])
@pytest.mark.parametrize("colour", ["#000000", "#0072B2", "#eeeeee"])
def test_whatever_is_drawn_changes_its_colour_once(draw, colour):
    figure = filled(colour, draw)
    np.testing.assert_allclose(pixel(figure, dark=False), to_rgb(colour), atol=0.01)
    np.testing.assert_allclose(pixel(figure, dark=True), variants.darkened(np.array(to_rgb(colour))), atol=0.01)
    np.testing.assert_allclose(pixel(figure, dark=False), to_rgb(colour), atol=0.01), "and stays as it was"


def test_what_is_faint_is_faint_on_dark():
    ink = variants.darkened(np.zeros(3))
    expected = 0.3 * ink + 0.7 * variants.PAGE
    for draw in ("line", "axvspan", "collection"):
        np.testing.assert_allclose(pixel(filled("#000000", draw, alpha=0.3), dark=True), expected, atol=0.02)


def test_images_are_turned_and_lit_surfaces_are_kept():
    deep = "#2d004b"
    turned = variants.darkened(np.array(to_rgb(deep)), turn_all=True)
    np.testing.assert_allclose(pixel(filled(deep, "image"), dark=True), turned, atol=0.01)
    assert variants.oklab(turned)[0] > 0.6, "the deepest is the lightest"
    kept = filled("#334455", "collection", gid=KEEP)
    np.testing.assert_allclose(pixel(kept, dark=True), to_rgb("#334455"), atol=0.01)
    np.testing.assert_allclose(pixel(kept, dark=True, x=0.02, y=0.02), variants.PAGE, atol=0.01)


@pytest.mark.parametrize(
    ("grid", "most", "shape", "order"),
    [
        ((2, 2), 1, (4, 1), [(0, 0), (1, 0), (0, 1), (1, 1)]),  # what belongs to one column stays together
        ((1, 3), 1, (3, 1), [(0, 0), (0, 1), (0, 2)]),
        ((1, 4), 2, (2, 2), [(0, 0), (0, 1), (0, 2), (0, 3)]),
        ((3, 4), 2, (6, 2), [(i, j) for i in range(3) for j in range(4)]),
        ((3, 1), 1, (3, 1), [(0, 0), (1, 0), (2, 0)]),
    ],
)
def test_panels_are_arranged_one_below_another(grid, most, shape, order):
    places, found = variants.arranged(*grid, most)
    assert found == shape
    assert sorted(places, key=places.get) == order
    assert len(set(places.values())) == len(places)


def wide():
    figure, axes = plt.subplots(2, 2, figsize=(8, 5), sharex=True, sharey="row", layout="constrained")
    for (i, j), ax in np.ndenumerate(axes):
        ax.plot([0, 1], [i, j], label="series")
        ax.plot([0, 1], [j, i], label="another")
    axes[0, 0].set_ylabel("above")
    axes[1, 0].set_ylabel("below")
    legend_outside(figure, axes[0, 0], place="upper")
    return figure


def test_a_phone_keeps_the_legend_also_of_what_only_a_later_panel_shows():
    figure, axes = plt.subplots(1, 3, figsize=(8, 3), layout="constrained")
    for i, ax in enumerate(axes):
        ax.plot([0, 1], [0, i], "r", label="series")
    axes[1].plot([0, 1], [1, 0], "b", label="only here")
    legend_outside(figure, *axes)
    (legend,) = variants.narrow(figure).legends
    assert [text.get_text() for text in legend.get_texts()] == ["series", "only here"]
    assert [to_hex(line.get_color()) for line in legend.get_lines()] == [to_hex("r"), to_hex("b")]


def test_a_phone_has_the_same_panels_below_one_another():
    figure = wide()
    before = [(ax.get_position().bounds, len(ax.lines)) for ax in figure.axes]
    small = variants.narrow(figure)
    figure.draw_without_rendering()
    assert small.get_figwidth() == variants.NARROW
    small.draw_without_rendering()
    boxes = [ax.get_window_extent() for ax in small.axes]
    assert len({round(box.x0) for box in boxes}) == 1
    tops = [boxes[i].y1 for i in (0, 2, 1, 3)]
    assert tops == sorted(tops, reverse=True), "left column first"
    for old, new in zip(figure.axes, small.axes, strict=True):
        np.testing.assert_array_equal(old.lines[0].get_xydata(), new.lines[0].get_xydata())
    assert [ax.get_ylabel() for ax in small.axes] == ["above", "above", "below", "below"]
    assert all(ax.yaxis.get_tick_params()["labelleft"] for ax in small.axes)
    (legend,) = small.legends
    assert legend.get_window_extent().y1 <= min(box.y0 for box in boxes)
    assert len(before) == len(figure.axes)
    assert figure.get_figwidth() == 8
    assert plt.get_fignums() == [figure.number], "the copy is shown by nobody"


def test_a_narrow_figure_has_no_other():
    figure, _ = plt.subplots(figsize=(4.0, 3.0))
    assert variants.narrow(figure) is None
    assert set(figures.others(figure)) == {"dark.png"}


def test_small_pictures_without_axes_stand_in_two_columns():
    figure, axes = plt.subplots(2, 4, figsize=(8, 4), layout="constrained")
    for ax in axes.flat:
        ax.set_axis_off()
    small = variants.narrow(figure)
    assert [ax.get_subplotspec().get_geometry()[:2] for ax in small.axes] == [(4, 2)] * 8


@pytest.mark.slow
def test_pictures_know_their_resolution():
    for data in [figures.picture(wide()), *figures.others(wide()).values()]:
        image = Image.open(io.BytesIO(data))
        assert round(image.info["dpi"][0]) == figures.DPI


@pytest.mark.slow
def test_the_kernel_shows_this_picture_and_not_matplotlibs_own():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    figures.load_ipython_extension(shell)
    display = shell.display_formatter
    display.formatters["image/png"].for_type(mpl.figure.Figure, lambda figure: b"another")  # as the inline backend does
    data, metadata = display.format(wide())
    assert len(data["image/png"]) > 1000
    assert set(metadata[figures.FILES]) == {"svg", "csv", "dark.png", "narrow.png", "narrow-dark.png"}
