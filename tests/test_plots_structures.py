"""What the figure of structures draws: medians and bands of the errors it is given."""

import numpy as np
from plotted import assert_line, close_figures, legend, some  # noqa: F401 a fixture

from locsym.plots import structures
from locsym.plots.integrators import windows


def test_drifts_are_medians_within_bands():
    t = np.arange(1, 501) * 0.1
    panels = {
        name: {s: some(3, 500, seed=i + 5 * j) for i, s in enumerate(structures.STRUCTURES)}
        for j, name in enumerate("HI")
    }
    axes = structures.drifts(t, panels)
    assert legend(axes[0].figure) == list(structures.STRUCTURES.values())
    for ax, (name, runs) in zip(axes, panels.items(), strict=True):
        assert ax.get_ylabel() == f"relative error of {name}"
        for line, band, (structure, errors) in zip(ax.lines, ax.collections, runs.items(), strict=True):
            seeds = np.stack([windows(t, error)[1] for error in errors])
            colour = structures.COLOUR[structure]
            ends, label = windows(t, errors[0])[0], structures.STRUCTURES[structure]
            assert_line(line, ends, np.median(seeds, 0), colour, label=label)
            edges = band.get_paths()[0].vertices
            for bound in (seeds.min(0), seeds.max(0)):
                assert np.isin(bound, edges[:, 1]).all()
