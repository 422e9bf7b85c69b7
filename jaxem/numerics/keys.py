"""Random keys: conversion to JAX keys and to NumPy generators."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.types import Array, DeclarationError


def as_key(key: Any) -> Array:
    """A JAX key of an int, a key, or a legacy key.

    Raises:
        DeclarationError: If it is none of these.
    """
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        return jax.random.key(int(key) % 2**32)
    if not hasattr(key, "dtype"):
        raise DeclarationError(f"key must be an int or a JAX key; got {key!r}.")
    if jnp.issubdtype(jnp.asarray(key).dtype, jax.dtypes.prng_key):
        return jnp.asarray(key)
    return jax.random.wrap_key_data(jnp.asarray(key))


def generator(key: Any) -> np.random.Generator:
    """A NumPy generator seeded by a key."""
    words = np.asarray(jax.random.key_data(as_key(key))).ravel()
    return np.random.default_rng([int(word) for word in words])
