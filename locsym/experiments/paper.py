r"""The paper's experiments, each one frozen value.

Change one with :func:`dataclasses.replace`: ``replace(ONE_ORBIT, seed=3, training=Training("lm", 300))``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict

from .experiment import Architecture, Data, Experiment, Training


class _Start(TypedDict):
    """How weights start: W and w from N(0, std²), biases from N(0, bias_std²)."""

    std: float
    bias_std: float


#: How the weights start in the paper's code: W and w from N(0, 0.1²), biases zero.
PAPER_START: _Start = {"std": 0.1, "bias_std": 0.0}

#: Sec. 4.1, Fig. 1: the semi-discretised advection equation (34), n = 35.
ADVECTION = Experiment(
    "advection",
    Data("normal", tau=0.01, N=60, M=20),
    Architecture(K=2, width=35, activation="linear", **PAPER_START),
    Training("adam", 20_000, rate=1e-3),
)

#: Sec. 4.2.1, Figs. 2–4: one orbit of the rigid body (35).
ONE_ORBIT = Experiment(
    "rigid body",
    Data("orbit", tau=0.1, N=120, M=40),
    Architecture(K=2, width=16, **PAPER_START),
    Training("adam", 200_000, rate=1e-3),
)

#: Fig. 3(a): the same with K = 1, which fails.
ONE_ORBIT_K1 = replace(ONE_ORBIT, network=Architecture(K=1, width=16, **PAPER_START))

#: Sec. 4.2.2, Figs. 5–6: the whole flow of the rigid body on the unit sphere.
WHOLE_FLOW = Experiment(
    "rigid body",
    Data("angles", tau=0.1, N=300, M=100),
    Architecture(K=3, width=60, **PAPER_START),
    Training("adam", 1_000_000, rate=(1e-2, 1e-6)),
)

#: As we train: Levenberg–Marquardt from weights and biases of order one half, the library's default; the training
#: chapter says why.
LM_START: _Start = {"std": 0.5, "bias_std": 0.5}
ADVECTION_LM = replace(ADVECTION, training=Training("lm", 100))
ONE_ORBIT_LM = replace(ONE_ORBIT, network=replace(ONE_ORBIT.network, **LM_START), training=Training("lm", 300))
ONE_ORBIT_K1_LM = replace(ONE_ORBIT_LM, network=replace(ONE_ORBIT_K1.network, **LM_START))
WHOLE_FLOW_LM = replace(WHOLE_FLOW, network=replace(WHOLE_FLOW.network, **LM_START), training=Training("lm", 600))
