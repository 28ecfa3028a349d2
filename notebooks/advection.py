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
# # Advection: learning a linear flow
#
# **Question.** Can a network that keeps volume exactly learn the flow of a linear system in 35 dimensions from 60
# random states, and how close does it come to the matrix exponential?
#
# **You need** [the modules](volume); for the second of the two trainings, [the training chapter](training). A
# quarter of an hour to read. The page follows Sec. 4.1 of the paper {cite}`bajars2021`, with its Fig. 1.

# %% tags=["parameters"]
adam_epochs = 20_000    # epochs of the paper's training
lm_iterations = 100     # at most; Levenberg–Marquardt stops by itself
t_end = 4.0             # end of the predicted wave
seed = 0                # of the weights
adam_seeds = 3          # seeds from which the paper's training is repeated

# %%
from dataclasses import replace
from time import perf_counter

import torch
from companion import progress, record, trainings

from locsym import LocSympNet
from locsym.data import Pairs
from locsym.diagnostics import determinant_defect, growth_rates, inverse_defect
from locsym.experiments import ADVECTION, ADVECTION_LM
from locsym.flow import rollout
from locsym.plots import paper, style, waves
from locsym.systems import Advection
from locsym.training import fit
from locsym.training.regression import normal_equations

torch.set_num_threads(1)
style.use()

# %% [markdown]
# ## First, the picture
#
# A wave goes round a ring of 35 points. The data are 60 *random* states, each with its state a time $\tau = 0.01$
# later. We train a linear network on them twice: as in the paper, by Adam at the constant rate $10^{-3}$; and as we
# train, by {term}`Levenberg–Marquardt`. No biases, $K = 2$, width $m = n$, as in the paper.

# %%
system, tau = ADVECTION.make_system(), ADVECTION.data.tau
train, validation = ADVECTION.make_pairs()
longer = {"adam": adam_epochs, "lm": lm_iterations}
runs, experiments = {}, {"adam": ADVECTION, "lm": ADVECTION_LM}
for name, experiment in experiments.items():
    training = replace(experiment.training, iterations=longer[name])
    experiments[name] = replace(experiment, seed=seed, training=training)
    runs[name] = experiments[name].run(trainings, progress)

# %% [markdown]
# The test is a wave neither of them has seen, $u_i(0) = e^{-10 x_i^2}$, carried to $t = 4$ in steps of $\tau$: a
# {term}`rollout` of the learned map against the exact solution of the same equations.

# %%
start, steps = system.wave(), round(t_end / tau)
true_wave = torch.linalg.matrix_exp(t_end * system.A) @ start
predicted = {}
for name, run in runs.items():
    predicted[name] = rollout(run.network, start, tau, steps)[-1]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-advection-wave", "caption": "Fig. 1(a) of the paper, twice. A bump (grey, at the start) has gone round the ring and grown a tail. Above: the exact solution (line) and what the learned map makes of the same start after 400 steps (circles). Below: how far apart they are at each point, on a logarithmic scale, because the eye cannot see it above."}, "image": {"alt": "Two columns. Above, a dispersed wave over x with predicted values as circles on the exact line; below, the distance on a logarithmic axis, many orders of magnitude smaller in the right column."}}
values = {name: wave.numpy() for name, wave in predicted.items()}
paper.waves(system.x.numpy(), true_wave.numpy(), values, start.numpy())

# %%
for name, run in runs.items():
    error = float(system.norm(predicted[name] - true_wave))
    record(f"{name}-error-t4", error)
    record(f"{name}-train-mse", run.loss)
    record(f"{name}-val-mse", run.validation)
    record(f"{name}-seconds", run.seconds, "{:.1f}", timed=True)
    record(f"{name}-iterations", len(run.history), "{:d}")

# %% [markdown]
# (claim-error)=
# :::{admonition} The paper, Sec. 4.1
# :class: paper
# The predicted wave cannot be told from the exact one; the grid norm of their difference at $t = 4$ is
# $5.3 \cdot 10^{-6}$.
# :::
#
# In {numref}`fig-advection-wave` Adam reaches {glue:text}`adam-error-t4` after {glue:text}`adam-iterations` epochs
# ({glue:text}`adam-seconds` s); Levenberg–Marquardt {glue:text}`lm-error-t4` after {glue:text}`lm-iterations` iterations
# ({glue:text}`lm-seconds` s).
#
# ## The system
#
# A linear system
#
# (eq-32)=
# $$ \frac{dy}{dt} = A y \tag{32} $$
#
# has the {term}`flow map` $\varphi_h = e^{Ah}$, and $\det e^{Ah} = e^{h \operatorname{tr} A}$: it keeps volume exactly
# when $\operatorname{tr} A = 0$. The paper takes the advection equation $u_t + c\,u_x = 0$ on $[-1, 1]$, periodic, with
# central differences on $n = 35$ points, $\Delta x = 2/n$:
#
# (eq-34)=
# $$ \frac{du_i}{dt} = -c\, \frac{u_{i+1} - u_{i-1}}{2 \Delta x}, \qquad i = 0, \dots, n - 1. \tag{34} $$
#
# Its matrix is skew-symmetric: no trace, so volume is kept, and the norm $\|u\|_2 = \sqrt{\Delta x \sum_i u_i^2}$ too.
#
# (first-order)=
# :::{admonition} The paper, Sec. 4.1
# :class: paper
# A linear network can be expanded in its step, $\Phi_\tau = I + \tau B_1 + \tfrac{\tau^2}{2} B_2 +
# \dots$ Without proof: $\operatorname{tr} B_1 = 0$. It aims to learn $B_1 = A$, $B_2 = A^2, \dots$ when the data have
# different $\tau$.
# :::
#
# More is true: to first order each module adds values of the *others* to one coordinate, so the whole diagonal of
# $B_1$ is zero. At a single $\tau$ that is no restriction, since products of shears reach every matrix of determinant
# one. With several $\tau$ at once, an $A$ whose diagonal is not zero is out of reach. That of (34) is zero.
#
# ## The two trainings

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-advection-loss", "caption": "Fig. 1(b) of the paper, twice: the mean squared error on the training pairs (the loss, solid) and on the validation pairs (the paper's accuracy, dashed), while the networks are trained. Mind the axes: thousands of epochs on the left, tens of iterations on the right, where both end at rounding."}, "image": {"alt": "Loss and validation error falling, log-log; slowly over thousands of epochs for Adam, to rounding within tens of iterations for Levenberg–Marquardt."}}
paper.histories({name: {"": run.history} for name, run in runs.items()})

# %% [markdown]
# In {numref}`fig-advection-loss` validation follows training: the data determine the map. One number is one seed. The
# paper's training again, from others:

# %%
repeated = []
for s in range(adam_seeds):
    run = replace(experiments["adam"], seed=s).run(trainings, progress)
    wave = rollout(run.network, start, tau, steps)[-1]
    repeated.append(float(system.norm(wave - true_wave)))
    print(f"seed {s}: error at t = {t_end:g} is {repeated[-1]:.1e}")

# %%
record("adam-seeds", adam_seeds)
record("adam-error-t4-least", min(repeated))
record("adam-error-t4-most", max(repeated))

# %% [markdown]
# The error lies between {glue:text}`adam-error-t4-least` and {glue:text}`adam-error-t4-most` (seeds tried:
# {glue:text}`adam-seeds`).
#
# ## Regression, and what the normal equations lose
#
# A linear map needs no network: the least-squares fit is, as the paper prints it,
#
# (eq-33)=
# $$ e^{A\tau} = \Bigl(\sum_{i=1}^N Y_i X_i^\top\Bigr) \Bigl(\sum_{i=1}^N X_i X_i^\top\Bigr)^{-1}. \tag{33} $$
#
# The sums square the condition number $\kappa(X)$ of the data; the same least-squares problem solved by QR does not.
# To see what that costs, each matrix is fitted in its own precision and then used in float64.

# %%
fits, began = {}, perf_counter()
fits["regression", torch.float64] = normal_equations(train.y, train.target)
record("regression-seconds", perf_counter() - began, "{:.4f}", timed=True)
for key, pairs in {"train": train, "val": validation}.items():
    missed = pairs.y @ fits["regression", torch.float64].T - pairs.target
    record(f"regression-{key}-mse", float(missed.square().mean()))

# %%
for dtype in (torch.float64, torch.float32):
    X, Y = train.y.to(dtype), train.target.to(dtype)
    fits["regression", dtype] = normal_equations(X, Y)
    fits["qr", dtype] = torch.linalg.lstsq(X, Y, driver="gels").solution.T  # the default rounds otherwise each time
record("condition", float(torch.linalg.cond(train.y)), "{:.1f}")

# %%
exact = torch.linalg.matrix_exp(tau * system.A)
for (how, dtype), M in fits.items():
    wave = torch.linalg.matrix_power(M.double(), steps) @ start
    single = "-float32" if dtype == torch.float32 else ""
    record(f"{how}{single}-error-t4", float(system.norm(wave - true_wave)))
    record(f"{how}{single}-matrix-error", float((M.double() - exact).norm()))

# %% [markdown]
# | | error of the matrix | error of the wave at $t = 4$ |
# |---|---|---|
# | normal equations (33), float64 | {glue:text}`regression-matrix-error` | {glue:text}`regression-error-t4` |
# | QR, float64 | {glue:text}`qr-matrix-error` | {glue:text}`qr-error-t4` |
# | normal equations (33), float32 | {glue:text}`regression-float32-matrix-error` | {glue:text}`regression-float32-error-t4` |
# | QR, float32 | {glue:text}`qr-float32-matrix-error` | {glue:text}`qr-float32-error-t4` |
#
# Here $\kappa(X)$ is only {glue:text}`condition`: Gaussian data are kind, and (33) loses little against QR. What
# dominates in float32 is the rounding of the data themselves. In float64 either way is exact to a few roundings.

# %% [markdown]
# ## Dispersion: which wave was learned?
#
# Equation (34) is itself only an approximation. A wave $e^{i \kappa x}$ moves at the speed $c$ in the true equation,
# but at $c \sin(\kappa \Delta x) / (\kappa \Delta x)$ on the grid: short waves lag behind, which is why the bump above
# has grown a tail. The network never sees the equation, only the grid's data. So it should learn the *grid's*
# dispersion. The eigenvalues $e^{i \omega \tau}$ of the learned matrix tell.

# %%
identity, omega = torch.eye(system.n, dtype=torch.float64), {}
for name, run in runs.items():
    with torch.no_grad():
        rates = growth_rates(run.network(identity, tau).T, tau)
    omega[name] = rates.imag.numpy()
    record(f"{name}-growth", float(rates.real.abs().max()))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-dispersion", "caption": "Frequency against wavenumber. In the true equation all waves move at one speed (straight line); on the grid short waves are slower (curve). Circles: what the two networks learned. They lie on the curve, not on the line: that is what the data contain."}, "image": {"alt": "Dispersion relation: a straight grey line for the true wave, a sine arch for the scheme, and circles of the learned frequencies on the arch."}}
waves.dispersion(system.n, system.c, omega)

# %%
for name, run in runs.items():
    defect = float(determinant_defect(run.network, start, tau))
    assert defect < 1e-11
    record(f"{name}-det-defect", defect)
    record(f"{name}-inverse-defect", float(inverse_defect(run.network, start, tau)))

# %% [markdown]
# In {numref}`fig-dispersion` both follow the grid.
#
# Volume is kept whatever was learned: $|\det - 1|$ is {glue:text}`adam-det-defect` after Adam and
# {glue:text}`lm-det-defect` after Levenberg–Marquardt. Keeping volume is less than keeping the norm: the largest
# growth rate $|\operatorname{Re}\lambda|$ of a single wave, zero for the scheme, is {glue:text}`adam-growth` for
# Adam's map and {glue:text}`lm-growth` for ours.
#
# ## Several time steps at once
#
# Does a network that is trained with different time steps learn $A$ itself? The paper leaves it open. Its claim above
# can be tried in seconds on a smaller grid, $n = 7$: 60 random states, one, three or five different steps between 0.02
# and 0.2, with $K = 2$ and $K = 4$.

# %%
small, identity = Advection(7), torch.eye(7, dtype=torch.float64)
states = torch.randn(60, 7, generator=torch.Generator().manual_seed(0)).double()
sets = {"one": [0.1], "three": [0.05, 0.1, 0.2], "five": [0.02, 0.05, 0.1, 0.15, 0.2]}
taylor = {}
for label, K in ((label, K) for label in sets for K in (2, 4)):
    h = torch.tensor(sets[label] * 60, dtype=torch.float64)[:60]
    pairs = Pairs(states, h, small.flow(states, h))
    weights = {"std": 0.3, "generator": torch.Generator().manual_seed(seed)}
    network = LocSympNet(7, K, 7, "linear", **weights)
    taylor[label, K] = fit(network, pairs, iterations=300)

# %% [markdown]
# $B_1$ and $B_2$ are the derivatives of the learned map by its step, at step zero.

# %%
A, zero = small.A, torch.tensor(0.0, dtype=torch.float64)
for (label, K), run in taylor.items():
    slope = torch.func.jacfwd(run.network, 1)
    B1, B2 = slope(identity, zero).T, torch.func.jacfwd(slope, 1)(identity, zero).T
    assert (B1.diagonal().abs() < 1e-12).all(), "the whole diagonal"
    record(f"{label}-{K}-loss", run.loss)
    record(f"{label}-{K}-b1", (B1 - A).norm() / A.norm())
    record(f"{label}-{K}-b2", (B2 - A @ A).norm() / (A @ A).norm())

# %% [markdown]
# | steps in the data | $K$ | loss | $B_1$ against $A$ | $B_2$ against $A^2$ |
# |---|---|---|---|---|
# | one | 2 | {glue:text}`one-2-loss` | {glue:text}`one-2-b1` | {glue:text}`one-2-b2` |
# | one | 4 | {glue:text}`one-4-loss` | {glue:text}`one-4-b1` | {glue:text}`one-4-b2` |
# | three | 2 | {glue:text}`three-2-loss` | {glue:text}`three-2-b1` | {glue:text}`three-2-b2` |
# | three | 4 | {glue:text}`three-4-loss` | {glue:text}`three-4-b1` | {glue:text}`three-4-b2` |
# | five | 2 | {glue:text}`five-2-loss` | {glue:text}`five-2-b1` | {glue:text}`five-2-b2` |
# | five | 4 | {glue:text}`five-4-loss` | {glue:text}`five-4-b1` | {glue:text}`five-4-b2` |
#
# (Differences are relative, in the Frobenius norm.) With one step any network fits the data to rounding and $B_1$ is not
# $A$: one matrix $e^{A\tau}$ has many polynomials in $\tau$ through it. With several, $K = 2$ is too small, and the
# loss says so; $K = 4$ fits them, and $B_1$ and $B_2$ come the closer to $A$ and $A^2$ the more steps there are. So
# the paper's expectation holds where the network is large enough.
#
# ## Summary
#
# - Linear modules can represent this flow to rounding, and Levenberg–Marquardt finds it.
# - Regression (33) does as well, in float64; in float32, the paper's precision, its error is what the table above
#   shows.
# - The network learned the grid's dispersion: it can be no truer to the wave than its data.
# - From several time steps, and with enough modules, it learns $A$ and $A^2$ too; from one step it need not.
#
# ## Try it
#
# **1.** Give the regression and the network only 30 pairs, fewer than $n = 35$ (`train[:30]`). The sums in (33) become
# singular; of all matrices that fit the data, least squares by `lstsq` takes the smallest. Does volume preservation
# help the network to find the right one? Predict, then compare the validation errors.

# %% tags=["hide-cell"]
few = train[:30]
network = experiments["lm"].make_network()
guess = fit(network, few, validation=validation, iterations=lm_iterations)
smallest = torch.linalg.lstsq(few.y, few.target, driver="gelsd").solution
change = torch.linalg.lstsq(few.y, few.target - few.y, driver="gelsd").solution
moved = validation.target - validation.y
record("few-network-train", guess.loss)
record("few-network-val", guess.validation)
record("few-smallest-val", (validation.y @ smallest - validation.target).square().mean())
record("few-change-val", (validation.y @ change - moved).square().mean())
record("few-identity-val", moved.square().mean())
assert guess.validation < (validation.y @ smallest - validation.target).square().mean()

# %% [markdown]
# :::{dropdown} A solution
# The network fits the 30 pairs (training error {glue:text}`few-network-train`) and misses the others: validation error
# {glue:text}`few-network-val`. The identity map has {glue:text}`few-identity-val`, the smallest least-squares matrix
# {glue:text}`few-smallest-val`. So the network is not lost; but volume, one equation for $n^2$ unknowns, can explain
# little of that. The smallest *change* of the identity that fits the data, with no network and no volume kept, has
# {glue:text}`few-change-val`. Most of the help is to begin near the identity.
# :::
#
# **2.** Gaussian data are kind. Let the second component of all states be the first plus $10^{-4}$ times what it was, as in
# data from smooth waves, with targets to match, and repeat the fit in float64. How many digits do the normal equations
# lose, how many QR?

# %% tags=["hide-cell"]
X = train.y.clone()
X[:, 1] = X[:, 0] + 1e-4 * X[:, 1]
Y = X @ exact.T
record("unkind-condition", float(torch.linalg.cond(X)))
record("unkind-normal", float((normal_equations(X, Y) - exact).norm()))
record("unkind-qr", float((torch.linalg.lstsq(X, Y, driver="gels").solution.T - exact).norm()))

# %% [markdown]
# :::{dropdown} A solution
# Now $\kappa(X)$ is {glue:text}`unkind-condition`. The error of a backward stable method is of the order of $\kappa$
# times the rounding unit, that of the normal equations of the order of $\kappa^2$ times it. Measured:
# {glue:text}`unkind-qr` by QR, {glue:text}`unkind-normal` by (33).
# :::
#
# ## What's next
#
# The same two trainings on a nonlinear system: [one orbit](one_orbit) of a rigid body.

# %%
if lm_iterations >= 50:
    assert system.norm(predicted["lm"] - true_wave) <= 1e-12, "rounding is reached"
