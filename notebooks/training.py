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
# # Training: why a million epochs, and how to do without
#
# **Question.** Why does Adam need so many epochs, and what is there in these networks that a better method can use?
#
# (claim-epochs)=
# :::{admonition} The paper, Sec. 5
# :class: paper
# "Adam requires too many epochs to achieve desirable accuracy, which limits the full exploration" of these networks "and
# its application to higher dimensional problems". More research in faster converging optimisation is needed.
# :::
#
# **You need** [the modules](volume), and least squares; half an hour to read.

# %% tags=["parameters"]
seconds = 15           # for each method on each problem, at the paces counted below
seeds = 3              # starts for each initialisation
start_iterations = 60  # of Levenberg–Marquardt from each of them
start_epochs = 20_000  # of Adam from each of them
noise = 1e-3           # standard deviation of the noise in the last experiment
seed = 0               # of the weights

# %%
from dataclasses import replace

import numpy as np
import torch
from chapters.step_cost import exponent, least_seconds, step_cost
from companion import progress, record

from locsym import LocSympNet, SympNet
from locsym.data import Pairs
from locsym.experiments import ADVECTION, LM_START, ONE_ORBIT, WHOLE_FLOW
from locsym.networks.linearisation import Linearisation
from locsym.plots import style, training
from locsym.systems import Pendulum
from locsym.training import fit
from locsym.training.autodiff_linearisation import Explicit

torch.set_num_threads(1)
style.use()

# %% [markdown]
# ## A least-squares problem with few residuals
#
# Training fits a map to N pairs of states in $\mathbb R^n$. Write $r(\theta)$ for all the $N n$ numbers by which the network misses its
# targets; the loss is $\|r\|^2 / (N n)$. Near θ the residual is linear, $r(\theta + \delta) \approx r + J \delta$, and everything depends on $J$:
#
# - A **gradient** step, $\delta = -\eta J^\top r$, changes the residual by $-\eta \, J J^\top r$. Along an eigenvector of $J J^\top$ with eigenvalue
#   $\lambda$ it shrinks by the factor $1 - \eta \lambda$, and η is limited by the largest λ. What lies along an eigenvalue a million
#   times smaller needs about a million steps. Adam scales each weight by itself, which bends this rule but does not break it.
# - A **Gauss–Newton** step solves $J \delta = -r$ and removes all of it at once.
#
# So the question is how far apart the eigenvalues of $J J^\top$ lie, at the paper's starting weights.

# %%
problems = {"advection": ADVECTION, "one orbit": ONE_ORBIT, "whole flow": WHOLE_FLOW}
problems = {name: replace(experiment, seed=seed) for name, experiment in problems.items()}
data = {name: experiment.make_pairs() for name, experiment in problems.items()}
tangents, spectra = {}, {}
for name, experiment in problems.items():
    network, (train, _) = experiment.make_network(), data[name]
    theta = torch.nn.utils.parameters_to_vector(network.parameters())
    tangents[name] = Linearisation(network, train.y, train.h, train.target).at(theta)
    spectra[name] = torch.linalg.eigvalsh(tangents[name].gram()).numpy()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-spectra", "caption": "How stiff is the training? Eigenvalues of J Jᵀ (J: the derivatives of all residuals by the weights) at the paper's starting weights, from the largest to the smallest, each problem's over its largest. A gradient method sees only the left end of a curve that falls so deep."}, "image": {"alt": "Three falling curves on a logarithmic axis; those of the two rigid-body problems fall by many orders of magnitude at the very left, that of advection stays high for longer."}}
training.spectra(spectra)

# %%
keys = {"one orbit": "orbit", "whole flow": "flow", "advection": "advection"}
for name, key in keys.items():
    within = float((spectra[name] > 1e-6 * spectra[name].max()).mean())
    record(f"{key}-directions", within, "{:.0%}")

# %% [markdown]
# On the whole flow only {glue:text}`flow-directions` of the eigenvalues lie within a factor of a million of the largest; on one orbit
# {glue:text}`orbit-directions`. Everything else is out of reach of a million epochs as long as the weights stay near where
# they began. (For the linear network on advection it is {glue:text}`advection-directions`, and Adam does well there.)
#
# ## The Gram matrix in closed form
#
# A step that treats all eigenvalues alike needs the {term}`Gram matrix` $J J^\top$, of size $N n$: hundreds to two thousand. The weights are many more, but a
# step never has to leave the span of the rows of $J$. And nobody has to form $J$, since a module moves one coordinate.
# With $x = \hat y$, partner column κ, $\sigma = \sigma(W x + b)$ and elementwise products $c = w \, W_\kappa \sigma'$, $p = w\,\sigma$, $q = W_\kappa \sigma$, a change of
# the weights of one module moves its coordinate by
#
# $$ dY_j = s h \Bigl[ \sum_i c_i \, (x \cdot dW_i + db_i) + p \cdot dW_\kappa + q \cdot dw \Bigr]. $$
#
# The gradients of this expression for samples $a$ and $b$ have the inner product, with $u = x_\kappa c + p$,
#
# $$ \langle D_a, D_b \rangle = (c_a \cdot c_b) \Bigl( 1 + \sum_{i \ne \kappa} x_{a,i} \, x_{b,i} \Bigr) + u_a \cdot u_b + q_a \cdot q_b , $$
#
# three matrix products for all pairs at once. One backward sweep of the $n$ output directions gives $g_{l,a,o} = s h \, \partial \Phi_o / \partial Y_j$ for
# each module $l$, and
#
# $$ (J J^\top)_{(a,o),(b,o')} = \sum_l g_{l,a,o} \, g_{l,b,o'} \, \langle D_a, D_b \rangle_l . $$
#
# Automatic differentiation knows nothing of this and must agree.

# %%
network, (train, _) = problems["one orbit"].make_network(), data["one orbit"]
theta = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
J = Explicit(network, train.y, train.h, train.target).at(theta).J
difference = (tangents["one orbit"].gram() - J @ J.T).tril()  # it is kept as a triangle
defect = float(difference.abs().max() / (J @ J.T).abs().max())
record("gram-defect", defect)
assert defect < 1e-12, "the closed form is J Jᵀ"

# %% [markdown]
# They differ by {glue:text}`gram-defect`, which is rounding.
#
# ## Levenberg–Marquardt
#
# Far from the solution the linear model holds only nearby, so the step is damped {cite}`levenberg1944,marquardt1963`:
#
# $$ \delta = -J^\top (J J^\top + \mu I)^{-1} r . $$
#
# For large μ this is a short gradient step, for small μ the Gauss–Newton step. After each trial the *gain ratio*, what the loss fell
# over what the linear model promised, moves μ: down while the model holds, up where it fails (Nielsen's rule {cite}`nielsen1999`). A step that raises
# the loss is not taken.
#
# One thing more is bought cheaply. The step is straight while the residual bends; the second derivative of $r$ along the step costs one
# more evaluation, and with the factor at hand a correction $a$ that follows the bend costs one more solve:
#
# $$ a = -J^\top (J J^\top + \mu I)^{-1} \, \tfrac12 \, \partial_\delta^2 r . $$
#
# It is called geodesic acceleration {cite}`transtrum2012`, and here it matters.

# %%
start = replace(ONE_ORBIT, seed=seed, network=replace(ONE_ORBIT.network, **LM_START))
goal, bends = {"iterations": 1000, "target": 1e-13, "progress": progress}, {}
for name, bent in {"straight steps": False, "steps that follow the bend": True}.items():
    bends[name] = fit(start.make_network(), train, acceleration=bent, **goal)
for key, run in zip(("straight", "bent"), bends.values(), strict=True):
    record(f"{key}-iterations", len(run.history), "{:d}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-bend", "caption": "One orbit, Levenberg–Marquardt with and without geodesic acceleration, from the same start until the loss is below 1e-13 or 1000 iterations are over."}, "image": {"alt": "Two falling curves on log-log axes; the one with acceleration reaches the goal several times sooner."}}
training.iterations({name: run.history for name, run in bends.items()})

# %% [markdown]
# A loss of $10^{-13}$ takes {glue:text}`bent-iterations` iterations with it and {glue:text}`straight-iterations` without.
#
# ## Against the clock
#
# Now the three problems of the paper, the same starting weights (the paper's: standard deviation 0.1, no biases) and one
# thread for all. Adam follows the paper's protocol, its rates included, but in a compiled kernel; L-BFGS is torch's on that
# same kernel, with the loss multiplied by $10^8$, without which it stalls; SciPy's `least_squares` has the explicit Jacobian, or on advection,
# where it would take gigabytes, products with it.
#
# A clock would make the losses depend on what else the machine does. So each method gets the iterations for which it
# took as long as the others when the machine was quiet: `seconds` times its pace; Adam at most the paper's epochs.

# %%
paces = {  # iterations a second of each method, measured once
    "advection": {"lm": 7, "adam": 1400, "lbfgs": 18, "scipy": 0.35},
    "one orbit": {"lm": 210, "adam": 31_000, "lbfgs": 570, "scipy": 6},
    "whole flow": {"lm": 32, "adam": 2300, "lbfgs": 370, "scipy": 0.25},
}
race = {}
for name, experiment in problems.items():
    paper, (pairs, validation) = experiment.training, data[name]
    counts = {method: max(1, round(seconds * pace)) for method, pace in paces[name].items()}
    counts["adam"] = min(counts["adam"], paper.iterations)
    first, last = np.broadcast_to(paper.rate, 2)
    rate = float(first), float(first * (last / first) ** (counts["adam"] / paper.iterations))  # as far as the paper's falls by then
    options = {"adam": {"rate": rate}, "scipy": {"evaluations": 2 if name == "advection" else 10}}  # else a row takes long
    for method, count in counts.items():
        given = {"iterations": count, "validation": validation, "progress": progress} | options.get(method, {})
        run = fit(experiment.make_network(), pairs, method, **given)
        race.setdefault(name, {})[method] = run
        print(f"{name}: {run}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-race", "caption": "Training loss against the seconds that it took, one thread, same start. Dotted: the best loss of the reference implementation of the paper after its full training, 17 minutes to 2 hours on such a machine."}, "image": {"alt": "Three log-log panels, for advection, one orbit and whole flow, with a falling curve for each of four methods. On one orbit Levenberg–Marquardt ends orders of magnitude below the other three."}}
marks = {"advection": 1.2e-13, "one orbit": 1.5e-9, "whole flow": 2.5e-9}
training.race({name: {m: run.history for m, run in runs.items()} for name, runs in race.items()}, marks)

# %%
for name, key in {"advection": "advection", "one orbit": "orbit", "whole flow": "flow"}.items():
    for method, run in race[name].items():
        record(f"{key}-{method}-loss", run.loss)
        record(f"{key}-{method}-seconds", run.seconds, "{:.0f} s", timed=True)
assert race["one orbit"]["lm"].loss < 1e-3 * min(race["one orbit"][m].loss for m in ("adam", "lbfgs", "scipy"))

# %% [markdown]
# | training loss reached, in seconds | advection | one orbit | whole flow |
# |---|---|---|---|
# | Levenberg–Marquardt | {glue:text}`advection-lm-loss`, {glue:text}`advection-lm-seconds` | {glue:text}`orbit-lm-loss`, {glue:text}`orbit-lm-seconds` | {glue:text}`flow-lm-loss`, {glue:text}`flow-lm-seconds` |
# | Adam, the paper's protocol | {glue:text}`advection-adam-loss`, {glue:text}`advection-adam-seconds` | {glue:text}`orbit-adam-loss`, {glue:text}`orbit-adam-seconds` | {glue:text}`flow-adam-loss`, {glue:text}`flow-adam-seconds` |
# | L-BFGS | {glue:text}`advection-lbfgs-loss`, {glue:text}`advection-lbfgs-seconds` | {glue:text}`orbit-lbfgs-loss`, {glue:text}`orbit-lbfgs-seconds` | {glue:text}`flow-lbfgs-loss`, {glue:text}`flow-lbfgs-seconds` |
# | SciPy | {glue:text}`advection-scipy-loss`, {glue:text}`advection-scipy-seconds` | {glue:text}`orbit-scipy-loss`, {glue:text}`orbit-scipy-seconds` | {glue:text}`flow-scipy-loss`, {glue:text}`flow-scipy-seconds` |
#
# On advection Levenberg–Marquardt first hesitates. Near zero weights the network is a product of three small numbers, $w$ and twice $W$,
# and hardly depends on any of them; once past this plateau, which takes longer than the quick profile waits, it converges
# quadratically to rounding. That is the start's fault, which leads to the next question.
#
# ## What the start does
#
# The same problem, one orbit, from weights of several sizes, with biases zero or as large as the weights.

# %%
stds = (0.1, 0.3, 0.5, 0.7, 1.0)
budget = {
    "lm": {"iterations": start_iterations},
    "adam": {"iterations": start_epochs, "rate": 1e-3},
    "lbfgs": {"iterations": start_epochs // 20},
}
cases = [(std, s) for std in stds for s in range(seeds)]
biases = {"b = 0": 0.0, "random b": 1.0}  # their size, relative to that of the weights

# %%
reached = {}
for method, label in ((method, label) for method in budget for label in biases):
    losses = []
    for std, s in cases:
        init = {"std": std, "bias_std": biases[label] * std}
        network = LocSympNet(3, 2, 16, **init, generator=torch.Generator().manual_seed(s))
        losses.append(fit(network, train, method, **budget[method]).loss)
    reached[method, label] = np.array(losses).reshape(len(stds), seeds)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-starts", "caption": "One orbit: the loss reached after a fixed number of iterations (Levenberg–Marquardt, L-BFGS) or epochs (Adam) against the standard deviation of the starting weights; open marks start from zero biases, filled ones from random biases of the same size. A mark is a seed, a line joins the medians."}, "image": {"alt": "Groups of curves, one a method: those of Levenberg–Marquardt fall by orders of magnitude from std 0.1 to 0.7, the others stay far above."}}
training.starts(stds, reached)

# %% [markdown]
# And Levenberg–Marquardt on the whole flow, after as many iterations:

# %%
flow_train, size = data["whole flow"][0], WHOLE_FLOW.network
reached_flow = {}
for label in biases:
    losses = []
    for std, s in cases:
        init = {"std": std, "bias_std": biases[label] * std}
        init["generator"] = torch.Generator().manual_seed(s)
        network = LocSympNet(3, size.K, size.width, **init)
        losses.append(fit(network, flow_train, **budget["lm"]).loss)
    reached_flow["lm", label] = np.array(losses).reshape(len(stds), seeds)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-starts-flow", "caption": "The whole flow: the loss that Levenberg–Marquardt reaches after a fixed number of iterations against the standard deviation of the starting weights; open marks start from zero biases, filled ones from random biases of the same size."}, "image": {"alt": "Two curves over the standard deviation, for zero and for random biases; both are highest at 0.1."}}
training.starts(stds, reached_flow)

# %%
found = {"start": (reached, "lm"), "start-adam": (reached, "adam")}
found |= {"start-lbfgs": (reached, "lbfgs"), "start-flow": (reached_flow, "lm")}
for key, (losses, method) in found.items():
    small = float(np.median(losses[method, "b = 0"][0]))  # std 0.1
    large = float(np.median(losses[method, "random b"][2]))  # std 0.5
    record(f"{key}-small", small)
    record(f"{key}-large", large)
    assert method != "lm" or large < 0.1 * small

# %% [markdown]
# From the paper's start Levenberg–Marquardt reaches {glue:text}`start-small`, from weights and biases of standard deviation one half
# {glue:text}`start-large`: with σ evaluated over its curved part the hidden units differ from one another, and $J J^\top$ has more
# large eigenvalues. On the whole flow it is {glue:text}`start-flow-small` against {glue:text}`start-flow-large`. On one orbit Adam goes
# from {glue:text}`start-adam-small` to {glue:text}`start-adam-large` and L-BFGS from {glue:text}`start-lbfgs-small` to
# {glue:text}`start-lbfgs-large`: the start matters to each, and to none as much as to Levenberg–Marquardt.
# In the chapters on the rigid body Levenberg–Marquardt starts from one half for both.
#
# ## What a step costs
#
# A step consists of two sweeps through the modules, the Gram matrix, and one Cholesky factor.

# %%
base = {"N": 100, "n": 3, "K": 2, "width": 60}
sizes = {"N": (100, 200, 400, 800), "n": (3, 6, 12, 24), "K": (2, 4, 8, 16)}
sizes["width"] = (60, 120, 240, 480)
growth = {}
for name, values in sizes.items():
    costs = [step_cost(**base | {name: value}) for value in values]
    growth[name] = values, {part: [cost[part] for cost in costs] for part in costs[0]}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cost", "caption": "Processor seconds of the three parts of a step when one of the sizes grows: samples N, dimension n, repetitions K, width m; the others stay at N = 100, n = 3, K = 2, m = 60."}, "image": {"alt": "Four log-log panels with rising lines for sweeps, Gram matrix and Cholesky factor."}}
training.costs(growth)

# %%
for name, (values, parts) in growth.items():
    for part, key in {"sweeps": "sweeps", "J Jᵀ": "gram", "Cholesky": "cholesky"}.items():
        record(f"exponent-{key}-{name}", exponent(values, parts[part]), "{:.1f}", timed=True)

# %% [markdown]
# | fitted exponent of | N | n | K | m |
# |---|---|---|---|---|
# | two sweeps | {glue:text}`exponent-sweeps-N` | {glue:text}`exponent-sweeps-n` | {glue:text}`exponent-sweeps-K` | {glue:text}`exponent-sweeps-width` |
# | Gram matrix | {glue:text}`exponent-gram-N` | {glue:text}`exponent-gram-n` | {glue:text}`exponent-gram-K` | {glue:text}`exponent-gram-width` |
# | Cholesky factor | {glue:text}`exponent-cholesky-N` | {glue:text}`exponent-cholesky-n` | {glue:text}`exponent-cholesky-K` | {glue:text}`exponent-cholesky-width` |
#
# Counted, the Gram matrix takes about $L N^2 (3 m + n^2)$ multiplications with $L = 2 K (n - 1)$ modules, and the factor $(N n)^3 / 6$. A wider or deeper
# network costs little; more samples cost much. So this is a method for few samples, which is what a known
# time step and a smooth flow need.
#
# ## Where it loses
#
# *Many samples.* Where residuals outnumber the weights by far, $J^\top J$ is the smaller matrix and takes over; where neither fits the
# memory given, conjugate gradients with products $J v$ and $J^\top v$ only. The record of the run says which.

# %%
generator = torch.Generator().manual_seed(seed)
y = torch.randn(2000, 3, generator=generator, dtype=torch.float64)
many = Pairs.from_states(WHOLE_FLOW.make_system(), y / y.norm(dim=1, keepdim=True), 0.1)
for size in (100, 2000):
    print(f"{size}: {fit(start.make_network(), many[:size], iterations=2).note}")
note = fit(start.make_network(), many, iterations=2, memory=2**20).note
print(f"2000, little memory: {note}")
assert note.startswith("matrix-free")

# %% [markdown]
# Adam's epoch grows only linearly, and can be cut into batches. On the whole flow one step costs as much as how many epochs?

# %%
step = sum(step_cost(300, 3, 3, 60).values())
network = problems["whole flow"].make_network()
epoch = least_seconds(lambda: fit(network, data["whole flow"][0], "adam", iterations=500), repeats=3) / 500
record("step-seconds", step, "{:.3f}", timed=True)
record("epochs-per-step", round(step / epoch), "{:d}", timed=True)

# %% [markdown]
# As many as {glue:text}`epochs-per-step`, at {glue:text}`step-seconds` s a step. A few hundred steps are worth the paper's million epochs many times
# over, at N = 300; at a hundred times as many samples they would not be.
#
# *Noisy data.* With more weights than residuals the loss has no floor. If the targets carry noise, Levenberg–Marquardt first learns
# the flow, then the noise, and both faster than anyone. Here the targets of the one orbit are disturbed; the validation pairs are not.

# %%
clean, validation = data["one orbit"]
disturbed = noise * torch.randn(clean.target.shape, generator=generator, dtype=torch.float64)
noisy = Pairs(clean.y, clean.h, clean.target + disturbed)
remedies = {
    "lm": {"iterations": 300},
    "ridge": {"iterations": 300, "ridge": noise**2},
    "adam": {"method": "adam", "iterations": start_epochs},
}
record("noise-variance", noise**2)

# %%
ends, watched = {}, {"validation": validation, "progress": progress}
for name, options in remedies.items():
    run = fit(start.make_network(), noisy, **watched, **options)
    ends[name], seen = run.validation, run.history.validation
    record(f"noisy-{name}-loss", run.loss)
    record(f"noisy-{name}-error", run.validation)
    record(f"noisy-{name}-best", float(seen.min()))
    record(f"noisy-{name}-at", int(seen.argmin()) + 1, "{:d}")
assert ends["ridge"] < ends["lm"], "a ridge keeps the noise out"

# %% [markdown]
# | | loss on noisy pairs | error on clean pairs, at the end | the least on the way |
# |---|---|---|---|
# | Levenberg–Marquardt | {glue:text}`noisy-lm-loss` | {glue:text}`noisy-lm-error` | {glue:text}`noisy-lm-best` |
# | with a ridge λ, the variance of the noise | {glue:text}`noisy-ridge-loss` | {glue:text}`noisy-ridge-error` | {glue:text}`noisy-ridge-best` |
# | Adam | {glue:text}`noisy-adam-loss` | {glue:text}`noisy-adam-error` | {glue:text}`noisy-adam-best` |
#
# The noise has variance {glue:text}`noise-variance`. A loss below that is no success: the error on clean pairs was least after
# {glue:text}`noisy-lm-at` iterations and has grown since. A ridge of the size of that variance, or to stop where the validation error is
# least, is the remedy. The lead over Adam shrinks to the time it takes: nobody gets far below what the noise allows.
#
# ## Summary
#
# - The eigenvalues of $J J^\top$ lie many orders of magnitude apart: a gradient method needs its million epochs to see the small ones.
# - A module moves one coordinate, so $J J^\top$ has a closed form, and a damped Gauss–Newton step costs milliseconds.
# - With the bend of the residual taken into account, seconds give what hours did not.
# - It is a method for few, precise samples. For very many, or noisy ones, it has no such lead.
#
# ## Try it
#
# Is it the network or the method? Train a SympNet on the pendulum by both methods, and the symmetric network on the one
# orbit. Does the same one win? Predict before you unfold.

# %% tags=["hide-cell"]
box = torch.rand(100, 2, generator=generator, dtype=torch.float64) * 2 - 1
swings = Pairs.from_states(Pendulum(), box, 0.1)
init = LM_START | {"generator": torch.Generator().manual_seed(seed)}
others = {"sympnet": (SympNet(2, 3, 16, **init), swings)}
others["symmetric"] = LocSympNet(3, 1, 16, symmetric=True, **init), train
for name, (network, pairs) in others.items():
    by_lm = fit(network, pairs, **budget["lm"]).loss
    by_adam = fit(network, pairs, "adam", **budget["adam"]).loss
    assert by_lm < 1e-2 * by_adam
    record(f"{name}-lm", by_lm)
    record(f"{name}-adam", by_adam)

# %% [markdown]
# :::{dropdown} A solution
# | loss after as many iterations or epochs as above | Levenberg–Marquardt | Adam |
# |---|---|---|
# | SympNet, pendulum | {glue:text}`sympnet-lm` | {glue:text}`sympnet-adam` |
# | symmetric LocSympNet, one orbit | {glue:text}`symmetric-lm` | {glue:text}`symmetric-adam` |
#
# It is the method: nothing above uses more than that a module moves coordinates that it does not read. Where a module is
# visited twice, as in the symmetric network, the Gram matrix has the cross terms of both visits.
# :::
#
# ## What's next
#
# [Advection](advection), [one orbit](one_orbit) and [the whole flow](whole_flow) show what such small losses are
# worth when the network is iterated a thousand times, and where a small loss alone is not enough;
# [the last chapter](choices) tries what the paper leaves open.
