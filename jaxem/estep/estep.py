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
    def posterior(self, latent: Latent, factors: Array) -> tuple[Array, Array]:
        """What the objective sums over rows, (...,), and weights of the states, (..., K)."""


@dataclasses.dataclass(frozen=True)
class Exact(EStep):
    """The posterior of the latent states: maximum likelihood or MAP."""

    def posterior(self, latent: Latent, factors: Array) -> tuple[Array, Array]:
        """Log evidence and posterior probabilities."""
        return latent.posterior(factors)


@dataclasses.dataclass(frozen=True)
class Hard(EStep):
    """The most probable state alone: classification EM, and k-means for equal spheres.

    The objective is the classification likelihood, the log joint at the best states
    (Celeux and Govaert 1992).
    """

    def posterior(self, latent: Latent, factors: Array) -> tuple[Array, Array]:
        """Log joint of the most probable state, and its indicator; zero where none is possible.

        The state is picked out, not maximised over: the derivative of a maximum compares values
        that a compiler may have rounded differently, and then loses rows.
        """
        best = latent.mode(factors)[..., None] == jnp.arange(factors.shape[-1])
        possible = jnp.max(factors, axis=-1, keepdims=True) > -jnp.inf
        picked = jnp.where(best, factors, 0.0).sum(-1)
        return picked, (best & possible).astype(factors.dtype)
