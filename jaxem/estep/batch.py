"""Data as a compiled loop sees them: rows in equal blocks, so that memory does not grow with N."""

from typing import NamedTuple

import jax
import numpy as np

from jaxem.numerics.rows import in_blocks
from jaxem.types import Array, Data

#: Entries of the table of log factors that one block may hold, over all restarts.
_ENTRIES = 2**18

#: The same, with the features, where log factors are matrix products.
_PRODUCT_ENTRIES = 2**19

#: A GPU is given blocks this many times as large, to fill it.
_GPU = 64

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


def block_size(count: int, entries: int, products: bool = False) -> int:
    """Rows a block, so that equal blocks hold at most so many entries.

    Args:
        count: Rows in all.
        entries: Log factors and features that each row of a block brings with it.
        products: Whether log factors are matrix products, which like larger blocks.
    """
    most = _PRODUCT_ENTRIES if products else _ENTRIES
    scale = 1 if jax.default_backend() == "cpu" else _GPU
    largest = max(64, most * scale // entries)
    return -(-count // -(-count // largest))


def make_batch(data: Data, weights: np.ndarray, size: int, least: int = 0) -> Batch:
    """Cut data into blocks of so many rows.

    Args:
        data: A pytree of NumPy arrays with n rows.
        weights: Row weights, shape (n,).
        size: Rows a block.
        least: Rows that all blocks hold together, at least.

    Returns:
        The batch.
    """
    return Batch(*jax.device_put(in_blocks(data, weights, size, least)))


def keeps_responsibilities(batch: Batch, states: int, restarts: int) -> bool:
    """Whether the responsibilities of all rows are few enough to be kept for the M-step."""
    return batch.weights.size * states * restarts * batch.weights.dtype.itemsize <= _KEPT
