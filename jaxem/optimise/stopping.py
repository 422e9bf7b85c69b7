r"""When to stop: by the gain that remains, not by the gain of the last step.

EM converges linearly, so the gains :math:`g_t` shrink by a factor :math:`c = g_t / g_{t-1}`, its
rate, and all further gains are a geometric series, of sum :math:`g_t \, c / (1 - c)` (Aitken's
estimate). Near the optimum the objective is quadratic in the parameters, whose changes therefore
shrink by :math:`\sqrt c`. A run stops when both sums are small: that of the gains at most
``tolerance``, that of the changes, relative to the size of the parameters, at most a hundredth of
its square root. Gains that grow mean a plateau, and a plateau is never the end. Gains within
rounding say nothing of :math:`c`; then the changes alone must be small, for a rate of
:math:`\sqrt c = 0.99`.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from jaxem.types import Array

#: What parameters have left to move, in units of their last change, if they shrink by 0.99 a step.
_MOVES_LEFT = 100.0


def rounding(objective: Any, rows: int) -> Any:
    """Bound of the rounding of the objective, a sum over rows; NumPy or JAX."""
    factor = 8 + 0.25 * rows**0.5
    return factor * jnp.finfo(objective.dtype).eps * (1 + abs(objective))


def remaining_gain(
    gain: Array, last_gain: Array, slowest_rate: Array | float = 0.0
) -> tuple[Array, Array]:
    """Aitken's estimate of the sum of all further gains, and the rate that it is made with.

    Args:
        gain: Gain of the last step.
        last_gain: Gain of the step before.
        slowest_rate: A rate that was seen before, taken where it is larger.
    """
    comparable = (last_gain > 0) & jnp.isfinite(last_gain)
    ratio = gain / jnp.where(comparable, last_gain, 1.0)
    rate = jnp.where(comparable, jnp.maximum(ratio, slowest_rate), 1.0)
    known = rate < 1
    remaining = gain * rate / jnp.where(known, 1 - rate, 1.0)
    return jnp.where(known, jnp.abs(remaining), jnp.inf), rate


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
    slowest_rate: Array | float = 0.0,
) -> Array:
    """Whether a run may stop, a boolean.

    Args:
        gain: Gain of the last step.
        last_gain: Gain of the step before.
        change: `relative_change` of the last step.
        noise: Bound of the `rounding` of the objective.
        tolerance: Nats that may remain to be gained; 0 never stops.
        slowest_rate: See `remaining_gain`.
    """
    remaining, rate = remaining_gain(gain, last_gain, slowest_rate)
    shrink = jnp.sqrt(jnp.clip(rate, 0.0, 1.0))
    to_move = jnp.where(
        shrink < 1, change * shrink / jnp.where(shrink < 1, 1 - shrink, 1.0), jnp.inf
    )
    longest = jnp.maximum(1e-2 * jnp.sqrt(tolerance), 1e3 * jnp.finfo(change.dtype).eps)
    by_gains = (gain > noise) & (remaining <= tolerance) & (to_move <= longest)
    by_changes = (jnp.abs(gain) <= noise) & (_MOVES_LEFT * change <= longest)
    return (tolerance > 0) & (by_gains | by_changes)
