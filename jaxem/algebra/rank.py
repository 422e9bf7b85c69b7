r"""The dimension of a space of functions, from samples of them.

The log joint at one parameter draw and one state is a function of the row; its values at s sample
rows are a column. If all such functions lie in a space of dimension r, then, but for rounding, so
do the columns. Pivoted QR orders the rows so that each is the farthest from the span of those
before; its distance, a pivot, is on the diagonal of R, and after r rows drops to rounding. For an
exponential family it drops by twelve orders of magnitude from one pivot to the next. For other
smooth densities the pivots decay without a gap, and for one with a kink they do not decay to
rounding: both are refused.
"""

import dataclasses
from typing import Any

import numpy as np
import scipy.linalg

#: The pivot after the last of a space of finite dimension is smaller by this factor.
GAP = 1e10

_SMALL = 1e-8
_ROUNDING = 1e-17


@dataclasses.dataclass(frozen=True)
class Standard:
    """Standardisation of columns: centred, scaled, constants left out, a column of ones in front.

    The ones are always in the space: terms that depend on the parameters alone.

    Attributes:
        mean: Mean of each column of the sample, (M,).
        scale: Largest distance from it, (M,).
        kept: Which columns vary.
    """

    mean: np.ndarray
    scale: np.ndarray
    kept: np.ndarray

    @classmethod
    def of(cls, columns: np.ndarray) -> "Standard":
        """The standardisation of the columns of a sample, shape (s, M)."""
        mean = columns.mean(0)
        scale = np.abs(columns - mean).max(0)
        size = np.abs(columns).max(0)
        return cls(mean, scale, scale > 1e-14 * size)

    def __call__(self, columns: np.ndarray) -> np.ndarray:
        """Standard columns, with ones in front."""
        varying = (columns - self.mean)[:, self.kept] / self.scale[self.kept]
        return np.concatenate([np.ones((len(columns), 1)), varying], 1)


@dataclasses.dataclass(frozen=True)
class Rank:
    """The rank of sampled columns, and the pivots' gap on which it rests.

    Attributes:
        value: Number of pivots before the widest gap, or of all if there is none.
        gap: Ratio of the last pivot before the gap to the next; 0 if no pivot is small.
        last: The smallest pivot over the largest.
        order: Rows, in the order of the pivots.
    """

    value: int
    gap: float
    last: float
    order: np.ndarray

    @property
    def clear(self) -> bool:
        """Whether the gap is that of a space of finite dimension."""
        return self.gap > GAP

    @property
    def decays(self) -> bool:
        """Whether the pivots get small without a gap: a smooth function of no finite dimension."""
        return self.last < 1e-7 and self.gap < 1e8


def find_rank(standard: np.ndarray) -> Rank:
    """The rank of standard columns, shape (s, M)."""
    factors: Any = scipy.linalg.qr(standard.T, mode="r", pivoting=True)
    upper, order = factors
    pivots = np.abs(np.diag(upper))
    pivots = np.maximum(pivots / pivots[0], _ROUNDING)
    drops = np.where(pivots[1:] < _SMALL, pivots[:-1] / pivots[1:], 0.0)
    if not drops.any():
        return Rank(len(pivots), 0.0, float(pivots[-1]), order)
    widest = int(np.argmax(drops))
    return Rank(widest + 1, float(drops[widest]), float(pivots[-1]), order)
