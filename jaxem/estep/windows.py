r"""Long sequences in windows of time, so that memory does not grow with their length.

Forward over the windows, each hands the posterior of its last state to the next, and only these
messages are kept. Backward over them, each is done again, with the message from before it and the
one from behind it, which is the ratio of its first state's posterior to the message that it was
given. A window is a chain like any other, whose start is a message; the numbers are those of the
whole chain. It costs one more forward pass.
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

#: Log factors of the steps of a window from its rows, and what else `Collect` wants of them.
StepsOf = Callable[[Any], tuple[Dense | Split, Any]]

#: New totals from totals, the weighted posteriors of a window, and what `StepsOf` gave besides.
Collect = Callable[[Any, Dense | Split, Any], Any]


def weigh_sequences(e_step: EStep, latent: Latent, links: Links, weights: Array):
    """The weighted evidence of sequences, summed, and their weighted posteriors.

    Args:
        e_step: How posteriors are made.
        latent: The chain.
        links: Log factors of n sequences.
        weights: Weights of the sequences, (n,); one of weight zero is absent.
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
    """The same, with what is to be made of the posteriors of later steps summed over windows.

    Only `Exact` is cut: the best path is one path.

    Args:
        e_step: How posteriors are made.
        latent: The chain.
        start: Log factors of the first step, (n, S).
        rows: What all steps are made of, time first, leaves (T n, ...).
        valid: Whether there is a later step, (T - 1, n).
        weights: Weights of the sequences, (n,).
        windows: How many.
        steps_of: Makes the log factors of a window.
        collect: Takes up its posteriors.
        totals: What to begin with.

    Returns:
        The summed evidence, the weighted posterior of the first state, (n, S), and the totals.
    """
    if windows == 1 or not isinstance(e_step, Exact) or not isinstance(latent, Chain):
        steps, extra = steps_of(_window(rows, valid, 1, 0)[0])
        evidence, responsibilities = weigh_sequences(
            e_step, latent, Links(start, steps, valid), weights
        )
        return evidence, responsibilities.start, collect(totals, responsibilities.steps, extra)
    evidence, begins, last = _forth(latent, start, rows, valid, windows, steps_of)

    def back(carry, inputs):
        _, end, totals = carry
        place, begin = inputs
        here, exists = _window(rows, valid, windows, place)
        steps, extra = steps_of(here)
        _, responsibilities = latent.posterior(Links(begin, steps, exists, end))
        possible = responsibilities.start > 0
        ratio = jnp.log(jnp.where(possible, responsibilities.start, 1.0)) - jnp.where(
            possible, begin, 0.0
        )
        end = jnp.where(possible, ratio, -jnp.inf)
        totals = collect(totals, times(weights, responsibilities).steps, extra)
        return (responsibilities.start, end, totals), None

    carry = (jnp.zeros_like(last), jnp.zeros_like(last), totals)
    places = jnp.arange(windows)
    (first, _, totals), _ = jax.lax.scan(back, carry, (places, begins), reverse=True)
    return weighted(evidence, weights).sum(), weights[:, None] * first, totals


def evidence_of_windows(
    latent: Latent, start: Array, rows: Any, valid: Array, windows: int, steps_of: StepsOf
) -> Array:
    """Log evidence of sequences, (n,), window after window; arguments as of `weigh_windows`."""
    assert isinstance(latent, Chain)
    return _forth(latent, start, rows, valid, windows, steps_of)[0]


def _forth(
    latent: Chain, start: Array, rows: Any, valid: Array, windows: int, steps_of: StepsOf
) -> tuple[Array, Array, Array]:
    """Evidence, the messages that windows are given, and the one that the last hands on."""

    def window(carry, place):
        message, evidence = carry
        here, exists = _window(rows, valid, windows, place)
        gained, after = latent.advance(Links(message, steps_of(here)[0], exists))
        return (after, evidence + gained), message

    none = jnp.zeros_like(start[:, 0])
    (last, evidence), begins = jax.lax.scan(window, (start, none), jnp.arange(windows))
    return evidence, begins, last


def _window(rows: Any, valid: Array, windows: int, place: int | Array) -> tuple[Any, Array]:
    """The rows of a window, and which of its steps exist; none are copied but its own."""
    later, count = valid.shape
    steps = later // windows

    def cut(leaf):
        return jax.lax.dynamic_slice_in_dim(leaf, count * (1 + place * steps), count * steps)

    return jax.tree.map(cut, rows), jax.lax.dynamic_slice_in_dim(valid, place * steps, steps)
