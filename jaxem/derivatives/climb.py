"""Newton's method in one compiled loop: from a mode to the one that other inputs have nearby."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxem.errors.surface import columns
from jaxem.numerics.symmetric import make_dominant, solve_definite
from jaxem.types import Array

_STEPS = 50
_HALVINGS = 30
_SUFFICIENT = 1e-4


class Top(NamedTuple):
    """Where the climb ended.

    Attributes:
        u: Coordinates, (d,).
        value: The function there.
        hessian: Its second derivatives there, (d, d).
        reached: Whether it is a maximum.
    """

    u: Array
    value: Array
    hessian: Array
    reached: Array


class _Climb(NamedTuple):
    top: Top
    gradient: Array
    steps: Array
    stuck: Array


def climb(function: Callable[[Array], Array], start: Array) -> Top:
    """The maximum of a smooth function near a point.

    Steps are halved until the function rises (Armijo's rule). Once a step promises no more than
    rounding it is taken without asking, as that could no longer be told; it squares the error.

    Args:
        function: From coordinates (d,) to a scalar.
        start: Coordinates, (d,).
    """
    eps = jnp.finfo(start.dtype).eps

    def look(u: Array, reached: Array) -> tuple[Top, Array]:
        (values, gradients), (_, hessian) = columns(jax.value_and_grad(function), u)
        return Top(u, values[0], hessian, reached), gradients[0]

    def share_of(top: Top, step: Array, promised: Array) -> Array:
        def falls(share: Array) -> Array:
            rose = function(top.u + share * step) >= top.value + _SUFFICIENT * share * promised
            return ~rose & (share > 0.5**_HALVINGS)

        return jax.lax.while_loop(falls, lambda share: share / 2, jnp.ones((), start.dtype))

    def step(state: _Climb) -> _Climb:
        move = _uphill(state.top.hessian, state.gradient)
        promised = state.gradient @ move
        last = promised <= 10 * eps * (1 + jnp.abs(state.top.value))
        share = jnp.where(last, 1.0, share_of(state.top, move, jnp.where(last, 0.0, promised)))
        stuck = ~jnp.isfinite(promised) | (share <= 0.5**_HALVINGS)
        top, gradient = look(state.top.u + share * move, last)
        return _Climb(top, gradient, state.steps + 1, stuck)

    def goes_on(state: _Climb) -> Array:
        return ~state.top.reached & ~state.stuck & (state.steps < _STEPS)

    no = jnp.zeros((), bool)
    first = _Climb(*look(start, no), jnp.zeros((), int), no)
    found = jax.lax.while_loop(goes_on, step, first)
    curved = jnp.all(jnp.isfinite(solve_definite(-found.top.hessian, found.gradient)))
    return found.top._replace(reached=found.top.reached & curved)


def _uphill(hessian: Array, gradient: Array) -> Array:
    """Newton's step; where that is none, one with a diagonal large enough to dominate."""
    step = solve_definite(-hessian, gradient)
    safe = solve_definite(make_dominant(-hessian), gradient)
    return jnp.where(jnp.all(jnp.isfinite(step)), step, safe)
