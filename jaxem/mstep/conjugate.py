r"""Nonlinear conjugate gradients as an optax transformation.

.. math:: d_t = -g_t + \beta_t d_{t-1}, \qquad
          \beta_t = \max\Bigl(0, \frac{\langle g_t, g_t - g_{t-1} \rangle}{\lVert g_{t-1} \rVert^2}
          \Bigr)

(Polak and Ribiere 1969, with the restart of Powell), two vectors of memory whatever the size. optax
has the line search and no conjugate gradients. A direction that does not lead downhill is replaced
by the gradient.

    J. Nocedal and S. J. Wright (2006), Numerical Optimization, section 5.2.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

#: Of the slope along a line, what may be left. Q is often nearly a quadratic, and directions are
#: conjugate only if lines are searched to their ends.
_CURVATURE = 0.01
_SEARCHES = 20


class ConjugateState(NamedTuple):
    """What the next direction is made of.

    Attributes:
        gradient: The last gradient.
        direction: The last direction, pointing uphill as gradients do.
    """

    gradient: Any
    direction: Any


def conjugate_gradient() -> optax.GradientTransformationExtraArgs:
    """Conjugate gradients with a strong Wolfe line search; give it ``value_fn`` as to L-BFGS."""
    search = optax.scale_by_zoom_linesearch(
        max_linesearch_steps=_SEARCHES, curv_rtol=_CURVATURE, initial_guess_strategy="keep"
    )
    directions = optax.GradientTransformation(_init, _update)
    return optax.chain(directions, optax.scale(-1.0), search)


def _init(params: Any) -> ConjugateState:
    zero = jax.tree.map(jnp.zeros_like, params)
    return ConjugateState(zero, zero)


def _update(updates: Any, state: Any, params: Any = None) -> tuple[Any, ConjugateState]:
    gradient = updates  # as optax calls what it is given
    before = jnp.asarray(optax.tree.vdot(state.gradient, state.gradient))
    product = jnp.asarray(optax.tree.vdot(gradient, optax.tree.sub(gradient, state.gradient)))
    ratio = jnp.where(before > 0, product / jnp.where(before > 0, before, 1.0), 0.0)
    direction = optax.tree.add_scale(gradient, jnp.maximum(ratio, 0.0), state.direction)
    downhill = jnp.asarray(optax.tree.vdot(gradient, direction)) > 0
    direction = optax.tree.where(downhill, direction, gradient)
    return direction, ConjugateState(gradient, direction)
