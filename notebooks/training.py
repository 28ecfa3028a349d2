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
# # Training: why a million epochs, and how to avoid them
#
# **Question.** Why does Adam need so many epochs, and which property of these networks can a better method use?
#
# (claim-epochs)=
# :::{admonition} The paper, Sec. 5
# :class: paper
# "Adam requires too many epochs to achieve desirable accuracy, which limits the full exploration" of these networks "and
# its application to higher dimensional problems". More research in faster converging optimisation is needed.
# :::
#
# **You need** [the modules](volume) and least squares. The page takes half an hour to read.
#
# The next chapters study the three problems of the paper one by one. Here they serve as examples of training, and this is
# all that this page needs of them:
#
# - [Advection](advection): a linear flow in 35 dimensions, given by 60 random states and the state that follows each of
#   them a short time $\tau$ later. The network is linear too.
# - [One orbit](one_orbit): a rigid body turns freely, and its angular momentum in $\mathbb R^3$ is given at 121
#   consecutive times of one trajectory.
# - [Whole flow](whole_flow): the same rigid body, given by 300 random states on the unit sphere, each with the state
#   that follows.

# %% tags=["parameters", "hide-input"]
adam_here = 1_000_000  # epochs of Adam in the race run here, >= 1
lbfgs_here = 10_000    # iterations of L-BFGS in the race run here, >= 1
seeds = 3              # starts for each initialisation, >= 1
start_iterations = 60  # of Levenberg–Marquardt from each of them, >= 1
start_epochs = 9_000   # of Adam from each of them, >= 60
noise = 1e-3           # standard deviation of the noise at the end, > 0
seed = 0               # of the weights, >= 0

# %% tags=["hide-input"]
from dataclasses import replace
from itertools import product

import numpy as np
import torch
from chapters.step_cost import exponent, least_seconds, step_cost
from companion import progress, record, trained, trainings
from torch.nn.utils import parameters_to_vector

from locsym import LocSympNet, SympNet
from locsym.data import Pairs
from locsym.experiments import (
    ADVECTION,
    LM_START,
    ONE_ORBIT,
    WHOLE_FLOW,
    Training,
)
from locsym.networks.linearisation import Linearisation
from locsym.plots import style, training
from locsym.systems import Pendulum
from locsym.training import fit
from locsym.training.autodiff_linearisation import AutodiffLinearisation

torch.set_num_threads(1)
style.use()

# %% [markdown]
# ## A least-squares problem with few residuals
#
# Training fits a map to $N$ pairs of states in $\mathbb R^n$. Let $r(\theta)$ collect all the $N n$ numbers by which
# the network with weights $\theta$ misses its targets. The loss is $\|r\|^2 / (N n)$. Near $\theta$ the residual is
# almost linear, $r(\theta + \delta) \approx r + J \delta$, and everything depends on the Jacobian $J$:
#
# - A **gradient** step, $\delta = -\eta J^\top r$, changes the residual by $-\eta \, J J^\top r$. Along an eigenvector
#   of $J J^\top$ with eigenvalue $\lambda$ the residual shrinks by the factor $1 - \eta \lambda$. The largest $\lambda$
#   limits $\eta$. So the part of the residual that belongs to an eigenvalue a million times smaller needs about a million
#   steps. Adam scales each weight separately, which softens this rule but does not remove it.
# - A **Gauss–Newton** step solves $J \delta = -r$ and removes all of the residual at once.
#
# So the question is how far apart the eigenvalues of $J J^\top$ lie at the paper's starting weights.

# %% tags=["hide-input"]
problems = {"advection": ADVECTION, "one orbit": ONE_ORBIT}
problems |= {"whole flow": WHOLE_FLOW}
for name, experiment in problems.items():
    problems[name] = replace(experiment, seed=seed)
data = {name: found.make_pairs() for name, found in problems.items()}
tangents, spectra = {}, {}

# %%
for name, experiment in problems.items():
    network, (train, _) = experiment.make_network(), data[name]
    theta = parameters_to_vector(network.parameters())
    problem = Linearisation(network, train.y, train.h, train.target)
    tangents[name] = problem.at(theta)
    spectra[name] = torch.linalg.eigvalsh(tangents[name].gram()).numpy()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-spectra", "caption": "The eigenvalues of J Jᵀ at the paper's starting weights, from the largest to the smallest, each divided by the largest of its problem. J holds the derivatives of all residuals with respect to the weights. Values below about 1e-16 are rounding. Where a curve falls steeply, a gradient method makes progress only in the few directions at its left end."}, "image": {"alt": "Three falling curves on a logarithmic axis; those of the two rigid-body problems fall by many orders of magnitude at the very left, that of advection stays high for longer."}}
training.spectra(spectra)

# %% tags=["hide-input"]
keys = {"one orbit": "orbit", "whole flow": "flow", "advection": "advection"}
for name, key in keys.items():
    within = float((spectra[name] > 1e-6 * spectra[name].max()).mean())
    record(f"{key}-directions", within, "{:.0%}")

# %% [markdown]
# On the whole flow only {glue:text}`flow-directions` of the eigenvalues lie within a factor of a million of the
# largest; on one orbit only {glue:text}`orbit-directions`. A million gradient steps cannot reach the other directions
# as long as the weights stay near where they began. For the linear network on advection the share is
# {glue:text}`advection-directions`, and there Adam does well.
#
# ## The Gram matrix in closed form
#
# A step that treats all eigenvalues alike needs the {term}`Gram matrix` $J J^\top$. Its size is $N n$, from a few
# hundred to two thousand. There are many more weights, but a step never has to leave the span of the rows of $J$. Nor
# do we have to form $J$ itself, since each module moves only one coordinate.
#
# Write $x = \hat y$ for what a module reads, $\kappa$ for its partner column, $\sigma = \sigma(W x + b)$, and
# $c = w \, W_\kappa \sigma'$, $p = w\,\sigma$, $q = W_\kappa \sigma$ for elementwise products. When the weights of one
# module change, the coordinate that it moves changes by
#
# $$ dY_j = s h \Bigl[ \sum_i c_i \, (x \cdot dW_i + db_i) + p \cdot dW_\kappa + q \cdot dw \Bigr]. $$
#
# With $u = x_\kappa c + p$, the gradients of this expression for two samples $a$ and $b$ have the inner product
#
# $$
# \begin{aligned}
# \langle D_a, D_b \rangle = {} & (c_a \cdot c_b) \Bigl( 1 + \sum_{i \ne \kappa} x_{a,i} \, x_{b,i} \Bigr) \\
# & + u_a \cdot u_b + q_a \cdot q_b .
# \end{aligned}
# $$
#
# These are three matrix products for all pairs of samples at once. One backward sweep of the $n$ output directions gives
# $g_{l,a,o} = s h \, \partial \Phi_o / \partial Y_j$ for each module $l$, and then
#
# $$ (J J^\top)_{(a,o),(b,o')} = \sum_l g_{l,a,o} \, g_{l,b,o'} \, \langle D_a, D_b \rangle_l . $$
#
# Automatic differentiation forms $J$ without any of these formulas, so it is an independent check. (The closed form
# fills only the lower triangle of the symmetric matrix.)

# %%
network, (train, _) = problems["one orbit"].make_network(), data["one orbit"]
theta = parameters_to_vector(network.parameters()).detach()
by_autograd = AutodiffLinearisation(network, train.y, train.h, train.target)
J = by_autograd.at(theta).J
difference = (tangents["one orbit"].gram() - J @ J.T).tril()
defect = float(difference.abs().max() / (J @ J.T).abs().max())
assert defect < 1e-12, "the closed form is J Jᵀ"

# %% tags=["hide-input"]
record("gram-defect", defect)

# %% [markdown]
# The two matrices differ by {glue:text}`gram-defect`, which is rounding.
#
# ## Levenberg–Marquardt
#
# Far from the solution the linear model holds only for short steps, so the step is damped
# {cite}`levenberg1944,marquardt1963`:
#
# $$ \delta = -J^\top (J J^\top + \mu I)^{-1} r . $$
#
# For large $\mu$ this is a short gradient step, for small $\mu$ the Gauss–Newton step. After each trial step the *gain
# ratio* compares the decrease of the loss with the decrease that the linear model predicted. Where the model holds, $\mu$
# is lowered; where it fails, $\mu$ is raised (Nielsen's rule {cite}`nielsen1999`). A step that raises the loss is not
# taken.
#
# One improvement costs little. The step is straight, but the residual is curved. The second derivative of $r$ along the step
# costs one more evaluation. A correction $a$ that follows the bend then costs one more solve with the same factor:
#
# $$ a = -J^\top (J J^\top + \mu I)^{-1} \, \tfrac12 \, \partial_\delta^2 r . $$
#
# This correction is called geodesic acceleration {cite}`transtrum2012`. We try it on one orbit. Here, and in the chapters
# on the rigid body, Levenberg–Marquardt starts from larger weights than the paper's, for a reason that
# [follows below](what-the-start-does).

# %%
large = replace(ONE_ORBIT.network, **LM_START)
start, bends = replace(ONE_ORBIT, seed=seed, network=large), {}
goal = {"iterations": 1000, "target": 1e-13, "progress": progress}
variants = {"straight steps": False, "steps that follow the bend": True}
for name, bent in variants.items():
    network = start.make_network()
    bends[name] = fit(network, train, acceleration=bent, **goal)

# %% tags=["hide-input"]
for key, run in zip(("straight", "bent"), bends.values(), strict=True):
    record(f"{key}-iterations", run.iterations)
    record(f"{key}-loss", run.loss)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-bend", "caption": "One orbit, Levenberg–Marquardt with and without geodesic acceleration, from the same start. Training stops at a loss of 1e-13 or after 1000 iterations."}, "image": {"alt": "Two falling curves on log-log axes; the one with acceleration reaches the goal several times sooner."}}
training.iterations({name: run.history for name, run in bends.items()})

# %% [markdown]
# With the correction Levenberg–Marquardt takes {glue:text}`bent-iterations` iterations to a loss of
# {glue:text}`bent-loss`. Without the correction it takes {glue:text}`straight-iterations` iterations to a loss of
# {glue:text}`straight-loss`.
#
# ## Against the clock
#
# Now all methods train on the three problems of the paper, from the same starting weights (the paper's: standard deviation
# 0.1, no biases) and on one thread.
#
# - **Adam** follows the paper's protocol with all its epochs and its rates, in a compiled kernel.
# - **L-BFGS** is PyTorch's, on the same kernel. The loss is multiplied by $10^8$, because L-BFGS stalls without this.
# - **SciPy**'s `least_squares` uses the explicit Jacobian. This is affordable on one orbit only: on the whole flow
#   one call takes several seconds, and on advection the Jacobian would fill gigabytes.
# - **Levenberg–Marquardt** is the method of this page.
#
# The number of iterations is fixed for each method, so the losses do not depend on what else the machine does. On a quiet
# machine L-BFGS and SciPy take about as many seconds as Levenberg–Marquardt, or more. Long runs of Adam and L-BFGS are
# kept with the book. Of each of them this edition ran at most {glue:text}`adam-here` epochs of Adam or
# {glue:text}`lbfgs-here` iterations of L-BFGS itself. The rest, if any, comes from the kept run, and the build has checked
# that both begin in the same way. The seconds of a kept run are scaled to the pace of the iterations that ran here.

# %% tags=["hide-input"]
record("adam-here", adam_here)
record("lbfgs-here", lbfgs_here)

# %%
lengths = {  # iterations of Levenberg–Marquardt and of L-BFGS
    "advection": (100, 250),
    "one orbit": (300, 2000),
    "whole flow": (300, 3500),
}

# %% [markdown]
# An experiment holds its own training. `replace` gives it another one.

# %%
race = {}
for name, paper in problems.items():
    ours, theirs = lengths[name]
    lm = replace(paper, training=Training("lm", ours))
    lbfgs = replace(paper, training=Training("lbfgs", theirs))
    race[name] = {"lm": lm.run(trainings, progress)}
    race[name]["adam"] = trained(paper, adam_here)
    race[name]["lbfgs"] = trained(lbfgs, lbfgs_here)

# %%
network, (pairs, validation) = ONE_ORBIT.make_network(), data["one orbit"]
options = {"iterations": 15, "validation": validation}
race["one orbit"]["scipy"] = fit(network, pairs, "scipy", **options)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-race", "caption": "Training loss against the seconds that it took, on one thread and from the same start. The dotted line marks the lowest loss of the author's published networks, which follow the paper's protocol in single precision."}, "image": {"alt": "Three log-log panels, for advection, one orbit and whole flow, with a falling curve for each method. In each panel the curve of Levenberg–Marquardt ends orders of magnitude below the others."}}
marks = {"advection": 1.2e-13, "one orbit": 1.5e-9, "whole flow": 2.5e-9}
curves = {}
for name, runs in race.items():
    curves[name] = {method: run.history for method, run in runs.items()}
training.race(curves, marks)

# %% tags=["hide-input"]
# the author's scripts
minutes = {"advection": 19, "one orbit": 17, "whole flow": 126}
for name, key in keys.items():
    for method, run in race[name].items():
        record(f"{key}-{method}-loss", run.loss)
        record(f"{key}-{method}-seconds", run.seconds, "{:.0f} s", timed=True)
    lm, adam = race[name]["lm"], race[name]["adam"]
    by_kernel = 60 * minutes[name] / adam.seconds
    record(f"{key}-kernel-factor", by_kernel, "{:.0f}", timed=True)
    passed = lm.history.seconds[lm.history.loss <= adam.loss]
    sooner = adam.seconds / float(passed[0]) if len(passed) else 0.0
    record(f"{key}-sooner-factor", sooner, "{:.1f}", timed=True)
    record(f"{key}-adam-epochs", adam.iterations)
    least = min(run.loss for run in race[name].values() if run is not lm)
    assert lm.loss < 1e-3 * least or (seed != 0 and name != "one orbit")

# %% [markdown]
# | training loss reached, and the seconds for it | advection | one orbit | whole flow |
# |---|---|---|---|
# | Adam, the paper's protocol | {glue:text}`advection-adam-loss`, {glue:text}`advection-adam-seconds` | {glue:text}`orbit-adam-loss`, {glue:text}`orbit-adam-seconds` | {glue:text}`flow-adam-loss`, {glue:text}`flow-adam-seconds` |
# | L-BFGS | {glue:text}`advection-lbfgs-loss`, {glue:text}`advection-lbfgs-seconds` | {glue:text}`orbit-lbfgs-loss`, {glue:text}`orbit-lbfgs-seconds` | {glue:text}`flow-lbfgs-loss`, {glue:text}`flow-lbfgs-seconds` |
# | SciPy | – | {glue:text}`orbit-scipy-loss`, {glue:text}`orbit-scipy-seconds` | – |
# | Levenberg–Marquardt | {glue:text}`advection-lm-loss`, {glue:text}`advection-lm-seconds` | {glue:text}`orbit-lm-loss`, {glue:text}`orbit-lm-seconds` | {glue:text}`flow-lm-loss`, {glue:text}`flow-lm-seconds` |
#
# ### Kernel and optimiser
#
# Two things make these trainings faster than the paper's, and they should not be confused: the compiled kernel and the
# optimiser. The author's scripts run the paper's epochs of Adam through PyTorch's automatic differentiation. Our seconds
# are measured by the clock, so other work on the same machine lengthens them.
#
# | | advection | one orbit | whole flow |
# |---|---|---|---|
# | epochs of Adam in the paper | {glue:text}`advection-adam-epochs` | {glue:text}`orbit-adam-epochs` | {glue:text}`flow-adam-epochs` |
# | the author's scripts (single precision, two cores) | 19 min | 17 min | 2.1 h |
# | the same epochs in our kernel (double precision) | {glue:text}`advection-adam-seconds` | {glue:text}`orbit-adam-seconds` | {glue:text}`flow-adam-seconds` |
# | so the kernel is faster by a factor of | {glue:text}`advection-kernel-factor` | {glue:text}`orbit-kernel-factor` | {glue:text}`flow-kernel-factor` |
# | all iterations of Levenberg–Marquardt | {glue:text}`advection-lm-seconds` | {glue:text}`orbit-lm-seconds` | {glue:text}`flow-lm-seconds` |
# | it passes Adam's final loss sooner by a factor of | {glue:text}`advection-sooner-factor` | {glue:text}`orbit-sooner-factor` | {glue:text}`flow-sooner-factor` |
#
# The kernel saves most of the hours: without any change of the method it turns them into minutes or seconds. The first
# gain of Levenberg–Marquardt is not time but the loss, which it lowers by further orders of magnitude. On the two
# nonlinear problems it also passes Adam's final loss much sooner.
#
# On advection Levenberg–Marquardt first stays on a plateau. Near zero weights the network is a product of three small
# numbers, $w$ and twice $W$, and hardly depends on any one of them. Once past this plateau, it converges quadratically
# to rounding. The cause is the start, which leads to the next question.
#
# (what-the-start-does)=
# ## What the start does
#
# We train on one orbit from weights of several sizes. The biases start at zero, or as large as the weights. The default
# numbers of iterations take about the same time with each method.

# %%
stds = (0.1, 0.3, 0.5, 1.0)
budget = {
    "lm": {"iterations": start_iterations},
    "adam": {"iterations": start_epochs, "rate": 1e-3},
    "lbfgs": {"iterations": start_epochs // 60},
}
biases = {"b = 0": 0.0, "random b": 1.0}  # relative to the weights

# %%
losses = {(method, label): [] for method in budget for label in biases}
cases = [(std, s) for std in stds for s in range(seeds)]
for (method, label), (std, s) in product(losses, cases):
    init = {"std": std, "bias_std": biases[label] * std}
    init["generator"] = torch.Generator().manual_seed(s)
    network = LocSympNet(3, 2, 16, **init)
    run = fit(network, train, method, **budget[method])
    losses[method, label].append(run.loss)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-starts", "caption": "One orbit: the loss after a fixed number of iterations (Levenberg–Marquardt, L-BFGS) or epochs (Adam) against the standard deviation of the starting weights. Open marks start from zero biases, filled marks from random biases of the same size as the weights. A mark is one seed; a line joins the medians."}, "image": {"alt": "Groups of curves, one a method: those of Levenberg–Marquardt fall by orders of magnitude from std 0.1 to 0.5, the others stay far above."}}
reached = {}
for case, found in losses.items():
    reached[case] = np.array(found).reshape(len(stds), seeds)
training.starts(stds, reached)

# %% [markdown]
# On the whole flow we compare only the two extremes: the paper's start, and weights and biases of standard deviation one
# half.

# %%
size, starts = WHOLE_FLOW.network, {"small": (0.1, 0.0), "large": (0.5, 0.5)}
flow_losses = {name: [] for name in starts}
for name, s in ((name, s) for name in starts for s in range(seeds)):
    init = dict(zip(("std", "bias_std"), starts[name], strict=True))
    init["generator"] = torch.Generator().manual_seed(s)
    network = LocSympNet(3, size.K, size.width, **init)
    run = fit(network, data["whole flow"][0], **budget["lm"])
    flow_losses[name].append(run.loss)

# %% tags=["hide-input"]
half = stds.index(0.5)
found = {}
slugs = {"lm": "start", "adam": "start-adam", "lbfgs": "start-lbfgs"}
for method, key in slugs.items():
    small = float(np.median(reached[method, "b = 0"][0]))
    found[key] = small, float(np.median(reached[method, "random b"][half]))
medians = (float(np.median(few)) for few in flow_losses.values())
found["start-flow"] = tuple(medians)
for key, (small, large) in found.items():
    record(f"{key}-small", small)
    record(f"{key}-large", large)
    assert key in ("start-adam", "start-lbfgs") or large < 0.1 * small
record("start-seeds", seeds)
for method, options in budget.items():
    record(f"start-{method}-iterations", options["iterations"])

# %% [markdown]
# | median loss; seeds: {glue:text}`start-seeds` | from the paper's start | from one half |
# |---|---|---|
# | one orbit, Levenberg–Marquardt, {glue:text}`start-lm-iterations` iterations | {glue:text}`start-small` | {glue:text}`start-large` |
# | one orbit, Adam, {glue:text}`start-adam-iterations` epochs | {glue:text}`start-adam-small` | {glue:text}`start-adam-large` |
# | one orbit, L-BFGS, {glue:text}`start-lbfgs-iterations` iterations | {glue:text}`start-lbfgs-small` | {glue:text}`start-lbfgs-large` |
# | whole flow, Levenberg–Marquardt, {glue:text}`start-lm-iterations` iterations | {glue:text}`start-flow-small` | {glue:text}`start-flow-large` |
#
# With larger weights $\sigma$ is evaluated over its curved part. The hidden units then differ from one another, and
# $J J^\top$ has more large eigenvalues. Levenberg–Marquardt gains the most from this. In the chapters on the rigid body
# it starts from one half, for weights and biases.
#
# ## What a step costs
#
# A step consists of two sweeps through the modules, the Gram matrix, and one Cholesky factor. We let one size grow at a
# time and measure each part.

# %%
base = {"N": 100, "n": 3, "K": 2, "width": 60}
sizes = {"N": (100, 200, 400, 800), "n": (3, 6, 12, 24)}
sizes |= {"K": (2, 4, 8, 16), "width": (60, 120, 240, 480)}
growth = {}
for name, values in sizes.items():
    costs = [step_cost(**base | {name: value}) for value in values]
    parts = {part: [cost[part] for cost in costs] for part in costs[0]}
    growth[name] = values, parts

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cost", "caption": "Processor seconds of the three parts of a step when one of the sizes grows: samples N, dimension n, repetitions K, width m. The other sizes stay at N = 100, n = 3, K = 2, m = 60."}, "image": {"alt": "Four log-log panels with rising lines for sweeps, Gram matrix and Cholesky factor."}}
training.costs(growth)

# %% tags=["hide-input"]
slugs = {"sweeps": "sweeps", "J Jᵀ": "gram", "Cholesky": "cholesky"}
for name, (values, parts) in growth.items():
    for part, key in slugs.items():
        power = exponent(values, parts[part])
        record(f"exponent-{key}-{name}", power, "{:.1f}", timed=True)

# %% [markdown]
# | fitted exponent of | N | n | K | m |
# |---|---|---|---|---|
# | two sweeps | {glue:text}`exponent-sweeps-N` | {glue:text}`exponent-sweeps-n` | {glue:text}`exponent-sweeps-K` | {glue:text}`exponent-sweeps-width` |
# | Gram matrix | {glue:text}`exponent-gram-N` | {glue:text}`exponent-gram-n` | {glue:text}`exponent-gram-K` | {glue:text}`exponent-gram-width` |
# | Cholesky factor | {glue:text}`exponent-cholesky-N` | {glue:text}`exponent-cholesky-n` | {glue:text}`exponent-cholesky-K` | {glue:text}`exponent-cholesky-width` |
#
# By counting, the Gram matrix takes about $L N^2 (3 m + n^2)$ multiplications with $L = 2 K (n - 1)$ modules, and the
# factor takes $(N n)^3 / 6$. A wider or deeper network costs little more. More samples cost much more. So this is a
# method for few samples, and few samples are enough for a known time step and a smooth flow.
#
# ## Where it loses
#
# **Many samples.** Where there are far more residuals than weights, $J^\top J$ is the smaller matrix, and the program
# uses it instead. Where neither matrix fits into the memory that it is given, it uses conjugate gradients, which need only
# the products $J v$ and $J^\top v$. The note of a run says which of these was used.

# %% tags=["hide-input"]
generator = torch.Generator().manual_seed(seed)
y = torch.randn(2000, 3, generator=generator, dtype=torch.float64)
y = y / y.norm(dim=1, keepdim=True)
many = Pairs.from_states(WHOLE_FLOW.make_system(), y, 0.1)

# %%
for count in (100, 2000):
    note = fit(start.make_network(), many[:count], iterations=2).note
    print(f"{count} samples: {note}")
note = fit(start.make_network(), many, iterations=2, memory=2**20).note
print(f"2000 samples, little memory: {note}")
assert note.startswith("matrix-free")

# %% [markdown]
# The cost of an epoch of Adam grows only linearly with the number of samples, and an epoch can be split into batches. How
# many epochs cost as much as one step of Levenberg–Marquardt on the whole flow?

# %%
step = sum(step_cost(300, 3, 3, 60).values())
network, pairs = problems["whole flow"].make_network(), data["whole flow"][0]
epoch = least_seconds(
    lambda: fit(network, pairs, "adam", iterations=500), repeats=3
)
epoch /= 500

# %% tags=["hide-input"]
record("step-seconds", step, "{:.3f}", timed=True)
record("epochs-per-step", round(step / epoch), timed=True)
steps_of_race = race["whole flow"]["lm"].iterations
record("race-steps", steps_of_race)
whole = round(steps_of_race * step / epoch, -3)
record("epochs-per-race", whole, "{:,.0f}", timed=True)

# %% [markdown]
# A step takes {glue:text}`step-seconds` s, as long as {glue:text}`epochs-per-step` epochs. So the
# {glue:text}`race-steps` steps above cost as much as about {glue:text}`epochs-per-race` of the paper's million epochs.
# This holds for 300 samples. By the exponents above, the advantage is lost when there are very many.
#
# **Noisy data.** With more weights than residuals the loss can be made as small as one likes. If the targets carry noise,
# Levenberg–Marquardt first learns the flow and then the noise. To see this, we add noise to the targets of the one orbit,
# but not to its validation pairs. A *ridge* $\lambda$ adds $\lambda \|\theta\|^2$ to what is minimised.

# %%
clean, validation = data["one orbit"]
shape, kind = clean.target.shape, {"dtype": torch.float64}
disturbed = noise * torch.randn(shape, generator=generator, **kind)
noisy = Pairs(clean.y, clean.h, clean.target + disturbed)
remedies = {"lm": {"iterations": 300}}
remedies["ridge"] = {"iterations": 300, "ridge": noise**2}
remedies["adam"] = {"method": "adam", "iterations": 20_000}

# %%
ends, watched = {}, {"validation": validation, "progress": progress}
for name, options in remedies.items():
    ends[name] = fit(start.make_network(), noisy, **watched, **options)
assert ends["ridge"].validation < ends["lm"].validation

# %% tags=["hide-input"]
record("noise-variance", noise**2)
for name, run in ends.items():
    seen = run.history.validation
    record(f"noisy-{name}-loss", run.loss)
    record(f"noisy-{name}-error", run.validation)
    record(f"noisy-{name}-best", float(seen.min()))
    record(f"noisy-{name}-at", int(seen.argmin()) + 1)

# %% [markdown]
# | | loss on noisy pairs | validation error at the end | least validation error on the way |
# |---|---|---|---|
# | Levenberg–Marquardt | {glue:text}`noisy-lm-loss` | {glue:text}`noisy-lm-error` | {glue:text}`noisy-lm-best`, iteration {glue:text}`noisy-lm-at` |
# | Levenberg–Marquardt with a ridge | {glue:text}`noisy-ridge-loss` | {glue:text}`noisy-ridge-error` | {glue:text}`noisy-ridge-best`, iteration {glue:text}`noisy-ridge-at` |
# | Adam | {glue:text}`noisy-adam-loss` | {glue:text}`noisy-adam-error` | {glue:text}`noisy-adam-best`, epoch {glue:text}`noisy-adam-at` |
#
# The noise has the variance {glue:text}`noise-variance`. A network whose loss is smaller than that has fitted the noise. The validation error of
# Levenberg–Marquardt was least after {glue:text}`noisy-lm-at` of its iterations. There are two remedies: a ridge of the
# size of the variance, or stopping where the validation error is least. On such data it no longer matters how small a
# loss a method can reach.
#
# ## Summary
#
# - The eigenvalues of $J J^\top$ lie many orders of magnitude apart. A gradient method needs its million epochs for the
#   small ones.
# - A module moves one coordinate, so $J J^\top$ has a closed form, and a damped Gauss–Newton step takes a fraction of
#   a second.
# - The compiled kernel saves most of the time, also for Adam. Levenberg–Marquardt lowers the loss by further orders of
#   magnitude.
# - It is a method for few, precise samples. For very many samples, or noisy ones, it has no such advantage.
#
# ## Try it
#
# Is this due to the network or to the method? Train a SympNet on the pendulum by both methods, and the symmetric network
# on the one orbit. Does the same method win? Make a guess before you unfold the answer.

# %% tags=["hide-cell"]
box = torch.rand(100, 2, generator=generator, dtype=torch.float64) * 2 - 1
swings = Pairs.from_states(Pendulum(), box, 0.1)
init = LM_START | {"generator": torch.Generator().manual_seed(seed)}
others = {"sympnet": (SympNet(2, 3, 16, **init), swings)}
symmetric = LocSympNet(3, 1, 16, symmetric=True, **init)
others["symmetric"] = symmetric, train

# %% tags=["hide-cell"]
for name, (network, pairs) in others.items():
    by_lm = fit(network, pairs, **budget["lm"]).loss
    by_adam = fit(network, pairs, "adam", **budget["adam"]).loss
    assert by_lm < 1e-2 * by_adam
    record(f"{name}-lm", by_lm)
    record(f"{name}-adam", by_adam)

# %% [markdown]
# :::{dropdown} A solution
# | loss after {glue:text}`start-lm-iterations` iterations, or {glue:text}`start-adam-iterations` epochs | Levenberg–Marquardt | Adam |
# |---|---|---|
# | SympNet, pendulum | {glue:text}`sympnet-lm` | {glue:text}`sympnet-adam` |
# | symmetric LocSympNet, one orbit | {glue:text}`symmetric-lm` | {glue:text}`symmetric-adam` |
#
# It is due to the method. Everything above uses only that a module moves coordinates that it does not read. In the
# symmetric network each module is visited twice, and the Gram matrix contains the cross terms of the two visits.
# :::
#
# ## What's next
#
# A small loss is only a means. [Advection](advection), [one orbit](one_orbit) and [the whole
# flow](whole_flow) show what such losses are worth when the network is iterated a thousand times, and where a small loss
# alone is not enough. [An appendix](choices) tests the choices that the paper leaves open.
