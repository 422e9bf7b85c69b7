r"""A hidden Markov chain: the state of each step depends on the state before it.

The evidence of a sequence is a sum over paths,
:math:`\log Z = \log \sum_{z_1 \dots z_T} \exp( f_1(z_1) + \sum_t f_t(z_{t-1}, z_t) )`, and its
derivatives in the factors are the probabilities of single states at the start and of pairs later
on.
"""

import jax
import jax.numpy as jnp

from jaxem.latent import logarithmic, scaled
from jaxem.latent.links import Dense, Links, Split, inputs_of, matrices
from jaxem.latent.markov import Markov, directional
from jaxem.latent.viterbi import best_path
from jaxem.types import Array


class Chain(Markov):
    """One hidden state a step, a Markov chain along a sequence: ``Chain(3)``.

    The log joint is that of one step given the state before, ``log_joint(params, z_prev, z, x)``;
    at the start of a sequence ``z_prev`` is None. Named parts, ``Chain(level=3, season=2)``, make
    products of chains and chains of higher order: both states are then dictionaries of ints, and
    the joint states are enumerated with the first name slowest.

    Args:
        size: The number of states.
        **sizes: Or the number of states of each named part.

    Raises:
        DeclarationError: If both or neither are given, or a size is not a positive integer.
    """

    def __init__(self, size: int | None = None, /, **sizes: int):
        super().__init__(size, **sizes)

    @property
    def arguments(self) -> tuple[str, ...]:
        """What the log joint is called with between parameters and datum."""
        return ("z_prev", "z")

    def earlier(self, later: int) -> slice:
        """See `Markov`: the one just before."""
        return slice(0, later)

    def log_partition(self, factors: Links) -> Array:
        """Log evidence of each sequence, (n,); differentiable."""
        return _log_partition(factors.start, factors.steps, factors.valid)

    def posterior(self, factors: Links, axis: int = -1) -> tuple[Array, Links]:
        """Both of the above: in probabilities, and again in logarithms where some underflow."""
        return _posterior(factors)

    def best(self, factors: Links) -> tuple[Array, Array]:
        """See `Markov`; by Viterbi's algorithm."""
        return best_path(factors)

    def filtered(self, factors: Links) -> Array:
        """Probabilities of each state given the data up to it, (T, n, S)."""
        found = _filter(factors)
        return jnp.concatenate([found.first[None], found.filtered], 0)

    def sample(self, factors: Links, key: Array) -> Array:
        """One path of each sequence drawn from its posterior, (T, n).

        Forward filtering, backward sampling (Carter and Kohn 1994).
        """
        found = logarithmic.forward(factors)
        keys = jax.random.split(key, 1 + len(factors.valid))
        earlier = jnp.concatenate([found.first[None], found.filtered], 0)
        last = jax.random.categorical(keys[0], earlier[-1])

        def step(state, inputs):
            here, alpha, valid, key = inputs
            matrix = matrices(factors.steps, here)
            into = jnp.take_along_axis(matrix, state[:, None, None], axis=2)[..., 0]
            drawn = jax.random.categorical(key, alpha + into)
            return jnp.where(valid, drawn, state), state

        inputs = (inputs_of(factors.steps), earlier[:-1], factors.valid, keys[1:])
        first, path = jax.lax.scan(step, last, inputs, reverse=True)
        return jnp.concatenate([first[None], path], 0)


def _posterior(links: Links) -> tuple[Array, Links]:
    quick, sound = scaled.forward(links)
    marginals, kept = scaled.backward(links, quick)

    def again(carry):
        here = links._replace(start=carry[3])
        exact = logarithmic.forward(here)
        return exact.evidence, logarithmic.backward(here, exact), jnp.array(True), exact.first

    # A loop of at most one pass: under vmap it is skipped where nothing asks for it, as a
    # conditional would not be. Its start is carried, or XLA would run the pass ahead of the loop.
    first = (quick.evidence, marginals, sound & kept, links.start)
    evidence, marginals, *_ = jax.lax.while_loop(lambda c: ~c[2], again, first)
    return evidence, marginals


def _filter(links: Links) -> scaled.Filter:
    quick, sound = scaled.forward(links)

    def again(carry):
        exact = logarithmic.forward(links._replace(start=carry[2]))
        found = jax.tree.map(jnp.exp, exact)._replace(evidence=exact.evidence)
        return found, jnp.array(True), exact.first

    return jax.lax.while_loop(lambda c: ~c[1], again, (quick, sound, links.start))[0]


@jax.custom_jvp
def _log_partition(start: Array, steps: Dense | Split, valid: Array) -> Array:
    return _posterior(Links(start, steps, valid))[0]


@_log_partition.defjvp
def _log_partition_jvp(primals, tangents):
    value, weights = _posterior(Links(*primals))
    return value, directional(weights, tangents[0], tangents[1])
