r"""Forward and backward in probabilities that are normalised at every step.

Forward (Rabiner 1989): with :math:`\alpha_t` the posterior of the state given data up to t,
:math:`\pi_t = \alpha_{t-1} M_t` and :math:`\alpha_t = \pi_t v_t / c_t`; the :math:`c_t` multiply to
the evidence. Backward, with :math:`\beta_t` the message from later data,

.. math:: w_t = v_t \beta_t / c_t, \quad \beta_{t-1} = M_t w_t, \quad
          \gamma_t = \pi_t w_t, \quad \xi_t(a, b) = \alpha_{t-1}(a) M_t(a, b)\, w_t(b).

Factors are taken relative to the largest of their step. Where :math:`\pi_t v_t` is nearly zero it
is replaced by zero, and so is :math:`w_t`, to avoid overflow. The probability lost is missing from
the sum of the posterior of the first state, which is checked; tiny :math:`c_t` are checked, too. If
a check fails, the recursions are repeated in logarithms (`logarithmic`).

States come before sequences, so that vector instructions run over sequences, and each recursion
carries one array, which is normalised when it is read: XLA would compute a product once for its sum
and again for the quotient. Operations that are the same for all steps are done for a piece of a few
dozen steps, between the recursions, so that the piece stays in the cache.
"""

import functools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxem.latent.columns import Columns, across, columns, pieces
from jaxem.latent.links import Dense, Links, Split
from jaxem.numerics.logspace import finite
from jaxem.types import Array

#: The least posterior probability whose loss is noticed.
_NOTICED = 1e-12

#: With a smaller c, states may have underflowed that later data need: above it, numbers relative to
#: the largest are kept down to 1e-196, and to 1e-14 in single precision.
_LEAST, _LEAST_SINGLE = 1e-100, 1e-12

#: Up to so many states matrix products are written as sums, which XLA fuses.
_FEW = 16

#: From the sums, the filter at the steps before, the matrices, w, and the inputs of a piece to the
#: new sums and an output of the piece.
Collect = Callable[[Any, Array, Array, Array, Any], tuple[Any, Any]]


class ScaledFilter(NamedTuple):
    """The result of the forward recursion.

    Attributes:
        evidence: Log evidence, (..., c).
        first: Posterior of the first state given the first datum, (..., S, c).
        later: Posteriors of later states given data up to them, alpha, (pieces, steps a piece, ...,
            S, c).
        gain: v / c of the later steps, zero where there is no step or alpha was put to zero.
    """

    evidence: Array
    first: Array
    later: Array
    gain: Array

    @property
    def last(self) -> Array:
        """Posterior of the last state, (..., S, c)."""
        return self.later[-1, -1] if self.later.size else self.first

    def states(self) -> Array:
        """Posterior of every state given the data up to it, (T, n, S)."""
        every = [self.first[None], self.later.reshape(-1, *self.first.shape)]
        return jnp.concatenate(every, 0).swapaxes(1, 2)


def forward(problem: Columns) -> tuple[ScaledFilter, Array]:
    """The forward recursion (filter), and whether no c was too small, a scalar."""
    top = finite(problem.start.max(-2, keepdims=True))
    raised = jnp.exp(problem.start - top)
    total = _sum(raised)
    tiny = _tiny(raised.dtype)

    def piece(carry, inputs):
        joint, evidence, smallest = carry
        factors, exists = inputs
        made = problem.kernels(factors)

        def step(joint, inputs):
            matrix, vector, exists = inputs
            new = forth(joint, made.matrix if problem.split else matrix)
            new = new * _inverse(_sum(joint))
            new = new if vector is None else new * vector
            new = jnp.where(exists, jnp.where(new > tiny, new, 0.0), joint)
            return new, new

        changing = None if problem.split else made.matrix
        last, out = jax.lax.scan(step, joint, (changing, made.vector, exists))
        total = _sum(out)
        inverse = _inverse(total)
        gain = inverse if made.vector is None else inverse * made.vector
        gain = jnp.where((out > 0) & exists, gain, 0.0)
        exists = exists[..., 0, :]
        c = jnp.where(exists, total[..., 0, :], 1.0)
        scales = jnp.where(exists, made.scale, 0.0)
        evidence = evidence + (jnp.log(c) + scales).sum(0)
        return (last, evidence, jnp.minimum(smallest, c.min(0))), (out * inverse, gain)

    first = raised * _inverse(total)
    inputs = pieces((problem.inputs, problem.exists))
    total, top = total[..., 0, :], top[..., 0, :]
    start = (first, jnp.log(total) + top, total)
    (_, evidence, smallest), (later, gain) = jax.lax.scan(piece, start, inputs)
    least = _LEAST if total.dtype == jnp.float64 else _LEAST_SINGLE
    return ScaledFilter(evidence, first, later, gain), jnp.all(smallest > least)


def backward(links: Links, found: ScaledFilter, weights: Array) -> tuple[Links, Array]:
    """Posterior probabilities times weights, as `Links`, and whether no probability was lost.

    Args:
        links: The factors.
        found: The result of `forward`.
        weights: One a sequence, (n,); posteriors are linear in the backward message.
    """
    ends = jnp.ones_like(found.first) if links.end is None else jnp.exp(links.end).T
    total = jnp.where(found.last > 0, found.last * ends, 0.0).sum(0)
    ends = ends * _inverse(total) * weights
    split = isinstance(links.steps, Split)

    def collect(sums, earlier, matrix, ratio, factors):
        if not split:
            pairs = earlier[:, :, None] * matrix * ratio[:, None]
            return sums, jnp.moveaxis(pairs, -1, 1)
        own = (forth(earlier, matrix) * ratio).swapaxes(1, 2)
        return sums + paired(earlier, ratio), own

    none = jnp.zeros_like(ends[:, None] * ends) if split else jnp.zeros((), ends.dtype)
    matrix = across(links.steps.transition) if isinstance(links.steps, Split) else None
    beta, sums, out = back_over(columns(links), found, ends, matrix, collect, none)
    start = found.first * beta
    out = out.reshape(len(links.valid), *out.shape[2:])
    if matrix is not None:
        steps: Dense | Split = Split((matrix * sums).transpose(2, 0, 1), out)
    else:
        steps = Dense(out)
    return Links(start.T, steps, links.valid), complete(start, weights, len(links.valid))


def back_over(
    problem: Columns,
    found: ScaledFilter,
    ends: Array,
    matrix: Array | None,
    collect: Collect,
    sums: Any,
) -> tuple[Array, Any, Any]:
    """The backward recursion, with sums over the posteriors of steps.

    Args:
        problem: The factors.
        found: The result of `forward`.
        ends: The message to the last state, (..., S, c).
        matrix: The transition matrix of all steps, or None if it changes.
        collect: Adds a piece to the sums.
        sums: Initial sums.

    Returns:
        The message to the first state, the sums, and the outputs of `collect` for all pieces.
    """
    before = jnp.concatenate([found.first[None], found.later[:, -1]], 0)

    def piece(carry, inputs):
        beta, sums = carry
        factors, exists, before, later, gain = inputs
        transition = problem.kernels(factors).matrix if matrix is None else matrix
        changing = transition if matrix is None else None
        earlier = jnp.concatenate([before[None], later[:-1]], 0)
        gain = jnp.concatenate([jnp.ones_like(before)[None], gain], 0)

        def step(ratio, inputs):
            own, exists, gain = inputs
            beta = jnp.where(exists, _back(ratio, transition if own is None else own), ends)
            return jnp.where(gain > 0, gain * beta, 0.0), ratio

        last = jnp.where(gain[-1] > 0, gain[-1] * beta, 0.0)
        beta, ratio = jax.lax.scan(step, last, (changing, exists, gain[:-1]), reverse=True)
        sums, kept = collect(sums, earlier, transition, ratio, factors)
        return (beta, sums), kept

    steps = pieces((problem.inputs, problem.exists))
    inputs = (*steps, before[:-1], found.later, found.gain)
    (beta, sums), kept = jax.lax.scan(piece, (ends, sums), inputs, reverse=True)
    return beta, sums, kept


def complete(start: Array, weights: Array, later: int) -> Array:
    """Whether the weighted posterior of the first state sums to the weight, a scalar.

    Args:
        start: The posterior of the first state times weights, (..., S, c).
        weights: Weights that broadcast against (..., c).
        later: The number of steps after the start.
    """
    slack = _NOTICED + 8 * jnp.finfo(start.dtype).eps * (1 + later)
    return jnp.all(jnp.abs(start.sum(-2) - weights) <= slack * weights)


def paired(earlier: Array, ratio: Array) -> Array:
    """Products of the states of a step and of the one before, summed over all but c, (S, S, c)."""
    flat = (-1, *ratio.shape[-2:])
    return jnp.einsum("tan,tbn->abn", earlier.reshape(flat), ratio.reshape(flat))


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
    """Probabilities below this are put to zero."""
    return jnp.finfo(dtype).tiny * 1e12


def _sum(states: Array) -> Array:
    """The sum over the states, (..., 1, c)."""
    return states.sum(-2, keepdims=True)


def _inverse(total: Array) -> Array:
    return 1 / jnp.where(total > 0, total, 1.0)
