"""Numbers next to zero in place of exact zeros, for derivatives that are right there.

A smooth density may be written with a selection or an absolute value: log(1 + exp(x)) as
max(x, 0) + log1p(exp(-|x|)). At x = 0, the value of every logit when all coefficients start at
zero, automatic differentiation may take the terms from different sides, and the derivative of their
sum is wrong. Next to zero it is right.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxem.types import Array

_NEXT_TO_ZERO = 1e-30


def off_zero(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The array with exact zeros replaced by numbers of about 1e-30, different for each entry."""
    share = np.mod(np.arange(x.size) * 0.6180339887, 1.0).reshape(x.shape)
    length = jnp.asarray(_NEXT_TO_ZERO * (1 + share), x.dtype)
    return x + jax.lax.stop_gradient(jnp.where(x == 0, length, 0.0))
