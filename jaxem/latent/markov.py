r"""Base of chains and trees: hidden states of which each depends on one before it.

The log joint of a step has S + S^2 *configurations*: the S states of a start, and the S^2 pairs of
a later step's state and the one that it depends on. Chains and trees differ in the step that a step
depends on, and in their recursions.
"""

import abc
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxem.latent.enumerated import Enumerated
from jaxem.latent.latent import Branch
from jaxem.latent.links import Dense, Links, times
from jaxem.latent.viterbi import indicators
from jaxem.types import Array


class Markov(Enumerated):
    """Hidden states of which each, but the first, depends on one before it."""

    def __init__(self, size: int | None = None, /, **sizes: int):
        super().__init__(size, **sizes)

    @property
    def configurations(self) -> int:
        """States of a start and pairs of a later step, S + S^2."""
        return self.size * (1 + self.size)

    def branches(self) -> tuple[Branch, ...]:
        """The start, without a state before it; and the later step."""
        return (None, self.states()), (self.states(), self.states())

    def occupancy(self, counts: Array) -> Array:
        """Expected count of each state, (..., S), from those of configurations, (..., S + S^2)."""
        start, pairs = counts[..., : self.size], counts[..., self.size :]
        return start + pairs.reshape(*pairs.shape[:-1], self.size, self.size).sum(-2)

    @abc.abstractmethod
    def earlier(self, later: int) -> slice | np.ndarray:
        """Indices of the steps on which the first `later` steps after the start depend."""

    @abc.abstractmethod
    def best(self, factors: Links) -> tuple[Array, Array]:
        """Log joint of the most probable states of each sequence (n,), and these, (T, n)."""

    @abc.abstractmethod
    def sample(self, factors: Links, key: Array) -> Array:
        """The states of each sequence drawn from their posterior, (T, n)."""

    def marginals(self, factors: Links) -> Links:
        """Probabilities of the start states and of pairs: the gradient of `log_partition`."""
        return self.posterior(factors)[1]

    def mode(self, factors: Links, axis: int = -1) -> Array:
        """The most probable states of each sequence, (T, n)."""
        return self.best(factors)[1]

    def hard(self, factors: Links, axis: int = -1) -> tuple[Array, Links]:
        """Log joint of the most probable states (n,), and their indicators; none if impossible."""
        value, states = self.best(factors)
        found = indicators(factors, states, self.earlier(len(factors.valid)))
        possible = jnp.where(value > -jnp.inf, 1.0, 0.0).astype(value.dtype)
        return value, times(possible, found)

    def drawn(self, factors: Links, key: Array) -> Links:
        """Indicators of states drawn from their posterior."""
        return indicators(factors, self.sample(factors, key), self.earlier(len(factors.valid)))


def directional(weights: Links, start: Array, steps: Any) -> Array:
    """The derivative of the log evidence along a change of factors, (n,), from the posterior."""
    moved = _weigh(weights.start, start).sum(-1)
    if isinstance(weights.steps, Dense):
        return moved + _weigh(weights.steps.factors, steps.factors).sum((0, -2, -1))
    moved += _weigh(weights.steps.transition, steps.transition).sum((-2, -1))
    return moved + _weigh(weights.steps.emission, steps.emission).sum((0, -1))


def _weigh(weights: Array, change: Array) -> Array:
    return jnp.where(weights > 0, weights * jnp.where(weights > 0, change, 0.0), 0.0)
