r"""One linearisation of a network of gradient modules: J·v, Jᵀ·v, and the Gram matrix J Jᵀ in closed form.

The residual is :math:`r_{a,o} = \Phi_{h_a}(y_a)_o - \text{target}_{a,o}`, flat with the samples outermost, and J its
derivative with respect to all weights. Nobody needs to form J. A module moves :math:`y_j` along column κ of W, so with
:math:`x = \hat y`, :math:`\sigma = \sigma(W x + b)` and elementwise products

.. math::
    c = w \, W_\kappa \sigma', \qquad p = w \, \sigma, \qquad q = W_\kappa \sigma, \qquad
    dY_j = s h \, \bigl[ \textstyle\sum_i c_i \, (x \cdot dW_i + db_i) + p \cdot dW_\kappa + q \cdot dw \bigr].

One backward sweep of the n output directions through the modules gives
:math:`g_{v,a,o} = s h_a \, \partial \Phi_o / \partial Y_j` for every visit v of a module, and everything follows:

.. math::
    (J J^\top)_{(a,o),(b,o')} = \sum_{v, v'} g_{v,a,o} \, g_{v',b,o'} \, \langle D_{v,a}, D_{v',b} \rangle

where v and v' visit the same module and, with :math:`u = x_\kappa c + p`,

.. math::
    \langle D_a, D_b \rangle = (c_a \cdot c_b) \, \bigl( 1 + \textstyle\sum_{i \ne \kappa} x_{a,i} x_{b,i} \bigr)
    + u_a \cdot u_b + q_a \cdot q_b .

A module that moves several coordinates, eqs. (20)–(21), is so many visits with the same weights: what it
moves it does not read.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor

from ..guards import check_states
from .network import Network
from .shears import Activation, GradientModule

BLOCK = 2**18  # numbers in a block of scratch: two MB, which stay in cache


def _sigmoid(z: Tensor) -> tuple[Tensor, Tensor]:
    s = torch.sigmoid(z)
    return s, s * (1 - s)


def _tanh(z: Tensor) -> tuple[Tensor, Tensor]:
    s = torch.tanh(z)
    return s, 1 - s * s


def _swish(z: Tensor) -> tuple[Tensor, Tensor]:
    s = torch.sigmoid(z)
    return z * s, s * (1 + z * (1 - s))


ANALYTIC = {"sigmoid": _sigmoid, "tanh": _tanh, "swish": _swish, "linear": lambda z: (z, torch.ones_like(z))}


def with_derivative(activation: str | Activation) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """Return z → (σ(z), σ'(z)): by formula where the activation has a name, else by automatic differentiation."""
    if isinstance(activation, str):
        return ANALYTIC[activation]

    def differentiated(z: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            value = activation(z)
            return value.detach(), torch.autograd.grad(value.sum(), z)[0]

    return differentiated


def obstacle(network: Network) -> str | None:
    """Say why a network has no closed form here; None where it has."""
    if not all(isinstance(layer, GradientModule) for layer in network.layers):
        return "not all of its modules are gradient modules"
    kinds = {(layer.W.shape, layer.activation, len(layer.moved)) for layer in network.layers}
    turns = Counter(i for i, _ in network.visits)
    if len(kinds) > 1:
        return "its modules differ in width, activation or number of coordinates"
    return "its modules are not visited equally often" if len(set(turns.values())) > 1 else None


class Linearisation:
    r"""A network and its data, ready to be linearised at any weights :math:`\theta` ``(P,)``.

    θ is in the order of ``network.parameters()``. y, target: ``(N, n)``; h: ``(N,)``.
    Raises TypeError or ValueError for other shapes and dtypes, and ValueError where the network has an
    :func:`obstacle`. Weights that make the step overflow are not refused: the residual is then not finite, and
    training looks at it.
    """

    def __init__(self, network: Network, y: Tensor, h: Tensor, target: Tensor):
        if reason := obstacle(network):
            raise ValueError(f"network: {reason}, so that its modules cannot be stacked into one array")
        layers, device = list(network.layers), y.device
        check_states(y, network.n, layers[0].W)
        if y.ndim != 2 or h.shape != y.shape[:1] or target.shape != y.shape:
            found = ", ".join(str(tuple(x.shape)) for x in (y, h, target))
            raise ValueError(f"y, h, target: shapes (N, {network.n}), (N,), (N, {network.n}) are needed, got {found}")
        (self.m, self.r), self.n, self.L = layers[0].W.shape, network.n, len(layers)
        self.bias, self.sigma = layers[0].b is not None, with_derivative(layers[0].activation)
        self.y, self.h, self.target = y, h, target
        # W is kept with n columns, zero where a module does not read: x·W is y·W, without picking coordinates
        self.read = torch.tensor([layer.read for layer in layers], device=device)
        self.pick = torch.full((self.L, self.n), self.r, device=device)
        self.pick.scatter_(1, self.read, torch.arange(self.r, device=device).expand(self.L, -1))
        self.reads = (self.pick < self.r).to(y.dtype)
        # one entry a visit: (place in the stacked arrays, layer, moved, partner, signed share of h); visit t of layer l
        # has place t L + l
        self.visits, seen = [], [0] * self.L
        for i, c in network.visits:
            for j, k in zip(layers[i].moved, layers[i].columns, strict=True):
                self.visits.append((seen[i] * self.L + i, i, j, layers[i].read[k], layers[i].sign * c))
                seen[i] += 1
        self.T = seen[0]
        order = sorted(self.visits)
        self.layer = torch.tensor([i for _, i, *_ in order], device=device)
        self.partner = torch.tensor([kappa for *_, kappa, _ in order], device=device)

    @property
    def P(self) -> int:
        """Number of weights."""
        return self.L * self.m * (self.r + 1 + self.bias)

    def unpack(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor | float]:
        """Split θ into W ``(L, m, n)``, zero where nothing is read, w ``(L, m)`` and b ``(L, m)`` (0.0 for linear)."""
        L, m, r = self.L, self.m, self.r
        if theta.shape != (self.P,):
            raise ValueError(f"theta: a vector of {self.P} numbers is needed, one a weight, got {tuple(theta.shape)}")
        W, w, *b = theta.view(L, -1).split([m * r, m] + [m] * self.bias, dim=1)
        W = torch.cat([W.reshape(L, m, r), theta.new_zeros(L, m, 1)], dim=2)
        return W.gather(2, self.pick.unsqueeze(1).expand(L, m, self.n)), w, (b[0] if b else 0.0)

    def pack(self, W: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        """Put ``(L, m, n)``, ``(L, m)``, ``(L, m)`` into one vector ``(P,)``: the transpose of :meth:`unpack`."""
        W = W.gather(2, self.read.unsqueeze(1).expand(self.L, self.m, self.r))
        return torch.cat([W.flatten(1), w] + ([b] if self.bias else []), dim=1).flatten()

    def hidden(self, y: Tensor, W: Tensor, b: Tensor | float, i: int) -> Tensor:
        """Return W ŷ + b, ``(N, m)``, for module i."""
        return torch.addmm(b[i], y, W.T) if self.bias else y @ W.T

    def by_layer(self, x: Tensor) -> Tensor:
        """Add up the visits of each module: ``(T L, ...)`` to ``(L, ...)``."""
        return x.unflatten(0, (self.T, self.L)).sum(0)

    def residual(self, theta: Tensor) -> Tensor:
        """Return r(θ), ``(N, n)``, without storing anything for derivatives."""
        W, w, b = self.unpack(theta)
        y = self.y.clone()
        for _, i, j, kappa, s in self.visits:
            S, _ = self.sigma(self.hidden(y, W[i], b, i))
            y[:, j] += s * self.h * (S @ (w[i] * W[i, :, kappa]))
        return y - self.target

    def at(self, theta: Tensor) -> Tangent:
        """Linearise at θ: one forward and one backward sweep."""
        return Tangent(self, theta.detach())


class Tangent:
    """The derivative J ``(N n, P)`` of the residual at given weights, as the three products that training needs.

    residual: r, ``(N, n)``. Vectors of residuals may be ``(N, n)`` or flat.
    """

    def __init__(self, source: Linearisation, theta: Tensor):
        self.source, (N, n), V, m = source, source.y.shape, len(source.visits), source.m
        self.W, self.w, b = source.unpack(theta)
        self.W_partner = self.W[source.layer, :, source.partner]  # (V, m)
        y, new = source.y.clone(), theta.new_empty
        self.X, self.C, self.S = new(V, N, n), new(V, N, m), new(V, N, m)  # ŷ with zeros where nothing is read, c, σ
        for v, i, j, _, s in source.visits:
            self.X[v] = y
            self.S[v], slope = source.sigma(source.hidden(y, self.W[i], b, i))
            torch.mul(slope, self.w[i] * self.W_partner[v], out=self.C[v])
            y[:, j] += s * source.h * (self.S[v] @ (self.w[i] * self.W_partner[v]))
        self.X *= source.reads[source.layer].unsqueeze(1)
        self.residual = y - source.target
        slopes = self.C @ self.W[source.layer]  # ∂Y_j/∂ŷ = s h · slopes
        adjoint = torch.eye(n, dtype=theta.dtype, device=theta.device).repeat(N, 1, 1)  # ∂Φ_o/∂y: (N, o, coordinate)
        self.g = new(V, N, n)
        for v, _, j, _, s in reversed(source.visits):
            torch.mul(adjoint[:, :, j], (s * source.h).unsqueeze(1), out=self.g[v])
            adjoint.baddbmm_(self.g[v].unsqueeze(2), slopes[v].unsqueeze(1))

    def jvp(self, delta: Tensor) -> Tensor:
        """Return J δ, ``(N n)``; δ: ``(P,)``."""
        source = self.source
        dW, dw, db = source.unpack(delta)
        layer, n = source.layer, source.n
        dW_partner = dW[layer, :, source.partner]
        dY = ((self.C @ dW[layer]) * self.X).sum(2, keepdim=True)
        dY += self.S @ (self.w[layer] * dW_partner + self.W_partner * dw[layer]).unsqueeze(2)
        if source.bias:
            dY += self.C @ db[layer].unsqueeze(2)
        return (self.g * dY).sum(0).reshape(-1, n).flatten()

    def vjp(self, v: Tensor) -> Tensor:
        """Return Jᵀ v, ``(P,)``; with v = 2 r / (N n) it is the gradient of the mean squared error."""
        source = self.source
        gamma = (self.g * v.view_as(source.y)).sum(2, keepdim=True)  # (V, N, 1)
        dW = self.C.mT @ (gamma * self.X)
        s = (self.S.mT @ gamma).squeeze(2)
        dW[range(len(dW)), :, source.partner] += s * self.w[source.layer]
        db = source.by_layer((self.C.mT @ gamma).squeeze(2)) if source.bias else None
        return source.pack(source.by_layer(dW), source.by_layer(s * self.W_partner), db)

    def jacobian(self, rows: slice = slice(None)) -> Tensor:
        """Return the rows of J itself that belong to these samples, ``(samples n, P)``."""
        source, g = self.source, self.g[:, rows]
        C, S, X = self.C[:, rows], self.S[:, rows], self.X[:, rows]
        D = C.unsqueeze(3) * X.unsqueeze(2)  # (V, samples, m, n)
        D[range(len(D)), :, :, source.partner] += S * self.w[source.layer].unsqueeze(1)
        read = source.read[source.layer][:, None, None].expand(*D.shape[:3], source.r)
        D = [D.gather(3, read).flatten(2), S * self.W_partner.unsqueeze(1)] + [C] * source.bias
        J = g.unsqueeze(3) * torch.cat(D, dim=2).unsqueeze(2)  # (V, samples, o, weights of one module)
        return source.by_layer(J).permute(1, 2, 0, 3).reshape(-1, source.P)

    def normal(self, out: Tensor | None = None) -> Tensor:
        """Return Jᵀ J, ``(P, P)``, summed over blocks of samples: for many more residuals than weights."""
        (N, n), P = self.source.y.shape, self.source.P
        A, rows = self.g.new_zeros(P, P) if out is None else out.zero_(), max(1, 1024 // n)
        for a in range(0, N, rows):
            J = self.jacobian(slice(a, a + rows))
            A.addmm_(J.T, J)
        return A

    def gram(self, out: Tensor | None = None) -> Tensor:
        """Return J Jᵀ, ``(N n, N n)``: its lower block triangle (samples b <= a), all that a Cholesky factor reads.

        out: a matrix to write over. Scratch arrays are small and used again, for the same reason: touching fresh
        memory would cost more than the arithmetic.
        """
        source, g, (N, n), L = self.source, self.g, self.source.y.shape, self.source.L
        turns = [slice(t * L, (t + 1) * L) for t in range(source.T)]
        rows, few = (max(1, min(N, BLOCK // size)) for size in (L * N, 4 * L * N * n))
        one, two, weighted = (g.new_empty(L * N * size) for size in (rows, rows, few * n))
        G = g.new_zeros(N, n, N, n) if out is None else out.zero_().view(N, n, N, n)
        by_output = g.mT.contiguous()
        for v, w in itertools.product(turns, turns):
            (C, A, F), (C_w, A_w, F_w) = self._features(v, w), self._features(w, v, turned=True)
            for a in range(0, N, rows):
                e = min(a + rows, N)
                inner, other = (x[: L * (e - a) * e].view(L, e - a, e) for x in (one, two))
                torch.bmm(C[:, a:e], C_w[:, :e].mT, out=inner)
                inner *= torch.bmm(A[:, a:e], A_w[:, :e].mT, out=other)
                inner.baddbmm_(F[:, a:e], F_w[:, :e].mT)  # ⟨D_a, D_b⟩
                for i in range(a, e, few):
                    k = min(i + few, e)
                    b = weighted[: (k - i) * L * n * k].view(k - i, L, n, k)
                    torch.mul(inner[:, i - a : k - a, :k].transpose(0, 1).unsqueeze(2), by_output[w, :, :k], out=b)
                    G[i:k, :, :k] += (g[v, i:k].permute(1, 2, 0) @ b.flatten(2)).view(k - i, n, n, k).mT
        return G.view(N * n, N * n)

    def _features(self, v: slice, w: slice, turned: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        r"""Return c, the x (and 1) of the coordinates that are partner to neither visit, and the rest of D, visits v.

        Where v and w have the same partner, the rest is u and q. Where they have not (a module that moves several
        coordinates), column κ of dW has u in visit v and :math:`x_\kappa c` in visit w, and the other way round.
        """
        source, C, S, X, m = self.source, self.C[v], self.S[v], self.X[v], self.source.m
        kappa, other = (source.partner[s].view(-1, 1, 1).expand(-1, X.shape[1], 1) for s in (v, w))
        A = X.scatter(2, kappa, 0.0).scatter_(2, other, 0.0)
        A = torch.cat([A, torch.ones_like(A[:, :, :1])], dim=2) if source.bias else A
        same = kappa == other
        F = C.new_empty(*C.shape[:2], 2 * m if same.all() else 3 * m)
        u, q = F[:, :, :m], F[:, :, m : 2 * m]
        torch.mul(C, X.gather(2, kappa), out=u).addcmul_(S, self.w.unsqueeze(1))
        torch.mul(S, self.W_partner[v].unsqueeze(1), out=q)
        if not same.all():
            across = X.gather(2, other) * C
            F[:, :, 2 * m :] = torch.where(same, 0.0, u if turned else across)
            u.copy_(torch.where(same, u, across) if turned else u)
        return C, A, F
