"""What the figures of training, waves and stability draw, line by line, against the arrays they were given."""

import math

import numpy as np
from plotted import assert_line, close_figures, history, legend, some  # noqa: F401 close_figures is autouse

from locsym.diagnostics import TraceRange
from locsym.plots import stability, training, waves
from locsym.plots.style import COLOURS, LABELS


def test_dispersion_places_the_schemes_own_frequencies_on_its_curve():
    n, c = 9, 1.5
    kappa = math.pi * np.arange(-4, 5)
    omega = np.sort(-c * np.sin(kappa * 2 / n) / (2 / n))
    ax = waves.dispersion(n, c, {"adam": omega, "lm": omega + 0.01})
    true, scheme, adam, lm = ax.lines
    k = np.asarray(true.get_xdata())
    assert (k.min(), k.max()) == (kappa.min(), kappa.max())
    assert_line(true, k, -c * k, COLOURS["grey"])
    assert_line(scheme, k, -c * np.sin(k * 2 / n) * n / 2, COLOURS["exact"])
    x = np.asarray(adam.get_xdata())
    np.testing.assert_allclose(np.sort(x), kappa)
    np.testing.assert_allclose(adam.get_ydata(), -c * np.sin(x * 2 / n) * n / 2, atol=1e-12)
    assert_line(lm, x, omega + 0.01, COLOURS["lm"], marker="o", label=LABELS["lm"])
    assert_line(adam, x, omega, COLOURS["adam"], marker="o", label=LABELS["adam"])


def test_traces_stand_against_errors_and_what_is_beyond_the_axes_stays_visible():
    groups = {
        "once": ([TraceRange(6.9, 7.1), TraceRange(1, 1), TraceRange(-0.6, -0.4)], np.array([np.inf, 1e-12, 0.02])),
        "steered": ([TraceRange(0.3, 0.3)], np.array([1e-5])),
    }
    ax = stability.trace_against_drift(groups, bound=0.03)
    level, _, once, _, steered = ax.lines
    np.testing.assert_allclose(level.get_ydata(), 0.03)
    assert_line(once, [4.1, 1.0, -0.5], [1e3, 3e-9, 0.02], label="once")
    assert_line(steered, [0.3], [1e-5], label="steered")
    assert once.get_marker() != steered.get_marker()
    (low, high), (left, right) = ax.get_ylim(), ax.get_xlim()
    assert all(low < y < high for y in once.get_ydata())
    assert all(left < x < right for x in once.get_xdata())
    (band,) = ax.patches
    assert (band.get_x(), band.get_width()) == (-2, 4), "elliptic: |tr S| < 2"


def test_an_undecided_trace_is_hollow_and_every_trace_has_its_range():
    traces = [TraceRange(1.2, 1.6), TraceRange(1.99, 2.03), TraceRange(2.5, 2.7)]
    ax = stability.trace_against_drift({"trained once": (traces, np.array([1e-6, 2e-3, 0.5]))})
    bars, decided, undecided = ax.lines[-3:]
    np.testing.assert_allclose(bars.get_xdata(), [1.2, 1.6, np.nan, 1.99, 2.03, np.nan, 2.5, 2.7, np.nan])
    assert_line(decided, [1.4, 2.6], [1e-6, 0.5], label="trained once")
    assert_line(undecided, [2.01], [2e-3], label="trained once, undecided")
    assert undecided.get_markerfacecolor() == "none"
    assert decided.get_markerfacecolor() == decided.get_color()


def test_spectra_fall_from_one_over_their_rank():
    found = {"a": some(7), "b": np.array([4.0, 0.0, 2.0])}
    ax = training.spectra(found)
    for line, (name, values) in zip(ax.lines, found.items(), strict=True):
        expected = np.maximum(np.sort(values)[::-1] / values.max(), 1e-18)
        assert_line(line, np.linspace(0, 1, len(values)), expected, label=name)


def test_a_race_is_run_against_seconds():
    runs = {
        p: {
            m: history(some(6, seed=i + 3 * j), list(np.arange(1, 7) * 0.7 + i)) for i, m in enumerate(training.METHODS)
        }
        for j, p in enumerate("ab")
    }
    axes = training.race(runs, {"a": 1e-3, "b": 1e-5})
    for ax, (problem, methods), mark in zip(axes, runs.items(), (1e-3, 1e-5), strict=True):
        *lines, level = ax.lines
        for line, dot, (method, run) in zip(lines[::2], lines[1::2], methods.items(), strict=True):
            assert_line(line, run.seconds, run.loss, training.COLOUR[method], label=training.METHODS[method])
            assert_line(dot, run.seconds[-1:], run.loss[-1:], training.COLOUR[method], marker="o")
        np.testing.assert_allclose(level.get_ydata(), mark)
        assert problem in [text.get_text() for text in ax.texts]
        assert (ax.get_xscale(), ax.get_yscale(), ax.get_xlabel()) == ("log", "log", "seconds")
    assert legend(axes[0].figure) == list(training.METHODS.values())


def test_iterations_are_not_seconds():
    runs = {"plain": history(some(5), [3.0] * 5), "bent": history(some(6, seed=1), [4.0] * 6)}
    ax = training.iterations(runs)
    for line, (label, run) in zip(ax.lines, runs.items(), strict=True):
        assert_line(line, run.iteration, run.loss, COLOURS["lm"], label=label)
    assert len({line.get_linestyle() for line in ax.lines}) == 2


def test_starts_have_a_dot_a_seed_and_a_line_through_the_medians():
    stds, losses = [0.1, 0.3, 1.0], {("lm", "b = 0"): some(3, 5), ("adam", "random b"): some(3, 5, seed=1)}
    losses["lm", "b = 0"][:, 0] = 50.0  # a mean would follow it
    ax = training.starts(stds, losses)
    for start, ((method, biases), found) in zip((0, 6), losses.items(), strict=True):
        middle, *dots = ax.lines[start : start + 6]
        assert_line(middle, stds, np.median(found, axis=1), training.COLOUR[method], "--" if biases == "b = 0" else "-")
        assert middle.get_label() == f"{training.METHODS[method]}, {biases}"
        for line, seed in zip(dots, found.T, strict=True):
            assert_line(line, stds, seed, training.COLOUR[method], marker="o")


def test_costs_are_seconds_of_each_part():
    growth = {
        "N": ([1, 2, 4], {p: some(3, seed=i) for i, p in enumerate("abc")}),
        "n": ([3, 6], {p: some(2, seed=i + 3) for i, p in enumerate("abc")}),
    }
    growth["K"] = growth["n"]
    axes = training.costs(growth)
    assert len(axes) == len(axes[0].figure.axes) == 3, "no empty panel"
    for ax, (name, (values, parts)) in zip(axes, growth.items(), strict=True):
        assert ax.get_xlabel() == name
        for line, (part, seconds) in zip(ax.lines, parts.items(), strict=True):
            assert_line(line, values, seconds, label=part)
        assert len({line.get_marker() for line in ax.lines}) == 3
        assert [text.get_text() for text in ax.get_xticklabels()] == [str(value) for value in values]


def test_choices_are_rows_from_the_top_with_a_mark_for_each_start():
    losses = {("lm", "first"): [1e-9, 2e-9], ("adam", "first"): [1e-3], ("adam", "second"): [1e-2, 3e-2, 5e-2]}
    ax = training.choices(losses)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["second", "first"]
    for line, ((method, name), values) in zip(ax.lines, losses.items(), strict=True):
        row = [{"first": 1, "second": 0}[name]] * len(values)
        assert_line(line, values, row, COLOURS[method], "None", {"lm": "o", "adam": "x"}[method])
    assert legend(ax.figure) == [LABELS["lm"], LABELS["adam"]]
    assert ax.get_xscale() == "log"


def test_race_names_every_method_that_some_panel_shows():
    rows = history(some(2), [1.0, 2.0])
    axes = training.race({"one": {"lm": rows}, "two": {"lm": rows, "scipy": rows}}, {"one": 1e-3, "two": 1e-4})
    assert [len(ax.lines) for ax in axes] == [3, 5], "a curve and its last point for each method, and the dotted mark"
    assert legend(axes[0].figure) == [training.METHODS["lm"], training.METHODS["scipy"]]
