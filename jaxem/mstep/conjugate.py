r"""Nonlinear conjugate gradients as an optax transformation.

.. math:: d_t = -g_t + \beta_t d_{t-1}, \qquad
          \beta_t = \max\Bigl(0, \frac{\langle g_t, g_t - g_{t-1} \rangle}{\lVert g_{t-1} \rVert^2}
          \Bigr)

(Polak and Ribiere 1969, with the restart of Powell), with two vectors of memory. optax has the
line search but no conjugate gradients. A direction that is no descent direction is replaced by the
gradient.

    J. Nocedal and S. J. Wright (2006), Numerical Optimization, section 5.2.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

#: Relative slope at the end of a line search. Q is often nearly a quadratic, and directions are
#: conjugate only if line searches are exact.
_CURVATURE = 0.01
_SEARCHES = 20


class ConjugateState(NamedTuple):
    """The state of the optimiser, from which the next direction is computed.

    Attributes:
        gradient: The last gradient.
        direction: The last direction, with the sign of a gradient.
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
    gradient = updates  # the argument's name in optax
    before = jnp.asarray(optax.tree.vdot(state.gradient, state.gradient))
    product = jnp.asarray(optax.tree.vdot(gradient, optax.tree.sub(gradient, state.gradient)))
    ratio = jnp.where(before > 0, product / jnp.where(before > 0, before, 1.0), 0.0)
    direction = optax.tree.add_scale(gradient, jnp.maximum(ratio, 0.0), state.direction)
    downhill = jnp.asarray(optax.tree.vdot(gradient, direction)) > 0
    direction = optax.tree.where(downhill, direction, gradient)
    return direction, ConjugateState(gradient, direction)
