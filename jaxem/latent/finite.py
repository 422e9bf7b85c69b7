"""A latent variable with finitely many states, or a product of several."""

import jax.numpy as jnp
from jaxtyping import ArrayLike, Float, Int

from jaxem.latent.enumerated import Enumerated
from jaxem.latent.latent import Branch
from jaxem.numerics.logspace import log_sum_exp, posterior, softmax
from jaxem.types import Array


class Finite(Enumerated):
    """One hidden state a row: ``Finite(3)``, or a product ``Finite(topic=5, outlier=2)``.

    With one number, the log joint receives ``z`` as an int from 0 to K - 1. With names it
    receives a dictionary of ints; the joint states are enumerated with the first name slowest.

    Args:
        size: The number of states.
        **sizes: Or the number of states of each named part.

    Raises:
        DeclarationError: If both or neither are given, or a size is not a positive integer.
    """

    def __init__(self, size: int | None = None, /, **sizes: int):
        super().__init__(size, **sizes)

    @property
    def configurations(self) -> int:
        """One log factor a state."""
        return self.size

    @property
    def arguments(self) -> tuple[str, ...]:
        """The state alone."""
        return ("z",)

    def branches(self) -> tuple[Branch, ...]:
        """One, with the state."""
        return ((self.states(),),)

    def occupancy(self, counts: Float[ArrayLike, "*batch K"]) -> Float[ArrayLike, "*batch K"]:
        """The counts themselves: a configuration is a state."""
        return counts

    def log_partition(
        self, factors: Float[ArrayLike, "..."], axis: int = -1
    ) -> Float[Array, "..."]:
        """Log of the sum over states, which may be on any axis."""
        return log_sum_exp(jnp.moveaxis(factors, axis, -1))

    def marginals(self, factors: Float[Array, "*batch K"]) -> Float[Array, "*batch K"]:
        """Responsibilities, shape (..., K)."""
        return softmax(factors)

    def posterior(
        self, factors: Float[Array, "*shape"], axis: int = -1
    ) -> tuple[Float[Array, "..."], Float[Array, "*shape"]]:
        """`log_partition` and `marginals` in one pass, with the states on any axis."""
        return posterior(factors, axis)

    def mode(self, factors: Float[ArrayLike, "..."], axis: int = -1) -> Int[Array, "..."]:
        """Index of the most probable state; the first of equals."""
        return jnp.argmax(factors, axis=axis)

    def hard(
        self, factors: Float[Array, "*shape"], axis: int = -1
    ) -> tuple[Float[Array, "..."], Float[Array, "*shape"]]:
        """Log joint of the most probable state, and its indicator; zero where none is possible.

        The log joint is selected by a mask: the derivative of a maximum compares values that a
        compiler may have rounded differently, and would then be zero.
        """
        states = jnp.expand_dims(jnp.arange(factors.shape[axis]), axis=-1 - axis)
        best = jnp.expand_dims(self.mode(factors, axis), axis) == states
        possible = jnp.max(factors, axis=axis, keepdims=True) > -jnp.inf
        picked = jnp.where(best, factors, 0.0).sum(axis)
        return picked, (best & possible).astype(factors.dtype)
