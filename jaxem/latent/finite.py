"""A latent variable with finitely many states, or a product of several."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from jaxem.latent.latent import Latent
from jaxem.numerics.logspace import log_sum_exp, posterior, softmax
from jaxem.types import Array, DeclarationError, State


class Finite(Latent):
    """One hidden state a row: ``Finite(3)``, or a product ``Finite(topic=5, outlier=2)``.

    With one number, the log joint receives ``z`` as an int from 0 to K - 1. With names it
    receives a dictionary of ints; the joint states are enumerated with the first name slowest.

    Args:
        size: The number of states.
        **sizes: Or the number of states of each named part.

    Raises:
        DeclarationError: If both or neither are given, or a size is not a positive integer.
    """

    sizes: tuple[tuple[str, int], ...] = eqx.field(static=True)

    def __init__(self, size: int | None = None, /, **sizes: int):
        if (size is None) == (not sizes):
            raise DeclarationError(
                "Finite takes one number of states, Finite(3), or named ones, "
                "Finite(topic=5, outlier=2)."
            )
        parts = {"": size} if size is not None else sizes
        for name, value in parts.items():
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                label = f"{name}={value!r}" if name else repr(value)
                raise DeclarationError(
                    f"Finite({label}): the number of states must be an integer of at least 1."
                )
        self.sizes = tuple((name, int(value)) for name, value in parts.items())

    @property
    def size(self) -> int:
        """The number of joint states."""
        return math.prod(value for _, value in self.sizes)

    def states(self) -> State:
        """Every joint state: an array (K,), or a dictionary of arrays (K,)."""
        if self.sizes[0][0] == "":
            return np.arange(self.size)
        grid = np.indices([value for _, value in self.sizes]).reshape(len(self.sizes), -1)
        return {name: row for (name, _), row in zip(self.sizes, grid, strict=True)}

    def log_partition(self, factors: Array) -> Array:
        """Log of the sum over states; shape (..., K) to (...)."""
        return log_sum_exp(factors)

    def marginals(self, factors: Array) -> Array:
        """Responsibilities, shape (..., K)."""
        return softmax(factors)

    def posterior(self, factors: Array, axis: int = -1) -> tuple[Array, Array]:
        """Both of the above in one pass, with the states on any axis."""
        return posterior(factors, axis)

    def mode(self, factors: Array, axis: int = -1) -> Array:
        """Index of the most probable state; the first of equals."""
        return jnp.argmax(factors, axis=axis)

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value}" if name else f"{value}" for name, value in self.sizes)
        return f"Finite({inside})"
