"""What an E-step makes of the log factors of a row."""

import abc
import dataclasses

import jax.numpy as jnp

from jaxem.latent import Latent
from jaxem.types import Array


@dataclasses.dataclass(frozen=True)
class EStep(abc.ABC):
    """A way to get from log factors to evidence and responsibilities.

    The responsibilities are the gradient of the evidence with respect to the log factors.
    """

    @abc.abstractmethod
    def posterior(self, latent: Latent, factors: Array, axis: int = -1) -> tuple[Array, Array]:
        """What the objective sums over rows, and weights of the states.

        Args:
            latent: The latent structure.
            factors: Log factors of rows and states, a matrix.
            axis: The axis of the states.

        Returns:
            A vector over rows, and a matrix as the factors are.
        """


@dataclasses.dataclass(frozen=True)
class Exact(EStep):
    """The posterior of the latent states: maximum likelihood or MAP."""

    def posterior(self, latent: Latent, factors: Array, axis: int = -1) -> tuple[Array, Array]:
        """Log evidence and posterior probabilities."""
        return latent.posterior(factors, axis)


@dataclasses.dataclass(frozen=True)
class Hard(EStep):
    """The most probable state alone: classification EM, and k-means for equal spheres.

    The objective is the classification likelihood, the log joint at the best states
    (Celeux and Govaert 1992).
    """

    def posterior(self, latent: Latent, factors: Array, axis: int = -1) -> tuple[Array, Array]:
        """Log joint of the most probable state, and its indicator; zero where none is possible.

        The state is picked out, not maximised over: the derivative of a maximum compares values
        that a compiler may have rounded differently, and then loses rows.
        """
        states = jnp.expand_dims(jnp.arange(factors.shape[axis]), axis=-1 - axis)
        best = jnp.expand_dims(latent.mode(factors, axis), axis) == states
        possible = jnp.max(factors, axis=axis, keepdims=True) > -jnp.inf
        picked = jnp.where(best, factors, 0.0).sum(axis)
        return picked, (best & possible).astype(factors.dtype)
