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
# **Question.** A divergence-free field falls into Hamiltonian pieces, each in one plane. Can we step through time
# piece by piece, and what does that buy against a classical Runge–Kutta method?
#
# **You need** [the splitting](splitting) into {term}`local Hamiltonians <local Hamiltonian>`; half an hour to read.
# The page follows Sec. 2.3 of the paper {cite}`bajars2021`; for the background see {cite}`hairer2006` and
# {cite}`mclachlan2002`.

# %% tags=["parameters"]
tau = 0.1      # step of Strang's method in the long run
steps = 20_000 # of that step
coarse = 0.8   # step of Strang's method for the cloud
seed = 0       # of the random states

# %%
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

from locsym.diagnostics import (
    determinant_defect,
    drift,
    inverse_defect,
    observed_order,
    reversibility_defect,
)
from locsym.flow import Composition, Escaped, adjoint, rollout
from locsym.plots import integrators as draw
from locsym.plots import style
from locsym.splitting import RK4, fourth_order, split, strang, symplectic_euler
from locsym.systems import RigidBody, System, Volterra, coordinates, sphere

torch.set_num_threads(1)
style.use()
generator = torch.Generator().manual_seed(seed)

# %% [markdown]
# ## First, the picture
#
# Take the rigid body, eq. {ref}`(35) <eq-35>`, and its two local Hamiltonians. Three integrators come out of them in
# one line each; the classical method RK4 needs only the field.

# %%
body = RigidBody()
parts = split(body)
methods = {
    "euler": symplectic_euler(parts),
    "strang": strang(parts),
    "fourth": fourth_order(parts),
    "rk4": RK4(body.rhs),
}

# %% [markdown]
# What does a step cost? We count how often one component of a field is evaluated. A step of RK4 evaluates all $n = 3$
# of them four times; a splitting method moves one coordinate at a time, one component a move. At *equal cost* the
# method with the cheaper step takes more and smaller ones.

# %%
cost = {name: len(methods[name].moves) for name in ("euler", "strang", "fourth")}
cost["rk4"] = 4 * body.n
cost

# %% [markdown]
# Now a cloud of initial states: a ball round the start of the paper's orbit, given by a mesh of its surface and by
# random points inside.

# %%
y0 = torch.tensor([np.cos(1.1), 0.0, np.sin(1.1)], dtype=torch.float64)
surface, faces = sphere_mesh(y0, radius=0.2, subdivisions=6)
inside = Ball(y0, 0.2).sample(2000, generator)

# %% [markdown]
# {term}`Strang's method <Strang splitting>` takes the large step `coarse`, RK4 the step of equal cost. The fourth-order
# method, whose inner steps go beyond the outer one, gets half the step of RK4; symplectic Euler, of order 1, a
# sixteenth. We look at four common times, `stride` steps apart.

# %%
equal = coarse * cost["rk4"] / cost["strang"]
step = {"euler": equal / 16, "strang": coarse, "fourth": equal / 2, "rk4": equal}
stride = {name: round(cost["rk4"] * coarse / h) for name, h in step.items()}
shots = torch.tensor([0, 1, 2, 4])
times = shots * stride["strang"] * coarse

# %% [markdown]
# How large is the image of the cloud? We ask twice. By the change of variables, eq. {ref}`(12) <eq-12>`, its volume
# grows by the mean of $|\det \partial \Phi / \partial y_0|$ over the ball, and the determinant of many steps is the
# product of those of the single steps. And the divergence theorem gives the volume inside the moved mesh, as long as
# its triangles are fine enough for the shape.

# %%
images = {"exact": body.trajectory(surface, times, rtol=1e-8, atol=1e-8)}
volume = {"exact": torch.ones(len(shots))}
for name, h in step.items():
    chosen, last = shots * stride[name], int(shots[-1]) * stride[name]
    images[name] = rollout(methods[name], surface, h, last)[chosen]
    volume[name] = volume_growth(methods[name], inside, h, last)[chosen]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cloud", "caption": "A ball of initial states of the rigid body, carried along by the exact flow, by the three splitting methods and by RK4; the black curve is the exact orbit of its centre. Outer states turn at another speed than inner ones, so the ball becomes a spiral and then a ring. The splitting methods draw it with the right volume. RK4 shrinks it."}, "image": {"alt": "Five rows of four pictures. A ball on a sphere is drawn out to a curved drop, a spiral and a ring. In the rows of the exact flow and of the splitting methods the volume written below does not change; in the row of RK4 it falls, and the ring is visibly smaller."}}
orbit = body.trajectory(y0, np.linspace(0, 12, 400)).numpy()
shapes = {name: image.numpy() for name, image in images.items()}
axes = draw.clouds(shapes, faces.numpy(), times.tolist(), volume, orbit)

# %%
mesh_volume = {name: enclosed_volume(images[name], faces) for name in step}
mesh_volume = {name: inner / inner[0] for name, inner in mesh_volume.items()}
splittings = ("euler", "strang", "fourth")
kept = max((volume[name] - 1).abs().max() for name in splittings)
lost = 1 - volume["rk4"][-1]
mesh_error = max((mesh_volume[name] / volume[name] - 1).abs().max() for name in step)

# %%
assert kept < 1e-12
assert lost > 1e-3
assert mesh_error < 0.05
record("splitting-volume", kept)
record("rk4-lost", lost, "{:.0%}")
record("rk4-step", step["rk4"], "{:.2f}")
record("mesh-error", mesh_error, "{:.1%}")

# %% [markdown]
# In {numref}`fig-cloud` RK4, with steps of {glue:text}`rk4-step`, loses {glue:text}`rk4-lost` of the volume. The
# splitting methods keep all of it, to {glue:text}`splitting-volume`. (Determinants and meshes agree to
# {glue:text}`mesh-error`; it is the mesh that loses track, as its triangles are drawn out.) No method is accurate at
# such a step. But the splitting methods are wrong in a way that the true flow could be.

# %% [markdown]
# ## One coordinate at a time
#
# How is it done? In the subsystem {ref}`(15) <eq-15>` of the pair $(y_k, y_{k+1})$ all other coordinates are at rest,
# and the *symplectic Euler method* moves these two:
#
# (eq-16)=
# $$ \bar y_k^{\,n+1} = \bar y_k^{\,n} + \tau \, \frac{\partial H_{k,k+1}}{\partial \bar y_{k+1}}
# (\bar y_1^{\,n}, \dots, \bar y_{k-1}^{\,n}, \bar y_k^{\,n+1}, \bar y_{k+1}^{\,n}, \dots, \bar y_n^{\,n}), \tag{16} $$
#
# (eq-17)=
# $$ \bar y_{k+1}^{\,n+1} = \bar y_{k+1}^{\,n} - \tau \, \frac{\partial H_{k,k+1}}{\partial \bar y_k}
# (\bar y_1^{\,n}, \dots, \bar y_{k-1}^{\,n}, \bar y_k^{\,n+1}, \bar y_{k+1}^{\,n}, \dots, \bar y_n^{\,n}), \tag{17} $$
#
# (eq-18)=
# $$ \bar y_i^{\,n+1} = \bar y_i^{\,n}, \qquad i \ne k, k + 1. \tag{18} $$
#
# (The upper $n$ counts steps, the lower one coordinates.) In {ref}`(16) <eq-16>` the unknown stands on both sides. If
# $H_{k,k+1}$ is separable, eq. {ref}`(6) <eq-6>`, then $\partial H_{k,k+1} / \partial y_{k+1}$ does not depend on
# $y_k$, and (16) is explicit. If not, it is one equation for one number.
#
# Why is volume kept? Each of the two moves changes one coordinate $y_j$ at a rate $g$, and changes volume by a
# factor. For the implicit (16) it is $1 / (1 - \tau \, \partial_k g)$ with $g = \partial_{k+1} H$; for the explicit
# (17) it is $1 + \tau \, \partial_{k+1} g$ with $g = -\partial_k H$. Both contain the same second derivative at the
# same point:
#
# $$ \frac{1}{1 - \tau \, \partial_k \partial_{k+1} H} \cdot \bigl( 1 - \tau \, \partial_{k+1} \partial_k H \bigr)
# = 1. $$
#
# What one move gains the other loses. Now compose the pairs,
#
# (eq-19)=
# $$ \varphi_\tau \approx \psi_\tau^{1,2} \circ \psi_\tau^{2,3} \circ \dots \circ \psi_\tau^{n-1,n}. \tag{19} $$
#
# (claim-composition)=
# :::{admonition} The paper, Sec. 2.3
# :class: paper
# Each $\psi_\tau^{k,k+1}$ is symplectic in its pair, so its determinant is 1 for every $\tau$; so compositions such as
# (19) preserve volume, and approximate the flow with an accuracy that depends on the order of the method and on
# $\tau$.
# :::
#
# Any order of the pairs will do. We let $(y_1, y_2)$ act first, as our networks will; `order="printed"` gives (19) to
# the letter, where it acts last.

# %%
parts

# %% [markdown]
# For the rigid body this is three lines of arithmetic. From $y = (1, 1, 1)$ with $\tau = 0.1$:
# $y_1 = 1 + 0.1 \cdot \tfrac12 = 1.05$, then $y_2 = 1 - 0.1 \cdot 1.05 = 0.895$, then
# $y_3 = 1 + 0.1 \cdot \tfrac12 \cdot 1.05 \cdot 0.895 = 1.0469875$.

# %%
by_hand = torch.tensor([1.05, 0.895, 1.0469875], dtype=torch.float64)
stepped = methods["euler"](torch.ones(3, dtype=torch.float64), 0.1)
assert torch.allclose(stepped, by_hand, rtol=0, atol=1e-15)

# %% [markdown]
# ## Inverse, adjoint, symmetry
#
# An explicit move is undone by an implicit one with $-\tau$, and the other way round. So the inverse of a list of
# moves is the list backwards with the two kinds exchanged, and so is the {term}`adjoint`
# $\Phi^*_h = \Phi_{-h}^{-1}$, with
# $h$ as it was. Half a step and then half a step of the adjoint is Strang's method,
#
# $$ S_h = \Phi^*_{h/2} \circ \Phi_{h/2}, \qquad S_{-h} \circ S_h = \mathrm{id}. $$
#
# Methods with the second property are called symmetric; their order is even. Three steps of $S$ raise it by two, a
# *triple jump* forwards, back and forwards {cite}`yoshida1990`:
#
# $$ S_{\gamma h} \circ S_{(1 - 2 \gamma) h} \circ S_{\gamma h}, \qquad \gamma = \frac{1}{2 - 2^{1/3}}. $$

# %%
states = Ball(torch.zeros(3, dtype=torch.float64), 1.0).sample(300, generator)
halves = Composition(methods["euler"], adjoint(methods["euler"]), weights=(0.5, 0.5))
assert (halves(states, 0.3) - methods["strang"](states, 0.3)).abs().max() < 1e-13

# %%
undone = max(inverse_defect(methods[name], states, 0.1).max() for name in splittings)
symmetry = {}
for name, method in methods.items():
    symmetry[name] = reversibility_defect(method, states, 0.1).max()
symmetric = max(symmetry["strang"], symmetry["fourth"])

# %%
assert undone < 1e-12
assert symmetric < 1e-12 < symmetry["rk4"] < symmetry["euler"]
record("undone", undone)
record("symmetry-strang", symmetric)
record("symmetry-euler", symmetry["euler"])
record("symmetry-rk4", symmetry["rk4"])

# %% [markdown]
# At random states, a step forth and its inverse leave {glue:text}`undone`. A step forth and a step of $-h$ back leave
# {glue:text}`symmetry-strang` with the symmetric methods, {glue:text}`symmetry-euler` with symplectic Euler, and
# {glue:text}`symmetry-rk4` with RK4.

# %% [markdown]
# ## Volume, at every step size
#
# The determinant of one step, by automatic differentiation, at {glue:text}`states` random states in
# the unit ball.

# %%
sizes = np.geomspace(0.02, 1.0, 12)
defects = {name: [] for name in methods}
for name, method in methods.items():
    for h in sizes:
        defects[name].append(float(determinant_defect(method, states, h).max()))

# %%
kept = max(max(defects[name]) for name in splittings)
assert kept < 1e-12, "kept to rounding, not approximately"
record("states", len(states))
record("det-defect", kept)
record("det-rk4", determinant_defect(methods["rk4"], states, 0.1).max())

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-determinant", "caption": "How far one step is from keeping volume: the largest $|\\det J - 1|$ over random states, against the step size. The splitting methods stay at rounding for every step; RK4 gains digits only by smaller steps."}, "image": {"alt": "Log-log plot: three flat lines at the level of rounding, and one line for RK4 that rises steeply with h."}}
ax = draw.defects(sizes, defects)

# %% [markdown]
# For the three splitting methods it differs from one by at most {glue:text}`det-defect`, at any step size in
# {numref}`fig-determinant`; for RK4 by {glue:text}`det-rk4` at $h = 0.1$. And over many steps? The cloud again, each
# method with a step of its own.

# %%
runs = {"euler": coarse / 8, "strang": coarse, "fourth": coarse, "rk4": step["rk4"]}
growth = {}
for name, h in runs.items():
    ratio = volume_growth(methods[name], inside, h, round(float(times[-1]) / h))
    growth[name] = (h * np.arange(len(ratio)), ratio)
cloud_defect = max((growth[name][1] - 1).abs().max() for name in splittings)
assert cloud_defect < 1e-12
record("cloud-defect", cloud_defect)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-volume", "caption": "The volume of the cloud over time. Lines: from the determinants of every step. Rings: inside the mesh, which falls behind when the shape outgrows its triangles."}, "image": {"alt": "Three lines on top of each other at volume one, and the line of RK4 that falls steadily, with rings close to the lines."}}
ax = draw.volumes(growth, {name: (times, mesh_volume[name]) for name in step})

# %% [markdown]
# The three lines at one are three: they agree to {glue:text}`cloud-defect`.

# %% [markdown]
# ## Order
#
# The error at $t = 2$ against the exact flow, and its slope over the step size. Starts on the unit sphere.

# %%
ball = sphere(20, "area", generator)
sizes = [2 / m for m in (16, 24, 32, 48, 64)]
fits = {
    name: observed_order(method, body.flow, ball, sizes, time=2.0)
    for name, method in methods.items()
}

# %%
for name, order in {"euler": 1, "strang": 2, "fourth": 4, "rk4": 4}.items():
    assert abs(fits[name].order - order) < 0.1, name
    record(f"order-{name}", fits[name].order, "{:.3f}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-order", "caption": "Largest error at t = 2 against the step size, and the slope of each line."}, "image": {"alt": "Log-log plot with four straight lines of slopes one, two, four and four; RK4 lies lowest."}}
ax = draw.orders(sizes, {name: (fit.errors, fit.order) for name, fit in fits.items()})

# %% [markdown]
# The slopes are {glue:text}`order-euler`, {glue:text}`order-strang`, {glue:text}`order-fourth` and
# {glue:text}`order-rk4`. For a short time and a small error RK4 is the best of the four. So why bother?

# %% [markdown]
# ## A long run, at equal cost
#
# Strang's method takes `steps` steps of `tau`. The others get the same number of component evaluations for the same
# time. We watch the energy $H$, eq. {ref}`(36) <eq-36>`, and
# the {term}`Casimir` $I$, eq. {ref}`(37) <eq-37>`. No method here
# is told about either. An orbit that leaves the floating-point numbers ends there.

# %%
total = tau * steps
begin = sphere(6, "area", generator)
orbits, each = {}, {}
for name, method in methods.items():
    count = round(steps * cost["strang"] / cost[name])
    each[name] = total / count
    try:
        orbits[name] = rollout(method, begin, each[name], count)
    except Escaped as left:
        orbits[name] = left.orbit

# %%
errors = {"H": {}, "I": {}}
for label, runs in errors.items():
    for name, path in orbits.items():
        path = path[: int((path.abs().amax((1, 2)) < 1e3).sum())]  # beyond the picture
        error = drift(body.invariants[label], path).amax(-1).numpy()
        runs[name] = (each[name] * np.arange(len(path)), error)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-long-run", "caption": "Relative error of the energy H and of the Casimir I, the largest over six orbits, at equal cost. RK4 starts lowest and loses both steadily. The symmetric splitting methods make their error at once and then no more. Symplectic Euler keeps volume as well as they do, and still drifts away."}, "image": {"alt": "Two log-log panels over time. The lines of Strang and the fourth-order method are flat; that of RK4 starts lower and rises in proportion to time until it crosses them; that of symplectic Euler rises from the start and leaves the picture."}}
axes = draw.long_run(errors)

# %%
for runs in errors.values():
    for name in ("strang", "fourth"):
        first, second = np.array_split(runs[name][1], 2)
        assert second.max() < 2 * first.max(), "no more than at the beginning"
        assert second.max() < tau**2

# %%
t_rk4, rk4 = errors["H"]["rk4"]
bound = {name: errors["H"][name][1].max() for name in ("strang", "fourth")}
crossing = {name: t_rk4[rk4 > bound[name]].min(initial=np.inf) for name in bound}
if total >= 1000:  # long enough to tell growth from the oscillation at the start
    assert rk4[-1] > 1.5 * rk4[len(rk4) // 2], "RK4 loses energy steadily"

# %%
for name, t in crossing.items():
    record(f"bound-{name}", bound[name])
    record(f"crossing-{name}", t, "{:.0f}")
record("rk4-end", rk4[-1])
record("total", total, "{:.0f}")

# %% [markdown]
# On the whole run to $t =$ {glue:text}`total` the error of the energy is at most {glue:text}`bound-strang` for
# Strang's method and {glue:text}`bound-fourth` for the fourth-order one, and the second half of the run stays within
# twice the first. RK4's grows in proportion to time. It is above the fourth-order method's for the first time at
# $t =$ {glue:text}`crossing-fourth`, above Strang's at $t =$ {glue:text}`crossing-strang`, and ends at
# {glue:text}`rk4-end`. (A time of inf means: not on this run.)
#
# The fourth line is a warning. Symplectic Euler keeps volume to the last digit, as the others do, and spirals away in
# {numref}`fig-long-run`. Volume alone is not enough: in three dimensions there is room to leave a sphere without
# changing any volume. What holds the symmetric methods is that going back in time undoes them, as it does the body.
# The networks of the paper are built like symplectic Euler; their symmetric form, published later, like Strang.

# %% [markdown]
# ## Where Newton is needed
#
# A fluid in a cube, after Taylor and Green {cite}`taylor1937`: here every component depends on its own coordinate, so
# that no partial divergence vanishes and no pair is separable.

# %%
x, y, z = coordinates(3)
u = sp.cos(x) * sp.sin(y) * sp.sin(z)
v = sp.sin(x) * sp.cos(y) * sp.sin(z)
w = -2 * sp.sin(x) * sp.sin(y) * sp.cos(z)
product = sp.cos(x) * sp.cos(y) * sp.cos(z)
fluid = System("Taylor–Green flow", (x, y, z), (u, v, w), {"product": product})

# %%
cells = split(fluid)
assert not any(cells.separable)
cells

# %% [markdown]
# Equation {ref}`(16) <eq-16>` for $y_1$ is $Y = y_1 + \tau \cos Y \sin y_2 \sin y_3$. Newton's method solves it for
# the whole batch at once, and says so if it cannot. The derivative comes with the last iteration: one Newton step at
# the root, differentiated, is the implicit function theorem.

# %%
implicit = {
    "euler": symplectic_euler(cells),
    "strang": strang(cells),
    "fourth": fourth_order(cells),
}
particles = 2 * torch.rand(100, 3, generator=generator, dtype=torch.float64) - 1

# %%
for order, (name, method) in zip((1, 2, 4), implicit.items(), strict=True):
    fit = observed_order(method, fluid.flow, particles, sizes[:-1], time=2.0)
    assert abs(fit.order - order) < 0.1, name
    record(f"fluid-order-{name}", fit.order, "{:.3f}")

# %%
fluid_kept = max(determinant_defect(m, particles, 0.3).max() for m in implicit.values())
fluid_lost = determinant_defect(RK4(fluid.rhs), particles, 0.3).max()
fluid_undone = max(inverse_defect(m, particles, 0.3).max() for m in implicit.values())
assert max(fluid_kept, fluid_undone) < 1e-12 < 1e-8 < fluid_lost
record("fluid-det", fluid_kept)
record("fluid-det-rk4", fluid_lost)
record("fluid-undone", fluid_undone)

# %% [markdown]
# The orders are {glue:text}`fluid-order-euler`, {glue:text}`fluid-order-strang` and {glue:text}`fluid-order-fourth`.
# At $h = 0.3$ the determinants are off by {glue:text}`fluid-det`, those of RK4 by {glue:text}`fluid-det-rk4`; a step
# and its inverse leave {glue:text}`fluid-undone`. A solved equation costs digits, but few: volume is kept as well as
# Newton's method converges, and it converges to rounding.

# %%
corners = torch.cartesian_prod(*3 * [torch.tensor([-1.0, 1.0], dtype=torch.float64)])
scales = torch.tensor([[0.5, 0.8, 0.45], [1.1, 0.8, 0.4]], dtype=torch.float64)
drops = (corners * scales[:, None]).reshape(-1, 3)
streamlines = fluid.trajectory(drops, np.linspace(0, 30, 1000), rtol=1e-9, atol=1e-9)

# %%
followed = {}
for name, method in {"strang": implicit["strang"], "rk4": RK4(fluid.rhs)}.items():
    followed[name] = rollout(method, drops, 0.8, 600)
    off = drift(fluid.invariants["product"], followed[name])[-1].max()
    assert off < 0.2 if name == "strang" else off > 0.5
    record(f"fluid-drift-{name}", off, "{:.0%}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-fluid", "caption": "Taylor–Green flow in a cube: 600 steps of h = 0.8 from sixteen starts on four streamlines (black), which close; every sixth step is shown. Left: Strang's method, with Newton inside, stays on closed curves near the true ones. Right: RK4 falls inwards from its streamline."}, "image": {"alt": "Two cubes with the same four closed black curves. Left: green dots lie on closed curves on or beside the black ones. Right: pink dots fill the inside of the curves."}}
figure, axes = plt.subplots(1, 2, figsize=(9.0, 4.4))
for ax, (name, path) in zip(axes, followed.items(), strict=True):
    draw.cell(ax, streamlines.numpy(), path[::6].numpy(), name)

# %% [markdown]
# In {numref}`fig-fluid` the product $\cos y_1 \cos y_2 \cos y_3$, constant along true streamlines, is off by at most
# {glue:text}`fluid-drift-strang` at the end for Strang's method and {glue:text}`fluid-drift-rk4` for RK4 with the
# same, large step.

# %% [markdown]
# ## Summary
#
# - Symplectic Euler for each local Hamiltonian, composed over the pairs, is a volume-preserving integrator
#   for any divergence-free field: $|\det J - 1|$ is at most {glue:text}`det-defect` at every step size tried.
# - It is explicit where the pair is separable; Newton's method solves one equation for one number where it is not.
# - Half a step with half a step of the adjoint is symmetric and of order two; a triple jump makes order four.
# - RK4 is more accurate for a short time. At equal cost it loses volume, energy and Casimir steadily, and the symmetric
#   splitting methods do not.
# - Keeping volume is not enough for long times, as symplectic Euler shows; symmetry is what helps.
#
# ## Try it
#
# **1.** On the Volterra ring
# $f = (y_1 (y_3 - y_2), \, y_2 (y_1 - y_3), \, y_3 (y_2 - y_1))$ no pair is separable. Solve
# (16) for the first pair by hand, with $H_{1,2} = y_1 y_2 y_3 - \tfrac12 y_1 y_2^2$. How many iterations does Newton
# need? For which $\tau$ does the step not exist?
#
# :::{dropdown} A solution
# $\partial_2 H_{1,2} = y_1 (y_3 - y_2)$ is linear in $y_1$, so (16) reads $Y = y_1 + \tau Y (y_3 - y_2)$ and $Y = y_1
# / (1 - \tau (y_3 - y_2))$. Newton's method is exact for a linear equation: one iteration finds it, another one sees
# that nothing changes. At $\tau = 1 / (y_3 - y_2)$ there is no solution, and `symplectic_euler` raises an error
# there. Try `strang(split(Volterra()))` with the starts and steps of your choice, and watch $y_1 + y_2 + y_3$.
# :::

# %% tags=["hide-cell"]
ring = symplectic_euler(split(Volterra()))
at = torch.tensor([1.0, 0.4, 0.9], dtype=torch.float64)
assert abs(ring.moves[0](at.unbind(), 0.5) - 1 / (1 - 0.5 * (0.9 - 0.4))) < 1e-12
try:
    ring(at, 1 / (0.9 - 0.4))
except RuntimeError as refusal:
    print(refusal)
else:
    raise AssertionError("there is no such step")

# %% [markdown]
# **2.** Rerun the page with twice the step: `make rerun NOTEBOOK=integrators PARAMS="tau=0.2"`. By which factors do
# the lines of {numref}`fig-long-run` move up?

# %% tags=["hide-cell"]
for name in ("strang", "fourth", "rk4"):
    count = round(200 / tau * cost["strang"] / cost[name])
    paths = [rollout(methods[name], begin, f * 200 / count, count // f) for f in (1, 2)]
    once, twice = (drift(body.invariants["H"], path).max() for path in paths)
    record(f"factor-{name}", twice / once, "{:.1f}")

# %% [markdown]
# :::{dropdown} A solution
# All steps are in proportion to `tau`. The level of Strang's method goes with $\tau^2$, that of the fourth-order method
# with $\tau^4$: factors near 4 and 16, measured to $t = 200$ they are {glue:text}`factor-strang` and
# {glue:text}`factor-fourth`. RK4 has order four as well, but its energy moves by {glue:text}`factor-rk4`, near
# $2^5$: the first error term of its modified equation, of size $h^4$, is as reversible as the body and makes the energy
# oscillate; the next one, of size $h^5$, makes it drift {cite}`hairer2006`.
# :::

# %% [markdown]
# ## What's next
#
# [Chapter 3](volume) replaces the known local Hamiltonians by trainable ones: a {term}`gradient module`
# is a move whose rate is learned.
