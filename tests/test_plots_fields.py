"""What the figures of integrators, modules and local fields draw, line by line, against the arrays they were given."""

import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_hex
from plotted import assert_line, assert_on_the_ball, close_figures, curve, some  # noqa: F401 close_figures is autouse

from locsym.plots import integrators, modules, sphere, splitting, style
from locsym.plots.style import COLOURS

# Integrators


def test_clouds_are_lit_surfaces_in_their_places():
    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
    images = {name: 0.3 * curve(2, 4, seed=i) for i, name in enumerate(("exact", "rk4"))}
    volumes, orbit = {"exact": [1.0, 1.0], "rk4": [1.0, 0.62]}, curve(20)[:, 0]
    axes = integrators.clouds(images, faces, [0.0, 9.61], volumes, orbit)
    for row, (name, surfaces) in zip(axes, images.items(), strict=True):
        for ax, surface, volume in zip(row, surfaces, volumes[name], strict=True):
            (solid,) = ax.collections
            np.testing.assert_array_equal(np.stack(list(solid.shows.values()), -1), surface)
            assert_on_the_ball(ax, orbit, integrators.VIEW, COLOURS["exact"])
            assert f"volume {volume:.0%}" in [text.get_text() for text in ax.texts]
        assert integrators.METHODS[name] in [text.get_text() for text in row[0].texts]
    assert [[t.get_text() for t in ax.texts][-1] for ax in axes[0]] == ["t = 0", "t = 9.61"]


def test_a_solid_shows_the_faces_that_are_turned_to_the_eye():
    _, ax = plt.subplots()
    vertices = np.array([[0, 0, 0], [1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])  # outward
    view = (35.0, 45.0)  # before the sloping face
    integrators.solid(ax, vertices, faces, COLOURS["strang"], view)
    (solid,) = ax.collections
    (path,) = [p for p in solid.get_paths() if len(p.vertices)]
    np.testing.assert_allclose(path.vertices[:3], sphere.project(vertices, view)[faces[2], :2])
    red, green, blue, _ = solid.get_facecolor()[0]
    assert green > max(red, blue), "lit, in its own colour"
    assert solid.get_gid() == style.KEEP


def test_volumes_are_lines_from_determinants_and_rings_from_surfaces():
    series = {
        name: (some(9, seed=i), some(9, seed=i + 9)) for i, name in enumerate(("euler", "strang", "fourth", "rk4"))
    }
    meshes = {name: (some(3, seed=i + 20), some(3, seed=i + 30)) for i, name in enumerate(("strang", "rk4"))}
    ax = integrators.volumes(series, meshes)
    for line, (name, (t, volume)) in zip(ax.lines[:4], series.items(), strict=True):
        assert_line(line, t, volume, COLOURS[name], label=integrators.METHODS[name])
    for line, (name, (t, volume)) in zip(ax.lines[4:], meshes.items(), strict=True):
        assert_line(line, t, volume, COLOURS[name], marker="o")
        assert line.get_markerfacecolor() == "none"
    assert ax.get_ylim()[0] == 0, "a volume is seen whole"


def test_defects_are_drawn_against_the_step():
    h, series = some(5), {"strang": np.zeros(5), "rk4": some(5, seed=1)}
    ax = integrators.defects(h, series)
    for line, (name, defect) in zip(ax.lines, series.items(), strict=True):
        assert_line(line, h, np.maximum(defect, 1e-17), COLOURS[name], marker="o", label=integrators.METHODS[name])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_orders_are_dots_and_a_line_with_the_fitted_slope_through_their_middle():
    h, fits = [0.1, 0.05, 0.02], {"strang": (some(3), 2.03), "rk4": (some(3, seed=1), 3.97)}
    ax = integrators.orders(h, fits)
    for (line, dots), (name, (error, slope)) in zip(
        zip(ax.lines[::2], ax.lines[1::2], strict=True), fits.items(), strict=True
    ):
        assert_line(dots, h, error, COLOURS[name], marker="o")
        assert dots.get_label() == f"{integrators.METHODS[name]}: slope {slope:.2f}"
        x, y = np.log(line.get_xdata()), np.log(line.get_ydata())
        np.testing.assert_allclose(np.diff(y) / np.diff(x), slope)
        np.testing.assert_allclose(y.mean(), np.log(error).mean())
        assert line.get_color() == COLOURS[name]


def test_a_long_run_shows_the_largest_error_of_each_window():
    t = np.arange(1, 1001) * 0.1
    panels = {
        name: {m: (t, some(1000, seed=i + 5 * j)) for i, m in enumerate(("euler", "rk4"))}
        for j, name in enumerate("HI")
    }
    axes = integrators.long_run(panels)[0]
    for ax, (name, runs) in zip(axes, panels.items(), strict=True):
        assert ax.get_ylabel() == f"relative error of {name}"
        for line, (method, (_, error)) in zip(ax.lines, runs.items(), strict=True):
            assert_line(line, *integrators.windows(t, error), COLOURS[method], label=integrators.METHODS[method])


def test_energy_errors_are_drawn_in_percent_panel_by_panel():
    t, error = np.linspace(0, 5, 6), some(2, 3, 6)
    panels = {f"panel {i}": {f"way {j}": error[i, j] for j in range(3)} for i in range(2)}
    axes = integrators.energy_errors(t, panels)[0]
    for ax, variants, rows in zip(axes, panels.values(), error, strict=True):
        for line, label, row, colour in zip(ax.lines, variants, rows, ("strang", "pair 1", "adam"), strict=True):
            assert_line(line, t, 100 * row, COLOURS[colour], label=label)
        assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")
    assert [ax.texts[0].get_text() for ax in axes] == list(panels)


def test_windows_cover_everything_once_and_keep_the_largest():
    t = np.arange(1, 1001) * 0.1
    for place in (1, 7, 500, 998):
        error = np.full(1000, 0.1)
        error[place] = 7.0
        ends, largest = integrators.windows(t, error)
        (found,) = np.flatnonzero(largest == 7.0)
        assert largest.min() == 0.1
        assert (ends[found - 1] if found else 0) < t[place] <= ends[found] + 0.11
    assert np.isnan(integrators.windows(t, np.where(t > 50, np.nan, 1.0))[1][-1]), "after an escape there is a gap"


def test_a_cell_shows_exact_orbits_and_a_methods_states():
    _, ax = plt.subplots()
    exact, states = curve(10), curve(4, seed=1)
    integrators.cell(ax, exact, states, "strang", view=(10.0, 20.0))
    found = [line for line in ax.lines if line.shows]
    for s, line in enumerate(found):
        x, y, _ = sphere.project(exact[:, s], (10.0, 20.0)).T
        assert_line(line, x, y, COLOURS["exact"])
        np.testing.assert_array_equal(np.stack(list(line.shows.values()), -1), exact[:, s])
    assert len(found) == 3
    assert len(ax.lines) == 3 + 12, "a cube has twelve edges"
    (dots,) = ax.collections
    np.testing.assert_allclose(dots.get_offsets(), sphere.project(states.reshape(-1, 3), (10.0, 20.0))[:, :2])
    assert to_hex(dots.get_facecolor()[0]) == to_hex(COLOURS["strang"])
    depth = sphere.project(states.reshape(-1, 3), (10.0, 20.0))[:, 2]
    assert np.corrcoef(dots.get_sizes(), depth)[0, 1] > 0.999, "the near ones are larger"


# Modules


def test_grid_lines_and_circle():
    lines = modules.grid_lines(half=2.0, count=3, points=5)
    assert lines.shape == (6, 5, 2)
    np.testing.assert_array_equal(
        [sorted({*line[:, 1 - i // 3]}) for i, line in enumerate(lines)], 2 * [[-2], [0], [2]]
    )
    np.testing.assert_allclose(np.linalg.norm(modules.circle(0.7, 50), axis=1), 0.7)
    x, y = modules.circle(0.7, 5000).T
    np.testing.assert_allclose(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2, math.pi * 0.49, rtol=1e-5)


def test_a_sheared_plane_shows_grid_patch_and_area():
    _, ax = plt.subplots()
    lines, outline = some(4, 6, 2), some(9, 2, seed=1)
    modules.sheared_plane(ax, lines, outline, "after", 1.25, ("$y_1$", "$y_2$"))
    np.testing.assert_array_equal(ax.collections[0].get_segments(), lines)
    np.testing.assert_array_equal(ax.patches[0].get_xy()[:-1], outline)
    assert ax.texts[0].get_text() == "after\narea 1.250000"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$y_1$", "$y_2$")


def test_a_matrix_shows_its_entries_where_they_stand():
    _, ax = plt.subplots()
    J = np.array([[1.0, 0, -0.25], [0.125, 1, 0], [0, 0, 1]])
    modules.matrix(ax, J, "J", pair=1, limit=2.0)
    (image,) = ax.images
    np.testing.assert_array_equal(image.get_array().filled(0), J)
    np.testing.assert_array_equal(np.ma.getmaskarray(image.get_array()), J == 0)
    assert image.get_clim() == (-2, 2)
    words = {text.get_text(): text.get_position() for text in ax.texts}
    assert (words["−0.25"], words["0.12"]) == ((2, 0), (0, 1)), "column, row"
    (outline,) = ax.patches
    assert (outline.get_xy(), outline.get_width(), outline.get_height()) == ((0.5, 0.5), 2, 2)
    assert ax.get_ylim() == (2.5, -0.5), "the first row stands above"


def test_worst_defects_are_drawn_by_dimension_and_carry_their_table():
    _, ax = plt.subplots()
    table = {"n": [3, 35], "maps": [4, 68], "worst": [1e-16, 3e-15]}
    modules.worst_defects(ax, {"modules": table, "networks": {"n": [2, 3, 35], "worst": [2e-16] * 3}}, [1e-16])
    first, second, unit = ax.lines
    assert first.get_xdata().tolist() == [1, 2], "places among all dimensions"
    assert first.get_ydata().tolist() == table["worst"]
    assert first.shows == table
    assert first.series == "modules"
    assert second.get_xdata().tolist() == [0, 1, 2]
    assert unit.get_ydata() == [1e-16, 1e-16]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["2", "3", "35"]


def test_errors_of_a_family_are_drawn_with_the_trained_steps_and_the_bound():
    _, ax = plt.subplots()
    errors = {"one": [1.0, 2.0], "other": [3.0, 4.0]}
    modules.family_errors(ax, [0.1, 0.2], errors, [0.15], 0.5)
    assert [line.get_ydata().tolist() for line in ax.lines[:2]] == list(errors.values())
    assert [line.get_xdata().tolist() for line in ax.lines[:2]] == [[0.1, 0.2]] * 2
    assert [line.get_label() for line in ax.lines[:2]] == list(errors)
    assert ax.lines[2].get_xdata() == [0.15, 0.15]
    assert ax.lines[3].get_ydata() == [0.5, 0.5]


def test_a_field_along_itself_is_drawn_exact_and_learned():
    _, ax = plt.subplots()
    modules.along_itself(ax, [0, 1], [2, 3], [4, 4], ("$y_1$", "$f_1$"))
    exact, learned = ax.lines
    assert exact.get_ydata().tolist() == [2, 3]
    assert learned.get_ydata().tolist() == [4, 4]
    assert exact.get_color() == COLOURS["exact"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$y_1$", "$f_1$")


def test_turns_are_in_units_of_pi():
    _, ax = plt.subplots()
    angles = {"a": some(5), "b": some(7, seed=1)}
    modules.turns(ax, angles, exact=0.9)
    for line, (label, values) in zip(ax.lines, angles.items(), strict=False):
        assert_line(line, np.arange(len(values)), values / math.pi, label=label)
    np.testing.assert_allclose([line.get_ydata()[0] for line in ax.lines[2:]], [0.9 / math.pi, 0.9 / math.pi - 2])


# Splitting


def arrows(quiver):
    return np.stack([quiver.X, quiver.Y, quiver.U, quiver.V], -1)


def test_local_fields_add_up_head_to_tail():
    _, ax = plt.subplots()
    orbit, fields, view = curve(40)[:, 0], some(40, 2, 3) - 0.5, (70.0, -38.0)
    splitting.sum_along_orbit(ax, orbit, fields, every=4, scale=0.5, view=view)
    assert_on_the_ball(ax, orbit, view, COLOURS["exact"])
    at = np.arange(0, 40, 4)
    at = at[sphere.project(orbit[at], view)[:, 2] > -0.15]
    first, second = 0.5 * fields[at].swapaxes(0, 1)
    tails_arrows = (
        (orbit[at], first + second, "exact"),
        (orbit[at], first, "pair 1"),
        (orbit[at] + first, second, "pair 2"),
    )
    for quiver, (tail, arrow, colour) in zip(ax.collections, tails_arrows, strict=True):
        expected = np.concatenate([sphere.project(tail, view)[:, :2], sphere.project(arrow, view)[:, :2]], 1)
        np.testing.assert_allclose(arrows(quiver), expected)
        assert to_hex(quiver.get_facecolor()[0]) == to_hex(COLOURS[colour])
        np.testing.assert_allclose(np.stack(list(quiver.shows.values()), -1), np.concatenate([tail, arrow], 1))


def test_a_local_field_lies_on_its_levels():
    _, ax = plt.subplots()
    x, y = np.linspace(-1, 1, 15), np.linspace(-2, 2, 15)
    X, Y = np.meshgrid(x, y)
    splitting.local_field(ax, x, y, X + 3 * Y, np.stack([-Y, X + 9], -1), COLOURS["pair 2"], ("a", "b"))
    levels, quiver = ax.collections
    for path, level in zip(levels.get_paths(), levels.levels, strict=True):
        np.testing.assert_allclose(path.vertices @ [1, 3], level, atol=1e-9)
    found = arrows(quiver)
    np.testing.assert_allclose(found[:, 2], -found[:, 1])
    np.testing.assert_allclose(found[:, 3], found[:, 0] + 9)
    assert len(found) >= 25
    assert to_hex(quiver.get_facecolor()[0]) == to_hex(COLOURS["pair 2"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("a", "b")


def test_moving_areas_stand_at_their_times_over_the_levels():
    _, ax = plt.subplots()
    boundaries, q = some(3, 8, 2), np.linspace(-2, 2, 11)
    p = np.linspace(-1, 1, 9)
    splitting.moving_areas(ax, boundaries, [0, 2, 4], q, p, q + 2 * p[:, None])
    for patch, boundary, time in zip(ax.patches, boundaries, (0, 2, 4), strict=True):
        np.testing.assert_array_equal(patch.get_xy()[:-1], boundary)
        assert patch.get_label() == f"$t = {time}$"
    levels = ax.collections[0]
    for path, level in zip(levels.get_paths(), levels.levels, strict=True):
        np.testing.assert_allclose(path.vertices @ [1, 2], level, atol=1e-9)


def test_field_lines_and_wires():
    _, ax = plt.subplots()
    lines, wires, view = curve(10), [curve(6)[:, 0], curve(7, seed=1)[:, 0]], (18.0, -62.0)
    splitting.field_lines(ax, lines, wires, view)
    wanted = [lines[:, s] for s in range(3)] + [np.concatenate([wire, wire[:1]]) for wire in wires]
    for line, points in zip(ax.lines, wanted, strict=True):
        assert_line(line, *sphere.project(points, view)[:, :2].T)
    assert [to_hex(line.get_color()) for line in ax.lines[3:]] == [to_hex(COLOURS["loss"])] * 2
    kept = [np.stack(list(line.shows.values()), -1) for line in ax.lines]
    for found, points in zip(kept, [*(lines[:, s] for s in range(3)), *wires], strict=True):
        np.testing.assert_array_equal(found, points)


def test_quadrature_errors_are_drawn_against_nodes():
    _, ax = plt.subplots()
    errors = {"one": some(4), "two": some(4, seed=1)}
    splitting.quadrature_error(ax, [2, 4, 8, 16], errors, allowed=1e-10)
    *lines, level = ax.lines
    for line, (label, values) in zip(lines, errors.items(), strict=True):
        assert_line(line, [2, 4, 8, 16], values, label=label)
    np.testing.assert_allclose(level.get_ydata(), 1e-10)
    assert ax.get_yscale() == "log"
