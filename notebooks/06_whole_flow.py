# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The whole flow of a rigid body
#
# **Question.** One step from each of 300 random states: is that enough to learn the motion from *any* state on the sphere?
#
# **You need** [one orbit](05_one_orbit), where the system (35) and its invariants are introduced. Sec. 4.2.2 of the paper,
# its Figs. 5 and 6.

# %% tags=["parameters"]
adam_epochs = 1_000_000   # epochs of the paper's training
lm_iterations = 600       # at most
sampling = "angles"       # of the training states: "angles" as in the paper, "area" uniform on the sphere
width = 60                # hidden units m
K = 3                     # repetitions of the pairs
seed = 0                  # of the weights
adam_seeds = 3            # seeds from which the paper's training is repeated; each takes minutes

# %%
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import torch
from companion import progress, record, trainings

from locsym.checks import determinant_defect, drift, inverse_defect
from locsym.experiments import WHOLE_FLOW, WHOLE_FLOW_LM
from locsym.flow import rollout
from locsym.plots import paper, style
from locsym.plots.turnable import turnable
from locsym.sphere import sphere as random_states
from locsym.sphere import starts

torch.set_num_threads(1)
style.use()

# %% [markdown]
# ## The data: 300 steps from random states
#
# The paper draws "random points on the unit sphere". Its code draws them uniformly in the two angles, which crowds the
# poles; uniform by area is the other reading. The next picture shows both; the trainings on this page use `sampling`.

# %%
body, tau = WHOLE_FLOW.make_system(), WHOLE_FLOW.data.tau
data = {how: replace(WHOLE_FLOW.data, sampling=how) for how in ("angles", "area")}
assert sampling in data, 'sampling: "angles" or "area" is needed'
drawn = {how: replace(WHOLE_FLOW, data=d).make_pairs() for how, d in data.items()}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-whole-samples", "caption": "Fig. 5(a) of the paper, for both samplings: training states (dots) and validation states (diamonds) by azimuth φ and polar angle θ; the lines are levels of z. Uniform in the angles looks even here and crowds the poles on the sphere; uniform by area thins out towards the poles here."}, "image": {"alt": "Two scatter plots over azimuth and polar angle with horizontal level lines of z: evenly filled on the left, thinner at top and bottom on the right."}}
paper.samples({f"uniform in {how}" if how == "angles" else "uniform by area": (a.y.numpy(), b.y.numpy()) for how, (a, b) in drawn.items()})

# %% [markdown]
# ## Two trainings from the same data
#
# As in the paper: Adam, the rate falling from $10^{-2}$ to $10^{-6}$ over its epochs (a million in the paper,
# {glue:text}`adam-epochs` here). As we train: Levenberg–Marquardt.

# %%
networks = {"adam": replace(WHOLE_FLOW.network, K=K, width=width), "lm": replace(WHOLE_FLOW_LM.network, K=K, width=width)}
adam = replace(WHOLE_FLOW, seed=seed, data=data[sampling], network=networks["adam"],
               training=replace(WHOLE_FLOW.training, iterations=adam_epochs))
lm = replace(WHOLE_FLOW_LM, seed=seed, data=data[sampling], network=networks["lm"],
             training=replace(WHOLE_FLOW_LM.training, iterations=lm_iterations))
runs = {"adam": adam.run(trainings, progress), "lm": lm.run(trainings, progress)}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-whole-loss", "caption": "Fig. 5(b) of the paper, twice: loss (solid) and accuracy on the validation pairs (dashed). Solid and dashed stay close: 300 states are enough for this flow."}, "image": {"alt": "Loss and validation error over epochs on the left and iterations on the right, both log-log; the right one ends several orders of magnitude lower."}}
paper.histories({name: {"": run.history} for name, run in runs.items()})

# %% [markdown]
# ## Twelve starts nobody has trained on
#
# The test starts lie on an arc that crosses both families of orbits and the separatrix between them:
#
# (eq-38)=
# $$ \varphi_j = \tfrac{1 + 2j}{2} \Delta, \qquad \theta_j = -\tfrac{1 + 2j}{4} \Delta, \qquad \Delta = \tfrac{\pi}{J},
# \qquad j = 0, \dots, J - 1, \quad J = 12, \tag{38} $$
#
# with $y = (\cos\varphi \sin\theta, \sin\varphi \sin\theta, \cos\theta)$.

# %%
ends = {f"t ≤ {end}": round(end / tau) for end in (10, 100, 200, 400)}
t = tau * np.arange(ends["t ≤ 400"] + 1)
begin = starts()
exact = body.trajectory(begin, t)
predicted = {name: rollout(run.network, begin, tau, len(t) - 1) for name, run in runs.items()}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-whole-orbits", "caption": "Fig. 6(a)–(d) of the paper, twice: the twelve learned orbits (coloured) over the exact ones (black), to t = 10, 100, 200 and 400; dots are the starts. Upper row, Adam: lines thicken as orbits drift. Lower row, Levenberg–Marquardt: at t = 400 they are still lines."}, "image": {"alt": "Two rows of four spheres with twelve orbits each, round two axes. In the upper row the orbits smear out with time, in the lower row they stay thin."}}
paper.growing_orbits(exact.numpy(), {name: y.numpy() for name, y in predicted.items()}, ends)

# %%
for name, run in runs.items():
    y, hundred = predicted[name], ends["t ≤ 100"] + 1
    record(f"{name}-solution-t100", float((y - exact)[:hundred].norm(dim=-1).max()))
    for key, label in {"H": "energy", "I": "casimir"}.items():
        error = drift(body.invariants[key], y)
        record(f"{name}-{label}-t100", float(error[:hundred].max()))
        record(f"{name}-{label}-t400", float(error.max()))
    record(f"{name}-train-mse", run.loss)
    record(f"{name}-val-mse", run.validation)
    record(f"{name}-seconds", run.seconds, "{:.0f}", timed=True)
    record(f"{name}-epochs", len(run.history), "{:d}")

# %% [markdown]
# | largest error over the twelve starts | as in the paper (Adam) | as we train |
# |---|---|---|
# | solution, t ≤ 100 | {glue:text}`adam-solution-t100` | {glue:text}`lm-solution-t100` |
# | H, t ≤ 100 | {glue:text}`adam-energy-t100` | {glue:text}`lm-energy-t100` |
# | H, t ≤ 400 | {glue:text}`adam-energy-t400` | {glue:text}`lm-energy-t400` |
# | I, t ≤ 100 | {glue:text}`adam-casimir-t100` | {glue:text}`lm-casimir-t100` |
# | I, t ≤ 400 | {glue:text}`adam-casimir-t400` | {glue:text}`lm-casimir-t400` |
# | training, validation error | {glue:text}`adam-train-mse`, {glue:text}`adam-val-mse` | {glue:text}`lm-train-mse`, {glue:text}`lm-val-mse` |
# | epochs or iterations, seconds | {glue:text}`adam-epochs`, {glue:text}`adam-seconds` | {glue:text}`lm-epochs`, {glue:text}`lm-seconds` |
#
# The paper reports errors of the invariants below 5 % for $t \le 400$. Its training depends on the seed, so here is what
# others give (`adam_seeds` says how many are tried; two are trained at a time):

# %%
with ThreadPoolExecutor(2) as pool:
    trained = list(pool.map(lambda s: replace(adam, seed=s).run(trainings, progress), range(adam_seeds)))
errors = []
for s, run in enumerate(trained):
    y = rollout(run.network, begin, tau, len(t) - 1)
    error = torch.stack([drift(f, y).nan_to_num(torch.inf) for f in body.invariants.values()]).amax(0)  # (time, start)
    errors.append(error.cummax(0).values)
    for end in ("t ≤ 100", "t ≤ 400"):
        reached = errors[-1][ends[end]]
        print(f"Adam, seed {s}, {end}: error of an invariant {reached.max():.1e} at most, {reached.median():.1e} for the median start")

# %%
worst = torch.stack(errors).amax(2)  # (seed, time), over the twelve starts
record("adam-seeds", adam_seeds)
record("adam-seeds-below-5-percent", int((worst[:, -1] < 0.05).sum()))
record("adam-below-5-percent-until", float(t[(worst < 0.05).sum(1).amax() - 1]), "{:.0f}")
for end, key in {"t ≤ 100": "adam-invariants-t100", "t ≤ 400": "adam-invariants-t400"}.items():
    record(f"{key}-least", float(worst[:, ends[end]].min()))
    record(f"{key}-most", float(worst[:, ends[end]].max()))
record("adam-invariants-t400-median", float(torch.stack(errors)[:, -1].median()))

# %% [markdown]
# Of {glue:text}`adam-seeds` seeds {glue:text}`adam-seeds-below-5-percent` keep the paper's bound to $t = 400$; the longest that
# one of them keeps all twelve starts below 5 % is to $t =$ {glue:text}`adam-below-5-percent-until`. The largest error of an
# invariant lies between {glue:text}`adam-invariants-t100-least` and {glue:text}`adam-invariants-t100-most` for $t \le 100$,
# between {glue:text}`adam-invariants-t400-least` and {glue:text}`adam-invariants-t400-most` for $t \le 400$; the median over
# starts and seeds is {glue:text}`adam-invariants-t400-median` there. The paper's seed is not known, and the plain net that its
# author [published](/book/results) does about as well at $t = 100$ as the best of these. The pictures do agree: good to
# $t = 100$, recognisable to $t = 400$.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-whole-errors", "caption": "What the paper describes and does not show: the errors over time, each curve the worst of the twelve starts. The invariants drift, since nothing in the network keeps them; with Levenberg–Marquardt they drift from a far lower level."}, "image": {"alt": "Three logarithmic panels over time with two curves each; the curve of Levenberg–Marquardt lies orders of magnitude below Adam's."}}
over_time = {"solution error": {k: (y - exact).norm(dim=-1).amax(1).numpy() for k, y in predicted.items()}}
over_time |= {f"relative error of {key}": {k: drift(f, y).amax(1).numpy() for k, y in predicted.items()} for key, f in body.invariants.items()}
paper.errors(t, over_time)

# %% [markdown]
# ## Starts elsewhere
#
# Two hundred more starts, uniform on the sphere; and the same directions at other radii. The data lie on the unit sphere: a map may
# be excellent there and know nothing of the next sphere.

# %%
others = random_states(200, "area", generator=torch.Generator().manual_seed(1))
net, short = runs["lm"].network, ends["t ≤ 10"]
elsewhere = {}
for radius in (0.9, 0.99, 1.0, 1.01, 1.1):
    truth = body.trajectory(radius * others, t[: short + 1])
    elsewhere[radius] = float((rollout(net, radius * others, tau, short) - truth).norm(dim=-1).max())
    print(f"radius {radius:4}: largest solution error for t ≤ 10 is {elsewhere[radius]:.1e}")
record("lm-elsewhere-on-sphere", elsewhere[1.0])
record("lm-elsewhere-radius-1.1", elsewhere[1.1])

# %% [markdown]
# On the sphere any start will do ({glue:text}`lm-elsewhere-on-sphere`); at the radius 1.1 the error is
# {glue:text}`lm-elsewhere-radius-1.1`. Volume preservation ties neighbouring spheres together, but only a little.
#
# ## Does the sampling matter?

# %%
other = "area" if sampling == "angles" else "angles"
again = replace(lm, data=data[other]).run(trainings, progress)
for how, run in {sampling: runs["lm"], other: again}.items():
    y = rollout(run.network, begin, tau, ends["t ≤ 100"])
    error = float((y - exact[: len(y)]).norm(dim=-1).max())
    record(f"lm-{how}-solution-t100", error)
    print(f"uniform in {how:6}: loss {run.loss:.1e}, validation {run.validation:.1e}, solution error for t ≤ 100: {error:.1e}")

# %% [markdown]
# Trained on states uniform in the angles the largest solution error to $t = 100$ is {glue:text}`lm-angles-solution-t100`,
# on states uniform by area {glue:text}`lm-area-solution-t100`.
#
# The learned maps themselves: volume and inverse, checked after training at states they have not seen.

# %%
for name, run in runs.items():
    record(f"{name}-det-defect", float(determinant_defect(run.network, others, tau).max()))
    record(f"{name}-inverse-defect", float(inverse_defect(run.network, others, tau).max()))
    assert float(determinant_defect(run.network, others, tau).max()) < 1e-11
    assert float(inverse_defect(run.network, others, tau).max()) < 1e-11

# %% [markdown]
# ## Turn it yourself

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-turn-flow", "caption": "The twelve exact orbits, and the learned ones from t = 360 to 400, after 3600 steps. Drag to turn it; a click on a name hides its curves."}}
turnable(
    {"exact": exact[:: 2][:200].numpy(), style.LABELS["lm"]: predicted["lm"][-400::2].numpy()},
    {"exact": style.COLOURS["exact"], style.LABELS["lm"]: style.COLOURS["lm"]},
)

# %% [markdown]
# ## Summary
#
# - 300 pairs determine the flow on the sphere, in both trainings; the optimiser decides how much of that is used.
# - The invariants drift, since volume is all the network keeps, but from {glue:text}`lm-energy-t100` instead of
#   {glue:text}`adam-energy-t100` at $t = 100$.
#
# ```{dropdown} Exercise: fewer data
# How few states are enough? Replace the data by `replace(WHOLE_FLOW_LM.data, N=100)` and compare training with validation error.
# When do they part?
# ```
#
# **What's next.** [Training](07_training): where the difference between the two columns comes from.

# %%
if lm_iterations >= 300 and width == 60 and K == 3:
    assert all(float(drift(f, predicted["lm"])[:1001].max()) <= 5e-4 for f in body.invariants.values())
    assert all(float(drift(f, predicted["lm"]).max()) <= 2e-3 for f in body.invariants.values())
    assert float((predicted["lm"] - exact)[:1001].norm(dim=-1).max()) <= 5e-3
