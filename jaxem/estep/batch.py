"""Data as a compiled loop sees them: rows in equal blocks, so that memory does not grow with N."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.numerics.rows import in_blocks, row_count
from jaxem.types import Array, Data

#: Entries of the table of log factors that one block may hold, over all restarts.
_ENTRIES = 2**18

#: Bytes of responsibilities that may be kept between the E- and the M-step.
_KEPT = 2**26


class Batch(NamedTuple):
    """Rows cut into blocks.

    Attributes:
        rows: The data, leaves (blocks, size, ...).
        weights: Row weights, (blocks, size); zero for the rows that fill the last block.
    """

    rows: Data
    weights: Array


def make_batch(data: Data, weights: np.ndarray, states: int, lanes: int) -> Batch:
    """Cut data into as many blocks as keep a block's table small.

    Args:
        data: A pytree of NumPy arrays with n rows.
        weights: Row weights, shape (n,).
        states: Latent states a row.
        lanes: Restarts that run at once.

    Returns:
        The batch.
    """
    count = row_count(data)
    largest = max(64, _ENTRIES // (states * lanes))
    blocks = -(-count // largest)
    return Batch(*jax.tree.map(jnp.asarray, in_blocks(data, weights, -(-count // blocks))))


def keeps_responsibilities(batch: Batch, states: int, lanes: int) -> bool:
    """Whether the responsibilities of all rows are few enough to be kept for the M-step."""
    return batch.weights.size * states * lanes * batch.weights.dtype.itemsize <= _KEPT
