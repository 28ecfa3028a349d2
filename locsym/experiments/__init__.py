"""Experiments: the trainings of the paper, each one a frozen value that can be changed and run."""

from .experiment import ORBIT_START, SYSTEMS, Architecture, Data, Experiment, Training
from .paper import (
    ADVECTION,
    ADVECTION_LM,
    LM_START,
    ONE_ORBIT,
    ONE_ORBIT_K1,
    ONE_ORBIT_K1_LM,
    ONE_ORBIT_LM,
    PAPER_START,
    WHOLE_FLOW,
    WHOLE_FLOW_LM,
)
from .steered import Steered, run_steered

__all__ = [
    "ADVECTION",
    "ADVECTION_LM",
    "LM_START",
    "ONE_ORBIT",
    "ONE_ORBIT_K1",
    "ONE_ORBIT_K1_LM",
    "ONE_ORBIT_LM",
    "ORBIT_START",
    "PAPER_START",
    "SYSTEMS",
    "WHOLE_FLOW",
    "WHOLE_FLOW_LM",
    "Architecture",
    "Data",
    "Experiment",
    "Steered",
    "Training",
    "run_steered",
]
