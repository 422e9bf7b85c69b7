"""Rows in equal blocks, so that the memory of a compiled loop does not grow with N."""

from typing import NamedTuple

import jax
import numpy as np

from jaxem.numerics.rows import in_blocks
from jaxem.types import Array, Data

#: Log factors of one block, over all restarts, at most.
_ENTRIES = 2**18

#: Log factors and features of one block where log factors are matrix products, at most.
_PRODUCT_ENTRIES = 2**19

#: A GPU is given blocks this many times as large, to fill it.
_GPU = 64

#: Bytes of responsibilities kept from the E-step to the M-step, at most.
_KEPT = 2**26


class Batch(NamedTuple):
    """Rows in blocks.

    Attributes:
        rows: The data, leaves (blocks, size, ...).
        weights: Row weights, (blocks, size); zero for the rows that fill the last block.
    """

    rows: Data
    weights: Array


def block_size(count: int, entries: int, products: bool = False) -> int:
    """Number of rows of a block, such that equal blocks hold a bounded number of entries.

    Args:
        count: Number of all rows.
        entries: Log factors and features of a row.
        products: Whether log factors are matrix products, which are faster in larger blocks.
    """
    most = _PRODUCT_ENTRIES if products else _ENTRIES
    scale = 1 if jax.default_backend() == "cpu" else _GPU
    largest = max(64, most * scale // entries)
    return -(-count // -(-count // largest))


def make_batch(data: Data, weights: np.ndarray, size: int, least: int = 0) -> Batch:
    """The rows in blocks of a size, on the device.

    Args:
        data: A pytree of NumPy arrays with n rows.
        weights: Row weights, (n,).
        size: Rows of a block.
        least: Least number of rows that all blocks hold together.
    """
    return Batch(*jax.device_put(in_blocks(data, weights, size, least)))


def keeps_responsibilities(batch: Batch, states: int, restarts: int) -> bool:
    """Whether the responsibilities of all rows are few enough to be kept for the M-step."""
    return batch.weights.size * states * restarts * batch.weights.dtype.itemsize <= _KEPT
