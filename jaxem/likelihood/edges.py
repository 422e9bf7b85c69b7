"""Which entries of a parameter lie on the boundary of its support.

A maximum there is no stationary point, and has no curvature to speak of. A probability counts as 0
below a hundredth of what one ordinary row would add to it; a scale or a matrix, whose small values
may be meant, only where it vanishes.

What starts there again (a sampler, a refit) would never leave: such a parameter is mixed with an
ordinary value, as if one more row had been seen that is ordinary.
"""

from collections.abc import Mapping

import numpy as np

from jaxem.model.prior import Parameter
from jaxem.numerics.symmetric import spectrum

#: The largest share of the ordinary value that a start is mixed with, however few rows there are.
_MOST = 1e-2

#: An entry counts as 0 below this share of what one ordinary row would add to it.
_TINY = 1e-2

#: The same for scales and matrices, against an ordinary value.
_VANISHING = 1e-10

#: And for a coordinate of any other support, against a move in its middle.
_SATURATED = 1e-6


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


def held_coordinates(p: Parameter, u: np.ndarray) -> np.ndarray:
    """Unconstrained coordinates so far out that the value stays on its boundary, (...).

    For a support without a chart of its own (an interval, an order, a correlation): a coordinate
    counts as out there if a move by a unit inwards changes the value by next to nothing, beside
    what it does in the middle of the support.
    """
    here = np.asarray(p.from_real(u), float)
    each = np.eye(u.size).reshape(u.size, *u.shape)
    middle = np.where(each > 0, 0.0, u)
    moved, start, beside = (
        np.asarray(p.from_real(some), float).reshape(u.size, -1)
        for some in (u - each * np.where(u < 0, -1.0, 1.0), middle, middle + each)
    )
    change = np.abs(moved - here.ravel()).max(1, initial=0.0)
    return (change <= _SATURATED * np.abs(beside - start).max(1, initial=0.0)).reshape(u.shape)


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
        if p.kind in ("simplex", "unit"):  # of a single state home may be on the boundary itself
            home = (home + np.asarray(p.center(), float)) / 2
        edge = at_edge(p.kind, value, home, share)
        if p.kind == "simplex":  # all its entries move, or they would not sum to one
            edge = np.any(edge, -1, keepdims=True)
        out[p.name] = np.where(edge, (1 - share) * value + share * home, value)
        if edge.any():
            moved.append(p.name)
    return out, tuple(moved)


def _is_singular(matrix: np.ndarray) -> np.ndarray:
    """Whether a covariance has a correlation of one, or a variance of zero; (..., 1, 1)."""
    return (spectrum(matrix)[0][..., 0] <= _VANISHING)[..., None, None]
