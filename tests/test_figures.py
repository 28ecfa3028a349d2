"""The files below a figure: its vector file, and numbers that are those drawn."""

import csv
import io
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import plotly.graph_objects as go
import pytest
from companion import figures
from PIL import Image

mpl.use("agg")

import matplotlib.pyplot as plt

from locsym.plots import sphere
from locsym.plots.style import attach


@pytest.fixture
def ax():
    _, ax = plt.subplots()
    yield ax
    plt.close("all")


def table(figure):
    """A figure's CSV: ``{(panel, series): {column: values}}``; an empty field is NaN."""
    text = figures.csv(list(figures.drawn(figure)), figures.panels(figure))
    rows = csv.DictReader(line for line in io.StringIO(text) if not line.startswith("#"))
    found = {}
    for row in rows:
        columns = found.setdefault((int(row.pop("panel")), row.pop("series")), {})
        for name, value in row.items():
            columns.setdefault(name, []).append(float(value or "nan"))
    return {key: {n: np.array(v) for n, v in columns.items()} for key, columns in found.items()}


def the_series(ax):
    (columns,) = table(ax.figure).values()
    return columns


def test_a_line_keeps_its_numbers_and_its_gaps(ax):
    x, y = np.array([1 / 3, 1e-17, 2e5]), np.array([np.pi, np.nan, -7.0])
    ax.plot(x, y, label="a, b")
    columns = table(ax.figure)[1, "a, b"]
    np.testing.assert_allclose(columns["x"], x, rtol=1e-5)
    np.testing.assert_allclose(columns["y"], y, rtol=1e-5)


def test_points_bars_outlines_and_images(ax):
    ax.scatter([1, 2], [3, 4])
    np.testing.assert_array_equal(the_series(ax)["y"], [3, 4])
    ax.clear()
    ax.hist([0.1, 0.2, 0.9], [0, 0.5, 1], label="h")
    columns = table(ax.figure)[1, "h"]
    np.testing.assert_allclose((columns["x"], columns["y"]), [[0.25, 0.75], [2, 1]])
    ax.clear()
    ax.fill([0, 1, 1], [0, 0, 2])
    np.testing.assert_array_equal(the_series(ax)["y"], [0, 0, 2, 0])
    ax.clear()
    ax.imshow([[1, np.nan], [3, 4]])
    columns = the_series(ax)
    np.testing.assert_array_equal(list(columns.values()), [[0, 1, 0, 1], [0, 0, 1, 1], [1, np.nan, 3, 4]])


def test_arrows_and_level_lines(ax):
    ax.quiver([0, 1], [0, 1], [2, 3], [4, 5])
    assert {name: list(v) for name, v in the_series(ax).items()} == {"x": [0, 1], "y": [0, 1], "u": [2, 3], "v": [4, 5]}
    ax.clear()
    x = np.linspace(-2, 2, 41)
    ax.contour(x, x, x[:, None] ** 2 + x**2, [1, 3])
    columns = the_series(ax)
    assert set(columns["z"]) == {1, 3}
    np.testing.assert_allclose(columns["x"] ** 2 + columns["y"] ** 2, columns["z"], atol=0.01)


def test_a_marked_level_is_one_number(ax):
    ax.axhline(0.5)
    assert {name: list(v) for name, v in the_series(ax).items()} == {"y": [0.5]}


def test_a_projected_orbit_keeps_three_coordinates(ax):
    orbit = np.random.default_rng(0).normal(size=(50, 1, 3))
    sphere.orbits(ax, None, orbit, "blue")
    assert list(table(ax.figure)) == [(1, "learned 0")], "ball and start are decoration"
    np.testing.assert_allclose(np.stack(list(the_series(ax).values()), -1), orbit[:, 0], rtol=1e-5)


def test_what_is_attached_is_taken_at_its_word(ax):
    (line,) = ax.plot([0, 1], [0, 1])
    attach(line, "true", q=[5.0, 6.0])
    assert {name: list(v) for name, v in table(ax.figure)[1, "true"].items()} == {"q": [5, 6]}


def test_a_twin_without_label_is_named_like_its_twin():
    figure, (a, b) = plt.subplots(1, 2)
    a.plot([0, 1], "r--", label="loss")
    b.plot([0, 2], "r--")
    b.plot([0, 2], "ro")
    assert list(table(figure)) == [(1, "loss"), (2, "loss"), (2, "loss, again")]
    plt.close(figure)


def test_comments_say_what_a_panel_is(ax):
    ax.set(xlabel="t", ylabel="$y_1$")
    ax.annotate("first", (0.5, 1), xycoords="axes fraction")
    assert figures.panels(ax.figure) == ["panel 1: first; x: t; y: y_1"]


def test_the_vector_file_parses_and_is_the_same_twice(ax):
    ax.plot([0, 1 / 3], [0, 1 / 7])
    texts = [figures.svg(ax.figure), figures.svg(ax.figure)]
    assert texts[0] == texts[1]
    assert ElementTree.fromstring(texts[0]).tag.endswith("svg")


def test_a_picture_has_a_palette_where_that_does_not_show(ax):
    ax.plot([0, 1], [0, 1])
    flat = Image.open(io.BytesIO(figures.picture(ax.figure)))
    ax.imshow(np.random.default_rng(0).random((200, 200, 3)))
    shaded = Image.open(io.BytesIO(figures.picture(ax.figure)))
    assert (flat.mode, shaded.mode) == ("P", "RGB")
    assert flat.width > 800
    assert shaded.width < flat.width


def test_a_turnable_figure_has_its_lines():
    figure = go.Figure([go.Surface(z=[[0, 1]]), *(go.Scatter3d(name="true", x=[i], y=[2], z=[3]) for i in (1, 5))])
    assert [(name, list(c["x"])) for _, name, c in figures.traces(figure)] == [("true 0", [1]), ("true 1", [5])]
