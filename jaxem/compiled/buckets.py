"""Sizes that repeat, so that data of nearly as many rows, or restarts, find what was compiled.

Rows are filled up with rows of weight zero, and restarts with such as do not run.
"""

import numpy as np

#: Up to so many rows, sizes are powers of two: a step costs what it costs, whatever the rows.
_FEW = 256

#: Up to so many, they are quarters of a power of two; above, where steps cost more than compiling
#: does, sixteenths.
_MANY = 4096


def bucket(restarts: int) -> int:
    """The number, at most a quarter larger, to which so many restarts are filled up."""
    return _up(restarts, 4)


def bucket_of_rows(rows: int) -> int:
    """The number to which so many rows are filled up.

    At most twice as many, a quarter more than 256, a sixteenth more than 4096.
    """
    return _up(rows, 1 if rows <= _FEW else 4 if rows <= _MANY else 16)


def power_of_two(count: int) -> int:
    """The smallest power of two that is no smaller."""
    return 1 << max(count - 1, 0).bit_length()


def _up(count: int, parts: int) -> int:
    """Up to a multiple of so many parts of the power of two below."""
    unit = max(power_of_two(count) // (2 * parts), 1)
    return -(-count // unit) * unit


def filled(leaf: np.ndarray, size: int) -> np.ndarray:
    """An array whose first axis is filled up to a size with copies of its first entry."""
    missing = size - len(leaf)
    return leaf if not missing else np.concatenate([leaf, np.repeat(leaf[:1], missing, 0)])
