"""Rows of pytrees: counting, taking, and cutting into equal blocks."""

import jax
import jax.numpy as jnp

from jaxem.types import Array, Data


def row_count(data: Data) -> int:
    """The common length of the first axis."""
    return jax.tree.leaves(data)[0].shape[0]


def take_rows(data: Data, rows) -> Data:
    """The given rows of every leaf."""
    return jax.tree.map(lambda leaf: leaf[rows], data)


def in_blocks(data: Data, weights: Array, size: int) -> tuple[Data, Array]:
    """Cut rows into blocks of equal size; the last is filled with copies of row 0 of weight 0.

    Args:
        data: A pytree with n rows.
        weights: Row weights, shape (n,).
        size: Rows a block.

    Returns:
        The pytree with leaves of shape (blocks, size, ...), and weights (blocks, size).
    """
    count = row_count(data)
    blocks = -(-count // size)
    order = jnp.where(jnp.arange(blocks * size) < count, jnp.arange(blocks * size), 0)
    kept = (jnp.arange(blocks * size) < count).astype(weights.dtype)
    cut = jax.tree.map(lambda leaf: leaf[order].reshape(blocks, size, *leaf.shape[1:]), data)
    return cut, (weights[order] * kept).reshape(blocks, size)
