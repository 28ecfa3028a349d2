"""The book's picture, ``_static/orbits.png``: twelve orbits of a rigid body, true and learned.

    .venv/bin/python book/picture.py        # half a minute; the file is committed, this makes it again

The network has seen 300 single steps from random states, none of them on these orbits.
"""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib
import torch
from PIL import Image

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from locsym.data.sphere import starts
from locsym.experiments import WHOLE_FLOW_LM
from locsym.flow import rollout
from locsym.plots import sphere, style
from locsym.training import fit

PICTURE = Path(__file__).parent / "_static" / "orbits.png"
TAU, END = 0.1, 40.0


def draw() -> plt.Figure:
    """Train for two hundred iterations, and draw true orbits in black under learned ones in blue."""
    pairs, _ = WHOLE_FLOW_LM.make_pairs()
    net = fit(WHOLE_FLOW_LM.make_network(), pairs, iterations=200).network
    steps, y0 = round(END / TAU), starts()
    exact = rollout(WHOLE_FLOW_LM.make_system().flow, y0, TAU, steps)
    figure, panels = plt.subplots(1, 2, figsize=(8, 4))
    sphere.orbits(panels[0], None, exact.numpy(), style.COLOURS["exact"])
    sphere.orbits(panels[1], exact.numpy(), rollout(net, y0, TAU, steps).detach().numpy(), style.COLOURS["lm"])
    for panel, name in zip(panels, ("true", "learned from 300 single steps"), strict=True):
        panel.text(0.5, -0.02, name, transform=panel.transAxes, ha="center", va="top", fontsize=13)
    return figure


if __name__ == "__main__":
    style.use()
    torch.set_num_threads(1)
    buffer = io.BytesIO()
    draw().savefig(buffer, dpi=150)
    Image.open(buffer).convert("RGB").quantize(48).save(PICTURE, optimize=True)
