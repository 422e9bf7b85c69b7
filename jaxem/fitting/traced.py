"""A fit is made by a program that runs, not inside a function that JAX transforms."""

from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from jaxem.types import DeclarationError


def check_concrete(*given: Any) -> None:
    """Whether a fit is called with numbers, and not with what JAX traces.

    Args:
        *given: What the person gave.

    Raises:
        DeclarationError: Under ``jax.jit``, ``jax.vmap``, ``jax.grad`` and the like.
    """
    leaves = jax.tree.leaves(given)
    leaves.append(jax.device_put(np.zeros(())))  # traced where everything is
    if any(isinstance(leaf, Tracer) for leaf in leaves):
        raise DeclarationError(
            "jaxem.fit was called inside a function that JAX transforms (jax.jit, jax.vmap, "
            "jax.grad, ...), or with values of one. A fit chooses its algebra and its stopping by "
            "the numbers that it sees, so call it outside. Many starts are restarts=...; many "
            "data sets of one shape are fits in a loop, which compile once; derivatives of the "
            "fit are jaxem.implicit_mode, jaxem.sensitivity and jaxem.influence."
        )
