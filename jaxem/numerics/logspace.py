r"""Sums and maxima in log space that stay differentiable at structural zeros.

``logsumexp`` over entries that are all -inf is -inf, and its textbook derivative
:math:`e^{f_k - \log\sum_j e^{f_j}}` is then NaN. Impossible states are normal in latent class
models, so the derivative here is written down: the posterior where there is one, zero elsewhere.
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
        axis: What to sum over.

    Returns:
        The sums, without the axis, -inf where every entry is -inf; and the weights, in the shape
        of the factors, zero there.
    """
    shift = finite(jnp.max(factors, axis=axis, keepdims=True))
    raised = jnp.exp(factors - shift)
    total = raised.sum(axis, keepdims=True)
    evidence = jnp.squeeze(jnp.log(total) + shift, axis)
    return evidence, raised / jnp.where(total > 0, total, 1.0)


def finite(top: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Zero in place of -inf: a maximum, to be subtracted from logarithms and added to their scale.

    What is added again has no derivative of its own. The derivative of a maximum looks for it among
    the entries, which XLA may compute once more in other kernels and round otherwise; then none is
    found, and zero is divided by zero.
    """
    return jax.lax.stop_gradient(jnp.where(jnp.isfinite(top), top, 0.0))


def weighted(
    evidence: Float[Array, "*shape"], weights: Real[Array, "*shape"] | Real[np.ndarray, "*shape"]
) -> Float[Array, "*shape"]:
    """Evidence times weights; what has weight zero is absent, even where its evidence is -inf."""
    present = weights > 0
    return jnp.where(present, weights * jnp.where(present, evidence, 0.0), 0.0)


@jax.custom_jvp
def log_sum_exp(factors: Float[ArrayLike, "*batch states"]) -> Float[Array, "*batch"]:
    """The first of `posterior`, with a derivative that is right at structural zeros."""
    return posterior(factors)[0]


@log_sum_exp.defjvp
def _log_sum_exp_jvp(primals, tangents):
    (factors,), (change,) = primals, tangents
    value, weights = posterior(factors)
    moved = jnp.where(weights > 0, weights * jnp.where(weights > 0, change, 0.0), 0.0)
    return value, moved.sum(-1)


def softmax(factors: Float[ArrayLike, "*batch states"]) -> Float[Array, "*batch states"]:
    """The second of `posterior`."""
    return posterior(factors)[1]
