r"""Recursions on a tree: upward to the root, and back down (Felsenstein 1981, Pearl 1988).

Upward, :math:`m_i(a) = \log \sum_b e^{f_i(a, b) + B_i(b)}` is the message of node i to its parent,
the log probability of the data of i and its descendants given the parent's state, and
:math:`B_i = \sum_{c \text{ child of } i} m_c`. Downward,
:math:`p(z_i = b \mid z_{\text{parent}} = a, x) = e^{f_i(a, b) + B_i(b) - m_i(a)}`, so that
posteriors, draws and, with a maximum in place of the sum, the best states are found from the root
on. All are in logarithms. Arrays have nodes first, (N, n, ...).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.latent.links import Dense, Links, Split
from jaxem.latent.rounds import Rounds
from jaxem.numerics.logspace import log_sum_exp
from jaxem.types import Array


class Upward(NamedTuple):
    """The messages of the upward recursion.

    Attributes:
        root: Log joint of all data and the root's state, (n, S).
        reached: :math:`f_i(a, b) + B_i(b)` of the nodes after the root, (N - 1, n, S, S).
        messages: :math:`m_i(a)` of these nodes, (N - 1, n, S).
    """

    root: Array
    reached: Array
    messages: Array


def factors_of(links: Links) -> Array:
    """A matrix for every node after the root, (N - 1, n, S, S)."""
    if isinstance(links.steps, Dense):
        return links.steps.factors
    return links.steps.transition + links.steps.emission[..., None, :]


def upward(links: Links, rounds: Rounds, total: Callable[[Array], Array] = log_sum_exp) -> Upward:
    """Messages from the leaves to the root.

    Args:
        links: The factors.
        rounds: The nodes by round.
        total: Reduction of the last axis: the logarithm of a sum, or a maximum.
    """
    factors = factors_of(links)
    nodes = len(factors) + 1
    below = jnp.zeros((nodes + 1, *links.start.shape), links.start.dtype)

    def step(below, inputs):
        node, parent, link = inputs
        sent = total(factors[link] + below[node][:, :, None, :])
        return below.at[parent].add(sent), sent

    inputs = (rounds.nodes, rounds.parents, rounds.links)
    below, sent = jax.lax.scan(step, below, jax.tree.map(jnp.asarray, inputs), reverse=True)
    messages = sent.reshape(-1, *links.start.shape)[rounds.places]
    return Upward(links.start + below[0], factors + below[1:nodes, :, None, :], messages)


def downward(rounds: Rounds, root: Array, move: Callable[[Array, Array, Array], Array]) -> Array:
    """Values of all nodes, (N, n, ...), each computed from that of its parent.

    Args:
        rounds: The nodes by round.
        root: The value of the root, (n, ...).
        move: From values of parents (W, n, ...), the indices of their nodes among those after the
            root (W,), and the number of the round, to the values of the nodes.
    """
    nodes = len(rounds.places) + 1
    first = jnp.zeros((nodes + 1, *root.shape), root.dtype).at[0].set(root)

    def step(found, inputs):
        node, parent, link, number = inputs
        return found.at[node].set(move(found[parent], link, number)), None

    inputs = (rounds.nodes, rounds.parents, rounds.links, range(len(rounds.nodes)))
    found, _ = jax.lax.scan(step, first, tuple(jnp.asarray(leaf) for leaf in inputs))
    return found[:nodes]


def posterior(links: Links, rounds: Rounds, parents: np.ndarray) -> tuple[Array, Links]:
    """Log evidence (n,), and probabilities of the root's states and of pairs.

    Args:
        links: The factors.
        rounds: The nodes by round.
        parents: The parent of each node after the root, (N - 1,).
    """
    up = upward(links, rounds)
    evidence = log_sum_exp(up.root)
    known = jnp.isfinite(evidence)[:, None]
    first = jnp.where(known, jnp.exp(up.root - jnp.where(known, evidence[:, None], 0.0)), 0.0)
    given = jnp.exp(up.reached - jnp.where(jnp.isfinite(up.messages), up.messages, 0.0)[..., None])

    def move(above, link, _):
        return (above[..., None] * given[link]).sum(-2)

    gamma = downward(rounds, first, move)
    pairs = gamma[parents][..., None] * given
    if isinstance(links.steps, Dense):
        return evidence, Links(first, Dense(pairs), links.valid)
    return evidence, Links(first, Split(pairs.sum(0), gamma[1:]), links.valid)


def best_states(links: Links, rounds: Rounds) -> tuple[Array, Array]:
    """Log joint of the most probable states (n,), and these, (N, n); of equals the first."""
    up = upward(links, rounds, lambda logs: jnp.max(logs, axis=-1))
    pointers = jnp.argmax(up.reached, axis=-1)

    def move(above, link, _):
        return jnp.take_along_axis(pointers[link], above[..., None], axis=-1)[..., 0]

    return jnp.max(up.root, -1), downward(rounds, jnp.argmax(up.root, -1), move)


def drawn_states(links: Links, rounds: Rounds, key: Array) -> Array:
    """States drawn from their posterior, (N, n)."""
    up = upward(links, rounds)
    keys = jax.random.split(key, 1 + len(rounds.nodes))

    def move(above, link, number):
        chosen = above[..., None, None]
        logs = jnp.take_along_axis(up.reached[link], chosen, axis=-2)[..., 0, :]
        return jax.random.categorical(keys[1 + number], logs)

    return downward(rounds, jax.random.categorical(keys[0], up.root), move)
