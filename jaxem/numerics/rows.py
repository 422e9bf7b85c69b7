"""Rows of pytrees: counting, taking, flattening, and cutting into equal blocks."""

import math
from typing import Any

import jax
import numpy as np

from jaxem.types import Data


def row_count(data: Data) -> int:
    """The common length of the first axis."""
    return jax.tree.leaves(data)[0].shape[0]


def take_rows(data: Data, rows) -> Data:
    """The given rows of every leaf."""
    return jax.tree.map(lambda leaf: leaf[rows], data)


def flat_columns(data: Data) -> list[Any]:
    """Every leaf as a matrix of its own, rows first; NumPy or JAX."""
    # -1 for the columns would be undefined where there are no rows
    return [leaf.reshape(len(leaf), math.prod(leaf.shape[1:])) for leaf in jax.tree.leaves(data)]


def time_first(leaf: Any) -> Any:
    """A rectangle (n, T, ...) as rows (T n, ...): first steps of all sequences, then second."""
    return leaf.swapaxes(0, 1).reshape(-1, *leaf.shape[2:])


def in_blocks(
    data: Data, weights: np.ndarray, size: int, least: int = 0
) -> tuple[Data, np.ndarray]:
    """Cut rows into blocks of equal size, filled up with copies of row 0 of weight 0.

    Args:
        data: A pytree of NumPy arrays with n rows.
        weights: Row weights, shape (n,).
        size: Rows of a block.
        least: Least number of rows of all blocks together.

    Returns:
        The pytree with leaves of shape (blocks, size, ...), and weights (blocks, size).
    """
    count = row_count(data)
    blocks = -(-max(count, least) // size)
    order = np.arange(blocks * size)
    kept = (order < count).astype(weights.dtype)
    order = np.where(order < count, order, 0)
    cut = jax.tree.map(lambda leaf: leaf[order].reshape(blocks, size, *leaf.shape[1:]), data)
    return cut, (weights[order] * kept).reshape(blocks, size)
