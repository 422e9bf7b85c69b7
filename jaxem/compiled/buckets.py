"""Buckets: sizes to which rows and restarts are filled up, so that compiled programs are reused.

Rows are filled up with rows of weight zero, sequences with sequences of no steps, and restarts with
restarts that do not run.
"""

import numpy as np

#: Up to so many rows, sizes are powers of two: the time of a step hardly depends on the rows.
_FEW = 256

#: Up to so many, they are quarters of a power of two; above, where steps cost more than compiling
#: does, sixteenths.
_MANY = 4096


def bucket(restarts: int) -> int:
    """The bucket of a number of restarts, at most a quarter larger."""
    return _up(restarts, 4)


def bucket_of_rows(rows: int) -> int:
    """The bucket of a number of rows.

    It is at most twice as large up to 256, a quarter larger up to 4096, and a sixteenth above.
    """
    return _up(rows, 1 if rows <= _FEW else 4 if rows <= _MANY else 16)


def bucket_of_sequences(sequences: int, steps: int) -> int:
    """The bucket of a number of sequences, each of at most so many steps.

    It is at most twice as large where sequences and steps are few, and else a quarter larger; a
    single sequence stays alone.
    """
    return _up(sequences, 1 if sequences * steps <= _MANY else 4)


def power_of_two(count: int) -> int:
    """The smallest power of two that is at least the count."""
    return 1 << max(count - 1, 0).bit_length()


def _up(count: int, parts: int) -> int:
    """The count rounded up to a multiple of the power of two below it, divided by `parts`."""
    unit = max(power_of_two(count) // (2 * parts), 1)
    return -(-count // unit) * unit


def filled(leaf: np.ndarray, size: int) -> np.ndarray:
    """An array whose first axis is filled up to a size with copies of its first entry."""
    missing = size - len(leaf)
    return leaf if not missing else np.concatenate([leaf, np.repeat(leaf[:1], missing, 0)])
