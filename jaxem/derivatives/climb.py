"""Newton's method in one compiled loop: from a mode to the one that other inputs have nearby."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve

from jaxem.errors.surface import columns
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
    curved = jnp.all(jnp.isfinite(newton_step(found.top.hessian, found.gradient)))
    return found.top._replace(reached=found.top.reached & curved)


def newton_step(hessian: Array, gradient: Array) -> Array:
    """The step of Newton's method (d,), NaN where the Hessian (d, d) is not negative definite."""
    scaled, scale = _scaled(hessian)
    return cho_solve(cho_factor(scaled, lower=True), gradient / scale) / scale


def _uphill(hessian: Array, gradient: Array) -> Array:
    """Newton's step; where that is none, one with a diagonal large enough to dominate.

    Eigenvalues would tell what is enough more closely, but many of them at once, when restarts or
    data sets run side by side, lock XLA's CPU backend (see `traces.plain`).
    """
    scaled, scale = _scaled(hessian)
    others = jnp.abs(scaled).sum(1) - jnp.abs(jnp.diagonal(scaled))
    raised = scaled + jnp.diag(jnp.maximum(1.1 * others + 0.1 - jnp.diagonal(scaled), 0.0))
    safe = cho_solve(cho_factor(raised, lower=True), gradient / scale) / scale
    step = newton_step(hessian, gradient)
    return jnp.where(jnp.all(jnp.isfinite(step)), step, safe)


def _scaled(hessian: Array) -> tuple[Array, Array]:
    """Its negative with a diagonal of ones or minus ones, and the scale (d,)."""
    diagonal = jnp.abs(jnp.diagonal(hessian))
    scale = jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1.0))
    return -(hessian + hessian.T) / (2 * scale[:, None] * scale), scale
