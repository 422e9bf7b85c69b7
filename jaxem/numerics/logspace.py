r"""Sums and maxima in log space that stay differentiable at structural zeros.

``logsumexp`` over entries that are all -inf is -inf, and its textbook derivative
:math:`e^{f_k - \log\sum_j e^{f_j}}` is then NaN. Impossible states are common in latent class
models, so the derivative is defined here: the posterior, and zero where all entries are -inf.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float, Real

from jaxem.types import Array


def posterior(
    factors: Float[ArrayLike, "*shape"], axis: int = -1
) -> tuple[Float[Array, "..."], Float[Array, "*shape"]]:
    """Log of the sum of exponentials over an axis, and the normalised weights.

    Both from one pass of exponentials, which are most of the work.

    Args:
        factors: Log weights, of any shape; -inf is a weight of zero.
        axis: The axis of the sum.

    Returns:
        The sums, without the axis, -inf where every entry is -inf; and the normalised weights, in
        the shape of the factors, then zero.
    """
    shift = finite(jnp.max(factors, axis=axis, keepdims=True))
    raised = jnp.exp(factors - shift)
    total = raised.sum(axis, keepdims=True)
    evidence = jnp.squeeze(jnp.log(total) + shift, axis)
    return evidence, raised / jnp.where(total > 0, total, 1.0)


def finite(top: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A maximum of logarithms with zero in place of infinities and NaN, to shift logarithms by.

    Its derivative is stopped, as the shift is subtracted and added again. The derivative of a
    maximum would compare it with the entries, which XLA may recompute and round differently; then
    none is equal, and zero is divided by zero.
    """
    return jax.lax.stop_gradient(jnp.where(jnp.isfinite(top), top, 0.0))


def weighted(
    evidence: Float[Array, "*shape"], weights: Real[Array, "*shape"] | Real[np.ndarray, "*shape"]
) -> Float[Array, "*shape"]:
    """Evidence times weights; zero at weight zero, even where the evidence is -inf."""
    present = weights > 0
    return jnp.where(present, weights * jnp.where(present, evidence, 0.0), 0.0)


@jax.custom_jvp
def log_sum_exp(factors: Float[ArrayLike, "*batch states"]) -> Float[Array, "*batch"]:
    """Log of the sum of exponentials over the last axis; differentiable at structural zeros."""
    return posterior(factors)[0]


@log_sum_exp.defjvp
def _log_sum_exp_jvp(primals, tangents):
    (factors,), (change,) = primals, tangents
    value, weights = posterior(factors)
    moved = jnp.where(weights > 0, weights * jnp.where(weights > 0, change, 0.0), 0.0)
    return value, moved.sum(-1)


def softmax(factors: Float[ArrayLike, "*batch states"]) -> Float[Array, "*batch states"]:
    """The normalised weights of `posterior`."""
    return posterior(factors)[1]
