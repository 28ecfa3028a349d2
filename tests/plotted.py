"""What tests/test_plots*.py ask of a drawn figure: which numbers its lines and curves show, and how."""

from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")

import matplotlib.pyplot as plt
from matplotlib.colors import to_hex

from locsym.plots import sphere
from locsym.plots.style import COLOURS, LABELS

TRAINED = ("adam", "lm")


@pytest.fixture(autouse=True)
def close_figures():
    """Each test begins without figures."""
    yield
    plt.close("all")


def some(*shape, seed=0):
    """Numbers that no two arrays share."""
    return np.random.default_rng(seed).uniform(0.1, 0.9, shape)


def curve(rows, width=3, seed=0):
    """Orbits ``(rows, width, 3)`` on the unit sphere."""
    states = np.random.default_rng(seed).normal(size=(rows, width, 3))
    return states / np.linalg.norm(states, axis=-1, keepdims=True)


def assert_line(line, x, y, colour=None, style=None, marker=None, label=None):
    """A line shows these numbers in this way; what is None may be anything."""
    np.testing.assert_allclose(line.get_xdata(), x)
    np.testing.assert_allclose(line.get_ydata(), y)
    found = {"colour": to_hex(line.get_color()), "style": line.get_linestyle(), "marker": line.get_marker()}
    wanted = {"colour": colour and to_hex(colour), "style": style, "marker": marker}
    assert {k: v for k, v in found.items() if wanted[k]} == {k: v for k, v in wanted.items() if v}
    assert label is None or line.get_label() == label


def shown(ax, name):
    """The coordinates ``(N, 3)`` of each curve on a ball whose series begins with ``name``, and its colour."""
    lines = [line for line in ax.lines if getattr(line, "shows", {}) and line.series.startswith(name)]
    return [(np.stack(list(line.shows.values()), -1), to_hex(line.get_color())) for line in lines]


def assert_on_the_ball(ax, points, view, colour):
    """A line of the panel shows the projection of these points, in this colour, and all of their near side."""
    x, y, depth = sphere.project(points, view).T
    for line in ax.lines:
        if (
            len(line.get_xdata()) == len(x)
            and np.allclose(line.get_xdata(), x)
            and to_hex(line.get_color()) == to_hex(colour)
        ):
            seen = np.isfinite(line.get_ydata())
            if (seen | (depth < 0)).all():
                np.testing.assert_allclose(np.asarray(line.get_ydata())[seen], y[seen])
                return
    raise AssertionError("the curve is not there")


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def history(loss, seconds=None):
    loss = np.asarray(loss, dtype=float)
    epochs = np.arange(1, len(loss) + 1)
    return SimpleNamespace(
        iteration=epochs, loss=loss, validation=2.5 * loss, seconds=np.asarray(seconds or 0.1 * epochs)
    )


def headings(axes):
    return [(ax.texts[0].get_text(), to_hex(ax.texts[0].get_color())) for ax in axes]


HEADED = [(LABELS[method], to_hex(COLOURS[method])) for method in TRAINED]


def assert_orbits(ax, exact, learned, colours, view=sphere.VIEW):
    """A panel shows exact orbits in black below learned ones in their colours, and dots where the learned begin."""
    for name, orbits, inks in (("exact", exact, [COLOURS["exact"]] * 9), ("learned", learned, colours)):
        found = shown(ax, name)
        assert len(found) == (0 if orbits is None else orbits.shape[1])
        for s, (states, colour) in enumerate(found):
            np.testing.assert_array_equal(states, orbits[:, s])
            assert colour == to_hex(inks[s])
            assert_on_the_ball(ax, orbits[:, s], view, inks[s])
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    places = np.array([[*line.get_xdata(), *line.get_ydata()] for line in dots])
    np.testing.assert_allclose(places, sphere.project(learned[0], view)[:, :2], atol=1e-12)
    heights = {
        name: {line.get_zorder() for line in ax.lines if getattr(line, "series", "").startswith(name)}
        for name in ("exact", "learned")
    }
    assert exact is None or max(heights["exact"]) < min(heights["learned"]), "the learned lie over the exact ones"
