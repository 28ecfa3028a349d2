"""Figures are claims: what each function draws, line by line, against the arrays it was given; never by pixels."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from plotted import (
    HEADED,
    TRAINED,
    assert_line,
    assert_on_the_ball,
    assert_orbits,
    curve,
    headings,
    history,
    legend,
    shown,
    some,
)

from locsym.plots import paper, sphere, style, turnable
from locsym.plots.style import COLOURS, LABELS

T = np.linspace(0, 2 * math.pi, 40)
CIRCLE = np.stack([np.cos(T), np.sin(T), np.zeros_like(T)], axis=1)


# The sphere


def test_projection_keeps_lengths_and_looks_from_the_eye():
    points = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(np.linalg.norm(sphere.project(points), axis=1), np.linalg.norm(points, axis=1))
    np.testing.assert_allclose(sphere.project(np.array([1.0, 0, 0]), view=(0, 0)), [0, 0, 1], atol=1e-15)
    np.testing.assert_allclose(sphere.project(np.array([0, 1.0, 0]), view=(0, 0)), [1, 0, 0], atol=1e-15)
    np.testing.assert_allclose(sphere.project(np.array([0, 0, 1.0]), view=(0, 0)), [0, 1, 0], atol=1e-15)


def test_coordinates_are_the_columns():
    points = some(4, 2, 3)
    for i, column in enumerate(sphere.coordinates(points).values()):
        np.testing.assert_array_equal(column, points[..., i].ravel())


def test_the_ball_is_a_unit_disc_with_circles_on_it():
    _, ax = plt.subplots()
    sphere.ball(ax, view=(0, 0))
    (disc,) = ax.patches
    assert (disc.center, disc.radius) == ((0, 0), 1)
    for line in ax.lines:
        points = np.stack([line.get_xdata(), line.get_ydata()])[:, np.isfinite(line.get_ydata())]
        assert (np.hypot(*points) <= 1 + 1e-12).all()
    assert not [line for line in ax.lines if line.shows], "circles are decoration"


def test_the_far_side_of_a_curve_is_drawn_faint():
    _, ax = plt.subplots()
    near = sphere.curve(ax, CIRCLE, view=(30, 0), faint=0.25, color="k", series="circle")
    behind, before = ax.lines
    assert near is before
    assert (behind.get_alpha(), before.get_alpha()) == (0.25, 1.0)
    hidden, seen = np.isfinite(behind.get_ydata()), np.isfinite(before.get_ydata())
    assert (hidden | seen).all(), "no gap"
    assert (CIRCLE[hidden, 0] < 0).all(), "seen from +x, what is behind has x < 0"
    assert (CIRCLE[seen & ~hidden, 0] >= 0).all()
    x, y, _ = sphere.project(CIRCLE, (30, 0)).T
    for line, part in ((behind, hidden), (before, seen)):
        np.testing.assert_allclose(line.get_xdata(), x)
        np.testing.assert_allclose(np.asarray(line.get_ydata())[part], y[part])
    np.testing.assert_array_equal(np.stack(list(before.shows.values()), -1), CIRCLE)
    assert behind.shows == {}


@pytest.mark.parametrize(("x", "filled"), [(1.0, True), (-1.0, False)])
def test_a_start_behind_the_ball_is_hollow(x, filled):
    _, ax = plt.subplots()
    sphere.dot(ax, np.array([x, 0.2, 0.1]), view=(0, 0), color="#123456")
    assert (ax.lines[0].get_markerfacecolor() == "#123456") == filled
    np.testing.assert_allclose([*ax.lines[0].get_xdata(), *ax.lines[0].get_ydata()], [0.2, 0.1], atol=1e-12)


def test_orbits_are_the_exact_and_the_learned_ones():
    _, ax = plt.subplots()
    exact, learned = curve(20), curve(20, seed=1)
    colours = ["#111111", "#222222", "#333333"]
    sphere.orbits(ax, exact, learned, colours, view=(10, 20))
    assert_orbits(ax, exact, learned, colours, (10, 20))


def test_a_cycle_of_colours_tells_orbits_apart():
    assert len({to_hex(colour) for colour in sphere.cycle(12)}) == 12


# The panels of the paper's figures


def test_waves_show_both_trainings_and_their_distance():
    x, exact, start = np.linspace(-1, 1, 7), some(7), some(7, seed=1)
    trained = {"adam": some(7, seed=2), "lm": exact}
    axes = paper.waves(x, exact, trained, start)
    assert axes.shape == (2, 2)
    assert headings(axes[0]) == HEADED
    for column, (method, u) in zip(axes.T, trained.items(), strict=True):
        first, true, predicted = column[0].lines
        assert_line(first, x, start, COLOURS["grey"], ":", label="start")
        assert_line(true, x, exact, COLOURS["exact"], "-", label="exact")
        assert_line(predicted, x, u, COLOURS[method], marker="o", label="predicted")
        (distance,) = column[1].lines
        assert_line(distance, x, np.maximum(abs(u - exact), 1e-18), COLOURS[method])  # zero has a place on the axis
        assert column[1].get_yscale() == "log"


def test_histories_are_solid_for_loss_and_dashed_for_the_validation_error():
    runs = {m: {f"K = {k}": history(some(k + 5, seed=k + len(m))) for k in (1, 2)} for m in TRAINED}
    axes = paper.histories(runs)
    assert axes.shape == (2, 2)
    assert headings(axes[0]) == HEADED
    for column, method in zip(axes.T, TRAINED, strict=True):
        for ax, (row, run) in zip(column, runs[method].items(), strict=True):
            loss, validation = ax.lines
            assert_line(loss, run.iteration, run.loss, COLOURS["loss"], "-", label="loss")
            assert_line(
                validation, run.iteration, run.validation, COLOURS["validation"], "--", label="validation error"
            )
            assert row in [text.get_text() for text in ax.texts]
            assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [ax.get_xlabel() for ax in axes[1]] == ["epoch", "iteration"]
    assert legend(axes[0, 0].figure) == ["loss", "validation error"]


def test_thinning_keeps_both_ends_of_a_million_rows():
    rows = paper.thin(1_000_000)
    assert (rows[0], rows[-1]) == (0, 999_999)
    assert len(rows) <= 2000
    np.testing.assert_array_equal(paper.thin(5), np.arange(5))


def test_long_histories_are_thinned_row_by_row():
    run = history(some(10_000))
    (ax,) = paper.histories({"lm": {"": run}})[0]
    rows = paper.thin(10_000)
    assert_line(ax.lines[0], run.iteration[rows], run.loss[rows])
    assert_line(ax.lines[1], run.iteration[rows], run.validation[rows])


def test_components_are_drawn_over_the_exact_ones():
    exact, trained = some(40, 3), {"adam": some(40, 3, seed=1), "lm": some(40, 3, seed=2)}
    axes = paper.components(T, exact, trained)
    assert headings(axes[0]) == HEADED
    for column, (method, y) in zip(axes.T, trained.items(), strict=True):
        for i, ax in enumerate(column):
            assert_line(ax.lines[0], T, exact[:, i], COLOURS["exact"], "-", label="exact")
            assert_line(ax.lines[1], T, y[:, i], COLOURS[method], "--", label="predicted")
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["$y_1$", "$y_2$", "$y_3$"]


def test_spheres_show_each_trainings_orbits():
    exact, trained = curve(20), {"adam": curve(20, seed=1), "lm": curve(20, seed=2)}
    axes = paper.spheres(exact, trained)
    assert headings(axes[0]) == HEADED
    for ax, (method, y) in zip(axes[0], trained.items(), strict=True):
        assert_orbits(ax, exact, y, [COLOURS[method]] * 3)


def test_errors_have_one_panel_each_and_one_curve_a_training():
    panels = {
        name: {m: some(40, seed=i + 2 * j) for i, m in enumerate(TRAINED)}
        for j, name in enumerate(("error of H", "error of I"))
    }
    panels["error of I"]["lm"] = np.zeros(40)
    axes = paper.errors(T, panels)
    for ax, (name, trained) in zip(axes, panels.items(), strict=True):
        assert (ax.get_ylabel(), ax.get_yscale()) == (name, "log")
        for line, (method, error) in zip(
            ax.lines, trained.items(), strict=True
        ):  # without the start: every error is zero
            assert_line(line, T[1:], np.maximum(error[1:], 1e-17), COLOURS[method], label=LABELS[method])
    assert axes[-1].get_xlabel() == "t"


def test_samples_are_placed_by_their_angles():
    train, validation = curve(9)[:, 0], curve(5, seed=1)[:, 0]
    train[:3] = [[1.0, 0, 0], [0, -1.0, 0], [0, 0, 1.0]]
    axes = paper.samples({"uniform": (train, validation), "other": (validation, train)})[0]
    for ax, states in zip(axes, ((train, validation), (validation, train)), strict=True):
        for line, y, marker, label in zip(ax.lines, states, "oD", ("training", "validation"), strict=True):
            phi, theta = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
            back = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1)
            np.testing.assert_allclose(back, y, atol=1e-7)
            assert (line.get_marker(), line.get_label()) == (marker, label)
        levels = ax.collections[0]
        for path, z in zip(levels.get_paths(), levels.levels, strict=True):
            np.testing.assert_allclose(np.cos(path.vertices[:, 1]), z, atol=1e-3)
    np.testing.assert_allclose(axes[0].lines[0].get_xdata()[:2], [0, 1.5 * math.pi], atol=1e-12)
    np.testing.assert_allclose(axes[0].lines[0].get_ydata()[:3], [math.pi / 2, math.pi / 2, 0], atol=1e-12)
    assert axes[0].get_ylim() == (math.pi, 0), "the pole stands above"


def test_growing_orbits_end_where_they_say():
    exact, trained = curve(40), {"adam": curve(40, seed=1), "lm": curve(40, seed=2)}
    ends = {"t ≤ 1": 5, "t ≤ 4": 39}
    axes = paper.growing_orbits(exact, trained, ends)
    for row, (method, y) in zip(axes, trained.items(), strict=True):
        for ax, (label, last) in zip(row, ends.items(), strict=True):
            for orbits, inks in ((exact, [COLOURS["exact"]] * 3), (y, sphere.cycle(3))):
                for s in range(3):
                    assert_on_the_ball(ax, orbits[: last + 1, s], sphere.VIEW, inks[s])
            assert label in [text.get_text() for text in ax.texts]
        assert LABELS[method] in [text.get_text() for text in row[0].texts]
    assert_orbits(axes[1, 1], exact, trained["lm"], sphere.cycle(3))
    assert [len(shown(ax, "")) for ax in axes.flat] == [0, 3, 0, 6], "what one panel lists, the others need not"


def test_a_band_spans_its_times():
    _, ax = plt.subplots()
    paper.band(ax, 1.5, 4.0, "training")
    (patch,) = ax.patches
    assert (patch.get_x(), patch.get_x() + patch.get_width(), patch.get_label()) == (1.5, 4.0, "training")


# The style


def test_one_legend_stands_outside_the_panels():
    figure, (a, b) = plt.subplots(1, 2, layout="constrained")
    a.plot([0, 1], label="one")
    b.plot([0, 1], label="one")
    b.plot([0, 2], label="two")
    style.legend_outside(figure, a, b)
    assert legend(figure) == ["one", "two"]
    figure.draw_without_rendering()
    assert figure.legends[0].get_window_extent().y1 <= min(ax.get_window_extent().y0 for ax in (a, b))


# What is turned by hand


def test_the_turnable_figure_shows_every_orbit_light_and_grouped():
    groups = {"exact": curve(30), "learned": curve(30, seed=1)}
    tones = ["#111111", "#222222", "#333333"]
    figure = turnable.turnable(groups, {"exact": "#000000", "learned": tones})
    ball, *lines, starts = figure.data
    assert [trace.name for trace in lines] == ["exact"] * 3 + ["learned"] * 3
    assert [trace.showlegend for trace in lines] == [True, False, False] * 2
    for trace, (name, s) in zip(lines, [(name, s) for name in groups for s in range(3)], strict=True):
        np.testing.assert_array_equal(np.stack([trace.x, trace.y, trace.z], -1), np.round(groups[name][:, s], 3))
        assert trace.line.color == ("#000000" if name == "exact" else tones[s])
    np.testing.assert_array_equal(np.stack([starts.x, starts.y, starts.z], -1), np.round(groups["exact"][0], 3))
    radius = np.sqrt(sum(np.asarray(ball[k]) ** 2 for k in "xyz"))
    np.testing.assert_allclose(radius, 0.985, atol=2e-3)
