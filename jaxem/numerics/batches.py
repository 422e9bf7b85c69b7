"""What all members of a batch of `vmap` know together."""

import jax
import jax.numpy as jnp

from jaxem.types import Array


@jax.custom_batching.custom_vmap
def highest(x: Array) -> Array:
    """The largest of a number over the whole batch, the same for each of them.

    What depends on it alone is not batched: a `cond` stays one branch, and a slice one slice.
    """
    return x


@highest.def_vmap
def _highest_of_all(size: int, batched: list[bool], x: Array) -> tuple[Array, bool]:
    return jnp.max(x, axis=0) if batched[0] else x, False
