r"""Forward and backward in probabilities that are normalised at every step.

Forward (Rabiner 1989): with :math:`\alpha_t` the posterior of the state given the data up to t,
:math:`\pi_t = \alpha_{t-1} M_t` and :math:`\alpha_t = \pi_t e_t / c_t`; the :math:`c_t` multiply to
the evidence. Backward (Kitagawa 1987, Kim 1994) needs no emissions and cannot overflow a product:
:math:`\gamma_{t-1}(a) = \alpha_{t-1}(a) \sum_b M_t(a, b)\, \gamma_t(b) / \pi_t(b)`, whose terms are
the probabilities of pairs. Factors are taken relative to the largest of their step. A state that is
lost to underflow and needed later leaves a tiny :math:`c_t` or :math:`\pi_t`; that is noticed, and
`logarithmic` does it again.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxem.latent.links import Dense, Links, Split, before
from jaxem.types import Array

#: A posterior probability that may not get lost.
_NOTICED = 1e-12


#: Up to so many states products are written out: XLA fuses them with what surrounds them.
_FEW = 16


class Filter(NamedTuple):
    """What the data up to each step say.

    Attributes:
        evidence: Log evidence, (n,).
        first: Posterior of the first state given the first datum, (n, S).
        predicted: Later states given the data before them, (T - 1, n, S), up to a factor a step.
        filtered: Later states given the data up to them, (T - 1, n, S).
    """

    evidence: Array
    first: Array
    predicted: Array
    filtered: Array


class _Kernels(NamedTuple):
    """Factors in probabilities: matrices (S, S) or (T - 1, n, S, S), vectors, and log scales."""

    matrix: Array
    vector: Array | None
    scale: Array


def forward(links: Links) -> tuple[Filter, Array]:
    """The filter, and whether nothing was lost to underflow, a scalar."""
    kernels = _kernels(links.steps)
    top = _finite(links.start.max(-1, keepdims=True))
    raised = jnp.exp(links.start - top)
    total = raised.sum(-1, keepdims=True)
    first = raised / jnp.where(total > 0, total, 1.0)

    def step(carry, inputs):
        alpha, smallest = carry
        matrix, vector, valid = inputs
        predicted = _move(alpha, kernels.matrix if matrix is None else matrix)
        joint = predicted if vector is None else predicted * vector
        c = joint.sum(-1, keepdims=True)
        new = jnp.where(valid[:, None], joint / jnp.where(c > 0, c, 1.0), alpha)
        own = jnp.where(valid, c[:, 0], 1.0)
        return (new, jnp.minimum(smallest, own)), (predicted, new, own)

    dense = isinstance(links.steps, Dense)
    inputs = (kernels.matrix if dense else None, kernels.vector, links.valid)
    (_, smallest), (predicted, filtered, c) = jax.lax.scan(step, (first, total[:, 0]), inputs)
    scales = jnp.where(links.valid, jnp.log(c) + kernels.scale, 0.0)
    evidence = jnp.log(total[:, 0]) + top[:, 0] + scales.sum(0)
    least = jnp.asarray(1e-100 if c.dtype == jnp.float64 else 1e-12, c.dtype)
    return Filter(evidence, first, predicted, filtered), jnp.all(smallest > least)


def backward(links: Links, filter_: Filter) -> tuple[Links, Array]:
    """Posterior probabilities as `Links`, and whether nothing was lost to underflow."""
    kernels = _kernels(links.steps)
    earlier = before(filter_.first, filter_.filtered)
    least = jnp.finfo(earlier.dtype).tiny * 1e12
    dense = isinstance(links.steps, Dense)

    def step(carry, inputs):
        gamma, lost, sums = carry
        matrix, alpha, predicted, valid = inputs
        there = predicted > least
        used = there & valid[:, None]
        ratio = jnp.where(used, gamma / jnp.where(used, predicted, 1.0), 0.0)
        back = alpha * _move(ratio, (kernels.matrix if matrix is None else matrix).swapaxes(-1, -2))
        lost = lost | (~there & (gamma > _NOTICED) & valid[:, None])
        earlier_gamma = jnp.where(valid[:, None], back, gamma)
        if dense:
            return (earlier_gamma, lost, sums), ratio
        sums = sums + alpha[:, :, None] * ratio[:, None, :]
        return (earlier_gamma, lost, sums), jnp.where(valid[:, None], gamma, 0.0)

    inputs = (kernels.matrix if dense else None, earlier, filter_.predicted, links.valid)
    last = filter_.filtered[-1] if len(filter_.filtered) else filter_.first
    none = jnp.zeros_like(last[:, :, None] * last[:, None, :])
    first = (last, jnp.zeros(last.shape, bool), none)
    (start, lost, sums), out = jax.lax.scan(step, first, inputs, reverse=True)
    if dense:
        steps: Dense | Split = Dense(earlier[..., :, None] * kernels.matrix * out[..., None, :])
    else:
        steps = Split(kernels.matrix * sums, out)
    return Links(start, steps, links.valid), ~jnp.any(lost)


def _kernels(steps: Dense | Split) -> _Kernels:
    if isinstance(steps, Dense):
        top = _finite(steps.factors.max((-1, -2), keepdims=True))
        return _Kernels(jnp.exp(steps.factors - top), None, top[..., 0, 0])
    across = _finite(steps.transition.max())
    top = _finite(steps.emission.max(-1, keepdims=True))
    matrix = jnp.exp(steps.transition - across)
    return _Kernels(matrix, jnp.exp(steps.emission - top), top[..., 0] + across)


def _move(alpha: Array, matrix: Array) -> Array:
    """Row vectors (n, S) times matrices (S, S) or (n, S, S)."""
    states = alpha.shape[-1]
    if states > _FEW:
        return alpha @ matrix if matrix.ndim == 2 else jnp.einsum("na,nab->nb", alpha, matrix)
    terms = [alpha[:, a, None] * matrix[..., a, :] for a in range(states)]
    return sum(terms[1:], terms[0])


def _finite(top: Array) -> Array:
    return jnp.where(jnp.isfinite(top), top, 0.0)
