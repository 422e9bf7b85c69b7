"""Sequences in equal blocks, time first, so that a recursion runs over many of them at once."""

from typing import Any, NamedTuple

import jax
import numpy as np

from jaxem.model.sequences import Sequences
from jaxem.types import Data

#: Log factors that one block of sequences may hold, over all restarts.
_ENTRIES = 2**23

#: The steps after a start are filled up to a multiple of this, which can be cut into equal pieces.
_PIECE = 32


class Order(NamedTuple):
    """Which step stands where; a block is the first steps of its sequences, the second, ...

    Attributes:
        index: Steps, (blocks, T size); a step of some sequence where there is none.
        exists: Whether there is a step, of the same shape.
        size: Sequences a block.
        horizon: Time axis of the rectangle that was cut.
    """

    index: np.ndarray
    exists: np.ndarray
    size: int
    horizon: int

    def rows(self, data: Data) -> Any:
        """Steps in this order, leaves (blocks, T size, ...)."""
        return jax.tree.map(lambda leaf: leaf[self.index], data)

    def back(self, values: np.ndarray, count: int) -> np.ndarray:
        """From values in this order, (blocks, T size, ...), to (count, T, ...)."""
        blocks, rows = self.index.shape
        cube = values.reshape(blocks, rows // self.size, self.size, *values.shape[2:])
        cube = cube.swapaxes(1, 2).reshape(blocks * self.size, -1, *values.shape[2:])
        return cube[:count, : self.horizon]


def later_steps(exists: Any, size: int) -> Any:
    """Which steps after the start there are, (T - 1, size), from a block's flags, (T size,)."""
    return exists.reshape(-1, size)[1:]


def in_order(sequences: Sequences, entries: int) -> Order:
    """Cut sequences into equal blocks; the last is filled with sequences of no steps.

    Args:
        sequences: The sequences.
        entries: Log factors that each step brings with it.
    """
    count, given = sequences.count, sequences.horizon
    horizon = 1 + -(-(given - 1) // _PIECE) * _PIECE if given > _PIECE else given
    largest = max(1, _ENTRIES // (entries * horizon))
    blocks = -(-count // largest)
    size = -(-count // blocks)

    def cut(rectangle: np.ndarray) -> np.ndarray:
        filled = np.zeros((blocks * size, horizon), rectangle.dtype)
        filled[:count, :given] = rectangle
        cube = filled.reshape(blocks, size, horizon)
        return cube.swapaxes(1, 2).reshape(blocks, horizon * size)

    return Order(cut(sequences.places()), cut(sequences.exists), size, given)
