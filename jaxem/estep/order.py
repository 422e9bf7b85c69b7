"""Sequences in equal blocks, time first, so that a recursion runs over many of them at once."""

import math
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxem.compiled.buckets import bucket_of_sequences
from jaxem.estep.parts import in_slots
from jaxem.model.sequences import Sequences
from jaxem.types import Data

#: Log factors of one block of sequences, over all restarts, at most.
_ENTRIES = 2**23

#: Numbers in an array of a recursion over a block, over all restarts, at most; with more, time is
#: cut into windows.
_WINDOW = 2**21

#: Windows have a multiple of `_PIECE` steps, or of `_LONG_PIECE` if they have at least `_LONG`, so
#: that recursions can cut them into equal parts.
_PIECE, _LONG_PIECE, _LONG = 32, 1024, 2**14


class Order(NamedTuple):
    """The places of steps in blocks: the first steps of the sequences of a block, the second, ...

    Attributes:
        index: Index of the step at each place, (blocks, T size); any step where there is none.
        exists: Whether there is a step, (blocks, T size).
        size: Sequences of a block.
        horizon: Steps of the longest sequence.
        windows: Number of windows that the steps after the first are cut into, to bound memory.
    """

    index: np.ndarray
    exists: np.ndarray
    size: int
    horizon: int
    windows: int

    @property
    def filling(self) -> int:
        """Number of places at the end of the time axis that no sequence fills."""
        return self.index.shape[1] // self.size - self.horizon

    def rows(self, data: Data) -> Any:
        """Steps in this order, leaves (blocks, T size, ...)."""
        return jax.tree.map(lambda leaf: leaf[self.index], data)

    def back(self, values: np.ndarray, count: int) -> np.ndarray:
        """Values (count, T, ...) by sequence, from values in this order, (blocks, T size, ...)."""
        blocks, rows = self.index.shape
        cube = values.reshape(blocks, rows // self.size, self.size, *values.shape[2:])
        cube = cube.swapaxes(1, 2).reshape(blocks * self.size, -1, *values.shape[2:])
        return cube[:count, : self.horizon]


def later_steps(exists: Any, size: int) -> Any:
    """Flags (T - 1, size) of the steps after the first, from those of a block, (T size,)."""
    return exists.reshape(-1, size)[1:]


def first_steps(rows: Any, size: int) -> Any:
    """The rows of the first steps of a block, leaves (size, ...)."""
    return jax.tree.map(lambda leaf: leaf[:size], rows)


def in_order(
    sequences: Sequences,
    configurations: int,
    restarts: int = 1,
    split: bool = False,
    dealt: np.ndarray | None = None,
) -> Order:
    """The order of sequences in equal blocks, filled up with sequences of no steps.

    Args:
        sequences: The sequences.
        configurations: Log factors of a step, C = K + K^2.
        restarts: Number of restarts that run side by side.
        split: Whether recursions hold vectors of states, and not tables of pairs.
        dealt: The sequences of each minibatch, as of `parts.deal`; one minibatch if left out.
    """
    given = sequences.horizon
    whole = dealt is None
    dealt = np.arange(sequences.count)[None] if whole else dealt
    parts, count = dealt.shape
    count = bucket_of_sequences(count, given) if whole else count
    largest = max(1, _ENTRIES // (configurations * restarts * given))
    blocks = -(-count // largest)
    size = -(-count // blocks)
    width = math.isqrt(configurations) if split else configurations
    windows = max(1, -(-given * size * width * restarts // _WINDOW))
    horizon = 1 + windows * _filled(-(-(given - 1) // windows))

    slots = in_slots(dealt, blocks * size)

    def cut(rectangle: np.ndarray) -> np.ndarray:
        filled = np.zeros((len(slots), horizon), rectangle.dtype)
        filled[slots >= 0, :given] = rectangle[slots[slots >= 0]]
        cube = filled.reshape(parts * blocks, size, horizon)
        return cube.swapaxes(1, 2).reshape(parts * blocks, horizon * size)

    return Order(cut(sequences.places()), cut(sequences.exists), size, given, windows)


def _filled(steps: int) -> int:
    """Number of steps of a window after it is filled up."""
    unit = _LONG_PIECE if steps >= _LONG else _PIECE if steps > _PIECE else 1
    return -(-steps // unit) * unit
