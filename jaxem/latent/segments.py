r"""Segments: a few long sequences cut into many short ones, whose recursions run in parallel.

A recursion is serial, and on one sequence most of its time is overhead of the steps. A segment
needs two messages: the posterior of the state before it, and the backward message to its last
state. Both follow from the products of the matrices of the segments, which need no message (as in
the parallel scans of Särkkä and García-Fernández 2021, with segments in place of steps); they cost
S forward passes, and save a factor of the number of segments.

The messages are checked. The forward pass over a segment gives the posterior of its last state,
which must equal the message to the next segment; by induction all messages are then right.
Otherwise the recursions are repeated in logarithms.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxem.latent import scaled
from jaxem.latent.columns import kernels, pieces
from jaxem.latent.links import Dense, Links, Split, inputs_of
from jaxem.numerics.logspace import finite, log_sum_exp
from jaxem.types import Array

#: Largest number of segments of all sequences: enough to fill vector registers.
_WIDE = 128

#: Least number of steps of a segment.
_SHORTEST = 64

#: Products of matrices of more states than this cost more than they save.
_FEW = 16


class Segments(NamedTuple):
    """A batch of n sequences in k segments each.

    Attributes:
        links: The segments as k n sequences, the first of all sequences, the second, ...
        count: k; 1 if the sequences were not cut.
    """

    links: Links
    count: int

    def evidence(self, found: scaled.ScaledFilter) -> Array:
        """Log evidence of each sequence, (n,)."""
        return found.evidence.reshape(self.count, -1).sum(0)

    def agree(self, found: scaled.ScaledFilter) -> Array:
        """Whether the forward passes over segments end with the start messages of the next ones."""
        if self.count == 1:
            return jnp.array(True)
        given = jnp.exp(self.links.start.T).reshape(*found.first.shape[:1], self.count, -1)
        passed = found.last.reshape(given.shape)[:, :-1]
        given = given[:, 1:]
        info = jnp.finfo(given.dtype)
        steps = len(self.links.valid) + self.count
        rounding = 4 * (len(given) + 4) * steps * info.eps
        gap = jnp.abs(given - passed)
        return jnp.all(gap <= rounding * jnp.maximum(given, passed) + info.tiny * 1e16)

    def join(self, responsibilities: Links, links: Links) -> Links:
        """Posteriors of whole sequences from those of segments."""
        if self.count == 1:
            return responsibilities
        start = responsibilities.start[: len(links.start)]
        if isinstance(responsibilities.steps, Dense):
            return Links(
                start, Dense(_whole(responsibilities.steps.factors, self.count)), links.valid
            )
        pairs = responsibilities.steps.transition
        pairs = pairs.reshape(self.count, -1, *pairs.shape[1:]).sum(0)
        return Links(
            start, Split(pairs, _whole(responsibilities.steps.emission, self.count)), links.valid
        )

    def last(self, found: scaled.ScaledFilter) -> Array:
        """The last states given all data, in logarithms, (n, S)."""
        return jnp.log(found.last.reshape(len(found.last), self.count, -1)[:, -1].T)


def segments(links: Links) -> Segments:
    """Cut sequences into segments, if they are few and long."""
    later, (width, states) = len(links.valid), links.start.shape
    count = 1
    while 2 * count * width <= _WIDE and later % (2 * count) == 0:
        count *= 2
    if states > _FEW or count == 1 or later < 4 * _SHORTEST:
        return Segments(links, 1)
    count = min(count, 1 << (later // _SHORTEST).bit_length() - 1)
    valid = _cut(links.valid, count)
    if isinstance(links.steps, Dense):
        steps: Dense | Split = Dense(_cut(links.steps.factors, count))
    else:
        steps = Split(links.steps.transition, _cut(links.steps.emission, count))
    products = _products(steps, valid).reshape(count, width, states, states)
    begins, ends = _messages(links, products)
    return Segments(Links(begins, steps, valid, ends), count)


def _messages(links: Links, products: Array) -> tuple[Array, Array]:
    """Log messages to the begins and to the ends of all segments, (k n, S)."""

    def forth(message, product):
        return _normal(log_sum_exp((message[:, :, None] + product).swapaxes(1, 2))), message

    last, begins = jax.lax.scan(forth, links.start, products)
    after = jnp.concatenate([begins[1:], last[None]], 0)
    end = jnp.zeros_like(last) if links.end is None else links.end

    def back(message, inputs):
        product, alpha = inputs
        message = _relative(message, alpha)
        return log_sum_exp(product + message[:, None, :]), message

    _, ends = jax.lax.scan(back, end, (products, after), reverse=True)
    return begins.reshape(-1, last.shape[1]), ends.reshape(-1, last.shape[1])


def _normal(logs: Array) -> Array:
    return _relative(logs, jnp.zeros_like(logs))


def _relative(message: Array, alpha: Array) -> Array:
    """A log message, scaled so that its product with exp(alpha) sums to 1."""
    total = log_sum_exp(message + alpha)[:, None]
    return message - jnp.where(jnp.isfinite(total), total, 0.0)


def _products(steps: Dense | Split, valid: Array) -> Array:
    """Logs of the products of the matrices of every segment, (k n, S, S), up to a constant each.

    Each row is scaled by its own power of two, which is exact in any precision.
    """
    factors = inputs_of(steps)
    sequences, states = factors.shape[1], factors.shape[-1]
    unit = jnp.eye(states, dtype=factors.dtype)[..., None]
    rows = jnp.broadcast_to(unit, (states, states, sequences))
    split = isinstance(steps, Split)

    def piece(carry, inputs):
        rows, power = carry
        factors, valid = inputs
        made = kernels(steps, factors)

        def step(rows, inputs):
            matrix, vector, valid = inputs
            new = scaled.forth(rows, made.matrix if split else matrix)
            new = new if vector is None else new * vector
            return jnp.where(valid, new, rows), None

        changing = None if split else made.matrix
        rows, _ = jax.lax.scan(step, rows, (changing, made.vector, valid))
        total = rows.sum(1)
        by = jnp.floor(jnp.log2(jnp.where(total > 0, total, 1.0)))
        return (rows * jnp.exp2(-by)[:, None], power + by), None

    none = jnp.zeros((states, sequences), factors.dtype)
    (rows, power), _ = jax.lax.scan(piece, (rows, none), pieces((factors, valid)))
    power = jnp.where(rows.sum(1) > 0, power, -jnp.inf)
    power = power - finite(power.max(0))
    return (jnp.log(rows) + jnp.log(2.0) * power[:, None]).transpose(2, 0, 1)


def _cut(array: Array, count: int) -> Array:
    """(T - 1, n, ...) as (steps of a segment, k n, ...)."""
    parts = array.reshape(count, -1, *array.shape[1:]).swapaxes(0, 1)
    return parts.reshape(len(parts), -1, *array.shape[2:])


def _whole(array: Array, count: int) -> Array:
    """The inverse of `_cut`."""
    parts = array.reshape(len(array), count, -1, *array.shape[2:]).swapaxes(0, 1)
    return parts.reshape(-1, *parts.shape[2:])
