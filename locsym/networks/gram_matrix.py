r"""The Gram matrix J Jᵀ of a network's residual, in closed form, without J.

A *visit* is one module that moves one coordinate once. Row (a, o) of J, for sample a and output o, is a sum over the
visits v of :math:`g_{v,a,o} D_{v,a}`. The vector :math:`D_{v,a}` says how the moved coordinate depends on the module's
own weights; the number :math:`g_{v,a,o} = s h_a \, \partial \Phi_o / \partial Y_j` says how output o depends on the
moved coordinate. Visits of different modules have different weights and are orthogonal, so that

.. math::
    (J J^\top)_{(a,o),(b,o')} = \sum_{v, v'} g_{v,a,o} \, g_{v',b,o'} \, \langle D_{v,a}, D_{v',b} \rangle

where v and v' visit the same module. The inner product needs no vector D. With :math:`x = \hat y`,
:math:`\sigma = \sigma(W x + b)`, elementwise products, and

.. math::
    c = w \, W_\kappa \sigma', \qquad q = W_\kappa \sigma, \qquad u = x_\kappa c + w \, \sigma,

the weights of the columns :math:`i \ne \kappa` and the biases give the first term, column κ the second, w the third:

.. math::
    \langle D_a, D_b \rangle = (c_a \cdot c_b) \, \bigl( 1 + \textstyle\sum_{i \ne \kappa} x_{a,i} x_{b,i} \bigr)
    + u_a \cdot u_b + q_a \cdot q_b .

The assembly takes these steps:

1. Take one pair of turns of the network: every module is visited once in each, as v and as v'.
2. Compute the features of all these visits: c, the vector (x, 1) without the coordinates κ, and the vector (u, q).
3. Take a block of samples a, and all samples b up to the last of them; the rest follows by symmetry.
4. Compute :math:`\langle D_{v,a}, D_{v',b} \rangle` for this block, module by module: the product of the features c,
   times the product of the features (x, 1), plus the product of the features (u, q). These are three matrix products.
5. Multiply by :math:`g_{v,a,o}` and by :math:`g_{v',b,o'}`, sum over the modules, and add the result to J Jᵀ.
6. Go on with the next block of samples, and then with the next pair of turns.

Steps 1, 3 and 6 are only loops, in :func:`gram_matrix`. Step 2 is ``_features``, step 4 is ``_inner_products``, and
step 5 is ``_add``.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 2**18  # numbers in a block of scratch: two MB, which stay in cache

Features = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Visits:
    r"""What one sweep through the network keeps of its V = T L visits: L modules, each visited T times, turn by turn.

    Args:
        g: :math:`s h_a \, \partial \Phi_o / \partial Y_j`, ``(V, N, n)``.
        c: :math:`w \, W_\kappa \sigma'`, ``(V, N, m)``.
        sigma: :math:`\sigma(W \hat y + b)`, ``(V, N, m)``.
        x: :math:`\hat y` with zeros where nothing is read, ``(V, N, n)``.
        partner: The column κ of each visit, ``(V,)``.
        W_partner: :math:`W_\kappa`, ``(V, m)``.
        w: The weights w of the modules, ``(L, m)``.
        bias: Whether the modules have biases.
    """

    g: Tensor
    c: Tensor
    sigma: Tensor
    x: Tensor
    partner: Tensor
    W_partner: Tensor
    w: Tensor
    bias: bool


def gram_matrix(visits: Visits, out: Tensor | None = None) -> Tensor:
    """Return J Jᵀ by the steps in the description of this module.

    Scratch arrays are small and used again, since touching fresh memory would cost more than the arithmetic.

    Args:
        visits: What one sweep through the network has kept.
        out: A matrix ``(N n, N n)`` to write over; None for a new one.

    Returns:
        The matrix, ``(N n, N n)``, of which only the lower block triangle (samples b <= a) is filled. A Cholesky factor
        reads no more.
    """
    g, L = visits.g, len(visits.w)
    _, N, n = g.shape
    turns = [slice(t, t + L) for t in range(0, len(g), L)]
    rows, few = (max(1, min(N, BLOCK // size)) for size in (L * N, 4 * L * N * n))
    one, two, weighted = (g.new_empty(L * N * size) for size in (rows, rows, few * n))
    G = g.new_zeros(N, n, N, n) if out is None else out.zero_().view(N, n, N, n)
    by_output = g.mT.contiguous()
    for v, w in itertools.product(turns, turns):
        left, right = _features(visits, v, w), _features(visits, w, v, turned=True)
        for a in range(0, N, rows):
            e = min(a + rows, N)
            inner, scratch = (x[: L * (e - a) * e].view(L, e - a, e) for x in (one, two))
            _inner_products(left, right, slice(a, e), inner, scratch)
            for i in range(a, e, few):
                k = min(i + few, e)
                scratch = weighted[: (k - i) * L * n * k].view(k - i, L, n, k)
                _add(G, inner[:, i - a : k - a, :k], g[v], by_output[w], slice(i, k), scratch)
    return G.view(N * n, N * n)


def _inner_products(left: Features, right: Features, rows: slice, out: Tensor, scratch: Tensor) -> None:
    """Write ⟨D_a, D_b⟩ for samples a in ``rows`` and b up to the last of them into ``out``, ``(L, rows, b)``."""
    (c, x, rest), (c_b, x_b, rest_b) = left, right
    torch.bmm(c[:, rows], c_b[:, : rows.stop].mT, out=out)
    out *= torch.bmm(x[:, rows], x_b[:, : rows.stop].mT, out=scratch)
    out.baddbmm_(rest[:, rows], rest_b[:, : rows.stop].mT)


def _add(G: Tensor, inner: Tensor, g: Tensor, by_output: Tensor, rows: slice, scratch: Tensor) -> None:
    """Add the sum over the modules of g ⟨D_a, D_b⟩ g' to G, for samples a in ``rows`` and b up to the last of them."""
    n, end = g.shape[-1], rows.stop
    torch.mul(inner.transpose(0, 1).unsqueeze(2), by_output[:, :, :end], out=scratch)
    total = g[:, rows].permute(1, 2, 0) @ scratch.flatten(2)  # (rows, o, o' b)
    G[rows, :, :end] += total.view(len(total), n, n, end).mT


def _features(visits: Visits, v: slice, w: slice, turned: bool = False) -> Features:
    r"""Return c, the x (and 1) of the coordinates that are partner to neither visit, and the rest of D, of visits v.

    Where v and w have the same partner, the rest is u and q. Where they have not (a module that moves several
    coordinates), column κ of dW has u in visit v and :math:`x_\kappa c` in visit w, and the other way round.
    """
    c, sigma, x, m = visits.c[v], visits.sigma[v], visits.x[v], visits.c.shape[-1]
    kappa, other = (visits.partner[s].view(-1, 1, 1).expand(-1, x.shape[1], 1) for s in (v, w))
    read = x.scatter(2, kappa, 0.0).scatter_(2, other, 0.0)
    read = torch.cat([read, torch.ones_like(read[:, :, :1])], dim=2) if visits.bias else read
    same = kappa == other
    rest = c.new_empty(*c.shape[:2], 2 * m if same.all() else 3 * m)
    u, q = rest[:, :, :m], rest[:, :, m : 2 * m]
    torch.mul(c, x.gather(2, kappa), out=u).addcmul_(sigma, visits.w.unsqueeze(1))
    torch.mul(sigma, visits.W_partner[v].unsqueeze(1), out=q)
    if not same.all():
        across = x.gather(2, other) * c
        rest[:, :, 2 * m :] = torch.where(same, 0.0, u if turned else across)
        u.copy_(torch.where(same, u, across) if turned else u)
    return c, read, rest
