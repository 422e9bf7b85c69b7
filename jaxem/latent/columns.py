"""Log factors as the recursions of `scaled` take them: in probabilities, a piece of time at once.

Vectors are (..., S, c): states before columns, so that vectors run over columns. These are the
sequences; or the restarts, and sequences come before.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxem.latent.links import Dense, Links, Split, inputs_of
from jaxem.numerics.logspace import finite
from jaxem.types import Array

#: Steps of all sequences that are worked on at a time.
_ROWS = 2**11


class Columns(NamedTuple):
    """A problem as the recursions take it.

    Attributes:
        start: Log factors of the first step.
        inputs: What changes from step to step, time first.
        kernels: Factors of a piece of the inputs.
        exists: Whether there is a step, time first, (T - 1, ..., 1, c or 1).
        split: Whether one matrix serves all steps.
    """

    start: Array
    inputs: Any
    kernels: Callable[[Any], "Kernels"]
    exists: Array
    split: bool


class Kernels(NamedTuple):
    """Factors of a piece in probabilities: matrices (S, S, c or 1), or (steps, S, S, c).

    Vectors are (steps, ..., S, c), or None with matrices that change; log scales (steps, ..., c).
    """

    matrix: Array
    vector: Array | None
    scale: Array


def columns(links: Links) -> Columns:
    """Sequences as columns."""
    return Columns(
        start=links.start.T,
        inputs=inputs_of(links.steps),
        kernels=functools.partial(kernels, links.steps),
        exists=links.valid[:, None],
        split=isinstance(links.steps, Split),
    )


def pieces(tree: Any) -> Any:
    """Steps, on the first axis of all leaves, in pieces of equal length.

    The last leaf tells how many sequences there are.
    """
    last = jax.tree.leaves(tree)[-1]
    later = len(last)
    most = max(8, _ROWS * later // max(1, last.size))
    size = next((d for d in range(min(most, later), 0, -1) if later % d == 0), 1)
    return jax.tree.map(lambda leaf: leaf.reshape(-1, size, *leaf.shape[1:]), tree)


def kernels(steps: Dense | Split, factors: Array) -> Kernels:
    """Factors of a piece, as `inputs_of` hands them out, in probabilities."""
    if isinstance(steps, Dense):
        matrix, top = changing(factors)
        return Kernels(matrix, None, top)
    emission = factors.swapaxes(1, 2)
    top = finite(emission.max(1))
    scale = top + finite(steps.transition.max())
    return Kernels(across(steps.transition), jnp.exp(emission - top[:, None]), scale)


def across(transition: Array) -> Array:
    """The matrix of all steps in probabilities, relative to its largest, (S, S, 1)."""
    return jnp.exp(transition - finite(transition.max()))[..., None]


def changing(factors: Array) -> tuple[Array, Array]:
    """Matrices of steps, (steps, S, S, n), and their log scales, (steps, n)."""
    top = finite(factors.max((-1, -2)))
    return jnp.moveaxis(jnp.exp(factors - top[..., None, None]), 1, -1), top
