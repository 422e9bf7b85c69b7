"""Parameters on the boundary of their support, moved inside.

EM may end with a weight of exactly 0 or a probability of 1. In unconstrained coordinates that is
infinitely far away, where nothing pulls a sampler back. The parameter is mixed with an ordinary
value, as if one more row had been seen that is ordinary.
"""

from collections.abc import Mapping

import numpy as np

from jaxem.model.prior import Parameter

#: The largest share of the ordinary value, however few rows there are.
_MOST = 1e-2

#: An entry counts as 0 below this share of what one ordinary row would add to it.
_TINY = 1e-2

#: The same for scales and matrices, whose small values may be meant.
_VANISHING = 1e-10


def step_inside(
    parameters: tuple[Parameter, ...],
    values: Mapping[str, np.ndarray],
    homes: Mapping[str, np.ndarray],
    rows: int,
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Parameters off the boundary, and the names of those that were on it.

    Args:
        parameters: What is known of them.
        values: Parameters by dotted name.
        homes: Ordinary values of them.
        rows: How many rows were fitted.
    """
    share = min(_MOST, 1 / (1 + rows))
    out, moved = {}, []
    for p in parameters:
        value = np.asarray(values[p.name], float)
        home = np.broadcast_to(np.asarray(homes[p.name], float), value.shape)
        at_edge = _at_edge(p.kind, value, home, share)
        out[p.name] = np.where(at_edge, (1 - share) * value + share * home, value)
        if at_edge.any():
            moved.append(p.name)
    return out, tuple(moved)


def _at_edge(kind: str, value: np.ndarray, home: np.ndarray, share: float) -> np.ndarray:
    """Which entries belong to a value on the boundary, broadcastable to the parameter's shape."""
    if kind == "simplex":
        return np.any(value <= _TINY * share * home, -1, keepdims=True)
    if kind == "unit":
        return (value <= _TINY * share * home) | (1 - value <= _TINY * share * (1 - home))
    if kind == "positive":
        return value <= _VANISHING * home
    if kind == "positive_definite":
        return _is_singular(value)
    if kind == "lower_cholesky":
        return _is_singular(value @ value.mT)
    return np.zeros((), bool)


def _is_singular(matrix: np.ndarray) -> np.ndarray:
    """Whether a covariance has a correlation of one, or a variance of zero; (..., 1, 1)."""
    deviations = np.sqrt(np.maximum(np.diagonal(matrix, axis1=-2, axis2=-1), 0))
    safe = np.where(deviations > 0, deviations, 1.0)
    correlation = matrix / (safe[..., :, None] * safe[..., None, :])
    return (np.linalg.eigvalsh(correlation)[..., 0] <= _VANISHING)[..., None, None]
