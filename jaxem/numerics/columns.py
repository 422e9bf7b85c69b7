"""Derivatives along every coordinate, a few at a time."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxem.types import Array

#: Directions along which derivatives are computed at once.
AT_ONCE = 8


def columns(function: Callable[[Array], Any], u: Array) -> Any:
    """A function and its derivatives along every coordinate (d,), both stacked, (d, ...).

    For a gradient these are the columns of the Hessian, in the memory of a few gradients.
    """
    directions = jnp.eye(u.size, dtype=u.dtype)
    return jax.lax.map(lambda v: jax.jvp(function, (u,), (v,)), directions, batch_size=AT_ONCE)
