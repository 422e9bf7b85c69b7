"""Which rows a plan is made on: a few dozen, among them the extremes and the rarest values."""

import jax
import numpy as np

from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Data

_RANDOM = 64
_SPECIAL = 32


def planning_count(count: int) -> int:
    """The largest number of planning rows of a data set with so many rows."""
    return min(count, _RANDOM + _SPECIAL)


def planning_rows(data: Data, weights: np.ndarray) -> Data:
    """Rows of positive weight that stand for the data while a plan is made.

    Args:
        data: A pytree of NumPy arrays with n rows.
        weights: Row weights, shape (n,).

    Returns:
        At most 96 rows, as a pytree of NumPy arrays.
    """
    present = np.flatnonzero(np.asarray(weights) > 0)
    if len(present) <= _RANDOM + _SPECIAL:
        return take_rows(data, present)
    rng = np.random.default_rng(0)
    special = _special(take_rows(data, present))
    random = rng.choice(len(present), _RANDOM, replace=False)
    return take_rows(data, present[np.unique(np.concatenate([random, special]))])


def _special(data: Data) -> np.ndarray:
    """Rows that hold an extreme or a rarest value of some column."""
    found: list[int] = []
    for leaf in jax.tree.leaves(data):
        columns = np.asarray(leaf).reshape(row_count(data), -1)
        for column in columns.T[:_SPECIAL]:
            found += [int(column.argmin()), int(column.argmax())]
            _, where, counts = np.unique(column, return_index=True, return_counts=True)
            found.append(int(where[counts.argmin()]))
    order = list(dict.fromkeys(found))
    return np.asarray(order[:_SPECIAL], int)
