r"""Sums and maxima in log space that stay differentiable at structural zeros.

``logsumexp`` over entries that are all -inf is -inf, and its textbook derivative
:math:`e^{f_k - \log\sum_j e^{f_j}}` is then NaN. Impossible states are normal in latent class
models, so the derivative here is written down: the posterior where there is one, zero elsewhere.
"""

import jax
import jax.numpy as jnp

from jaxem.types import Array


@jax.custom_jvp
def log_sum_exp(factors: Array) -> Array:
    """Log of the sum of exponentials over the last axis.

    Args:
        factors: Log weights, shape (..., K); -inf is a weight of zero.

    Returns:
        Shape (...); -inf where every entry is -inf.
    """
    top = jnp.max(factors, axis=-1, keepdims=True)
    shift = jnp.where(jnp.isfinite(top), top, 0.0)
    return jnp.log(jnp.sum(jnp.exp(factors - shift), axis=-1)) + shift[..., 0]


@log_sum_exp.defjvp
def _log_sum_exp_jvp(primals, tangents):
    (factors,), (change,) = primals, tangents
    posterior = softmax(factors)
    moved = jnp.where(posterior > 0, posterior * jnp.where(posterior > 0, change, 0.0), 0.0)
    return log_sum_exp(factors), moved.sum(-1)


def softmax(factors: Array) -> Array:
    """Normalised weights over the last axis; all zero where every entry is -inf.

    Args:
        factors: Log weights, shape (..., K).

    Returns:
        Shape (..., K).
    """
    possible = factors > -jnp.inf
    top = jax.lax.stop_gradient(jnp.max(factors, axis=-1, keepdims=True))
    shift = jnp.where(jnp.isfinite(top), top, 0.0)
    raised = jnp.where(possible, jnp.exp(jnp.where(possible, factors - shift, 0.0)), 0.0)
    total = raised.sum(-1, keepdims=True)
    return raised / jnp.where(total > 0, total, 1.0)
