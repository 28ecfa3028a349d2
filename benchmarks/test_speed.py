"""Every contender by itself, in pytest-benchmark's tables: times to compare between machines and versions."""

import pytest
import torch
from contenders import (
    autograd_epochs,
    gram_steps,
    jacobian_steps,
    kernel_epochs,
    kernel_orbit,
    module_orbit,
    sigmoids,
)

CONTENDERS = {
    "Adam epochs": {
        "kernel": kernel_epochs,
        "kernel, float32": lambda name: kernel_epochs(name, torch.float32),
        "autograd + torch.optim": autograd_epochs,
        "sigmoids alone": sigmoids,
    },
    "LM step": {"closed form of J Jᵀ": gram_steps, "jacrev": jacobian_steps},
    "rollout": {"kernel": kernel_orbit, "module loop": module_orbit},
}
TOO_MUCH = {("LM step", "advection", "jacrev"), ("Adam epochs", "advection", "sigmoids alone")}  # 2.8 GB; it has none
CASES = [
    pytest.param(task, name, contender, marks=pytest.mark.benchmark(group=f"{task}, {name}"))
    for task, contenders in CONTENDERS.items()
    for name in ("one orbit", "whole flow", "advection")
    for contender in contenders
    if (task, name, contender) not in TOO_MUCH and (task != "rollout" or name == "one orbit")
]


@pytest.mark.parametrize(("task", "name", "contender"), CASES)
def test_speed(benchmark, task, name, contender):
    benchmark.pedantic(CONTENDERS[task][contender](name), rounds=3, warmup_rounds=1)
