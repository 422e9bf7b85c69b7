r"""Proximal Newton: blocks whose log prior has kinks.

Q is smooth but for :math:`-\sum_j \lambda_j |x_j - c_j|`. The smooth part is replaced by its
quadratic approximation at the present point, and the step leads to the maximiser of that with the
absolute values (`lasso`), in which some entries are exactly at c (Lee, Sun and Saunders 2014). If
the smooth part was proved quadratic, that is the maximiser of Q. Otherwise the step is halved until
Q, with its absolute values, rises by a tenth of the predicted gain, and steps are repeated until
the predicted gain is negligible.

    J. D. Lee, Y. Sun and M. A. Saunders (2014), Proximal Newton-type methods for minimizing
    composite functions, SIAM Journal on Optimization 24(3).
"""

import jax
import jax.numpy as jnp

from jaxem.algebra.penalty import Penalty, gap
from jaxem.algebra.solvers import Block
from jaxem.estep.expectation import Expectation, Values
from jaxem.mstep.newton import GROWTH, HALVINGS, ITERATIONS, STIFFNESS, Region, lengths
from jaxem.mstep.unknowns import Unknowns, derivatives
from jaxem.numerics.lasso import lasso
from jaxem.numerics.symmetric import make_semidefinite
from jaxem.numerics.ties import off_zero
from jaxem.types import Array


def solve_kinked(
    block: Block,
    q: Expectation,
    values: Values,
    penalty: Penalty,
) -> dict[str, Array]:
    """New values of the parameters of a block with kinks, the others given."""
    unknowns = Unknowns(q.model, block)
    start = unknowns.pack(values)
    centre, strength = _kinks(unknowns, block, values, penalty)

    def objective(x: Array, q: Expectation = q) -> Array:
        return q({**values, **unknowns.unpack(x)})

    def smooth(x: Array, q: Expectation = q) -> Array:
        return objective(x, q) + jnp.sum(strength * jnp.abs(x - centre))

    def aside(x: Array) -> Array:
        at_kink = (strength > 0) & (x == centre)
        return jnp.where(at_kink, x + gap(centre), off_zero(x))

    if block.quadratic:
        _, gradient, hessian = derivatives(smooth, aside(start))
        if block.same_at_every_row:
            _, _, hessian = derivatives(lambda x: smooth(x, q.at_one_row()), aside(start))
        return unknowns.unpack(lasso(-hessian, gradient, start, centre, strength))

    unitless = unknowns.unitless()
    region = Region(lengths(unknowns, q.spread, start), unitless)
    stiffness = jnp.diag(jnp.where(unitless, STIFFNESS * q.counts.sum(), 0.0))

    def unfinished(state):
        _, _, _, promise, iteration = state
        return (promise > 0) & (iteration < ITERATIONS)

    def iterate(state):
        x, value, radius, _, iteration = state
        _, gradient, hessian = derivatives(smooth, aside(x))
        curvature = make_semidefinite(stiffness - hessian)
        whole = lasso(curvature, gradient, x, centre, strength)
        target, cut = _within_limit(x, whole, region.limit(radius))
        radius = jnp.where(cut, GROWTH * radius, radius)
        lost = strength * (jnp.abs(target - centre) - jnp.abs(x - centre))
        promise = jnp.sum(gradient * (target - x) - lost)
        new, risen = _backtrack(objective, x, value, target, promise)
        enough = jnp.finfo(x.dtype).eps ** 0.62 * (1 + jnp.abs(value))
        promise = jnp.where((promise > enough) & (risen > value), promise, 0.0)
        return new, risen, radius, promise, iteration + 1

    one = jnp.ones((), start.dtype)
    state = (start, objective(start), jnp.ones_like(start[:, :1]), one, 0)
    return unknowns.unpack(jax.lax.while_loop(unfinished, iterate, state)[0])


def _kinks(
    unknowns: Unknowns, block: Block, values: Values, penalty: Penalty
) -> tuple[Array, Array]:
    """Centres and strengths of the unknowns, (B, d); zero where there is no kink."""
    shapes = {p.name: unknowns.coordinates(p, values) for p in unknowns.parameters}
    none = {name: jnp.zeros_like(u) for name, u in shapes.items()}
    mine = {name: c for name, c in penalty.centres.items() if name in block.names}
    centres = {n: jnp.nan_to_num(c).astype(none[n].dtype) for n, c in mine.items()}
    strengths = Penalty(penalty.model, mine).strengths(values)
    return unknowns.concatenated({**none, **centres}), unknowns.concatenated({**none, **strengths})


def _within_limit(x: Array, target: Array, longest: Array) -> tuple[Array, Array]:
    """The target, or the point between x and it at which an unknown of its block is at its limit.

    Returns:
        The points, (B, d), and which blocks did not reach their targets, (B, 1).
    """
    step = jnp.where(jnp.isfinite(target), target - x, 0.0)
    excess = jnp.max(jnp.abs(step) / longest, axis=-1, keepdims=True)
    whole = (excess <= 1) & jnp.isfinite(target)
    return jnp.where(whole, target, x + step / jnp.maximum(excess, 1.0)), excess > 1


def _backtrack(objective, x: Array, value: Array, target: Array, promise: Array):
    """The first of target, half way to it from x, ... with a tenth of the predicted gain.

    The target itself is not computed as a sum, so that entries at their kinks stay there exactly.
    """

    def refused(state):
        scale, _, trial, halvings = state
        return ~(trial >= value + 0.1 * scale * promise) & (halvings < HALVINGS)

    def halve(state):
        scale, _, _, halvings = state
        point = x + scale / 2 * (target - x)
        return scale / 2, point, objective(point), halvings + 1

    begin = (jnp.ones((), x.dtype), target, objective(target), 0)
    _, point, trial, _ = jax.lax.while_loop(refused, halve, begin)
    rose = (trial >= value) & (promise > 0)
    return jnp.where(rose, point, x), jnp.where(rose, trial, value)
