r"""Forward and backward in probabilities that are normalised at every step.

Forward (Rabiner 1989): with :math:`\alpha_t` the posterior of the state given the data up to t,
:math:`\pi_t = \alpha_{t-1} M_t` and :math:`\alpha_t = \pi_t v_t / c_t`; the :math:`c_t` multiply to
the evidence. Backward, with :math:`\beta_t` what later data say of a state,

.. math:: w_t = v_t \beta_t / c_t, \quad \beta_{t-1} = M_t w_t, \quad
          \gamma_t = \pi_t w_t, \quad \xi_t(a, b) = \alpha_{t-1}(a) M_t(a, b)\, w_t(b).

Factors are taken relative to the largest of their step. Where :math:`\pi_t v_t` is nearly zero it
is taken for zero, and so is :math:`w_t`: nothing overflows. What that loses is missing from the sum
of the posterior of the first state, which is looked at, and so is a tiny :math:`c_t`; `logarithmic`
then does it again.

Inside, states come before sequences, so that vectors run over sequences, and each recursion carries
one array, which is normalised when it is read: XLA would compute a product once for its sum and
again for what is divided by it. What is done to all steps alike is done to a few dozen at a time,
between the recursions over them, where it stays in the cache.
"""

import functools
import operator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxem.latent.links import Dense, Links, Split, inputs_of
from jaxem.types import Array

#: A posterior probability that may not get lost.
_NOTICED = 1e-12

#: A c that is smaller may have cost states that are needed later: with it, numbers relative to the
#: largest are kept down to 1e-196, and to 1e-14 in single precision.
_LEAST, _LEAST_SINGLE = 1e-100, 1e-12

#: Up to so many states products are written out: XLA fuses them with what surrounds them.
_FEW = 16

#: Steps of all sequences that are worked on at a time.
_ROWS = 2**11


class Filter(NamedTuple):
    """What the data up to each step say.

    Attributes:
        evidence: Log evidence, (n,).
        first: Posterior of the first state given the first datum, (S, n).
        later: The same of the later states, alpha, (pieces, steps a piece, S, n).
        gain: v / c of the same, zero where there is no step or the state was taken for impossible.
    """

    evidence: Array
    first: Array
    later: Array
    gain: Array

    @property
    def last(self) -> Array:
        """Posterior of the last state, (S, n)."""
        return self.later[-1, -1] if self.later.size else self.first

    def states(self) -> Array:
        """Posterior of every state given the data up to it, (T, n, S)."""
        every = [self.first[None], self.later.reshape(-1, *self.first.shape)]
        return jnp.concatenate(every, 0).swapaxes(1, 2)


class Kernels(NamedTuple):
    """Factors of a piece in probabilities: matrices (S, S, 1), or (steps, S, S, n).

    Vectors are (steps, S, n), or None with matrices that change; log scales (steps, n).
    """

    matrix: Array
    vector: Array | None
    scale: Array


def forward(links: Links) -> tuple[Filter, Array]:
    """The filter, and whether nothing was lost to underflow, a scalar."""
    split = isinstance(links.steps, Split)
    top = _finite(links.start.max(-1))
    raised = jnp.exp(links.start - top[:, None]).T
    total = raised.sum(0)
    tiny = _tiny(raised.dtype)

    def piece(carry, inputs):
        joint, evidence, smallest = carry
        factors, valid = inputs
        made = kernels(links.steps, factors)

        def step(joint, inputs):
            matrix, vector, valid = inputs
            new = forth(joint, made.matrix if split else matrix)
            new = new * _inverse(joint.sum(0))
            new = new if vector is None else new * vector
            new = jnp.where(valid, jnp.where(new > tiny, new, 0.0), joint)
            return new, new

        changing = None if split else made.matrix
        last, out = jax.lax.scan(step, joint, (changing, made.vector, valid))
        total = out.sum(1)
        inverse = _inverse(total)[:, None]
        gain = inverse if made.vector is None else inverse * made.vector
        gain = jnp.where((out > 0) & valid[:, None], gain, 0.0)
        c = jnp.where(valid, total, 1.0)
        scales = jnp.where(valid, made.scale, 0.0)
        evidence = evidence + (jnp.log(c) + scales).sum(0)
        return (last, evidence, jnp.minimum(smallest, c.min(0))), (out * inverse, gain)

    first = raised * _inverse(total)
    inputs = pieces((inputs_of(links.steps), links.valid))
    start = (first, jnp.log(total) + top, total)
    (_, evidence, smallest), (later, gain) = jax.lax.scan(piece, start, inputs)
    least = _LEAST if total.dtype == jnp.float64 else _LEAST_SINGLE
    return Filter(evidence, first, later, gain), jnp.all(smallest > least)


def backward(links: Links, found: Filter, weights: Array) -> tuple[Links, Array]:
    """Posterior probabilities times weights, as `Links`, and whether nothing was lost.

    Args:
        links: The factors.
        found: Their filter.
        weights: One a sequence, (n,); posteriors are linear in the message from behind.
    """
    split = isinstance(links.steps, Split)
    across = _across(links.steps) if isinstance(links.steps, Split) else None
    before = jnp.concatenate([found.first[None], found.later[:, -1]], 0)
    ends = jnp.ones_like(found.first) if links.end is None else jnp.exp(links.end).T
    total = jnp.where(found.last > 0, found.last * ends, 0.0).sum(0)
    ends = ends * _inverse(total) * weights

    def piece(carry, inputs):
        beta, sums = carry
        factors, valid, before, later, gain = inputs
        matrix = _changing(factors)[0] if across is None else across
        earlier = jnp.concatenate([before[None], later[:-1]], 0)
        gain = jnp.concatenate([jnp.ones_like(before)[None], gain], 0)

        def step(ratio, inputs):
            own, valid, gain = inputs
            beta = jnp.where(valid, _back(ratio, matrix if own is None else own), ends)
            return jnp.where(gain > 0, gain * beta, 0.0), ratio

        last = jnp.where(gain[-1] > 0, gain[-1] * beta, 0.0)
        inputs = (None if split else matrix, valid, gain[:-1])
        beta, ratio = jax.lax.scan(step, last, inputs, reverse=True)
        if split:
            own = (forth(earlier, matrix) * ratio).swapaxes(1, 2)
            return (beta, sums + jnp.einsum("tan,tbn->abn", earlier, ratio)), own
        pairs = earlier[:, :, None] * matrix * ratio[:, None]
        return (beta, sums), jnp.moveaxis(pairs, -1, 1)

    none = jnp.zeros_like(ends[:, None] * ends) if split else jnp.zeros((), ends.dtype)
    factors = pieces(links.steps.factors) if isinstance(links.steps, Dense) else None
    inputs = (factors, pieces(links.valid), before[:-1], found.later, found.gain)
    (beta, sums), out = jax.lax.scan(piece, (ends, none), inputs, reverse=True)
    start = found.first * beta
    slack = _NOTICED + 8 * jnp.finfo(start.dtype).eps * (1 + len(links.valid))
    kept = jnp.all(jnp.abs(start.sum(0) - weights) <= slack * weights)
    out = out.reshape(len(links.valid), *out.shape[2:])
    if across is not None:
        steps: Dense | Split = Split((across * sums).transpose(2, 0, 1), out)
    else:
        steps = Dense(out)
    return Links(start.T, steps, links.valid), kept


def pieces(tree: Any) -> Any:
    """Steps, on the first axis of all leaves, in pieces of equal length."""
    later, count = jax.tree.leaves(tree)[-1].shape[:2]
    most = max(8, _ROWS // count)
    size = next((d for d in range(min(most, later), 0, -1) if later % d == 0), 1)
    return jax.tree.map(lambda leaf: leaf.reshape(-1, size, *leaf.shape[1:]), tree)


def kernels(steps: Dense | Split, factors: Array) -> Kernels:
    """Factors of a piece, as `inputs_of` hands them out, in probabilities."""
    if isinstance(steps, Dense):
        matrix, top = _changing(factors)
        return Kernels(matrix, None, top)
    emission = factors.swapaxes(1, 2)
    top = _finite(emission.max(1))
    scale = top + _finite(steps.transition.max())
    return Kernels(_across(steps), jnp.exp(emission - top[:, None]), scale)


def _across(steps: Split) -> Array:
    """The matrix of all steps, (S, S, 1)."""
    return jnp.exp(steps.transition - _finite(steps.transition.max()))[..., None]


def _changing(factors: Array) -> tuple[Array, Array]:
    """Matrices of steps, (steps, S, S, n), and their log scales, (steps, n)."""
    top = _finite(factors.max((-1, -2)))
    return jnp.moveaxis(jnp.exp(factors - top[..., None, None]), 1, -1), top


def forth(alpha: Array, matrix: Array) -> Array:
    """Row vectors (..., S, n) times matrices (S, S, n)."""
    states = alpha.shape[-2]
    if states > _FEW:
        return jnp.einsum("...an,abn->...bn", alpha, matrix)
    terms = [alpha[..., a, None, :] * matrix[a] for a in range(states)]
    return functools.reduce(operator.add, terms)


def _back(beta: Array, matrix: Array) -> Array:
    """Matrices (S, S, n) times column vectors (S, n)."""
    return forth(beta, matrix.swapaxes(0, 1))


def _tiny(dtype: Any) -> Any:
    """What is smaller than this is taken for zero."""
    return jnp.finfo(dtype).tiny * 1e12


def _inverse(total: Array) -> Array:
    return 1 / jnp.where(total > 0, total, 1.0)


def _finite(top: Array) -> Array:
    return jnp.where(jnp.isfinite(top), top, 0.0)
