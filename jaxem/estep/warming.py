r"""E-steps that do not climb: the evidence is exact, the weights of states not its gradient.

The M-step of such weights may lower the objective, and is meant to: annealing smooths the posterior
out (Ueda and Nakano 1998), stochastic EM draws from it (Celeux and Diebolt 1985). Since states are
enumerated the exact objective costs no more than it does otherwise, and is known at every step.
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
        """Log evidence, and probabilities of the states at this temperature."""
        evidence, factors = _evidence(latent, factors, axis)
        warmed = at_temperature(factors, self.inverse_temperature)
        return evidence, jax.lax.optimization_barrier(latent.posterior(warmed, axis)[1])


@dataclasses.dataclass(frozen=True)
class DrawnStates(EStep):
    """States drawn from their posterior, and the mean of so many draws.

    A row of weight w is w equal rows, each with draws of its own. The states of a sequence or tree
    are drawn together, and its weight counts the same draw.

    Attributes:
        key: A JAX key, which may be traced.
        draws: How many a row.
    """

    key: Array
    draws: int

    def posterior(self, latent: Latent, factors: Any, axis: int = -1) -> tuple[Array, Any]:
        """Log evidence, and the share of the draws that each state has."""
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
        """Log evidence, and how often each state is drawn, a draw."""
        evidence, responsibilities = latent.posterior(factors, axis)
        last = jnp.moveaxis(responsibilities, axis, -1)
        times = jax.random.multinomial(self.key, self.draws * weights, last, dtype=last.dtype)
        return evidence, jnp.moveaxis(times, -1, axis) / self.draws

    def numbered(self, number: int | Array) -> "DrawnStates":
        """The same with a key of its own."""
        return DrawnStates(jax.random.fold_in(self.key, number), self.draws)


def _evidence(latent: Latent, factors: Any, axis: int) -> tuple[Array, Any]:
    """Log evidence, and the factors, for a second recursion that the compiler keeps apart.

    Fused with the first, the steps of a very short chain would be unrolled into one expression that
    takes minutes to compile.
    """
    return jax.lax.optimization_barrier((latent.log_partition(factors, axis), factors))
