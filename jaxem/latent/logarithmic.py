"""Forward and backward recursions in logarithms: slower than `scaled`, without underflow.

An impossible sequence has evidence -inf, and all its posterior probabilities are zero.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxem.latent.links import Dense, Links, Split, before, inputs_of, matrices
from jaxem.numerics.logspace import finite, log_sum_exp
from jaxem.types import Array


class LogFilter(NamedTuple):
    """The result of the forward recursion, in logarithms.

    Attributes:
        evidence: Log evidence, (n,).
        first: The first state given the first datum, (n, S).
        predicted: Later states given the data before them, (T - 1, n, S), up to a factor a step.
        filtered: Later states given the data up to them, (T - 1, n, S).
    """

    evidence: Array
    first: Array
    predicted: Array
    filtered: Array

    def states(self) -> Array:
        """Posterior of every state given the data up to it, (T, n, S), in logarithms."""
        return jnp.concatenate([self.first[None], self.filtered], 0)


def forward(links: Links) -> LogFilter:
    """The forward recursion (filter)."""
    evidence, first = _normalise(links.start)

    def step(carry, inputs):
        total, alpha = carry
        factors, valid = inputs
        matrix = matrices(links.steps, factors)
        own = finite(matrix.max((-1, -2), keepdims=True))
        predicted = log_sum_exp((alpha[:, :, None] + (matrix - own)).swapaxes(1, 2))
        gain, new = _normalise(predicted)
        gain = gain + own[:, 0, 0]
        total = total + jnp.where(valid, gain, 0.0)
        new = jnp.where(valid[:, None], new, alpha)
        return (total, new), (predicted + own[:, 0], new)

    (evidence, _), (predicted, filtered) = jax.lax.scan(
        step, (evidence, first), (inputs_of(links.steps), links.valid)
    )
    return LogFilter(evidence, first, predicted, filtered)


def backward(links: Links, filter_: LogFilter) -> Links:
    """The backward recursion: posterior probabilities as `Links`, from the filter."""
    earlier = before(filter_.first, filter_.filtered)
    split = isinstance(links.steps, Split)

    def step(carry, inputs):
        gamma, sums = carry
        factors, alpha, predicted, valid = inputs
        possible = predicted > -jnp.inf
        ratio = jnp.where(possible, gamma - jnp.where(possible, predicted, 0.0), -jnp.inf)
        joint = alpha[:, :, None] + matrices(links.steps, factors) + ratio[:, None, :]
        pairs = jnp.where(valid[:, None, None], jnp.exp(joint), 0.0)
        back = jnp.where(valid[:, None], log_sum_exp(joint), gamma)
        own = jnp.where(valid[:, None], jnp.exp(gamma), 0.0)
        return (back, sums + pairs if split else sums), own if split else pairs

    last = filter_.states()[-1]
    last = last if links.end is None else _normalise(last + links.end)[1]
    states = links.start.shape[-1]
    sums = jnp.zeros((len(links.start), states, states) if split else (), links.start.dtype)
    inputs = (inputs_of(links.steps), earlier, filter_.predicted, links.valid)
    (start, sums), out = jax.lax.scan(step, (last, sums), inputs, reverse=True)
    possible = (filter_.evidence > -jnp.inf)[:, None]
    start = jnp.where(possible, jnp.exp(start), 0.0)
    if split:
        sums = jnp.where(possible[..., None], sums, 0.0)
        return Links(start, Split(sums, jnp.where(possible, out, 0.0)), links.valid)
    return Links(start, Dense(jnp.where(possible[..., None], out, 0.0)), links.valid)


def _normalise(logs: Array) -> tuple[Array, Array]:
    """The log of the sum, and the logs of normalised weights; -inf where all weights are zero."""
    total = log_sum_exp(logs)
    return total, logs - jnp.where(jnp.isfinite(total), total, 0.0)[..., None]
