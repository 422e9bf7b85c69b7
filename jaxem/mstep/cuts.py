r"""The ellipsoid method for blocks in which Q is concave and has kinks; bisection for one unknown.

A subgradient at a point excludes one half of a region. For one unknown the other half is kept,
which is bisection; for several the smallest ellipsoid around it (Shor 1977; Bland, Goldfarb and
Todd 1981), whose volume shrinks by a fixed factor a cut. The gradient g at the centre of an
ellipsoid P bounds the possible gain by :math:`\sqrt{g^\top P g}`, and a block is finished when the
bound is small. Only gradients are used, which are available for every block separately, whereas Q
is a sum over blocks.

A tiny ball around the present point is searched first, and as long as the search ends near its
edge a larger ball around that end. In the last EM steps, in which answers hardly move, the first
ball suffices.

    R. G. Bland, D. Goldfarb and M. J. Todd (1981), The ellipsoid method: a survey, Operations
    Research 29(6).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxem.algebra.solvers import Block
from jaxem.estep.expectation import Expectation, Values
from jaxem.mstep.newton import LONGEST, lengths
from jaxem.mstep.unknowns import Unknowns
from jaxem.numerics.ties import off_zero
from jaxem.types import Array

_SMALLEST = 1e-10
_LARGEST = 1e7
_GROWTH = 64.0
_WIDER = 1.5


class Search(NamedTuple):
    """The state of the search in all B blocks of d unknowns.

    Attributes:
        x: Centres of the ellipsoids, (B, d), in ordinary units.
        shape: The matrices P of the ellipsoids, (B, d, d).
        origin: Centres of the balls that are searched, (B, d).
        radius: Radii of the balls, (B, 1).
        cuts: Cuts since the search of the ball began, (B, 1).
        bracketed: Whether the ball holds the maximum, (B, 1).
        done: Whether the possible gain is negligible, (B, 1).
    """

    x: Array
    shape: Array
    origin: Array
    radius: Array
    cuts: Array
    bracketed: Array
    done: Array


def solve_nonsmooth(block: Block, q: Expectation, values: Values) -> dict[str, Array]:
    """New values of the parameters of a block, the others given.

    Args:
        block: The parameters.
        q: The expected log joint.
        values: All parameters by dotted name.
    """
    unknowns = Unknowns(q.model, block)
    start = unknowns.pack(values)
    unit = lengths(unknowns, q.spread, start) / LONGEST

    def objective(x: Array) -> Array:
        return q({**values, **unknowns.unpack(off_zero(start + unit * x))})

    eps = jnp.finfo(start.dtype).eps
    enough = eps**0.7 * (1 + jnp.abs(q.counts).sum())
    size = jnp.max(jnp.abs(start) / unit, axis=-1, keepdims=True)
    found = _search(jax.grad(objective), start, jnp.maximum(_SMALLEST, 64 * eps * size), enough)
    before, after = jax.lax.map(objective, jnp.stack([jnp.zeros_like(found), found]))
    return unknowns.unpack(jnp.where(after > before, start + unit * found, start))


def _search(slope, like: Array, smallest: Array, enough: Array) -> Array:
    """The maxima, in ordinary units from the start."""
    width = like.shape[1]
    few = 4 if width == 1 else 6 * (width + 1)
    most = 150 + 60 * width * (width + 1)
    eye = jnp.eye(width, dtype=like.dtype)

    def unfinished(carry):
        number, search = carry
        return (number < most) & ~jnp.all(search.done)

    def iterate(carry):
        number, search = carry
        gradient = slope(search.x)
        image = jnp.einsum("bij,bj->bi", search.shape, gradient)
        bound = jnp.sqrt(jnp.maximum(jnp.sum(gradient * image, -1, keepdims=True), 0.0))
        lost = ~jnp.isfinite(bound) | (bound == 0)
        done = search.done | lost | (search.bracketed & (bound <= enough))
        along = jnp.where(done, 0.0, image / jnp.where(lost, 1.0, bound))
        x = search.x + along / (width + 1)
        shape = jnp.where(done[..., None], search.shape, _cut(search.shape, along))
        cuts = search.cuts + 1
        full = ~search.bracketed & (cuts >= few)
        moved = jnp.linalg.norm(x - search.origin, axis=-1, keepdims=True)
        bracketed = search.bracketed | (full & (moved <= search.radius / 2))
        radius = jnp.where(full, search.radius * jnp.where(bracketed, 1.0, _GROWTH), search.radius)
        ball = jnp.where(bracketed, _WIDER * radius, radius)[..., None] ** 2 * eye
        return number + 1, Search(
            x=x,
            shape=jnp.where(full[..., None], ball, shape),
            origin=jnp.where(full, x, search.origin),
            radius=radius,
            cuts=jnp.where(full, 0, cuts),
            bracketed=bracketed,
            done=done | (radius > _LARGEST),
        )

    none = jnp.zeros_like(smallest, bool)
    zero = jnp.zeros_like(like)
    cuts = jnp.zeros(smallest.shape, jnp.int32)
    first = Search(zero, smallest[..., None] ** 2 * eye, zero, smallest, cuts, none, none)
    return jax.lax.while_loop(unfinished, iterate, (0, first))[1].x


def _cut(shape: Array, along: Array) -> Array:
    """The smallest ellipsoids around halves of ellipsoids, (B, d, d)."""
    width = shape.shape[-1]
    if width == 1:
        return shape / 4
    outer = along[..., :, None] * along[..., None, :]
    return width**2 / (width**2 - 1) * (shape - 2 / (width + 1) * outer)
