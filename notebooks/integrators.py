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
# # Splitting integrators
#
# **Question.** A divergence-free field is a sum of Hamiltonian pieces, each of which moves two coordinates. Can we
# integrate in time one piece after the other, and what do we gain over a classical Runge–Kutta method?
#
# **You need** [the splitting](splitting) into {term}`local Hamiltonians <local Hamiltonian>`. The page takes half an
# hour to read. It follows Sec. 2.3 of the paper {cite}`bajars2021`; for the background see {cite}`hairer2006` and
# {cite}`mclachlan2002`.

# %% tags=["parameters"]
tau = 0.1        # step of Strang's method in the long run, > 0
steps = 100_000  # number of these steps, >= 10
coarse = 0.8     # step of Strang's method for the cloud, > 0
seed = 0         # of the random states, >= 0

# %% tags=["hide-input"]
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import sympy as sp
import torch
from chapters.material_surface import (
    enclosed_volume,
    sphere_mesh,
    volume_growth,
)
from chapters.volume_by_sampling import Ball
from companion import record

from locsym import LocSympNet
from locsym.diagnostics import (
    determinant_defect,
    drift,
    inverse_defect,
    observed_order,
    symmetry_defect,
)
from locsym.flow import Composition, Escaped, adjoint, rollout
from locsym.plots import integrators as draw
from locsym.plots import style
from locsym.splitting import (
    RK4,
    fourth_order,
    split,
    strang,
    symplectic_euler,
)
from locsym.systems import RigidBody, System, Volterra, coordinates, sphere

torch.set_num_threads(1)
style.use()
generator = torch.Generator().manual_seed(seed)
body = RigidBody()
parts = split(body)

# %% [markdown]
# ## A first picture
#
# The rigid body, eq. {ref}`(35) <eq-35>`, has two local Hamiltonians; `parts` holds them. Three integrators follow from
# them: symplectic Euler, {term}`Strang's method <Strang splitting>` and a method of order four. The classical method
# RK4 needs only the field.

# %%
methods = {"euler": symplectic_euler(parts), "strang": strang(parts)}
methods |= {"fourth": fourth_order(parts), "rk4": RK4(body.rhs)}

# %% tags=["hide-input"]
splittings = ("euler", "strang", "fourth")
cost = {name: len(methods[name].moves) for name in splittings}
cost["rk4"] = 4 * body.n
for name, count in cost.items():
    record(f"cost-{name}", count)

# %% [markdown]
# We measure the cost of a step by how often one component of a field is evaluated. A step of RK4
# evaluates all $n = 3$ components four times, which makes {glue:text}`cost-rk4` evaluations. A splitting method moves
# one coordinate at a time and evaluates one component for each move. A step of symplectic Euler costs
# {glue:text}`cost-euler` evaluations, a step of Strang's method {glue:text}`cost-strang`, and a step of the
# fourth-order method {glue:text}`cost-fourth`. At *equal cost*, a method with a cheaper step takes more steps, and its
# steps are smaller.
#
# We apply the methods to a cloud of initial states. It is a ball around the initial state of the paper's orbit. We
# describe it in two ways: by a triangular mesh of its surface, and by random points inside. Strang's method takes the
# large step `coarse`, and RK4 takes the step of equal cost. The fourth-order method needs smaller steps, because the
# substeps inside its step are longer than the step itself; it gets half the step of RK4. Symplectic Euler has order 1
# and gets a sixteenth of the step of RK4. The cloud is shown at four times that all methods reach.
#
# We also compute the volume of the image of the cloud in two ways. By the change of variables, eq.
# {ref}`(12) <eq-12>`, the volume grows by the mean of $|\det \partial \Phi / \partial y_0|$ over the ball. The
# determinant of many steps is the product of the determinants of the single steps. The other way uses the divergence
# theorem, which gives the volume inside the moved mesh. It is accurate as long as the triangles of the mesh are fine
# enough for the shape.

# %% tags=["hide-input"]
y0 = torch.tensor([np.cos(1.1), 0.0, np.sin(1.1)], dtype=torch.float64)
surface, faces = sphere_mesh(y0, radius=0.2, subdivisions=6)
inside = Ball(y0, 0.2).sample(2000, generator)
equal = coarse * cost["rk4"] / cost["strang"]
step = {"euler": equal / 16, "strang": coarse}
step |= {"fourth": equal / 2, "rk4": equal}
stride = {name: round(cost["rk4"] * coarse / h) for name, h in step.items()}
shots = torch.tensor([0, 1, 2, 4])
times = shots * stride["strang"] * coarse
images = {"exact": body.trajectory(surface, times, rtol=1e-8, atol=1e-8)}
volume = {"exact": torch.ones(len(shots))}
for name, h in step.items():
    chosen, last = shots * stride[name], int(shots[-1]) * stride[name]
    images[name] = rollout(methods[name], surface, h, last)[chosen]
    volume[name] = volume_growth(methods[name], inside, h, last)[chosen]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cloud", "caption": "A ball of initial states of the rigid body is carried along by the exact flow, by the three splitting methods and by RK4. The solid curve is the exact orbit of its centre. The states turn at different rates, so the ball becomes a spiral and then a ring. The splitting methods preserve its volume, and RK4 shrinks it."}, "image": {"alt": "Five rows of four pictures. A ball on a sphere is drawn out to a curved drop, a spiral and a ring. In the rows of the exact flow and of the splitting methods the volume written below does not change; in the row of RK4 it falls, and the ring is visibly smaller."}}
orbit = body.trajectory(y0, np.linspace(0, 12, 400)).numpy()
shapes = {name: image.numpy() for name, image in images.items()}
axes = draw.clouds(shapes, faces.numpy(), times.tolist(), volume, orbit)

# %% tags=["hide-input"]
mesh_volume = {name: enclosed_volume(images[name], faces) for name in step}
mesh_volume = {name: inner / inner[0] for name, inner in mesh_volume.items()}
kept = max((volume[name] - 1).abs().max() for name in splittings)
lost = 1 - volume["rk4"][-1]
ratios = [mesh_volume[name] / volume[name] for name in step]
mesh_error = max((ratio - 1).abs().max() for ratio in ratios)
assert kept < 1e-12
assert lost > 1e-3
assert mesh_error < 0.05
record("splitting-volume", kept)
record("rk4-lost", lost, "{:.0%}")
record("rk4-step", step["rk4"], "{:.2f}")
record("mesh-error", mesh_error, "{:.1%}")

# %% [markdown]
# In {numref}`fig-cloud`, RK4 with its step of {glue:text}`rk4-step` loses {glue:text}`rk4-lost` of the volume. The
# splitting methods preserve the volume up to {glue:text}`splitting-volume`. (The volumes from determinants and from
# meshes agree within {glue:text}`mesh-error`. The mesh is the less accurate of the two, because its triangles become
# long.) Strang's method and RK4 are not accurate with steps as large as these. The splitting methods nevertheless share
# this property with the exact flow, and RK4 does not.

# %% [markdown]
# ## One coordinate at a time
#
# How does a splitting method work? In the subsystem {ref}`(15) <eq-15>` of the pair $(y_k, y_{k+1})$, all other
# coordinates are at rest. The *symplectic Euler method* moves the two coordinates of the pair:
#
# (eq-16)=
# $$ \begin{aligned}
# \bar y_k^{\,n+1} = \bar y_k^{\,n} + \tau \, \frac{\partial H_{k,k+1}}{\partial \bar y_{k+1}} \bigl(
# & \bar y_1^{\,n}, \dots, \bar y_{k-1}^{\,n}, \cr
# & \bar y_k^{\,n+1}, \bar y_{k+1}^{\,n}, \dots, \bar y_n^{\,n} \bigr),
# \end{aligned} \tag{16} $$
#
# (eq-17)=
# $$ \begin{aligned}
# \bar y_{k+1}^{\,n+1} = \bar y_{k+1}^{\,n} - \tau \, \frac{\partial H_{k,k+1}}{\partial \bar y_k} \bigl(
# & \bar y_1^{\,n}, \dots, \bar y_{k-1}^{\,n}, \cr
# & \bar y_k^{\,n+1}, \bar y_{k+1}^{\,n}, \dots, \bar y_n^{\,n} \bigr),
# \end{aligned} \tag{17} $$
#
# (eq-18)=
# $$ \bar y_i^{\,n+1} = \bar y_i^{\,n}, \qquad i \ne k, k + 1. \tag{18} $$
#
# (The upper $n$ counts steps, and the lower $n$ counts coordinates.) In {ref}`(16) <eq-16>` the unknown appears on both
# sides. If $H_{k,k+1}$ is separable, eq. {ref}`(6) <eq-6>`, then $\partial H_{k,k+1} / \partial y_{k+1}$ does not
# depend on $y_k$, and (16) is explicit. Otherwise, (16) is one equation for one unknown number.
#
# Why is volume preserved? Each of the two moves changes one coordinate and multiplies volume by a factor. With $H =
# H_{k,k+1}$, the factor of the implicit move (16) is $1 / (1 - \tau \, \partial_k \partial_{k+1} H)$. The factor of the
# explicit move (17) is $1 - \tau \, \partial_{k+1} \partial_k H$. Both contain the same second derivative at the same
# point, so their product is one:
#
# $$ \frac{1}{1 - \tau \, \partial_k \partial_{k+1} H} \cdot \bigl( 1 - \tau \, \partial_{k+1} \partial_k H \bigr)
# = 1. $$
#
# The complete method is a composition over the pairs,
#
# (eq-19)=
# $$ \varphi_\tau \approx \psi_\tau^{1,2} \circ \psi_\tau^{2,3} \circ \dots \circ \psi_\tau^{n-1,n}. \tag{19} $$
#
# (claim-composition)=
# :::{admonition} The paper, Sec. 2.3
# :class: paper
# Each $\psi_\tau^{k,k+1}$ is symplectic in its pair, so its determinant is 1 for every $\tau$. Compositions such as
# (19) therefore preserve volume. They approximate the flow with an accuracy that depends on the order of the method and
# on $\tau$.
# :::
#
# The pairs may be composed in any order. We let the pair $(y_1, y_2)$ act first, as our networks do. The option
# `order="printed"` gives (19) exactly as it is printed, with that pair acting last. The local Hamiltonians of the rigid
# body are:

# %%
parts

# %% [markdown]
# For the rigid body, a step takes three lines of arithmetic. With $\tau = 0.1$ and $y = (1, 1, 1)$ we obtain
#
# $$ \begin{aligned}
# y_1 &= 1 + 0.1 \cdot \tfrac12 = 1.05, \cr
# y_2 &= 1 - 0.1 \cdot 1.05 = 0.895, \cr
# y_3 &= 1 + 0.1 \cdot \tfrac12 \cdot 1.05 \cdot 0.895 = 1.0469875.
# \end{aligned} $$
#
# The program gives the same numbers:

# %%
by_hand = torch.tensor([1.05, 0.895, 1.0469875], dtype=torch.float64)
stepped = methods["euler"](torch.ones(3, dtype=torch.float64), 0.1)
assert torch.allclose(stepped, by_hand, rtol=0, atol=1e-15)

# %% [markdown]
# ## Inverse, adjoint and symmetry
#
# An implicit move with step $-\tau$ undoes an explicit move with step $\tau$, and an explicit move with step $-\tau$
# undoes an implicit one. The inverse of a list of moves is therefore the reversed list, with $-\tau$ in place of $\tau$
# and with the two kinds exchanged. The {term}`adjoint` $\Phi^*_h = \Phi_{-h}^{-1}$ is the same list with the sign of
# the step restored. Half a step of $\Phi$ followed by half a step of its adjoint is Strang's method,
#
# $$ S_h = \Phi^*_{h/2} \circ \Phi_{h/2}, \qquad S_{-h} \circ S_h = \mathrm{id}. $$
#
# A method with the second property is called {term}`symmetric`. A composition of three steps of a symmetric method of
# order two has order four. It is called a *triple jump* {cite}`suzuki1990,yoshida1990`. Its middle step goes backwards:
#
# $$ S_{\gamma h} \circ S_{(1 - 2 \gamma) h} \circ S_{\gamma h}, \qquad \gamma = \frac{1}{2 - 2^{1/3}}. $$
#
# :::{prf:proposition} Orders of the three methods
# :label: prop-orders
# A symmetric method has even order. Symplectic Euler (19) has order at least one, Strang's method has order at least
# two, and the triple jump of Strang's method has order at least four.
# :::
#
# :::{prf:proof}
# A method of order $p$ satisfies $\Phi_h(y) = \varphi_h(y) + C(y) \, h^{p+1} + O(h^{p+2})$ with $C \ne 0$. For a
# symmetric method,
#
# $$ \begin{aligned}
# y = \Phi_{-h}(\Phi_h(y)) &= \varphi_{-h}(\Phi_h(y)) + C \, (-h)^{p+1} + O(h^{p+2}) \cr
# &= y + \bigl( 1 + (-1)^{p+1} \bigr) \, C \, h^{p+1} + O(h^{p+2}).
# \end{aligned} $$
#
# This requires $(-1)^{p+1} = -1$, so $p$ is even. For (19), the derivative with respect to $\tau$ at $\tau = 0$ is the
# sum of the local fields, which is $f$, so the order is at least one. The adjoint has the same derivative, and Strang's
# method has order at least one. It is symmetric, so its order is even, and therefore at least two. For the triple jump,
# the errors of the three steps add up to
#
# $$ \bigl( 2 \gamma^3 + (1 - 2 \gamma)^3 \bigr) \, C \, h^3 + O(h^4). $$
#
# The bracket vanishes if $1 - 2 \gamma = -2^{1/3} \gamma$, which is the $\gamma$ above, and the order is at least
# three. The triple jump reads the same from both ends, so it is symmetric as well. Its order is even, and therefore at
# least four.
# (See {cite}`hairer2006`, Secs. II.3 and II.4.)
# :::
#
# We check the first formula, and then the inverse and the symmetry, at random states. `symmetry_defect` measures
# the distance between $\Phi_{-h}(\Phi_h(y))$ and $y$.

# %%
ball = Ball(torch.zeros(3, dtype=torch.float64), 1.0)
states = ball.sample(300, generator)
euler = methods["euler"]
halves = Composition(euler, adjoint(euler), weights=(0.5, 0.5))
gap = (halves(states, 0.3) - methods["strang"](states, 0.3)).abs().max()
assert gap < 1e-13

# %%
undone, symmetry = {}, {}
for name in splittings:
    undone[name] = inverse_defect(methods[name], states, 0.1).max()
for name, method in methods.items():
    symmetry[name] = symmetry_defect(method, states, 0.1).max()

# %% tags=["hide-input"]
symmetric = max(symmetry["strang"], symmetry["fourth"])
undone = max(undone.values())
assert undone < 1e-12
assert symmetric < 1e-12 < symmetry["rk4"] < symmetry["euler"]
record("undone", undone)
record("symmetry-strang", symmetric)
record("symmetry-euler", symmetry["euler"])
record("symmetry-rk4", symmetry["rk4"])

# %% [markdown]
# A step followed by its inverse returns to the initial state within {glue:text}`undone`. A step of $h = 0.1$
# followed by a step of $-h$ returns to it within {glue:text}`symmetry-strang` for the two symmetric methods. For
# symplectic Euler the distance is up to {glue:text}`symmetry-euler`, and for RK4 it is up to {glue:text}`symmetry-rk4`.

# %% [markdown]
# ## Volume is preserved for every step size
#
# We compute the determinant of one step by automatic differentiation, at {glue:text}`states` random states in the unit
# ball and for several step sizes.

# %%
sizes = np.geomspace(0.02, 1.0, 12)
defects = {name: [] for name in methods}
for name, method in methods.items():
    for h in sizes:
        defect = determinant_defect(method, states, h).max()
        defects[name].append(float(defect))

# %% tags=["hide-input"]
kept = max(max(defects[name]) for name in splittings)
assert kept < 1e-12, "kept to rounding, not approximately"
record("states", len(states))
record("det-defect", kept)
record("det-rk4", determinant_defect(methods["rk4"], states, 0.1).max())

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-determinant", "caption": "The largest $|\\det J - 1|$ of one step over random states, against the step size. The splitting methods stay at the level of rounding for every step size. The error of RK4 decreases with the step size."}, "image": {"alt": "Log-log plot: three flat lines at the level of rounding, and one line for RK4 that rises steeply with h."}}
ax = draw.defects(sizes, defects)

# %% [markdown]
# For the three splitting methods the determinant differs from one by at most {glue:text}`det-defect` at
# all step sizes in {numref}`fig-determinant`. For RK4 it differs by up to {glue:text}`det-rk4` at $h = 0.1$. The next
# cell follows the volume of the cloud over many steps.

# %%
runs = {"euler": coarse / 8, "strang": coarse, "fourth": coarse}
runs["rk4"] = step["rk4"]
growth = {}
for name, h in runs.items():
    count = round(float(times[-1]) / h)
    ratio = volume_growth(methods[name], inside, h, count)
    growth[name] = (h * np.arange(len(ratio)), ratio)

# %% tags=["hide-input"]
cloud_defect = max((growth[name][1] - 1).abs().max() for name in splittings)
assert cloud_defect < 1e-12
record("cloud-defect", cloud_defect)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-volume", "caption": "The volume of the cloud over time. The lines are computed from the determinants of all steps, and the rings from the moved mesh. The two agree as long as the triangles of the mesh are fine enough for the shape."}, "image": {"alt": "Three lines on top of each other at volume one, and the line of RK4 that falls steadily, with rings close to the lines."}}
ax = draw.volumes(growth, {name: (times, mesh_volume[name]) for name in step})

# %% [markdown]
# In {numref}`fig-volume` the lines of the three splitting methods lie on top of each other, because they
# differ from one by at most {glue:text}`cloud-defect`.

# %% [markdown]
# ## Order
#
# We measure the error at $t = 2$ against the exact flow for several step sizes, starting from points on the unit
# sphere. The slope of the error in a log–log plot is the order of the method.

# %%
begin = sphere(20, "area", generator)
sizes = [2 / m for m in (16, 24, 32, 48, 64)]
fits = {
    name: observed_order(method, body.flow, begin, sizes, time=2.0)
    for name, method in methods.items()
}

# %% tags=["hide-input"]
for name, order in {"euler": 1, "strang": 2, "fourth": 4, "rk4": 4}.items():
    assert abs(fits[name].order - order) < 0.1, name
    record(f"order-{name}", fits[name].order, "{:.3f}")
smallest = torch.stack([fits[name].errors for name in splittings]).amin(0)
assert (fits["rk4"].errors < smallest).all(), "RK4 is the most accurate"

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-order", "caption": "The largest error at $t = 2$ against the step size. The legend gives the slope of each line."}, "image": {"alt": "Log-log plot with four straight lines of slopes one, two, four and four; RK4 lies lowest."}}
lines = {name: (fit.errors, fit.order) for name, fit in fits.items()}
ax = draw.orders(sizes, lines)

# %% [markdown]
# The slopes are {glue:text}`order-euler`, {glue:text}`order-strang`, {glue:text}`order-fourth` and
# {glue:text}`order-rk4`. In {numref}`fig-order` RK4 is the most accurate of the four methods at equal step sizes. The
# advantage of the splitting methods appears only over long times.

# %% [markdown]
# ## A long run at equal cost
#
# Strang's method takes `steps` steps of size `tau`. The other methods get the same number of component evaluations for
# the same time. We follow the energy $H$, eq. {ref}`(36) <eq-36>`, and the
# {term}`Casimir` $I$, eq. {ref}`(37) <eq-37>`. No method uses either of them. If an orbit overflows, its curve ends
# there.

# %%
total = tau * steps
begin = sphere(6, "area", generator)

# %% [markdown]
# The six initial states are random points on the unit sphere. Every method follows all of them.

# %%
orbits, each = {}, {}
for name, method in methods.items():
    count = round(steps * cost["strang"] / cost[name])
    each[name] = total / count
    try:
        orbits[name] = rollout(method, begin, each[name], count)
    except Escaped as left:
        orbits[name] = left.orbit

# %% tags=["hide-input"]
errors = {"H": {}, "I": {}}
for label, runs in errors.items():
    for name, path in orbits.items():
        shown = int((path.abs().amax((1, 2)) < 1e3).sum())
        path = path[:shown]  # beyond that it is outside the picture
        error = drift(body.invariants[label], path).amax(-1).numpy()
        runs[name] = (each[name] * np.arange(len(path)), error)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-long-run", "caption": "Relative errors of the energy $H$ and of the Casimir $I$, each the largest over six orbits, at equal cost. RK4 has the smallest errors at first, but they grow steadily. The errors of Strang's method and of the fourth-order splitting method reach their full size within the first oscillations and do not grow after that. Symplectic Euler preserves volume as accurately as these two methods, but its errors grow as well."}, "image": {"alt": "Two log-log panels over time. The lines of Strang and the fourth-order method are flat; that of RK4 starts lower and rises in proportion to time; that of symplectic Euler rises from the start."}}
axes = draw.long_run(errors)

# %% tags=["hide-input"]
for runs in errors.values():
    for name in ("strang", "fourth"):
        first, second = np.array_split(runs[name][1], 2)
        assert second.max() < 2 * first.max(), "no more than at the beginning"
        assert second.max() < tau**2
t_rk4, rk4 = errors["H"]["rk4"]
t_euler, euler_error = errors["H"]["euler"]
growth_rk4 = rk4[-1] / rk4[len(rk4) // 2]
bound = {name: errors["H"][name][1].max() for name in ("strang", "fourth")}
above = {name: t_rk4[rk4 > bound[name]] for name in bound}
above["euler"] = t_euler[euler_error > 1]
if total >= 1000:  # long enough to tell growth from oscillation
    assert growth_rk4 > 1.5, "RK4 loses energy steadily"
    assert euler_error.max() > 100 * bound["strang"], "volume is not enough"
for name, t in above.items():
    shown = "t = {:,.0f}" if len(t) else "no time of this run"
    record(f"crossing-{name}", t.min(initial=np.inf), shown)
for name in bound:
    record(f"bound-{name}", bound[name])
record("rk4-end", rk4[-1])
record("rk4-growth", growth_rk4, "{:.2f}")
record("total", total, "{:,.0f}")

# %% [markdown]
# On the whole run to $t =$ {glue:text}`total`, the error of the energy is at most
# {glue:text}`bound-strang` for Strang's method and at most {glue:text}`bound-fourth` for the fourth-order method. In
# the second half of the run it stays below twice the largest error of the first half. The error of RK4 grows by a
# factor of {glue:text}`rk4-growth` from the middle to the end of the run and ends at {glue:text}`rk4-end`. It first
# exceeds the largest error of the fourth-order method at {glue:text}`crossing-fourth`, and that of Strang's method at
# {glue:text}`crossing-strang`.
#
# Symplectic Euler shows that volume preservation is not enough. It preserves volume up to rounding, as the other
# splitting methods do, but its energy error first exceeds 100 % at {glue:text}`crossing-euler`. In three dimensions an
# orbit can leave the sphere without any change of volume. What distinguishes Strang's method?

# %% [markdown]
# ## Reversible methods
#
# Let $R = \operatorname{diag}(1, -1, 1)$ be the reflection in the plane $y_2 = 0$. The field of the rigid body
# satisfies $R f(R y) = -f(y)$. With every solution $y(t)$, the reflected and time-reversed curve $R y(-t)$ is therefore
# a solution, too. A method is {term}`reversible` under $R$ if it has the corresponding property,
#
# $$ R \, \Phi_h \, R = \Phi_h^{-1}. $$
#
# Each local field of the rigid body satisfies $R f_{k,k+1}(R y) = -f_{k,k+1}(y)$ as well. Each move of a splitting
# method is an Euler step of one component of such a field, and so is each stage of RK4 with the whole field. All four
# methods therefore satisfy $R \, \Phi_h \, R = \Phi_{-h}$. *For methods with this property*, reversible means the same
# as symmetric, since symmetric methods are those with $\Phi_{-h} = \Phi_h^{-1}$ ({cite}`hairer2006`, Sec. V.1).
# Strang's method and the fourth-order method are reversible, and the other two are not. To test this, step forward,
# apply $R$, step forward again, and apply $R$: a reversible method is back at the start.

# %%
R = torch.diag(torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64))
reversed_step, returned = {}, {}
for name, method in methods.items():
    reflected = method(states @ R, 0.1) @ R  # R Φ_h R
    reversed_step[name] = (reflected - method(states, -0.1)).abs().max()
    back = method(method(states, 0.1) @ R, 0.1) @ R  # R Φ_h R Φ_h
    returned[name] = (back - states).abs().max()

# %% tags=["hide-input"]
reversible = max(returned["strang"], returned["fourth"])
reflected = max(reversed_step.values())
assert reflected < 1e-12
assert reversible < 1e-12 < returned["rk4"] < returned["euler"]
record("reflected", reflected, "{:.1e}" if reflected else "0")
record("reversible-strang", reversible)
record("reversible-euler", returned["euler"])
record("reversible-rk4", returned["rk4"])

# %% [markdown]
# For all four methods, $R \, \Phi_h \, R$ and $\Phi_{-h}$ differ by at most {glue:text}`reflected`. In the test of
# reversibility, Strang's method and the fourth-order method return to the start within {glue:text}`reversible-strang`.
# Symplectic Euler misses it by up to {glue:text}`reversible-euler`, and RK4 by up to {glue:text}`reversible-rk4`.
#
# :::{prf:proposition} Why the errors of a reversible method do not accumulate
# :label: prop-reversible
# Let $\tilde f$ be a field with $R \tilde f(R y) = -\tilde f(y)$, and let $y(t)$ be a solution of
# $\dot y = \tilde f(y)$ that meets the plane $y_2 = 0$ at two different times. Then $y(t)$ is periodic, and $H$ and $I$
# return to their values after every period.
# :::
#
# :::{prf:proof}
# Count time from the first crossing. Then $R y(0) = y(0)$, and $R y(-t)$ is a solution with the same initial value as
# $y(t)$, so the two are equal. Let $y(t)$ meet the plane again at the time $T / 2$. Then
# $y(-T/2) = R y(T/2) = y(T/2)$, so $y(t)$ is periodic with period $T$.
# :::
#
# A method with a small step follows the flow of a *modified* field $\tilde f$, which is close to $f$, up to terms that
# are smaller than every power of $h$. For a reversible method $\tilde f$ is reversible as well ({cite}`hairer2006`,
# Secs. IX.2 and IX.7). Every orbit of the rigid body that encircles the first or the third axis crosses the plane
# $y_2 = 0$ twice in each lap. If $\tilde f$ is close enough to $f$, its orbits cross the plane, too. By the proposition
# they are closed, so $H$ and $I$ oscillate and do not drift.

# %% [markdown]
# ## Symmetric but not reversible
#
# Symmetry alone is not enough. To see this, we turn the coordinate axes: $y = Q x$ with a rotation $Q$. We split the
# field in the coordinates $x$, apply Strang's method there, and turn the result back. The system is the same, and the
# method remains symmetric and volume-preserving. It is reversible under $R$ if its local fields are. This remains true
# for a rotation around the second axis, which maps the plane $y_2 = 0$ to itself. A rotation around the first axis
# destroys it.

# %%
c, s = sp.Rational(4, 5), sp.Rational(3, 5)
turns = {
    "none": sp.eye(3),
    "second": sp.Matrix([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
    "first": sp.Matrix([[1, 0, 0], [0, c, -s], [0, s, c]]),
}

# %% [markdown]
# For each rotation the field in the new coordinates is $Q^\top f(Q x)$:

# %%
turned, x = {}, body.symbols
for name, Q in turns.items():
    new = dict(zip(x, Q * sp.Matrix(x), strict=True))
    field = Q.T * sp.Matrix(body.field).subs(new, simultaneous=True)
    turned[name] = strang(split(System("turned body", x, field.expand())))

# %% [markdown]
# We start two orbits that encircle the first axis and two that encircle the third, and follow them for 2500 steps
# of $h = 0.1$.

# %%
angle = torch.tensor([0.2, 0.4, 1.1, 1.3], dtype=torch.float64)
start = torch.stack([angle.cos(), 0 * angle, angle.sin()], -1)
energy = {}
for name, method in turned.items():
    Q = torch.from_numpy(np.array(turns[name], dtype=float))
    path = rollout(method, start @ Q, 0.1, 2500) @ Q.T
    energy[name] = drift(body.invariants["H"], path)

# %% tags=["hide-input"]
assert (start[:2, 0] > start[:2, 2]).all(), "around the first axis"
assert (start[2:, 0] < start[2:, 2]).all(), "around the third axis"
symmetric, reversible, factor = {}, {}, {}
for name, method in turned.items():
    Q = torch.from_numpy(np.array(turns[name], dtype=float))
    mirror = Q.T @ R @ Q  # R in the coordinates x
    back = method(method(states, 0.1) @ mirror, 0.1) @ mirror
    reversible[name] = (back - states).abs().max()
    symmetric[name] = symmetry_defect(method, states, 0.1).max()
    assert determinant_defect(method, states, 0.1).max() < 1e-12
    first, second = energy[name].tensor_split(2)
    factor[name] = second.amax(0) / first.amax(0)
assert max(symmetric.values()) < 1e-12
assert max(reversible["none"], reversible["second"]) < 1e-12
assert reversible["first"] > 1e-6
assert max(factor["none"].max(), factor["second"].max()) < 1.01
assert factor["first"][:2].min() > 1.8 > 1.01 > factor["first"][2:].max()
record("turned-symmetric", max(symmetric.values()))
record("turned-reversible", max(reversible["none"], reversible["second"]))
record("turned-first-reversible", reversible["first"])
record("turned-first-factor", factor["first"][:2].min(), "{:.1f}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-turned", "caption": "The relative error of the energy of Strang's method, split in three systems of axes: the larger error of two orbits around the first axis (first panel), and of two around the third axis (second panel). All three methods preserve volume and are symmetric. Only the method with axes turned around the first axis is not reversible under $R$, and its error grows on the orbits around that axis."}, "image": {"alt": "Two panels over time with three oscillating curves each. All curves stay near zero except one: in the first panel the curve for axes turned around the first axis rises along a straight line."}}
ways = {"none": "axes not turned", "second": "around the second axis"}
ways["first"] = "around the first axis"
around = {"first": slice(0, 2), "third": slice(2, 4)}
panels = {
    f"orbits around the {axis} axis": {
        label: energy[name][:, which].amax(1).numpy()
        for name, label in ways.items()
    }
    for axis, which in around.items()
}
draw.energy_errors(0.1 * np.arange(2501), panels);

# %% [markdown]
# All three methods preserve volume and are symmetric, with a defect of symmetry of at most
# {glue:text}`turned-symmetric`. The first two are reversible under $R$ within {glue:text}`turned-reversible`, and
# their energy errors do not grow ({numref}`fig-turned`). The third is not reversible under $R$: it misses the start by
# up to {glue:text}`turned-first-reversible` in the test above. On the orbits around the first axis its energy error
# grows in proportion to time. The largest error of the second half of the run is {glue:text}`turned-first-factor`
# times that of the first half, or more. On the orbits around the third axis the error does not grow either, because
# this method is still reversible under $\operatorname{diag}(-1, 1, 1)$. The orbits around the third axis cross the
# plane $y_1 = 0$ of that reflection, and the orbits around the first axis do not.
#
# What does this mean for networks? The networks of the paper are composed like symplectic Euler. The published version
# adds [a symmetric form](volume), which is composed like Strang's method. It is symmetric for all weights, but nothing
# in its construction makes it reversible. We test an untrained one, with random weights and biases.

# %%
draws = torch.Generator().manual_seed(seed)
random = {"std": 0.1, "bias_std": 0.1, "generator": draws}
network = LocSympNet(3, K=2, width=16, symmetric=True, **random)
network_symmetric = symmetry_defect(network, states, 0.1).max()
with torch.no_grad():
    back = network(network(states, 0.1) @ R, 0.1) @ R
network_reversible = (back - states).abs().max()

# %% tags=["hide-input"]
assert network_symmetric < 1e-12 < 1e-6 < network_reversible
record("network-symmetric", network_symmetric)
record("network-reversible", network_reversible)

# %% [markdown]
# Its defect of symmetry is {glue:text}`network-symmetric`, but its defect of reversibility is
# {glue:text}`network-reversible`. The argument above does not protect its orbits from drift.

# %% [markdown]
# ## Pairs that are not separable
#
# As an example we take a flow in a cube, after Taylor and Green {cite}`taylor1937`. Here every component of the field
# depends on its own coordinate. No partial divergence vanishes, and no pair is separable.

# %%
x, y, z = coordinates(3)
u = sp.cos(x) * sp.sin(y) * sp.sin(z)
v = sp.sin(x) * sp.cos(y) * sp.sin(z)
w = -2 * sp.sin(x) * sp.sin(y) * sp.cos(z)
product = {"product": sp.cos(x) * sp.cos(y) * sp.cos(z)}
fluid = System("Taylor–Green flow", (x, y, z), (u, v, w), product)

# %% [markdown]
# Its splitting is:

# %%
cells = split(fluid)
assert not any(cells.separable)
cells

# %% [markdown]
# Equation {ref}`(16) <eq-16>` for the first coordinate is $Y = y_1 + \tau \cos Y \sin y_2 \sin y_3$.
# Newton's method solves it for all states of a batch together, and raises an error if it does not converge. The
# derivative of the solution comes from the last iteration, because differentiating one Newton step at the root gives
# the formula of the implicit function theorem.

# %%
implicit = {
    "euler": symplectic_euler(cells),
    "strang": strang(cells),
    "fourth": fourth_order(cells),
}
particles = torch.rand(100, 3, generator=generator, dtype=torch.float64)
particles = 2 * particles - 1

# %% tags=["hide-input"]
for order, (name, method) in zip((1, 2, 4), implicit.items(), strict=True):
    fit = observed_order(method, fluid.flow, particles, sizes[:-1], time=2.0)
    assert abs(fit.order - order) < 0.1, name
    record(f"fluid-order-{name}", fit.order, "{:.3f}")
kept = [determinant_defect(m, particles, 0.3) for m in implicit.values()]
undone = [inverse_defect(m, particles, 0.3) for m in implicit.values()]
fluid_kept, fluid_undone = (torch.stack(x).max() for x in (kept, undone))
fluid_lost = determinant_defect(RK4(fluid.rhs), particles, 0.3).max()
assert max(fluid_kept, fluid_undone) < 1e-12 < 1e-8 < fluid_lost
record("fluid-det", fluid_kept)
record("fluid-det-rk4", fluid_lost)
record("fluid-undone", fluid_undone)

# %% [markdown]
# The observed orders are {glue:text}`fluid-order-euler`, {glue:text}`fluid-order-strang` and
# {glue:text}`fluid-order-fourth`. At $h = 0.3$ the determinants of the splitting methods differ from one by at most
# {glue:text}`fluid-det`, and those of RK4 by up to {glue:text}`fluid-det-rk4`. A step followed by its inverse returns
# to the initial state within {glue:text}`fluid-undone`. Volume is preserved as accurately as Newton's method solves the
# equations, and Newton's method converges up to rounding.
#
# Finally, we follow sixteen initial states on four streamlines with a large step.

# %%
signs = torch.tensor([-1.0, 1.0], dtype=torch.float64)
corners = torch.cartesian_prod(signs, signs, signs)
scales = [[0.5, 0.8, 0.45], [1.1, 0.8, 0.4]]
scales = torch.tensor(scales, dtype=torch.float64)
drops = (corners * scales[:, None]).reshape(-1, 3)
followed = {"strang": rollout(implicit["strang"], drops, 0.8, 600)}
followed["rk4"] = rollout(RK4(fluid.rhs), drops, 0.8, 600)

# %% tags=["hide-input"]
t = np.linspace(0, 30, 1000)
streamlines = fluid.trajectory(drops, t, rtol=1e-9, atol=1e-9)
for name, path in followed.items():
    off = drift(fluid.invariants["product"], path)[-1].max()
    assert off < 0.2 if name == "strang" else off > 0.5
    record(f"fluid-drift-{name}", off, "{:.0%}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-fluid", "caption": "The Taylor–Green flow in a cube. From sixteen initial states on four closed streamlines (solid lines), each method takes 600 steps of $h = 0.8$; every sixth step is shown. First panel: the states of Strang's method, with Newton's method inside, lie on closed curves near the true ones. Second panel: the states of RK4 move inwards from their streamlines."}, "image": {"alt": "Two cubes with the same four closed black curves. Left: green dots lie on closed curves on or beside the black ones. Right: pink dots fill the inside of the curves."}}
figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.8))
for ax, (name, path) in zip(axes, followed.items(), strict=True):
    draw.cell(ax, streamlines.numpy(), path[::6].numpy(), name)

# %% [markdown]
# The product $\cos y_1 \cos y_2 \cos y_3$ is constant along exact streamlines. At the end of the run in
# {numref}`fig-fluid`, its error is at most {glue:text}`fluid-drift-strang` for Strang's method and up to
# {glue:text}`fluid-drift-rk4` for RK4 with the same large step.

# %% [markdown]
# ## Summary
#
# - Symplectic Euler for each local Hamiltonian, composed over the pairs, is a volume-preserving integrator
#   for any divergence-free field. In our tests $|\det J - 1|$ is at most {glue:text}`det-defect` for every step size.
# - The method is explicit where the pair is separable. Where it is not, Newton's method solves one equation for one
#   unknown number.
# - Half a step of a method followed by half a step of its adjoint is symmetric and has order two. A triple jump of this
#   method has order four.
# - RK4 is more accurate for a short time. In a long run its errors in volume, energy and Casimir grow steadily, and the
#   energy and Casimir errors of the reversible splitting methods do not grow.
# - Volume preservation is not enough for long times, as symplectic Euler shows, and symmetry is not enough either, as
#   the turned axes show. For the rigid body, reversibility keeps the energy and the Casimir from drifting.
#
# ## Try it
#
# **1.** In the Volterra ring
# $f = (y_1 (y_3 - y_2), \, y_2 (y_1 - y_3), \, y_3 (y_2 - y_1))$ no pair is separable. Solve
# (16) for the first pair by hand, with $H_{1,2} = y_1 y_2 y_3 - \tfrac12 y_1 y_2^2$. How many iterations does Newton's
# method need? For which $\tau$ does the step not exist?
#
# :::{dropdown} A solution
# $\partial_2 H_{1,2} = y_1 (y_3 - y_2)$ is linear in $y_1$, so (16) reads $Y = y_1 + \tau Y (y_3 - y_2)$. Its solution
# is $Y = y_1 / (1 - \tau (y_3 - y_2))$. Newton's method is exact for a linear equation: the first iteration finds the
# solution, and the second confirms that nothing changes. For $\tau = 1 / (y_3 - y_2)$ there is no solution, and
# `symplectic_euler` raises an error. Try `strang(split(Volterra()))` with initial states and steps of your choice, and
# watch $y_1 + y_2 + y_3$.
# :::

# %% tags=["hide-cell"]
ring = symplectic_euler(split(Volterra()))
at = torch.tensor([1.0, 0.4, 0.9], dtype=torch.float64)
solution = 1 / (1 - 0.5 * (0.9 - 0.4))
assert abs(ring.moves[0](at.unbind(), 0.5) - solution) < 1e-12
try:
    ring(at, 1 / (0.9 - 0.4))
except RuntimeError as refusal:
    print(textwrap.fill(str(refusal), 78))
else:
    raise AssertionError("there is no such step")

# %% [markdown]
# **2.** Run this page again with twice the step: `make rerun NOTEBOOK=integrators PARAMS="tau=0.2"`. By
# which factors do the lines of {numref}`fig-long-run` move up?

# %% tags=["hide-cell"]
for name in ("strang", "fourth", "rk4"):
    count = round(200 / tau * cost["strang"] / cost[name])
    runs = [(1, count), (2, count // 2)]
    h, method = 200 / count, methods[name]
    runs = [rollout(method, begin, f * h, m) for f, m in runs]
    once, twice = (drift(body.invariants["H"], run).max() for run in runs)
    record(f"factor-{name}", twice / once, "{:.1f}")

# %% [markdown]
# :::{dropdown} A solution
# The steps of all methods are proportional to `tau`. The error of Strang's method is proportional to $\tau^2$, and that
# of the fourth-order method to $\tau^4$, so we expect factors near 4 and 16. Measured to $t = 200$, they are
# {glue:text}`factor-strang` and {glue:text}`factor-fourth`. RK4 also has order four, but its energy error grows by a
# factor of {glue:text}`factor-rk4`, which is near $2^5$. The reason is its modified equation. The first error term has
# size $h^4$. It is reversible, as the field of the body is, and makes the energy oscillate. The next term has size
# $h^5$ and makes the energy drift {cite}`hairer2006`.
# :::

# %% [markdown]
# ## What's next
#
# [The next chapter](volume) replaces the known local Hamiltonians by trainable ones. A {term}`gradient module` is a
# move whose rate is learned.
