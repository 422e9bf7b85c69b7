r"""The lasso: maximisation of a quadratic minus :math:`\sum_j \lambda_j |x_j - c_j|`.

.. math:: \max_x \; g^\top (x - x_0) - \tfrac12 (x - x_0)^\top A (x - x_0)
          - \sum_j \lambda_j |x_j - c_j|

Two moves alternate, both uphill. A sweep of coordinate maximisations, each a soft threshold, finds
which entries are at their centres and on which side the others are (Friedman, Hastie and Tibshirani
2010). On that face the function is a quadratic: Newton's step goes to its maximum, or to the point
at which the first entry reaches its centre, and that entry is then put exactly at the centre. When
neither move changes a side any more the result is exact, also with correlated columns, on which
sweeps alone are slow.

    J. Friedman, T. Hastie and R. Tibshirani (2010), Regularization paths for generalized linear
    models via coordinate descent, Journal of Statistical Software 33(1).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxem.numerics.symmetric import solve_concave
from jaxem.types import Array

_ROUNDS = 50


def soft_threshold(x: Float[Array, "*shape"], by: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """``x`` moved towards zero by a length, and no further than zero."""
    return jnp.sign(x) * jnp.maximum(jnp.abs(x) - by, 0.0)


def lasso(
    matrix: Float[Array, "B d d"],
    gradient: Float[Array, "B d"],
    start: Float[Array, "B d"],
    centre: Float[Array, "B d"],
    strength: Float[Array, "B d"],
) -> Float[Array, "B d"]:
    """The maximiser, in independent blocks.

    Args:
        matrix: A, positive semi-definite, (B, d, d).
        gradient: Gradient of the quadratic at the start, (B, d).
        start: (B, d).
        centre: The kinks c of the absolute values, (B, d).
        strength: Their coefficients lambda, (B, d); zero for entries without one.

    Returns:
        Shape (B, d). An entry without curvature and with strength zero keeps its value.
    """

    def slope(x: Array) -> Array:
        return gradient - jnp.einsum("bij,bj->bi", matrix, x - start)

    def sides(x: Array) -> Array:
        return jnp.where(strength > 0, jnp.sign(x - centre), 2.0)

    def unfinished(state):
        _, settled, rounds = state
        return ~settled & (rounds < _ROUNDS)

    def iterate(state):
        x, _, rounds = state
        swept = _sweep(matrix, slope(x), x, centre, strength)
        new, whole = _along_face(matrix, slope(swept), swept, centre, strength)
        settled = jnp.all(whole) & jnp.all(sides(swept) == sides(x))
        return new, settled, rounds + 1

    return jax.lax.while_loop(unfinished, iterate, (start, jnp.zeros((), bool), 0))[0]


def _sweep(matrix: Array, slope: Array, x: Array, centre: Array, strength: Array) -> Array:
    """A sweep: every coordinate moved to its maximum, one after another."""

    def move(j, state):
        x, slope = state
        column = matrix[:, :, j]
        curvature, old = column[:, j], x[:, j]
        c, s, g = centre[:, j], strength[:, j], slope[:, j]
        curved = curvature > 0
        curvature = jnp.where(curved, curvature, 1.0)
        new = c + soft_threshold(old + g / curvature - c, s / curvature)
        new = jnp.where(curved, new, jnp.where(jnp.abs(g) < s, c, old))
        return x.at[:, j].set(new), slope - column * (new - old)[:, None]

    return jax.lax.fori_loop(0, x.shape[1], move, (x, slope))[0]


def _along_face(
    matrix: Array, slope: Array, x: Array, centre: Array, strength: Array
) -> tuple[Array, Array]:
    """Newton's step of the entries off their centres, up to the first change of a side.

    Returns:
        The point, (B, d), and whether the whole step was taken, (B,).
    """
    side = jnp.where(strength > 0, jnp.sign(x - centre), 0.0)
    free = (strength == 0) | (side != 0)
    both = free[:, :, None] & free[:, None, :]
    eye = jnp.eye(x.shape[1], dtype=x.dtype)
    face = jnp.where(both, matrix, 0.0) + jnp.where(free, 0.0, 1.0)[:, None] * eye
    step = solve_concave(-face, jnp.where(free, slope - strength * side, 0.0))
    step = jnp.where(jnp.isfinite(step) & free, step, 0.0)
    crosses = side * (x + step - centre) < 0
    share = jnp.where(crosses, (centre - x) / jnp.where(crosses, step, 1.0), 1.0)
    least = share.min(1, keepdims=True)
    new = jnp.where(crosses & (share <= least), centre, x + least * step)
    return new, ~crosses.any(1)
