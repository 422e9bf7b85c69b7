r"""Long sequences in windows of time, so that memory does not grow with their length.

In a forward pass each window sends the posterior of its last state, a message, to the next, and
only these messages are kept. In a backward pass the recursions of each window are run again, with
the message from the window before and one from the window after, which is the ratio of the
posterior of that window's first state to the message that it got. A window is a chain like any
other, whose log factors of the first step are a message; the results are those of the whole chain.
It costs one more forward pass.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxem.estep.estep import EStep, Exact
from jaxem.latent import Chain, Latent
from jaxem.latent.links import Dense, Links, Split, times
from jaxem.numerics.logspace import weighted
from jaxem.types import Array

#: (rows of a window) -> (log factors of its steps, extra), extra an argument of `Collect`.
StepsOf = Callable[[Any], tuple[Dense | Split, Any]]

#: (totals, weighted posteriors of a window, extra) -> new totals.
Collect = Callable[[Any, Dense | Split, Any], Any]


def weigh_sequences(e_step: EStep, latent: Latent, links: Links, weights: Array):
    """The weighted evidence of sequences, a scalar, and their weighted posteriors, as the links.

    Args:
        e_step: How posteriors are made.
        latent: The chain.
        links: Log factors of n sequences.
        weights: Weights of the sequences, (n,); one of weight zero is left out.
    """
    if isinstance(e_step, Exact) and isinstance(latent, Chain):
        evidence, responsibilities = latent.weighted_posterior(links, weights)
    else:
        evidence, responsibilities = e_step.posterior(latent, links)
        responsibilities = times(weights, responsibilities)
    return weighted(evidence, weights).sum(), responsibilities


def weigh_windows(
    e_step: EStep,
    latent: Latent,
    start: Array,
    rows: Any,
    valid: Array,
    weights: Array,
    windows: int,
    steps_of: StepsOf,
    collect: Collect,
    totals: Any,
) -> tuple[Array, Array, Any]:
    """The weighted evidence of sequences, and sums over their posteriors, window by window.

    Only `Exact` is cut into windows: the most probable path is one path.

    Args:
        e_step: How posteriors are made.
        latent: The chain.
        start: Log factors of the first step, (n, K).
        rows: Rows of all steps, time first, leaves (T n, ...).
        valid: Whether there is a later step, (T - 1, n).
        weights: Weights of the sequences, (n,).
        windows: Number of windows.
        steps_of: Log factors of a window; see `StepsOf`.
        collect: Adds the posteriors of a window to totals; see `Collect`.
        totals: The first totals.

    Returns:
        The summed evidence, the weighted posterior of the first state, (n, K), and the totals.
    """
    if windows == 1 or not isinstance(e_step, Exact) or not isinstance(latent, Chain):
        steps, extra = steps_of(_window(rows, valid, 1, 0)[0])
        evidence, responsibilities = weigh_sequences(
            e_step, latent, Links(start, steps, valid), weights
        )
        return evidence, responsibilities.start, collect(totals, responsibilities.steps, extra)
    evidence, begins, last = _forward(latent, start, rows, valid, windows, steps_of)

    def backward(carry, inputs):
        _, end, totals = carry
        number, begin = inputs
        window_rows, exists = _window(rows, valid, windows, number)
        steps, extra = steps_of(window_rows)
        _, responsibilities = latent.posterior(Links(begin, steps, exists, end))
        possible = responsibilities.start > 0
        ratio = jnp.log(jnp.where(possible, responsibilities.start, 1.0)) - jnp.where(
            possible, begin, 0.0
        )
        end = jnp.where(possible, ratio, -jnp.inf)
        totals = collect(totals, times(weights, responsibilities).steps, extra)
        return (responsibilities.start, end, totals), None

    carry = (jnp.zeros_like(last), jnp.zeros_like(last), totals)
    numbers = jnp.arange(windows)
    (first, _, totals), _ = jax.lax.scan(backward, carry, (numbers, begins), reverse=True)
    return weighted(evidence, weights).sum(), weights[:, None] * first, totals


def evidence_of_windows(
    latent: Latent, start: Array, rows: Any, valid: Array, windows: int, steps_of: StepsOf
) -> Array:
    """Log evidence of sequences, (n,), window by window; arguments as of `weigh_windows`."""
    assert isinstance(latent, Chain)
    return _forward(latent, start, rows, valid, windows, steps_of)[0]


def _forward(
    latent: Chain, start: Array, rows: Any, valid: Array, windows: int, steps_of: StepsOf
) -> tuple[Array, Array, Array]:
    """Evidence (n,), the messages (windows, n, K) that windows get, and the last message (n, K)."""

    def window(carry, number):
        message, evidence = carry
        window_rows, exists = _window(rows, valid, windows, number)
        gained, after = latent.advance(Links(message, steps_of(window_rows)[0], exists))
        return (after, evidence + gained), message

    zeros = jnp.zeros_like(start[:, 0])
    (last, evidence), begins = jax.lax.scan(window, (start, zeros), jnp.arange(windows))
    return evidence, begins, last


def _window(rows: Any, valid: Array, windows: int, number: int | Array) -> tuple[Any, Array]:
    """The rows of a window, and the flags of which of its steps exist."""
    later, count = valid.shape
    steps = later // windows

    def cut(leaf):
        return jax.lax.dynamic_slice_in_dim(leaf, count * (1 + number * steps), count * steps)

    return jax.tree.map(cut, rows), jax.lax.dynamic_slice_in_dim(valid, number * steps, steps)
