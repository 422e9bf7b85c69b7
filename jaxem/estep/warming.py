r"""E-steps of a warm-up: the evidence is exact, the responsibilities are not its gradient.

The M-step on such responsibilities may lower the objective, on purpose: annealing flattens the
posterior (Ueda and Nakano 1998), stochastic EM draws states (Celeux and Diebolt 1985). Since states
are enumerated the exact objective costs no more than in EM, and is known at every step.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from jaxem.estep.estep import EStep, at_temperature
from jaxem.latent import Latent, Markov
from jaxem.latent.links import Links
from jaxem.types import Array


@dataclasses.dataclass(frozen=True)
class Warmed(EStep):
    r"""The posterior at another temperature, proportional to :math:`e^{\beta f}`.

    Attributes:
        inverse_temperature: Beta, which may be traced.
    """

    inverse_temperature: Array

    def posterior(self, latent: Latent, factors: Any, axis: int = -1) -> tuple[Array, Any]:
        """Log evidence, and the probabilities of the states at this temperature."""
        evidence, factors = _evidence(latent, factors, axis)
        warmed = at_temperature(factors, self.inverse_temperature)
        return evidence, jax.lax.optimization_barrier(latent.posterior(warmed, axis)[1])


@dataclasses.dataclass(frozen=True)
class DrawnStates(EStep):
    """States drawn from their posterior; responsibilities are the mean of the draws.

    A row of weight w is w equal rows, each with draws of its own. The states of a sequence or tree
    are drawn together, and its weight counts the same draw.

    Attributes:
        key: A JAX key, which may be traced.
        draws: Number of draws of each row.
    """

    key: Array
    draws: int

    def posterior(self, latent: Latent, factors: Any, axis: int = -1) -> tuple[Array, Any]:
        """Log evidence, and the share of the draws in each state."""
        evidence, factors = _evidence(latent, factors, axis)
        if not isinstance(latent, Markov):
            return self.weigh(latent, factors, jnp.ones_like(evidence), axis)

        def draw(key):
            found = jax.lax.optimization_barrier(latent.drawn(factors, key))
            return found.start, found.steps

        def add(total, key):
            return jax.tree.map(lambda a, b: a + b / self.draws, total, draw(key)), None

        form = jax.eval_shape(draw, self.key)
        zero = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), form)
        responsibilities, _ = jax.lax.scan(add, zero, jax.random.split(self.key, self.draws))
        return evidence, Links(responsibilities[0], responsibilities[1], factors.valid)

    def weigh(
        self, latent: Latent, factors: Array, weights: Array, axis: int = -1
    ) -> tuple[Array, Array]:
        """Log evidence, and the number of draws in each state, by the number of draws a row."""
        evidence, responsibilities = latent.posterior(factors, axis)
        last = jnp.moveaxis(responsibilities, axis, -1)
        times = jax.random.multinomial(self.key, self.draws * weights, last, dtype=last.dtype)
        return evidence, jnp.moveaxis(times, -1, axis) / self.draws

    def numbered(self, number: int | Array) -> "DrawnStates":
        """The E-step with a key of its own for this number."""
        return DrawnStates(jax.random.fold_in(self.key, number), self.draws)


def _evidence(latent: Latent, factors: Any, axis: int) -> tuple[Array, Any]:
    """Log evidence, and the log factors, for a second recursion that is not fused with the first.

    Fused, the steps of a very short chain would be unrolled into one expression that
    takes minutes to compile.
    """
    return jax.lax.optimization_barrier((latent.log_partition(factors, axis), factors))
