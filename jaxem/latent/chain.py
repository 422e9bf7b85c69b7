r"""Hidden Markov chains: the state of each step depends on the state before it.

The evidence of a sequence is a sum over paths,
:math:`\log Z = \log \sum_{z_1 \dots z_T} \exp( f_1(z_1) + \sum_t f_t(z_{t-1}, z_t) )`, and its
derivatives in the factors are the probabilities of single states at the start and of pairs later
on.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxem.latent import logarithmic, scaled
from jaxem.latent.columns import columns
from jaxem.latent.links import Dense, Links, Split, inputs_of, matrices, times
from jaxem.latent.markov import Markov, directional
from jaxem.latent.segments import segments
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
        """Names of the arguments of the log joint between parameters and datum."""
        return ("z_prev", "z")

    def earlier(self, later: int) -> slice:
        """See `Markov`: the step before."""
        return slice(0, later)

    def log_partition(self, factors: Links, axis: int = -1) -> Array:
        """Log evidence of each sequence, (n,); differentiable."""
        return _log_partition(factors.start, factors.steps, factors.valid)

    def posterior(self, factors: Links, axis: int = -1) -> tuple[Array, Links]:
        """`log_partition` and `marginals`, in probabilities; in logarithms if some underflow."""
        return self.weighted_posterior(factors, jnp.ones_like(factors.start[:, 0]))

    def weighted_posterior(self, factors: Links, weights: Array) -> tuple[Array, Links]:
        """`posterior`, with the marginals of each sequence times its weight, (n,)."""
        return _posterior(factors, weights)

    def advance(self, factors: Links) -> tuple[Array, Array]:
        """Log evidence of each sequence, (n,), and log posterior of its last state, (n, S).

        The second is the `start` of the window of time that follows.
        """
        parts = segments(factors)
        quick, sound = scaled.forward(columns(parts.links))
        first = (parts.evidence(quick), parts.last(quick))

        def again(start):
            found = logarithmic.forward(factors._replace(start=start))
            return found.evidence, found.states()[-1]

        return redone(factors.start, first, sound & parts.agree(quick), again)

    def best(self, factors: Links) -> tuple[Array, Array]:
        """See `Markov`; by Viterbi's algorithm."""
        return best_path(factors)

    def filtered(self, factors: Links) -> Array:
        """Probabilities of each state given the data up to it, (T, n, S)."""
        return _filter(factors)[1]

    def sample(self, factors: Links, key: Array) -> Array:
        """One path of each sequence drawn from its posterior, (T, n).

        Forward filtering, backward sampling (Carter and Kohn 1994).
        """
        found = logarithmic.forward(factors)
        keys = jax.random.split(key, 1 + len(factors.valid))
        earlier = found.states()
        last = jax.random.categorical(keys[0], earlier[-1])

        def step(state, inputs):
            own, alpha, valid, key = inputs
            matrix = matrices(factors.steps, own)
            into = jnp.take_along_axis(matrix, state[:, None, None], axis=2)[..., 0]
            drawn = jax.random.categorical(key, alpha + into)
            return jnp.where(valid, drawn, state), state

        inputs = (inputs_of(factors.steps), earlier[:-1], factors.valid, keys[1:])
        first, path = jax.lax.scan(step, last, inputs, reverse=True)
        return jnp.concatenate([first[None], path], 0)


def _posterior(links: Links, weights: Array) -> tuple[Array, Links]:
    parts = segments(links)
    quick, sound = scaled.forward(columns(parts.links))
    marginals, kept = scaled.backward(parts.links, quick, jnp.tile(weights, parts.count))
    sound = sound & parts.agree(quick)

    def again(start):
        restarted = links._replace(start=start)
        return times(weights, logarithmic.backward(restarted, logarithmic.forward(restarted)))

    evidence = _evidence(links, parts.evidence(quick), sound)
    return evidence, redone(links.start, parts.join(marginals, links), sound & kept, again)


def _filter(links: Links) -> tuple[Array, Array]:
    """Log evidence (n,), and probabilities of states given the data up to them, (T, n, S)."""
    quick, sound = scaled.forward(columns(links))

    def again(start):
        return jnp.exp(logarithmic.forward(links._replace(start=start)).states())

    return _evidence(links, quick.evidence, sound), redone(
        links.start, quick.states(), sound, again
    )


def _evidence(links: Links, quick: Array, sound: Array) -> Array:
    def again(start):
        return logarithmic.forward(links._replace(start=start)).evidence

    return redone(links.start, quick, sound, again)


def redone(start: Array, quick: Any, sound: Array, again: Callable[[Array], Any]) -> Any:
    """The result in probabilities, or if it is inaccurate, the result in logarithms.

    Computed by a loop of at most one pass: under vmap the loop is skipped if no result is
    inaccurate, and a conditional would not be. `start` is carried, and changed, or XLA would move
    the pass out of the loop. Evidence and posteriors have separate loops, so that a program with
    one does not compute both.

    Args:
        start: Log factors of the first step.
        quick: The result in probabilities.
        sound: Whether that is accurate.
        again: From `start` to the result in logarithms.
    """

    def once(carry):
        _, _, start = carry
        return again(start), jnp.array(True), jnp.zeros_like(start)

    return jax.lax.while_loop(lambda c: ~c[1], once, (quick, sound, start))[0]


@jax.custom_jvp
def _log_partition(start: Array, steps: Dense | Split, valid: Array) -> Array:
    links = Links(start, steps, valid)
    return Chain(start.shape[-1]).advance(links)[0]


@_log_partition.defjvp
def _log_partition_jvp(primals, tangents):
    value, weights = Chain(primals[0].shape[-1]).posterior(Links(*primals))
    return value, directional(weights, tangents[0], tangents[1])
