"""Layout of log factors for the recursions of `scaled`: in probabilities, by pieces of time.

Vectors are (..., S, c), states before columns, so that vector instructions run over columns. The
columns are the sequences; or the restarts, with sequences on an axis before the states.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxem.latent.links import Dense, Links, Split, inputs_of
from jaxem.numerics.logspace import finite
from jaxem.types import Array

#: Steps of all sequences in a piece.
_ROWS = 2**11


class Columns(NamedTuple):
    """The factors of a batch of chains in the layout of the recursions.

    Attributes:
        start: Log factors of the first step.
        inputs: Inputs of the steps after the start, time first.
        kernels: From a piece of the inputs to its factors in probabilities.
        exists: Whether a step exists, time first, (T - 1, ..., 1, c or 1).
        split: Whether all steps have the same transition matrix.
    """

    start: Array
    inputs: Any
    kernels: Callable[[Any], "Kernels"]
    exists: Array
    split: bool


class Kernels(NamedTuple):
    """Factors of a piece in probabilities.

    Attributes:
        matrix: The transition matrix of all steps, (S, S, c or 1); or that of each, (steps, S, S,
            c).
        vector: Emissions, (steps, ..., S, c); None if matrices differ from step to step.
        scale: Logarithms by which the factors of each step are scaled, (steps, ..., c).
    """

    matrix: Array
    vector: Array | None
    scale: Array


def columns(links: Links) -> Columns:
    """The layout with sequences as columns."""
    return Columns(
        start=links.start.T,
        inputs=inputs_of(links.steps),
        kernels=functools.partial(kernels, links.steps),
        exists=links.valid[:, None],
        split=isinstance(links.steps, Split),
    )


def pieces(tree: Any) -> Any:
    """Steps, on the first axis of all leaves, in pieces of equal length.

    The number of sequences is taken from the size of the last leaf.
    """
    last = jax.tree.leaves(tree)[-1]
    later = len(last)
    most = max(8, _ROWS * later // max(1, last.size))
    size = next((d for d in range(min(most, later), 0, -1) if later % d == 0), 1)
    return jax.tree.map(lambda leaf: leaf.reshape(-1, size, *leaf.shape[1:]), tree)


def kernels(steps: Dense | Split, factors: Array) -> Kernels:
    """Factors of a piece in probabilities, from a piece of `inputs_of`."""
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
