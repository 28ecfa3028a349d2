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
# **You need** [the modules](03_volume) and, for the two trainings, [the training chapter](07_training).
# Sec. 4.1 of the paper, its Fig. 1.

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

from locsym.checks import determinant_defect, inverse_defect
from locsym.experiments import ADVECTION, ADVECTION_LM
from locsym.flow import rollout
from locsym.linear import growth_rates, normal_equations
from locsym.plots import paper, style, waves

torch.set_num_threads(1)
style.use()

# %% [markdown]
# ## The system
#
# A linear system
#
# (eq-32)=
# $$ \frac{dy}{dt} = A y \tag{32} $$
#
# has the flow map $\varphi_h = e^{Ah}$, and $\det e^{Ah} = e^{h \operatorname{tr} A}$: it keeps volume exactly when
# $\operatorname{tr} A = 0$. The paper takes the advection equation $u_t + c\,u_x = 0$ on $[-1, 1]$, periodic, with
# central differences on $n = 35$ points, $\Delta x = 2/n$:
#
# (eq-34)=
# $$ \frac{du_i}{dt} = -c\, \frac{u_{i+1} - u_{i-1}}{2 \Delta x}, \qquad i = 0, \dots, n - 1. \tag{34} $$
#
# Its matrix is skew-symmetric: no trace, so volume is kept, and the norm $\|u\|_2 = \sqrt{\Delta x \sum_i u_i^2}$ too.
#
# (first-order)=
# :::{admonition} The paper, Sec. 4.1
# :class: paper A linear network can be expanded in its step, $\Phi_\tau = I + \tau B_1 + \tfrac{\tau^2}{2} B_2 +
# \dots$ Without proof: $\operatorname{tr} B_1 = 0$. It aims to learn $B_1 = A$, $B_2 = A^2, \dots$ when the data have
# different $\tau$.
# :::
#
# More is true: to first order each module adds values of the *others* to one coordinate, so the whole diagonal of
# $B_1$ is zero. At a single $\tau$ that is no restriction, since products of shears reach every matrix of determinant
# one. With several $\tau$ at once, an $A$ whose diagonal is not zero is out of reach. That of (34) is zero.

# %%
system = ADVECTION.make_system()
train, validation = ADVECTION.make_pairs()
exact = torch.linalg.matrix_exp(ADVECTION.data.tau * system.A)
print(system, "|", len(train), "training pairs,", len(validation), "for validation")

# %% [markdown]
# ## Two trainings from the same data
#
# As in the paper: Adam at the constant rate $10^{-3}$. As we train: [Levenberg–Marquardt](07_training), from the same
# 60 pairs. Activation linear, no biases, $K = 2$, width $m = n$, as in the paper.

# %%
adam = replace(ADVECTION, seed=seed, training=replace(ADVECTION.training, iterations=adam_epochs))
lm = replace(ADVECTION_LM, seed=seed, training=replace(ADVECTION_LM.training, iterations=lm_iterations))
runs = {"adam": adam.run(trainings, progress), "lm": lm.run(trainings, progress)}

# %% [markdown]
# The test is a wave neither of them has seen, $u_i(0) = e^{-10 x_i^2}$, carried to $t = 4$ in steps of $\tau = 0.01$.

# %%
start, steps = system.wave(), round(t_end / ADVECTION.data.tau)
true_wave = torch.linalg.matrix_exp(t_end * system.A) @ start
predicted = {name: rollout(run.network, start, ADVECTION.data.tau, steps)[-1] for name, run in runs.items()}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-advection-wave", "caption": "Fig. 1(a) of the paper, twice. The wave at the end, exact and predicted; below, how far apart they are. Circles on the line are right to the eye; the lower row shows what the eye cannot see."}, "image": {"alt": "Two columns. Above, a dispersed wave over x with predicted values as circles on the exact line; below, the distance on a logarithmic axis, many orders of magnitude smaller in the right column."}}
paper.waves(system.x.numpy(), true_wave.numpy(), {k: u.numpy() for k, u in predicted.items()}, start.numpy())

# %%
for name, run in runs.items():
    error = float(system.norm(predicted[name] - true_wave))
    record(f"{name}-error-t4", error)
    record(f"{name}-train-mse", run.loss)
    record(f"{name}-val-mse", run.validation)
    record(f"{name}-seconds", run.seconds, "{:.1f}", timed=True)
    record(f"{name}-iterations", len(run.history), "{:d}")
    print(f"{name:>5}: ‖error‖ at t = {t_end:g} is {error:.1e}, loss {run.loss:.1e}")

# %% [markdown]
# The paper reports $5.3 \cdot 10^{-6}$ for the grid norm of the error. Adam reaches {glue:text}`adam-error-t4` here
# after {glue:text}`adam-iterations` epochs ({glue:text}`adam-seconds` s); Levenberg–Marquardt {glue:text}`lm-error-t4`
# after {glue:text}`lm-iterations` iterations ({glue:text}`lm-seconds` s).

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-advection-loss", "caption": "Fig. 1(b) of the paper, twice: loss (solid) and accuracy, the error on the validation pairs (dashed). Mind the axes: thousands of epochs on the left, iterations on the right."}, "image": {"alt": "Loss and validation error falling, log-log; slowly over thousands of epochs for Adam, to rounding within tens of iterations for Levenberg–Marquardt."}}
paper.histories({name: {"": run.history} for name, run in runs.items()})

# %% [markdown]
# One number is one seed. The paper's training again, from others:

# %%
repeated = []
for s in range(adam_seeds):
    wave = rollout(replace(adam, seed=s).run(trainings, progress).network, start, ADVECTION.data.tau, steps)[-1]
    repeated.append(float(system.norm(wave - true_wave)))
    print(f"seed {s}: error at t = {t_end:g} is {repeated[-1]:.1e}")
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
record("regression-train-mse", float((train.y @ fits["regression", torch.float64].T - train.target).square().mean()))
record("regression-val-mse", float((validation.y @ fits["regression", torch.float64].T - validation.target).square().mean()))

# %%
for dtype in (torch.float64, torch.float32):
    X, Y = train.y.to(dtype), train.target.to(dtype)
    fits["regression", dtype] = normal_equations(X, Y)
    fits["qr", dtype] = torch.linalg.lstsq(X, Y).solution.T
for (how, dtype), M in fits.items():
    wave = torch.linalg.matrix_power(M.double(), steps) @ start
    single = "-float32" if dtype == torch.float32 else ""
    record(f"{how}{single}-error-t4", float(system.norm(wave - true_wave)))
    record(f"{how}{single}-matrix-error", float((M.double() - exact).norm()))
    print(f"{how:>10}, {dtype}: ‖M − exp(Aτ)‖ = {(M.double() - exact).norm():.1e}, wave {system.norm(wave - true_wave):.1e}")
record("condition", float(torch.linalg.cond(train.y)), "{:.1f}")

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
identity = torch.eye(system.n, dtype=torch.float64)
with torch.no_grad():
    learned = {name: run.network(identity, ADVECTION.data.tau).T for name, run in runs.items()}
omega = {name: growth_rates(M, ADVECTION.data.tau).imag.numpy() for name, M in learned.items()}
growth = {name: float(growth_rates(M, ADVECTION.data.tau).real.abs().max()) for name, M in learned.items()}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-dispersion", "caption": "Frequency against wavenumber: the true wave moves all waves at one speed (straight line), central differences slow the short ones (curve). Both networks learned the curve, not the line: that is what the data contain."}, "image": {"alt": "Dispersion relation: a straight grey line for the true wave, a sine arch for the scheme, and circles of the learned frequencies on the arch."}}
waves.dispersion(system.n, system.c, omega)

# %%
for name, run in runs.items():
    record(f"{name}-growth", growth[name])
    record(f"{name}-det-defect", float(determinant_defect(run.network, start, ADVECTION.data.tau)))
    record(f"{name}-inverse-defect", float(inverse_defect(run.network, start, ADVECTION.data.tau)))
    assert float(determinant_defect(run.network, start, ADVECTION.data.tau)) < 1e-11

# %% [markdown]
# Volume is kept whatever was learned: $|\det - 1|$ is {glue:text}`adam-det-defect` after Adam and
# {glue:text}`lm-det-defect` after Levenberg–Marquardt. Keeping volume is less than keeping the norm: the largest
# growth rate $|\operatorname{Re}\lambda|$ of a single wave, zero for the scheme, is {glue:text}`adam-growth` for
# Adam's map and {glue:text}`lm-growth` for ours.
#
# ## Summary
#
# - Linear modules can represent this flow to rounding, and Levenberg–Marquardt finds it.
# - Regression (33) does as well, in float64; in float32, the paper's precision, its error is what the table above
#   shows.
# - The network learned the grid's dispersion: it can be no truer to the wave than its data.
#
# ```{dropdown} Exercise: too little data
# Give the regression and the network only $N = 30 < n$ pairs (`train[:30]`). The sums in (33) become singular. Does
# volume preservation help the network to find the right map? Compare the validation errors. (It removes one degree of
# freedom of $n^2$: it does not.)
# ```
#
# **What's next.** [One orbit](05_one_orbit) of a nonlinear system.

# %%
if lm_iterations >= 50:
    assert float(system.norm(predicted["lm"] - true_wave)) <= 1e-12, "Levenberg–Marquardt reaches rounding"
