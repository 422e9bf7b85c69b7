r"""The states of steps that have not been seen: :math:`p(z_{T+k} \mid x_1 \dots x_T)`.

A log joint says transition and emission in one number. There are two honest ways to the transition.

*Steps whose emission is left out.* If the log joint has a mask, steps to come are steps that are
missing: the filter simply runs on. Then :math:`\sum_b e^{f(a, b, x)} = 1` for every a, which is
asked for. It is enough: with an emission e left in, :math:`P e = 1`, and where P has an inverse
that has one solution, no emission at all.

*A transition that depends on nothing.* If on all data :math:`f(a, b, x) = g(a, b) + v(b, x)`, then
:math:`P(a, b) = e^{g(a, b)} d(b)` for some d, and rows of P have sum 1: :math:`e^g d = 1`. Where
:math:`e^g` has an inverse there is one such d, and the transition is known.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.latent.links import Dense, Links
from jaxem.latent.markov import Markov
from jaxem.model.arrays import as_arrays
from jaxem.types import Array, Data, DeclarationError

_GIVE_FUTURE = (
    "Give future=..., the steps to come as data (n, k, ...), with their inputs, and with a mask by "
    "which the log joint leaves their emission out."
)


def check_request(steps: Any, future: Data) -> None:
    """Whether either a number of steps or their data were given.

    Raises:
        DeclarationError: If not.
    """
    number = isinstance(steps, int | np.integer) and not isinstance(steps, bool) and steps >= 1
    if not (number and future is None) and not (steps is None and future is not None):
        raise DeclarationError(
            f"forecast takes steps, an integer of at least 1, or future=..., data of the steps to "
            f"come, and not both; got steps={steps!r}."
        )


def ahead(last: np.ndarray, found: np.ndarray, steps: int) -> np.ndarray:
    """States of the next steps, (n, k, S), from those of the last, (n, S), and `ratios`."""
    matrix, out = transition(found), [last]
    for _ in range(steps):
        out.append(out[-1] @ matrix)
    return np.stack(out[1:], axis=1)


def extend(data: Data, lengths: np.ndarray, future: Data) -> tuple[Data, np.ndarray]:
    """Sequences with steps to come put behind their ends, and where these stand.

    Args:
        data: Leaves (n, T, ...).
        lengths: Steps of each sequence, (n,).
        future: Leaves (n, k, ...).

    Returns:
        Leaves (n, T + k, ...), and the places (n, k) of the new steps on the time axis.

    Raises:
        DeclarationError: If the steps to come have not the form of the data.
    """
    past = as_arrays(data)
    coming = as_arrays(future, "future")
    leaves, form = jax.tree.flatten(past)
    added, other = jax.tree.flatten(coming)
    if form != other or any(
        a.ndim < 2 or (a.shape[0], *a.shape[2:]) != (b.shape[0], *b.shape[2:])
        for a, b in zip(added, leaves, strict=True)
    ):
        raise DeclarationError(
            f"future must have the form of the data but for the time axis: leaves (sequence, k, "
            f"...). The data have {_shapes(past)}, and future {_shapes(coming)}."
        )
    steps = {leaf.shape[1] for leaf in added}
    if len(steps) > 1 or steps == {0}:
        raise DeclarationError(
            f"the arrays of future have {sorted(steps)} steps; they need the same number, at least "
            f"1."
        )
    places = lengths[:, None] + np.arange(steps.pop())

    def put(old: np.ndarray, new: np.ndarray) -> np.ndarray:
        shape = (len(old), old.shape[1] + new.shape[1], *old.shape[2:])
        out = np.zeros(shape, np.result_type(old, new))
        out[:, : old.shape[1]] = old
        out[np.arange(len(old))[:, None], places] = new
        return out

    return jax.tree.map(put, past, coming), places


def _shapes(data: Data) -> str:
    return str(jax.tree.map(np.shape, data))


def totals(latent: Markov, links: Links, key: Array) -> Array:
    """The sum over states of each later step's factors, (T - 1, n, S)."""
    assert isinstance(links.steps, Dense)
    return jnp.exp(links.steps.factors).sum(-1)


def check_totals(sums: np.ndarray) -> None:
    """Whether steps to come say nothing but how states follow one another.

    Args:
        sums: `totals` of these steps, (n, k, S).

    Raises:
        DeclarationError: If something else is in their log joint.
    """
    wrong = np.abs(sums - 1) > _tolerance(sums)
    if wrong.any():
        n, k, a = (int(place[0]) for place in np.nonzero(wrong))
        raise DeclarationError(
            f"the log joint of future step {k} of sequence {n} is no transition: given state {a} "
            f"before, exp(log_joint) has sum {sums[n, k, a]:.4g} over the states, not 1. Its "
            f"emission must be left out, by a mask that the log joint reads: "
            f'jnp.where(x["seen"], log_density, 0.0).'
        )


def ratios(latent: Markov, links: Links, key: Array) -> Array:
    """Least and largest log factors of pairs, against the best state before, (n, 2, S, S).

    Over the steps of a sequence; plus and minus infinity where there is none.
    """
    assert isinstance(links.steps, Dense)
    factors = links.steps.factors
    best = factors.max(-2, keepdims=True)
    there = links.valid[..., None, None] & (best > -jnp.inf)
    moved = factors - jnp.where(best > -jnp.inf, best, 0.0)
    least = jnp.where(there, moved, jnp.inf).min(0, initial=jnp.inf)
    largest = jnp.where(there, moved, -jnp.inf).max(0, initial=-jnp.inf)
    return jnp.stack([least, largest], axis=1)


def transition(found: np.ndarray) -> np.ndarray:
    """The transition matrix (S, S), where it depends on nothing and can be told.

    Args:
        found: `ratios` of all sequences, (n, 2, S, S).

    Raises:
        DeclarationError: If it cannot.
    """
    least, largest = found[:, 0].min(0).astype(float), found[:, 1].max(0).astype(float)
    if np.any(least > largest):
        raise DeclarationError(
            f"no step of the data shows how state {int(np.nonzero(least > largest)[1][0])} is "
            f"reached. {_GIVE_FUTURE}"
        )
    both = np.isfinite(least) & np.isfinite(largest)
    apart = np.abs(np.where(both, largest, 0.0) - np.where(both, least, 0.0))
    if np.any(np.isfinite(least) != np.isfinite(largest)) or apart.max() > _tolerance(found):
        raise DeclarationError(
            f"the log joint of a step is not the sum of a function of both states and one of the "
            f"state and the datum: transitions depend on inputs, or emissions on the state before. "
            f"What the inputs will be, only you can say. {_GIVE_FUTURE}"
        )
    shape = np.exp(largest)
    scale = np.linalg.solve(shape, np.ones(len(shape))) if _invertible(shape) else np.zeros(1)
    if scale.min() <= 0:
        raise DeclarationError(
            f"the transition cannot be told from the log joint at these parameters: as a matrix it "
            f"has no inverse (are two of its rows equal?), or the log joint is no density. "
            f"{_GIVE_FUTURE}"
        )
    return shape * scale


def _invertible(matrix: np.ndarray) -> bool:
    return bool(np.linalg.cond(matrix) < 1e8)


def _tolerance(values: Any) -> float:
    return 1e-6 if values.dtype == np.float64 else 1e-3
