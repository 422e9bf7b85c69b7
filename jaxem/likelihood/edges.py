"""Which entries of a parameter lie on the boundary of its support.

A maximum there is no stationary point, and has no curvature to speak of. A probability counts as 0
below a hundredth of what one ordinary row would add to it; a scale or a matrix, whose small values
may be meant, only where it vanishes.
"""

import numpy as np

#: An entry counts as 0 below this share of what one ordinary row would add to it.
_TINY = 1e-2

#: The same for scales and matrices, against an ordinary value.
_VANISHING = 1e-10


def at_edge(kind: str, value: np.ndarray, home: np.ndarray, share: float) -> np.ndarray:
    """Which entries are on the boundary, of the parameter's shape; of a matrix, all or none.

    Args:
        kind: The family of the support.
        value: The parameter.
        home: An ordinary value of it.
        share: What one row counts for among all.
    """
    home = np.broadcast_to(home, value.shape)
    if kind == "simplex":
        return value <= _TINY * share * home
    if kind == "unit":
        return (value <= _TINY * share * home) | (1 - value <= _TINY * share * (1 - home))
    if kind == "positive":
        return value <= _VANISHING * home
    if kind == "positive_definite":
        return np.broadcast_to(_is_singular(value), value.shape)
    if kind == "lower_cholesky":
        return np.broadcast_to(_is_singular(value @ value.mT), value.shape)
    return np.zeros(value.shape, bool)


def _is_singular(matrix: np.ndarray) -> np.ndarray:
    """Whether a covariance has a correlation of one, or a variance of zero; (..., 1, 1)."""
    deviations = np.sqrt(np.maximum(np.diagonal(matrix, axis1=-2, axis2=-1), 0))
    safe = np.where(deviations > 0, deviations, 1.0)
    correlation = matrix / (safe[..., :, None] * safe[..., None, :])
    return (np.linalg.eigvalsh(correlation)[..., 0] <= _VANISHING)[..., None, None]
