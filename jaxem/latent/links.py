r"""The log factors of chains and trees, of each step's state and the one that it depends on.

A batch of n sequences is held time first. A step after the start is *dense*, a matrix
:math:`f_t(z_{t-1}, z_t)` for every step, or *split*, one matrix for all and a vector for each:
:math:`f_t(z_{t-1}, z_t) = g(z_{t-1}, z_t) + v_t(z_t)`. The same records hold posterior
probabilities, which are the derivatives of the evidence in these factors.
"""

from typing import NamedTuple

import jax.numpy as jnp

from jaxem.types import Array


class Dense(NamedTuple):
    """A matrix for every step.

    Attributes:
        factors: Shape (T - 1, n, S, S), the state before first.
    """

    factors: Array


class Split(NamedTuple):
    """One matrix for all steps, and a vector for every step.

    Attributes:
        transition: Shape (S, S); of posteriors, summed over the steps of a sequence, (n, S, S).
        emission: Shape (T - 1, n, S).
    """

    transition: Array
    emission: Array


class Links(NamedTuple):
    """The log factors, or the posterior, of a batch of n sequences.

    Attributes:
        start: Factors of the first step, (n, S).
        steps: Factors of the steps after the start.
        valid: Whether a step exists, (T - 1, n); False past the end of a short sequence.
        end: Backward messages to the last state from later data, (n, S), in logarithms, scaled so
            that the posterior of the last state sums to 1; None without later data. They are no
            part of the evidence.
    """

    start: Array
    steps: Dense | Split
    valid: Array
    end: Array | None = None


def dense_links(table: Array, valid: Array, states: int) -> Links:
    """The factors of n sequences from a table of configurations.

    Args:
        table: Log factors (T n, S + S^2), the first step of all sequences, the second, ...; of
            each step the S states of a start, then the pairs.
        valid: Whether a step after the start exists, (T - 1, n).
        states: The number of states S.
    """
    later, count = valid.shape
    pairs = table[count:, states:].reshape(later, count, states, states)
    return Links(table[:count, :states], Dense(pairs), valid)


def matrices(steps: Dense | Split, inputs: Array) -> Array:
    """The matrices (n, S, S) of one step, from its slice of `inputs_of`."""
    if isinstance(steps, Dense):
        return inputs
    return steps.transition + inputs[:, None, :]


def inputs_of(steps: Dense | Split) -> Array:
    """The factors that differ from step to step, time first."""
    return steps.factors if isinstance(steps, Dense) else steps.emission


def before(first: Array, later: Array) -> Array:
    """Values of the steps before those after the start, (T - 1, n, ...)."""
    return jnp.concatenate([first[None], later], 0)[:-1]


def times(weights: Array, responsibilities: Links) -> Links:
    """Posteriors of each sequence times its weight, (n,)."""
    start = weights[:, None] * responsibilities.start
    if isinstance(responsibilities.steps, Dense):
        steps: Dense | Split = Dense(weights[:, None, None] * responsibilities.steps.factors)
    else:
        transition = weights[:, None, None] * responsibilities.steps.transition
        steps = Split(transition, weights[:, None] * responsibilities.steps.emission)
    return Links(start, steps, responsibilities.valid)
