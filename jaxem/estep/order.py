"""Sequences in equal blocks, time first, so that a recursion runs over many of them at once."""

import math
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxem.estep.parts import in_slots
from jaxem.model.sequences import Sequences
from jaxem.types import Data

#: Log factors that one block of sequences may hold, over all restarts.
_ENTRIES = 2**23

#: Numbers in an array that a recursion over a block may hold, over all restarts; with more, time is
#: cut into windows.
_WINDOW = 2**21

#: The steps of a window are filled up to a multiple of the first, or of the second if they are as
#: many as the third, so that recursions can cut them into equal parts.
_PIECE, _LONG_PIECE, _LONG = 32, 1024, 2**14


class Order(NamedTuple):
    """Which step stands where; a block is the first steps of its sequences, the second, ...

    Attributes:
        index: Steps, (blocks, T size); a step of some sequence where there is none.
        exists: Whether there is a step, of the same shape.
        size: Sequences a block.
        horizon: Time axis of the rectangle that was cut.
        windows: How often the steps after a start are cut, to bound memory.
    """

    index: np.ndarray
    exists: np.ndarray
    size: int
    horizon: int
    windows: int

    @property
    def filling(self) -> int:
        """Steps that no sequence has, at the end of the time axis of a block."""
        return self.index.shape[1] // self.size - self.horizon

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


def first_steps(rows: Any, size: int) -> Any:
    """The rows of the first steps of a block."""
    return jax.tree.map(lambda leaf: leaf[:size], rows)


def in_order(
    sequences: Sequences,
    configurations: int,
    restarts: int = 1,
    split: bool = False,
    dealt: np.ndarray | None = None,
) -> Order:
    """Cut sequences into equal blocks; the last is filled with sequences of no steps.

    Args:
        sequences: The sequences.
        configurations: Log factors that each step brings with it, S + S^2.
        restarts: Restarts that run at once.
        split: Whether recursions hold vectors of states, and not tables of pairs.
        dealt: The sequences of each minibatch, see `parts.deal`; all in one if left out.
    """
    given = sequences.horizon
    dealt = np.arange(sequences.count)[None] if dealt is None else dealt
    parts, count = dealt.shape
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
    """Steps of a window, and those that fill it up."""
    unit = _LONG_PIECE if steps >= _LONG else _PIECE if steps > _PIECE else 1
    return -(-steps // unit) * unit
