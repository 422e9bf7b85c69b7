"""Derivatives along every coordinate, a few at a time."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxem.types import Array

#: Directions that derivatives are taken along side by side.
AT_ONCE = 8


def columns(function: Callable[[Array], Any], u: Array) -> Any:
    """A function and its derivatives along every coordinate (d,), both stacked, (d, ...).

    Of a gradient they are the columns of the Hessian, in no more memory than a few gradients take.
    """
    directions = jnp.eye(u.size, dtype=u.dtype)
    return jax.lax.map(lambda v: jax.jvp(function, (u,), (v,)), directions, batch_size=AT_ONCE)
