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
# # Why volume is kept
#
# **Question.** A network with random weights can do anything to a cloud of states. How is one built that never changes
# the cloud's volume, whatever its weights?
#
# **You need** the pairs $(y_k, y_{k+1})$ of [chapter 1](splitting), and Jacobians; half an hour to read. The page
# follows Sec. 3 of the paper {cite}`bajars2021`.

# %% tags=["parameters"]
dimensions = [2, 3, 4, 5, 6, 7, 8, 35]  # n at which every module is measured
iterations = 500                        # of L-BFGS, for each pendulum network
seed = 0

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from chapters.material_surface import polygon_area
from chapters.structure_defects import Table, module_defects, network_defects
from chapters.tangent_rotation import turning
from companion import record

from locsym import GradientModule, LocSympNet, SympNet, rollout
from locsym.data import Pairs
from locsym.diagnostics import jacobian, symplecticity_defect
from locsym.plots import modules as draw
from locsym.plots import style
from locsym.systems import Pendulum
from locsym.training import fit

torch.set_num_threads(1)
style.use()

# %% [markdown]
# ## First, the picture
#
# A network for $n = 3$ with random weights. Hold $y_3$ fixed and follow the plane of the pair $(y_1, y_2)$, with a
# disc in it, through the first two modules.

# %%
generator = torch.Generator().manual_seed(seed + 6)
network = LocSympNet(3, 1, 16, "tanh", std=0.9, bias_std=1.0, generator=generator)
up, low = network.layers[:2]
lines, disc = draw.grid_lines(), draw.circle()
plane = torch.tensor(np.concatenate([lines.reshape(-1, 2), disc]))
plane = torch.column_stack([plane, torch.full((len(plane),), 0.5, dtype=torch.float64)])

# %%
with torch.no_grad():
    sheared = up(plane, 0.4)
    pictures = [plane[:, :2], sheared[:, :2], low(sheared, 0.4)[:, :2]]
discs = torch.stack([picture[-len(disc) :] for picture in pictures])
areas = polygon_area(discs)
area_change = float((areas / areas[0] - 1).abs().max())
assert area_change < 1e-5, "a polygon of 4000 corners is the disc to about 1e-6"
record("area-change", area_change)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-sheared-plane", "caption": "The plane of the pair $(y_1, y_2)$ at $y_3 = 0.5$. Left: a disc in it. Middle: Up moves $y_1$ along itself, by an amount that does not depend on $y_1$. Right: Low then moves $y_2$. Every horizontal, then every vertical line slides as a whole, and the area stays."}, "image": {"alt": "Three square grids with a blue disc. In the middle one the horizontal lines have slid sideways, in the right one the vertical lines have slid as well. The area written below is the same in all three."}}
figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.6), sharex=True, sharey=True)
labels = ("before", "after Up", "after Up, then Low")
for i, ax in enumerate(axes):
    moved = pictures[i][: -len(disc)].reshape(lines.shape).numpy()
    draw.sheared_plane(ax, moved, discs[i].numpy(), labels[i], float(areas[i]), ("$y_1$", "$y_2$"))

# %% [markdown]
# The disc is torn out of shape. Its area differs by {glue:text}`area-change`, and that is the polygon we measure it
# with. The reason fits into one sentence: *a coordinate that moves by an amount it does not influence slides like a
# card in a deck.* The rest of this page makes that exact.
#
# ## Where the paper starts: symplectic networks
#
# SympNets {cite}`jin2020` learn Hamiltonian dynamics, with $q, p \in \mathbb R^d$. They are made of two
# {term}`gradient modules <gradient module>`. *Up*
# moves $q$ by what $p$ says,
#
# (eq-20)=
# $$ Q = q + h \, W^\top \mathrm{diag}(w) \, \sigma(W p + b), \qquad P = p, \tag{20} $$
#
# and *Low* moves $p$ by what $q$ says,
#
# (eq-21)=
# $$ Q = q, \qquad P = p - h \, W^\top \mathrm{diag}(w) \, \sigma(W q + b). \tag{21} $$
#
# Here $W$ is $m \times d$, $w$ and $b$ have length $m$, and $\sigma$ acts elementwise. As maps,
#
# (eq-22)=
# $$ (Q, P) = M_h^{\mathrm{Up}}(q, p), \qquad (Q, P) = M_h^{\mathrm{Low}}(q, p), \tag{22} $$
#
# both are {term}`symplectic`, {ref}`(10) <eq-10>`: Up is the exact flow of the Hamiltonian $\sum_i w_i S(W_i \cdot p +
# b_i)$ with $S' = \sigma$, for a time $h$. Its gradient is $W^\top \mathrm{diag}(w) \sigma(Wp + b)$, and $p$ stands
# still. Take them in turn, and here is a network of $2L$ modules that resembles the symplectic Euler method {ref}`(16)
# <eq-16>`:
#
# (eq-23)=
# $$ \begin{aligned}
# q_{j+1} &= q_j + h \, W_{p,j}^\top \mathrm{diag}(w_{p,j}) \, \sigma_p(W_{p,j} \, p_j + b_{p,j}), \\
# p_{j+1} &= p_j - h \, W_{q,j}^\top \mathrm{diag}(w_{q,j}) \, \sigma_q(W_{q,j} \, q_{j+1} + b_{q,j}).
# \end{aligned} \tag{23} $$

# (claim-step)=
# :::{admonition} The paper, Sec. 3.1
# :class: paper
# With a sigmoidal $\sigma$ such compositions approximate every symplectic map, as shown in {cite}`jin2020`. For a step
# of the time $\tau$ one can set $h = \tau$ or $h = \tau / L$; then $\tau$ is an input, and data with different
# time steps can be learned together.
# :::
#
# We take $h = \tau$; [the appendix](choices) tries the other.

# %%
SympNet(4, 3, 16)

# %% [markdown]
# ## From halves to pairs
#
# A volume-preserving system need not have halves $q$ and $p$; its dimension may be odd. It has pairs $(y_k, y_{k+1})$.
# The paper's idea: use the modules on one pair, and let them *read* everything but the coordinate they move. Two
# projections say so. Without $y_k$, the state is
#
# (eq-24)=
# $$ \hat y^k = (y_1, \dots, y_{k-1}, y_{k+1}, \dots, y_n) \in \mathbb R^{n-1}, \qquad k = 1, \dots, n, \tag{24} $$
#
# and column $k$ of a weight matrix $W \in \mathbb R^{m \times (n-1)}$ is
#
# (eq-25)=
# $$ \hat W^k = (W_{1k}, \dots, W_{mk}) \in \mathbb R^m, \qquad k = 1, \dots, n - 1. \tag{25} $$
#
# The *locally-symplectic modules*, Up and Low for the pair $k = 1, \dots, n-1$:
#
# (eq-26)=
# $$ Y_k = y_k + h \, \hat W^{k\top} \mathrm{diag}(w) \, \sigma(W \hat y^k + b), \qquad
# Y_i = y_i \text{ for } i \ne k, \tag{26} $$
#
# (eq-27)=
# $$ Y_{k+1} = y_{k+1} - h \, \hat W^{k\top} \mathrm{diag}(w) \, \sigma(W \hat y^{k+1} + b), \qquad
# Y_i = y_i \text{ for } i \ne k + 1. \tag{27} $$
#
# As maps,
#
# (eq-28)=
# $$ Y = V^h_{k,\mathrm{Up}}(y), \qquad Y = V^h_{k,\mathrm{Low}}(y). \tag{28} $$
#
# Why the same column $k$ in both? In $\hat y^k$, place $k$ is taken by $y_{k+1}$; in $\hat y^{k+1}$ it is taken by
# $y_k$. Each module is weighted with the column of its *partner*: it is the derivative of $\sum_i w_i S(W_i \cdot \hat
# y + b_i)$ with respect to the partner, so it is Hamiltonian in the pair.

# %%
state = torch.randn(4, generator=generator, dtype=torch.float64)
init = {"std": 1.0, "bias_std": 1.0, "generator": generator}
pairs = [(k, move) for move in ("up", "low") for k in range(3)]  # k counts from 0
bricks = [GradientModule.local(4, k, move, 16, **init) for k, move in pairs]
jacobians = [jacobian(brick, state, 0.5).numpy() for brick in bricks]
assert all((np.diag(J) == 1).all() for J in jacobians)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-module-jacobians", "caption": "Jacobians of the six modules for $n = 4$, at one state, with random weights. White is zero to the last bit. One row differs from the unit matrix: that of the coordinate that moves. Its own entry is 1. The frame is the block of the pair."}, "image": {"alt": "Two rows of three 4 by 4 matrices. Each is a unit matrix with one full row: row k in the upper ones, row k+1 in the lower ones. A frame marks the two by two block of the pair on the diagonal."}}
figure, axes = plt.subplots(2, 3, figsize=(8.2, 5.8))
limit = max(abs(J).max() for J in jacobians)
for ax, (k, move), J in zip(axes.flat, pairs, jacobians, strict=True):
    draw.matrix(ax, J, f"{move.capitalize()}, k = {k + 1}", pair=k, limit=limit)

# %% [markdown]
# {numref}`fig-module-jacobians` is the whole argument. Rows and columns of these matrices can be put in an order that
# makes them triangular, with ones on the diagonal.

# %% [markdown]
# :::{prf:proposition} Proposition 3.1 of the paper
# :label: prop-volume
# For all $h$, $\sigma$, $W$, $w$ and $b$, the maps $V^h_{k,\mathrm{Up}}$ and $V^h_{k,\mathrm{Low}}$ are symplectic in
# the pair $(y_k, y_{k+1})$, and preserve volume.
# :::
#
# :::{prf:proof}
# Up changes $y_k$ only, by an amount in which $y_k$ does not occur. So its Jacobian is the unit matrix but for row
# $k$, and the entry on the diagonal of that row is 1. Expand the determinant along column $k$, which is a unit vector:
# it is 1, and volume is preserved. In the rows and columns of the pair the Jacobian is
#
# $$ \begin{pmatrix} 1 & A \\ 0 & 1 \end{pmatrix}, \qquad
# A = h \sum_{i=1}^m w_i \, \sigma'(W \hat y^k + b)_i \, W_{ik}^2 . $$
#
# A real $2 \times 2$ matrix $B$ has $B^\top J^{-1} B = \det(B) \, J^{-1}$. Here $\det(B) = 1$, which is
# {ref}`(10) <eq-10>`. Low is the same with the two coordinates, and the sign, exchanged.
# :::
#
# The inverse costs nothing. What moved can be computed from what did not: a step of $-h$ takes it back. And nothing
# here needed $\sigma$ to be a sigmoid, or smooth beyond its first derivative.
#
# ## The proposition, measured
#
# Every module for every pair, in two precisions, with all weights, biases and states drawn from $N(0, 1)$ and $h = 1$.
# No training. Each defect is the worst over modules and states, relative to the largest entry of the Jacobian, at
# least 1.

# %%
precisions = (torch.float64, torch.float32)
cases = [(n, dtype) for dtype in precisions for n in dimensions]
table = Table(module_defects(n, dtype=dtype) for n, dtype in cases)
limits = {torch.float64: 1e-12, torch.float32: 1e-5}
assert all(row.worst < limits[row.dtype] for row in table), "kept to rounding"
assert all(row.pattern == 0 for row in table), "zeros and ones to the last bit"
record("modules-double", max(row.worst for row in table[: len(dimensions)]))
record("modules-single", max(row.worst for row in table[len(dimensions) :]))
table

# %% [markdown]
# The worst defect is {glue:text}`modules-double` in double and {glue:text}`modules-single` in single precision:
# rounding. `maps` counts modules, two for each pair; `size` is the largest entry of a Jacobian, so these maps are far
# from the identity.
#
# ## Networks
#
# Up, and then Low with the moved state $Y_k$ in it, each with its own weights,
#
# (eq-29)=
# $$ \begin{aligned}
# Y_k &= y_k + h \, \hat W_1^{k\top} \mathrm{diag}(w_1) \, \sigma_1(W_1 \hat y^k + b_1), \\
# Y_{k+1} &= y_{k+1} - h \, \hat W_2^{k\top} \mathrm{diag}(w_2) \, \sigma_2(W_2 \hat Y^{k+1} + b_2), \\
# Y_i &= y_i \quad \text{for } i \ne k, k + 1,
# \end{aligned} \tag{29} $$
#
# make one {term}`map <flow map>` for the pair,
#
# (eq-30)=
# $$ V_k^h = V^h_{k,\mathrm{Low}} \circ V^h_{k,\mathrm{Up}}, \tag{30} $$
#
# and the network is all pairs in turn, $K$ times over:
#
# (eq-31)=
# $$ \mathrm{LocSympNet}_h = (V_1^h \circ V_2^h \circ \dots \circ V_{n-1}^h) \circ \dots \circ
# (V_1^h \circ V_2^h \circ \dots \circ V_{n-1}^h), \tag{31} $$
#
# $L = 2(n-1)K$ modules. Read as compositions, (31) applies $V_{n-1}$ first. The author's code applies $V_1$ first, and
# so do we; `order="printed"` is the other, and [the appendix](choices) compares them. A composition of maps that keep
# volume keeps volume.
#
# The published version adds a *symmetric* network, $(V_{-h/2})^{-1} \circ V_{h/2}$: once forwards, once backwards,
# with the same weights. A step of $-h$ is then the inverse of a step of $h$, $\Phi_{-h} \circ \Phi_h = \mathrm{id}$,
# as for an exact flow.

# %%
LocSympNet(3, 2, 16, symmetric=True)

# %% [markdown]
# Whole networks, $K = 2$, and their inverses, again with weights of order one. A network of four and one of many
# modules lose no more than rounding:

# %%
cases = [(n, symmetric) for symmetric in (False, True) for n in dimensions]
whole = Table(network_defects(n, symmetric=s) for n, s in cases)
single = Table(network_defects(n, symmetric=s, dtype=torch.float32) for n, s in cases)
assert all(row.worst < 1e-12 for row in whole)
assert all(row.worst < 1e-4 for row in single)
record("networks", max(row.worst for row in whole))
record("networks-size", max(row.size for row in whole), "{:.0f}")
whole

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-worst-defects", "caption": "The worst defect of all kinds, for all that was measured: modules and whole networks, in double and in single precision. It stays where rounding is, at every dimension."}, "image": {"alt": "Defects over the dimension on a logarithmic scale. Two groups of curves, single precision above and double precision below, each slightly above a dashed line, the unit roundoff."}}
figure, ax = plt.subplots(figsize=(8.2, 3.6))
count, kinds = len(dimensions), {}
groups = {"single": (single, table[count:]), "double": (whole, table[:count])}
for label, (rows, own) in groups.items():
    kinds[f"networks, symmetric, {label}"] = rows[count:]
    kinds |= {f"networks, {label}": rows[:count], f"modules, {label}": own}
series = {label: [row.worst for row in rows] for label, rows in kinds.items()}
roundoff = [torch.finfo(dtype).eps / 2 for dtype in precisions]
draw.worst_defects(ax, dimensions, series, roundoff);

# %% [markdown]
# Over all double-precision networks the worst is {glue:text}`networks`, with Jacobians up to
# {glue:text}`networks-size`. Volume, the inverse, and $\Phi_{-h} \circ \Phi_h$ are all in it
# ({numref}`fig-worst-defects`).
#
# ## Two coordinates, and four
#
# (claim-plane)=
# :::{admonition} The paper, Sec. 3.2
# :class: paper
# For $n = 2$ the modules (26)–(27) are the symplectic modules (20)–(21). For $n > 2$ they are in general not
# symplectic in $(q, p)$: to learn Hamiltonian dynamics SympNets are better suited.
# :::
#
# For $n = 2$ there is one pair and nothing else to read, and the network is the SympNet with the same weights, to the
# last bit:

# %%
local, symplectic = LocSympNet(2, 3, 16, **init), SympNet(2, 3, 16, **init)
symplectic.load_state_dict(local.state_dict())
plane = torch.randn(100, 2, generator=generator, dtype=torch.float64)
assert torch.equal(local(plane, 0.5), symplectic(plane, 0.5)), "to the last bit"

# %% [markdown]
# For $n = 4$ one could take $q = (y_1, y_2)$ and $p = (y_3, y_4)$. A LocSympNet then reads too much. What should be
# zero for a symplectic map, $Y^\top J^{-1} Y - J^{-1}$:

# %%
nets = {"SympNet": SympNet(4, 2, 16, **init)}
nets["LocSympNet"] = LocSympNet(4, 1, 16, **init)
state = torch.randn(4, generator=generator, dtype=torch.float64)
turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
omega = torch.kron(turn, torch.eye(2, dtype=torch.float64))
forms, defects = {}, {}
for name, net in nets.items():
    J = jacobian(net, state, 0.5)
    forms[name] = J.mT @ omega @ J - omega
    defects[name] = float(symplecticity_defect(net, state, 0.5))

# %%
assert defects["SympNet"] < 1e-14 < 1e-2 < defects["LocSympNet"]
record("four-sympnet", defects["SympNet"])
record("four-locsympnet", defects["LocSympNet"], "{:.2f}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-not-symplectic", "caption": "$Y^\\top J^{-1} Y - J^{-1}$ for networks on $\\mathbb R^4$ with random weights, rounded to $10^{-12}$. Left: the SympNet keeps the form. Right: the LocSympNet does not, though it keeps the volume."}, "image": {"alt": "Two 4 by 4 matrices. The left one is empty, every entry is zero. The right one has entries of order one off the diagonal."}}
figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.3))
limit = float(max(form.abs().max() for form in forms.values()))
for ax, (name, form) in zip(axes, forms.items(), strict=True):
    draw.matrix(ax, form.round(decimals=12).numpy() + 0.0, name, limit=limit)

# %% [markdown]
# The defect of {ref}`(10) <eq-10>` is {glue:text}`four-sympnet` for the SympNet and {glue:text}`four-locsympnet` for
# the LocSympNet, relative to the square of the Jacobian's size. For a Hamiltonian system with $d > 1$, use a SympNet.
#
# ## What the vector w is for
#
# (claim-w)=
# :::{admonition} The paper, Sec. 3.2
# :class: paper
# The weight vector $w$ matters: with a monotone $\sigma$ it is what lets the entry $A$ take both signs.
# :::
#
# In the sum for $A$ above, $W_{ik}^2 \ge 0$, and $\sigma' \ge 0$
# where $\sigma$ is monotone. With $\mathrm{diag}(w) = I$ nothing is left to be negative: $A \ge 0$ for *every* state
# and *every* $W$ and $b$. Twenty modules, random states:

# %%
states = 3 * torch.randn(500, 2, generator=generator, dtype=torch.float64)
samples = {"w free": [], "w = 1": []}
for module in [GradientModule.local(2, 0, "up", 4, **init) for _ in range(20)]:
    samples["w free"].append(jacobian(module, states, 1.0)[:, 0, 1])
    torch.nn.init.ones_(module.w)
    samples["w = 1"].append(jacobian(module, states, 1.0)[:, 0, 1])
samples = {label: torch.cat(values).numpy() for label, values in samples.items()}

# %%
assert samples["w = 1"].min() >= 0
assert samples["w free"].min() < 0 < samples["w free"].max()
record("share-negative", (samples["w free"] < 0).mean(), "{:.0%}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-signs-of-A", "caption": "The entry $A$ over 20 random modules and 500 states each. With $w = 1$ and a monotone $\\sigma$ it is never negative."}, "image": {"alt": "Two histograms. The one for free w is spread to both sides of zero, the one for w = 1 lies to the right of zero only."}}
figure, ax = plt.subplots(figsize=(6.0, 3.0))
draw.signs(ax, samples);

# %% [markdown]
# With $w$ free, {glue:text}`share-negative` of the values are negative.
#
# ## The pendulum with w = 1
#
# (claim-w-one)=
# :::{admonition} The paper, Sec. 3.1
# :class: paper
# With $\mathrm{diag}(w) = I$ networks show "poor performance" "for such simple example as mathematical
# pendulum". This may be because the eigenvalues of $J \nabla^2 H$ in {ref}`(9) <eq-9>` are then purely imaginary at
# every state, and those of the true system are not.
# :::
#
# The paper shows no figure; here it is. The pendulum is $\dot q = p$, $\dot p = -\sin q$. We train on 200 states around
# both equilibria, hanging $q = 0$ and upright $q = \pm\pi$.

# %%
pendulum, step = Pendulum(), 0.5
box = torch.tensor([4.5, 2.2], dtype=torch.float64)
generator = torch.Generator().manual_seed(seed)
starts = (2 * torch.rand(200, 2, generator=generator, dtype=torch.float64) - 1) * box
pairs = Pairs.from_states(pendulum, starts, step)
identity = float((pairs.target - pairs.y).square().mean())
record("pendulum-identity", identity)

# %% [markdown]
# Three networks of width 16: four modules with $w$ free; the same with $w = 1$, frozen; and *twelve* modules with $w =
# 1$.

# %%
runs, repetitions = {}, (2, 2, 6)
labels = ("w free, 4 modules", "w = 1, 4 modules", "w = 1, 12 modules")
for label, K in zip(labels, repetitions, strict=True):
    generator = torch.Generator().manual_seed(seed + 1)
    net = LocSympNet(2, K, 16, "tanh", std=0.5, bias_std=1.0, generator=generator)
    for layer in net.layers if "w = 1" in label else ():
        torch.nn.init.ones_(layer.w).requires_grad_(False)
    runs[label] = fit(net, pairs, "lbfgs", iterations=iterations)

# %%
free, four, twelve = runs.values()
frozen = [layer.w for run in (four, twelve) for layer in run.network.layers]
assert all((w == 1).all() for w in frozen)
assert free.loss < 1e-3 * identity
assert twelve.loss < 1e-2 * identity
assert four.loss > 1e-1 * identity
for key, run in zip(("free", "four", "twelve"), (free, four, twelve), strict=True):
    record(f"pendulum-{key}", run.loss)

# %% [markdown]
# With $w$ free, four modules reach a mean squared error of {glue:text}`pendulum-free`. With $w = 1$ they stop at
# {glue:text}`pendulum-four`; the identity map has {glue:text}`pendulum-identity`. The paper's remark holds. But twelve
# modules with $w = 1$ reach {glue:text}`pendulum-twelve`. So $w = 1$ does not forbid the pendulum. What does it do?
#
# ### Everything turns clockwise
#
# Follow a tangent vector $v$ through the modules. Up takes $(v_1, v_2)$ to $(v_1 + A v_2, v_2)$. The cross product of
# the old with the new vector is $-A v_2^2$: with $A \ge 0$ it turns clockwise, or not at all. Low takes it to $(v_1,
# v_2 - A v_1)$, cross product $-A v_1^2$: clockwise again. So *with $w = 1$ and a monotone $\sigma$ every module turns
# every tangent vector clockwise, at every state*. The pendulum does not. Upright, the linearised flow is $\delta \dot
# q = \delta p$, $\delta \dot p = \delta q$, and takes $(1, 0)$ to $(\cosh h, \sinh h)$: counter-clockwise. A network
# that only turns clockwise can meet it in one way: go round almost a full turn.

# %%
upright = torch.tensor([np.pi, 0.0], dtype=torch.float64)
along = torch.tensor([1.0, 0.0], dtype=torch.float64)
angles = {}
for label, run in runs.items():
    angles[label] = turning(run.network, upright, step, along).numpy()
ends = (values[-1] for values in angles.values())
turned = dict(zip(("free", "four", "twelve"), ends, strict=True))
turned["exact"] = exact = np.arctan(np.tanh(step))
for key, value in turned.items():
    record(f"turn-{key}", value / np.pi, "{:+.2f}")

# %%
clockwise = [(np.diff(angles[label]) <= 0).all() for label in list(runs)[1:]]
assert all(clockwise), "module by module"
assert abs(turned["free"] - exact) < 0.1
assert abs(turned["twelve"] - (exact - 2 * np.pi)) < 0.1, "learned, so it went round"

# %% [markdown]
# The learned networks, iterated from six starts:

# %%
begin = [[0.8, 0], [1.7, 0], [2.6, 0], [3.0, 0], [-4.4, 1.5], [4.4, -1.5]]
begin = torch.tensor(begin, dtype=torch.float64)
orbits = pendulum.trajectory(begin, np.linspace(0, 6, 241))
learned = {label: rollout(run.network, begin, step, 12) for label, run in runs.items()}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-pendulum-w", "caption": "The pendulum, six orbits to $t = 6$: exact (lines) and learned (dots, every $h = 0.5$). With $w = 1$ and four modules no orbit is met, not even the small swing around $q = 0$: one map must serve all states. With twelve modules all are."}, "image": {"alt": "Three phase portraits of the pendulum. In the left and the right one the dots lie on the exact curves, in the middle one they leave them."}}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.3), sharex=True, sharey=True)
for ax, label, colour in zip(axes, learned, ("pair 1", "adam", "pair 2"), strict=True):
    draw.phase_plane(ax, orbits.numpy(), learned[label].numpy(), label, colour)
    ax.label_outer()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-turning", "caption": "How far the tangent vector $(1, 0)$ at the upright position has turned after each module. With $w = 1$ the curve can only fall. Four modules stay near zero, where they cannot be right; twelve go round and arrive exactly one turn below the true angle."}, "image": {"alt": "Angle over the number of modules passed. The curve for free w ends above zero, on the dashed line of the exact flow. The curve for w = 1 with four modules stays just below zero. The one with twelve falls in steps to a second dashed line, one full turn lower."}}
figure, ax = plt.subplots(figsize=(6.8, 3.6))
draw.turns(ax, angles, exact);

# %% [markdown]
# The exact flow turns $(1, 0)$ by {glue:text}`turn-exact` π, the free network by {glue:text}`turn-free` π. Four
# modules with $w = 1$ turn it by {glue:text}`turn-four` π, twelve by {glue:text}`turn-twelve` π
# ({numref}`fig-turning`): the same direction, one turn later. Four are too few for that, whatever $W$ and $b$. Up leaves
# horizontal vectors alone and carries none across the horizontal; Low none across the vertical. On its way round, $(1,
# 0)$ leaves the horizontal, crosses the vertical, the horizontal, and the vertical again: Low, Up, Low, Up, in this
# order. Our networks begin with an Up, which does nothing to it: five modules at least. Restricting $w$ forbids few
# maps. It makes the way to them long.
#
# ## A theorem the paper does not state
#
# The modules (26) look special: Hamiltonian in a pair, the column of the partner weighted in. Does that form give away
# anything? A map that moves only $y_k$ and keeps volume and orientation has $\partial Y_k / \partial y_k = 1$, so it
# is a *shear* $Y_k = y_k + h \, s(\hat y^k)$ with some function $s$. No other requirement is left. Now:

# %% [markdown]
# :::{prf:theorem} Every shear is locally symplectic (ours)
# :label: thm-shear
# :class: ours
# Let $s(\hat y) = \sum_{i=1}^m c_i \, \sigma(v_i \cdot \hat y + \beta_i)$ be any network with one hidden layer, and
# $v_{ik} \ne 0$ for all $i$. Then the shear $Y_k = y_k + h \, s(\hat y^k)$ is the module (26) with
#
# $$ W = (v_1, \dots, v_m)^\top, \qquad b = \beta, \qquad w_i = c_i / v_{ik}. $$
#
# Where some $v_{ik} = 0$, and $\sigma$ is Lipschitz, it is the limit of modules, uniformly on bounded sets.
# :::
#
# :::{prf:proof}
# Component $i$ of $\hat W^k$ times $w_i$ is $v_{ik} \, c_i / v_{ik} = c_i$. Where $v_{ik} = 0$, put $\delta$ in its
# place: the argument of $\sigma$ changes by $\delta \, y_{k+1}$, so $s$ changes by at most $|c_i| \,
# \mathrm{Lip}(\sigma) \, |\delta| \, |y_{k+1}|$.
# :::
#
# Low is the same, with $-c_i$. Networks with one hidden layer approximate every continuous function on a bounded
# closed set {cite}`cybenko1989`. So modules approximate *every* continuous shear: the local Hamiltonian form
# restricts nothing beyond volume. In particular each additive coupling of NICE {cite}`dinh2014` that moves one
# coordinate is a module. The pair's symplectic form costs nothing because it says nothing: in two dimensions,
# symplectic *is* area-preserving.
#
# The paper leaves open whether LocSympNets approximate every volume-preserving map. For networks of additive couplings
# there is such a theorem {cite}`zhu2022measure`: on a bounded closed set they approximate every measure-preserving map
# that is injective and bounded, in the mean ($L^p$). A coupling of several coordinates is a chain of shears of one; a
# module with $w = 0$ is the identity; so with $K$ large enough LocSympNets contain, up to approximation, all such
# chains, and the theorem carries over.
#
# A coupling with 40 random hidden units, and the module made of it:

# %%
generator = torch.Generator().manual_seed(seed + 2)
c, beta = torch.randn(2, 40, generator=generator, dtype=torch.float64)
v = 2 * torch.randn(40, 2, generator=generator, dtype=torch.float64)
module = GradientModule.local(3, 0, "up", 40)
with torch.no_grad():
    for weight, value in ((module.W, v), (module.b, beta), (module.w, c / v[:, 0])):
        weight.copy_(value)

# %%
side = torch.linspace(-3, 3, 61, dtype=torch.float64)
y2, y3 = (part.flatten() for part in torch.meshgrid(side, side, indexing="xy"))
y = torch.stack([torch.zeros_like(y2), y2, y3], -1)
shift = torch.sigmoid(y[:, 1:] @ v.mT + beta) @ c
with torch.no_grad():
    difference = float((module(y, 1.0)[:, 0] - shift).abs().max() / shift.abs().max())
assert difference < 1e-13
record("shear-difference", difference)

# %% [markdown]
# They differ by {glue:text}`shear-difference`, relative to the shift. Now a shear that does not depend on $y_2$ at
# all, where $v_{i1} = 0$ for all $i$ and the theorem promises a limit:

# %%
delta, errors = np.logspace(0, -9, 10), []
flat = torch.sigmoid(y[:, 2:] @ v[:, 1:].mT + beta) @ c
for d in delta:
    with torch.no_grad():
        module.W[:, 0], module.w[:] = d, c / d
        errors.append(float((module(y, 1.0)[:, 0] - flat).abs().max()))

# %%
slope = float(np.polyfit(np.log(delta[2:8]), np.log(errors[2:8]), 1)[0])
assert abs(slope - 1) < 0.05
record("shear-slope", slope, "{:.3f}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-general-shear", "caption": "Left: the shift of $y_1$ by a coupling with 40 random hidden units, which is that of a module to rounding. Right: modules with $v_{i1} = \\delta$ approach a shear that ignores $y_2$; the dashed line has slope one."}, "image": {"alt": "Left: filled contours of a smooth hilly function of y2 and y3. Right: on logarithmic scales the difference falls along a straight line of slope one, over nine decades."}}
figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.5))
hills, grid = shift.reshape(61, 61).numpy(), side.numpy()
draw.landscape(axes[0], grid, grid, hills, ("$y_2$", "$y_3$"))
draw.approach(axes[1], delta, np.array(errors));

# %% [markdown]
# The difference falls with slope {glue:text}`shear-slope`. The price is in the weights: $w_i = c_i / \delta$ grows. A
# network in training may find that awkward, though not impossible.
#
# ## Summary
#
# - A module moves one coordinate by an amount that this coordinate does not influence. Its Jacobian is unit triangular,
#   so volume is kept for every weight, and a step of $-h$ undoes it ({prf:ref}`prop-volume`).
# - Measured with random weights for $n$ up to 35: {glue:text}`modules-double` for modules, {glue:text}`networks` for
#   networks, plain and symmetric, and their inverses.
# - For $n = 2$ a LocSympNet is a SympNet; for $n = 4$ it keeps volume and not the symplectic form.
# - $w = 1$ makes every tangent vector turn clockwise. The pendulum then needs a full turn, and enough modules for it.
# - A locally-symplectic module is a general shear ({prf:ref}`thm-shear`): beyond volume, the form restricts nothing.
#
# ## Try it
#
# **1.** Replace the column $\hat W^k$ in Up by *another* column of $W$ (`columns=` of `GradientModule`). Is volume
# still kept? Is the area of the pair? Predict before you run.
#
# :::{dropdown} A solution
# Both. The proof of volume never looked at the column. In the pair the Jacobian is still $\begin{pmatrix} 1 & A \\ 0 &
# 1 \end{pmatrix}$ with some $A$, and its determinant is 1 for every $A$. What is lost is that $A$ is a sum of squares
# times $w_i \sigma'$: with $w = 1$ it may now be negative. {prf:ref}`thm-shear` says why nothing can go wrong.
# :::

# %% tags=["hide-cell"]
init["generator"] = generator
shape = {"moved": (1,), "read": (0, 2, 3), "columns": (2,), "sign": 1, "width": 16}
other = GradientModule(4, **shape, **init)
state = torch.randn(50, 4, generator=generator, dtype=torch.float64)
assert float((torch.linalg.det(jacobian(other, state, 1.0)) - 1).abs().max()) < 1e-13
assert float(symplecticity_defect(other, state, 1.0, pair=1).max()) < 1e-13
torch.nn.init.ones_(other.w)
assert float(jacobian(other, state, 1.0)[:, 1, 2].min()) < 0

# %% [markdown]
# **2.** A network takes the step $h$ as an input. Is it a one-parameter group like an exact flow,
# $\Phi_h \circ \Phi_h = \Phi_{2h}$? Is a single module?
#
# :::{dropdown} A solution
# A module is: it moves $y_k$ by $h \, s(\hat y^k)$, and $\hat y^k$ has not changed when it moves again. It is the
# exact flow of a shear field. A network of several is not: between the two visits of a module the others have moved
# what it reads. With weights of order one the two sides differ by {glue:text}`no-group`.
# :::

# %% tags=["hide-cell"]
net, state = LocSympNet(3, 2, 16, **init), state[:, :3]
brick = net.layers[0]
assert (brick(brick(state, 0.1), 0.1) - brick(state, 0.2)).abs().max() < 1e-14
no_group = (net(net(state, 0.1), 0.1) - net(state, 0.2)).abs().max()
assert no_group > 1e-3
record("no-group", no_group)

# %% [markdown]
# ## What's next
#
# Nothing has been learned yet but a pendulum. [Chapter 4](advection) trains LocSympNets on the paper's first
# problem, a wave, where the answer is a matrix.
