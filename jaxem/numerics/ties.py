"""Numbers next to zero, where a derivative is that of one side.

A density that is smooth may be written with a choice or an absolute value: log(1 + exp(x)) as
max(x, 0) + log1p(exp(-|x|)). Where x is exactly 0, as every logit is when all coefficients start
at zero, automatic differentiation may take the terms from different sides, and the slope of their
sum is wrong. Beside zero it is right.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxem.types import Array

_NEXT_TO_ZERO = 1e-30


def off_zero(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The array, its exact zeros moved by less than any rounding, each by a length of its own."""
    share = np.mod(np.arange(x.size) * 0.6180339887, 1.0).reshape(x.shape)
    length = jnp.asarray(_NEXT_TO_ZERO * (1 + share), x.dtype)
    return x + jax.lax.stop_gradient(jnp.where(x == 0, length, 0.0))
