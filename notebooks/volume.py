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
# # Why volume is preserved
#
# **Question.** A network with random weights can deform a cloud of states in almost any way. How do we build one that
# never changes the volume of the cloud, whatever its weights are?
#
# **You need** the pairs $(y_k, y_{k+1})$ of [the splitting chapter](splitting), and Jacobians. The page takes half an
# hour to read. It follows Sec. 3 of the paper {cite}`bajars2021`.

# %% tags=["parameters"]
dimensions = [2, 3, 4, 5, 6, 7, 8, 35]  # n of the tables of defects, >= 2
iterations = 500                        # of L-BFGS, >= 1
seed = 0                                # of the weights and states, >= 0

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import torch
from chapters.material_surface import polygon_area
from chapters.structure_defects import (
    columns,
    module_defects,
    network_defects,
)
from chapters.tangent_rotation import turning
from companion import record

from locsym import GradientModule, LocSympNet, SympNet, rollout
from locsym.data import Pairs
from locsym.diagnostics import (
    generator_field,
    jacobian,
    symplecticity_defect,
)
from locsym.networks import LASympNet, Network
from locsym.plots import modules as draw
from locsym.plots import style
from locsym.systems import Pendulum, RigidBody, Volterra
from locsym.training import fit

torch.set_num_threads(1)
style.use()

# %% [markdown]
# ## First, the picture
#
# Take a network for $n = 3$ with random weights. Its first two modules act on the pair $(y_1, y_2)$. We hold $y_3$
# fixed and watch a disc in the plane of that pair.

# %%
generator = torch.Generator().manual_seed(seed + 6)
init = {"std": 0.9, "bias_std": 1.0, "generator": generator}
up, low = LocSympNet(3, 1, 16, "tanh", **init).layers[:2]

# %% tags=["hide-input"]
lines, disc = draw.grid_lines(), draw.circle()
plane = np.concatenate([lines.reshape(-1, 2), disc])
plane = torch.tensor(np.column_stack([plane, np.full(len(plane), 0.5)]))
with torch.no_grad():
    sheared = up(plane, 0.4)
    pictures = [plane[:, :2], sheared[:, :2], low(sheared, 0.4)[:, :2]]
discs = torch.stack([picture[-len(disc) :] for picture in pictures])
areas = polygon_area(discs)
area_change = float((areas / areas[0] - 1).abs().max())
assert area_change < 1e-5, "the polygon is the disc to about 1e-6"
record("area-change", area_change)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-sheared-plane", "caption": "The plane of the pair $(y_1, y_2)$ at a fixed $y_3$. First panel: a disc in this plane. Second panel: Up moves $y_1$ by an amount that does not depend on $y_1$, so every horizontal line slides along itself. Third panel: Low then moves $y_2$ in the same way. The area of the disc does not change."}, "image": {"alt": "Three square grids with a blue disc. In the middle grid the horizontal lines have slid sideways and the disc is bent. In the right grid points have moved vertically as well. The area written above each grid is the same."}}
shared = {"sharex": True, "sharey": True}
figure, axes = plt.subplots(1, 3, figsize=(7.8, 3.0), **shared)
labels, axes_of = ("before", "after Up", "then Low"), ("$y_1$", "$y_2$")
for i, ax in enumerate(axes):
    moved = pictures[i][: -len(disc)].reshape(lines.shape).numpy()
    outline, area = discs[i].numpy(), float(areas[i])
    draw.sheared_plane(ax, moved, outline, labels[i], area, axes_of)

# %% [markdown]
# The disc loses its shape but keeps its area. (We measure it by a polygon, whose area changes by a fraction of
# {glue:text}`area-change`.) The reason is simple: each module moves one coordinate by an amount that this coordinate does
# not influence, so whole lines slide like the cards of a deck.
#
# ## Where the paper starts: symplectic networks
#
# SympNets {cite}`jin2020` learn Hamiltonian dynamics with $q, p \in \mathbb R^d$. They are made of two kinds of
# {term}`gradient module`. *Up* moves $q$ by a function of $p$,
#
# (eq-20)=
# $$ Q = q + h \, W^\top \mathrm{diag}(w) \, \sigma(W p + b), \qquad P = p, \tag{20} $$
#
# and *Low* moves $p$ by a function of $q$,
#
# (eq-21)=
# $$ Q = q, \qquad P = p - h \, W^\top \mathrm{diag}(w) \, \sigma(W q + b). \tag{21} $$
#
# Here $W$ is $m \times d$, the vectors $w$ and $b$ have length $m$, and $\sigma$ acts elementwise. As maps,
#
# (eq-22)=
# $$ (Q, P) = M_h^{\mathrm{Up}}(q, p), \qquad (Q, P) = M_h^{\mathrm{Low}}(q, p), \tag{22} $$
#
# both are {term}`symplectic`, {ref}`(10) <eq-10>`. Up is the exact flow, for the time $h$, of the Hamiltonian $\sum_i
# w_i S(W_i \cdot p + b_i)$ with $S' = \sigma$: the gradient of this function is $W^\top \mathrm{diag}(w) \sigma(Wp +
# b)$, and $p$ does not move. Low is the flow of a function of $q$. A network of $2L$ alternating modules resembles the
# symplectic Euler method {ref}`(16) <eq-16>`:
#
# (eq-23)=
# $$ \begin{aligned}
# q_{j+1} &= q_j + h \, W_{p,j}^\top \mathrm{diag}(w_{p,j}) \, \sigma_p(W_{p,j} \, p_j + b_{p,j}), \\
# p_{j+1} &= p_j - h \, W_{q,j}^\top \mathrm{diag}(w_{q,j}) \, \sigma_q(W_{q,j} \, q_{j+1} + b_{q,j}).
# \end{aligned} \tag{23} $$

# %% [markdown]
# (claim-step)=
# :::{admonition} The paper, Sec. 3.1
# :class: paper
# With a sigmoidal $\sigma$ such compositions approximate every symplectic map {cite}`jin2020`. For a step of the time
# $\tau$ one can set $h = \tau$ or $h = \tau / L$; then $\tau$ is an input of the network, and it can learn from data
# with different time steps.
# :::
#
# We take $h = \tau$; [the appendix](choices) tries the other. The paper names three relatives of these networks.
#
# (claim-la)=
# **LA-SympNets** {cite}`jin2020` are built from simpler modules. A linear module is $Q = q + h (S p + b)$ with a
# symmetric matrix $S$. An activation module is $Q = q + h \, \mathrm{diag}(w) \, \sigma(p)$, which is (20) with $W = I$
# and $b = 0$. Both move $q$ by the gradient of a function of $p$, so both are symplectic for the reason given above. The
# paper notes that LA-SympNets did better than (23) in the examples of their authors, but it builds on gradient modules.
# With $W = I$, a module (26) below would read a single coordinate.
#
# (claim-leapfrog)=
# **Leapfrog networks** {cite}`haber2018,chang2018` keep the first row of (23) linear: $W_p = I$, $b_p = 0$,
# $\sigma_p(x) = x$, and $w = 1$ everywhere. Then $q_{j+1} = q_j + h \, p_j$. If we eliminate $p$, what remains is the
# leapfrog method for $\ddot q = -W^\top \sigma(W q + b)$:
#
# $$ q_{j+1} - 2 q_j + q_{j-1} = -h^2 \, W_{q,j-1}^\top \, \sigma(W_{q,j-1} \, q_j + b_{q,j-1}). $$
#
# Such a network learns a potential energy only. Its kinetic energy is $|p|^2 / 2$.
#
# (claim-gradients)=
# **Gradient stability.** Training sends gradients backwards through the transposed Jacobians of all modules, and a long
# product of matrices may vanish or explode. A symplectic Jacobian $Y$ cannot vanish {cite}`galimberti2023`: take norms
# in (10), and $1 = \|J^{-1}\|_2 \le \|Y\|_2^2$. Volume is enough for this conclusion. If $\det Y = 1$, the singular
# values of $Y$ have the product one, so the largest is at least one. This holds for the Jacobian from any module to the
# output, in every network on this page. It does not stop single directions from shrinking, nor the norm from growing.
# To control the growth, {cite}`haber2018,chang2018` set $w = 1$. The section on the {ref}`pendulum <pendulum-w-one>`
# shows what that costs.

# %% tags=["hide-input"]
state = torch.randn(4, generator=generator, dtype=torch.float64)
relative = LASympNet(4, 2, std=1.0, generator=generator)
la_defect = float(symplecticity_defect(relative, state, 0.5))
kinetic = GradientModule.symplectic(4, "up", 2, "linear")
potential = GradientModule.symplectic(4, "low", 16, "tanh", **init)
with torch.no_grad():
    kinetic.W[:], kinetic.w[:], potential.w[:] = torch.eye(2), 1, 1
    leapfrog = Network(4, [kinetic, potential], [(0, 1.0), (1, 1.0)])
    q = rollout(leapfrog, state, 0.1, 20)[:, :2]
    force = -potential.shift(q[1:-1])
    rest = q[2:] - 2 * q[1:-1] + q[:-2] - 0.1**2 * force
assert la_defect < 1e-14
assert rest.abs().max() < 1e-13
record("la-defect", la_defect)
record("leapfrog-defect", float(rest.abs().max()))

deep, y, jacobians = LocSympNet(3, 40, 16, **init), state[:3], []
for layer in deep.layers:
    jacobians.append(jacobian(layer, y, 0.1))
    y = layer(y, 0.1).detach()
back, norms = torch.eye(3, dtype=torch.float64), []
for J in reversed(jacobians):
    back = back @ J
    norms.append(float(torch.linalg.matrix_norm(back, 2)))
assert min(norms) > 1 - 1e-12
record("norm-modules", len(norms))
record("norm-least", min(norms), "{:.2f}")
record("norm-most", max(norms), "{:.2f}")

# %% [markdown]
# All three can be checked with random weights. The LA-SympNet satisfies (10) to {glue:text}`la-defect`, and the
# leapfrog formula holds to {glue:text}`leapfrog-defect`. From each of the {glue:text}`norm-modules` modules of a
# LocSympNet to its output, the norm of the Jacobian lies between {glue:text}`norm-least` and {glue:text}`norm-most`.
#
# ## From halves to pairs
#
# A volume-preserving system need not have halves $q$ and $p$; its dimension may be odd. It has pairs $(y_k, y_{k+1})$.
# The paper's idea is to apply the modules to one pair, and to let them *read* everything but the coordinate that they
# move. Two projections express this. Without $y_k$, the state is
#
# (eq-24)=
# $$ \hat y^k = (y_1, \dots, y_{k-1}, y_{k+1}, \dots, y_n) \in \mathbb R^{n-1}, \qquad k = 1, \dots, n, \tag{24} $$
#
# and column $k$ of a weight matrix $W \in \mathbb R^{m \times (n-1)}$ is
#
# (eq-25)=
# $$ \hat W^k = (W_{1k}, \dots, W_{mk}) \in \mathbb R^m, \qquad k = 1, \dots, n - 1. \tag{25} $$
#
# The *locally-symplectic modules* Up and Low exist for each pair $k = 1, \dots, n-1$. Each moves one coordinate and
# leaves all others where they are:
#
# (eq-26)=
# $$ \begin{aligned}
# Y_k &= y_k + h \, \hat W^{k\top} \mathrm{diag}(w) \, \sigma(W \hat y^k + b), \\
# Y_i &= y_i \quad \text{for } i \ne k,
# \end{aligned} \tag{26} $$
#
# (eq-27)=
# $$ \begin{aligned}
# Y_{k+1} &= y_{k+1} - h \, \hat W^{k\top} \mathrm{diag}(w) \, \sigma(W \hat y^{k+1} + b), \\
# Y_i &= y_i \quad \text{for } i \ne k + 1.
# \end{aligned} \tag{27} $$
#
# As maps,
#
# (eq-28)=
# $$ Y = V^h_{k,\mathrm{Up}}(y), \qquad Y = V^h_{k,\mathrm{Low}}(y). \tag{28} $$
#
# Both use the same column $k$, because the $k$-th place of $\hat y^k$ holds $y_{k+1}$, and the $k$-th place of $\hat
# y^{k+1}$ holds $y_k$: each module is weighted with the column of its *partner*. The moved coordinate follows the
# derivative of $\sum_i w_i S(W_i \cdot \hat y + b_i)$ with respect to the partner, so the module is Hamiltonian in the
# pair. We compute the Jacobians of all four modules for $n = 3$.

# %%
pairs = [(k, move) for move in ("up", "low") for k in range(2)]  # from 0
bricks = [GradientModule.local(3, k, move, 16, **init) for k, move in pairs]
jacobians = [jacobian(brick, state[:3], 0.5).numpy() for brick in bricks]
assert all((np.diag(J) == 1).all() for J in jacobians)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-module-jacobians", "caption": "Jacobians of the four modules for $n = 3$, at one state and with random weights. Entries without colour are exactly zero. Each matrix differs from the unit matrix in one row only, the row of the coordinate that moves, and the diagonal entry of that row is 1. The frame marks the block of the pair."}, "image": {"alt": "A row of four 3 by 3 matrices. Each is a unit matrix with one full row: row k in the first two matrices, row k+1 in the last two. A frame marks the two by two block of the pair on the diagonal."}}
figure, axes = plt.subplots(1, 4, figsize=(7.8, 2.5))
limit = max(abs(J).max() for J in jacobians)
for ax, (k, move), J in zip(axes.flat, pairs, jacobians, strict=True):
    label = f"{move.capitalize()}, k = {k + 1}"
    draw.matrix(ax, J, label, pair=k, limit=limit)

# %% [markdown]
# {numref}`fig-module-jacobians` already shows the reason why volume is preserved.
#
# :::{prf:proposition} Proposition 3.1 of the paper
# :label: prop-volume
# For all $h$, $\sigma$, $W$, $w$ and $b$, the maps $V^h_{k,\mathrm{Up}}$ and $V^h_{k,\mathrm{Low}}$ are symplectic in
# the pair $(y_k, y_{k+1})$, and preserve volume.
# :::
#
# :::{prf:proof}
# Up changes $y_k$ only, by an amount in which $y_k$ does not occur. So its Jacobian is the unit matrix except for row
# $k$, and the diagonal entry of that row is 1. Column $k$ is a unit vector. Expanding the determinant along it gives 1,
# so volume is preserved. In the rows and columns of the pair the Jacobian is
#
# $$ \begin{pmatrix} 1 & A \\ 0 & 1 \end{pmatrix}, \qquad
# A = h \sum_{i=1}^m w_i \, \sigma'(W \hat y^k + b)_i \, W_{ik}^2 . $$
#
# Every real $2 \times 2$ matrix $B$ satisfies $B^\top J^{-1} B = \det(B) \, J^{-1}$. Here $\det(B) = 1$, which gives
# {ref}`(10) <eq-10>`. The proof for Low is the same with the two coordinates, and the sign, exchanged.
# :::
#
# The inverse costs as little as the map. The coordinates that a module reads do not move, so a step of $-h$ undoes the
# shift. Neither the proof nor the inverse needs a sigmoid: $\sigma$ only has to be differentiable.
#
# ## Networks
#
# Up is followed by Low, which reads the moved coordinate $Y_k$. Each has its own weights:
#
# (eq-29)=
# $$ \begin{aligned}
# Y_k &= y_k + h \, \hat W_1^{k\top} \mathrm{diag}(w_1) \, \sigma_1(W_1 \hat y^k + b_1), \\
# Y_{k+1} &= y_{k+1} - h \, \hat W_2^{k\top} \mathrm{diag}(w_2) \, \sigma_2(W_2 \hat Y^{k+1} + b_2), \\
# Y_i &= y_i \quad \text{for } i \ne k, k + 1.
# \end{aligned} \tag{29} $$
#
# Together they make one {term}`map <flow map>` for the pair,
#
# (eq-30)=
# $$ V_k^h = V^h_{k,\mathrm{Low}} \circ V^h_{k,\mathrm{Up}}, \tag{30} $$
#
# and the network applies the maps of all pairs in turn, $K$ times:
#
# (eq-31)=
# $$ \begin{aligned}
# \mathrm{LocSympNet}_h = {} & (V_1^h \circ V_2^h \circ \dots \circ V_{n-1}^h) \circ \dots \\
# & \dots \circ (V_1^h \circ V_2^h \circ \dots \circ V_{n-1}^h).
# \end{aligned} \tag{31} $$
#
# This makes $L = 2(n-1)K$ modules. A composition of maps that preserve volume preserves volume. As
# printed, (31) applies $V_{n-1}$ first. The author's code applies $V_1$ first, and so do we;
# [the appendix](choices) compares the two. The published version of the paper adds a *symmetric* network,
# $(V_{-h/2})^{-1} \circ V_{h/2}$, which visits its modules forwards and then backwards with the same weights. For it, a
# step of $-h$ is the inverse of a step of $h$, $\Phi_{-h} \circ \Phi_h = \mathrm{id}$, as for an exact flow.
#
# We measure the modules of every pair, and networks with $K = 2$ together with their inverses. All weights, biases and
# states are drawn from $N(0, 1)$, $h = 1$, and nothing is trained. Each defect is the worst over all maps and states,
# relative to the largest entry of the Jacobian, or to one if that is larger.

# %% tags=["hide-input"]
kinds, double, single = {}, torch.float64, torch.float32
for dtype, label in ((single, "single"), (double, "double")):
    for name in ("symmetric networks", "networks"):
        options = {"symmetric": name != "networks", "dtype": dtype}
        found = [network_defects(n, **options) for n in dimensions]
        kinds[name, label] = found
    found = [module_defects(n, dtype=dtype) for n in dimensions]
    kinds["modules", label] = found
for (kind, label), rows in kinds.items():
    limit = 1e-12 if label == "double" else 1e-4
    assert all(row.worst < limit for row in rows), "kept to rounding"
    if kind == "modules":
        assert label == "double" or all(row.worst < 1e-5 for row in rows)
        assert all(row.pattern == 0 for row in rows), "to the last bit"
        record(f"modules-{label}", max(row.worst for row in rows))
whole = kinds["networks", "double"]
whole = whole + kinds["symmetric networks", "double"]
record("networks", max(row.worst for row in whole))
record("networks-size", max(row.size for row in whole), "{:.0f}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-worst-defects", "caption": "The worst defect of modules and of whole networks over the dimension, in double and in single precision. All defects stay near the unit roundoff. The CSV file lists every defect on its own: volume, inverse, symmetry, the area of the pair, and the pattern of the Jacobian."}, "image": {"alt": "Defects over the dimension on a logarithmic scale. There are two groups of curves, single precision above and double precision below, each slightly above a dashed line that marks the unit roundoff."}}
figure, ax = plt.subplots(figsize=(7.4, 3.2))
tables = {", ".join(key): columns(rows) for key, rows in kinds.items()}
roundoff = [torch.finfo(dtype).eps / 2 for dtype in (double, single)]
draw.worst_defects(ax, tables, roundoff);

# %% [markdown]
# All defects in {numref}`fig-worst-defects` are of the size of rounding errors. The worst of a module is
# {glue:text}`modules-double` in double and {glue:text}`modules-single` in single precision. The worst of a network in
# double precision is {glue:text}`networks`, although entries of the Jacobians are as large as
# {glue:text}`networks-size`.
#
# ## Two coordinates, and four
#
# (claim-plane)=
# :::{admonition} The paper, Sec. 3.2
# :class: paper
# For $n = 2$ the modules (26)–(27) are the symplectic modules (20)–(21). For $n > 2$ they are in general not
# symplectic in $(q, p)$, and SympNets are better suited to learn Hamiltonian dynamics.
# :::
#
# For $n = 2$ there is one pair and nothing else to read, and the network is the SympNet with the same weights, to the
# last bit. For $n = 4$, with $q = (y_1, y_2)$ and $p = (y_3, y_4)$, we measure the defect of {ref}`(10) <eq-10>`,
# relative to the square of the Jacobian's size.

# %% tags=["hide-input"]
local = LocSympNet(2, 3, 16, **init)
symplectic = SympNet(2, 3, 16, **init)
symplectic.load_state_dict(local.state_dict())
points = torch.randn(100, 2, generator=generator, dtype=torch.float64)
assert torch.equal(local(points, 0.5), symplectic(points, 0.5))
kept = float(symplecticity_defect(SympNet(4, 2, 16, **init), state, 0.5))
lost = LocSympNet(4, 1, 16, **init)
lost = float(symplecticity_defect(lost, state, 0.5))
assert kept < 1e-14 < 1e-2 < lost
record("four-sympnet", kept)
record("four-locsympnet", lost, "{:.2f}")

# %% [markdown]
# The defect is {glue:text}`four-sympnet` for a SympNet and {glue:text}`four-locsympnet` for a LocSympNet, whose modules
# also read the other coordinate of the same half. For a Hamiltonian system with $d > 1$, use a SympNet.
#
# (pendulum-w-one)=
# ## What the vector w is for
#
# (claim-w)=
# (claim-w-one)=
# :::{admonition} The paper, Secs. 3.1 and 3.2
# :class: paper
# The weight vector $w$ matters: with a monotone $\sigma$ it lets the entry $A$ take both signs. With
# $\mathrm{diag}(w) = I$ networks show "poor performance" "for such simple example as mathematical pendulum". This may
# be because the eigenvalues of $J \nabla^2 H$ in {ref}`(9) <eq-9>` are then purely imaginary at every state, and those
# of the true system are not.
# :::
#
# In the formula for $A$ above, $W_{ik}^2 \ge 0$, and $\sigma' \ge 0$ if $\sigma$ is increasing. With $\mathrm{diag}(w) =
# I$ no factor can be negative, so $A \ge 0$ at *every* state and for *every* $W$ and $b$. With $w$ free,
# {glue:text}`share-negative` of the values of $A$ are negative in twenty random modules at 500 random states.
#
# We try both on the pendulum, $\dot q = p$, $\dot p = -\sin q$, with 200 states around both equilibria, the hanging one
# at $q = 0$ and the upright one at $q = \pm\pi$. There are three networks of width 16: four modules with $w$ free, four
# modules with $w$ frozen at 1, and *twelve* modules with $w$ frozen at 1.

# %% tags=["hide-input"]
states = 3 * torch.randn(500, 2, generator=generator, dtype=torch.float64)
some = [GradientModule.local(2, 0, "up", 4, **init) for _ in range(20)]
free = torch.stack([jacobian(f, states, 1.0)[:, 0, 1] for f in some])
for f in some:
    torch.nn.init.ones_(f.w)
one = torch.stack([jacobian(f, states, 1.0)[:, 0, 1] for f in some])
assert one.min() >= 0
assert free.min() < 0 < free.max()
record("share-negative", float((free < 0).double().mean()), "{:.0%}")

pendulum, step = Pendulum(), 0.5
box = torch.tensor([4.5, 2.2], dtype=torch.float64)
generator = torch.Generator().manual_seed(seed)
starts = torch.rand(200, 2, generator=generator, dtype=torch.float64)
pairs = Pairs.from_states(pendulum, (2 * starts - 1) * box, step)
identity = float((pairs.target - pairs.y).square().mean())

# %%
runs, start = {}, {"std": 0.5, "bias_std": 1.0}
labels = ("w free, 4 modules", "w = 1, 4 modules", "w = 1, 12 modules")
for label, K in zip(labels, (2, 2, 6), strict=True):
    start["generator"] = torch.Generator().manual_seed(seed + 1)
    net = LocSympNet(2, K, 16, "tanh", **start)
    for layer in net.layers if "w = 1" in label else ():
        torch.nn.init.ones_(layer.w).requires_grad_(False)
    runs[label] = fit(net, pairs, "lbfgs", iterations=iterations)

# %% tags=["hide-input"]
free, four, twelve = runs.values()
for run in (four, twelve):
    assert all((layer.w == 1).all() for layer in run.network.layers)
assert free.loss < 1e-3 * identity
assert twelve.loss < 1e-2 * identity
assert four.loss > 1e-1 * identity
record("pendulum-identity", identity)
record("pendulum-free", free.loss)
record("pendulum-four", four.loss)
record("pendulum-twelve", twelve.loss)

# %% [markdown]
# With $w$ free, four modules reach a mean squared error of {glue:text}`pendulum-free`. With $w = 1$ they stop at
# {glue:text}`pendulum-four`, where the identity map has {glue:text}`pendulum-identity`. This confirms the paper's
# remark. But twelve modules with $w = 1$ reach {glue:text}`pendulum-twelve`. So $w = 1$ does not exclude the pendulum.
# What does it do?
#
# Follow a tangent vector $v$ through the modules. Up takes $(v_1, v_2)$ to $(v_1 + A v_2, v_2)$. The cross product of
# the old and the new vector is $-A v_2^2$, so with $A \ge 0$ the vector turns clockwise or not at all. Low takes it to
# $(v_1, v_2 - A v_1)$, and the cross product is $-A v_1^2$. So *with $w = 1$ and an increasing $\sigma$, no module ever
# turns a tangent vector counter-clockwise*. The pendulum does. At the upright position the linearised flow is $\delta
# \dot q = \delta p$, $\delta \dot p = \delta q$, which takes $(1, 0)$ to $(\cosh h, \sinh h)$. A network that only turns
# clockwise must go almost all the way round to reach this direction.

# %% tags=["hide-input"]
upright = torch.tensor([np.pi, 0.0], dtype=torch.float64)
along = torch.tensor([1.0, 0.0], dtype=torch.float64)
angles, exact = {}, np.arctan(np.tanh(step))
for label, run in runs.items():
    angles[label] = turning(run.network, upright, step, along).numpy()
ends = (values[-1] for values in angles.values())
turned = dict(zip(("free", "four", "twelve"), ends, strict=True))
clockwise = [(np.diff(angles[label]) <= 0).all() for label in labels[1:]]
assert all(clockwise), "module by module"
assert abs(turned["free"] - exact) < 0.1
assert abs(turned["twelve"] + 2 * np.pi - exact) < 0.1, "one turn later"
for key, value in (turned | {"exact": exact}).items():
    record(f"turn-{key}", value / np.pi, "{:+.2f}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-turning", "caption": "The angle by which the tangent vector $(1, 0)$ at the upright position has turned after each module. With $w = 1$ the curve can only fall. Four modules stay near zero and miss the true angle. Twelve modules go round and arrive one full turn below the true angle."}, "image": {"alt": "Angle over the number of modules passed. The curve for free w ends above zero, on the dashed line of the exact flow. The curve for w = 1 with four modules stays just below zero. The curve for w = 1 with twelve modules falls in steps to a second dashed line, one full turn lower."}}
figure, ax = plt.subplots(figsize=(6.8, 3.2))
draw.turns(ax, angles, exact);

# %% [markdown]
# The exact flow turns $(1, 0)$ by {glue:text}`turn-exact` π and the free network by {glue:text}`turn-free` π. With $w =
# 1$, four modules turn it by {glue:text}`turn-four` π and twelve by {glue:text}`turn-twelve` π
# ({numref}`fig-turning`), which is the direction of the exact flow, reached one turn later. Four modules are too few for
# this, whatever $W$ and $b$ are. Up fixes horizontal vectors and takes no vector across the horizontal. Low does the
# same for the vertical. On its way round, $(1, 0)$ must leave the horizontal, cross the vertical, cross the horizontal,
# and cross the vertical again. This takes Low, Up, Low and Up, in this order, but our networks begin with an Up, which
# fixes $(1, 0)$. So they need five modules at least. Setting $w = 1$ does not exclude this map, but the map then needs more modules.
#
# ## One map: every shear is a module
#
# The modules (26) have a special form: they are Hamiltonian in a pair, and weighted with the column of the partner. Does
# this form exclude anything? A map that moves only $y_k$ and preserves volume and orientation has $\partial Y_k /
# \partial y_k = 1$. So it is a *shear* $Y_k = y_k + h \, s(\hat y^k)$ with some function $s$.
#
# :::{prf:theorem} Every shear is locally symplectic (ours)
# :label: thm-shear
# :class: ours
# Let $s(\hat y) = \sum_{i=1}^m c_i \, \sigma(v_i \cdot \hat y + \beta_i)$ be any network with one hidden layer, and
# $v_{ik} \ne 0$ for all $i$. Then the shear $Y_k = y_k + h \, s(\hat y^k)$ is the module (26) with
#
# $$ W = (v_1, \dots, v_m)^\top, \qquad b = \beta, \qquad w_i = c_i / v_{ik}. $$
#
# If some $v_{ik} = 0$, and $\sigma$ is Lipschitz, the shear is the limit of modules, uniformly on bounded sets.
# :::
#
# :::{prf:proof}
# Component $i$ of $\hat W^k$ times $w_i$ is $v_{ik} \, c_i / v_{ik} = c_i$. If $v_{ik} = 0$, replace it by $\delta$. The
# argument of $\sigma$ changes by $\delta \, y_{k+1}$, so $s$ changes by at most $|c_i| \, \mathrm{Lip}(\sigma) \,
# |\delta| \, |y_{k+1}|$.
# :::
#
# The same holds for Low, with $-c_i$. Networks with one hidden layer approximate every continuous function on a closed
# bounded set {cite}`cybenko1989`. So modules approximate *every* continuous shear, and in particular each additive
# coupling of NICE {cite}`dinh2014` that moves one coordinate. In two dimensions a symplectic map is just one that
# preserves area and orientation, so the symplectic form of the pair adds no restriction.
#
# The paper leaves open whether LocSympNets approximate every volume-preserving map. For networks of additive couplings
# there is such a theorem {cite}`zhu2022measure`: on a closed bounded set they approximate every measure-preserving map
# that is injective and bounded, in the mean ($L^p$). A coupling of several coordinates is a chain of shears of one, and
# a module with $w = 0$ is the identity. So LocSympNets with a large enough $K$ approximate all such chains, and the
# theorem carries over to a single map, at a single step $h$.
#
# ## A family of maps: the diagonal is zero
#
# The theorem speaks of one map at a time. A network that takes $h$ as an input is a *family* of maps with the same
# weights, and such a family is restricted. Its {term}`generator` is the field $g(y) = \partial \Phi_h(y) / \partial h$
# at $h = 0$. The generator of an exact flow $\varphi_h$ is $f$ itself.

# %% [markdown]
# :::{prf:proposition} The Jacobian of the generator has a zero diagonal (ours)
# :label: prop-generator
# :class: ours
# Let $\Phi_h$ be a LocSympNet, plain or symmetric, with a continuous $\sigma$ and weights that do not depend on $h$.
# Then component $g_k$ of its generator does not depend on $y_k$, so $\partial g_k / \partial y_k = 0$ for every $k$.
#
# Let $f$ be a smooth field with the flow $\varphi_h$, and let $y$ be a random state in a bounded set, with independent
# components. Then
#
# $$ \lim_{h \to 0} \frac{1}{h^2} \, \mathbb E \, |\Phi_h(y) - \varphi_h(y)|^2 \; \ge \;
# \sum_{k=1}^n \mathbb E \operatorname{Var}\bigl( f_k(y) \,\big|\, \hat y^k \bigr). $$
#
# Conversely, if $\sigma$ is sigmoidal and Lipschitz, every continuous field with components $g_k(\hat y^k)$ is a limit
# of such generators, uniformly on bounded sets.
# :::
#
# :::{prf:proof}
# Every module adds $h \, s(\hat y^k)$ to a coordinate $y_k$, with a continuous function $s$. Inside a network, $s$ is
# evaluated at a state that tends to $y$ as $h \to 0$, uniformly on bounded sets. So $\Phi_h(y) = y + h \, g(y) + o(h)$,
# where $g_k$ is the sum of the functions $s(\hat y^k)$ of all modules that move $y_k$. (A symmetric network visits each
# module twice, with half a step each.) None of these functions depends on $y_k$.
#
# Also $\varphi_h(y) = y + h \, f(y) + o(h)$, so the limit on the left is $\mathbb E \, |g - f|^2$. Since $y_k$ is
# independent of $\hat y^k$, the function of $\hat y^k$ that is nearest to $f_k$ in the mean square is the conditional
# expectation of $f_k$, and its squared distance from $f_k$ is the mean of the variance on the right.
#
# For the converse, approximate each $g_k$ by a network with one hidden layer, and that network by a module
# ({prf:ref}`thm-shear`): the Up of the pair $(k, k+1)$ for $k < n$, and the Low of the pair $(n-1, n)$ for $k = n$. All
# other modules have $w = 0$.
# :::
#
# So a family can be consistent with a field $f$, with errors smaller than of order $h$, only if $\partial f_k / \partial
# y_k = 0$ for every $k$. A divergence-free field only has to satisfy the sum of these equations. We met the condition in
# [the splitting chapter](splitting): the partial divergences $d_k = \sum_{i \le k} \partial f_i / \partial y_i$ are the
# mixed derivatives $\partial^2 H_{k,k+1} / \partial y_k \, \partial y_{k+1}$ of the local Hamiltonians, and all of them
# vanish exactly when the diagonal does. Then every local Hamiltonian is separable, and symplectic Euler is a chain of
# shears. The rigid body is such a field. The Volterra ring and the Taylor–Green flow are not, and for such fields
# [splitting integrators](integrators) must solve an equation in every step. For a linear network the generator is the
# matrix $B_1$ of [the advection chapter](advection), whose diagonal is zero.
#
# First we differentiate random networks by autograd, in $h$ and then in $y$.

# %%
generator = torch.Generator().manual_seed(seed + 2)
for n, symmetric in ((2, False), (3, True), (8, False)):
    net = LocSympNet(n, 2, 16, symmetric=symmetric, **init)
    y = torch.randn(20, n, generator=generator, dtype=torch.float64)
    G = jacobian(lambda y, h, net=net: generator_field(net, y), y, 0.0)
    assert (G.diagonal(dim1=-2, dim2=-1) == 0).all(), "to the last bit"
    assert G.abs().max() > 0.1, "other entries are of order one"

# %% [markdown]
# Then we train two networks of the same size with two different steps. One learns the rigid body, where all $\partial
# f_k / \partial y_k$ are zero. The other learns the Volterra ring, where they are not. The states fill a cube of
# half-width $a$ around the origin or around $(1, 1, 1)$. For the Volterra ring in this cube, the root of the bound above
# is $a^2 \sqrt{2/3}$.

# %%
systems = {"rigid body": RigidBody(), "Volterra ring": Volterra()}
half, middle, steps = 0.6, (0.0, 1.0), (0.2, 0.4)
cube = half * (2 * torch.rand(2120, 3, generator=generator).double() - 1)
models, h = {}, torch.tensor(60 * steps).double()
for (name, system), centre in zip(systems.items(), middle, strict=True):
    y, net = cube[:120] + centre, LocSympNet(3, 4, 8, "tanh", **start)
    run = fit(net, Pairs(y, h, system.flow(y, h)), iterations=60)
    models[name] = run.network

# %% [markdown]
# We compare each network with its flow at 2000 other states, and at steps from tiny to large.

# %% tags=["hide-input"]
sizes = [*np.geomspace(1e-3, 0.1, 9), 0.15, 0.25, 0.3, 0.5, *steps]
sizes = np.sort(sizes)
floor, errors = half**2 * (2 / 3) ** 0.5, {name: [] for name in systems}
for (name, net), centre in zip(models.items(), middle, strict=True):
    y, flow = cube[120:] + centre, systems[name].flow
    for h in sizes.tolist():
        with torch.no_grad():
            missed = (net(y, h) - flow(y, h)).square().sum(-1)
        errors[name].append(float(missed.mean().sqrt()) / h)

# %% tags=["hide-input"]
body, ring = errors.values()
at_steps = max(ring[sizes.tolist().index(h)] for h in steps)
assert body[0] < 0.02 * floor < at_steps < 0.2 * floor
assert ring[0] > 0.98 * floor
record("family-floor", floor, "{:.2f}")
record("family-body", body[0])
record("family-ring", ring[0], "{:.2f}")
record("family-ring-trained", at_steps)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-family", "caption": "First panel: the error of one step, divided by the step $h$, of two networks that were trained with the two steps at the dotted lines. For the rigid body the error stays small as $h$ falls. For the Volterra ring it is small at the trained steps only, and for small steps it rises above the bound of the proposition (dashed). Second panel: the first component of the Volterra field along its own coordinate. The generator of the network is constant there."}, "image": {"alt": "Left: two curves over the step on logarithmic scales. The lower one, of the rigid body, is flat. The upper one, of the Volterra ring, dips at two dotted vertical lines and rises above a dashed horizontal line for small steps. Right: a sloped black line, the exact field, and a horizontal line, the learned generator."}}
figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.4))
draw.family_errors(axes[0], sizes, errors, steps, floor)
y = torch.tensor([[1.0, 0.7, 1.4]]).double().repeat(41, 1)
y[:, 0] = torch.linspace(1 - half, 1 + half, 41)
field = Volterra().rhs(y)[:, 0].numpy()
learned_field = generator_field(models["Volterra ring"], y)[:, 0].numpy()
assert np.ptp(learned_field) < 1e-12 < 0.1 < np.ptp(field)
curves = (y[:, 0].numpy(), field, learned_field)
draw.along_itself(axes[1], *curves, ("$y_1$", "$f_1$"))

# %% [markdown]
# As $h \to 0$ the error per unit time is {glue:text}`family-body` for the rigid body, which is what the training leaves,
# and {glue:text}`family-ring` for the Volterra ring, where no weights get below {glue:text}`family-floor`. At the two
# trained steps the network of the Volterra ring is within {glue:text}`family-ring-trained`. This is no
# contradiction, since the proposition speaks of the limit only. A network can fit several steps and still be useless at
# smaller ones. The restriction also depends on the coordinates: in the logarithms $u_i = \log y_i$, the Volterra ring is
# $\dot u_1 = e^{u_3} - e^{u_2}$, and so on, and no $\dot u_k$ depends on $u_k$.
#
# ## Summary
#
# - A module moves one coordinate by an amount that this coordinate does not influence. So it preserves volume for all
#   weights, and a step of $-h$ undoes it ({prf:ref}`prop-volume`). The same holds for networks.
# - For $n = 2$ a LocSympNet is a SympNet. For $n = 4$ it preserves volume but not the symplectic form.
# - With $w = 1$ and an increasing $\sigma$ every tangent vector turns clockwise, and the pendulum needs more modules.
# - For one map the form restricts nothing beyond volume, since every shear is a module or a limit of modules
#   ({prf:ref}`thm-shear`). A family in $h$ is restricted: in its generator, no $g_k$ depends on $y_k$
#   ({prf:ref}`prop-generator`).
#
# ## Try it
#
# A network takes the step $h$ as an input. Is it a one-parameter group like an exact flow,
# $\Phi_h \circ \Phi_h = \Phi_{2h}$? Is a single module?
#
# :::{dropdown} A solution
# A module is. It moves $y_k$ by $h \, s(\hat y^k)$, and $\hat y^k$ has not changed when it moves again. So it is the
# exact flow of a shear field. A network of several modules is not, because between two visits of a module the others
# have moved what it reads. For random weights the two sides differ by {glue:text}`no-group`.
# :::

# %% tags=["hide-cell"]
net = LocSympNet(3, 2, 16, **init)
state = torch.randn(50, 3, generator=generator, dtype=torch.float64)
brick = net.layers[0]
twice = brick(brick(state, 0.1), 0.1)
assert (twice - brick(state, 0.2)).abs().max() < 1e-14
no_group = (net(net(state, 0.1), 0.1) - net(state, 0.2)).abs().max()
assert no_group > 1e-3
record("no-group", no_group)

# %% [markdown]
# ## What's next
#
# So far we have trained only small networks. [The training chapter](training) asks why gradient descent needs so many
# epochs on the paper's problems, and what to use instead. [The advection chapter](advection) then turns to the first of
# these problems.
