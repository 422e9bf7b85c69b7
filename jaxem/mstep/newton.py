r"""Newton's method on independent blocks of parameters, all blocks at once.

Parameters that share batch axes are concatenated as unknowns :math:`x` of shape (B, d). The
Hessian of Q is then B blocks of d by d, and d Hessian-vector products give them all, each product
moving the same unknown of every block. If Q was proved quadratic one step is its maximiser.
Otherwise steps are taken in unconstrained coordinates, within a trust region, and repeated until
the predicted gain of a step is negligible: Newton converges quadratically, so the remaining error
is the square of the last step.

The trust region is a few units of a logarithm or logit, and of a real unknown a few ordinary units:
the distance of the draws of the plan. If Newton's step leaves the region, the curvature of every
unknown is raised by :math:`|g_j| / l_j`, so that no unknown alone moves further than its length
:math:`l_j` (Levenberg 1944, in the units of the diagonal as Marquardt 1963): an unknown without
curvature, where a logistic function is flat, neither goes to 1e13 nor slows down the others. A
block keeps a step if the slope at its end shows a rise of a tenth of the predicted gain; otherwise
the step of that block is halved. The region of a block grows after a step that reached it and was
kept, and is no wider than the last step that was not kept.

Curvature is added in a direction in which a logarithm may *rise* by a unit for less than a
millionth of a nat a row: the degrees of freedom of a Student-t on normal data then go to a few
million, and not to where the density is a difference of huge numbers. A logarithm that falls, of a
rate whose optimum is zero, meets no huge numbers, and no curvature is added.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.solvers import Block
from jaxem.estep.expectation import Expectation, Values
from jaxem.model.prior import Parameter
from jaxem.mstep.unknowns import Unknowns, derivatives
from jaxem.numerics.symmetric import solve_concave
from jaxem.numerics.ties import off_zero
from jaxem.types import Array

ITERATIONS = 12
HALVINGS = 30
LONGEST = 3.0
STIFFNESS = 1e-6
GROWTH = 4.0


def solve_block(block: Block, q: Expectation, values: Values) -> dict[str, Array]:
    """New values of the parameters of a block without kinks, the others given.

    Args:
        block: The parameters.
        q: The expected log joint.
        values: All parameters by dotted name.
    """
    unknowns = Unknowns(q.model, block)
    start = unknowns.pack(values)

    def objective(x: Array, q: Expectation = q) -> Array:
        return q({**values, **unknowns.unpack(off_zero(x))})

    if block.same_at_every_row:
        gradient = jax.grad(objective)(start)
        _, _, hessian = derivatives(lambda x: objective(x, q.at_one_row()), start)
        return unknowns.unpack(start + solve_concave(hessian, gradient))
    if block.quadratic:
        _, gradient, hessian = derivatives(objective, start)
        return unknowns.unpack(start + solve_concave(hessian, gradient))
    unitless = unknowns.unitless()
    stiffness = jnp.where(unitless, STIFFNESS * q.counts.sum(), 0.0)
    region = Region(lengths(unknowns, q.spread, start), unitless)
    return unknowns.unpack(_ascend(objective, start, region, stiffness))


class Region:
    """The trust region of a step.

    Args:
        length: Longest step of each unknown of a block at radius 1, (d,).
        unitless: Which unknowns are logarithms or logits, whose lengths do not grow, (d,).
    """

    def __init__(self, length: Array, unitless: np.ndarray):
        self._length, self._unitless = length, unitless

    def limit(self, radius: Array) -> Array:
        """The longest step of every unknown, (B, d), for radii (B, 1)."""
        kept = jnp.where(self._unitless, jnp.minimum(radius, 1.0), radius)
        return kept * self._length


def lengths(unknowns: Unknowns, spread: Mapping[str, Any], like: Array) -> Array:
    """A few ordinary units of each unknown of a block, (d,), in the precision of the unknowns.

    Args:
        unknowns: The unknowns of the block.
        spread: Distances between ordinary values of real parameters, by dotted name.
        like: Unknowns (B, d).
    """
    moves = {p.name: _spread(p, spread, like.dtype) for p in unknowns.parameters}
    far = jnp.max(jnp.abs(unknowns.concatenated(moves)), 0)
    far = jnp.where(jnp.isfinite(far), far, 0.0)
    far = jnp.where(far > 0, far, jnp.max(far))
    return LONGEST * jnp.where(unknowns.unitless() | (far == 0), 1.0, far)


def _spread(p: Parameter, spread: Mapping[str, Any], dtype: Any) -> Array:
    if not p.support.is_real:
        return jnp.zeros(p.unconstrained_shape, dtype)
    return jnp.asarray(spread[p.name], dtype)


def _ascend(
    objective: Callable[[Array], Array], start: Array, region: Region, stiffness: Array
) -> Array:
    def unfinished(state):
        _, _, promise, iteration = state
        return (promise > 0) & (iteration < ITERATIONS)

    def iterate(state):
        x, radius, _, iteration = state
        value, gradient, hessian = derivatives(objective, x)
        stiff = jnp.where(gradient > 0, stiffness, 0.0)
        hessian = hessian - stiff[..., None] * jnp.eye(x.shape[1], dtype=x.dtype)
        limit = region.limit(radius)
        noise = jnp.finfo(x.dtype).eps * (1 + jnp.abs(value))
        step = _step(hessian, gradient, limit, noise)
        new, risen, scale = _search(objective, x, value, gradient, step, noise)
        reach = jnp.max(jnp.abs(step) / limit, axis=-1, keepdims=True)
        grown = jnp.where(reach > 0.5, GROWTH * radius, radius)
        radius = jnp.where(scale < 1, jnp.minimum(radius, GROWTH * scale * reach * radius), grown)
        promise = jnp.sum(gradient * step)
        enough = jnp.finfo(x.dtype).eps ** 0.62 * (1 + jnp.abs(value))
        promise = jnp.where((promise > enough) & (risen > value), promise, 0.0)
        return new, radius, promise, iteration + 1

    state = (start, jnp.ones_like(start[:, :1]), jnp.ones((), start.dtype), 0)
    return jax.lax.while_loop(unfinished, iterate, state)[0]


def _step(hessian: Array, gradient: Array, limit: Array, noise: Array) -> Array:
    """Newton's step, or one with raised curvature where Newton's leaves the trust region.

    Curvature is raised as well where Newton's step does not move an unknown with a slope and no
    curvature.
    """
    slope = jnp.where(jnp.abs(gradient) * limit > noise, gradient, 0.0)
    raised = jnp.abs(slope) / limit
    damped = hessian - raised[..., None] * jnp.eye(limit.shape[-1], dtype=limit.dtype)
    steps = solve_concave(jnp.stack([hessian, damped]), jnp.stack([gradient, slope]))
    steps = jnp.where(jnp.isfinite(steps), steps, 0.0)
    excess = jnp.max(jnp.abs(steps) / limit, axis=-1, keepdims=True)
    shortened = steps / jnp.maximum(excess, 1.0)
    promise = jnp.sum(gradient * shortened, axis=-1, keepdims=True)
    whole = (excess[0] <= 1) & (promise[0] >= promise[1])
    return jnp.where(whole, shortened[0], shortened[1])


def _search(objective, x: Array, value: Array, gradient: Array, step: Array, noise: Array):
    """Points and value after step, step/2, step/4, ..., the first that is accepted for each block.

    Q is a sum over all blocks, but the slope at the end of a step is known for every block: by the
    trapezium rule a block rises by half the sum of the slopes at both ends.

    Returns:
        The unknowns, Q, and the fraction of its step that each block took, (B, 1).
    """
    promise = jnp.sum(gradient * step, axis=-1, keepdims=True)
    matters = promise > noise

    def refused(state):
        _, _, fault, halvings = state
        return jnp.any(fault) & (halvings <= HALVINGS)

    def halve(state):
        scale, _, fault, halvings = state
        scale = jnp.where(fault, scale / 2, scale)
        trial, end_gradient = jax.value_and_grad(objective)(x + scale * step)
        end = jnp.sum(end_gradient * step, axis=-1, keepdims=True)
        low = matters & ~(end >= -0.8 * promise)
        kept = trial >= value + 0.1 * jnp.sum(scale * promise) - noise
        back = matters & (end < 0)
        blamed = jnp.where(jnp.any(back), back, matters)
        fault = jnp.where(jnp.any(low) | kept, low, blamed)
        return scale, trial, fault, halvings + 1

    twice = jnp.full_like(promise, 2.0)
    begin = (twice, value, jnp.ones_like(matters), 0)
    scale, trial, _, _ = jax.lax.while_loop(refused, halve, begin)
    rose = trial >= value
    return jnp.where(rose, x + scale * step, x), jnp.where(rose, trial, value), scale
