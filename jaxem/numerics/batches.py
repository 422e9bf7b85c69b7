"""Reductions over the batch axis of `vmap`."""

import jax
import jax.numpy as jnp

from jaxem.types import Array


@jax.custom_batching.custom_vmap
def highest(x: Array) -> Array:
    """The maximum of a number over the batch of `vmap`, not batched.

    A `cond` on it runs one branch, and a slice at it stays one slice.
    """
    return x


@highest.def_vmap
def _highest_of_all(size: int, batched: list[bool], x: Array) -> tuple[Array, bool]:
    return jnp.max(x, axis=0) if batched[0] else x, False
