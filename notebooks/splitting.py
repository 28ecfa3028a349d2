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
# # Splitting a divergence-free field
#
# **Question.** A field that neither creates nor destroys volume: is it made of Hamiltonian pieces, each living in one
# plane? Feng and Shang {cite}`feng1995` proved that it always is. Everything in this book rests on their theorem.
#
# **You need** partial derivatives and the idea of a {term}`flow map`; half an hour to read. The page follows Sec. 2
# of the paper {cite}`bajars2021`.

# %% tags=["parameters"]
states = 20  # random states at which numbers are checked
seed = 0     # of these states

# %%
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import sympy as sp
import torch
from chapters.magnetic_field import MagneticField, loop
from companion import record

from locsym.plots import splitting, style
from locsym.splitting import NumericSplitting, potential_field, split, split_numerically
from locsym.systems import (
    ABCFlow,
    Advection,
    ChargedParticle,
    Pendulum,
    RigidBody,
    Volterra,
    coordinates,
    solve,
)

torch.set_num_threads(1)
style.use()

# %% [markdown]
# ## First, the picture
#
# A body turns freely in space; $y$ is its angular momentum, seen from the body. It stays on a sphere, and its field
# has two pieces.

# %%
body = RigidBody()
parts = split(body)
parts

# %% [markdown]
# The first piece moves $(y_1, y_2)$ only, the second moves $(y_2, y_3)$ only. Neither keeps the state on the sphere.
# Their sum does.

# %%
start = torch.tensor([np.cos(0.9), 0.0, np.sin(0.9)], dtype=torch.float64)
orbit = body.trajectory(start, np.linspace(0, 14.5, 289))
pieces = parts.local_fields(orbit)  # (times, pieces, n)
residual = (pieces.sum(-2) - body.rhs(orbit)).abs().max()
assert residual < 1e-14

# %% [markdown]
# To see each piece in its own plane, we hold the third coordinate at 0.6.

# %%
side = torch.linspace(-1, 1, 57, dtype=torch.float64)
v, u = torch.meshgrid(side, side, indexing="ij")
rest = torch.full_like(u, 0.6)
planes = [torch.stack([u, v, rest], -1), torch.stack([rest, u, v], -1)]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-splitting-sum", "caption": "A freely turning body's field, eq. (35), as a sum of two. Left: along an orbit on the sphere, $f_{1,2}$ and then $f_{2,3}$, head to tail, end where $f$ (black) ends, and $f$ is tangent. Middle and right: each piece in its own plane, with the third coordinate at 0.6. The arrows follow the level lines of $H_{1,2}$ and of $H_{2,3}$ (grey): a shear and a rotation."}, "image": {"alt": "Left: a sphere with an orbit; at several states a blue and an orange arrow, head to tail, add up to a black arrow along the orbit. Middle: horizontal blue arrows along straight level lines. Right: orange arrows turning along ellipses."}}
figure, axes = plt.subplots(1, 3, figsize=(8.4, 3.4), width_ratios=(1.5, 1, 1))
splitting.sum_along_orbit(axes[0], orbit.numpy(), pieces.numpy(), every=24)
for k, ax in enumerate(axes[1:]):
    H, F = parts.pair(k).H(planes[k]), parts.local_fields(planes[k])[..., k, k : k + 2]
    colour, labels = style.COLOURS[f"pair {k + 1}"], (f"$y_{k + 1}$", f"$y_{k + 2}$")
    fields = (side.numpy(), side.numpy(), H.numpy(), F.numpy())
    splitting.local_field(ax, *fields, colour, labels)

# %% [markdown]
# Read {numref}`fig-splitting-sum` from the right. A rotation and a shear: each keeps areas in its plane, whatever the
# third coordinate is, so each keeps volumes in space. What one does to a pair is *Hamiltonian*. We want this for
# every field.
#
# ## Fields that keep volume
#
# Now in order. A dynamical system
#
# (eq-1)=
# $$ \frac{dy}{dt} = f(y), \qquad y \in \mathbb R^n, \tag{1} $$
#
# with flow map $\varphi_t$ is *volume-preserving* when its field is {term}`divergence-free`,
#
# (eq-2)=
# $$ \nabla \cdot f = \sum_{i=1}^n \frac{\partial f_i}{\partial y_i} = 0. \tag{2} $$
#
# Linear fields $Ay$ with $\operatorname{tr} A = 0$ are among them, as is the turning body. The best-known examples have
# even dimension $n = 2d$ and a Hamiltonian $H(q, p)$:
#
# (eq-3)=
# $$ \frac{dq}{dt} = \nabla_p H(q, p), \tag{3} $$
#
# (eq-4)=
# $$ \frac{dp}{dt} = -\nabla_q H(q, p). \tag{4} $$
#
# The two signs cancel in the divergence. They also keep $H$ itself:
#
# (eq-5)=
# $$ \frac{dH}{dt} = \nabla_q H^\top \frac{dq}{dt} + \nabla_p H^\top \frac{dp}{dt} = 0. \tag{5} $$
#
# The easy case is the {term}`separable` one, where $\dot q$ depends on $p$ only and $\dot p$ on $q$ only:
#
# (eq-6)=
# $$ H(q, p) = K(p) + U(q). \tag{6} $$
#
# (claim-reversible)=
# :::{admonition} The paper, Sec. 2
# :class: paper
# If $H(q, p) = H(q, -p)$, the motion is time-reversible: invariant under $(t, p) \to (-t, -p)$.
# :::
#
# With $z = (q, p)$ the system is one line,
#
# (eq-7)=
# $$ \frac{dz}{dt} = J \nabla_z H(z), \qquad J = -J^\top, \tag{7} $$
#
# (eq-8)=
# $$ J = \begin{pmatrix} 0 & I_d \cr -I_d & 0 \end{pmatrix}, \qquad J^{-1} = -J. \tag{8} $$

# %% [markdown]
# ## Hamiltonian flows keep areas
#
# (claim-group)=
# :::{admonition} The paper, Sec. 2.1
# :class: paper
# The flow maps of an autonomous system form a commutative group: $\varphi_0 = \mathrm{id}$,
# $\varphi_t \circ \varphi_s = \varphi_{t+s}$, and so $\varphi_t^{-1} = \varphi_{-t}$, as long as solutions exist.
# :::
#
# How does the flow move a small displacement of the start? By its Jacobian
# $Y(t) = \partial \varphi_t / \partial z_0$. Differentiate (7):
#
# (eq-9)=
# $$ \frac{dY}{dt} = J \, \nabla^2 H(z(t)) \, Y(t), \qquad Y(0) = I. \tag{9} $$
#
# The Hessian belongs to the moving state $z(t)$; the paper prints $z_0$. It is symmetric, $J$ is not, and that is
# enough:

# %% [markdown]
# :::{prf:definition} Definition 2.1 of the paper
# :label: def-symplectic
# The flow map $\varphi_t$ of a Hamiltonian system is *symplectic*: for all $t$ and $z_0$ where it is defined,
#
# $$ \Bigl( \frac{\partial \varphi_t(z_0)}{\partial z_0} \Bigr)^{\!\top} J^{-1} \,
# \frac{\partial \varphi_t(z_0)}{\partial z_0} = J^{-1}. $$
# :::
#
# In short, and for any map with Jacobian $Y$,
#
# (eq-10)=
# $$ Y^\top J^{-1} Y = J^{-1}. \tag{10} $$
#
# At $t = 0$ it holds, since $Y = I$. Afterwards nothing changes: by {ref}`(9) <eq-9>` the derivative of the left-hand
# side is
#
# $$ Y^\top \nabla^2 H \, J^\top J^{-1} Y + Y^\top J^{-1} J \, \nabla^2 H \, Y
# = -Y^\top \nabla^2 H \, Y + Y^\top \nabla^2 H \, Y = 0. $$
#
# Take determinants in (10): $(\det Y)^2 = 1$. It starts at one and cannot jump, so
#
# (eq-11)=
# $$ \det \frac{\partial \varphi_t(z_0)}{\partial z_0} = 1 \qquad \text{for all } t, z_0. \tag{11} $$
#
# By the change of variables in an integral, every bounded set $U$ keeps its volume:
#
# (eq-12)=
# $$ \int_U dz_0 = \int_{\varphi_t(U)} dz. \tag{12} $$
#
# Watch a disc of pendulums, $H = p^2/2 - \cos q$. We solve (9) along with the motion.

# %%
pendulum = Pendulum()
angle = 2 * np.pi * torch.arange(128, dtype=torch.float64) / 128
ring = torch.stack([torch.cos(angle), torch.sin(angle)], -1)
start = torch.tensor([1.2, 0.0], dtype=torch.float64) + 0.5 * ring
times = (0.0, 2.0, 4.0, 6.0)
jacobians = torch.stack([pendulum.flow.jacobian(start, t) for t in times])
moved = torch.stack([pendulum.flow(start, t) for t in times])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-pendulum-areas", "caption": "A disc of pendulums at four times, over the level lines of the energy. Outer orbits are slower, so the disc is drawn out; its area stays."}, "image": {"alt": "Phase plane of the pendulum with closed level lines; a disc turns around the centre and is stretched into a curved drop of the same area."}}
q = torch.linspace(-2.2, 2.2, 121, dtype=torch.float64)
p = torch.linspace(-1.9, 1.9, 101, dtype=torch.float64)
grid = torch.stack(torch.meshgrid(q, p, indexing="xy"), -1)
_, ax = plt.subplots(figsize=(6.2, 3.8))
splitting.moving_areas(ax, moved, times, q, p, pendulum.invariants["H"](grid));

# %% [markdown]
# Three checks on these numbers. Equation {ref}`(10) <eq-10>` for each of the Jacobians; (11) for their
# determinants; (12) for the area inside the moved curve, $\tfrac12 \oint (q \, dp - p \, dq)$, with the curve's
# tangents $Y \dot z_0$.

# %%
J = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
symplectic_defect = (jacobians.mT @ -J @ jacobians + J).abs().max()
determinant_defect = (torch.linalg.det(jacobians) - 1).abs().max()
tangents = (jacobians @ (0.5 * ring @ J)[..., None])[..., 0]
(q, p), (dq, dp) = moved.unbind(-1), tangents.unbind(-1)
area = np.pi * (q * dp - p * dq).mean(-1)  # the trapezoidal rule
area_defect = (area / (np.pi * 0.5**2) - 1).abs().max()

# %% [markdown]
# A fourth, for the two boxes above: half the time twice is the whole time; and forwards, $p$ turned round, forwards
# again, $p$ turned round, is the way back.

# %%
turn = torch.tensor([1.0, -1.0], dtype=torch.float64)
group_defect = (pendulum.flow(pendulum.flow(start, 3.0), 3.0) - moved[-1]).abs().max()
reversible_defect = (pendulum.flow(moved[-1] * turn, 6.0) * turn - start).abs().max()

# %%
defects = {"symplectic": symplectic_defect, "det": determinant_defect}
defects |= {"area": area_defect, "group": group_defect, "reversible": reversible_defect}
for key, defect in defects.items():
    assert defect < 1e-11, key
    record(f"{key}-defect", float(defect))

# %% [markdown]
# The condition (10) holds up to {glue:text}`symplectic-defect`, the determinant differs from one by
# {glue:text}`det-defect`, and the area in {numref}`fig-pendulum-areas` from that of the disc by a fraction of
# {glue:text}`area-defect`. The group property holds to {glue:text}`group-defect`, reversibility to
# {glue:text}`reversible-defect`.
#
# Volume needs less than that. For any field, the identity of Abel, Liouville, Jacobi and Ostrogradskii says
# $\tfrac{d}{dt} \det Y = (\nabla \cdot f) \det Y$. So (2) alone gives (11) and (12), in odd dimensions as well, where
# (10) has no meaning. In odd dimensions, what replaces the Hamiltonian?

# %% [markdown]
# ## The theorem
#
# :::{prf:theorem} Feng & Shang; Theorem 2.1 of the paper
# :label: thm-feng-shang
# Every divergence-free field $f : \mathbb R^n \to \mathbb R^n$ is the sum of $n - 1$ fields, each of them Hamiltonian
# in one pair of neighbouring coordinates $(y_k, y_{k+1})$, with the others at rest.
# :::
#
# As formulas: there are {term}`local Hamiltonians <local Hamiltonian>`
# $H_{k,k+1} : \mathbb R^n \to \mathbb R$ such that
#
# (eq-13)=
# $$ f = f_{1,2} + f_{2,3} + \dots + f_{n-1,n}, \tag{13} $$
#
# (eq-14)=
# $$ f_{k,k+1} = \Bigl( 0, \dots, 0, \; \frac{\partial H_{k,k+1}}{\partial y_{k+1}}, \;
# -\frac{\partial H_{k,k+1}}{\partial y_k}, \; 0, \dots, 0 \Bigr)^{\!\top}. \tag{14} $$
#
# (The paper prints $f_{n,n-1}$ for the last one.) Each $H_{k,k+1}$ may depend on all coordinates. The others are its
# parameters: they do not move while the pair does.
#
# :::{prf:proof}
# Write $\partial_k$ for $\partial / \partial y_k$, and read (13) row by row. Row $k$ is
# $f_k = \partial_{k+1} H_{k,k+1} - \partial_{k-1} H_{k-1,k}$; the first row has no second term and the last row no
# first. Go down the rows. Each time one function is new, and it is asked for by its derivative:
#
# $$ \partial_{k+1} H_{k,k+1} = g_k, \qquad g_1 = f_1, \qquad g_k = f_k + \partial_{k-1} H_{k-1,k}. $$
#
# One integral along $y_{k+1}$ gives it. What it does to $y_{k+1}$, the next row makes good. Only the last function,
# $H_{n-1,n}$, has two rows to meet: $\partial_n H_{n-1,n} = g_{n-1}$ and $-\partial_{n-1} H_{n-1,n} = f_n$. Both can
# be met when their cross derivatives agree, $\partial_{n-1} g_{n-1} + \partial_n f_n = 0$. But
#
# $$ \partial_k g_k = \partial_k f_k + \partial_{k-1} \partial_k H_{k-1,k} = \partial_k f_k + \partial_{k-1} g_{k-1}
# = \dots = \sum_{i \le k} \partial_i f_i, $$
#
# so what must vanish is the divergence of $f$, and it does.
# :::
#
# The proof is a program: $n$ integrals, one after the other. And it splits the system into $n - 1$ Hamiltonian
# systems of one degree of freedom,
#
# (eq-15)=
# $$ \frac{d \bar y}{dt} = f_{k,k+1}(\bar y), \qquad k = 1, \dots, n - 1. \tag{15} $$
#
# A map that is symplectic in its pair and leaves the rest alone has determinant one. So composing such maps keeps
# volume: that is how [chapter 2](integrators) builds integrators and [chapter 3](volume) builds networks.

# %% [markdown]
# ## The rigid body, by hand
#
# Here $f = (\tfrac12 y_2 y_3, \, -y_3 y_1, \, \tfrac12 y_1 y_2)$. Integrate $f_1$ along $y_2$:
# $H_{1,2} = \tfrac14 y_2^2 y_3$. It does not depend on $y_1$, so $g_2 = f_2$. Integrate that along $y_3$:
# $-\tfrac12 y_1 y_3^2$. The last row asks for $\partial_2 H_{2,3} = -\tfrac12 y_1 y_2$, so add $-\tfrac14 y_1 y_2^2$.
# These are the formulas at the top of the page. The two fields, as columns:

# %%
sp.Matrix(parts.fields).T

# %% [markdown]
# The sum of the columns minus $f$, simplified, is identically zero. That is a proof, not a measurement.

# %%
assert parts.residual() == (0, 0, 0)
sp.Matrix([parts.residual()])

# %% [markdown]
# ## Every formula will do
#
# A linear field has $\nabla \cdot f = \operatorname{tr} A$. Without a trace, it splits into quadratic Hamiltonians:

# %%
y = coordinates(3)
A = sp.Matrix(3, 3, lambda i, j: sp.Symbol(f"a{i + 1}{j + 1}"))
A[2, 2] = -A[0, 0] - A[1, 1]
linear = split(SimpleNamespace(symbols=y, field=A * sp.Matrix(y)))
assert linear.residual() == (0, 0, 0)
linear

# %% [markdown]
# The advection equation of [a later chapter](advection), here on five points; for its 35 points, too, the residual is
# zero.

# %%
assert not any(split(Advection(35)).residual())
split(Advection(5))

# %% [markdown]
# The ABC flow $(3 \sin y_3 + \cos y_2, \; 2 \sin y_1 + 3 \cos y_3, \; \sin y_2 + 2 \cos y_1)$, a steady and mostly
# chaotic motion of an ideal fluid:

# %%
abc = split(ABCFlow(3, 2, 1))
assert not any(abc.residual())
abc

# %% [markdown]
# A charged particle in the plane, with momenta $y_3, y_4$. Its field is singular at $y_1 = y_2 = 0$; its local
# Hamiltonians are singular there and nowhere else. (This system is Hamiltonian in $\mathbb R^4$ as a whole: the
# theorem cuts it otherwise.)

# %%
charged = split(ChargedParticle())
assert not any(charged.residual())
charged

# %% [markdown]
# And anything else. To make a divergence-free field of any dimension, take an antisymmetric matrix $A$ of functions
# and $f_i = \sum_j \partial_j A_{ij}$: in $\sum_{i,j} \partial_i \partial_j A_{ij}$ each term meets its negative. One
# in $\mathbb R^5$:

# %%
y = coordinates(5)
A = sp.Matrix(5, 5, lambda i, j: (i - j) * y[i] * y[j] * y[(i + j) % 5])
field = potential_field(A, y)
sp.Matrix(field)

# %%
fifth = split(SimpleNamespace(symbols=y, field=field))
assert not any(fifth.residual())
fifth

# %% [markdown]
# ## What is free, and what is not
#
# The integrals leave constants: to each $H_{k,k+1}$ but the last we may add a function without $y_{k+1}$. It moves a
# piece of the field from one subsystem to the next. `split` adds nothing and takes the plain antiderivative, or
# integrates from a `base` point if one is given; then it says so where a path meets a singularity.
#
# There is a second way to see this freedom. Put the $H_{k,k+1}$ beside the diagonal of an antisymmetric matrix, and
# (13)–(14) say $f_i = \sum_j \partial_j A_{ij}$ again. The full matrix that made the field above and the tridiagonal
# one that `split` found give the same field:

# %%
again = potential_field(fifth.potential, y)
difference = sp.Matrix(again) - sp.Matrix(field)
assert difference.expand() == sp.zeros(5, 1)

# %% [markdown]
# For $n = 3$ this matrix is the vector potential, $f = \nabla \times (H_{2,3}, 0, H_{1,2})$, in the gauge where its
# second component is zero. So the constants are a choice of gauge.
#
# What we care about most is not a choice. The last line of the proof, again, for any constants:
#
# $$ \frac{\partial^2 H_{k,k+1}}{\partial y_k \, \partial y_{k+1}} = \partial_k g_k
# = \sum_{i \le k} \frac{\partial f_i}{\partial y_i} =: d_k. $$
#
# A local Hamiltonian is separable, eq. {ref}`(6) <eq-6>`, exactly when the *partial divergence* $d_k$ vanishes. Then
# chapter 2 needs no equation solver for it. In the rigid body, the ABC flow, the advection equation and the charged
# particle no $\dot y_i$ depends on $y_i$: all pairs are separable. On a Volterra ring,
# $f = (y_1 (y_3 - y_2), \, y_2 (y_1 - y_3), \, y_3 (y_2 - y_1))$, none is.

# %%
for system in (body, ABCFlow(), Advection(), ChargedParticle(), pendulum):
    assert all(split(system).separable), system.name
assert not any(split(Volterra()).separable)
split(Volterra())

# %% [markdown]
# ## A field without a formula
#
# Nothing in the proof asks for a formula. By its last line, what the integrals must deliver is
# $\partial_k H_{k,k+1} = \int d_k \, dy_{k+1}$: one integral a pair, along a straight line, of derivatives of $f$. We
# do it by Gauss–Legendre quadrature. Our field is magnetic: two loops of wire, cut into short segments, summed by the
# law of Biot and Savart. No magnetic charges, so no divergence. Field lines are the orbits of $\dot y = B(y)$.

# %%
lower, upper = loop((0, 0, -0.6), (0, 0, 1)), loop((0, 0, 0.6), (0.5, 0.2, 1))
field = MagneticField(lower, upper)
generator = torch.Generator().manual_seed(seed)
random = 0.7 * torch.rand(2, states, 3, generator=generator, dtype=torch.float64)
points, fresh = random - 0.35  # states to prepare with, states to check at
numeric = split_numerically(field, points)
numeric.nodes

# %%
numeric_residual = float(numeric.residual(fresh).abs().max())
assert numeric_residual < 1e-10
record("numeric-residual", numeric_residual)
record("numeric-nodes", numeric.nodes, "{:d}")

# %% [markdown]
# At fresh random states the local fields add up to $f$ within {glue:text}`numeric-residual`, with
# {glue:text}`numeric-nodes` nodes. `split_numerically` chose their number: it doubles it until no piece changes. How
# many are needed? We count, and draw a few field lines.

# %%
counts, errors = range(2, 15, 2), {}
for name in ("autograd", "differences"):
    rules = [NumericSplitting(field, numeric.base, m, name) for m in counts]
    errors[name] = [float(rule.residual(fresh).abs().max()) for rule in rules]

# %%
radii = torch.tensor([0.2, 0.35, 0.5, 0.65, 0.8], dtype=torch.float64)
starts = torch.stack([radii, 0 * radii, 0 * radii - 0.5], -1)
lines = solve(field, starts, np.linspace(0, 8, 1500), rtol=1e-8, atol=1e-8)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-numeric-splitting", "caption": "Left: two loops of wire (red) and five field lines. Right: how far the numerically split fields are from adding up to the magnetic field, at random states, against the number of nodes. Dotted: what we demand."}, "image": {"alt": "Left: two tilted circles with field lines through them. Right: two curves that fall along a straight line to rounding error; the one with finite differences stops a little higher."}}
figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.6))
splitting.field_lines(axes[0], lines, field.wires)
splitting.quadrature_error(axes[1], counts, errors, allowed=1e-10);

# %% [markdown]
# In {numref}`fig-numeric-splitting` each node gains digits, as always for smooth fields, until rounding. Where torch
# cannot differentiate the program, finite differences of order eight will do
# (`derivative="differences"`).
#
# Is each of these pieces Hamiltonian? A second integral gives its $H_{k,k+1}$ as a number, and autograd makes the
# piece of it again.

# %%
few = fresh[:4]
gradient = torch.func.vmap(torch.func.grad(numeric.pair(1).H))(few)
piece = torch.stack([gradient[:, 2], -gradient[:, 1]], -1)
found = numeric.local_fields(few)[:, 1, 1:]
hamiltonian_defect = float((found - piece).abs().max())
assert hamiltonian_defect < 1e-10
record("hamiltonian-defect", hamiltonian_defect)

# %% [markdown]
# They differ by {glue:text}`hamiltonian-defect`.
#
# ## What is refused
#
# Friction eats volume. The refusal names the divergence, and its value at a point.

# %%
q, p = coordinates(2)
friction = SimpleNamespace(symbols=(q, p), field=(p, -sp.sin(q) - q**2 * p))
try:
    split(friction)
except ValueError as refusal:
    print(refusal)
else:
    raise AssertionError("a field with a divergence was split")

# %% [markdown]
# A leak of one part in ten thousand, in a field without a formula:

# %%
try:
    split_numerically(lambda y: field(y) + 1e-4 * y, points)
except ValueError as refusal:
    print(refusal)
else:
    raise AssertionError("a field with a divergence was split")

# %% [markdown]
# ## Summary
#
# - A field keeps volume when its divergence is zero. Hamiltonian flows do, and keep more: (10).
# - Every divergence-free field is a sum of $n - 1$ fields, each Hamiltonian in $(y_k, y_{k+1})$. The proof is an
# algorithm.
# - The constants of integration are a gauge. Whether a pair is separable is not: ask the partial divergence $d_k$.
# - With formulas the residual is identically zero; by quadrature it is {glue:text}`numeric-residual`.
#
# ## Try it
#
# **1.** The rigid body's second piece moves both $y_2$ and $y_3$. Use the freedom $c_1 = \alpha \, y_1^2 y_3 / 2$ in
# $H_{1,2}$ to let it move $y_3$ alone. What motion is the first piece then? (`split(body, constants={0: ...})`; pairs
# count from 0 in code.)
#
# :::{dropdown} A solution
# The term adds $\partial_1 c_1 = \alpha \, y_1 y_3$ to $g_2 = -y_1 y_3$, so $\alpha = 1$. Then
# $H_{1,2} = \tfrac12 y_3 (y_1^2 + \tfrac12 y_2^2)$, and its level lines in the plane are ellipses: the first piece
# turns $(y_1, y_2)$ around the third axis, with a speed proportional to $y_3$. The second is the shear
# $\dot y_3 = \tfrac12 y_1 y_2$.
# :::

# %% tags=["hide-cell"]
y1, y2, y3 = body.symbols
turned = split(body, constants={0: y1**2 * y3 / 2})
assert turned.hamiltonians == (y1**2 * y3 / 2 + y2**2 * y3 / 4, -y1 * y2**2 / 4)
turned

# %% [markdown]
# **2.** The linear field $f = (y_1, y_2, -2 y_3)$ stretches two coordinates and squeezes the third. Split it by hand.
# What does each piece do to its plane, and which pairs are separable?
#
# :::{dropdown} A solution
# $H_{1,2} = y_1 y_2$ from the first row; then $g_2 = y_2 + \partial_1 H_{1,2} = 2 y_2$, so $H_{2,3} = 2 y_2 y_3$. The
# pieces are $(y_1, -y_2, 0)$ and $(0, 2 y_2, -2 y_3)$: two saddles. The partial divergences are $d_1 = 1$ and
# $d_2 = 2$, so neither pair is separable. What the second coordinate loses in the first piece it gets back, twice, in
# the second.
# :::

# %% tags=["hide-cell"]
y1, y2, y3 = coordinates(3)
saddles = split(SimpleNamespace(symbols=(y1, y2, y3), field=(y1, y2, -2 * y3)))
assert saddles.hamiltonians == (y1 * y2, 2 * y2 * y3)
assert not any(saddles.separable)
saddles

# %% [markdown]
# ## What's next
#
# Two coordinates at a time, everything else frozen: each piece is easy to step. [Chapter 2](integrators) composes
# the steps into integrators that keep volume to rounding.
