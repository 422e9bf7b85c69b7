"""Newton's method for a maximum, in one compiled loop, with a dense Hessian."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxem.numerics.columns import columns
from jaxem.numerics.symmetric import solve_concave, solve_definite
from jaxem.types import Array

_STEPS = 60
_HALVINGS = 40
_SUFFICIENT = 1e-4


class Top(NamedTuple):
    """The end of a maximisation by Newton's method.

    Attributes:
        u: Coordinates, (d,).
        value: The function at u.
        hessian: Its second derivatives at u, (d, d).
        reached: Whether Newton's method converged.
    """

    u: Array
    value: Array
    hessian: Array
    reached: Array

    @property
    def is_peak(self) -> Array:
        """Whether the Hessian is negative definite."""
        return jnp.all(jnp.isfinite(solve_definite(-self.hessian, self.u)))


class _Climb(NamedTuple):
    top: Top
    ahead: Array
    last: Array
    stuck: Array
    steps: Array


def climb(function: Callable[[Array], Array], start: Array) -> Top:
    """The maximum of a smooth function near a point.

    In directions of positive curvature its absolute value is used, and steps are halved until the
    function rises (Armijo's rule). A step whose predicted gain is below rounding is the last, and
    is taken without that check, which rounding would decide; it squares the error.

    Args:
        function: From coordinates (d,) to a scalar; NaN counts as no rise.
        start: Coordinates, (d,).
    """
    eps = jnp.finfo(start.dtype).eps

    def share_of(top: Top, move: Array, promised: Array) -> Array:
        def falls(share: Array) -> Array:
            rose = function(top.u + share * move) >= top.value + _SUFFICIENT * share * promised
            return ~rose & (share > 0.5**_HALVINGS)

        return jax.lax.while_loop(falls, lambda share: share / 2, jnp.ones((), start.dtype))

    def step(state: _Climb) -> _Climb:
        u = state.ahead
        (values, gradients), (_, hessian) = columns(jax.value_and_grad(function), u)
        top, gradient = Top(u, values[0], hessian, state.last), gradients[0]
        known = jnp.all(jnp.isfinite(hessian))
        move = jnp.where(known, solve_concave(hessian, gradient), gradient)
        promised = gradient @ move
        last = promised <= 10 * eps * (1 + jnp.abs(top.value))
        share = jnp.where(last, 1.0, share_of(top, move, jnp.where(last, 0.0, promised)))
        stuck = ~jnp.isfinite(promised) | (share <= 0.5**_HALVINGS)
        return _Climb(top, u + share * move, last, stuck, state.steps + 1)

    def goes_on(state: _Climb) -> Array:
        return ~state.top.reached & ~state.stuck & (state.steps <= _STEPS)

    no = jnp.zeros((), bool)
    unknown = jnp.zeros((start.size, start.size), start.dtype)
    first = Top(start, jnp.zeros((), start.dtype), unknown, no)
    return jax.lax.while_loop(goes_on, step, _Climb(first, start, no, no, jnp.zeros((), int))).top
