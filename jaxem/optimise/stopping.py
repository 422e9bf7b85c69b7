r"""When to stop: by what is left to gain, not by what the last step gained.

EM converges linearly, so the gains :math:`g_t` shrink by a factor :math:`c = g_t / g_{t-1}`, and
what is left is the rest of a geometric series, :math:`g_t \, c / (1 - c)` (Aitken's estimate).
Near the optimum the objective is quadratic in the parameters, which therefore shrink by
:math:`\sqrt c`. A run stops when both estimates are small: the objective within ``tolerance``, the
parameters, relative to their size, within a hundredth of its square root. Gains that grow mean a
plateau, and a plateau is never the end. Gains that are rounding say nothing of :math:`c`; then the
parameters alone must have come to rest, as for a slow :math:`c` of 0.99.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from jaxem.types import Array

_SLOWEST = 100.0


def rounding(objective: Any, rows: int) -> Any:
    """A change of the objective, a sum over rows, that may be rounding; NumPy or JAX."""
    factor = 8 + 0.25 * rows**0.5
    return factor * jnp.finfo(objective.dtype).eps * (1 + abs(objective))


def left_to_gain(
    gain: Array, last_gain: Array, slowest: Array | float = 0.0
) -> tuple[Array, Array]:
    """Aitken's estimate of the gains to come, and the factor between gains."""
    comparable = (last_gain > 0) & jnp.isfinite(last_gain)
    ratio = gain / jnp.where(comparable, last_gain, 1.0)
    rate = jnp.where(comparable, jnp.maximum(ratio, slowest), 1.0)
    known = rate < 1
    left = gain * rate / jnp.where(known, 1 - rate, 1.0)
    return jnp.where(known, jnp.abs(left), jnp.inf), rate


def relative_change(new: Mapping[str, Array], old: Mapping[str, Array]) -> Array:
    """The largest change of a parameter, relative to the largest entry of its leaf."""
    changes = [
        jnp.max(jnp.abs(new[name] - old[name])) / (jnp.max(jnp.abs(new[name])) + 1e-30)
        for name in new
        if new[name].size
    ]
    return jnp.max(jnp.stack(changes)) if changes else jnp.zeros(())


def has_converged(
    gain: Array,
    last_gain: Array,
    change: Array,
    noise: Array,
    tolerance: Array,
    slowest: Array | float = 0.0,
) -> Array:
    """Whether a run may stop.

    Args:
        gain: What the last step gained.
        last_gain: What the step before it gained.
        change: `relative_change` of the last step.
        noise: What may be `rounding` of the objective.
        tolerance: Nats that may be left; 0 never stops.
        slowest: A factor between gains that was seen before, and counts if it is larger.

    Returns:
        A boolean.
    """
    left, rate = left_to_gain(gain, last_gain, slowest)
    slow = jnp.sqrt(jnp.clip(rate, 0.0, 1.0))
    to_move = jnp.where(slow < 1, change * slow / jnp.where(slow < 1, 1 - slow, 1.0), jnp.inf)
    path = jnp.maximum(1e-2 * jnp.sqrt(tolerance), 1e3 * jnp.finfo(change.dtype).eps)
    near = (gain > noise) & (left <= tolerance) & (to_move <= path)
    still = (jnp.abs(gain) <= noise) & (_SLOWEST * change <= path)
    return (tolerance > 0) & (near | still)
