"""Figures by their data and structure: what is drawn where, in which colour; never by pixels."""

import math
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")

import matplotlib.pyplot as plt

from locsym.diagnostics import TraceRange
from locsym.plots import paper, sphere, stability, training, turnable, waves
from locsym.plots.style import COLOURS, LABELS

T = np.linspace(0, 2 * math.pi, 40)
CIRCLE = np.stack([np.cos(T), np.sin(T), np.zeros_like(T)], axis=1)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def history(loss):
    loss = np.asarray(loss, dtype=float)
    return SimpleNamespace(iteration=np.arange(1, len(loss) + 1), loss=loss, validation=2 * loss)


def colours(ax):
    return [line.get_color() for line in ax.lines]


def test_projection_keeps_lengths_and_looks_from_the_eye():
    points = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(np.linalg.norm(sphere.project(points), axis=1), np.linalg.norm(points, axis=1))
    np.testing.assert_allclose(sphere.project(np.array([1.0, 0, 0]), view=(0, 0)), [0, 0, 1], atol=1e-15)
    np.testing.assert_allclose(sphere.project(np.array([0, 0, 1.0]), view=(0, 0)), [0, 1, 0], atol=1e-15)


def test_the_far_side_of_a_curve_is_drawn_faint():
    _, ax = plt.subplots()
    sphere.curve(ax, CIRCLE, view=(30, 0), faint=0.25, color="k")
    behind, before = ax.lines
    assert (behind.get_alpha(), before.get_alpha()) == (0.25, 1.0)
    hidden, seen = np.isfinite(behind.get_ydata()), np.isfinite(before.get_ydata())
    assert (hidden | seen).all(), "no gap"
    assert (CIRCLE[hidden, 0] < 0).all(), "seen from +x, what is behind has x < 0"
    assert (CIRCLE[seen & ~hidden, 0] >= 0).all()


@pytest.mark.parametrize(("x", "filled"), [(1.0, True), (-1.0, False)])
def test_a_start_behind_the_ball_is_hollow(x, filled):
    _, ax = plt.subplots()
    sphere.dot(ax, np.array([x, 0, 0]), view=(0, 0), color="#123456")
    assert (ax.lines[0].get_markerfacecolor() == "#123456") == filled


def test_orbits_lie_over_the_exact_ones():
    _, ax = plt.subplots()
    sphere.orbits(ax, CIRCLE[:, None], CIRCLE[:, None], COLOURS["lm"])
    exact = [line.get_zorder() for line in ax.lines if line.get_color() == COLOURS["exact"]]
    learned = [line.get_zorder() for line in ax.lines if line.get_color() == COLOURS["lm"]]
    assert exact
    assert max(exact) < max(learned)


def test_waves_show_both_trainings_and_their_distance():
    x = np.linspace(-1, 1, 7)
    axes = paper.waves(x, x**2, {"adam": x**2 + 1e-3, "lm": x**2}, start=x)
    assert axes.shape == (2, 2)
    np.testing.assert_allclose(axes[1, 0].lines[0].get_ydata(), 1e-3)
    np.testing.assert_allclose(axes[1, 1].lines[0].get_ydata(), 1e-18), "an error of zero has a place on the axis"
    assert colours(axes[0, 0])[-1] == COLOURS["adam"]
    assert colours(axes[0, 1])[-1] == COLOURS["lm"]
    assert [ax.texts[0].get_text() for ax in axes[0]] == [LABELS["adam"], LABELS["lm"]]


def test_histories_are_solid_for_loss_and_dashed_for_accuracy():
    axes = paper.histories(
        {
            "adam": {"K = 1": history([3, 2]), "K = 2": history([2, 1])},
            "lm": {"K = 1": history([1]), "K = 2": history([1])},
        }
    )
    assert axes.shape == (2, 2)
    loss, accuracy = axes[1, 0].lines
    np.testing.assert_allclose(loss.get_ydata(), [2, 1])
    np.testing.assert_allclose(accuracy.get_ydata(), [4, 2])
    assert (loss.get_linestyle(), accuracy.get_linestyle()) == ("-", "--")
    assert [ax.get_xlabel() for ax in axes[1]] == ["epoch", "iteration"]
    assert all((ax.get_xscale(), ax.get_yscale()) == ("log", "log") for ax in axes.flat)


def test_thinning_keeps_both_ends_of_a_million_rows():
    rows = paper.thin(1_000_000)
    assert (rows[0], rows[-1]) == (0, 999_999)
    assert len(rows) <= 2000
    np.testing.assert_array_equal(paper.thin(5), np.arange(5))


def test_components_are_drawn_over_the_exact_ones():
    axes = paper.components(T, CIRCLE, {"lm": CIRCLE + 1})
    exact, predicted = axes[0, 0].lines
    np.testing.assert_allclose(exact.get_ydata(), CIRCLE[:, 0])
    np.testing.assert_allclose(predicted.get_ydata(), CIRCLE[:, 0] + 1)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["$y_1$", "$y_2$", "$y_3$"]


def test_errors_have_one_panel_each_and_one_curve_a_training():
    axes = paper.errors(T, {"error of H": {"adam": T, "lm": T / 10}, "error of I": {"adam": T, "lm": T}})
    assert [ax.get_ylabel() for ax in axes] == ["error of H", "error of I"]
    assert colours(axes[0]) == [COLOURS["adam"], COLOURS["lm"]]
    assert len(axes[0].lines[0].get_xdata()) == len(T) - 1, "the start, where every error is zero, is left out"


def test_samples_are_placed_by_their_angles():
    states = np.array([[1.0, 0, 0], [0, -1.0, 0], [0, 0, 1.0]])
    (ax,) = paper.samples({"uniform": (states, states[:1])})[0]
    training, validation = ax.lines
    np.testing.assert_allclose(training.get_xdata()[:2], [0, 1.5 * math.pi], atol=1e-12)
    np.testing.assert_allclose(training.get_ydata(), [math.pi / 2, math.pi / 2, 0], atol=1e-12)
    assert (training.get_marker(), validation.get_marker()) == ("o", "D")


def test_growing_orbits_end_where_they_say():
    axes = paper.growing_orbits(
        CIRCLE[:, None], {"adam": CIRCLE[:, None], "lm": CIRCLE[:, None]}, {"t ≤ 1": 5, "t ≤ 4": 39}
    )
    assert axes.shape == (2, 2)
    lengths = [
        max(len(line.get_xdata()) for line in ax.lines if str(line.get_color()) == COLOURS["exact"]) for ax in axes[0]
    ]
    assert lengths == [6, 40]


def test_dispersion_places_the_schemes_own_frequencies_on_its_curve():
    n, c = 9, 1.0
    kappa = math.pi * np.arange(-4, 5)
    omega = np.sort(-c * np.sin(kappa * 2 / n) / (2 / n))
    ax = waves.dispersion(n, c, {"lm": omega})
    points = ax.lines[-1]
    np.testing.assert_allclose(
        points.get_ydata(), -c * np.sin(np.asarray(points.get_xdata()) * 2 / n) * n / 2, atol=1e-12
    )


def test_traces_and_errors_beyond_the_axes_stay_visible():
    traces = [TraceRange(6.9, 7.1), TraceRange(1.0, 1.0)]
    ax = stability.trace_against_drift({"trained once": (traces, np.array([np.inf, 1e-12]))})
    marks = ax.lines[-1]
    (low, high), (left, right) = ax.get_ylim(), ax.get_xlim()
    assert len(marks.get_xdata()) == 2
    assert all(low < y < high for y in marks.get_ydata())
    assert all(left < x < right for x in marks.get_xdata())


def test_an_undecided_trace_is_hollow_and_every_trace_has_its_range():
    traces = [TraceRange(1.2, 1.6), TraceRange(1.99, 2.03), TraceRange(2.5, 2.7)]
    ax = stability.trace_against_drift({"trained once": (traces, np.array([1e-6, 2e-3, 0.5]))})
    bars, decided, undecided = ax.lines[-3:]
    np.testing.assert_allclose(bars.get_xdata(), [1.2, 1.6, np.nan, 1.99, 2.03, np.nan, 2.5, 2.7, np.nan])
    np.testing.assert_allclose(decided.get_xydata(), [[1.4, 1e-6], [2.6, 0.5]])
    np.testing.assert_allclose(undecided.get_xydata(), [[2.01, 2e-3]])
    assert undecided.get_markerfacecolor() == "none"
    assert decided.get_markerfacecolor() == decided.get_color()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["trained once", "trained once, undecided"]


def test_the_turnable_figure_is_light_and_grouped():
    orbits = np.repeat(CIRCLE[:, None], 3, axis=1) / 3
    figure = turnable.turnable({"exact": orbits, "learned": orbits}, {"exact": "#000000", "learned": ["#111111"] * 3})
    names = [trace.name for trace in figure.data if trace.type == "scatter3d"]
    assert names == ["exact"] * 3 + ["learned"] * 3 + ["starts"]
    assert [trace.showlegend for trace in figure.data[1:7]] == [True, False, False] * 2
    assert all(round(float(x), 3) == float(x) for x in figure.data[1].x)


def test_choices_are_rows_from_the_top_with_a_mark_for_each_start():
    losses = {("lm", "first"): [1e-9, 2e-9], ("adam", "first"): [1e-3], ("adam", "second"): [1e-2, 3e-2, 5e-2]}
    ax = training.choices(losses)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["second", "first"]
    for line, ((method, name), values) in zip(ax.lines, losses.items(), strict=True):
        np.testing.assert_allclose(line.get_xdata(), values)
        np.testing.assert_allclose(line.get_ydata(), {"first": 1, "second": 0}[name])
        assert (line.get_marker(), line.get_linestyle()) == ({"lm": "o", "adam": "x"}[method], "None")
        assert line.get_color() == COLOURS[method]
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()] == [LABELS["lm"], LABELS["adam"]]
    assert ax.get_xscale() == "log"


def test_race_names_every_method_that_some_panel_shows():
    rows = SimpleNamespace(loss=np.array([1e-1, 1e-2]), seconds=np.array([1.0, 2.0]))
    problems = {"one": {"lm": rows}, "two": {"lm": rows, "scipy": rows}}
    axes = training.race(problems, {"one": 1e-3, "two": 1e-4})
    assert [len(ax.lines) for ax in axes] == [3, 5], "a curve and its last point for each method, and the dotted mark"
    np.testing.assert_allclose(axes[1].lines[2].get_ydata(), rows.loss)
    np.testing.assert_allclose(axes[1].lines[-1].get_ydata(), 1e-4)
    names = [text.get_text() for text in axes[0].figure.legends[0].get_texts()]
    assert names == [training.METHODS["lm"], training.METHODS["scipy"]]
