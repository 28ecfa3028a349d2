"""What the axes of each figure say: names, scales and legends, and that everything drawn lies within their limits."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from plotted import close_figures, curve, history, legend, some  # noqa: F401 close_figures is autouse

from locsym.diagnostics import TraceRange
from locsym.plots import integrators, modules, paper, splitting, stability, training, waves
from locsym.plots.style import LABELS

T = np.linspace(0, 5, 6)
GRID = np.linspace(-1, 1, 9)
NAMES = list(LABELS.values())
TRUE_WAVE = "true wave, ω = −cκ"


def on_new_axes(draw, *arguments):
    _, ax = plt.subplots()
    return draw(ax, *arguments)


def both(*shape):
    return {"adam": some(*shape, seed=1), "lm": some(*shape, seed=2)}


def run(seed=0):
    return history(some(6, seed=seed))


# function → what draws it; of each panel: x, y, scale of x, scale of y; the words of the legend
FIGURES = {
    "waves": (
        lambda: paper.waves(GRID, some(9), both(9), some(9, seed=3)),
        [
            ("", "u", "linear", "linear"),
            ("", "", "linear", "linear"),
            ("x", "|predicted − exact|", "linear", "log"),
            ("x", "", "linear", "log"),
        ],
        ["start", "exact", "predicted"],
    ),
    "histories": (
        lambda: paper.histories({m: {"": run()} for m in ("adam", "lm")}),
        [("epoch", "mean squared error", "log", "log"), ("iteration", "", "log", "log")],
        ["loss", "validation error"],
    ),
    "components": (
        lambda: paper.components(T, some(6, 3), {"lm": some(6, 3, seed=1)}),
        [("", "$y_1$", "linear", "linear"), ("", "$y_2$", "linear", "linear"), ("t", "$y_3$", "linear", "linear")],
        ["exact", "predicted"],
    ),
    "errors": (
        lambda: paper.errors(T, {"of H": both(6), "of I": both(6)}),
        [("", "of H", "linear", "log"), ("t", "of I", "linear", "log")],
        NAMES,
    ),
    "samples": (
        lambda: paper.samples({"area": (curve(9)[:, 0], curve(4)[:, 1])}),
        [("φ   (area)", "θ", "linear", "linear")],
        ["training", "validation"],
    ),
    "volumes": (
        lambda: integrators.volumes({"euler": (T, 0.2 * T), "rk4": (T, 1.1 - 0.2 * T)}, {"rk4": (T, 0.1 * T)}),
        [("t", "volume / volume at the start", "linear", "linear")],
        ["symplectic Euler", "RK4"],
    ),
    "defects": (
        lambda: integrators.defects(T[1:], {"strang": np.zeros(5), "rk4": 10.0 ** -np.arange(5)}),
        [("h", "largest |det J − 1|", "log", "log")],
        ["Strang", "RK4"],
    ),
    "orders": (
        lambda: integrators.orders([0.1, 0.05], {"rk4": ([1.6e-3, 1e-4], 4.0)}),
        [("h", "largest error", "log", "log")],
        ["RK4: slope 4.00"],
    ),
    "long_run": (
        lambda: integrators.long_run({"H": {"euler": (T, 10.0 ** -np.arange(6)), "rk4": (T, 9.0 + 4 * T)}}),
        [("t", "relative error of H", "log", "log")],
        ["symplectic Euler", "RK4"],
    ),
    "worst_defects": (
        lambda: on_new_axes(modules.worst_defects, {"one": {"n": [2, 9], "worst": [1e-16, 9e-5]}}, [1e-16]),
        [("dimension n", "worst defect, relative to |J|", "linear", "log")],
        ["one"],
    ),
    "family_errors": (
        lambda: on_new_axes(modules.family_errors, [0.1, 0.2], {"one": [1.0, 2.0]} | {"two": [3.0, 4.0]}, [0.1], 0.5),
        [("step h", "error of one step / h", "log", "log")],
        ["one", "two", "bound for h → 0"],
    ),
    "turns": (
        lambda: on_new_axes(modules.turns, {"one": np.pi * np.array([0.4, -2.1])}, 0.1),
        [("modules passed", "angle turned [π]", "linear", "linear")],
        ["one"],
    ),
    "along_itself": (
        lambda: on_new_axes(modules.along_itself, T, some(6), some(6), ("$y_1$", "$f_1$")),
        [("$y_1$", "$f_1$", "linear", "linear")],
        ["exact field", "learned generator"],
    ),
    "moving_areas": (
        lambda: on_new_axes(splitting.moving_areas, some(2, 8, 2), [0, 1.5], GRID, GRID, GRID + GRID[:, None]),
        [("angle $q$ [rad]", "momentum $p$", "linear", "linear")],
        ["$t = 0$", "$t = 1.5$"],
    ),
    "sum_along_orbit": (
        lambda: on_new_axes(splitting.sum_along_orbit, curve(8)[:, 0], some(8, 2, 3), 2),
        [("", "", "linear", "linear")],
        ["$f$", "$f_{1,2}$", "$f_{2,3}$"],
    ),
    "quadrature_error": (
        lambda: on_new_axes(splitting.quadrature_error, [2, 4], {"one": [1e-3, 1e-9], "two": [1e-4, 1e-9]}, 1e-10),
        [("Gauss–Legendre nodes", r"largest $|\sum_k f_{k,k+1} - f|$", "linear", "log")],
        ["one", "two"],
    ),
    "trace_against_drift": (
        lambda: stability.trace_against_drift({"once": ([TraceRange(-9, -8), TraceRange(8, 9)], [0.0, np.inf])}),
        [("tr S of the learned lap", "largest error of H, t ≤ 1000", "linear", "log")],
        ["once"],
    ),
    "spectra": (
        lambda: training.spectra({"one": np.array([1.0, 0.0])}),
        [("rank over number of residuals", "eigenvalue over the largest", "linear", "log")],
        ["one"],
    ),
    "race": (
        lambda: training.race({"one": {"lm": run()}, "two": {"adam": run()}}, {"one": 0.5, "two": 0.5}),
        [("seconds", "mean squared error", "log", "log"), ("seconds", "", "log", "log")],
        ["Levenberg–Marquardt", "Adam"],
    ),
    "iterations": (
        lambda: training.iterations({"one": run()}),
        [("iteration", "mean squared error", "log", "log")],
        ["one"],
    ),
    "starts": (
        lambda: training.starts([0.1, 1.0], {("lm", "b = 0"): some(2, 3)}),
        [("std of the starting weights", "mean squared error reached", "linear", "log")],
        ["Levenberg–Marquardt, b = 0"],
    ),
    "costs": (
        lambda: training.costs({name: ([1, 2], {p: some(2) for p in "abc"}) for name in ("N", "K", "n")}),
        [("N", "seconds", "log", "log"), ("K", "", "log", "log"), ("n", "seconds", "log", "log")],
        ["a", "b", "c"],
    ),
    "choices": (
        lambda: training.choices({("lm", "one"): [0.1], ("adam", "one"): [0.2]}),
        [("training error (MSE)", "", "log", "linear")],
        [LABELS["lm"], LABELS["adam"]],
    ),
    "dispersion": (
        lambda: waves.dispersion(8, 1.0, {"lm": np.linspace(-4, 4, 8)}),
        [("wavenumber κ", "frequency ω", "linear", "linear")],
        [TRUE_WAVE, "central differences", LABELS["lm"]],
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_the_axes_say_what_they_show_and_show_all_of_it(name):
    draw, wanted, words = FIGURES[name]
    axes = np.atleast_1d(draw()).ravel()
    assert [(ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale(), ax.get_yscale()) for ax in axes] == wanted
    own = axes[0].get_legend()
    assert (legend(axes[0].figure) if own is None else [text.get_text() for text in own.get_texts()]) == words
    for ax in axes:
        (left, right), (low, high) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
        for line in ax.lines:
            if line.get_transform() == ax.transData and line.get_label() != TRUE_WAVE:  # that one leaves the frame
                x, y = (np.asarray(values, dtype=float) for values in line.get_data())
                shown = np.isfinite(x) & np.isfinite(y)
                assert ((left <= x) & (x <= right) & (low <= y) & (y <= high))[shown].all(), line
