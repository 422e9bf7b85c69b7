"""Columns for distances between rows: robust to far values and to units.

Numbers are clipped at a few robust deviations from the median and then standardised, so that one
value of a million does not make all other rows one point. Small codes become indicators of their
levels. Clipped rows are returned too: in a start they belong to one state alone, as a tenth of a
far value would outweigh all other rows of a state.
"""

import numpy as np

from jaxem.algebra.rows import clip_far, columns_of
from jaxem.numerics.rows import row_count
from jaxem.types import Data

_LEVELS = 24


def distance_columns(data: Data, clipped: bool, coded: bool) -> tuple[np.ndarray, np.ndarray]:
    """Columns (n, d), and which rows have a far value, (n,).

    Args:
        data: Rows, NumPy leaves.
        clipped: Whether far values are clipped.
        coded: Whether small integers are levels without an order, not numbers.
    """
    far = np.zeros(row_count(data), bool)
    blocks = [np.zeros((row_count(data), 0))]
    for column in columns_of(data):
        if column.dtype.kind in "biu" and coded and _is_code(column):
            blocks.append((column[:, None] == np.unique(column)).astype(float))
            continue
        column = column.astype(float)
        near = clip_far(column)
        far |= near != column
        blocks.append(_standardised(near if clipped else column))
    return np.concatenate(blocks, axis=1), far


def _is_code(column: np.ndarray) -> bool:
    """Whether integers can be levels: there are a few, and none is larger than a few."""
    return 2 < len(np.unique(column)) <= _LEVELS and column.min() >= -1 and column.max() < _LEVELS


def _standardised(column: np.ndarray) -> np.ndarray:
    """The column with mean 0 and variance 1, (n, 1), not finite values at 0; (n, 0) if constant."""
    known = np.isfinite(column)
    values = column[known]
    spread = values.std() if len(values) else 0.0
    if not spread > 1e-12 * np.abs(values).max(initial=0.0):
        return np.zeros((len(column), 0))
    return np.where(known, (column - values.mean()) / spread, 0.0)[:, None]
