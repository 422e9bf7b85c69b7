r"""Newton's method on independent blocks of parameters, all blocks at once.

Parameters that share batch axes are laid side by side as unknowns :math:`x` of shape (B, d). The
Hessian of Q is then B blocks of d by d, and d Hessian-vector products give them all, each product
moving the same unknown of every block. If Q was proved quadratic one step is its maximiser.
Otherwise steps are taken in unconstrained coordinates, no longer than a few units in a
logarithm or logit, halved until Q rises, and repeated until a step promises next to nothing: Newton
converges quadratically, so what is then left is the square of it.

A direction in which a logarithm may *rise* by a unit for less than a millionth of a nat an
observation is stiffened: the degrees of freedom of a Student-t that the data would have normal go
to a few million, not to where the density is a difference of huge numbers. A logarithm that falls,
of a rate whose optimum is zero, meets no huge numbers and is let go.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxem.algebra.solvers import Block
from jaxem.estep.expectation import Expectation, Values
from jaxem.mstep.layout import Layout, derivatives
from jaxem.numerics.linalg import solve_concave
from jaxem.types import Array

ITERATIONS = 12
HALVINGS = 30
LONGEST = 3.0
STIFFNESS = 1e-6


def solve_block(block: Block, q: Expectation, values: Values) -> dict[str, Array]:
    """New values of the parameters of a block without kinks, the others given."""
    layout = Layout(q.model, block)
    start = layout.pack(values)

    def objective(x: Array, q: Expectation = q) -> Array:
        return q({**values, **layout.unpack(x)})

    if block.same_at_every_row:
        gradient = jax.grad(objective)(start)
        _, hessian = derivatives(lambda x: objective(x, q.at_one_row()), start)
        return layout.unpack(start + solve_concave(hessian, gradient))
    if block.quadratic:
        gradient, hessian = derivatives(objective, start)
        return layout.unpack(start + solve_concave(hessian, gradient))
    unitless = layout.unitless()
    longest = jnp.where(unitless, LONGEST, jnp.inf).astype(start.dtype)
    stiffness = jnp.where(unitless, STIFFNESS * q.counts.sum(), 0.0)
    return layout.unpack(_climb(objective, start, longest, stiffness))


def _climb(
    objective: Callable[[Array], Array], start: Array, longest: Array, stiffness: Array
) -> Array:
    def unfinished(state):
        _, _, promise, iteration = state
        return (promise > 0) & (iteration < ITERATIONS)

    def iterate(state):
        x, value, _, iteration = state
        gradient, hessian = derivatives(objective, x)
        stiff = jnp.where(gradient > 0, stiffness, 0.0)
        hessian = hessian - stiff[..., None] * jnp.eye(x.shape[1], dtype=x.dtype)
        step = _shorten(solve_concave(hessian, gradient), longest)
        promise = jnp.sum(gradient * step)
        new, risen = _backtrack(objective, x, value, step, promise)
        enough = jnp.finfo(x.dtype).eps ** 0.62 * (1 + jnp.abs(value))
        promise = jnp.where((promise > enough) & (risen > value), promise, 0.0)
        return new, risen, promise, iteration + 1

    state = (start, objective(start), jnp.ones((), start.dtype), 0)
    return jax.lax.while_loop(unfinished, iterate, state)[0]


def _shorten(step: Array, longest: Array) -> Array:
    """Each block's step, scaled so that no unknown goes further than its limit."""
    step = jnp.where(jnp.isfinite(step), step, 0.0)
    excess = jnp.max(jnp.abs(step) / longest, axis=-1, keepdims=True)
    return step / jnp.maximum(excess, 1.0)


def _backtrack(objective, x: Array, value: Array, step: Array, promise: Array):
    """The longest of step, step/2, step/4, ... that keeps a tenth of its promise.

    With a promise of zero the unknowns stay where they are.
    """

    def refused(state):
        scale, trial, halvings = state
        return ~(trial >= value + 0.1 * scale * promise) & (halvings < HALVINGS)

    def halve(state):
        scale, _, halvings = state
        scale = scale / 2
        return scale, objective(x + scale * step), halvings + 1

    first = jnp.ones((), x.dtype)
    begin = (first, jnp.where(promise > 0, objective(x + step), value), 0)
    scale, trial, _ = jax.lax.while_loop(refused, halve, begin)
    rose = (trial >= value) & (promise > 0)
    return jnp.where(rose, x + scale * step, x), jnp.where(rose, trial, value)
