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
# **Question.** Suppose that a vector field neither creates nor destroys volume. Is it a sum of Hamiltonian fields, each
# of which moves only two coordinates? Feng and Shang {cite}`feng1995` proved that it always is. Everything in this book
# rests on their theorem.
#
# **You need** partial derivatives and the idea of a {term}`flow map`. The page takes half an hour to read. It follows
# Sec. 2 of the paper {cite}`bajars2021`.

# %% tags=["parameters"]
states = 20  # random states at which numbers are checked, >= 1
seed = 0     # of these states, >= 0

# %% tags=["hide-input"]
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import sympy as sp
import torch
from chapters.magnetic_field import MagneticField, loop
from companion import record

from locsym.plots import splitting, style
from locsym.splitting import (
    NumericSplitting,
    potential_field,
    split,
    split_numerically,
)
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
# ## A first picture
#
# A rigid body turns freely in space. Its state $y$ is its angular momentum, written in axes that are fixed in the body.
# This vector stays on a sphere. Its field is the sum of two pieces, and each piece comes from a function $H_{k,k+1}$:

# %%
body = RigidBody()
parts = split(body)
parts

# %% [markdown]
# The first piece moves only $(y_1, y_2)$, and the second moves only $(y_2, y_3)$. Neither piece alone keeps the state
# on the sphere, but their sum does. The next cell follows an orbit, evaluates both pieces along it, and prepares the
# two planes of the pieces. In each plane the third coordinate is held at 0.6.

# %% tags=["hide-input"]
start = torch.tensor([np.cos(0.9), 0.0, np.sin(0.9)], dtype=torch.float64)
orbit = body.trajectory(start, np.linspace(0, 14.5, 289))
pieces = parts.local_fields(orbit)  # (times, pieces, n)
residual = (pieces.sum(-2) - body.rhs(orbit)).abs().max()
assert residual < 1e-14
side = torch.linspace(-1, 1, 57, dtype=torch.float64)
v, u = torch.meshgrid(side, side, indexing="ij")
rest = torch.full_like(u, 0.6)
planes = [torch.stack([u, v, rest], -1), torch.stack([rest, u, v], -1)]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-splitting-sum", "caption": "The field of a freely turning rigid body, eq. (35), is the sum of two pieces. First panel: at several states of an orbit on the sphere, the arrows of $f_{1,2}$ and $f_{2,3}$ are placed head to tail. They end where the arrow of $f$ ends, and $f$ is tangent to the orbit. Second and third panel: each piece in its own plane, with the third coordinate held at 0.6. The arrows follow the level lines of $H_{1,2}$ and $H_{2,3}$. The first piece is a shear and the second is a rotation along ellipses."}, "image": {"alt": "Left: a sphere with an orbit; at several states a blue and an orange arrow, head to tail, add up to a black arrow along the orbit. Middle: horizontal blue arrows along straight level lines. Right: orange arrows turning along ellipses."}}
widths = (1.5, 1, 1)
figure, axes = plt.subplots(1, 3, figsize=(7.6, 3.1), width_ratios=widths)
splitting.sum_along_orbit(axes[0], orbit.numpy(), pieces.numpy(), every=24)
for k, ax in enumerate(axes[1:]):
    H = parts.pair(k).H(planes[k])
    F = parts.local_fields(planes[k])[..., k, k : k + 2]
    colour = style.COLOURS[f"pair {k + 1}"]
    labels = (f"$y_{k + 1}$", f"$y_{k + 2}$")
    fields = (side.numpy(), side.numpy(), H.numpy(), F.numpy())
    splitting.local_field(ax, *fields, colour, labels)

# %% [markdown]
# The second and third panel of {numref}`fig-splitting-sum` show a shear and a rotation. Each of them preserves area in
# its plane, whatever the value of the third coordinate, and therefore preserves volume in space. Each is also
# *Hamiltonian*: turning the gradient of $H_{k,k+1}$ by a right angle gives its field. We want such a decomposition for
# every divergence-free field.
#
# ## Volume-preserving fields
#
# We begin with definitions. A dynamical system
#
# (eq-1)=
# $$ \frac{dy}{dt} = f(y), \qquad y \in \mathbb R^n, \tag{1} $$
#
# with flow map $\varphi_t$ is *volume-preserving* when its field is {term}`divergence-free`,
#
# (eq-2)=
# $$ \nabla \cdot f = \sum_{i=1}^n \frac{\partial f_i}{\partial y_i} = 0. \tag{2} $$
#
# Linear fields $Ay$ with $\operatorname{tr} A = 0$ are divergence-free, and so is the field of the rigid body. The
# best-known examples are Hamiltonian systems, which have an even dimension $n = 2d$ and a Hamiltonian $H(q, p)$:
#
# (eq-3)=
# $$ \frac{dq}{dt} = \nabla_p H(q, p), \tag{3} $$
#
# (eq-4)=
# $$ \frac{dp}{dt} = -\nabla_q H(q, p). \tag{4} $$
#
# In the divergence, the mixed derivatives $\partial^2 H / \partial q_i \, \partial p_i$ appear once with each sign and
# cancel. The Hamiltonian itself is constant along solutions. To see this, use the chain rule and insert (3) and (4):
#
# (eq-5)=
# $$ \begin{aligned}
# \frac{dH}{dt} &= \nabla_q H^\top \frac{dq}{dt} + \nabla_p H^\top \frac{dp}{dt} \cr
# &= \nabla_q H^\top \, \nabla_p H - \nabla_p H^\top \, \nabla_q H = 0.
# \end{aligned} \tag{5} $$
#
# The simplest Hamiltonians are the {term}`separable` ones. There, $\dot q$ depends only on $p$, and $\dot p$ depends
# only on $q$:
#
# (eq-6)=
# $$ H(q, p) = K(p) + U(q). \tag{6} $$
#
# (claim-reversible)=
# :::{admonition} The paper, Sec. 2
# :class: paper
# If $H(q, p) = H(q, -p)$, the motion is time-reversible: the equations are invariant under $(t, p) \to (-t, -p)$.
# :::
#
# With $z = (q, p)$ the system can be written in one line,
#
# (eq-7)=
# $$ \frac{dz}{dt} = J \nabla_z H(z), \qquad J = -J^\top, \tag{7} $$
#
# (eq-8)=
# $$ J = \begin{pmatrix} 0 & I_d \cr -I_d & 0 \end{pmatrix}, \qquad J^{-1} = -J. \tag{8} $$

# %% [markdown]
# ## Hamiltonian flows are symplectic
#
# (claim-group)=
# :::{admonition} The paper, Sec. 2.1
# :class: paper
# The flow maps of an autonomous system form a commutative group: $\varphi_0 = \mathrm{id}$ and $\varphi_t \circ
# \varphi_s = \varphi_{t+s}$, and therefore $\varphi_t^{-1} = \varphi_{-t}$, as long as solutions exist.
# :::
#
# How does the flow transport a small displacement of the initial state? The answer is its Jacobian
# $Y(t) = \partial \varphi_t / \partial z_0$. We differentiate (7) with respect to $z_0$:
#
# (eq-9)=
# $$ \frac{dY}{dt} = J \, \nabla^2 H(z(t)) \, Y(t), \qquad Y(0) = I. \tag{9} $$
#
# The Hessian is evaluated at the moving state $z(t)$; the paper prints $z_0$. The next property follows because the
# Hessian is a symmetric matrix and $J$ is an antisymmetric one.

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
# This holds at $t = 0$, where $Y = I$. By {ref}`(9) <eq-9>`, with $J^\top J^{-1} = -I$, the derivative of the
# left-hand side with respect to time vanishes, so the equation holds at all later times as well:
#
# $$ \begin{aligned}
# \frac{d}{dt} \bigl( Y^\top J^{-1} Y \bigr)
# &= Y^\top \nabla^2 H \, J^\top J^{-1} Y + Y^\top J^{-1} J \, \nabla^2 H \, Y \cr
# &= -Y^\top \nabla^2 H \, Y + Y^\top \nabla^2 H \, Y = 0.
# \end{aligned} $$
#
# The determinant of (10) is $(\det Y)^2 = 1$. At $t = 0$ the determinant of $Y$ is one, and it is a continuous function
# of $t$. Therefore
#
# (eq-11)=
# $$ \det \frac{\partial \varphi_t(z_0)}{\partial z_0} = 1 \qquad \text{for all } t, z_0. \tag{11} $$
#
# By the change of variables in an integral, the flow preserves the volume of every bounded set $U$:
#
# (eq-12)=
# $$ \int_U dz_0 = \int_{\varphi_t(U)} dz. \tag{12} $$
#
# As an example we follow a disc of pendulums, with $H = p^2/2 - \cos q$. We solve (9) together with the motion.

# %%
pendulum = Pendulum()
angle = 2 * np.pi * torch.arange(128, dtype=torch.float64) / 128
ring = torch.stack([torch.cos(angle), torch.sin(angle)], -1)
start = torch.tensor([1.2, 0.0], dtype=torch.float64) + 0.5 * ring
times = (0.0, 2.0, 4.0, 6.0)
jacobians = torch.stack([pendulum.flow.jacobian(start, t) for t in times])
moved = torch.stack([pendulum.flow(start, t) for t in times])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-pendulum-areas", "caption": "A disc of pendulums at four times, over the level lines of the energy. States on outer level lines turn more slowly than states on inner ones, so the disc is stretched. Its area stays the same."}, "image": {"alt": "Phase plane of the pendulum with closed level lines; a disc turns around the centre and is stretched into a curved drop of the same area."}}
q = torch.linspace(-2.2, 2.2, 121, dtype=torch.float64)
p = torch.linspace(-1.9, 1.9, 101, dtype=torch.float64)
grid = torch.stack(torch.meshgrid(q, p, indexing="xy"), -1)
_, ax = plt.subplots(figsize=(6.2, 3.8))
energy = pendulum.invariants["H"](grid)
splitting.moving_areas(ax, moved, times, q, p, energy);

# %% [markdown]
# We check three equations with these numbers. Equation {ref}`(10) <eq-10>` is checked for each Jacobian,
# and (11) for its determinant. For (12) we compute the area inside the moved curve as $\tfrac12 \oint (q \, dp - p \,
# dq)$. The tangents of the curve are $Y \dot z_0$.

# %%
J = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
symplectic_defect = (jacobians.mT @ -J @ jacobians + J).abs().max()
determinant_defect = (torch.linalg.det(jacobians) - 1).abs().max()
tangents = (jacobians @ (0.5 * ring @ J)[..., None])[..., 0]
(q, p), (dq, dp) = moved.unbind(-1), tangents.unbind(-1)
area = np.pi * (q * dp - p * dq).mean(-1)  # the trapezoidal rule
area_defect = (area / (np.pi * 0.5**2) - 1).abs().max()

# %% [markdown]
# We also check the two claims in the boxes. For the group property, two steps of half the time must equal one step of
# the whole time. For reversibility, step forward, flip the sign of $p$, step forward again, and flip the sign of $p$:
# you are back at the start.

# %%
flip = torch.tensor([1.0, -1.0], dtype=torch.float64)
halves = pendulum.flow(pendulum.flow(start, 3.0), 3.0)
group_defect = (halves - moved[-1]).abs().max()
returned = pendulum.flow(moved[-1] * flip, 6.0) * flip
reversible_defect = (returned - start).abs().max()

# %% tags=["hide-input"]
defects = {"symplectic": symplectic_defect, "det": determinant_defect}
defects |= {"area": area_defect, "group": group_defect}
defects |= {"reversible": reversible_defect}
for key, defect in defects.items():
    assert defect < 1e-11, key
    record(f"{key}-defect", float(defect))

# %% [markdown]
# Condition (10) holds up to {glue:text}`symplectic-defect`, and the determinant differs from one by at
# most {glue:text}`det-defect`. The areas in {numref}`fig-pendulum-areas` differ from the area of the disc by at most a
# fraction of {glue:text}`area-defect`. The group property holds up to {glue:text}`group-defect`, and reversibility up
# to {glue:text}`reversible-defect`.
#
# Volume preservation needs less than a Hamiltonian. The divergence alone decides, in odd dimensions as well, where (10)
# has no meaning:

# %% [markdown]
# :::{prf:theorem} Liouville
# :label: thm-liouville
# Let $f$ be a smooth field with flow map $\varphi_t$, and let $Y(t) = \partial \varphi_t(y_0) / \partial y_0$. Then
#
# $$ \frac{d}{dt} \det Y(t) = (\nabla \cdot f)\bigl(\varphi_t(y_0)\bigr) \, \det Y(t). $$
#
# A divergence-free field therefore has $\det Y(t) = 1$, which is (11), and preserves every volume, which is (12).
# Conversely, if (11) holds for all $t$ and all initial states, then the field is divergence-free.
# :::
#
# :::{prf:proof}
# Differentiating (1) with respect to $y_0$ gives $\dot Y = A Y$ with $A = \partial f / \partial y$, evaluated at
# $\varphi_t(y_0)$. For a small time $s$,
#
# $$ \begin{aligned}
# \det Y(t + s) &= \det \bigl( (I + s A) \, Y(t) \bigr) + O(s^2) \cr
# &= (1 + s \operatorname{tr} A) \, \det Y(t) + O(s^2),
# \end{aligned} $$
#
# because $\det (I + s A) = 1 + s \operatorname{tr} A + O(s^2)$. The trace of $A$ is the divergence of $f$. Now divide
# by $s$ and let $s \to 0$. If the divergence vanishes, then $\det Y$ keeps its initial value $\det I = 1$. Conversely,
# if $\det Y(t) = 1$ for all $t$, then the derivative at $t = 0$ is $(\nabla \cdot f)(y_0) = 0$. (See also
# {cite}`hairer2006`, Sec. VI.9.)
# :::
#
# In odd dimensions there is no symplectic form. What takes the place of the Hamiltonian there?

# %% [markdown]
# ## The theorem
#
# :::{prf:theorem} Feng & Shang; Theorem 2.1 of the paper
# :label: thm-feng-shang
# Every smooth divergence-free field $f : \mathbb R^n \to \mathbb R^n$ is the sum of $n - 1$ fields, each of which is
# Hamiltonian in one pair of neighbouring coordinates $(y_k, y_{k+1})$ and leaves all other coordinates at rest.
# :::
#
# In formulas, there are {term}`local Hamiltonians <local Hamiltonian>`
# $H_{k,k+1} : \mathbb R^n \to \mathbb R$ such that
#
# (eq-13)=
# $$ f = f_{1,2} + f_{2,3} + \dots + f_{n-1,n}, \tag{13} $$
#
# (eq-14)=
# $$ f_{k,k+1} = \Bigl( 0, \dots, 0, \; \frac{\partial H_{k,k+1}}{\partial y_{k+1}}, \;
# -\frac{\partial H_{k,k+1}}{\partial y_k}, \; 0, \dots, 0 \Bigr)^{\!\top}. \tag{14} $$
#
# (The paper prints $f_{n,n-1}$ for the last field.) Each $H_{k,k+1}$ may depend on all coordinates. The coordinates
# outside the pair act as parameters, because they do not move while the pair does.
#
# :::{prf:proof}
# Write $\partial_k$ for $\partial / \partial y_k$, and read (13) row by row. Row $k$ is
# $f_k = \partial_{k+1} H_{k,k+1} - \partial_{k-1} H_{k-1,k}$. The first row has no second term, and the last row has no
# first term. Go through the rows from top to bottom. Each of the first $n - 1$ rows contains one new function and
# prescribes its derivative:
#
# $$ \begin{gathered}
# \partial_{k+1} H_{k,k+1} = g_k, \cr
# g_1 = f_1, \qquad g_k = f_k + \partial_{k-1} H_{k-1,k}.
# \end{gathered} $$
#
# One integral along $y_{k+1}$ gives $H_{k,k+1}$. This function also changes row $k + 1$; the next row absorbs its
# effect. Only the last function, $H_{n-1,n}$, has to satisfy two rows: $\partial_n H_{n-1,n} = g_{n-1}$ and
# $-\partial_{n-1} H_{n-1,n} = f_n$. In the plane of $(y_{n-1}, y_n)$ such a function exists if the cross derivatives
# agree, that is, if $\partial_{n-1} g_{n-1} + \partial_n f_n = 0$. Now
#
# $$ \begin{aligned}
# \partial_k g_k &= \partial_k f_k + \partial_{k-1} \partial_k H_{k-1,k} \cr
# &= \partial_k f_k + \partial_{k-1} g_{k-1} = \dots = \sum_{i \le k} \partial_i f_i.
# \end{aligned} $$
#
# The sum of cross derivatives is therefore the divergence of $f$, which vanishes.
# :::
#
# The proof is an algorithm: it computes $n$ integrals, one after the other. It also splits the system into $n - 1$
# Hamiltonian systems with one degree of freedom each,
#
# (eq-15)=
# $$ \frac{d \bar y}{dt} = f_{k,k+1}(\bar y), \qquad k = 1, \dots, n - 1. \tag{15} $$
#
# Consider a map that is symplectic in its pair and leaves the other coordinates alone. The rows of its Jacobian that
# belong to the other coordinates are rows of the identity matrix, so its determinant is that of the pair's block, which
# is one. Compositions of such maps preserve volume. The chapter [Splitting integrators](integrators) uses this to build
# integrators, and [a later chapter](volume) uses it to build networks.

# %% [markdown]
# ## The rigid body by hand
#
# For the rigid body $f = (\tfrac12 y_2 y_3, \, -y_3 y_1, \, \tfrac12 y_1 y_2)$. Integrating $f_1$ along $y_2$ gives
# $H_{1,2} = \tfrac14 y_2^2 y_3$. This does not depend on $y_1$, so $g_2 = f_2$. Integrating $g_2$ along $y_3$ gives
# $-\tfrac12 y_1 y_3^2$. The last row requires $\partial_2 H_{2,3} = -\tfrac12 y_1 y_2$, so we add $-\tfrac14 y_1
# y_2^2$. These are the formulas at the top of the page. The program returns the same two fields, here as columns:

# %%
sp.Matrix(parts.fields).T

# %% [markdown]
# The sum of the columns minus $f$, simplified by computer algebra, is identically zero. This is a proof and not only a
# measurement.

# %%
assert parts.residual() == (0, 0, 0)
sp.Matrix([parts.residual()])

# %% [markdown]
# ## More examples
#
# The algorithm works for every field given by a formula whose antiderivatives can be found. The divergence of a linear
# field is $\nabla \cdot f = \operatorname{tr} A$. If the trace is zero, the field splits into quadratic Hamiltonians:

# %%
y = coordinates(3)
A = sp.Matrix(3, 3, lambda i, j: sp.Symbol(f"a{i + 1}{j + 1}"))
A[2, 2] = -A[0, 0] - A[1, 1]
linear = split(SimpleNamespace(symbols=y, field=A * sp.Matrix(y)))
assert linear.residual() == (0, 0, 0)
linear

# %% [markdown]
# The next example is the advection equation of [a later chapter](advection), shown here on five points. The residual is
# also zero for the 35 points of that chapter.

# %%
assert not any(split(Advection(35)).residual())
split(Advection(5))

# %% [markdown]
# The ABC flow is a steady and mostly chaotic motion of an ideal fluid. With the coefficients 3, 2 and 1 its field is
# $(3 \sin y_3 + \cos y_2, \; 2 \sin y_1 + 3 \cos y_3, \; \sin y_2 + 2 \cos y_1)$:

# %%
abc = split(ABCFlow(3, 2, 1))
assert not any(abc.residual())
abc

# %% [markdown]
# For a charged particle in the plane, $y_3$ and $y_4$ are the momenta. Its field is singular at $y_1 =
# y_2 = 0$, and its local Hamiltonians are singular there and nowhere else. (As a whole, this system is Hamiltonian in
# $\mathbb R^4$. The theorem splits it in a different way.)

# %%
charged = split(ChargedParticle())
assert not any(charged.residual())
charged

# %% [markdown]
# Divergence-free fields can be constructed in any dimension. Take an antisymmetric matrix $A$ of functions and set
# $f_i = \sum_j \partial_j A_{ij}$. In the divergence $\sum_{i,j} \partial_i \partial_j A_{ij}$, the terms cancel in
# pairs. Here is an example in $\mathbb R^5$, first the field and then its splitting:

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
# ## The splitting is not unique
#
# The integrals leave functions of integration free. To each $H_{k,k+1}$ except the last we may add any function that
# does not depend on $y_{k+1}$. Such a function moves a part of the field from one subsystem to the next. By default,
# `split` adds nothing and takes the plain antiderivative. If a `base` point is given, it integrates from that point
# instead, and reports an error where the path of integration meets a singularity.
#
# There is a second way to see this freedom. Place the functions $H_{k,k+1}$ next to the diagonal of an antisymmetric
# matrix. Equations (13) and (14) then have the form $f_i = \sum_j \partial_j A_{ij}$ again. The full matrix that made
# the field above and the tridiagonal matrix that `split` found give the same field:

# %%
again = potential_field(fifth.potential, y)
difference = sp.Matrix(again) - sp.Matrix(field)
assert difference.expand() == sp.zeros(5, 1)

# %% [markdown]
# For $n = 3$ this matrix is the vector potential: $f = \nabla \times (H_{2,3}, 0, H_{1,2})$, in the gauge in which the
# second component is zero. The functions of integration are therefore a choice of gauge.
#
# Separability, which matters most for computing, does not depend on this choice. The last computation of the proof
# holds for any functions of integration:
#
# $$ \frac{\partial^2 H_{k,k+1}}{\partial y_k \, \partial y_{k+1}} = \partial_k g_k
# = \sum_{i \le k} \frac{\partial f_i}{\partial y_i} =: d_k. $$
#
# A local Hamiltonian is separable, eq. {ref}`(6) <eq-6>`, exactly when the *partial divergence* $d_k$ vanishes. The
# integrators of the next chapter then need no equation solver for this pair. In the rigid body, the ABC flow, the
# advection equation and the charged particle, no $\dot y_i$ depends on $y_i$, so all pairs are separable. The same is
# true of the pendulum. In the Volterra ring,
# $f = (y_1 (y_3 - y_2), \, y_2 (y_1 - y_3), \, y_3 (y_2 - y_1))$, no pair is separable.

# %%
for system in (body, ABCFlow(), Advection(), ChargedParticle(), pendulum):
    assert all(split(system).separable), system.name
assert not any(split(Volterra()).separable)
split(Volterra())

# %% [markdown]
# ## A field without a formula
#
# The proof does not need a formula for the field. By its last computation, the integrals must give $\partial_k
# H_{k,k+1} = \int d_k \, dy_{k+1}$. This is one integral per pair, along a straight line, of derivatives of $f$. We
# compute it by Gauss–Legendre quadrature. Our example is the magnetic field of two loops of wire. Each loop is cut into
# short segments, whose contributions are summed by the Biot–Savart law. There are no magnetic charges, so the
# field is divergence-free. The field lines are the orbits of $\dot y = B(y)$.

# %%
lower = loop((0, 0, -0.6), (0, 0, 1))
upper = loop((0, 0, 0.6), (0.5, 0.2, 1))
field = MagneticField(lower, upper)
generator = torch.Generator().manual_seed(seed)
cube = (2, states, 3)
random = 0.7 * torch.rand(cube, generator=generator, dtype=torch.float64)
points, fresh = random - 0.35  # states to prepare with, states to check at
numeric = split_numerically(field, points)

# %% tags=["hide-input"]
numeric_residual = float(numeric.residual(fresh).abs().max())
assert numeric_residual < 1e-10
record("numeric-residual", numeric_residual)
record("numeric-nodes", numeric.nodes, "{:d}")

# %% [markdown]
# At new random states the local fields add up to $f$ within {glue:text}`numeric-residual`, with
# {glue:text}`numeric-nodes` nodes. `split_numerically` chose the number of nodes: it doubles this number until no piece
# changes any more. To see how many nodes are needed, we measure the error for several numbers of nodes, with two ways
# of computing the derivatives of $f$.

# %%
counts, errors = range(2, 15, 2), {}
for name in ("autograd", "differences"):
    rules = [NumericSplitting(field, numeric.base, m, name) for m in counts]
    errors[name] = [float(rule.residual(fresh).abs().max()) for rule in rules]

# %% [markdown]
# We also compute a few field lines for the picture.

# %% tags=["hide-input"]
radii = torch.tensor([0.2, 0.35, 0.5, 0.65, 0.8], dtype=torch.float64)
starts = torch.stack([radii, 0 * radii, 0 * radii - 0.5], -1)
lines = solve(field, starts, np.linspace(0, 8, 1500), rtol=1e-8, atol=1e-8)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-numeric-splitting", "caption": "First panel: two loops of wire (red) and five field lines. Second panel: the largest difference between the magnetic field and the sum of its numerically computed pieces, at random states, against the number of quadrature nodes. The dotted line is the largest difference that we allow."}, "image": {"alt": "Left: two tilted circles with field lines through them. Right: two curves that fall along a straight line to rounding error; the one with finite differences stops a little higher."}}
figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.3))
splitting.field_lines(axes[0], lines, field.wires)
splitting.quadrature_error(axes[1], counts, errors, allowed=1e-10);

# %% [markdown]
# In {numref}`fig-numeric-splitting` the error falls exponentially with the number of nodes, as is usual for analytic
# fields, until it reaches the level of rounding. If torch cannot differentiate the program that computes $f$, finite
# differences of order eight take the place of automatic differentiation (`derivative="differences"`).
#
# Is each of these pieces Hamiltonian? A second integral gives the value of its $H_{k,k+1}$. Automatic differentiation
# of this value recovers the piece:

# %%
few = fresh[:4]
gradient = torch.func.vmap(torch.func.grad(numeric.pair(1).H))(few)
piece = torch.stack([gradient[:, 2], -gradient[:, 1]], -1)
found = numeric.local_fields(few)[:, 1, 1:]
hamiltonian_defect = float((found - piece).abs().max())

# %% tags=["hide-input"]
assert hamiltonian_defect < 1e-10
record("hamiltonian-defect", hamiltonian_defect)

# %% [markdown]
# The two differ by at most {glue:text}`hamiltonian-defect`.
#
# ## Fields that are refused
#
# Friction makes volumes shrink. `split` refuses such a field, and its message gives the divergence and its value at a
# point:

# %%
q, p = coordinates(2)
friction = (p, -sp.sin(q) - q**2 * p)
try:
    split(SimpleNamespace(symbols=(q, p), field=friction))
except ValueError as refusal:
    print(refusal)
else:
    raise AssertionError("a field with a divergence was split")

# %% [markdown]
# `split_numerically` also detects a small divergence. Here we add one ten-thousandth of $y$ to the magnetic field:

# %%
try:
    split_numerically(lambda y: field(y) + 1e-4 * y, points)
except ValueError as refusal:
    print(str(refusal).replace(" at ", "\nat "))
else:
    raise AssertionError("a field with a divergence was split")

# %% [markdown]
# ## Summary
#
# - A flow preserves volume exactly when the divergence of its field is zero. Hamiltonian flows preserve volume, and
#   they also satisfy the stronger condition (10).
# - Every divergence-free field is a sum of $n - 1$ fields, each of which is Hamiltonian in $(y_k, y_{k+1})$. The proof
#   is an algorithm.
# - The functions of integration are a choice of gauge. Whether a pair is separable does not depend on this choice; the
#   partial divergence $d_k$ decides.
# - For fields given by formulas the residual is identically zero. By quadrature it is {glue:text}`numeric-residual`.
#
# ## Try it
#
# **1.** The second piece of the rigid body moves both $y_2$ and $y_3$. Add the function $c_1 = \alpha \, y_1^2 y_3 / 2$
# to $H_{1,2}$ and choose $\alpha$ so that the second piece moves only $y_3$. What motion is the first piece then? (Use
# `split(body, constants={0: ...})`; the code counts pairs from 0.)
#
# :::{dropdown} A solution
# The function adds $\partial_1 c_1 = \alpha \, y_1 y_3$ to $g_2 = -y_1 y_3$, so $\alpha = 1$. Then $H_{1,2} = \tfrac12
# y_3 (y_1^2 + \tfrac12 y_2^2)$, whose level lines in the plane are ellipses. The first piece turns $(y_1, y_2)$ around
# the third axis along these ellipses, at a rate proportional to $y_3$. The second piece is the shear $\dot y_3 =
# \tfrac12 y_1 y_2$.
# :::

# %% tags=["hide-cell"]
y1, y2, y3 = body.symbols
turned = split(body, constants={0: y1**2 * y3 / 2})
expected = (y1**2 * y3 / 2 + y2**2 * y3 / 4, -y1 * y2**2 / 4)
assert turned.hamiltonians == expected
turned

# %% [markdown]
# **2.** The linear field $f = (y_1, y_2, -2 y_3)$ stretches two coordinates and compresses the third. Split it by hand.
# What does each piece do in its plane, and which pairs are separable?
#
# :::{dropdown} A solution
# The first row gives $H_{1,2} = y_1 y_2$. Then $g_2 = y_2 + \partial_1 H_{1,2} = 2 y_2$, so $H_{2,3} = 2 y_2 y_3$. The
# pieces are $(y_1, -y_2, 0)$ and $(0, 2 y_2, -2 y_3)$: each is a saddle. The partial divergences are $d_1 = 1$ and
# $d_2 = 2$, so neither pair is separable. The first piece contributes $-y_2$ to the second row, and the second piece
# contributes $2 y_2$, so their sum is the required $y_2$.
# :::

# %% tags=["hide-cell"]
y1, y2, y3 = coordinates(3)
stretch = (y1, y2, -2 * y3)
saddles = split(SimpleNamespace(symbols=(y1, y2, y3), field=stretch))
assert saddles.hamiltonians == (y1 * y2, 2 * y2 * y3)
assert not any(saddles.separable)
saddles

# %% [markdown]
# ## What's next
#
# Each piece moves two coordinates while the others stay fixed, so each piece is easy to integrate. The chapter
# [Splitting integrators](integrators) composes such steps into integrators that preserve volume up to rounding.
