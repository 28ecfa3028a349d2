r"""One linearisation of a network of gradient modules: J·v, Jᵀ·v, Jᵀ J and J Jᵀ, without forming J.

The residual is :math:`r_{a,o} = \Phi_{h_a}(y_a)_o - \text{target}_{a,o}`, flat with the samples outermost, and J its
derivative with respect to all weights. A module moves :math:`y_j` along column κ of W, so with :math:`x = \hat y`,
:math:`\sigma = \sigma(W x + b)` and elementwise products

.. math::
    c = w \, W_\kappa \sigma', \qquad p = w \, \sigma, \qquad q = W_\kappa \sigma,

.. math::
    dY_j = s h \, \bigl[ \textstyle\sum_i c_i \, (x \cdot dW_i + db_i) + p \cdot dW_\kappa + q \cdot dw \bigr].

One forward sweep keeps x, c and σ of every visit v of a module. One backward sweep of the n output directions gives
:math:`g_{v,a,o} = s h_a \, \partial \Phi_o / \partial Y_j`. Every product follows from these arrays; the closed form of
J Jᵀ is in :mod:`locsym.networks.gram_matrix`.

A module that moves several coordinates, eqs. (20)–(21), counts as so many visits with the same weights, since it does
not read what it moves.
"""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor, nn

from ..guards import check_states
from .gram_matrix import Visits, gram_matrix
from .network import MIRROR, Network
from .shears import gradient_modules

Visit = tuple[int, int, int, int, float]  # see Linearisation.path


def why_no_closed_form(network: nn.Module) -> str | None:
    """Return the reason why a network has no closed form here.

    Args:
        network: The network.

    Returns:
        The reason in words, or None if there is a closed form.
    """
    if not isinstance(network, Network):
        return f"{type(network).__name__} is no network of modules"
    if not network.is_sequential:
        return f"{type(network).__name__} has a step of its own"
    layers = gradient_modules(network.layers)
    if len(layers) < len(network.layers):
        return "not all of its modules are gradient modules"
    kinds = {(layer.W.shape, layer.activation, len(layer.moved)) for layer in layers}
    turns = Counter(i for i, _ in network.visits if i != MIRROR)
    if len(kinds) > 1:
        return "its modules differ in width, activation or number of coordinates"
    return "its modules are not visited equally often" if len(set(turns.values())) > 1 else None


class Linearisation:
    r"""A network and its data, ready to be linearised at any weights :math:`\theta` ``(P,)``.

    θ is in the order of ``network.parameters()``. If weights make the step overflow, nothing is raised: the residual is
    then not finite, which training notices.

    Args:
        network: A network of gradient modules, see :func:`why_no_closed_form`.
        y: The states before the step, ``(N, n)``, with the dtype of the weights.
        h: The time steps, ``(N,)``.
        target: The states after the step, ``(N, n)``.

    Raises:
        TypeError: If the states are no floating-point tensor, or of another dtype than the weights.
        ValueError: If a shape does not fit, or if the network has no closed form.

    Example:
        >>> import torch
        >>> from locsym import LocSympNet
        >>> from locsym.networks import Linearisation
        >>> net = LocSympNet(n=3, K=1, width=4)
        >>> y = torch.zeros(5, 3, dtype=torch.float64)
        >>> problem = Linearisation(net, y, h=y[:, 0], target=y)
        >>> theta = torch.cat([p.detach().flatten() for p in net.parameters()])
        >>> problem.at(theta).jacobian().shape  # 5 samples of 3 components, P weights
        torch.Size([15, 64])
    """

    def __init__(self, network: nn.Module, y: Tensor, h: Tensor, target: Tensor):
        reason = why_no_closed_form(network)
        if reason is not None or not isinstance(network, Network):
            raise ValueError(f"network: {reason}; the closed form needs modules that can be stacked into one array")
        layers, device = gradient_modules(network.layers), y.device
        check_states("y", y, network.n, layers[0].W)
        if y.ndim != 2 or h.shape != y.shape[:1] or target.shape != y.shape:
            found = ", ".join(str(tuple(x.shape)) for x in (y, h, target))
            raise ValueError(f"y, h, target: shapes (N, {network.n}), (N,), (N, {network.n}) are needed, got {found}")
        (self.m, self.r), self.n, self.L = layers[0].W.shape, network.n, len(layers)
        self.bias, self.activation = layers[0].b is not None, layers[0].activation
        self.y, self.h, self.target = y, h, target
        # W is kept with n columns, zero where a module does not read: x·W is y·W, without picking coordinates
        self.read = torch.tensor([layer.read for layer in layers], device=device)
        self.pick = torch.full((self.L, self.n), self.r, device=device)
        self.pick.scatter_(1, self.read, torch.arange(self.r, device=device).expand(self.L, -1))
        self.reads = (self.pick < self.r).to(y.dtype)
        # one entry a visit: (place in the stacked arrays, layer, moved, partner, signed share of h); visit t of layer l
        # has place t L + l. A matrix on the path reflects the states.
        self.path: list[Visit | Tensor] = []
        seen = [0] * self.L
        for i, c in network.visits:
            if i == MIRROR and network.mirror is not None:
                self.path.append(network.mirror)
                continue
            for j, k in zip(layers[i].moved, layers[i].columns, strict=True):
                self.path.append((seen[i] * self.L + i, i, j, layers[i].read[k], layers[i].sign * c))
                seen[i] += 1
        self.visits = [visit for visit in self.path if not isinstance(visit, Tensor)]
        self.T = seen[0]
        order = sorted(self.visits)
        self.layer = torch.tensor([i for _, i, *_ in order], device=device)
        self.partner = torch.tensor([kappa for *_, kappa, _ in order], device=device)

    @property
    def P(self) -> int:
        """Number of weights."""
        return self.L * self.m * (self.r + 1 + self.bias)

    def unpack(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor | float]:
        """Split θ into the weights of the modules.

        Args:
            theta: The weights θ, ``(P,)``.

        Returns:
            W ``(L, m, n)``, zero where nothing is read, w ``(L, m)``, and b ``(L, m)``, which is 0.0 without biases.

        Raises:
            ValueError: If there is not one number for each weight.
        """
        L, m, r = self.L, self.m, self.r
        if theta.shape != (self.P,):
            raise ValueError(f"theta: a vector of {self.P} numbers is needed, one a weight, got {tuple(theta.shape)}")
        W, w, *b = theta.view(L, -1).split([m * r, m] + [m] * self.bias, dim=1)
        W = torch.cat([W.reshape(L, m, r), theta.new_zeros(L, m, 1)], dim=2)
        return W.gather(2, self.pick.unsqueeze(1).expand(L, m, self.n)), w, (b[0] if b else 0.0)

    def pack(self, W: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        """Join the weights of the modules into one vector: the transpose of :meth:`unpack`.

        Args:
            W: ``(L, m, n)``.
            w: ``(L, m)``.
            b: ``(L, m)``; not used without biases.

        Returns:
            The vector, ``(P,)``.
        """
        W = W.gather(2, self.read.unsqueeze(1).expand(self.L, self.m, self.r))
        return torch.cat([W.flatten(1), w] + ([] if b is None else [b]), dim=1).flatten()

    def hidden(self, y: Tensor, W: Tensor, b: Tensor | float, i: int) -> Tensor:
        """Return W ŷ + b for one module.

        Args:
            y: The states, ``(N, n)``.
            W: The weights of the module, ``(m, n)``.
            b: The biases of all modules, ``(L, m)``.
            i: The module.

        Returns:
            The sums, ``(N, m)``.
        """
        return torch.addmm(b[i], y, W.T) if isinstance(b, Tensor) else y @ W.T

    def by_layer(self, x: Tensor) -> Tensor:
        """Add up the visits of each module.

        Args:
            x: One array for each visit, ``(T L, ...)``.

        Returns:
            The sums, ``(L, ...)``.
        """
        return x.unflatten(0, (self.T, self.L)).sum(0)

    def residual(self, theta: Tensor) -> Tensor:
        """Return the residual r(θ), without keeping anything for derivatives.

        Args:
            theta: The weights θ, ``(P,)``.

        Returns:
            The residual, ``(N, n)``.

        Raises:
            ValueError: If there is not one number for each weight.
        """
        W, w, b = self.unpack(theta)
        y = self.y.clone()
        for visit in self.path:
            if isinstance(visit, Tensor):
                y = y @ visit.mT
                continue
            _, i, j, kappa, s = visit
            S = self.activation(self.hidden(y, W[i], b, i))
            y[:, j] += s * self.h * (S @ (w[i] * W[i, :, kappa]))
        return y - self.target

    def at(self, theta: Tensor) -> Tangent:
        """Return the linearisation at θ, by one forward and one backward sweep.

        Args:
            theta: The weights θ, ``(P,)``.

        Returns:
            The residual and the products with J.

        Raises:
            ValueError: If there is not one number for each weight.
        """
        return Tangent(self, theta.detach())


class Tangent:
    """The derivative J ``(N n, P)`` of the residual at given weights, as the products that training needs.

    Vectors of residuals may be ``(N, n)`` or flat. The attribute ``residual`` is r, ``(N, n)``.

    Args:
        source: The network and its data.
        theta: The weights θ, ``(P,)``.
    """

    def __init__(self, source: Linearisation, theta: Tensor):
        self.source, (N, n), V, m = source, source.y.shape, len(source.visits), source.m
        self.W, self.w, b = source.unpack(theta)
        self.W_partner = self.W[source.layer, :, source.partner]  # (V, m)
        y, new = source.y.clone(), theta.new_empty
        self.X, self.C, self.S = new(V, N, n), new(V, N, m), new(V, N, m)  # ŷ with zeros where nothing is read, c, σ
        for visit in source.path:
            if isinstance(visit, Tensor):
                y = y @ visit.mT
                continue
            v, i, j, _, s = visit
            self.X[v] = y
            self.S[v], slope = source.activation.with_slope(source.hidden(y, self.W[i], b, i))
            torch.mul(slope, self.w[i] * self.W_partner[v], out=self.C[v])
            y[:, j] += s * source.h * (self.S[v] @ (self.w[i] * self.W_partner[v]))
        self.X *= source.reads[source.layer].unsqueeze(1)
        self.residual = y - source.target
        slopes = self.C @ self.W[source.layer]  # ∂Y_j/∂ŷ = s h · slopes
        adjoint = torch.eye(n, dtype=theta.dtype, device=theta.device).repeat(N, 1, 1)  # ∂Φ_o/∂y: (N, o, coordinate)
        self.g = new(V, N, n)
        for visit in reversed(source.path):
            if isinstance(visit, Tensor):
                adjoint = adjoint @ visit
                continue
            v, _, j, _, s = visit
            torch.mul(adjoint[:, :, j], (s * source.h).unsqueeze(1), out=self.g[v])
            adjoint.baddbmm_(self.g[v].unsqueeze(2), slopes[v].unsqueeze(1))

    def jvp(self, delta: Tensor) -> Tensor:
        """Return J δ.

        Args:
            delta: The change δ of the weights, ``(P,)``.

        Returns:
            The change of the residual to first order, ``(N n,)``.
        """
        source = self.source
        dW, dw, db = source.unpack(delta)
        layer, n = source.layer, source.n
        dW_partner = dW[layer, :, source.partner]
        dY = ((self.C @ dW[layer]) * self.X).sum(2, keepdim=True)
        dY += self.S @ (self.w[layer] * dW_partner + self.W_partner * dw[layer]).unsqueeze(2)
        if isinstance(db, Tensor):
            dY += self.C @ db[layer].unsqueeze(2)
        return (self.g * dY).sum(0).reshape(-1, n).flatten()

    def vjp(self, v: Tensor) -> Tensor:
        """Return Jᵀ v; with v = 2 r / (N n) it is the gradient of the mean squared error.

        Args:
            v: A vector of residuals, ``(N, n)`` or ``(N n,)``.

        Returns:
            The product, ``(P,)``.
        """
        source = self.source
        gamma = (self.g * v.view_as(source.y)).sum(2, keepdim=True)  # (V, N, 1)
        dW = self.C.mT @ (gamma * self.X)
        s = (self.S.mT @ gamma).squeeze(2)
        dW[range(len(dW)), :, source.partner] += s * self.w[source.layer]
        db = source.by_layer((self.C.mT @ gamma).squeeze(2)) if source.bias else None
        return source.pack(source.by_layer(dW), source.by_layer(s * self.W_partner), db)

    def jacobian(self, rows: slice = slice(None)) -> Tensor:
        """Return J itself, or the rows of it that belong to some samples.

        Args:
            rows: The samples.

        Returns:
            The rows, ``(samples n, P)``.
        """
        source, g = self.source, self.g[:, rows]
        C, S, X = self.C[:, rows], self.S[:, rows], self.X[:, rows]
        D = C.unsqueeze(3) * X.unsqueeze(2)  # (V, samples, m, n)
        D[range(len(D)), :, :, source.partner] += S * self.w[source.layer].unsqueeze(1)
        read = source.read[source.layer][:, None, None].expand(*D.shape[:3], source.r)
        parts = [D.gather(3, read).flatten(2), S * self.W_partner.unsqueeze(1)] + [C] * source.bias
        J = g.unsqueeze(3) * torch.cat(parts, dim=2).unsqueeze(2)  # (V, samples, o, weights of one module)
        return source.by_layer(J).permute(1, 2, 0, 3).reshape(-1, source.P)

    def normal(self, out: Tensor | None = None) -> Tensor:
        """Return Jᵀ J, summed over blocks of samples; for many more residuals than weights.

        Args:
            out: A matrix ``(P, P)`` to write over; None for a new one.

        Returns:
            The matrix, ``(P, P)``.
        """
        (N, n), P = self.source.y.shape, self.source.P
        A, rows = self.g.new_zeros(P, P) if out is None else out.zero_(), max(1, 1024 // n)
        for a in range(0, N, rows):
            J = self.jacobian(slice(a, a + rows))
            A.addmm_(J.T, J)
        return A

    def gram(self, out: Tensor | None = None) -> Tensor:
        """Return J Jᵀ, see :mod:`locsym.networks.gram_matrix`.

        Args:
            out: A matrix ``(N n, N n)`` to write over; None for a new one.

        Returns:
            The matrix, ``(N n, N n)``, of which only the lower block triangle is filled.
        """
        source = self.source
        visits = Visits(self.g, self.C, self.S, self.X, source.partner, self.W_partner, self.w, source.bias)
        return gram_matrix(visits, out)
