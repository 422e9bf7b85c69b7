"""Merging of equal rows into one row with their total weight; exact for any log joint.

Counts, categories and rounded measurements repeat. A random sample of two thousand rows decides
whether repetitions are worth the search; if so, rows are grouped by a hash of their bytes, and the
groups are checked byte by byte.
"""

from typing import NamedTuple

import jax
import numpy as np

from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Data

_SAMPLE = 2000
_PAYS = 0.75


class Merged(NamedTuple):
    """The distinct rows of a data set.

    Attributes:
        rows: The distinct rows, a pytree of NumPy arrays, leaves (m, ...).
        weights: Their total weights, (m,).
        place: For each of the n rows given, its index among the distinct ones, (n,); -1 for a row
            of weight zero.
    """

    rows: Data
    weights: np.ndarray
    place: np.ndarray


def merge_rows(data: Data, weights: np.ndarray) -> Merged:
    """Leave out rows without weight, and merge equal ones if that saves a quarter or more.

    The number of rows is rounded up with copies of weight zero, so that data sets of equal shape
    mostly keep equal shapes, and are not compiled for anew.

    Args:
        data: A pytree of NumPy arrays with n rows.
        weights: Row weights, (n,).

    Returns:
        The distinct rows; the arguments themselves where nothing is saved.
    """
    present = np.flatnonzero(weights > 0)
    first, group = np.arange(len(present)), np.arange(len(present))
    if _repeats(data, present):
        first, group = _groups(take_rows(data, present))
    size = _rounded_up(len(first))
    if size > _PAYS * len(weights) and len(present) == len(weights):
        return Merged(data, weights, np.arange(len(weights)))
    total = np.bincount(group, weights=weights[present], minlength=size).astype(weights.dtype)
    kept = np.concatenate([present[first], np.full(size - len(first), present[0])])
    place = np.full(len(weights), -1)
    place[present] = group
    return Merged(take_rows(data, kept), total, place)


def _repeats(data: Data, present: np.ndarray) -> bool:
    """Whether at least a quarter of the rows of a random sample are repetitions."""
    if len(present) <= _SAMPLE:
        return True
    sample = np.random.default_rng(0).choice(present, _SAMPLE, replace=False)
    return len(_groups(take_rows(data, sample))[0]) <= _PAYS * _SAMPLE


def _groups(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """The first row of each group of equal rows, and the group of each row."""
    words = _words(data)
    codes = _hash(words)
    _, first, group = np.unique(codes, return_index=True, return_inverse=True)
    if np.array_equal(words, words[first[group]]):
        return first, group
    _, first, group = np.unique(words, axis=0, return_index=True, return_inverse=True)
    return first, group.ravel()


def _words(data: Data) -> np.ndarray:
    """The bytes of each row as 64-bit words, (n, words)."""
    count = row_count(data)
    columns = [
        np.ascontiguousarray(leaf).reshape(count, -1).view(np.uint8).reshape(count, -1)
        for leaf in jax.tree.leaves(data)
    ]
    width = sum(c.shape[1] for c in columns)
    filler = np.zeros((count, -width % 8), np.uint8)
    return np.ascontiguousarray(np.concatenate([*columns, filler], 1)).view(np.uint64)


def _hash(words: np.ndarray) -> np.ndarray:
    """One 64-bit number a row: multiply, shift and add, word by word."""
    code = np.zeros(len(words), np.uint64)
    with np.errstate(over="ignore"):
        for word in words.T:
            code = (code ^ word) * np.uint64(0x9E3779B97F4A7C15)
            code ^= code >> np.uint64(29)
    return code


def _rounded_up(count: int) -> int:
    """The count rounded up to one of eight sizes between powers of two, a multiple of 16."""
    unit = max(16, 2 ** max(count.bit_length() - 4, 0))
    return -(-count // unit) * unit
