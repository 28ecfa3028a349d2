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
# **Question.** We observe one step from each of 300 random states. Is that enough to learn the motion from *any* state
# on the sphere?
#
# **You need** [one orbit](one_orbit), which introduces the system {ref}`(35) <eq-35>` and its
# {term}`invariants <invariant>`. The page takes a quarter of an hour to read. It follows Sec. 4.2.2 of the paper
# {cite}`bajars2021`, with its Figs. 5 and 6.

# %% tags=["parameters", "hide-input"]
adam_epochs = 1_000_000   # epochs of the paper's training, >= 1
adam_here = 1_000_000     # those run here, >= 1; the others are kept ones
adam_seeds = 3            # seeds for the paper's training, >= 1
lm_iterations = 600       # Levenberg–Marquardt iterations, at most; >= 1
sampling = "angles"       # of the states: "angles" (the paper) or "area"
width = 60                # hidden units m, >= 1
K = 3                     # repetitions of the pairs, >= 1
seed = 0                  # of the weights, >= 0

# %% tags=["hide-input"]
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from companion import percent, progress, record, trained, trainings

from locsym.data import Pairs
from locsym.data.sphere import sphere as random_states
from locsym.data.sphere import starts
from locsym.diagnostics import (
    determinant_defect,
    drift,
    growth_power,
    inverse_defect,
)
from locsym.experiments import WHOLE_FLOW, WHOLE_FLOW_LM
from locsym.flow import rollout
from locsym.plots import paper, style
from locsym.plots.turnable import turnable
from locsym.training import fit

torch.set_num_threads(1)
style.use()

# %% [markdown]
# ## First, the data
#
# The data are 300 random states on the unit sphere, each with the state $\tau = 0.1$ later. The paper draws "random
# points on the unit sphere". The author's code draws both angles uniformly, which crowds the points near the poles.
# Drawing them uniformly by area is the other reading. The picture shows both; the trainings on this page use the one
# that the parameter `sampling` names, {glue:text}`sampling`.

# %% tags=["hide-input"]
body, tau = WHOLE_FLOW.make_system(), WHOLE_FLOW.data.tau
data = {}
for how in ("angles", "area"):
    data[how] = replace(WHOLE_FLOW.data, sampling=how)
assert sampling in data, 'sampling: "angles" or "area" is needed'
drawn = {
    how: replace(WHOLE_FLOW, data=d).make_pairs() for how, d in data.items()
}
names = {"angles": "uniform in the angles", "area": "uniform by area"}
record("sampling", names[sampling])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-whole-samples", "caption": "Fig. 5(a) of the paper, for both samplings. Training states (dots) and validation states (diamonds) on the sphere, drawn over the azimuth φ and the polar angle θ. The lines are levels of z. States that are uniform in the angles (first panel) are dense near the poles of the sphere. States that are uniform by area (second panel) are sparse at the top and the bottom of this map."}, "image": {"alt": "Two scatter plots over azimuth and polar angle with horizontal level lines of z: evenly filled on the left, thinner at top and bottom on the right."}}
maps = {}
for how, both in drawn.items():
    maps[names[how]] = [pairs.y.numpy() for pairs in both]
paper.samples(maps)

# %% [markdown]
# ## Two trainings from the same data
#
# The first training is the paper's: Adam, with a rate that falls exponentially from $10^{-2}$ to $10^{-6}$. The second
# is ours: {term}`Levenberg–Marquardt`, from larger initial weights. Both are explained in
# [the training chapter](training).

# %% tags=["hide-input"]
cases = {
    "adam": (WHOLE_FLOW, adam_epochs),
    "lm": (WHOLE_FLOW_LM, lm_iterations),
}
for name, (experiment, iterations) in cases.items():
    cases[name] = replace(
        experiment,
        data=data[sampling],
        seed=seed,
        network=replace(experiment.network, K=K, width=width),
        training=replace(experiment.training, iterations=iterations),
    )
adam, lm = cases.values()

# %%
runs = {"adam": trained(adam, adam_here)}
runs["lm"] = lm.run(trainings, progress)

# %% tags=["hide-input"]
for name, run in runs.items():
    record(f"{name}-train-mse", run.loss)
    record(f"{name}-val-mse", run.validation)
    record(f"{name}-seconds", run.seconds, "{:.0f}", timed=True)
    record(f"{name}-epochs", run.iterations)
again = "kept" in runs["adam"].note  # trained() says so
record("adam-here", adam_here if again else runs["adam"].iterations)

# %% [markdown]
# Adam trains for {glue:text}`adam-epochs` epochs. This edition of the book ran {glue:text}`adam-here` of them itself;
# any others come from a training that is kept with the book.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-whole-loss", "caption": "Fig. 5(b) of the paper, for both trainings. The mean squared error on the training pairs (the loss, solid) and on the validation pairs (dashed) is drawn against the number of epochs or iterations. The headings name the trainings."}, "image": {"alt": "Loss and validation error over epochs on the left and iterations on the right, both log-log; the right one ends several orders of magnitude lower."}}
paper.histories({name: {"": run.history} for name, run in runs.items()})

# %% [markdown]
# At the end of {numref}`fig-whole-loss`, the validation error is {glue:text}`adam-ratio` times the training error with
# Adam and {glue:text}`lm-ratio` times the training error with Levenberg–Marquardt. A ratio of a few units means that a
# network does about as well at states that it has not seen: then 300 states are enough for this flow.

# %% tags=["hide-input"]
for name, run in runs.items():
    record(f"{name}-ratio", run.validation / run.loss, "{:.1f}")

# %% [markdown]
# ## Twelve starts that are not in the data
#
# The test starts lie on an arc that crosses both families of orbits and the separatrix between them. In polar
# coordinates, $y = (\cos\varphi \sin\theta, \, \sin\varphi \sin\theta, \, \cos\theta)$, they are
#
# (eq-38)=
# $$ \begin{gathered}
# \varphi_j = \frac{1 + 2j}{2} \Delta, \qquad \theta_j = -\frac{1 + 2j}{4} \Delta, \qquad j = 0, \dots, J - 1, \\[1ex]
# \Delta = \frac{\pi}{J}, \qquad J = 12.
# \end{gathered} \tag{38} $$
#
# We iterate both networks from all of them, to $t = 400$ as in the paper.

# %%
begin = starts()
ends = {f"t ≤ {end}": round(end / tau) for end in (10, 100, 200, 400)}
t = tau * np.arange(ends["t ≤ 400"] + 1)
exact = body.trajectory(begin, t)
predicted = {}
for name, run in runs.items():
    predicted[name] = rollout(run.network, begin, tau, len(t) - 1)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-whole-orbits", "caption": "Fig. 6(a)–(d) of the paper, for both trainings. The twelve predicted orbits (coloured) are drawn over the exact ones (black, or white on a dark page), to t = 10, 100, 200 and 400. Dots mark the starts. Upper row: Adam. Lower row: Levenberg–Marquardt. An orbit that drifts fills a band."}, "image": {"alt": "Two rows of four spheres with twelve orbits each, round two axes. In the upper row the orbits widen into bands with time, in the lower row they stay thin."}}
orbits = {name: y.numpy() for name, y in predicted.items()}
paper.growing_orbits(exact.numpy(), orbits, ends)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-whole-errors", "caption": "Errors over time. Each curve is the largest error over the twelve starts. First panel: the distance to the exact solution. Second and third panel: the relative errors of the energy H and of the invariant I. The paper describes the latter two and does not show them."}, "image": {"alt": "Three logarithmic panels over time with two curves each; the curve of Levenberg–Marquardt lies orders of magnitude below Adam's."}}
missed = {name: (y - exact).norm(dim=-1) for name, y in predicted.items()}
over_time = {"solution error": missed}
for key, invariant in body.invariants.items():
    curves = {name: drift(invariant, y) for name, y in predicted.items()}
    over_time[f"relative error of {key}"] = curves
worst = {
    panel: {name: curve.amax(1).numpy() for name, curve in curves.items()}
    for panel, curves in over_time.items()
}
paper.errors(t, worst)

# %% [markdown]
# Nothing in the networks preserves the invariants, so both drift ({numref}`fig-whole-errors`). The table has the
# largest errors over the twelve starts of {numref}`fig-whole-orbits`.

# %% tags=["hide-input"]
solution, *invariants = worst.values()
short = ends["t ≤ 100"] + 1
for name in runs:
    record(f"{name}-solution-short", float(solution[name][:short].max()))
    for key, curves in zip(("energy", "casimir"), invariants, strict=True):
        for period, stop in {"short": short, "long": None}.items():
            error = float(curves[name][:stop].max())
            record(f"{name}-{key}-{period}", error, percent(error))

# %% [markdown]
# | largest error over the twelve starts | as in the paper (Adam) | as we train |
# |---|---|---|
# | solution, t ≤ 100 | {glue:text}`adam-solution-short` | {glue:text}`lm-solution-short` |
# | H, t ≤ 100 | {glue:text}`adam-energy-short` | {glue:text}`lm-energy-short` |
# | H, t ≤ 400 | {glue:text}`adam-energy-long` | {glue:text}`lm-energy-long` |
# | I, t ≤ 100 | {glue:text}`adam-casimir-short` | {glue:text}`lm-casimir-short` |
# | I, t ≤ 400 | {glue:text}`adam-casimir-long` | {glue:text}`lm-casimir-long` |
# | training error | {glue:text}`adam-train-mse` | {glue:text}`lm-train-mse` |
# | validation error | {glue:text}`adam-val-mse` | {glue:text}`lm-val-mse` |
# | epochs or iterations | {glue:text}`adam-epochs` | {glue:text}`lm-epochs` |
# | seconds, with compiled kernels | {glue:text}`adam-seconds` | {glue:text}`lm-seconds` |
#
# The seconds of both columns are those of compiled kernels, so they compare the optimisers. The author's scripts use
# plain autograd and need about two hours on two cores for the paper's million epochs. The step from there to our Adam
# is due to the kernel alone. The [table of results](/book/results) keeps the two apart.
#
# ## The paper's bound of 5 %
#
# (claim-five-percent)=
# :::{admonition} The paper, Sec. 4.2.2
# :class: paper
# The agreement is very good for $t \le 100$ and qualitatively good to $t = 400$. The relative errors of both invariants
# grow linearly and stay below 5 %. Greater accuracy needs more epochs rather than a larger network or more data.
# :::
#
# The result of the paper's training depends on the seed, so we repeat it from several seeds (two at a time). For each
# seed and start we take the larger of the errors of $H$ and $I$, and its largest value so far.

# %%
repeats = [replace(adam, seed=s) for s in range(adam_seeds)]
with ThreadPoolExecutor(2) as pool:
    found = list(pool.map(partial(trained, here=adam_here), repeats))
errors = []
for run in found:
    y = rollout(run.network, begin, tau, len(t) - 1)
    both = torch.stack([drift(f, y) for f in body.invariants.values()])
    errors.append(both.amax(0).cummax(0).values)

# %% tags=["hide-input"]
errors = torch.stack(errors)  # (seed, time, start)
for s, error in enumerate(errors):
    for end in ("t ≤ 100", "t ≤ 400"):
        reached = error[ends[end]]
        worst, median = float(reached.max()), float(reached.median())
        print(
            f"seed {s}, {end}: worst start {percent(worst)},",
            f"median start {percent(median)}",
        )

# %% tags=["hide-input"]
largest = errors.amax(2)  # (seed, time)
within = int((largest[:, -1] < 0.05).sum())
verdict = "reproduced" if within == adam_seeds else "reproduced in part"
record("adam-verdict", verdict if within else "not reproduced")
record("adam-seeds", adam_seeds)
record("adam-seeds-below-5-percent", within)
longest = float(t[(largest < 0.05).sum(1).amax() - 1])
record("adam-below-5-percent-until", longest, "{:.0f}")
for end, key in {"t ≤ 100": "short", "t ≤ 400": "long"}.items():
    for name, value in {
        "least": largest[:, ends[end]].min(),
        "most": largest[:, ends[end]].max(),
        "median": errors[:, ends[end]].median(),
    }.items():
        record(f"adam-invariants-{key}-{name}", value, percent(float(value)))
record("adam-orbits", errors[:, -1].numel())
record("adam-orbits-below-5-percent", int((errors[:, -1] < 0.05).sum()))
powers = [growth_power(t, error, start=10) for error in largest]
record("adam-power-least", min(powers), "{:.1f}")
record("adam-power-most", max(powers), "{:.1f}")

# %% [markdown]
# **The bound of 5 % to $t = 400$ is {glue:text}`adam-verdict`.** It holds for {glue:text}`adam-seeds-below-5-percent` of
# {glue:text}`adam-seeds` seeds. The largest error to $t = 400$ lies between {glue:text}`adam-invariants-long-least` for the
# best seed and {glue:text}`adam-invariants-long-most` for the worst. To $t = 100$ it lies between
# {glue:text}`adam-invariants-short-least` and {glue:text}`adam-invariants-short-most`. The longest time for which one
# of the networks keeps all twelve starts below 5 % is $t = $ {glue:text}`adam-below-5-percent-until`. The errors grow
# with a power of $t$ between {glue:text}`adam-power-least` and {glue:text}`adam-power-most`; the paper calls the growth
# linear.
#
# What may explain the difference? Some possible reasons can be checked here.
#
# - *The claim may describe a typical start rather than the worst.* Of all {glue:text}`adam-orbits` pairs of a seed and
#   a start, {glue:text}`adam-orbits-below-5-percent` stay below 5 % to $t = 400$. The median error over these pairs is
#   {glue:text}`adam-invariants-long-median`.
# - *The network or the data may be too small.* A better optimiser tests this. Trained by Levenberg–Marquardt on the
#   same data, the same network keeps the energy within {glue:text}`lm-energy-long`.
# - *The author's networks may be better than ours.* He published networks with the later version of the paper. For the
#   plain one, whose width and depth are slightly different, the energy is off by 4.8 % at $t \le 100$ already. Our
#   seeds lie between {glue:text}`adam-invariants-short-least` and {glue:text}`adam-invariants-short-most` there. (The
#   networks behind the figures of the first version are not among the published ones.)
#
# Other reasons are conjecture. The paper shows one network and names neither its seed nor how it was chosen, and three
# seeds do not exclude that another one keeps the bound. The initial weights and the way in which the random states
# are drawn are not stated; we take both from the scripts of the later version. These scripts compute in single
# precision, while we use double precision.

# %% [markdown]
# ## Starts elsewhere
#
# So far all starts lie on one arc. Now we take two hundred starts that are uniform on the sphere, and then the same
# directions at other radii. All data lie on the unit sphere, so nothing was learned about other spheres.

# %%
generator = torch.Generator().manual_seed(1)
others = random_states(200, "area", generator=generator)
net, short, elsewhere = runs["lm"].network, ends["t ≤ 10"], {}
for radius in (0.9, 0.99, 1.0, 1.01, 1.1):
    truth = body.trajectory(radius * others, t[: short + 1])
    error = rollout(net, radius * others, tau, short) - truth
    elsewhere[radius] = float(error.norm(dim=-1).max())
    print(f"radius {radius:4}: error for t ≤ 10 {elsewhere[radius]:.1e}")

# %% tags=["hide-input"]
record("lm-elsewhere-on-sphere", elsewhere[1.0])
record("lm-elsewhere-off-sphere", elsewhere[1.1])

# %% [markdown]
# On the unit sphere the largest error of the solution for $t \le 10$ is {glue:text}`lm-elsewhere-on-sphere`, so the
# network has learned the motion from any start there. At the radius 1.1 the error is
# {glue:text}`lm-elsewhere-off-sphere`. The network preserves volume there as well, but this alone says little about the
# motion.
#
# ## Other time steps
#
# (claim-steps)=
# :::{admonition} The paper, Secs. 4.2.2 and 5
# :class: paper
# The data may be sampled irregularly, with constant or with randomly chosen time steps.
# :::
#
# The time step $h$ is an input of the network. What does a network do at $h = 0.05$ if it has only seen $\tau = 0.1$?
# We compare it with a second network. This one learns from the same 300 states, each with its own random step between
# 0.05 and 0.15.

# %%
generator = torch.Generator().manual_seed(0)
h = 0.05 + 0.1 * torch.rand(300, generator=generator, dtype=torch.float64)
mixed = Pairs.from_states(body, drawn[sampling][0].y, h)
count = min(lm_iterations, 200)
anew = fit(lm.make_network(), mixed, iterations=count, progress=progress)

# %% tags=["hide-input"]
record("mixed-train", anew.loss)
for name, network in {"fixed": net, "mixed": anew.network}.items():
    for step in (0.05, 0.1, 0.15):
        fresh = Pairs.from_states(body, others, step)
        with torch.no_grad():
            missed = network(fresh.y, fresh.h) - fresh.target
        record(f"{name}-{step}", float(missed.square().mean()))

# %% [markdown]
# | mean squared error of one step, at new states | $h = 0.05$ | $h = 0.1$ | $h = 0.15$ |
# |---|---|---|---|
# | trained with $\tau = 0.1$ | {glue:text}`fixed-0.05` | {glue:text}`fixed-0.1` | {glue:text}`fixed-0.15` |
# | trained with random steps | {glue:text}`mixed-0.05` | {glue:text}`mixed-0.1` | {glue:text}`mixed-0.15` |
#
# A network that was trained with one step accepts other steps, but it has learned nothing about them. With random steps it
# learns all steps in the interval. A map of four variables needs more data than a map of three, however: on its own
# training pairs the second network reaches {glue:text}`mixed-train`, and at new states its error is larger.
#
# ## Does the sampling matter?
#
# We repeat our training with the other sampling of the sphere.

# %%
other = "area" if sampling == "angles" else "angles"
again = replace(lm, data=data[other]).run(trainings, progress)
hundred = ends["t ≤ 100"]
for how, run in {sampling: runs["lm"], other: again}.items():
    y = rollout(run.network, begin, tau, hundred)
    error = float((y - exact[: hundred + 1]).norm(dim=-1).max())
    record(f"lm-{how}-solution", error)

# %% [markdown]
# The largest error of the solution to $t = 100$ is {glue:text}`lm-angles-solution` if the training states are uniform
# in the angles, and {glue:text}`lm-area-solution` if they are uniform by area.
#
# Finally we check volume and inverse of the trained networks, at states that they have not seen.

# %%
for name, run in runs.items():
    volume = float(determinant_defect(run.network, others, tau).max())
    undone = float(inverse_defect(run.network, others, tau).max())
    assert max(volume, undone) < 1e-11
    record(f"{name}-det-defect", volume)
    record(f"{name}-inverse-defect", undone)

# %% [markdown]
# The determinants differ from 1 by at most {glue:text}`adam-det-defect` (Adam) and {glue:text}`lm-det-defect`
# (Levenberg–Marquardt), and a step forward and back misses its start by at most {glue:text}`adam-inverse-defect` and
# {glue:text}`lm-inverse-defect`.
#
# ## Turn it yourself
#
# The figure shows the twelve exact orbits and the end of the twelve predicted ones.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-turn-flow", "caption": "The twelve exact orbits, and the orbits predicted by the network that Levenberg–Marquardt trained, from t = 360 to 400. Drag the sphere to turn it. Click on a name to hide its curves."}}
name, last = style.LABELS["lm"], predicted["lm"][-400::2]
turnable(
    {"exact": exact[:400:2].numpy(), name: last.numpy()},
    {"exact": style.COLOURS["exact"], name: style.COLOURS["lm"]},
)

# %% [markdown]
# ## Summary
#
# - Few data are enough. With 300 pairs the validation error is {glue:text}`adam-ratio` times the training error with
#   Adam, and {glue:text}`lm-ratio` times with Levenberg–Marquardt.
# - The paper's bound of 5 % on the invariants to $t = 400$ is {glue:text}`adam-verdict` by the paper's training. Its
#   largest error lies between {glue:text}`adam-invariants-long-least` and {glue:text}`adam-invariants-long-most`,
#   depending on the seed.
# - The invariants drift after either training, because the networks preserve only volume. With Levenberg–Marquardt the
#   largest error of the energy to $t = 400$ is {glue:text}`lm-energy-long`, with Adam {glue:text}`adam-energy-long`.
#
# ## Try it
#
# How many states are enough? Train with the first 25, 50 and 100 states and compare the training error with the
# validation error. When do they differ?

# %% tags=["hide-cell"]
validation, unseen = drawn[sampling][1], []
for N in (25, 50, 100):
    few, network = drawn[sampling][0][:N], lm.make_network()
    run = fit(
        network,
        few,
        validation=validation,
        iterations=count,
        progress=progress,
    )
    record(f"few-{N}-train", run.loss)
    record(f"few-{N}-val", run.validation)
    unseen.append(run.validation)
assert unseen[0] > unseen[1] > unseen[2] > runs["lm"].validation

# %% [markdown]
# :::{dropdown} A solution
# | states | training error | validation error |
# |---|---|---|
# | 25 | {glue:text}`few-25-train` | {glue:text}`few-25-val` |
# | 50 | {glue:text}`few-50-train` | {glue:text}`few-50-val` |
# | 100 | {glue:text}`few-100-train` | {glue:text}`few-100-val` |
#
# The training error is tiny in all three cases, since there are more weights than equations. The validation error
# falls each time the number of states is doubled. With all 300 states, and more iterations, it is
# {glue:text}`lm-val-mse`. The flow is smooth, so each state also says something about its neighbours.
# :::
#
# ## What's next
#
# The best network here drifts slowly as well. [The next chapter](structure) asks what a network must keep so that it
# does not.

# %% tags=["hide-input"]
if lm_iterations >= 300 and width == 60 and K == 3:
    for curves in invariants:
        assert float(curves["lm"][:1001].max()) <= 5e-4
        assert float(curves["lm"].max()) <= 2e-3
    assert float(solution["lm"][:1001].max()) <= 5e-3
