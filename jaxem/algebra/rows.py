"""The planning rows: a few dozen rows, among them those with extreme and rarest values.

Far values are found by quartiles, as mean and variance are not robust to a single far value.
"""

from collections.abc import Iterable, Iterator

import jax
import numpy as np

from jaxem.compiled.buckets import bucket_of_rows
from jaxem.model.prior import Parameter
from jaxem.numerics.rows import row_count, take_rows
from jaxem.supports import Matrices
from jaxem.types import Data

_EXTREME = 32

#: The number of planning rows, unless a matrix needs more.
_PLANNING = 96

#: Planning rows for each row of the largest covariance: with fewer, its maximiser is singular.
_EACH = 1.5

_FAR = 6.0
_NORMAL = 1.349  # interquartile range of a standard normal
_FAINT = 1e-9


def planning_size(parameters: Iterable[Parameter]) -> int:
    """The largest number of planning rows of a model with these parameters."""
    widths = (p.shape[-1] for p in parameters if isinstance(p.support, Matrices))
    largest = max(widths, default=0)
    return max(_PLANNING, bucket_of_rows(int(_EACH * largest)))


def planning_rows(data: Data, weights: np.ndarray, size: int = _PLANNING) -> Data:
    """Rows of positive weight on which a plan is made.

    Args:
        data: A pytree of NumPy arrays with n rows.
        weights: Row weights, shape (n,).
        size: Largest number of rows.

    Returns:
        At most so many rows, as a pytree of NumPy arrays.
    """
    present = np.flatnonzero(np.asarray(weights) > 0)
    if len(present) <= size:
        return take_rows(data, present)
    rng = np.random.default_rng(0)
    extreme = _extreme_rows(take_rows(data, present))
    random = rng.choice(len(present), size - _EXTREME, replace=False)
    return take_rows(data, present[np.unique(np.concatenate([random, extreme]))])


def _extreme_rows(data: Data) -> np.ndarray:
    """Rows that hold an extreme or a rarest value of some column."""
    found: list[int] = []
    for leaf in jax.tree.leaves(data):
        columns = np.asarray(leaf).reshape(row_count(data), -1)
        for column in columns.T[:_EXTREME]:
            found += [int(column.argmin()), int(column.argmax())]
            levels, counts = np.unique(column, return_counts=True)
            rarest = levels[counts.argmin()]
            # Looked up afterwards: `unique` sorts several times slower if it also gives indices.
            found.append(
                int(np.argmax((column == rarest) | (column != column) & (rarest != rarest)))
            )
    order = list(dict.fromkeys(found))
    return np.asarray(order[:_EXTREME], int)


def ordinary_rows(data: Data) -> np.ndarray:
    """Weights of rows, (n,): 1, and 1e-9 for rows with a far value in some column.

    If more than half of the rows have a far value, all weights are 1.
    """
    far = np.zeros(row_count(data), bool)
    for column in columns_of(data):
        far |= clip_far(column) != column
    return np.where(far & (far.mean() <= 0.5), _FAINT, 1.0)


def columns_of(data: Data) -> Iterator[np.ndarray]:
    """Every column of every leaf."""
    for leaf in jax.tree.leaves(data):
        yield from np.asarray(leaf).reshape(row_count(data), -1).T


def clip_far(column: np.ndarray) -> np.ndarray:
    """The column, clipped to six robust standard deviations from the median."""
    column = column.astype(float)
    known = column[np.isfinite(column)]
    if not len(known):
        return column
    low, median, high = np.quantile(known, (0.25, 0.5, 0.75))
    deviation = (high - low) / _NORMAL
    if not deviation > 0:  # more than half of the values are equal: use the others
        others = np.abs(known[known != median] - median)
        deviation = np.median(others) if len(others) else 0.0
    reach = _FAR * deviation
    return np.clip(column, median - reach, median + reach) if deviation > 0 else column
