"""What an E-step makes of the log factors of a row."""

import abc
import dataclasses

import jax
import jax.numpy as jnp

from jaxem.latent import Latent
from jaxem.types import Array


@dataclasses.dataclass(frozen=True)
class EStep(abc.ABC):
    """A way to get from log factors to evidence and responsibilities.

    The responsibilities are the gradient of the evidence with respect to the log factors.
    """

    @abc.abstractmethod
    def evidence(self, latent: Latent, factors: Array) -> Array:
        """What the objective sums over rows; shape (..., K) to (...)."""

    @abc.abstractmethod
    def responsibilities(self, latent: Latent, factors: Array) -> Array:
        """Weights of the states, shape (..., K)."""


@dataclasses.dataclass(frozen=True)
class Exact(EStep):
    """The posterior of the latent states: maximum likelihood or MAP."""

    def evidence(self, latent: Latent, factors: Array) -> Array:
        """Log evidence."""
        return latent.log_partition(factors)

    def responsibilities(self, latent: Latent, factors: Array) -> Array:
        """Posterior probabilities."""
        return latent.marginals(factors)


@dataclasses.dataclass(frozen=True)
class Hard(EStep):
    """The most probable state alone: classification EM, and k-means for equal spheres.

    The objective is the classification likelihood, the log joint at the best states
    (Celeux and Govaert 1992).
    """

    def evidence(self, latent: Latent, factors: Array) -> Array:
        """Log joint of the most probable state.

        The state is picked out, not maximised over: the derivative of a maximum compares values
        that a compiler may have rounded differently, and then loses rows.
        """
        best = latent.mode(factors)[..., None] == jnp.arange(factors.shape[-1])
        return jnp.where(best, factors, 0.0).sum(-1)

    def responsibilities(self, latent: Latent, factors: Array) -> Array:
        """The indicator of the most probable state; zero where no state is possible."""
        indicator = jax.nn.one_hot(latent.mode(factors), factors.shape[-1], dtype=factors.dtype)
        return indicator * (jnp.max(factors, axis=-1, keepdims=True) > -jnp.inf)
