r"""The transition matrices of a chain, from its log joint at parameters and data.

If :math:`f(a, b) = \log P(a, b) + v(b)` for some v, then :math:`e^f d = 1` for
:math:`d = e^{-v}`, because rows of P have sum 1. Where :math:`e^f` has an inverse there is one such
d, and :math:`P = e^f d`.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxem.latent.links import Dense, Links
from jaxem.latent.markov import Markov
from jaxem.types import Array, DeclarationError

GIVE_FUTURE = (
    "Give future=..., the steps to come as data (n, k, ...), with their inputs: without the "
    "response, or with a mask by which the log joint leaves it out."
)

_NO_INVERSE = (
    f"the transition cannot be told from the log joint at these parameters: as a matrix it has no "
    f"inverse (are two of its rows equal?), or the log joint is no density. {GIVE_FUTURE}"
)

#: A matrix with a larger condition number counts as one without an inverse.
_LARGEST_CONDITION = 1e8


def totals(latent: Markov, links: Links, key: Array) -> Array:
    """The sum over states of each later step's factors, (T - 1, n, S)."""
    assert isinstance(links.steps, Dense)
    return jnp.exp(links.steps.factors).sum(-1)


def check_totals(sums: np.ndarray) -> None:
    """Check that the log joint of future steps is the log transition only.

    Args:
        sums: `totals` of these steps, (n, k, S).

    Raises:
        DeclarationError: If there are other terms in it.
    """
    wrong = np.abs(sums - 1) > tolerance(sums)
    if wrong.any():
        n, k, a = (int(place[0]) for place in np.nonzero(wrong))
        raise DeclarationError(
            f"the log joint of future step {k} of sequence {n} is no transition: given state {a} "
            f"before, exp(log_joint) has sum {sums[n, k, a]:.4g} over the states, not 1. Its "
            f"emission must be left out: give future without the response, or a mask that the log "
            f'joint reads: jnp.where(x["seen"], log_density, 0.0).'
        )


def ratios(latent: Markov, links: Links, key: Array) -> Array:
    """Least and largest `relative` log factors over the steps of a sequence, (n, 2, S, S).

    They are plus and minus infinity where there is no step.
    """
    assert isinstance(links.steps, Dense)
    factors = links.steps.factors
    best = factors.max(-2, keepdims=True)
    known = links.valid[..., None, None] & (best > -jnp.inf)
    moved = factors - jnp.where(best > -jnp.inf, best, 0.0)
    least = jnp.where(known, moved, jnp.inf).min(0, initial=jnp.inf)
    largest = jnp.where(known, moved, -jnp.inf).max(0, initial=-jnp.inf)
    return jnp.stack([least, largest], axis=1)


def relative(latent: Markov, links: Links, key: Array) -> Array:
    """Log factors of pairs of later steps minus their maximum over the state before.

    Shape (T - 1, n, S, S); -inf in the column of a state that no state leads to.
    """
    assert isinstance(links.steps, Dense)
    factors = links.steps.factors
    best = factors.max(-2, keepdims=True)
    return factors - jnp.where(best > -jnp.inf, best, 0.0)


def transitions(moved: np.ndarray) -> np.ndarray:
    """The transition matrices of steps, (n, k, S, S), from their `relative` log factors.

    Raises:
        DeclarationError: If one of them is not determined.
    """
    shapes = np.exp(moved)
    if not np.all(np.linalg.cond(shapes) < _LARGEST_CONDITION):
        raise DeclarationError(_NO_INVERSE)
    scales = np.linalg.solve(shapes, np.ones((*shapes.shape[:-1], 1)))[..., 0]
    if scales.min() <= 0:
        raise DeclarationError(_NO_INVERSE)
    return shapes * scales[..., None, :]


def transition(found: np.ndarray) -> np.ndarray:
    """The constant transition matrix of a chain, (S, S).

    Args:
        found: `ratios` of all sequences, (n, 2, S, S).

    Raises:
        DeclarationError: If the transition is not constant, or not determined.
    """
    least, largest = found[:, 0].min(0).astype(float), found[:, 1].max(0).astype(float)
    if np.any(least > largest):
        raise DeclarationError(
            f"no step of the data shows how state {int(np.nonzero(least > largest)[1][0])} is "
            f"reached. {GIVE_FUTURE}"
        )
    both = np.isfinite(least) & np.isfinite(largest)
    range_ = np.abs(np.where(both, largest, 0.0) - np.where(both, least, 0.0))
    if np.any(np.isfinite(least) != np.isfinite(largest)) or range_.max() > tolerance(found):
        raise DeclarationError(
            f"the log joint of a step is not the sum of a function of both states and one of the "
            f"state and the datum: transitions depend on inputs, or emissions on the state before. "
            f"What the inputs will be, only you can say. {GIVE_FUTURE}"
        )
    return transitions(largest)


def tolerance(values: Any) -> float:
    """The largest difference of equal probabilities in the precision of these values."""
    return 1e-6 if values.dtype == np.float64 else 1e-3
