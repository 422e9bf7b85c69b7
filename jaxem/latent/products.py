r"""E-step of chains with emissions :math:`v_t(b) = \eta_b \cdot t_t`, for many restarts at once.

The E-step needs sums over steps: of posteriors of pairs, and of features times posteriors of
states. They are accumulated piece by piece between the recursions, so that no array of factors or
posteriors of all steps is stored. Under vmap restarts become the columns of `scaled`, after
sequences and states: in this order one matrix product gives the factors of all restarts, and
another the sums, without transposes.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxem.latent import logarithmic, scaled
from jaxem.latent.chain import Chain, redone
from jaxem.latent.columns import Columns, Kernels, across
from jaxem.latent.links import Links, Split, times
from jaxem.numerics.logspace import finite
from jaxem.types import Array

#: Restarts that fill a vector register, and the number of restarts times sequences from which on
#: restarts are columns; with fewer, sequences may be cut into segments.
_VECTOR, _WIDE = 8, 128


class Products(NamedTuple):
    """Log factors of a batch of n sequences, emissions as coefficients and features.

    Attributes:
        start: Log factors of the first step, (n, S).
        transition: Log factors of pairs, (S, S), the state before first.
        coefficients: Eta, (S, features).
        features: Features t of the steps after the start, (T - 1, n, features).
        valid: Whether these steps exist, (T - 1, n).
        weights: Weights of the sequences, (n,).
    """

    start: Array
    transition: Array
    coefficients: Array
    features: Array
    valid: Array
    weights: Array


class Sums(NamedTuple):
    """Evidence and sums over posteriors of a batch of sequences.

    Attributes:
        evidence: Log evidence of each sequence, (n,).
        start: Weighted posterior of the first state, (n, S).
        pairs: Weighted posterior of pairs, summed over sequences and steps, (S, S).
        features: Features times the weighted posterior of later states, summed, (S, features).
    """

    evidence: Array
    start: Array
    pairs: Array
    features: Array


def posterior_sums(problem: Products) -> Sums:
    """Sums over posteriors, in probabilities; in logarithms if some underflow."""
    return _sums(problem)


@jax.custom_batching.custom_vmap
def _sums(problem: Products) -> Sums:
    links = _links(problem)
    evidence, responsibilities = Chain(links.start.shape[1]).weighted_posterior(
        links, problem.weights
    )
    return _summed(problem, evidence, responsibilities)


@_sums.def_vmap
def _sums_of_restarts(restarts: int, batched: Any, problem: Products) -> tuple[Sums, Any]:
    (batched,) = batched
    own = Products(True, True, True, False, False, False)  # pyright: ignore[reportArgumentType]
    wide = restarts >= _VECTOR and restarts * len(problem.weights) >= _WIDE
    if wide and batched == own:
        sums = _side_by_side(problem)
    else:
        axes = Products(*(0 if flag else None for flag in batched))  # pyright: ignore
        sums = jax.vmap(_sums.fun, in_axes=(axes,))(problem)
    return sums, Sums(True, True, True, True)  # pyright: ignore[reportArgumentType]


def _links(problem: Products) -> Links:
    flat = problem.features.reshape(-1, problem.features.shape[-1])
    emission = (flat @ problem.coefficients.T).reshape(*problem.valid.shape, -1)
    return Links(problem.start, Split(problem.transition, emission), problem.valid)


def _summed(problem: Products, evidence: Array, responsibilities: Links) -> Sums:
    assert isinstance(responsibilities.steps, Split)
    flat = problem.features.reshape(-1, problem.features.shape[-1])
    gamma = responsibilities.steps.emission.reshape(-1, responsibilities.start.shape[1])
    return Sums(
        evidence, responsibilities.start, responsibilities.steps.transition.sum(0), gamma.T @ flat
    )


def _side_by_side(problem: Products) -> Sums:
    """The sums of R restarts, on the first axis of start, transition and coefficients."""
    count = len(problem.start)
    states, width = problem.coefficients.shape[1:]
    eta = problem.coefficients.transpose(2, 1, 0).reshape(width, -1)
    matrix = jnp.moveaxis(jax.vmap(across)(problem.transition)[..., 0], 0, -1)
    highest = finite(problem.transition.max((1, 2)))

    def kernels(features: Array) -> Kernels:
        logs = features.reshape(-1, width) @ eta
        logs = logs.reshape(*features.shape[:2], states, count)
        top = finite(logs.max(-2))
        return Kernels(matrix, jnp.exp(logs - top[..., None, :]), top + highest)

    def collect(sums, earlier, matrix, ratio, features):
        pairs, collected = sums
        own = scaled.forth(earlier, matrix) * ratio
        collected = collected + features.reshape(-1, width).T @ own.reshape(-1, states * count)
        return (pairs + scaled.paired(earlier, ratio), collected), None

    start = problem.start.transpose(1, 2, 0)
    exists = problem.valid[..., None, None]
    held = Columns(start, problem.features, kernels, exists, split=True)
    found, sound = scaled.forward(held)
    weights = problem.weights[:, None]
    ends = jnp.broadcast_to(weights[..., None], start.shape)
    none = jnp.zeros((states, states, count), start.dtype), jnp.zeros_like(eta)
    beta, (pairs, collected), _ = scaled.back_over(held, found, ends, matrix, collect, none)
    first = found.first * beta
    kept = scaled.complete(first, weights, len(problem.valid))
    quick = Sums(
        found.evidence.T,
        first.transpose(2, 0, 1),
        (matrix * pairs).transpose(2, 0, 1),
        collected.reshape(width, states, count).transpose(2, 1, 0),
    )

    def again(start):
        axes = Products(0, 0, 0, None, None, None)  # pyright: ignore[reportArgumentType]
        return jax.vmap(_in_logarithms, in_axes=(axes,))(problem._replace(start=start))

    return redone(problem.start, quick, sound & kept, again)


def _in_logarithms(problem: Products) -> Sums:
    links = _links(problem)
    found = logarithmic.forward(links)
    responsibilities = times(problem.weights, logarithmic.backward(links, found))
    return _summed(problem, found.evidence, responsibilities)
